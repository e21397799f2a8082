"""Merged chats: such a chat lists no messages, its members contain them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
import json
from typing import Final, Self

from .client import BeeperClient
from .exceptions import AnswerError, RouteAbsentError
from .models import ListedChat, Message, Page
from .pages import pages
from .requests import Json

_MAX_PAGES: Final = 5
"""Pages of messages that are read to find one, unless a caller reads more."""

_PREFIX: Final = "merged:"

type _Key = tuple[float | int | str, ...]


@dataclass(kw_only=True, repr=False, eq=False)
class _Position:
    """Where the reading of a member continues: in the page at a cursor.

    `below` is the sort key of a message; only older messages of the page are left.
    """

    cursor: str | None = None
    below: _Key | None = None

    @classmethod
    def from_json(cls, cursor: Json, below: Json) -> Self:
        """Raise ValueError or TypeError if it is not a position."""
        if not isinstance(cursor, str | None):
            raise TypeError
        if below is None:
            return cls(cursor=cursor)
        time, length, *names = below
        return cls(cursor=cursor, below=(float(time), int(length), *map(str, names)))


def without_members[ChatT: ListedChat](chats: Collection[ChatT]) -> list[ChatT]:
    """Return the chats without the members of merged chats among them."""
    ids = {chat.id for chat in chats}
    return [chat for chat in chats if chat.merged_into_id not in ids]


async def merged_messages(
    client: BeeperClient, chat_id: str, cursor: str | None = None
) -> Page[Message]:
    """Return a page of a chat's messages, the newest first.

    The pages of a merged chat interleave the messages of its members by time. Raises
    BeeperError.
    """
    positions = _decode(cursor)
    if positions is None:
        page = await client.messages(chat_id, cursor)
        if page.items or cursor is not None:
            return page
        members = await _members(client, chat_id)
        if not members:
            return page
        positions = dict.fromkeys(members, _Position())
    return await _interleave(client, positions)


async def newest_messages(
    client: BeeperClient, chat_id: str, members: Iterable[str]
) -> list[Message]:
    """Return the newest messages of a chat and, if it lists none, of its members."""
    rows = [*(await client.messages(chat_id)).items]
    if not rows:
        for member_id in members:
            rows += (await client.messages(member_id)).items
    return rows


async def read_message(client: BeeperClient, chat_id: str, message_id: str) -> Message:
    """Return a message of a chat or of a member of it, by its final or pending ID.

    IDs are unique within one chat only: a message is not found if several members have
    one with this ID. Raises BeeperError.
    """
    try:
        return await client.message(chat_id, message_id)
    except AnswerError as err:
        if err.status != HTTPStatus.NOT_FOUND or isinstance(err, RouteAbsentError):
            raise
        found = [
            replace(message, chat_id=member_id)
            for member_id in await _members(client, chat_id)
            if (message := await _message_or_none(client, member_id, message_id))
        ]
        if len(found) != 1:
            raise
        return found[0]


async def find_message(
    client: BeeperClient, chat_id: str, message_id: str, *, max_pages: int = _MAX_PAGES
) -> Message:
    """Return a message as `read_message` does, or from among the newest of the chat.

    Servers before 4.2.808 and EasyMatrix have no route for single messages. Raises
    BeeperError: RouteAbsentError if such a server does not list it on these pages.
    """
    try:
        return await read_message(client, chat_id, message_id)
    except RouteAbsentError:
        async for page in pages(partial(merged_messages, client, chat_id), max_pages):
            for message in page.items:
                if message.id == message_id:
                    return message
        raise


async def with_members(client: BeeperClient, chat_ids: Iterable[str]) -> list[str]:
    """Return the IDs, and those of the members of the merged chats among them.

    An ID of which the server knows no chat stays. Raises BeeperError.
    """
    found: dict[str, None] = {}
    for chat_id in chat_ids:
        found[chat_id] = None
        try:
            found.update(dict.fromkeys(await _members(client, chat_id)))
        except AnswerError as err:
            if err.status != HTTPStatus.NOT_FOUND:
                raise
    return [*found]


async def _message_or_none(
    client: BeeperClient, chat_id: str, message_id: str
) -> Message | None:
    try:
        return await client.message(chat_id, message_id)
    except AnswerError as err:
        if err.status != HTTPStatus.NOT_FOUND:
            raise
        return None


async def _members(client: BeeperClient, chat_id: str) -> tuple[str, ...]:
    return (await client.chat(chat_id, participants=0)).merged_ids


async def _interleave(
    client: BeeperClient, positions: Mapping[str, _Position]
) -> Page[Message]:
    read = {
        member_id: await client.messages(member_id, position.cursor)
        for member_id, position in positions.items()
    }
    # Below the end of a page, other messages of its member may follow.
    ends = {
        member_id: _key(min(page.items, key=Message.position))
        for member_id, page in read.items()
        if page.cursor is not None and page.items
    }
    bound = max(ends.values(), default=())
    ready: list[Message] = []
    following: dict[str, _Position] = {}
    for member_id, page in read.items():
        position = positions[member_id]
        left = [
            message
            for message in page.items
            if position.below is None or _key(message) < position.below
        ]
        # A message that arrived late is older than the end of its page.
        is_complete = ends.get(member_id) == bound
        kept = [] if is_complete else [row for row in left if _key(row) < bound]
        ready += [row for row in left if row not in kept]
        if kept:
            following[member_id] = _Position(cursor=position.cursor, below=bound)
        elif page.cursor not in (None, position.cursor):
            following[member_id] = _Position(cursor=page.cursor)
    return Page(
        items=tuple(sorted(ready, key=_key, reverse=True)),
        has_more=bool(following) or any(page.has_more for page in read.values()),
        cursor=_encode(following) if following else None,
    )


def _key(message: Message) -> _Key:
    return (*message.order(), message.chat_id or "", message.id or "")


def _encode(positions: Mapping[str, _Position]) -> str:
    parts = {
        member_id: [position.cursor, position.below]
        for member_id, position in positions.items()
    }
    return f"{_PREFIX}{json.dumps(parts)}"


def _decode(cursor: str | None) -> dict[str, _Position] | None:
    """Return the positions in a cursor, None if it is a server's."""
    if cursor is None or not cursor.startswith(_PREFIX):
        return None
    try:
        return {
            member_id: _Position.from_json(*parts)
            for member_id, parts in json.loads(cursor.removeprefix(_PREFIX)).items()
        }
    except ValueError, TypeError, AttributeError:
        return None
