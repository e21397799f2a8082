"""One WebSocket connection as events; who listens decides whether to connect again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import aiohttp
from yarl import URL

from .answers import MAX_BODY, answer_error, failure, parse_body
from .exceptions import CannotConnectError, ConnectionLostError, UnreadableAnswerError
from .models import Message, is_text

_SILENCE: Final = 30.0
"""Seconds without a frame before a ping, and after it before the server is gone."""

_IN_A_ROW: Final = 0.01
"""Seconds that frames may take until others have their turn."""

# All chats, those that come later too. Older servers refuse any further key.
_SUBSCRIBE_ALL: Final = {
    "type": "subscriptions.set",
    "requestID": "all",
    "chatIDs": ["*"],
}
_EVENTS: Final = {
    "chat.deleted",
    "chat.upserted",
    "message.deleted",
    "message.upserted",
}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatEvent:
    """Something happened in a chat: a message, an edit, a receipt, a setting.

    `ids` are those of messages, for a message's event; `written` is when they were,
    as far as it is told.
    """

    type: str
    chat_id: str
    ids: frozenset[str]
    written: Mapping[str, datetime]


@asynccontextmanager
async def open_stream(
    session: aiohttp.ClientSession, url: URL, token: str
) -> AsyncIterator[AsyncIterator[ChatEvent]]:
    """Connect and subscribe; the events end with ConnectionLostError.

    Raises what a request would: RouteAbsentError for servers before 4.2.557. Events
    come at most once, and none from before.
    """
    if session.closed:  # Home Assistant is stopping.
        raise CannotConnectError("no session")
    try:
        async with (
            # A WebSocket follows redirects, and only a session can keep it from that.
            aiohttp.ClientSession(
                connector=session.connector,
                connector_owner=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=session.headers,
                middlewares=(_stay,),
                timeout=aiohttp.ClientTimeout(total=_SILENCE),  # Until it is a stream.
            ) as staying,
            staying.ws_connect(
                url,
                headers={"Authorization": f"Bearer {token}"},
                autoping=False,
                max_msg_size=MAX_BODY,
                timeout=aiohttp.ClientWSTimeout(ws_close=1),
            ) as socket,
        ):
            await socket.send_json(_SUBSCRIBE_ALL)
            yield _events(socket)
    except aiohttp.WSServerHandshakeError as err:
        raise answer_error(err.status, b"") from None
    except (TimeoutError, UnicodeError, aiohttp.ClientError) as err:
        raise failure(err) from None


async def _stay(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Let a redirect be the refusal that it is for any other request."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.WSServerHandshakeError(
            response.request_info, (), status=response.status
        )
    return response


async def _events(
    socket: aiohttp.ClientWebSocketResponse,
) -> AsyncIterator[ChatEvent]:
    # aiohttp's own heartbeat can leave a timer behind on a socket that is closed.
    loop = asyncio.get_running_loop()
    pinged, spent = False, 0.0
    while True:
        try:
            frame = await socket.receive(timeout=_SILENCE)
        except TimeoutError:
            if pinged:
                break
            await socket.ping()
            pinged = True
            continue
        pinged = False
        began = loop.time()
        if frame.type is aiohttp.WSMsgType.PING:
            await socket.pong(frame.data)
        elif frame.type is aiohttp.WSMsgType.TEXT and (event := _event(frame.data)):
            yield event
        elif socket.closed:
            break
        # Whatever comes, half of the time is others'.
        spent += loop.time() - began
        if spent > _IN_A_ROW:
            await asyncio.sleep(spent)
            spent = 0
    raise ConnectionLostError("the stream ended")


def _event(text: str) -> ChatEvent | None:
    """Read a frame; what is unknown or garbage is passed over."""
    try:
        frame = parse_body(text.encode())
    except UnreadableAnswerError:
        return None
    if not isinstance(frame, dict):
        return None
    kind, chat_id, ids = frame.get("type"), frame.get("chatID"), frame.get("ids")
    # These dots would lead to another route.
    if not (is_text(kind) and kind in _EVENTS and is_text(chat_id)) or (
        chat_id in ("", ".", "..")
    ):
        return None
    entries = frame.get("entries")
    messages = map(Message.from_dict, entries if isinstance(entries, list) else ())
    return ChatEvent(
        type=kind,
        chat_id=chat_id,
        ids=frozenset(
            each for each in (ids if isinstance(ids, list) else ()) if is_text(each)
        )
        - {"", ".", ".."},
        written={
            message.id: message.timestamp
            for message in messages
            if message.id and message.timestamp
        },
    )
