"""Fault injection for requests and sockets.

| kind            | effect                                               | options       |
|-----------------|------------------------------------------------------|---------------|
| `delay`         | waits, then runs                                     | seconds       |
| `delay_after`   | runs, then waits before it responds                  | seconds       |
| `drop_before`   | closes the connection without running                |               |
| `drop_after`    | runs, closes the connection without a response       |               |
| `drop_reused`   | like drop_before, but only on a connection that has  |               |
|                 | served a request: a stale keep-alive connection      |               |
| `status_before` | responds without running                             | response      |
| `status_after`  | runs, then responds with that                        | response      |
| `cut`           | runs, announces the full length, sends half, closes  |               |
| `garbage`       | runs, responds 200 with another body, in which       | body, size,   |
|                 | `{hits}` is the number of hits; `size`: streams that | content_type  |
|                 | body repeatedly up to so many bytes                  |               |
| `stall_body`    | runs, sends headers and half of the body, closes     | seconds       |
|                 | after that time                                      |               |
| `wire`          | runs, writes the raw `body` to the connection, then  | body, again,  |
|                 | repeats `again` until the client leaves; closes      | seconds       |
|                 | without `again`                                      |               |
| `ws_refuse`     | rejects the WebSocket upgrade with a status          | response      |
| `ws_close`      | closes the socket                                    | code          |
| `ws_stall`      | keeps the socket open, without frames and pongs      |               |
| `ws_flood`      | sends the newest message that many times             | count         |
| `ws_garbage`    | sends a text or binary frame with that body          | body          |
| `ws_wire`       | writes raw bytes to the socket, like `wire`          | body, again,  |
|                 |                                                      | seconds       |
| `ws_repeat`     | sends each of the next events twice                  | count         |
| `ws_shuffle`    | buffers that many events, then sends them in reverse | count         |
|                 | order                                                |               |

A response is `status`, `body` (JSON, text or bytes), `headers`, `content_type`. Faults
apply to reads as well as writes.

The first matching fault, in the order of adding, applies to a request. The faults from
`ws_close` on apply to open sockets immediately, or to the next socket after `ready`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
import json
from typing import Any

from aiohttp import web

from .model import Json

type Run = Callable[[], Awaitable[web.StreamResponse]]
WS_KINDS = (
    "ws_close",
    "ws_stall",
    "ws_flood",
    "ws_garbage",
    "ws_wire",
    "ws_repeat",
    "ws_shuffle",
)
WS_PATH = "/v1/ws"
NO_ANSWER = 444
"""Status of a response that never reaches the wire."""
_AHEAD = 1 << 20


@dataclass(kw_only=True)
class Fault:
    """One fault.

    `path` is a shell pattern for the percent-encoded path. `times` is the number of
    remaining hits, None for no limit.
    """

    kind: str
    method: str | None = None
    path: str = "*"
    times: int | None = 1
    seconds: float = 0
    status: int = 500
    body: str | bytes | Json | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    size: int | None = None
    again: str | bytes = ""
    code: int = 1011
    count: int = 100
    hits: int = 0
    """Number of requests and sockets it was applied to."""
    over: int = 0
    """Number of requests it was applied to that are over."""

    def __post_init__(self) -> None:
        """Reject unknown kinds, and limit WebSocket faults to the WebSocket path."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}; one of {', '.join(KINDS)}")
        if self.kind.startswith("ws_"):
            self.path = WS_PATH
        self._ended = asyncio.Event()

    def end(self) -> None:
        """End the delay of all requests that wait, and of later ones."""
        self._ended.set()

    async def wait(self) -> None:
        """Wait as long as the fault delays a request."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                await self._ended.wait()


class FaultDesk:
    """The faults that wait for a matching request or socket."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.on_add: Callable[[], None] = lambda: None
        """Called after each `add`, so that open sockets apply new faults."""

    def add(self, kind: str, **options: Any) -> Fault:
        """Add a fault; `options` are the fields of `Fault`."""
        fault = Fault(kind=kind, **options)
        self.waiting.append(fault)
        self.on_add()
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self.waiting.clear()

    def take(self, method: str, path: str, *, reused: bool) -> Fault | None:
        """Return the fault to apply to a request, and count the hit."""
        return self._take(
            lambda fault: (
                fault.kind not in WS_KINDS
                and fault.method in (None, method)
                and fnmatchcase(path, fault.path)
                and (reused or fault.kind != "drop_reused")
            )
        )

    def take_for_socket(self) -> Fault | None:
        """Return the fault to apply to an open socket, and count the hit."""
        return self._take(lambda fault: fault.kind in WS_KINDS)

    def _take(self, matches: Callable[[Fault], bool]) -> Fault | None:
        fault = next((fault for fault in self.waiting if matches(fault)), None)
        if fault:
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self.waiting.remove(fault)
        return fault


