"""The order in which requests for chats and groups leave."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Chat


class ChatQueues:
    """One queue a chat or group of people, and the limits of known chats."""

    def __init__(self) -> None:
        """Start with no queue."""
        self._arrivals = asyncio.Lock()
        self._chat_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._group_locks: WeakValueDictionary[Hashable, asyncio.Lock] = (
            WeakValueDictionary()
        )
        self._chats: dict[str, Chat] = {}

    def group(self, people: Hashable) -> asyncio.Lock:
        """Return the lock of a group of people in an account."""
        return self._group_locks.setdefault(people, asyncio.Lock())

    @asynccontextmanager
    async def chat(
        self, client: BeeperClient, chat_id: str
    ) -> AsyncIterator[Chat | None]:
        """Wait for the earlier requests for a chat; yields the chat.

        Yields None if the chat cannot be read. A chat has two IDs, so it is read
        before any later request may queue; asyncio locks are fair.
        """
        async with self._arrivals:
            chat = await self._read(client, chat_id)
            # A merged chat and its members are one conversation.
            key = (chat.merged_into_id or chat.id) if chat else chat_id
            lock = self._chat_locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield chat

    async def _read(self, client: BeeperClient, chat_id: str) -> Chat | None:
        if chat_id not in self._chats:
            try:
                chat = await client.chat(chat_id, participants=0)
            except BeeperError:
                return None  # Not a gate: the request itself shows what is wrong.
            # Participants and title are not needed here, so they are not kept.
            self._chats[chat_id] = replace(chat, participants=(), title=None)
        return self._chats[chat_id]
