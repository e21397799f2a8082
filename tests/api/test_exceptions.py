"""Every failure: its exception, and whether the request may have run."""

import asyncio
from collections.abc import Callable
import json
from typing import Any
import zlib

import pytest

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    TooLongAnswerError,
    UnreadableAnswerError,
)
from custom_components.beeper.api.transport import Sessions
from simulator import Simulator
from tests.helpers.certificates import Certificate
from tests.helpers.servers import TOKEN
from tests.helpers.waiting import until

from .conftest import (
    CREATE,
    START,
    MakeClient,
    RawServer,
    Speak,
    StubResolver,
    read_request,
    reset,
)

pytestmark = pytest.mark.parametrize("change", [True, False], ids=["change", "read"])

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def get_error(client: BeeperClient, change: bool) -> BeeperError:
    """Create or read a chat and return the raised error."""
    chat_id = "!NCdzlIaMjZUmvmvyHU:beeper.com"
    with pytest.raises(BeeperError) as raised:
        await (client.create_chat(CREATE) if change else client.chat(chat_id))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    return raised.value


# No connection: nothing ran


@pytest.fixture
async def free_port(unused_tcp_port: int) -> int:
    return unused_tcp_port


async def test_connection_refused(
    sessions: Sessions, free_port: int, change: bool
) -> None:
    client = BeeperClient(sessions, f"http://127.0.0.1:{free_port}", TOKEN)
    err = await get_error(client, change)
    assert type(err) is CannotConnectError
    assert not err.may_have_run


async def test_unknown_host_name(make_client: MakeClient, change: bool) -> None:
    async def unknown() -> Any:
        raise OSError("Name or service not known")

    client = await make_client(
        "http://beeper.invalid:23373", resolver=StubResolver(unknown)
    )
    err = await get_error(client, change)
    assert type(err) is CannotConnectError
    assert not err.may_have_run


