"""A server that wants to do harm: it gets an error, not Home Assistant's time or memory."""

import asyncio
from collections.abc import Callable
from compression import zstd
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
import json
import logging
from pathlib import Path
from typing import Any
import zlib

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.actions import download
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.incoming import read_queue
from custom_components.beeper.outgoing import outbox
from custom_components.beeper.signals import MessageEvent
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.listening import texts
from tests.helpers.media import CAKE, files
from tests.helpers.resources import bounded
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM

SIGN = "H4CKED"
"""Content of server answers that must not be logged."""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BLANK = b"\r\n"
MB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A hostile answer, and the expected error text."""

    name: str
    body: bytes
    again: bytes = b""
    seconds: float = 0
    reason: str = "unreadable"

    @property
    def is_slow(self) -> bool:
        return self.reason == "timeout"

    def by(self, simulator: Simulator, kind: str, **options: Any) -> Fault:
        """Let a simulator do it."""
        return simulator.faults.add(
            kind,
            **{
                "body": self.body,
                "again": self.again,
                "seconds": self.seconds,
                **options,
            },
        )


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(body: bytes, *headers: str) -> bytes:
    """Return an answer with a correct content length."""
    lines = [f"Content-Length: {len(body)}", *headers]
    return HEAD + "\r\n".join(lines).encode() + BLANK + BLANK + body


def said(body: bytes | str) -> bytes:
    """Return an answer with a sign in its body, which is JSON if `body` is."""
    body = body.encode() if isinstance(body, str) else body
    return answer(b'["%s", %s]' % (SIGN.encode(), body))


def bomb(encoding: str) -> tuple[bytes, bytes]:
    """Return how a compressed body begins, and what of it makes each time a megabyte."""
    packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15, "raw": -15}[encoding])
    first = packer.compress(b'"') + packer.flush(zlib.Z_FULL_FLUSH)
    return first, packer.compress(b"x" * MB) + packer.flush(zlib.Z_FULL_FLUSH)


def compressed(encoding: str) -> Attack:
    first, again = (
        (b"", zstd.compress(b"x" * MB)) if encoding == "zstd" else bomb(encoding)
    )
    return Attack(
        name=f"endless {encoding}",
        body=HEAD
        + f"Content-Encoding: {encoding}\r\nTransfer-Encoding: chunked".encode()
        + BLANK * 2
        + (chunk(first) if first else b""),
        again=chunk(again),
    )


LOST = "connection_lost"
CHUNKED = HEAD + b"Transfer-Encoding: chunked" + BLANK * 2
WITHOUT_END = (
    Attack(name="endless chunks", body=CHUNKED, again=chunk(b"[" * 65536)),
    Attack(
        name="endless tiny chunks",
        body=CHUNKED,
        again=chunk(b"[") * 9999,
        reason="timeout",
    ),
    Attack(name="endless", body=HEAD + BLANK, again=b" " * 65536),
    Attack(
        name="a petabyte is promised",
        body=HEAD + b"Content-Length: 1000000000000000" + BLANK * 2,
        again=SIGN.encode() * 10_000,
    ),
    compressed("gzip"),
    compressed("deflate"),
    compressed("zstd"),
    Attack(
        name="endless trailers",
        body=CHUNKED + b"0\r\n",
        again=f"{SIGN}: 1\r\n".encode() * 1000,
        reason=LOST,
    ),
    Attack(
        name="endless headers",
        body=HEAD,
        again=f"X-{SIGN}: 1\r\n".encode() * 1000,
        reason=LOST,
    ),
    Attack(
        name="endless header", body=HEAD + b"X: ", again=SIGN.encode() * 10, reason=LOST
    ),
    Attack(
        name="endless first line", body=b"HTTP/1.1 200 ", again=b"O" * 999, reason=LOST
    ),
    Attack(
        name="endless beginnings",
        body=b"",
        again=b"HTTP/1.1 102 Processing\r\n\r\n",
        reason="timeout",
    ),
    Attack(
        name="one byte at a time",
        body=HEAD + b"Content-Length: 100000" + BLANK * 2,
        again=b" ",
        seconds=0.001,
        reason="timeout",
    ),
    Attack(
        name="one header at a time",
        body=HEAD,
        again=f"X: {SIGN}\r\n".encode(),
        seconds=0.02,
        reason="timeout",
    ),
)
BROKEN = (
    Attack(name="nothing", body=b"", reason=LOST),
    Attack(name="no HTTP", body=SIGN.encode() * 10_000, reason=LOST),
    Attack(
        name="too short",
        body=HEAD + b"Content-Length: 1000" + BLANK * 2 + SIGN.encode(),
        reason=LOST,
    ),
    Attack(
        name="too long",
        body=HEAD + b"Content-Length: 1" + BLANK * 2 + SIGN.encode(),
        reason=LOST,
    ),
    Attack(
        name="a length below nothing",
        body=HEAD + b"Content-Length: -1" + BLANK * 2 + b"{}",
        reason=LOST,
    ),
    Attack(
        name="two lengths",
        body=HEAD + b"Content-Length: 2\r\nContent-Length: 3" + BLANK * 2 + b"{}",
        reason=LOST,
    ),
    Attack(
        name="a broken chunk", body=CHUNKED + SIGN.encode() + BLANK * 2, reason=LOST
    ),
    Attack(
        name="broken gzip",
        body=answer(SIGN.encode(), "Content-Encoding: gzip"),
        reason=LOST,
    ),
    Attack(
        name="text that says it is brotli",
        body=answer(SIGN.encode(), "Content-Encoding: br"),
        reason=LOST,
    ),
)
NO_JSON = (
    Attack(name="deep lists", body=said("[" * 100_000 + "]" * 100_000)),
    Attack(name="deep objects", body=said('{"a":' * 100_000 + "1" + "}" * 100_000)),
    Attack(name="no end of depth", body=said("[" * 4_000_000)),
    Attack(name="millions of values", body=said("[" + "{}," * 1_350_000 + "0]")),
    Attack(name="values as many as may be", body=said("{}," * 124_990 + "0")),
    Attack(name="a wide text", body=said('"' + "x" * 4_150_000 + '\N{PILE OF POO}"')),
    Attack(name="escapes", body=said('"' + r"\ud83d\udca9" * 345_000 + '"')),
    Attack(name="a number of 100,000 digits", body=said("9" * 100_000)),
    Attack(name="many long numbers", body=said(("9" * 4300 + ",") * 950 + "0")),
    Attack(name="a number beyond all", body=said("1e" + "9" * 100_000)),
    Attack(name="no numbers", body=said("NaN, Infinity, -Infinity")),
    Attack(name="the same key again", body=said('{"a": 1, "a": 2}')),
    Attack(
        name="the same key without end", body=said("{" + '"a":1,' * 90_000 + '"a":2}')
    ),
    Attack(name="no UTF-8", body=said(b'"\xff\xfe\xc0\x80"')),
    Attack(name="half a surrogate", body=said(r'"\ud83d"')),
    Attack(name="half a surrogate in UTF-8", body=said(b'"\xed\xa0\xbd"')),
    Attack(name="a byte order mark", body=answer(b"\xef\xbb\xbf[1]")),
    Attack(name="UTF-16", body=answer("[1]".encode("utf-16"))),
    Attack(name="UTF-32", body=answer("[1]".encode("utf-32-le"))),
    Attack(name="zeros", body=answer(b"\0" * 4_000_000)),
)
ATTACKS = {attack.name: attack for attack in (*WITHOUT_END, *BROKEN, *NO_JSON)}
GROUPS = pytest.mark.parametrize(
    "attacks",
    [*((attack,) for attack in WITHOUT_END), BROKEN, NO_JSON[::2], NO_JSON[1::2]],
    ids=lambda attacks: attacks[0].name,
)

# Actions, and their errors for unusable answers.
UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "create_chat": (
        {"participant_ids": ["15550101002"], "type": "single"},
        "outcome_unknown",
    ),
    "send_message": ({"chat_id": KIM, "message": "Hi"}, "message_unknown"),
    "edit_message": (
        {"chat_id": KIM, "message_id": "own", "message": "Ho"},
        "change_unknown",
    ),
}
READ: dict[str, dict[str, Any]] = {
    "list_chats": {},
    "list_messages": {"chat_id": KIM},
    "download_attachment": {"chat_id": FAMILY, "message_id": CAKE},
}
CHANGING = ("POST", "PUT")


@pytest.fixture(autouse=True)
def loud_and_quick(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log everything, and recover a request with a single read."""
    caplog.set_level(logging.INFO)
    for name in ("custom_components.beeper", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))