async def apply(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    """Apply a fault to a request. `run` carries out the request."""
    try:
        return await _EFFECTS[fault.kind](fault, request, run)
    finally:
        fault.over += 1


def hang_up(request: web.Request) -> web.Response:
    """Close a request's connection; the returned response is never sent."""
    if request.transport:
        request.transport.abort()
    return web.Response(status=NO_ANSWER)


async def write(fault: Fault, transport: asyncio.Transport) -> None:
    """Write a fault's bytes at the reader's speed, then close."""
    body, _ = _raw(fault, "")
    again = fault.again.encode() if isinstance(fault.again, str) else fault.again
    transport.write(body)
    while again and not transport.is_closing():
        await asyncio.sleep(fault.seconds)
        if transport.get_write_buffer_size() < _AHEAD:
            transport.write(again)
    transport.close()


async def _delay(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    await fault.wait()
    return await run()


async def _delay_after(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    response = await run()
    await fault.wait()
    return response


async def _drop(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    return hang_up(request)


async def _drop_after(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    await run()
    return hang_up(request)


async def _status(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    body, content_type = _raw(fault, "text/plain")
    return web.Response(
        status=fault.status,
        body=body,
        headers=fault.headers,
        content_type=content_type,
    )


async def _status_after(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    await run()
    return await _status(fault, request, run)


async def _garbage(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    await run()
    body, content_type = _raw(fault, "application/json")
    body = body.replace(b"{hits}", str(fault.hits).encode())
    if fault.size is None:
        return web.Response(body=body, content_type=content_type)
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    piece = (body or b" ") * (65536 // max(len(body), 1) + 1)
    for start in range(0, fault.size, len(piece)):
        await response.write(piece[: fault.size - start])
    await response.write_eof()
    return response


def _raw(fault: Fault, content_type: str) -> tuple[bytes, str]:
    """The body bytes of a fault, and their type, by default `content_type`."""
    body = fault.body
    if isinstance(body, dict | list):
        body, content_type = json.dumps(body), "application/json"
    if isinstance(body, str):
        body = body.encode()
    return body or b"", fault.content_type or content_type


async def _half(request: web.Request, run: Run) -> web.StreamResponse:
    """Run the request, then send the headers and half of the body."""
    whole = await run()
    body = (
        whole.body
        if isinstance(whole, web.Response) and isinstance(whole.body, bytes)
        else b""
    )
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return response


async def _cut(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    response = await _half(request, run)
    if request.transport:
        request.transport.close()  # buffered data is still sent
    return response


async def _stall_body(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    response = await _half(request, run)
    await fault.wait()
    hang_up(request)
    return response


async def _wire(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    if not request.path.endswith(WS_PATH):
        await run()
    if isinstance(request.transport, asyncio.Transport):
        await write(fault, request.transport)
    return web.Response(status=NO_ANSWER)


_EFFECTS: dict[
    str, Callable[[Fault, web.Request, Run], Awaitable[web.StreamResponse]]
] = {
    "delay": _delay,
    "delay_after": _delay_after,
    "drop_before": _drop,
    "drop_after": _drop_after,
    "drop_reused": _drop,
    "status_before": _status,
    "status_after": _status_after,
    "cut": _cut,
    "garbage": _garbage,
    "stall_body": _stall_body,
    "wire": _wire,
    "ws_refuse": _status,
}
KINDS = (*_EFFECTS, *WS_KINDS)
