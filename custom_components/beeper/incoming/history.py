"""Reading the messages of a chat, as far back as some may be new."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ..api.client import BeeperClient
from ..api.exceptions import TooLongAnswerError
from ..api.models import Message
from ..api.pages import pages
from .seen_messages import SeenMessages

_MAX_PAGES: Final = 400
"""Pages of about 20 messages, however many of them are new."""

_MAX_SEARCHED_PAGES: Final = 50
"""Further pages on which messages that events named are searched."""

_MAX_SIZE: Final = 16 * 1024 * 1024
_LARGE: Final = 4096
"""Bytes of the messages that are kept of one reading. After that, those larger than this
are kept without their content, so that they cost nobody else a message."""

_PAGES_OF_UNREAD_CHAT: Final = 2
"""Pages after which old messages end the reading of a chat that was never read.

Messages that networks deliver late can fill the first page.
"""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatReading:
    """The messages that were read; not `is_complete` if others may be new.

    `late` are those that arrived since the last reading, but are too old to be new.
    The `partial_ids` are those without their content. The `not_found` were named,
    and the list has more pages than were searched.
    """

    messages: list[Message]
    late: list[Message]
    partial_ids: frozenset[str]
    not_found: frozenset[str]
    is_complete: bool


async def read_history(
    client: BeeperClient,
    seen: SeenMessages,
    chat_id: str,
    named: Collection[str] = (),
    *,
    skips_too_long: bool = False,
) -> ChatReading:
    """Read the newest messages, back to those that were read before.

    The order is the server's: a message that arrives late has an old time, but stands
    above those that were read before. Pages are read on until each of the `named`
    messages was met. Raises BeeperError rather than leaving a gap, but ends at a page
    that is too long if `skips_too_long`.
    """
    messages: list[Message] = []
    missing = set(named)
    is_read, searched = False, 0
    number = size = 0
    cursor: str | None = None
    partial_ids = set()
    try:
        async for page in pages(partial(client.messages, chat_id), _MAX_PAGES):
            number += 1
            cursor = page.cursor
            missing -= {message.id for message in page.items if message.id}
            is_read = is_read or _is_end(seen, chat_id, page.items, number)
            for message in page.items:
                # Own messages are recognized by their texts.
                is_kept = message.is_sender or message.size <= _LARGE
                if message.id and size > _MAX_SIZE and not is_kept:
                    partial_ids.add(message.id)
                    messages.append(_without_content(message))
                else:
                    messages.append(message)
                    size += message.size
            if is_read:
                if not missing or searched >= _MAX_SEARCHED_PAGES:
                    break
                searched += 1
    except TooLongAnswerError:
        if not skips_too_long:
            raise
        cursor, is_read = "", False
    return ChatReading(
        messages=messages,
        late=[message for message in messages if _is_late(seen, chat_id, message)],
        partial_ids=frozenset(partial_ids),
        not_found=frozenset(missing) if cursor is not None else frozenset(),
        is_complete=cursor is None or is_read,
    )


def _is_late(seen: SeenMessages, chat_id: str, message: Message) -> bool:
    """Return whether a message arrived since the last reading, too old to be new."""
    return seen.positions.includes(chat_id, message) is False and not seen.concerns(
        chat_id, message
    )


def _is_end(
    seen: SeenMessages, chat_id: str, items: Collection[Message], number: int
) -> bool:
    """Return whether everything below a page was read before, or is too old."""
    # At either end of the page: one odd row in between must not end it.
    ends = [message for message in items if message.timestamp is not None]
    if not ends:
        return True
    last = min((ends[-1], ends[0]), key=Message.position)
    included = seen.positions.includes(chat_id, last)
    # Otherwise the reading that found it may have been stopped: it is sorted by time.
    if seen.is_known(chat_id, last) and (included or not last.sort_key):
        return True
    if seen.is_recent(last):
        return False
    return number >= _PAGES_OF_UNREAD_CHAT if included is None else included


def _without_content(message: Message) -> Message:
    return replace(
        message, text=None, attachments=(), mentions=(), reactions=frozenset()
    )
