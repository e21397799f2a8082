"""The WebSocket: frames, subscriptions, events and faults."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
import pytest

from tests.helpers.waiting import PATIENCE

from .conftest import Client, Connect

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"
TEAM = "!tEamSlack:beeper.com"
IMESSAGE = "imsg##thread:15550104001"


async def frame(socket: ClientWebSocketResponse) -> Any:
    return await socket.receive_json(timeout=PATIENCE)


async def quiet(socket: ClientWebSocketResponse) -> bool:
    """Whether no frame arrives for 0.2 s."""
    try:
        await socket.receive(timeout=0.2)
    except TimeoutError:
        return True
    return False


async def subscribed(client: Client, *chats: str) -> ClientWebSocketResponse:
    socket = await client.socket()
    await socket.send_json({"type": "subscriptions.set", "chatIDs": chats or ["*"]})
    assert (await frame(socket))["type"] == "ready"
    assert (await frame(socket))["type"] == "subscriptions.updated"
    return socket


async def test_greeting_and_subscription(connect: Connect) -> None:
    client = await connect("4.2.808")
    socket = await client.socket()
    assert await frame(socket) == {"type": "ready", "version": 1, "chatIDs": []}

    client.sim.incoming(KIM, None, "nobody listens yet")
    await socket.send_json(
        {"type": "subscriptions.set", "requestID": "r1", "chatIDs": [KIM]}
    )

    assert await frame(socket) == {
        "type": "subscriptions.updated",
        "requestID": "r1",
        "chatIDs": [KIM],
    }
    client.sim.incoming(TEAM, None, "not subscribed")
    client.sim.incoming(KIM, None, "hi")
    event = await frame(socket)
    assert (event["type"], event["seq"], event["chatID"]) == (
        "message.upserted",
        1,
        KIM,
    )
    assert event["entries"][0]["text"] == "hi"
    await socket.send_json({"type": "subscriptions.set", "chatIDs": []})
    assert (await frame(socket))["seq"] == 2  # the chat's unread count changed
    assert (await frame(socket))["chatIDs"] == []
    client.sim.incoming(KIM, None, "paused")
    assert await quiet(socket)


async def test_app_keys_of_the_newest_servers(connect: Connect) -> None:
    client = await connect("latest")
    socket = await client.socket()
    assert (await frame(socket))["app"] == {"state": False}
    await socket.send_json(
        {"type": "subscriptions.set", "chatIDs": ["*"], "app": {"state": True}}
    )
    assert (await frame(socket))["type"] == "subscriptions.updated"
    state = await frame(socket)
    assert (state["type"], state["seq"]) == ("app.state.updated", 1)
    client.sim.incoming(KIM, None, "hi")
    event = await frame(socket)
    assert (event["seq"], event["accountID"]) == (2, "whatsapp")


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        ("{", "INVALID_PAYLOAD", "Invalid JSON payload"),
        ("[]", "INVALID_PAYLOAD", "Payload must be an object with a type field"),
        ('{"type":"x"}', "INVALID_COMMAND", "Unsupported command type: x"),
        (
            '{"type":"subscriptions.set","requestID":1,"chatIDs":[]}',
            "INVALID_PAYLOAD",
            "requestID must be a string",
        ),
        (
            '{"type":"subscriptions.set","chatIDs":[1]}',
            "INVALID_PAYLOAD",
            "chatIDs must be an array of strings",
        ),
        (
            '{"type":"subscriptions.set","requestID":"r","chatIDs":["*","a"]}',
            "INVALID_PAYLOAD",
            "chatIDs cannot combine '*' with specific IDs",
        ),
        (
            '{"type":"subscriptions.set","chatIDs":[],"app":{"state":true}}',
            "INVALID_PAYLOAD",
            "Invalid subscriptions payload",
        ),
    ],
)
async def test_bad_commands(
    connect: Connect, sent: str, code: str, message: str
) -> None:
    client = await connect("easymatrix")
    socket = await client.socket()
    await frame(socket)
    await socket.send_str(sent)
    error = await frame(socket)
    assert (error["type"], error["code"], error["message"]) == ("error", code, message)
    assert error.get("requestID") == ("r" if '"requestID":"r"' in sent else None)


async def test_binary_is_refused(connect: Connect) -> None:
    client = await connect()
    socket = await client.socket()
    await frame(socket)
    await socket.send_bytes(b"{}")
    assert (await frame(socket))["message"] == "Payload must be a JSON text message"


@pytest.mark.parametrize(
    ("profile", "text_time"),
    [("4.2.557", False), ("4.2.808", True), ("latest", True), ("easymatrix", False)],
)
async def test_time_of_events(connect: Connect, profile: str, text_time: bool) -> None:
    client = await connect(profile)
    socket = await subscribed(client)
    client.sim.incoming(KIM, None, "hi")
    ts = (await frame(socket))["ts"]
    if text_time:
        assert datetime.fromisoformat(ts).tzinfo
    else:
        assert isinstance(ts, int)


async def test_events_of_other_people(connect: Connect) -> None:
    client = await connect()
    sim = client.sim
    sender = sim.world.chats[TEAM].participants[1].id
    socket = await subscribed(client, TEAM)

    message = sim.incoming(TEAM, sender, "first")
    sim.edit(TEAM, message["id"], "second")
    sim.react(TEAM, message["id"], None, "👍")
    sim.react(TEAM, message["id"], None, None)
    sim.delete(TEAM, message["id"])

    new, chat, edited, reacted, taken_back, deleted = [
        await frame(socket) for _ in range(6)
    ]
    assert new["entries"][0]["senderID"] == sender
    assert (chat["type"], chat["ids"]) == ("chat.upserted", [TEAM])
    assert "entries" not in chat
    assert edited["ids"] == new["ids"]
    assert edited["entries"][0]["text"] == "second"
    assert edited["entries"][0]["editedTimestamp"]
    assert reacted["entries"][0]["reactions"][0]["reactionKey"] == "👍"
    assert "reactions" not in taken_back["entries"][0]
    assert (deleted["type"], deleted["ids"]) == ("message.deleted", [message["id"]])
    assert "entries" not in deleted
    assert [e["seq"] for e in (new, chat, edited, reacted, taken_back, deleted)] == [
        *range(1, 7)
    ]


async def test_a_send_publishes_three_events(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)

    sent = await client("POST", f"/v1/chats/{TEAM}/messages", json={"text": "hi"})

    events = [(await frame(socket))["entries"][0] for _ in range(3)]
    pending = sent.json["pendingMessageID"]
    final = client.sim.world.chats[TEAM].messages[-1].id
    assert [message["id"] for message in events] == [pending, final, final]
    assert [message["sendStatus"]["status"] for message in events] == [
        "PENDING",
        "PENDING",
        "SUCCESS",
    ]


async def test_only_confirmed_messages_without_a_send_status(connect: Connect) -> None:
    client = await connect("4.2.557")
    socket = await subscribed(client)
    await client("POST", f"/v1/chats/{TEAM}/messages", json={"text": "hi"})
    events = [(await frame(socket))["ids"] for _ in range(2)]
    assert events == [[client.sim.world.chats[TEAM].messages[-1].id]] * 2
    assert await quiet(socket)


async def test_imessage_is_silent(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.incoming(IMESSAGE, None, "hello dear")
    assert await quiet(socket)
    messages = await client("GET", "/v1/chats/imsg%23%23thread:15550104001/messages")
    assert messages.json["items"][0]["text"] == "hello dear"


async def test_later_chats_are_covered(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    await client(
        "POST",
        "/v1/chats/start",
        json={"accountID": "whatsapp", "user": {"phoneNumber": "+15550107777"}},
    )
    assert (await frame(socket))["type"] == "chat.upserted"


async def test_pongs(connect: Connect) -> None:
    client = await connect()
    socket = await client.socket()
    await frame(socket)
    await socket.ping(b"here?")
    answer = await socket.receive(timeout=PATIENCE)
    assert (answer.type, answer.data) == (WSMsgType.PONG, b"here?")


async def test_pings(connect: Connect) -> None:
    client = await connect()
    client.sim.hub._profile = replace(client.sim.profile, ws_first_ping=0.05)
    socket = await client.socket()
    await frame(socket)
    assert (await socket.receive(timeout=PATIENCE)).type is WSMsgType.PING


async def test_closed(connect: Connect) -> None:
    client = await connect()
    open_one = await subscribed(client)
    client.sim.faults.add("ws_close", code=1012, times=2)
    assert (await open_one.receive(timeout=PATIENCE)).data == 1012

    next_one = await client.socket()
    assert (await frame(next_one))["type"] == "ready"
    assert (await next_one.receive(timeout=PATIENCE)).data == 1012
    assert await frame(await client.socket())
    assert client.sim.hub.connections


async def test_stalled(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.faults.add("ws_stall")
    await asyncio.sleep(0.05)
    client.sim.incoming(KIM, None, "hi")
    await socket.ping()
    assert await quiet(socket)


async def test_flooded(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.incoming(KIM, None, "hi")
    first = await frame(socket)
    await frame(socket)
    client.sim.faults.add("ws_flood", count=500)
    flood = [await frame(socket) for _ in range(500)]
    assert all(event["entries"] == first["entries"] for event in flood)
    assert flood[-1]["seq"] == 502


@pytest.mark.parametrize(
    ("body", "kind", "data"),
    [
        ("{", WSMsgType.TEXT, "{"),
        ({"type": 1}, WSMsgType.TEXT, '{"type": 1}'),
        (b"\xff", WSMsgType.BINARY, b"\xff"),
    ],
)
async def test_garbage(
    connect: Connect, body: Any, kind: WSMsgType, data: str | bytes
) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.faults.add("ws_garbage", body=body)
    answer = await socket.receive(timeout=PATIENCE)
    assert (answer.type, answer.data) == (kind, data)
    client.sim.incoming(KIM, None, "hi")
    assert (await frame(socket))["seq"] == 1


async def test_repeated(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.faults.add("ws_repeat", count=3)
    for text in ("one", "two"):  # two events each
        client.sim.incoming(KIM, None, text)
    assert [(await frame(socket))["seq"] for _ in range(7)] == [1, 1, 2, 2, 3, 3, 4]
    assert await quiet(socket)


async def test_shuffled(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    client.sim.faults.add("ws_shuffle", count=4)
    client.sim.incoming(KIM, None, "one")
    assert await quiet(socket)
    for text in ("two", "three"):
        client.sim.incoming(KIM, None, text)
    assert [(await frame(socket))["seq"] for _ in range(6)] == [4, 3, 2, 1, 5, 6]


async def test_refused(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("ws_refuse", status=503)
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.socket()
    assert refused.value.status == 503
    assert (await client("GET", "/v1/ws", headers={})).status == 401
    assert await frame(await client.socket())


async def test_absent(connect: Connect) -> None:
    client = await connect("4.1.294")
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.socket()
    assert refused.value.status == 404


async def test_stop_breaks_sockets(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    await client.sim.stop()
    assert (await socket.receive(timeout=PATIENCE)).type in (
        WSMsgType.CLOSED,
        WSMsgType.ERROR,
        WSMsgType.CLOSE,
    )
    await client.sim.start()
    assert await frame(await client.socket())


async def test_a_deleted_chat(connect: Connect) -> None:
    client = await connect()
    socket = await subscribed(client)
    await client("POST", "/control/delete-chat", json={"chatID": TEAM})
    event = await frame(socket)
    assert (event["type"], event["chatID"], event["ids"]) == (
        "chat.deleted",
        TEAM,
        [TEAM],
    )
    assert "entries" not in event
    assert (await client("GET", f"/v1/chats/{TEAM}")).status == 404