async def test_untrusted_certificate(
    sessions: Sessions, certificate: Certificate, change: bool
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        err = await get_error(BeeperClient(sessions, simulator.url, TOKEN), change)
    assert type(err) is TLSError
    assert not err.may_have_run
    assert simulator.requests == []


async def test_certificate_of_another_host(
    make_client: MakeClient, certificate: Certificate, change: bool
) -> None:
    async def here() -> Any:
        return [
            {
                "hostname": "beeper.example",
                "host": "127.0.0.1",
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async with Simulator(ssl_context=certificate.server) as simulator:
        port = int(simulator.url.rpartition(":")[2])
        client = await make_client(
            f"https://beeper.example:{port}",
            ssl=certificate.client,
            resolver=StubResolver(here),
        )
        err = await get_error(client, change)
    assert type(err) is TLSError
    assert simulator.requests == []


async def test_https_to_an_http_server(
    sessions: Sessions, simulator: Simulator, change: bool
) -> None:
    url = simulator.url.replace("http:", "https:")
    err = await get_error(BeeperClient(sessions, url, TOKEN), change)
    assert type(err) is TLSError
    assert not err.may_have_run
    assert simulator.requests == []


async def test_http_to_an_https_server(
    sessions: Sessions, certificate: Certificate, change: bool
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        url = simulator.url.replace("https:", "http:")
        err = await get_error(BeeperClient(sessions, url, TOKEN), change)
    assert err.may_have_run is change
    assert simulator.requests == []


async def test_name_resolution_timeout(
    make_client: MakeClient, skip_time: Callable[[float], None], change: bool
) -> None:
    asked = asyncio.Event()

    async def never() -> Any:
        asked.set()
        await asyncio.Event().wait()

    client = await make_client(
        "http://beeper.example:23373", resolver=StubResolver(never)
    )
    request = asyncio.create_task(get_error(client, change))
    await asked.wait()
    skip_time(11)
    err = await request
    assert type(err) is RequestTimeoutError
    assert not err.may_have_run


async def test_tls_handshake_timeout(
    sessions: Sessions,
    raw: RawServer,
    skip_time: Callable[[float], None],
    change: bool,
) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    url = await raw.start(silent)
    client = BeeperClient(sessions, url.replace("http:", "https:"), TOKEN)
    request = asyncio.create_task(get_error(client, change))
    await until(lambda: raw.connections)
    skip_time(11)
    err = await request
    assert type(err) is RequestTimeoutError
    assert not err.may_have_run


# A connection, but no complete response


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "cut"])
async def test_connection_lost(
    client: BeeperClient, simulator: Simulator, kind: str, change: bool
) -> None:
    simulator.faults.add(kind, times=None)
    err = await get_error(client, change)
    assert type(err) is ConnectionLostError
    assert err.may_have_run is change


async def reset_immediately(
    _: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    reset(writer)


async def reset_after_reading(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await read_request(reader)
    reset(writer)


async def reset_in_the_body(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await read_request(reader)
    writer.write(OK + b'Content-Length: 1000\r\n\r\n{"id"')
    await writer.drain()
    reset(writer)


async def close_immediately(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    pass


@pytest.mark.parametrize(
    "speak",
    [reset_immediately, reset_after_reading, reset_in_the_body, close_immediately],
)
async def test_connection_reset(
    sessions: Sessions, raw: RawServer, speak: Speak, change: bool
) -> None:
    err = await get_error(BeeperClient(sessions, await raw.start(speak), TOKEN), change)
    assert type(err) is ConnectionLostError
    assert err.may_have_run is change


@pytest.mark.parametrize("kind", ["delay", "delay_after", "stall_body"])
async def test_response_timeout(
    client: BeeperClient,
    simulator: Simulator,
    skip_time: Callable[[float], None],
    kind: str,
    change: bool,
) -> None:
    fault = simulator.faults.add(kind, seconds=3600)
    request = asyncio.create_task(get_error(client, change))
    ran = change and kind != "delay"
    await until(lambda: fault.hits and len(simulator.executed) == ran)

    skip_time(29)
    await asyncio.sleep(0)
    assert not request.done()
    skip_time(2)
    err = await request

    assert type(err) is RequestTimeoutError
    assert err.may_have_run is change
    assert len(simulator.requests) == 1


async def test_slow_body_timeout(
    sessions: Sessions,
    raw: RawServer,
    skip_time: Callable[[float], None],
    change: bool,
) -> None:
    """One timeout covers request and body: received bytes do not restart it."""
    dripped = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK + b"\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            dripped.set()
            await asyncio.sleep(0.001)

    client = BeeperClient(sessions, await raw.start(drip), TOKEN)
    request = asyncio.create_task(get_error(client, change))
    for _ in range(16):
        dripped.clear()
        await until(lambda: dripped.is_set() or request.done())
        skip_time(2)
    err = await request
    assert type(err) is RequestTimeoutError
    assert err.may_have_run is change


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\0\1\2\3" * 100,
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: nonsense\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: x\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: ;;;=\x01\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=x\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 999 Strange\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_response_is_not_http(
    sessions: Sessions, raw: RawServer, answer: bytes, change: bool
) -> None:
    raw.answer = answer
    err = await get_error(BeeperClient(sessions, await raw.start(), TOKEN), change)
    assert err.may_have_run is change


@pytest.mark.parametrize(
    "date",
    [
        b"Sun, 22 Nov 2026 05:00:00",
        b"Sun, 22 Nov 2026 05:00:00 -0000",
        b"Mon, 01 Jan 0001 00:00:00 +2359",
        b"Fri, 31 Dec 9999 23:59:59 -2359",
        b"Sun, 22 Nov 2026 05:00:00 +9999",
        b"0",
        b"",
    ],
)
async def test_invalid_date_header_is_ignored(
    sessions: Sessions, raw: RawServer, date: bytes, change: bool
) -> None:
    raw.answer = (
        OK + b"Content-Length: 11\r\nDate: " + date + b"\r\n\r\n" + b'{"id": "a"}'
    )
    client = BeeperClient(sessions, await raw.start(), TOKEN)
    if change:
        assert (await client.create_chat(CREATE)).chat_id == "a"
    else:
        assert (await client.chat("a")).id == "a"


# An unreadable response

WRONG_SHAPES: list[Any] = [
    None,
    True,
    5,
    "!a:b.c",
    [],
    [{"id": "!a:b.c"}],
    {},
    {"id": None},
    {"id": ""},
    {"id": 5},
    {"id": ["!a:b.c"]},
    {"id": {"id": "!a:b.c"}},
    {"chat": {"id": "!a:b.c"}},
    {"ID": "!a:b.c"},
    {"success": True},
    {"id": float("nan")},
]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"garbage",
        b"<!doctype html><title>Welcome</title>",
        b'{"id": "!a:b.c"',
        b'{"id": "!a:b.c"} {}',
        b"{'id': '!a:b.c'}",
        b'{"id": "\xff\xfe"}',
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 10_000,
        *(json.dumps(shape).encode() for shape in WRONG_SHAPES),
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_unexpected_body(
    client: BeeperClient, simulator: Simulator, body: bytes, change: bool
) -> None:
    simulator.faults.add("garbage", body=body)
    err = await get_error(client, change)
    assert type(err) is UnreadableAnswerError
    assert err.may_have_run is change


async def test_endless_body_is_rejected(
    sessions: Sessions, raw: RawServer, change: bool
) -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(OK + b"\r\n[")
        while True:
            writer.write(b" " * 2**18)
            await writer.drain()
            sent += 2**18

    err = await get_error(BeeperClient(sessions, await raw.start(pour), TOKEN), change)
    assert type(err) is TooLongAnswerError
    assert err.may_have_run is change
    assert sent < 40 * 2**20


BOMB = zlib.compress(b" " * 2**26, wbits=31)


async def test_compressed_body_is_rejected(
    sessions: Sessions, raw: RawServer, change: bool
) -> None:
    raw.answer = (
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB
    )
    err = await get_error(BeeperClient(sessions, await raw.start(), TOKEN), change)
    assert type(err) is TooLongAnswerError
    assert err.may_have_run is change


# An error status


@pytest.mark.parametrize(
    ("status", "kind", "maybe"),
    [
        *((status, AnswerError, False) for status in (300, 301, 302, 303, 307, 308)),
        *((status, AnswerError, False) for status in (400, 409, 413, 422, 429, 451)),
        (401, AuthenticationError, False),
        (403, ForbiddenError, False),
        (404, RouteAbsentError, False),
        (405, RouteAbsentError, False),
        (408, AnswerError, True),
        (500, AnswerError, True),
        (501, RouteAbsentError, False),
        *((status, AnswerError, True) for status in (502, 503, 504, 520, 599)),
    ],
)
async def test_status(
    client: BeeperClient,
    simulator: Simulator,
    status: int,
    kind: type[AnswerError],
    maybe: bool,
    change: bool,
) -> None:
    simulator.faults.add("status_before", status=status)
    err = await get_error(client, change)
    assert type(err) is kind
    assert isinstance(err, AnswerError)
    assert err.status == status
    assert err.may_have_run is (maybe and change)
    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        (b"plain", None, ()),
        (b"{", None, ()),
        (b"\xff", None, ()),
        (b"[" * 200_000, None, ()),
        ([1], None, ()),
        ({"code": "X"}, "X", ()),
        ({"code": 5}, None, ()),
        ({"code": "X", "details": None}, "X", ()),
        ({"code": "X", "details": {"accountID": "no"}}, "X", ("account_id",)),
        ({"code": "X", "details": {"issues": "many"}}, "X", ()),
        ({"code": "X", "details": {"issues": [5, {"path": "body"}, {}]}}, "X", ()),
        (
            {"code": "X", "details": {"issues": [{"path": ["body", "user", "email"]}]}},
            "X",
            ("user", "email"),
        ),
        (
            {"code": "X", "details": {"issues": [{"path": [0, ["accountID"], {}]}]}},
            "X",
            (),
        ),
        (
            {
                "code": "X",
                "details": {
                    "issues": [{"path": ["type"]}, {"path": ["type", "secret"]}]
                },
            },
            "X",
            ("type",),
        ),
        (  # `query` is both a field and the location of all fields of a GET request.
            {
                "code": "X",
                "details": {
                    "issues": [
                        {"path": ["query", "limit"]},
                        {"path": ["query", "query"]},
                        {"path": []},
                    ]
                },
            },
            "X",
            ("limit", "query"),
        ),
        ({"code": "X", "details": {"issues": [{"path": ["query"]}]}}, "X", ("query",)),
        (
            {"code": "X", "details": {"issues": [{"path": ["query", "cursor"]}]}},
            "X",
            ("cursor",),
        ),
    ],
)
async def test_error_envelope(
    client: BeeperClient,
    simulator: Simulator,
    body: Any,
    code: str | None,
    fields: tuple[str, ...],
    change: bool,
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    simulator.faults.add("status_before", status=400, body=raw)
    err = await get_error(client, change)
    assert isinstance(err, AnswerError)
    assert (err.code, err.fields) == (code, fields)


@pytest.mark.parametrize("profile", ["latest", "easymatrix"])
@pytest.mark.parametrize("scopes", [{"read"}, {"write"}])
async def test_forbidden_names_the_missing_scope(
    client: BeeperClient, simulator: Simulator, scopes: set[str], change: bool
) -> None:
    simulator.tokens[TOKEN] = scopes
    needed = "write" if change else "read"
    if needed in scopes:
        return
    err = await get_error(client, change)
    assert isinstance(err, ForbiddenError)
    assert err.missing_scope == needed


async def test_forbidden_without_a_missing_scope(
    client: BeeperClient, simulator: Simulator, change: bool
) -> None:
    simulator.faults.add(
        "status_before", status=403, body="A logged-in Matrix session is required"
    )
    err = await get_error(client, change)
    assert isinstance(err, ForbiddenError)
    assert err.missing_scope is None


@pytest.mark.parametrize("kind", ["endless", "cut"])
async def test_error_status_with_a_lost_body(
    sessions: Sessions, raw: RawServer, kind: str, change: bool
) -> None:
    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 409 Conflict\r\nContent-Length: 1000000000\r\n\r\n")
        while kind == "endless":
            writer.write(b" " * 2**18)
            await writer.drain()

    err = await get_error(
        BeeperClient(sessions, await raw.start(refuse), TOKEN), change
    )
    assert isinstance(err, AnswerError)
    assert err.status == 409
    assert not err.may_have_run


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_rejected(
    client: BeeperClient, simulator: Simulator, status: int, change: bool
) -> None:
    async with Simulator() as other:
        simulator.faults.add(
            "status_before",
            times=None,
            status=status,
            headers={"Location": f"{other.url}/v1/chats"},
        )
        err = await get_error(client, change)
        with pytest.raises(AnswerError):
            await client.identify()
        with pytest.raises(AnswerError):
            await client.start_chat(START)
        assert other.requests == []
    assert isinstance(err, AnswerError)
    assert err.status == status


async def test_cancellation_is_not_mapped(
    client: BeeperClient, simulator: Simulator, change: bool
) -> None:
    fault = simulator.faults.add("delay", seconds=3600)
    request = asyncio.create_task(get_error(client, change))
    await until(lambda: fault.hits)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
