"""Differences between the server generations."""

from typing import Any

import pytest

from simulator.profiles import PROFILES

from .conftest import Client, Connect

CHAT = "/v1/chats/!tEamSlack:beeper.com"
MESSAGE = f"{CHAT}/messages/3"
CREATE = {"accountID": "whatsapp", "participantIDs": ["15550101002"], "type": "single"}
START = {"accountID": "whatsapp", "user": {"phoneNumber": "+15550101002"}}
REMIND = {
    "remindAtMs": {"reminder": {"remindAtMs": 1767261600000}},
    "remindAt": {"reminder": {"remindAt": "2026-01-01T10:00:00Z"}},
}

G1, G2, G3, NEW, EM, _ = PROFILES
ALL = (G1, G2, G3, NEW, EM)
LATER = (G2, G3, NEW, EM)
RICH = (G3, NEW)

# method, path, body, and the generations that have it
OPERATIONS: list[tuple[str, str, Any, tuple[str, ...]]] = [
    ("GET", "/v1/info", None, LATER),
    ("GET", "/v1/accounts", None, ALL),
    ("GET", "/v1/accounts/whatsapp", None, (NEW,)),
    ("GET", "/v1/accounts/whatsapp/contacts?query=kim", None, ALL),
    ("GET", "/v1/accounts/whatsapp/contacts/list", None, LATER),
    ("GET", "/v1/chats", None, ALL),
    ("GET", "/v1/chats/search?query=team", None, ALL),
    ("GET", CHAT, None, ALL),
    ("PATCH", CHAT, {"isPinned": True}, RICH),
    ("POST", "/v1/chats", CREATE, ALL),
    ("POST", "/v1/chats", {**START, "mode": "start"}, (G2, EM)),
    ("POST", "/v1/chats/start", START, RICH),
    ("POST", f"{CHAT}/archive", {}, ALL),
    ("POST", f"{CHAT}/read", {}, RICH),
    ("POST", f"{CHAT}/unread", {}, RICH),
    ("POST", f"{CHAT}/typing", {}, RICH),
    ("POST", "/v1/chats/imsg%23%23thread:15550104001/notify-anyway", {}, RICH),
    ("POST", f"{CHAT}/reminders", REMIND["remindAtMs"], (G1, G2, EM)),
    ("POST", f"{CHAT}/reminders", REMIND["remindAt"], RICH),
    ("DELETE", f"{CHAT}/reminders", None, ALL),
    ("GET", f"{CHAT}/messages", None, ALL),
    ("POST", f"{CHAT}/messages", {"text": "hi"}, ALL),
    ("GET", MESSAGE, None, RICH),
    ("PUT", MESSAGE, {"text": "edited"}, LATER),
    ("POST", f"{MESSAGE}/reactions", {"reactionKey": "👍"}, LATER),
    ("DELETE", f"{MESSAGE}/reactions/%F0%9F%91%8D", None, RICH),
    ("DELETE", f"{MESSAGE}/reactions?reactionKey=%F0%9F%91%8D", None, (G2, EM)),
    ("DELETE", f"{MESSAGE}/reactions", {"reactionKey": "👍"}, (EM,)),
    ("DELETE", MESSAGE, None, RICH),
    ("GET", "/v1/messages/search?query=noted", None, ALL),
    ("GET", "/v1/search?query=team", None, ALL),
    ("POST", "/v1/assets/download", {"url": "mxc://beeper.local/cake"}, ALL),
    ("GET", "/v1/assets/serve?url=mxc://beeper.local/cake", None, LATER),
    ("POST", "/v1/assets/upload/base64", {"content": "aGVsbG8="}, LATER),
    ("POST", "/v1/focus", {}, ALL),
    ("GET", "/v1/labels", None, (NEW,)),
    ("GET", "/v1/bridges", None, (NEW,)),
    ("GET", "/v1/bridges/whatsapp", None, (NEW,)),
    ("GET", "/v1/bridges/whatsapp/capabilities", None, (NEW,)),
    ("GET", "/v1/app/setup", None, (NEW,)),
]


@pytest.mark.parametrize("realistic", [False, True])
@pytest.mark.parametrize("profile", ALL)
async def test_operations(connect: Connect, profile: str, realistic: bool) -> None:
    client = await connect(profile, realistic=realistic)
    for method, path, body, generations in OPERATIONS:
        if path.startswith(f"{MESSAGE}/reactions") and method == "DELETE":
            chat = client.sim.world.chats["!tEamSlack:beeper.com"]
            me = client.sim.world.accounts[chat.account_id].user
            client.sim.world.react(chat, chat.messages[2], me, "👍")
        answer = await client(method, path, json=body)
        assert (answer.status < 300) is (profile in generations), (method, path, answer)