async def failing(
    hass: HomeAssistant,
    action: str,
    data: dict[str, Any],
    fault: Fault,
    skip_time: Callable[[float], None],
    *,
    slow: bool,
) -> str | None:
    """Return why an action fails; time is skipped for a server that takes it."""
    call = asyncio.create_task(
        hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )
    )
    seen = -1
    while not call.done():
        if slow and fault.hits != seen:
            while fault.hits != seen:
                seen = fault.hits
                await asyncio.sleep(0.05)
            skip_time(31)
        await asyncio.sleep(0.005)
    with pytest.raises(HomeAssistantError) as error:
        await call
    assert error.value.translation_domain == DOMAIN
    return error.value.translation_key


def own_message(simulator: Simulator) -> None:
    chat = simulator.world.chats[KIM]
    me = next(person for person in chat.participants if person.is_self)
    simulator.world.incoming(chat, me, "Ha").id = "own"


@GROUPS
async def test_actions_fail_clearly_and_are_done_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    attacks: tuple[Attack, ...],
) -> None:
    own_message(simulator)
    for attack in attacks:
        simulator.requests.clear()
        simulator.faults.clear()
        fault = attack.by(simulator, "wire", times=None)
        async with bounded():
            for action, (data, key) in UNKNOWN.items():
                call = data | {"message": attack.name} if "message" in data else data
                if action == "create_chat":
                    call = data | {"message_text": attack.name}
                assert key == await failing(
                    hass, action, call, fault, skip_time, slow=attack.is_slow
                ), (attack.name, action)
            for action, data in READ.items():
                assert f"read_{attack.reason}" == await failing(
                    hass, action, data, fault, skip_time, slow=attack.is_slow
                ), (attack.name, action)

        changes = [
            request for request in simulator.requests if request.method in CHANGING
        ]
        assert [request.executed for request in changes] == [True] * 3, attack.name
    assert not files(media)
    assert SIGN not in caplog.text
    simulator.faults.clear()
    assert await hass.services.async_call(
        DOMAIN, "list_messages", {"chat_id": KIM}, blocking=True, return_response=True
    )


