"""Sending, listing, changing and searching messages."""

import asyncio
from typing import Any

import pytest

from simulator.text import markdown_to_html, phone_number

from .conftest import Client, Connect

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"
MESSAGES = f"/v1/chats/{KIM}/messages"
FAMILY = "/v1/chats/!fAmiLyGroUp:beeper.com/messages"


async def send(client: Client, **body: Any) -> str:
    answer = await client("POST", MESSAGES, json=body)
    assert answer.json["chatID"] == KIM
    pending: str = answer.json["pendingMessageID"]
    return pending


async def test_a_pending_id_resolves(connect: Connect) -> None:
    client = await connect()
    client.sim.confirm_after = 0.05
    pending = await send(client, text="hi")
    path = f"{MESSAGES}/{pending}"

    early = (await client("GET", path)).json
    await asyncio.sleep(0.1)
    late = (await client("GET", path)).json

    assert (early["id"], early["sendStatus"]["status"]) == (pending, "PENDING")
    assert (late["id"], late["sendStatus"]["status"]) == ("4", "SUCCESS")
    assert (late["isSender"], late["senderID"]) == (
        True,
        "@whatsapp_15550100001:beeper.com",
    )
    assert (await client("GET", f"{MESSAGES}/4")).json == late


@pytest.mark.parametrize("by", ["account", "chat"])
async def test_a_send_fails_later(connect: Connect, by: str) -> None:
    client = await connect()
    world = client.sim.world
    owner = world.accounts["whatsapp"] if by == "account" else world.chats[KIM]
    owner.delivery = "FAIL_PERMANENT"
    pending = await send(client, text="hi")
    world.settle()
    message = (await client("GET", f"{MESSAGES}/{pending}")).json
    assert message["sendStatus"]["status"] == "FAIL_PERMANENT"


async def test_is_sender_is_wrong_on_some_bridges(connect: Connect) -> None:
    client = await connect()
    page = await client("GET", "/v1/chats/!lEnaInsta:beeper.com/messages")
    own = page.json["items"][0]
    assert (own["senderID"], own["isSender"]) == ("@instagram_9001:beeper.com", False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"text": ""}, 400),
        ({"text": 5}, 400),
        ({"text": "a", "replyToMessageID": "99"}, 404),
        ({"attachment": {"uploadID": "u1"}}, 400),
        ({"attachment": {"uploadID": "u1", "type": "img"}}, 400),
    ],
)
async def test_send_refused(connect: Connect, body: object, status: int) -> None:
    client = await connect()
    assert (await client("POST", MESSAGES, json=body)).status == status
    assert not client.sim.executed


async def test_reply_and_attachment(connect: Connect) -> None:
    client = await connect()
    upload = (
        await client(
            "POST",
            "/v1/assets/upload/base64",
            json={"content": "aGVsbG8=", "fileName": "a.ogg", "mimeType": "audio/ogg"},
        )
    ).json
    attachment = {"uploadID": upload["uploadID"], "type": "voice-note", "duration": 2}
    pending = await send(client, replyToMessageID="1", attachment=attachment)
    message = (await client("GET", f"{MESSAGES}/{pending}")).json
    assert (message["linkedMessageID"], message["type"]) == ("1", "VOICE")
    [shown] = message["attachments"]
    assert (shown["type"], shown["isVoiceNote"], shown["duration"]) == (
        "audio",
        True,
        2,
    )
    served = await client("GET", f"/v1/assets/serve?url={shown['id']}")
    assert (served.text, served.headers["Content-Type"]) == ("hello", "audio/ogg")


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_pages(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    for number in range(50):
        client.sim.incoming(KIM, None, str(number))
    seen: list[str] = []
    query = ""
    while True:
        page = (await client("GET", MESSAGES + query)).json
        seen += [message["id"] for message in page["items"]]
        if not page["hasMore"]:
            break
        cursor = page.get("oldestCursor", page["items"][-1]["sortKey"])
        query = f"?cursor={cursor}"
    assert seen == [str(number) for number in range(53, 0, -1)]
    newer = (await client("GET", f"{MESSAGES}?direction=after&cursor={cursor}")).json
    assert len(newer["items"]) == 20
    assert newer["items"][0]["id"] > newer["items"][-1]["id"]
    assert newer["hasMore"]


async def test_edit(connect: Connect) -> None:
    client = await connect()
    edited = (await client("PUT", f"{MESSAGES}/1", json={"text": "new"})).json
    assert (edited["messageID"], edited["success"]) == ("1", True)
    assert (edited["text"], bool(edited["editedTimestamp"])) == ("<p>new</p>", True)
    old = await connect("4.2.557")
    assert (await old("PUT", f"{MESSAGES}/1", json={"text": "new"})).json == {
        "chatID": KIM,
        "messageID": "1",
        "success": True,
    }
    assert (await client("PUT", f"{MESSAGES}/1", json={"text": ""})).status == 400
    assert (await client("PUT", f"{MESSAGES}/2", json={"text": "x"})).status == 403
    assert (await client("PUT", f"{FAMILY}/4", json={"text": "x"})).status == 400


async def test_delete(connect: Connect) -> None:
    client = await connect()
    pending = await send(client, text="hi")
    assert (await client("DELETE", f"{MESSAGES}/{pending}")).status == 400
    client.sim.world.settle()

    everyone = await client("DELETE", f"{MESSAGES}/3")
    just_me = await client("DELETE", f"{MESSAGES}/1?forEveryone=false")

    assert (everyone.status, just_me.status) == (204, 204)
    page = (await client("GET", MESSAGES)).json["items"]
    assert [(message["id"], message.get("isDeleted")) for message in page] == [
        ("4", None),
        ("3", True),
        ("2", None),
    ]
    assert "text" not in page[1]
    assert (await client("DELETE", f"{MESSAGES}/1")).status == 404


async def test_reactions(connect: Connect) -> None:
    client = await connect()
    path = f"{MESSAGES}/2/reactions"
    body = {"reactionKey": "👍", "transactionID": "t1"}
    added = (await client("POST", path, json=body)).json
    assert added == {
        "success": True,
        "chatID": KIM,
        "messageID": "2",
        "reactionKey": "👍",
        "transactionID": "t1",
    }
    assert (await client("POST", path, json={"reactionKey": "❤️"})).json["transactionID"]
    [reaction] = (await client("GET", f"{MESSAGES}/2")).json["reactions"]
    assert (reaction["reactionKey"], reaction["emoji"]) == ("❤️", True)
    assert (await client("DELETE", f"{path}/%F0%9F%91%8D")).status == 404
    assert (await client("DELETE", f"{path}/%E2%9D%A4%EF%B8%8F")).status == 200
    assert "reactions" not in (await client("GET", f"{MESSAGES}/2")).json
    assert (await client("POST", path, json={"reactionKey": ""})).status == 400
    old = await connect("4.2.557")
    assert (await old("DELETE", path)).status == 400


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("query=dinner%20friday", ["Dinner on Friday?"]),
        ("sender=me&chatIDs=!aLexTeLegram:beeper.com", ["ok"]),
        ("sender=others&accountIDs=telegram&query=train", ["The train is late"]),
        ("mediaTypes=image", [None]),
        ("mediaTypes=any", [None]),
        ("mediaTypes=video&mediaTypes=link", []),
        ("chatType=group&query=noted", ["Noted"]),
        ("includeMuted=false&query=noted", []),
        ("dateAfter=2200-01-01T00:00:00Z", []),
    ],
)
async def test_search(connect: Connect, query: str, texts: list[str | None]) -> None:
    answer = (await (await connect())("GET", f"/v1/messages/search?{query}")).json
    assert [(item.get("text") or "")[:17] for item in answer["items"]] == [
        (text or "")[:17] for text in texts
    ]
    assert set(answer["chats"]) == {item["chatID"] for item in answer["items"]}
    assert set(answer) == {"items", "hasMore", "oldestCursor", "newestCursor", "chats"}


