"""The WebSocket `/v1/ws`: `ready`, subscriptions, events. At most once, no replay."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import json

from aiohttp import WSMsgType, web

from .faults import Fault, FaultDesk, write
from .model import Event, Json, Message
from .profiles import Profile
from .text import iso, milliseconds
from .wire import Wire
from .world import World

_PING_EVERY = 30.0


class Hub:
    """All open sockets of a simulator."""

    def __init__(self, profile: Profile, wire: Wire, faults: FaultDesk) -> None:
        self.connections: list[Connection] = []
        self._profile = profile
        self._wire = wire
        self._faults = faults
        self._world = World()
        faults.on_add = self._notify

    def attach(self, world: World) -> None:
        """Publish the events of `world` from now on."""
        self._world = world
        world.listener = self._publish

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request, self._profile, self._apply_faults)
        self.connections.append(connection)
        try:
            await connection.run()
        finally:
            self.connections.remove(connection)
        return socket

    def hang_up(self) -> None:
        """Abort all sockets."""
        for connection in self.connections:
            connection.abort()

    def _publish(self, event: Event) -> None:
        """Queue an event with the current state for every socket."""
        if event.type == "message.upserted" and not self._visible(event.message):
            return  # servers skip messages they cannot load yet
        frame = self._frame(event)
        for connection in self.connections:
            connection.events.put_nowait(frame)

    def _visible(self, message: Message | None) -> bool:
        return message is not None and self._wire.shows(message)

    def _frame(self, event: Event) -> Json:
        now = self._world.now()
        frame: Json = {
            "type": event.type,
            "ts": iso(now) if self._profile.ws_text_time else milliseconds(now),
            "chatID": event.chat.id,
            "ids": [event.message.id if event.message else event.chat.id],
        }
        if self._profile.ws_app:
            frame["accountID"] = event.chat.account_id
        if event.type == "message.upserted" and event.message:
            frame["entries"] = [
                self._wire.message(self._world, event.message, unsorted=True)
            ]
        return frame

    def _newest(self) -> Json:
        """An event with the newest message."""
        return next(
            self._frame(Event(type="message.upserted", chat=chat, message=message))
            for chat in self._world.recent_chats()
            for message in reversed(chat.messages)
            if self._wire.shows(message)
        )

    def _notify(self) -> None:
        """Let open sockets apply new faults."""
        for connection in self.connections:
            connection.events.put_nowait(None)

    async def _apply_faults(self, connection: Connection) -> None:
        """Apply all waiting socket faults to a connection."""
        while not connection.stalled and (fault := self._faults.take_for_socket()):
            match fault.kind:
                case "ws_stall":
                    connection.stalled = True
                case "ws_close":
                    await connection.socket.close(code=fault.code)
                    return
                case "ws_garbage":
                    await connection.deliver_raw(fault.body)
                case "ws_wire":
                    await connection.write(fault)
                    return
                case "ws_repeat":
                    connection.repeat = fault.count
                case "ws_shuffle":
                    connection.hold = fault.count
                case _:
                    frame = self._newest()
                    for _ in range(fault.count):
                        await connection.deliver(frame)
            if fault.times is None:
                return  # a permanent fault applies once per call


class Connection:
    """One socket: reads commands, writes queued events."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        profile: Profile,
        apply_faults: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self.socket = socket
        self.events: asyncio.Queue[Json | None] = asyncio.Queue()
        """Frames to send; None: apply new faults."""
        self.stalled = False
        self.repeat = 0
        """Number of events left to send twice."""
        self.hold = 0
        """Number of events left to buffer before they are sent in reverse order."""
        self._held: list[Json] = []
        self._transport = request.transport
        self._profile = profile
        self._apply_faults = apply_faults
        self._chats: list[str] = []
        self._seq = 0

    async def run(self) -> None:
        """Send `ready`, then serve until the socket closes."""
        ready: Json = {"type": "ready", "version": 1, "chatIDs": []}
        if self._profile.ws_app:
            ready["app"] = {"state": False}
        await self.socket.send_json(ready)
        self.events.put_nowait(None)
        writer = asyncio.create_task(self._write())
        try:
            await self._read()
        finally:
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer

    @property
    def is_followed(self) -> bool:
        """Whether it is open and subscribed to any events."""
        return bool(self._chats) and not self.socket.closed

    def abort(self) -> None:
        """Abort the connection."""
        if self._transport:
            self._transport.abort()

    async def deliver(self, frame: Json) -> None:
        """Send an event to a subscribed socket; `seq` counts per socket."""
        if self._chats != ["*"] and frame["chatID"] not in self._chats:
            return
        self._held.append({"type": frame["type"], "seq": self._next(), **frame})
        if self.hold:
            self.hold -= 1
            if self.hold:
                return
        due, self._held = self._held[::-1], []
        for event in due:
            await self._send(event)
            if self.repeat:
                self.repeat -= 1
                await self._send(event)

    async def deliver_raw(self, body: object) -> None:
        """Send any frame: binary for bytes, otherwise text."""
        with suppress(ConnectionError):
            if isinstance(body, bytes):
                await self.socket.send_bytes(body)
            else:
                text = body if isinstance(body, str) else json.dumps(body)
                await self.socket.send_str(text)

    async def write(self, fault: Fault) -> None:
        """Write raw bytes until the client leaves."""
        if isinstance(self._transport, asyncio.Transport):
            await write(fault, self._transport)

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.CLOSE:
                if not self.stalled:
                    await self.socket.close()
                return
            if self.stalled:
                continue
            if message.type is WSMsgType.PING:
                await self.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._command(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._send(_error("Payload must be a JSON text message"))

    async def _write(self) -> None:
        """Send queued events and periodic pings."""
        pause = self._profile.ws_first_ping
        while True:
            try:
                async with asyncio.timeout(pause):
                    frame = await self.events.get()
            except TimeoutError:
                if not self.stalled:
                    await self.socket.ping()
                pause = _PING_EVERY
                continue
            if frame is None:
                await self._apply_faults(self)
            else:
                await self.deliver(frame)

    async def _command(self, text: str) -> None:
        try:
            command = json.loads(text)
        except ValueError, RecursionError:
            await self._send(_error("Invalid JSON payload"))
            return
        answer = self._subscribe(command)
        await self._send(answer)
        if answer["type"] == "subscriptions.updated" and command.get("app", {}).get(
            "state"
        ):
            await self._send(
                {
                    "type": "app.state.updated",
                    "seq": self._next(),
                    "appState": {"state": "ready"},
                }
            )

    def _subscribe(self, command: object) -> Json:
        """Handle `subscriptions.set`, the only command: replace all subscriptions."""
        if not isinstance(command, dict) or "type" not in command:
            return _error("Payload must be an object with a type field")
        request_id = command.get("requestID")
        if request_id is not None and not isinstance(request_id, str):
            return _error("requestID must be a string")
        reference = {"requestID": request_id} if request_id is not None else {}
        if command["type"] != "subscriptions.set":
            return (
                _error(
                    f"Unsupported command type: {command['type']}",
                    code="INVALID_COMMAND",
                )
                | reference
            )
        known = {"type", "requestID", "chatIDs"} | (
            {"app"} if self._profile.ws_app else set()
        )
        if command.keys() - known or not isinstance(command.get("app", {}), dict):
            return _error("Invalid subscriptions payload") | reference
        chats = command.get("chatIDs")
        if not isinstance(chats, list) or not all(
            isinstance(chat, str) for chat in chats
        ):
            return _error("chatIDs must be an array of strings") | reference
        if "*" in chats and len(chats) > 1:
            return _error("chatIDs cannot combine '*' with specific IDs") | reference
        self._chats = chats
        return {"type": "subscriptions.updated", **reference, "chatIDs": chats}

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    async def _send(self, frame: Json) -> None:
        if not self.stalled:
            with suppress(ConnectionError):  # the reader handles a closed socket
                await self.socket.send_json(frame)


def _error(message: str, *, code: str = "INVALID_PAYLOAD") -> Json:
    return {"type": "error", "code": code, "message": message}
