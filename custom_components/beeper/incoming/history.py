"""Reading the messages of a chat, as far back as some may be new."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..api.client import BeeperClient
from ..api.models import Message
from ..api.pages import pages
from .seen_messages import SeenMessages

_MAX_PAGES: Final = 400
"""Pages of about 20 messages, however many of them are new."""

_MAX_SEARCHED_PAGES: Final = 50
"""Further pages on which messages that events named are searched."""

_PAGES_OF_UNREAD_CHAT: Final = 2
"""Pages after which old messages end the reading of a chat that was never read.

Messages that networks deliver late can fill the first page.
"""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatReading:
    """The messages that were read; not `is_complete` if others may be new.

    `late` are those that arrived since the last reading, but are too old to be new.
    """

    messages: list[Message]
    late: list[Message]
    is_complete: bool


async def read_history(
    client: BeeperClient,
    seen: SeenMessages,
    chat_id: str,
    named: Collection[str] = (),
) -> ChatReading:
    """Read the newest messages, back to those that were read before.

    The order is the server's: a message that arrives late has an old time, but stands
    above those that were read before. Pages are read on until each of the `named`
    messages was met. Raises BeeperError rather than leaving a gap.
    """
    messages: list[Message] = []
    missing = set(named)
    is_read, searched = False, 0
    number = 0
    cursor: str | None = None
    async for page in pages(partial(client.messages, chat_id), _MAX_PAGES):
        messages += page.items
        missing -= {message.id for message in page.items if message.id}
        number += 1
        cursor = page.cursor
        is_read = is_read or _is_end(seen, chat_id, page.items, number)
        if is_read:
            if not missing or searched >= _MAX_SEARCHED_PAGES:
                break
            searched += 1
    late = [
        message
        for message in messages
        if seen.is_marked(chat_id, message) is False
        and not seen.concerns(chat_id, message)
    ]
    return ChatReading(
        messages=messages,
        late=late,
        is_complete=cursor is None or (is_read and not missing),
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
    if seen.is_known(chat_id, last):
        return True
    if seen.is_recent(last):
        return False
    marked = seen.is_marked(chat_id, last)
    return number >= _PAGES_OF_UNREAD_CHAT if marked is None else marked