@pytest.mark.parametrize(
    ("status", "key", "name"),
    [
        (302, "redirected", "endless"),
        (400, "rejected", "endless gzip"),
        (401, "token_refused", "one byte at a time"),
        (404, "chat_not_found", "endless gzip"),
        (429, "rate_limited", "deep lists"),
    ],
)
async def test_refusal_with_any_body_is_a_refusal(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    status: int,
    key: str,
    name: str,
) -> None:
    attack = ATTACKS[name]
    fault = attack.by(
        simulator,
        "wire",
        method="POST",
        body=attack.body.replace(b"200 OK", str(status).encode() + b" NO", 1),
    )
    data, _ = UNKNOWN["send_message"]

    async with bounded():
        assert key == await failing(
            hass, "send_message", data, fault, skip_time, slow=attack.is_slow
        )

    assert SIGN not in caplog.text


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("endless gzip", "/v1/info"),
        ("one byte at a time", "/v1/info"),
        ("no UTF-8", "/v1/info"),
        ("endless headers", "/v1/accounts"),
        ("many long numbers", "/v1/accounts"),
        ("deep objects", "/v1/chats*"),
        ("millions of values", "/v1/chats*"),
    ],
)
async def test_setup_is_retried(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    name: str,
    path: str,
) -> None:
    attack = ATTACKS[name]
    fault = attack.by(simulator, "wire", path=path, times=None)

    async with bounded():
        setting_up = asyncio.create_task(
            hass.config_entries.async_setup(entry.entry_id)
        )
        if attack.is_slow:
            await until(lambda: fault.hits)
            skip_time(31)
        assert not await setting_up

    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason
    assert SIGN not in caplog.text + entry.reason
    simulator.faults.clear()
    skip_time(61)
    await until(lambda: entry.state is ConfigEntryState.LOADED)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("endless chunks", "download_too_large"),
        ("endless gzip", "download_too_large"),
        ("a petabyte is promised", "download_too_large"),
        ("one byte at a time", "read_timeout"),
        ("endless headers", "read_connection_lost"),
        ("too short", "read_connection_lost"),
    ],
)
async def test_file_is_complete_or_absent(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
    name: str,
    key: str,
) -> None:
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 20 * MB)
    attack = ATTACKS[name]
    fault = attack.by(
        simulator,
        "wire",
        path="/v1/assets/serve",
        body=attack.body.replace(b"application/json", b"image/png"),
        times=None,
    )

    async with bounded(32):
        failed = asyncio.create_task(
            failing(
                hass,
                "download_attachment",
                READ["download_attachment"],
                fault,
                skip_time,
                slow=False,
            )
        )
        if attack.is_slow:
            await until(lambda: fault.hits)
            await asyncio.sleep(0.05)
            skip_time(301)  # As long as a file may take.
        assert await failed == key

    assert not files(media)


