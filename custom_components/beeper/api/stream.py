"""One WebSocket connection as events; reconnecting is left to the caller."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiohttp

from .exceptions import ConnectionLostError, UnreadableAnswerError
from .http_responses import (
    MAX_BODY_SIZE,
    error_of_exchange,
    error_of_status,
    parse_body,
)
from .models import Message, is_text
from .transport import Transport
from .unrecognized import Unrecognized

_SILENCE_TIMEOUT: Final = 30.0
"""Seconds without a frame until a ping, and from the ping until disconnecting."""

_FIRST_FRAME_TIMEOUT: Final = 10.0
"""Seconds until the first frame: servers greet at once, and answer the subscription."""

_MAX_BUSY_TIME: Final = 0.01
"""Seconds that handling frames may take before it yields to the event loop."""

# All chats, including future ones. Older servers reject additional keys.
_SUBSCRIPTION: Final = {
    "type": "subscriptions.set",
    "requestID": "all",
    "chatIDs": ["*"],
}
_CONTROL_FRAMES: Final = ("app.state.updated", "ready", "subscriptions.updated")
"""Types of frames that are not events of chats."""

_EVENTS: Final = {
    "chat.deleted",
    "chat.upserted",
    "message.deleted",
    "message.upserted",
}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatEvent:
    """A change in a chat: a message, an edit, a receipt or a setting.

    For events of messages, `ids` are their ids and `written` their known times.
    """

    type: str
    chat_id: str
    ids: frozenset[str]
    written: Mapping[str, datetime]


@asynccontextmanager
async def open_stream(
    transport: Transport,
) -> AsyncIterator[AsyncIterator[ChatEvent]]:
    """Connect, subscribe and wait for the first frame; the events end with ConnectionLostError.

    A proxy may accept a connection that it does not pass on. Raises the errors of a
    request: RouteAbsentError on servers before 4.2.557. Each event is delivered at most
    once, and past events are not delivered.
    """
    session = transport.session
    try:
        async with (
            # A WebSocket follows redirects unless a middleware of the session rejects them.
            aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=session.headers,
                middlewares=(_reject_redirects,),
                # For the handshake only.
                timeout=aiohttp.ClientTimeout(total=_SILENCE_TIMEOUT),
            ) as stream_session,
            stream_session.ws_connect(
                transport.url("ws"),
                headers=transport.authorization,
                autoping=False,
                max_msg_size=MAX_BODY_SIZE,
                timeout=aiohttp.ClientWSTimeout(ws_close=1),
            ) as socket,
        ):
            await socket.send_json(_SUBSCRIPTION)
            first = await _first_frame(socket)
            yield _events(socket, first, transport.unrecognized)
    except aiohttp.WSServerHandshakeError as err:
        raise error_of_status(err.status, b"") from None
    except (TimeoutError, UnicodeError, aiohttp.ClientError) as err:
        raise error_of_exchange(err) from None


async def _reject_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise the error of a redirect, as every other request does."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.WSServerHandshakeError(
            response.request_info, (), status=response.status
        )
    return response


async def _first_frame(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Return the first text; raise ConnectionLostError or TimeoutError without one."""
    async with asyncio.timeout(_FIRST_FRAME_TIMEOUT):
        while True:
            frame = await socket.receive()
            if frame.type is aiohttp.WSMsgType.TEXT:
                return str(frame.data)
            if frame.type is aiohttp.WSMsgType.PING:
                await socket.pong(frame.data)
            elif socket.closed:
                raise ConnectionLostError("the stream ended")


async def _events(
    socket: aiohttp.ClientWebSocketResponse, first: str, unrecognized: Unrecognized
) -> AsyncIterator[ChatEvent]:
    if event := _parse_event(first, unrecognized):
        yield event
    # aiohttp's heartbeat can leave a timer behind after the socket is closed.
    loop = asyncio.get_running_loop()
    pinged, busy_time = False, 0.0
    while True:
        try:
            frame = await socket.receive(timeout=_SILENCE_TIMEOUT)
        except TimeoutError:
            if pinged:
                break
            await socket.ping()
            pinged = True
            continue
        pinged = False
        started = loop.time()
        if frame.type is aiohttp.WSMsgType.PING:
            await socket.pong(frame.data)
        elif frame.type is aiohttp.WSMsgType.TEXT and (
            event := _parse_event(frame.data, unrecognized)
        ):
            yield event
        elif socket.closed:
            break
        # However many frames arrive, leave half of the time to the event loop.
        busy_time += loop.time() - started
        if busy_time > _MAX_BUSY_TIME:
            await asyncio.sleep(busy_time)
            busy_time = 0
    raise ConnectionLostError("the stream ended")


def _parse_event(text: str, unrecognized: Unrecognized) -> ChatEvent | None:
    """Parse a frame; return None for unknown events and garbage, which are counted."""
    try:
        frame = parse_body(text.encode())
    except UnreadableAnswerError:
        unrecognized.add("event", "not JSON")
        return None
    if not isinstance(frame, dict):
        unrecognized.add("event", "", frame)
        return None
    kind, chat_id, ids = frame.get("type"), frame.get("chatID"), frame.get("ids")
    # Dot segments would lead to another route.
    if not (is_text(kind) and kind in _EVENTS and is_text(chat_id)) or (
        chat_id in ("", ".", "..")
    ):
        if kind not in _CONTROL_FRAMES:
            unrecognized.add("event", kind if is_text(kind) else "", frame)
        return None
    entries = frame.get("entries")
    messages = map(Message.from_dict, entries if isinstance(entries, list) else ())
    return ChatEvent(
        type=kind,
        chat_id=chat_id,
        ids=frozenset(
            message_id
            for message_id in (ids if isinstance(ids, list) else ())
            if is_text(message_id)
        )
        - {"", ".", ".."},
        written={
            message.id: message.timestamp
            for message in messages
            if message.id and message.timestamp
        },
    )
