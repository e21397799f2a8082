"""Creating, starting, listing, searching and changing chats."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from simulator import Simulator

from .conftest import Answer, Client, Connect

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"


async def start(client: Client, account: str = "whatsapp", **user: str) -> Answer:
    body = {"accountID": account, "user": user}
    return await client("POST", "/v1/chats/start", json=body)


def people(chat: Any) -> list[str]:
    return [person.get("fullName") for person in chat["participants"]["items"]]


@pytest.mark.parametrize(
    ("account", "user", "chat_id"),
    [
        ("whatsapp", {"phoneNumber": "+15550101002"}, KIM),
        ("whatsapp", {"phoneNumber": "00 1 555 010-1002"}, KIM),
        ("whatsapp", {"id": "@whatsapp_15550101002:beeper.com"}, KIM),
        ("whatsapp", {"id": "15550101002"}, KIM),
        ("whatsapp", {"id": "15550101002", "username": "nobody"}, KIM),
        ("telegram", {"username": "@alex_r"}, "!aLexTeLegram:beeper.com"),
        (
            "local-whatsapp_ba_Sample",
            {"phoneNumber": "+15550101002"},
            "!whatsapp_15550101002:ba_Sample.local-whatsapp.localhost",
        ),
        ("imessage", {"phoneNumber": "+15550104001"}, "imsg##thread:15550104001"),
    ],
)
async def test_start_finds_the_chat(
    connect: Connect, account: str, user: dict[str, str], chat_id: str
) -> None:
    answer = await start(await connect(), account, **user)
    assert (answer.json["id"], answer.json["status"]) == (chat_id, "existing")


async def test_start_with_a_known_person_without_a_chat(connect: Connect) -> None:
    client = await connect()
    chat = (await start(client, "slackgo.TEAM-USER", email="dana@work.example")).json
    assert (chat["status"], chat["title"], chat["type"]) == (
        "created",
        "Dana Cole",
        "single",
    )
    again = (await start(client, "slackgo.TEAM-USER", username="dana")).json
    assert (again["id"], again["status"]) == (chat["id"], "existing")


async def test_start_with_a_stranger(connect: Connect) -> None:
    client = await connect()
    chat = (await start(client, phoneNumber="+44 20 7946 0000", fullName="Lee")).json
    assert (chat["status"], chat["title"]) == ("created", "Lee")
    assert people(chat) == ["Lee", "Sam Sample"]
    assert chat["participants"]["items"][0]["phoneNumber"] == "+442079460000"
    assert chat["participants"]["items"][1]["isSelf"]
    contacts = await client("GET", "/v1/accounts/whatsapp/contacts?query=Lee")
    assert len(contacts.json["items"]) == 1


@pytest.mark.parametrize(
    ("account", "user", "status", "text"),
    [
        ("whatsapp", {"phoneNumber": "+15550101006"}, 403, "cannot be messaged"),
        ("whatsapp", {"phoneNumber": "+15550109999"}, 404, "User not found"),
        ("whatsapp", {"phoneNumber": "5550101002"}, 404, "User not found"),
        ("whatsapp", {"username": "nobody"}, 404, "User not found"),
        ("slackgo.TEAM-USER", {"phoneNumber": "+15550107777"}, 404, "User not found"),
        ("nowhere", {"id": "x"}, 404, "Account not found"),
        ("whatsapp", {"fullName": "Kim"}, 400, "At least one of"),
        ("whatsapp", {"id": 7}, 400, "Expected string, received number"),
    ],
)
async def test_start_refused(
    connect: Connect, account: str, user: dict[str, Any], status: int, text: str
) -> None:
    client = await connect()
    answer = await start(client, account, **user)
    assert answer.status == status
    assert text in answer.text
    assert set(answer.json) >= {"message", "code"}
    assert not client.sim.executed


async def test_start_sends_the_first_message(connect: Connect) -> None:
    client = await connect()
    body = {
        "accountID": "whatsapp",
        "user": {"phoneNumber": "+15550101002"},
        "messageText": "hello",
    }
    await client("POST", "/v1/chats/start", json=body)
    message = client.sim.world.chats[KIM].messages[-1]
    assert (message.text, message.sender.is_self) == ("hello", True)


async def test_create(connect: Connect) -> None:
    client = await connect()
    body = {
        "accountID": "whatsapp",
        "participantIDs": ["15550101002", "+15550101003", "@new:beeper.com"],
        "type": "group",
        "title": "Trip",
        "messageText": "Welcome",
    }
    chat = (await client("POST", "/v1/chats", json=body)).json
    assert (chat["title"], chat["type"]) == ("Trip", "group")
    assert people(chat) == ["Kim", "Alex Rivera", None, "Sam Sample"]
    listed = (await client("GET", "/v1/chats")).json["items"][0]
    assert listed["id"] == chat["id"]
    assert listed["preview"]["text"] == "<p>Welcome</p>"
    by_local_id = await client("GET", f"/v1/chats/{chat['localChatID']}")
    assert by_local_id.json["id"] == chat["id"]


async def test_create_makes_a_new_chat_each_time(connect: Connect) -> None:
    client = await connect()
    body = {"accountID": "whatsapp", "participantIDs": ["15550101002"]}
    made = [
        (await client("POST", "/v1/chats", json={**body, "type": "single"})).json["id"]
        for _ in range(2)
    ]
    assert len({*made, KIM}) == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["body", "accountID"]),
        ({"accountID": "whatsapp", "participantIDs": []}, ["body", "participantIDs"]),
        ({"participantIDs": ["a:b", 3]}, ["body", "participantIDs", 1]),
        ({"type": "both"}, ["body", "type"]),
        ({"messageText": None}, ["body", "messageText"]),
        (
            {
                "accountID": "whatsapp",
                "participantIDs": ["15550101002", "15550101003"],
                "type": "single",
            },
            ["body", "participantIDs"],
        ),
        ([], ["body"]),
        ("x", ["body"]),
    ],
)
async def test_create_invalid(
    connect: Connect, body: object, path: list[str | int]
) -> None:
    client = await connect()
    answer = await client("POST", "/v1/chats", json=body)
    assert (answer.status, answer.json["code"]) == (400, "VALIDATION_ERROR")
    assert path in [issue["path"] for issue in answer.json["details"]["issues"]]
    assert not client.sim.executed


async def test_create_with_an_unknown_person(connect: Connect) -> None:
    client = await connect()
    body = {"accountID": "whatsapp", "participantIDs": ["nobody"], "type": "single"}
    answer = await client("POST", "/v1/chats", json=body)
    assert (answer.status, answer.json["message"]) == (404, "User not found")


async def test_broken_json(connect: Connect) -> None:
    client = await connect()
    answer = await client("POST", "/v1/chats", data=b'{"accountID": ')
    assert (answer.status, answer.json["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("delivery", ["FAIL_RETRIABLE", "FAIL_PERMANENT"])
async def test_first_message_fails_later(connect: Connect, delivery: Any) -> None:
    client = await connect()
    client.sim.world.accounts["whatsapp"].delivery = delivery
    body = {"accountID": "whatsapp", "participantIDs": ["15550101002"]}
    chat = await client(
        "POST", "/v1/chats", json={**body, "type": "single", "messageText": "hi"}
    )
    client.sim.world.settle()
    messages = await client("GET", f"/v1/chats/{chat.json['id']}/messages")
    status = messages.json["items"][0]["sendStatus"]
    assert status["status"] == delivery
    assert status["reason"]


async def test_first_message_refused(connect: Connect) -> None:
    client = await connect()
    client.sim.world.accounts["whatsapp"].delivery = "refuse"
    body = {"accountID": "whatsapp", "participantIDs": ["15550101002"]}
    answer = await client(
        "POST", "/v1/chats", json={**body, "type": "single", "messageText": "hi"}
    )
    assert (answer.status, answer.json["code"]) == (500, "INTERNAL_ERROR")
    assert len(client.sim.executed) == 1
    newest = client.sim.world.recent_chats()[0]
    assert (newest.title, newest.messages) == ("Kim", [])
    sent = await client("POST", f"/v1/chats/{KIM}/messages", json={"text": "hi"})
    assert sent.status == 502


async def pages(client: Client, path: str, cursor: str = "oldestCursor") -> list[Any]:
    """Walk a list to its end."""
    found, page = [], (await client("GET", path)).json
    while True:
        found.append([item["id"] for item in page["items"]])
        if not page["hasMore"]:
            return found
        page = (await client("GET", f"{path}&cursor={page[cursor]}")).json


async def test_paging(connect: Connect) -> None:
    client = await connect(chats=60)
    forward = await pages(client, "/v1/chats?direction=before")
    assert [len(page) for page in forward] == [25, 25, 10]
    everything = [chat_id for page in forward for chat_id in page]
    assert len(set(everything)) == 60
    assert everything == [chat.id for chat in client.sim.world.recent_chats()]

    last = (await client("GET", "/v1/chats?limit=200")).json["oldestCursor"]
    back = await client("GET", f"/v1/chats?direction=after&cursor={last}")
    assert [item["id"] for item in back.json["items"]] == everything[34:59]
    assert back.json["hasMore"]


async def test_paging_while_something_happens(connect: Connect) -> None:
    client = await connect(chats=60)
    page = (await client("GET", "/v1/chats")).json
    oldest = client.sim.world.recent_chats()[-1]
    client.sim.incoming(oldest.id, None, "back to the top")
    rest = (await client("GET", f"/v1/chats?cursor={page['oldestCursor']}")).json
    new = (
        await client("GET", f"/v1/chats?cursor={page['newestCursor']}&direction=after")
    ).json
    seen = [item["id"] for item in page["items"] + rest["items"]]
    assert len(seen) == len(set(seen)) == 50
    assert [item["id"] for item in new["items"]] == [oldest.id]
    assert not new["hasMore"]


@pytest.mark.parametrize(
    "query",
    [
        "direction=sideways",
        "cursor=nonsense",
        "limit=0",
        "limit=201",
        "limit=many",
        "cursor=12345",
    ],
)
async def test_bad_paging(connect: Connect, query: str) -> None:
    answer = await (await connect())("GET", f"/v1/chats?{query}")
    assert (answer.status, answer.json["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("query=alex", ["Alex Rivera", "Alex Rivera"]),
        ("query=ALEX%20telegram", ["Alex Rivera"]),
        ("query=kim&scope=participants&type=group", ["Family 🏡"]),
        ("query=5550102003&scope=participants", ["נועה לוי"]),
        ("type=group&includeMuted=false", ["Family 🏡"]),
        ("unreadOnly=true", ["Family 🏡"]),
        ("accountIDs=signal&accountIDs=imessage", ["Jordan Lee", "Grandma"]),
        ("labelID=home", ["Family 🏡"]),
        ("inbox=archive", []),
        ("lastActivityAfter=2200-01-01T00:00:00Z", []),
        ("lastActivityBefore=2001-01-01T00:00:00%2B01:00", []),
    ],
)
async def test_search(connect: Connect, query: str, titles: list[str]) -> None:
    answer = await (await connect())("GET", f"/v1/chats/search?{query}")
    assert [chat["title"] for chat in answer.json["items"]] == titles


@pytest.mark.parametrize(
    "query", ["limit=x", "scope=x", "inbox=x", "unreadOnly=yes", "lastActivityAfter=x"]
)
async def test_search_invalid(connect: Connect, query: str) -> None:
    answer = await (await connect())("GET", f"/v1/chats/search?{query}")
    assert answer.status == 400
    if query == "query=":
        [issue] = answer.json["details"]["issues"]
        assert issue["message"] == "String must contain at least 1 character(s)"


async def test_changes(connect: Connect) -> None:
    client = await connect()
    path = f"/v1/chats/{KIM}"
    changed = await client(
        "PATCH",
        path,
        json={
            "isPinned": True,
            "isMuted": True,
            "isLowPriority": True,
            "title": "K.",
            "description": "x",
            "messageExpirySeconds": 60,
        },
    )
    assert changed.json["title"] == "K."
    assert changed.json["messageExpirySeconds"] == 60
    cleared = await client("PATCH", path, json={"description": None})
    assert cleared.json["description"] is None
    reminded = {"reminder": {"remindAt": "2026-01-01T10:00:00Z"}}
    await client("POST", f"{path}/reminders", json=reminded)
    assert (await client("GET", path)).json["reminder"] == reminded["reminder"]
    await client("DELETE", f"{path}/reminders")
    assert (await client("GET", path)).json["reminder"] is None
    await client("POST", f"{path}/archive", json={"archived": True})
    assert (await client("GET", path)).json["isArchived"]
    assert (
        await client("PATCH", path, json={"messageExpirySeconds": -1})
    ).status == 400
    assert (await client("PATCH", "/v1/chats/nowhere", json={})).status == 404
    assert (await client("POST", f"{path}/notify-anyway", json={})).status == 400


async def test_a_draft_is_cleared_before_the_next(connect: Connect) -> None:
    client = await connect()
    path = f"/v1/chats/{KIM}"
    first = await client("PATCH", path, json={"draft": {"text": "a"}})
    assert first.json["draft"] == {"text": "a"}
    assert (await client("PATCH", path, json={"draft": {"text": "b"}})).status == 400
    assert (await client("PATCH", path, json={"draft": None})).json["draft"] is None
    assert (await client("PATCH", path, json={"draft": {"text": "b"}})).status == 200


async def test_a_draft_keeps_known_details_of_its_attachments(
    connect: Connect,
) -> None:
    client = await connect()
    size = {"width": 3, "height": 4}
    given = {
        "a": {"uploadID": "upload-1", "type": "gif", "size": size},
        "b": {"uploadID": "upload-2", "type": "voice-note", "duration": 2},
        "c": {"uploadID": "upload-3", "mimeType": "image/png", "fileName": "c.png"},
    }
    body = {"draft": {"text": "a", "attachments": given}}
    answer = await client("PATCH", f"/v1/chats/{KIM}", json=body)
    assert answer.json["draft"]["attachments"] == {
        "a": {"id": "a", "type": "gif", "size": size},
        "b": {"id": "b", "type": "recorded_audio", "audioDurationSeconds": 2},
        "c": {"id": "c", "type": "file", "mimeType": "image/png", "fileName": "c.png"},
    }


@pytest.mark.parametrize("html", [False, True])
async def test_drafts_html(connect: Connect, html: bool) -> None:
    client = await connect(traits=["drafts_html"] if html else [])
    body = {"draft": {"text": "**a** <b>"}}
    answer = await client("PATCH", f"/v1/chats/{KIM}", json=body)
    assert answer.json["draft"]["text"] == (
        "<p><strong>a</strong> &lt;b&gt;</p>" if html else "**a** <b>"
    )


async def test_a_title_that_is_cleared_is_the_usual_one(connect: Connect) -> None:
    client = await connect()
    path = "/v1/chats/!tEamSlack:beeper.com"
    assert (await client("GET", path)).json["title"] == "Team"
    cleared = await client("PATCH", path, json={"title": None})
    assert cleared.json["title"] == "Dana Cole, Ravi Shah"


async def test_empty_query_values_are_unset(connect: Connect) -> None:
    client = await connect()
    query = "query=&unreadOnly=&limit=&cursor=&accountIDs="
    answer = await client("GET", f"/v1/chats/search?{query}")
    assert (answer.status, len(answer.json["items"])) == (200, 10)
    required = await client("GET", "/v1/accounts/whatsapp/contacts?query=")
    assert required.status == 400


async def test_capability_keys(connect: Connect) -> None:
    chat = (await (await connect())("GET", f"/v1/chats/{KIM}")).json
    assert chat["capabilities"]["formatting"]["inline_code"] == 2
    assert chat["capabilities"]["attachments"].keys() == {"m.image", "m.file"}


async def test_typing(connect: Connect) -> None:
    client = await connect()
    assert (await client("POST", f"/v1/chats/{KIM}/typing", json={})).status == 204
    assert (await client("POST", "/v1/chats/!no/typing", json={})).status == 404


async def test_read_and_unread(connect: Connect) -> None:
    client = await connect()
    client.sim.incoming(KIM, None, "one")
    second = client.sim.incoming(KIM, None, "two")
    path = f"/v1/chats/{KIM}"
    assert (await client("GET", path)).json["unreadCount"] == 2
    before = client.sim.world.chats[KIM].messages[-2].id
    part = await client("POST", f"{path}/read", json={"messageID": before})
    assert part.json["unreadCount"] == 1
    rest = await client("POST", f"{path}/read", json={})
    assert rest.json["unreadCount"] == 0
    assert rest.json["lastReadMessageSortKey"] == second["sortKey"]
    assert (await client("POST", f"{path}/unread", json={})).json["isMarkedUnread"]


async def test_contacts(connect: Connect) -> None:
    client = await connect()

    async def found(query: str) -> list[str]:
        answer = await client("GET", f"/v1/accounts/whatsapp/contacts?query={query}")
        return [person["id"] for person in answer.json["items"]]

    assert len(await found("rivera")) == 1
    assert await found("%2B15550101002") == ["@whatsapp_15550101002:beeper.com"]
    assert await found("%2B15550107777") == ["@whatsapp_15550107777:beeper.com"]
    assert await found("%2B15550109999") == []
    assert await found("nobody") == []
    assert (await client("GET", "/v1/accounts/whatsapp/contacts")).status == 400
    assert (await client("GET", "/v1/accounts/x/contacts?query=a")).status == 404
    listed = await pages(client, "/v1/accounts/whatsapp/contacts/list?limit=2")
    assert [len(page) for page in listed] == [2, 2, 1]


async def test_clock(connect: Connect) -> None:
    client = await connect()
    client.sim.clock_skew = timedelta(hours=-2)
    answer = await client("GET", "/v1/info")
    now = parsedate_to_datetime(answer.headers["Date"])
    real = parsedate_to_datetime((await (await connect())("GET", "/")).headers["Date"])
    assert timedelta(minutes=119) < real - now < timedelta(minutes=121)


async def test_many_chats(connect: Connect) -> None:
    client = await connect(chats=10_000)
    assert len(client.sim.world.chats) == 10_000
    paths = ("/v1/chats", "/v1/chats?limit=200", "/v1/chats/search?query=contact%2009")
    for path in paths:
        assert (await client("GET", path)).json["items"]


def test_worlds_are_independent() -> None:
    one, other = Simulator(), Simulator()
    one.world.chats.clear()
    one.world.accounts["whatsapp"].contacts.clear()
    assert other.world.chats
    assert other.world.accounts["whatsapp"].contacts