MESSAGES = "/v1/chats/*/messages"
PAGE = {
    "items": [
        {
            "id": "!any:beeper.com",
            "accountID": "whatsapp",
            "type": "single",
            "timestamp": "2126-01-01T00:00:00Z",
            "lastActivity": "2126-01-01T00:00:00Z",
        }
    ],
    "hasMore": True,
}


@pytest.mark.parametrize(
    ("action", "data", "path", "most", "profile"),
    [
        ("list_chats", {"limit": 200}, "/v1/chats/search", 40, "latest"),
        ("list_messages", {"chat_id": KIM, "limit": 200}, MESSAGES, 40, "latest"),
        (
            "search_messages",
            {"query": "x", "limit": 200},
            "/v1/messages/search",
            40,
            "latest",
        ),
        # Newer servers are asked for the one message.
        (
            "download_attachment",
            {"chat_id": KIM, "message_id": "any"},
            MESSAGES,
            50,
            "4.1.294",
        ),
        (
            "find",
            {"query": "kim", "account_id": "whatsapp"},
            "*/contacts/list",
            500,
            "latest",
        ),
        (
            "create_chat",
            {
                "participant_ids": ["15550101002", "15550101003"],
                "type": "group",
                "if_exists": "reuse",
            },
            "/v1/chats/search",
            500,
            "latest",
        ),
    ],
)
async def test_pagination_ends(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
    path: str,
    most: int,
) -> None:
    call = data | {"allow_repeat": True} if "if_exists" in data else data
    # The unread sensor may read its ten pages at the same time.
    unread = 10 if path == "/v1/chats/search" else 0
    for cursor, pages in (("round and round", 2), ("on and {hits}", most)):
        simulator.faults.clear()
        fault = simulator.faults.add(
            "garbage",
            path=path,
            method="GET",
            body=json.dumps(PAGE | {"oldestCursor": cursor}),
            times=None,
        )
        async with bounded():
            with suppress(HomeAssistantError):
                await hass.services.async_call(
                    DOMAIN,
                    action,
                    call,
                    blocking=True,
                    return_response=True,
                )
        assert 1 < fault.hits <= pages + unread, cursor

    assert len(simulator.executed) == (2 if action == "create_chat" else 0)


# The stream


def frame(
    payload: bytes = b"", *, kind: int = 1, last: bool = True, flags: int = 0
) -> bytes:
    """Return a WebSocket frame as servers write them; 1 is text."""
    length = len(payload)
    if length < 126:
        length_bytes = bytes([length])
    elif length < 1 << 16:
        length_bytes = b"\x7e" + length.to_bytes(2)
    else:
        length_bytes = b"\x7f" + length.to_bytes(8)
    return bytes([kind | last << 7 | flags]) + length_bytes + payload


def event(chat_id: str, *ids: str) -> bytes:
    event = {"type": "message.upserted", "chatID": chat_id, "ids": ids}
    return frame(json.dumps(event).encode())


CONTINUED, BINARY, CLOSE, PING, PONG = 0, 2, 8, 9, 10
COMPRESSED = 0x40
FRAMES = (
    Attack(name="empty frames", body=b"", again=frame() * 10_000),
    Attack(name="tiny frames", body=b"", again=frame(b"0") * 10_000),
    Attack(name="binary frames", body=b"", again=frame(b"0", kind=BINARY) * 10_000),
    Attack(name="pings", body=b"", again=frame(b"0", kind=PING) * 10_000),
    Attack(name="pongs", body=b"", again=frame(b"0", kind=PONG) * 10_000),
    Attack(
        name="a frame of exabytes", body=b"\x81\x7f" + b"\x70" * 8, again=b"x" * 65536
    ),
    Attack(name="large frames", body=b"", again=frame(b"x" * 4_190_000)),
    Attack(name="a frame too large", body=frame(b"x" * 5_000_000)),
    Attack(
        name="a message without end",
        body=frame(b"[", last=False),
        again=frame(b"[" * 65536, kind=CONTINUED, last=False),
    ),
    Attack(
        name="a message of nothing without end",
        body=frame(b"[", last=False),
        again=frame(kind=CONTINUED, last=False) * 10_000,
    ),
    Attack(
        name="a compressed bomb",
        body=frame(bomb("raw")[0], flags=COMPRESSED, last=False),
        again=frame(bomb("raw")[1], kind=CONTINUED, last=False),
    ),
    Attack(name="half a frame", body=frame(SIGN.encode() * 999)[:-1], reason="timeout"),
    Attack(name="no such frame", body=frame(SIGN.encode(), kind=3)),
    Attack(name="no frames", body=SIGN.encode() * 1000),
    Attack(name="a long goodbye", body=frame(SIGN.encode() * 99, kind=CLOSE)),
    Attack(name="an odd goodbye", body=frame(b"\0\1" + SIGN.encode(), kind=CLOSE)),
    Attack(name="no UTF-8", body=frame(b"\xff\xfe")),
    Attack(name="deep lists", body=frame(b"[" * 4_000_000)),
    Attack(name="many values", body=frame(b"[" + b"{}," * 1_350_000 + b"0]")),
    Attack(
        name="values as many as may be",
        body=b"",
        again=frame(b"[" + b"{}," * 124_990 + b"0]"),
    ),
    Attack(name="long numbers", body=frame(b"[" + (b"9" * 4300 + b",") * 950 + b"0]")),
    Attack(
        name="ids without end",
        body=b"",
        again=event(KIM, *(f"{SIGN}{number}" for number in range(50_000))),
    ),
    Attack(
        name="chats without end",
        body=b"".join(event(f"!{SIGN}{number}:x", "1") for number in range(30_000)),
    ),
)


