"""Replay of requests recorded from the official SDKs.

The recordings were made against a dummy server, so its ids are replaced by existing
ones.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Client, Connect

RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/sdk-requests.json").read_text()
)
CHAT = "!tEamSlack:beeper.com"
ONLY_IMESSAGE = {"chats.notify_anyway"}

# Requests that a generation must reject: malformed ones (an SDK sends unknown keywords
# unchanged) and operations of newer servers.
REFUSED = {
    # It knows fewer types of attachments.
    ("4.3.0", "messages.send(text, reply, attachment)"): 400,
    ("4.1.296", "chats.reminders.create(remind_at=str)"): 400,
    ("4.3.0", "chats.reminders.create(remind_at=str)"): 400,
    ("4.3.0", "chats.reminders.create(remind_at=datetime)"): 400,
    ("6.0.0", "chats.reminders.create(remind_at_ms)"): 400,
}
ABSENT = {
    ("4.2.808", "accounts.retrieve"): 404,
    ("4.2.808", "bridges.list"): 404,
    ("4.2.808", "labels.list"): 404,
}


async def real(client: Client, record: Any) -> tuple[str, dict[str, Any]]:
    """Path and options of a recorded request with existing ids."""
    sim = client.sim
    sim.reset()
    chat = sim.world.chats[CHAT]
    me = sim.world.accounts[chat.account_id].user
    sim.world.react(chat, chat.messages[2], me, "👍")
    upload_id, _ = sim.world.add_asset(b"x", "a.png", "image/png")
    chats = (await client("GET", "/v1/chats")).json
    is_list = record["path"] == "/v1/chats"
    cursor = chats["oldestCursor"] if is_list else str(chat.messages[1].sort_key)
    replaced = {
        "!c:beeper.com": "imsg##thread:15550104001"
        if record["call"] in ONLY_IMESSAGE
        else CHAT,
        "mxc://example.org/abc": "mxc://beeper.local/cake",
        '"u1"': f'"{upload_id}"',
        '"replyToMessageID": "9"': '"replyToMessageID": "1"',
        '"messageID": "5"': '"messageID": "3"',
        "/messages/5": "/messages/3",
        "/messages/m1": "/messages/3",
        "cursor=cur": f"cursor={quote(cursor)}",
        "accountIDs=a&accountIDs=b": "accountIDs=whatsapp&accountIDs=telegram",
        "chatIDs=a&chatIDs=b": f"chatIDs={CHAT}&chatIDs={chats['items'][0]['id']}",
    }

    def put(text: str, *, escape: bool) -> str:
        for dummy, existing in replaced.items():
            text = text.replace(
                dummy, quote(existing, "/!:=&%") if escape else existing
            )
            text = text.replace(quote(dummy, ""), quote(existing, ""))
        return text

    path = put(record["path"], escape=True)
    if record["query"]:
        path += "?" + put(record["query"], escape=True)
    headers = {
        name: value
        for name, value in record["headers"].items()
        if name in ("Accept", "Content-Type")
    }
    headers["Authorization"] = "Bearer dev-token"
    body = record.get("json")
    if isinstance(body, dict) and "_raw" in body:
        return path, {"headers": headers, "data": body["_raw"].encode()}
    data = (
        None
        if body is None
        else put(json.dumps(body, ensure_ascii=False), escape=False)
    )
    return path, {"headers": headers, "data": data}


@pytest.mark.parametrize(
    ("sdk", "profile"),
    [
        ("4.1.296", "4.1.294"),
        ("4.3.0", "4.2.557"),
        ("6.0.0", "4.2.808"),
        ("6.0.0", "latest"),
    ],
)
async def test_recorded_requests(connect: Connect, sdk: str, profile: str) -> None:
    client = await connect(profile)
    records = [record for record in RECORDED if record["sdk"] == sdk]
    unexpected = []
    for record in records:
        path, options = await real(client, record)
        answer = await client(record["method"], path, **options)
        call = record["call"]
        expected = REFUSED.get((sdk, call)) or ABSENT.get((profile, call))
        served = answer.status < 300
        if not served if expected is None else answer.status != expected:
            unexpected.append((call, answer.status, answer.text[:200]))
        executed = record["method"] != "GET" and served
        assert client.sim.requests[-1].executed is executed, call
    assert not unexpected
    assert len(records) >= 20


def test_tables_name_recorded_calls() -> None:
    calls = {(record["sdk"], record["call"]) for record in RECORDED}
    assert set(REFUSED) <= calls
    assert {("6.0.0", call) for _, call in ABSENT} <= calls
