"""The order in which requests for chats and groups leave."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final
from weakref import WeakValueDictionary

from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Chat
from ..chat_numbers import is_number

_READ_TIMEOUT: Final = 3.0
"""Seconds that a request waits to learn which chat it is for."""

_PARTICIPANTS: Final = 3
"""The people of a direct chat: the user, one other, and maybe the network's own bot."""

_REMEMBERED_FOR: Final = 60.0
"""Seconds for which the chat of a new group is known although it is not listed."""

_UNREADABLE_FOR: Final = 60.0
"""Seconds for which a chat that could not be read is not read again."""


@dataclass(kw_only=True, repr=False, eq=False)
class _ChatPlace:
    """A place in the queue; `key` is the conversation, None until it is known."""

    chat_id: str
    key: str | None = None
    is_known: asyncio.Event = field(default_factory=asyncio.Event)
    is_done: asyncio.Event = field(default_factory=asyncio.Event)


class ChatQueues:
    """One queue a chat or group of people, and the limits of known chats.

    Requests for a chat leave in the order of the calls, and wait for no other chat:
    only while it is not known which chat an ID means, they wait for each other.
    """

    def __init__(self) -> None:
        """Start with no queue."""
        self._places: list[_ChatPlace] = []
        self._group_locks: WeakValueDictionary[Hashable, asyncio.Lock] = (
            WeakValueDictionary()
        )
        self._recent_groups: dict[Hashable, tuple[str, float]] = {}
        self._chats: dict[str, Chat] = {}
        self._unreadable: dict[str, float] = {}

    @asynccontextmanager
    async def group(self, people: Iterable[Hashable]) -> AsyncIterator[None]:
        """Wait for the earlier requests for a group of people in an account.

        `people` are what identifies it, always in the same order.
        """
        async with AsyncExitStack() as locks:
            for key in people:
                lock = self._group_locks.setdefault(key, asyncio.Lock())
                await locks.enter_async_context(lock)
            yield

    def remember_group(self, groups: Iterable[Hashable], chat_id: str) -> None:
        """Keep the chat of a group that was just created for a minute.

        Servers list some of its people only later (EasyMatrix).
        """
        now = asyncio.get_running_loop().time()
        self._recent_groups = {
            known: (its_id, until)
            for known, (its_id, until) in self._recent_groups.items()
            if until > now
        } | dict.fromkeys(groups, (chat_id, now + _REMEMBERED_FOR))

    def recent_group(self, groups: Iterable[Hashable]) -> str | None:
        """Return the chat of a group that was created within a minute."""
        now = asyncio.get_running_loop().time()
        known = filter(None, map(self._recent_groups.get, groups))
        return next((chat_id for chat_id, until in known if until > now), None)

    @asynccontextmanager
    async def chat(
        self, client: BeeperClient, chat_id: str
    ) -> AsyncIterator[Chat | None]:
        """Wait for the earlier requests for a chat; yields the chat.

        Yields None if the chat cannot be read. A chat has several IDs, so it is read
        once to learn which conversation it is.
        """
        chat = self._chats.get(chat_id)
        place = _ChatPlace(chat_id=chat_id, key=_key(chat_id, chat) if chat else None)
        earlier = [*self._places]
        self._places.append(place)
        try:
            if chat is None:
                chat = await self._read(client, chat_id)
                place.key = _key(chat_id, chat)
            place.is_known.set()
            ids = chat.ids if chat else {chat_id}
            for other in earlier:
                # An unknown ID is not this chat's if all IDs of this chat are known.
                if chat is None or other.chat_id in ids:
                    await other.is_known.wait()
                if other.key == place.key:
                    await other.is_done.wait()
            yield chat
        finally:
            self._places.remove(place)
            place.is_known.set()
            place.is_done.set()

    async def _read(self, client: BeeperClient, chat_id: str) -> Chat | None:
        now = asyncio.get_running_loop().time()
        if self._unreadable.get(chat_id, 0) > now:
            return None
        try:
            async with asyncio.timeout(_READ_TIMEOUT):
                chat = await client.chat(chat_id, participants=_PARTICIPANTS)
        except TimeoutError:
            self._unreadable = {
                known: until for known, until in self._unreadable.items() if until > now
            }
            self._unreadable[chat_id] = now + _UNREADABLE_FOR
            return None
        except BeeperError:
            return None  # The request itself raises the error.
        if is_number(chat_id):
            return chat  # A number can become another chat's.
        # Only who a direct chat is with is needed here.
        people = chat.participants if chat.type == "single" else ()
        self._chats[chat_id] = replace(chat, participants=people, title=None)
        return self._chats[chat_id]


def _key(chat_id: str, chat: Chat | None) -> str:
    """Return the conversation: a merged chat and its members are one."""
    return (chat.merged_into_id or chat.id) if chat else chat_id