@pytest.mark.parametrize("attack", FRAMES, ids=lambda attack: attack.name)
async def test_hostile_stream_is_survived_or_closed(
    hass: HomeAssistant,
    simulator: Simulator,
    impatient: None,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    attack: Attack,
) -> None:
    async with bounded():
        fault = attack.by(simulator, "ws_wire")
        await until(lambda: fault.hits)
        await asyncio.sleep(0.1)
        simulator.incoming(KIM, None, "Are you there?")
        await asyncio.sleep(0.1)
        skip_time(61)
        await until(lambda: events)
    await asyncio.sleep(0.1)

    assert texts(events) == ["Are you there?"]
    assert SIGN not in caplog.text


HANDSHAKES = (
    ATTACKS["endless headers"],
    ATTACKS["no HTTP"],
    ATTACKS["one header at a time"],
    Attack(
        name="anything is a welcome",
        body=b"HTTP/1.1 101 Welcome\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + SIGN.encode() + BLANK * 2,
        again=frame(b"[" * 65536),
    ),
)


@pytest.mark.parametrize("attack", HANDSHAKES, ids=lambda attack: attack.name)
async def test_stream_without_handshake(
    hass: HomeAssistant,
    simulator: Simulator,
    impatient: None,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
    attack: Attack,
) -> None:
    fault = attack.by(simulator, "wire", path="/v1/ws", times=2)

    def reached(number: int) -> bool:
        return fault.hits == number

    async with bounded():
        simulator.faults.add("ws_close")
        for number in (1, 2):
            await until(partial(reached, number))
            if attack.is_slow:
                await asyncio.sleep(0.05)
                skip_time(31)
        await until(lambda: simulator.hub.connections)
        simulator.incoming(KIM, None, "Are you there?")
        await until(lambda: events)
    await asyncio.sleep(0.1)

    assert texts(events) == ["Are you there?"]
    assert SIGN not in caplog.text


async def test_pending_events_are_bounded(
    hass: HomeAssistant,
    simulator: Simulator,
    impatient: None,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
) -> None:
    monkeypatch.setattr(read_queue, "_MAX_PENDING", 100)
    simulator.faults.add("delay", path="*/messages", seconds=25, times=None)
    read = listening.runtime_data.inbox
    fault = simulator.faults.add(
        "ws_wire",
        body=b"".join(event(f"!{number}:x", "1") for number in range(300)),
        again=frame(),
        seconds=0.01,
    )
    await until(lambda: fault.hits)
    await until(lambda: read.statistics["chats_to_read"] >= 90)
    await asyncio.sleep(0.5)

    assert read.statistics["chats_to_read"] <= 100
    simulator.faults.clear()
    simulator.incoming(KIM, None, "Are you there?")
    skip_time(31)
    while not events:  # After a hundred others.
        await asyncio.sleep(0.05)
    assert texts(events) == ["Are you there?"]


async def test_sent_message_is_found_among_hostile_texts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    me = next(person for person in chat.participants if person.is_self)
    simulator.incoming(KIM, me.id, "<" * 200_000)
    simulator.incoming(KIM, me.id, "<!--" * 50_000)
    simulator.faults.add("drop_after", method="POST")
    data, _ = UNKNOWN["send_message"]

    async with bounded():
        response = await hass.services.async_call(
            DOMAIN, "send_message", data, blocking=True, return_response=True
        )

    assert response
    assert response["recovered"] is True
