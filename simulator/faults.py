"""The fault desk: makes chosen requests and sockets go wrong.

| kind            | what happens                                         | options       |
|-----------------|------------------------------------------------------|---------------|
| `delay`         | waits, then runs                                     | seconds       |
| `delay_after`   | runs, answers late                                   | seconds       |
| `drop_before`   | connection closed, nothing ran                       |               |
| `drop_after`    | ran, connection closed without an answer             |               |
| `drop_reused`   | as drop_before, but only on a connection that had    |               |
|                 | served a request: an idle one that died              |               |
| `status_before` | answers without running                              | answer        |
| `status_after`  | ran, then answers that                               | answer        |
| `cut`           | ran, promises the whole body, sends half, closes     |               |
| `garbage`       | ran, answers 200 with another body, `{hits}` in it   | body, size,   |
|                 | being how often it struck; with `size` that repeats  | content_type  |
|                 | up to so many bytes, never held at once              |               |
| `stall_body`    | ran, sends headers and half of the body, closes only | seconds       |
|                 | when the time has passed                             |               |
| `wire`          | ran, then writes `body` to the connection as it is,  | body, again,  |
|                 | and `again` over and over until the client leaves,   | seconds       |
|                 | or closes if there is none                           |               |
| `ws_refuse`     | the WebSocket upgrade is answered with a status      | answer        |
| `ws_close`      | socket closed                                        | code          |
| `ws_stall`      | socket stays open, but no frames and no pongs        |               |
| `ws_flood`      | sends the newest message again, that often           | count         |
| `ws_garbage`    | sends a frame with that body, as text or bytes       | body          |
| `ws_wire`       | writes bytes to the socket as `wire` does            | body, again,  |
|                 |                                                      | seconds       |
| `ws_repeat`     | sends each of the next events twice                  | count         |
| `ws_shuffle`    | holds so many events back, then sends them in        | count         |
|                 | reverse                                              |               |

An answer is `status`, `body` (JSON, text or bytes), `headers`, `content_type`. What
"ran" changed something only if the request was to; reads are struck alike.

A request takes the first fault that matches it, in the order they were added. An
open socket takes those from `ws_close` on at once; if none is open, the next one does,
after `ready`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
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

    `path` is a shell pattern for the percent-encoded path; `times` is how often it
    still strikes, None for ever.
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
    """How often it struck."""

    def __post_init__(self) -> None:
        """Refuse misspelt kinds; keep those for the WebSocket to it."""
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault {self.kind!r}; one of {', '.join(KINDS)}")
        if self.kind.startswith("ws_"):
            self.path = WS_PATH


class FaultDesk:
    """Faults that wait to strike."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.on_add: Callable[[], None] = lambda: None
        """Called after each `add`, so that open sockets can look."""

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
        """Take the fault that strikes a request."""
        return self._take(
            lambda fault: (
                fault.kind not in WS_KINDS
                and fault.method in (None, method)
                and fnmatchcase(path, fault.path)
                and (reused or fault.kind != "drop_reused")
            )
        )

    def take_for_socket(self) -> Fault | None:
        """Take the fault that strikes an open socket."""
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


async def strike(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    """Answer a request with a fault in it. `run` does what the request asks for."""
    return await _STRIKES[fault.kind](fault, request, run)


def hang_up(request: web.Request) -> web.Response:
    """Close a request's connection; the answer returned goes nowhere."""
    if request.transport:
        request.transport.abort()
    return web.Response(status=NO_ANSWER)


async def write(fault: Fault, transport: asyncio.Transport) -> None:
    """Write a fault's bytes, no faster than they are read; close after the last."""
    body, _ = _raw(fault, "")
    again = fault.again.encode() if isinstance(fault.again, str) else fault.again
    transport.write(body)
    while again and not transport.is_closing():
        await asyncio.sleep(fault.seconds)
        if transport.get_write_buffer_size() < _AHEAD:
            transport.write(again)
    transport.close()


async def _delay(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    await asyncio.sleep(fault.seconds)
    return await run()


async def _delay_after(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    response = await run()
    await asyncio.sleep(fault.seconds)
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
    """The bytes a fault answers, and their type, by default `content_type`."""
    body = fault.body
    if isinstance(body, dict | list):
        body, content_type = json.dumps(body), "application/json"
    if isinstance(body, str):
        body = body.encode()
    return body or b"", fault.content_type or content_type


async def _half(request: web.Request, run: Run) -> web.StreamResponse:
    """Run, then send the headers and half of the body."""
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
        request.transport.close()  # what is written still goes out
    return response


async def _stall_body(
    fault: Fault, request: web.Request, run: Run
) -> web.StreamResponse:
    response = await _half(request, run)
    await asyncio.sleep(fault.seconds)
    hang_up(request)
    return response


async def _wire(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
    if not request.path.endswith(WS_PATH):
        await run()
    if isinstance(request.transport, asyncio.Transport):
        await write(fault, request.transport)
    return web.Response(status=NO_ANSWER)


_STRIKES: dict[
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
KINDS = (*_STRIKES, *WS_KINDS)