@pytest.mark.parametrize("profile", ALL)
async def test_absent_route(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    answer = await client("POST", "/v1/chats/!c:beeper.com", json={}, headers={})
    assert answer.status == (405 if profile == EM else 404)
    assert answer.headers["Content-Type"].startswith("text/plain")
    if profile == EM:
        assert answer.headers["Allow"] == "GET, HEAD"
    unknown = await client("GET", "/v2/chats")
    assert unknown.status == 404
    assert client.sim.requests[-1].status == 404


async def test_start_on_easymatrix_is_405(connect: Connect) -> None:
    client = await connect(EM)
    answer = await client("POST", "/v1/chats/start", json=START, headers={})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert not client.sim.executed


@pytest.mark.parametrize("profile", ALL)
async def test_version(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    with_token = await client("GET", "/v1/accounts")
    without = await client("GET", "/v1/accounts", headers={})
    assert "X-Beeper-Desktop-Version" not in without.headers
    version = with_token.headers.get("X-Beeper-Desktop-Version")
    assert version == (None if profile == EM else client.sim.profile.version)


async def test_info(connect: Connect) -> None:
    info = (await (await connect(NEW))("GET", "/v1/info", headers={})).json
    assert info["app"] == {
        "name": "Beeper",
        "version": "4.3.73",
        "bundle_id": "com.automattic.beeper.desktop",
    }
    assert info["server"]["status"] == "running"
    assert info["endpoints"]["ws_events"] == f"{info['server']['base_url']}/v1/ws"
    other = (await (await connect(EM))("GET", "/v1/info", headers={})).json
    assert (other["app"]["name"], other["app"]["version"]) == ("EasyMatrix", "0.3.0")
    assert other["server"]["status"] == "ready"
    assert other["endpoints"]["mcp"].endswith(f":{other['server']['port']}/mcp")


async def test_spec(connect: Connect) -> None:
    """`/v1/info` points to it."""
    document = await (await connect(NEW))("GET", "/v1/spec", headers={})
    assert document.json["openapi"].startswith("3.")
    redirect = await (await connect(EM))("GET", "/v1/spec", headers={})
    assert (redirect.status, redirect.headers["Location"][:8]) == (307, "https://")
    assert (await (await connect(G1))("GET", "/v1/spec", headers={})).status == 404


async def test_info_behind_a_proxy(connect: Connect) -> None:
    client = await connect(NEW, prefix="/beeper")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "home.example"}
    info = (await client("GET", "/v1/info", headers=forwarded)).json
    assert info["server"]["base_url"] == "https://home.example"
    assert info["endpoints"]["spec"] == "https://home.example/v1/spec"
    assert client.sim.url.endswith("/beeper")
    assert client.sim.requests[0].path == "/v1/info"


@pytest.mark.parametrize(
    ("profile", "keys"),
    [
        (G1, {"accountID", "network", "user"}),
        (G2, {"accountID", "user"}),
        (G3, {"accountID", "network", "user", "bridge"}),
        (
            NEW,
            {
                "accountID",
                "network",
                "user",
                "bridge",
                "status",
                "loginID",
                "capabilities",
            },
        ),
        (EM, {"accountID", "network", "user"}),
    ],
)
async def test_account(connect: Connect, profile: str, keys: set[str]) -> None:
    client = await connect(profile)
    accounts = (await client("GET", "/v1/accounts")).json
    by_id = {account["accountID"]: account for account in accounts}
    assert set(by_id["whatsapp"]) == keys
    assert "imessage" not in by_id
    if profile == NEW:
        assert by_id["signal"]["status"] == "reconnect_required"


@pytest.mark.parametrize("profile", ALL)
async def test_create_answer(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    answer = (await client("POST", "/v1/chats", json=CREATE)).json
    if profile in RICH:
        assert answer["id"] == answer["chatID"]
        assert answer["participants"]["total"] == 2
    else:
        assert set(answer) == {"chatID"}
    assert "status" not in answer


@pytest.mark.parametrize("profile", RICH)
async def test_mode_start_where_start_has_a_route(
    connect: Connect, profile: str
) -> None:
    client = await connect(profile)
    answer = await client("POST", "/v1/chats", json={**START, "mode": "start"})
    assert answer.status == 400
    paths = [issue["path"] for issue in answer.json["details"]["issues"]]
    assert ["body", "participantIDs"] in paths
    assert not client.sim.executed


@pytest.mark.parametrize("profile", ALL)
async def test_archive_answer(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    answer = await client("POST", f"{CHAT}/archive", json={})
    if profile == EM:
        assert (answer.status, answer.json) == (200, {"success": True})
    else:
        assert (answer.status, answer.text) == (204, "")
    assert client.sim.world.chats["!tEamSlack:beeper.com"].is_archived


async def group(client: Client) -> str:
    """Make a group of 31 with oneself."""
    ids = [f"1555020{number:04}" for number in range(30)]
    body = {"accountID": "whatsapp", "participantIDs": ids, "type": "group"}
    chat_id: str = (await client("POST", "/v1/chats", json=body)).json["chatID"]
    return chat_id


@pytest.mark.parametrize(
    ("profile", "listed", "got"),
    [(G1, 31, 31), (G2, 31, 31), (G3, 20, 31), (NEW, 20, 31), (EM, 5, 31)],
)
async def test_participants(
    connect: Connect, profile: str, listed: int, got: int
) -> None:
    client = await connect(profile)
    chat_id = await group(client)
    chats = (await client("GET", "/v1/chats")).json["items"]
    assert len(chats[0]["participants"]["items"]) == listed
    assert chats[0]["participants"]["hasMore"] is (listed < 31)
    one = (await client("GET", f"/v1/chats/{chat_id}")).json["participants"]
    assert len(one["items"]) == got
    none = (await client("GET", f"/v1/chats/{chat_id}?maxParticipantCount=0")).json
    assert none["participants"] == {"items": [], "hasMore": True, "total": 31}


@pytest.mark.parametrize("profile", ALL)
async def test_text_and_cursors_of_messages(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    sent = {"text": "**a** <b>"}
    await client("POST", f"{CHAT}/messages", json=sent)
    client.sim.world.settle()
    page = (await client("GET", f"{CHAT}/messages")).json
    html = profile in RICH
    assert page["items"][0]["text"] == (
        "<p><strong>a</strong> &lt;b&gt;</p>" if html else sent["text"]
    )
    assert ("oldestCursor" in page) is html
    assert ("sendStatus" in page["items"][0]) is html


async def test_unknown_keys(connect: Connect) -> None:
    body = {**CREATE, "colour": "red"}
    assert (await (await connect(NEW))("POST", "/v1/chats", json=body)).status == 200
    strict = await (await connect(EM))("POST", "/v1/chats", json=body)
    assert strict.status == 400
    assert strict.json["details"] == {"colour": "Unrecognized key"}


async def test_habits_of_easymatrix(connect: Connect) -> None:
    client = await connect(EM)
    by_name = {"accountID": "whatsapp", "mode": "start", "user": {"fullName": "kim"}}
    assert (await client("POST", "/v1/chats", json=by_name)).json[
        "status"
    ] == "existing"
    focus = await client("POST", "/v1/focus", json={"draftText": "x"})
    assert focus.status == 400
    both = await client("GET", "/v1/chats?accountIDs=telegram,signal")
    assert len(both.json["items"]) == 3


async def test_list_limit_counts_on_the_newest_only(connect: Connect) -> None:
    old, new = await connect(G3), await connect(NEW)
    assert len((await old("GET", "/v1/chats?limit=3")).json["items"]) == 10
    assert len((await new("GET", "/v1/chats?limit=3")).json["items"]) == 3


@pytest.mark.parametrize("profile", ALL)
async def test_every_field_of_a_profile_is_sent(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    known = client.sim.profile
    group = "!fAmiLyGroUp:beeper.com"
    client.sim.delete(group, "3")
    client.sim.edit(group, "1", "edited")
    await client("POST", f"/v1/chats/{group}/messages", json={"text": "hi"})
    client.sim.world.settle()
    client.sim.set_account_status("whatsapp", "disconnected", "why")
    accounts = (await client("GET", "/v1/accounts")).json
    chats = (await client("GET", "/v1/chats")).json["items"]
    messages = (await client("GET", f"/v1/chats/{group}/messages")).json["items"]
    assert {key for account in accounts for key in account} == known.account_keys
    assert {key for chat in chats for key in chat} == known.chat_keys | {"preview"}
    assert {key for message in messages for key in message} == known.message_keys