async def test_search_pages(connect: Connect) -> None:
    client = await connect(chats=60)
    first = (await client("GET", "/v1/messages/search?limit=15")).json
    path = f"/v1/messages/search?limit=15&cursor={first['oldestCursor']}"
    second = (await client("GET", path)).json
    keys = [(m["chatID"], m["id"]) for m in first["items"] + second["items"]]
    assert len(set(keys)) == 30
    assert (await client("GET", "/v1/messages/search?limit=21")).status == 400
    assert (await client("GET", "/v1/messages/search?mediaTypes=img")).status == 400


async def test_search_everything(connect: Connect) -> None:
    answer = (await (await connect())("GET", "/v1/search?query=kim")).json["results"]
    assert [chat["title"] for chat in answer["chats"]] == ["Kim", "Kim"]
    assert [chat["title"] for chat in answer["in_groups"]] == ["Family 🏡"]
    assert answer["messages"]["items"] == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("plain", "<p>plain</p>"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>"),
        ("**bold** and *em* and `x*y*`", None),
        ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
        (r"\*not em\* \_x\_ \\", r"<p>*not em* _x_ \</p>"),
        ("snake_case_name 2*3*4", "<p>snake_case_name 2*3*4</p>"),
        ('"<b>verbatim</b>"', "<b>verbatim</b>"),
        ('"quoted"', '<p>"quoted"</p>'),
        ('"a" <b>', '<p>"a" &lt;b&gt;</p>'),
        ("  spaces  ", "<p>spaces</p>"),
    ],
)
def test_markdown(sent: str, shown: str | None) -> None:
    html = markdown_to_html(sent)
    if shown is None:
        assert html.startswith("<p><strong>bold</strong> and <em>em</em> and <code>")
    else:
        assert html == shown


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550101002", "+15550101002"),
        ("tel:+1 (555) 010-1002", "+15550101002"),
        ("0044 20 7946 0000", "+442079460000"),
        ("5550101002", None),
        ("+0123456789", None),
        ("Kim", None),
    ],
)
def test_phone_number(text: str, number: str | None) -> None:
    assert phone_number(text) == number


async def test_sent_messages_keep_mentions(connect: Connect) -> None:
    client = await connect()
    mentions = ["@whatsapp_15550101002:beeper.com"]
    pending = await send(client, text="hi", mentions=mentions)
    client.sim.world.settle()
    assert (await client("GET", f"{MESSAGES}/{pending}")).json["mentions"] == mentions
    assert "mentions" not in (await client("GET", f"{MESSAGES}/3")).json


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_a_message_id_is_a_cursor(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    whole = (await client("GET", MESSAGES)).json["items"]
    for cursor in (whole[0]["id"], whole[0]["sortKey"]):
        page = await client("GET", f"{MESSAGES}?cursor={cursor}&direction=before")
        assert page.json["items"] == whole[1:]
        newer = await client("GET", f"{MESSAGES}?cursor={cursor}&direction=after")
        assert newer.json["items"] == []


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557"])
async def test_reactions_are_rows_where_rows_have_types(
    connect: Connect, profile: str
) -> None:
    client = await connect(profile)
    rows = (await client("GET", FAMILY)).json["items"]
    reactions = [row for row in rows if "reacted" in row.get("text", "")]
    assert len(reactions) == (0 if profile == "4.1.294" else 1)
