"""Own messages and chats that were read before an attempt, so they are not its result.

Times do not show it where a network's clock, which messages go by, is ahead of the clock
of Beeper's computer.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.util import dt as dt_util

from ..api.models import Chat, Message

_MARGIN: Final = timedelta(seconds=10)
"""Servers state their time in whole seconds."""

_SEARCHED_FOR: Final = timedelta(minutes=11)
"""After it, no attempt looks for its result any more."""

_KEPT: Final = 2_000

type _Key = tuple[str, ...]


class EarlierReads:
    """Messages and chats with a time that the server's clock has hardly reached.

    All others are known to be older than the next attempt by their time.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._times: dict[_Key, tuple[float, float]] = {}
        """When it was first read, by the event loop, and its time."""

    def note_messages(self, messages: Iterable[Message], now: datetime) -> bool:
        """Note own messages that were read; returns whether they must be stored.

        `now` is the server's time.
        """
        notes = [
            self._note(_key(message), message.timestamp, now) for message in messages
        ]
        return any(notes)

    def note_chat(self, chat: Chat, now: datetime) -> bool:
        """Note a chat that was read; returns whether it must be stored."""
        return self._note((chat.id,), chat.last_activity, now)

    def had_message(self, message: Message, before: float) -> bool:
        """Return whether a message was read before the event loop's time."""
        first, written = self._times.get(_key(message), (before + 1, 0))
        # IDs begin anew when Beeper moves to another computer.
        return (
            first <= before
            and message.timestamp is not None
            and message.timestamp.timestamp() == written
        )

    def had_chat(self, chat_id: str, before: float) -> bool:
        """Return whether a chat was read before the event loop's time."""
        return self._times.get((chat_id,), (before + 1, 0))[0] <= before

    def _note(self, key: _Key, written: datetime | None, now: datetime) -> bool:
        if written is None or written <= now - _MARGIN:
            return False
        time = written.timestamp()
        if key in self._times and (len(key) == 1 or self._times[key][1] == time):
            return False
        oldest = (now - _SEARCHED_FOR).timestamp()
        self._times = {
            known: (first, its_time)
            for known, (first, its_time) in [*self._times.items()][-_KEPT:]
            if its_time > oldest
        }
        self._times[key] = asyncio.get_running_loop().time(), time
        return written > now

    def load(self, stored: Iterable[list[Any]]) -> None:
        """Load the values from before a restart."""
        offset = asyncio.get_running_loop().time() - dt_util.utcnow().timestamp()
        self._times = {
            tuple(key): (first + offset, time) for key, first, time in stored
        }

    def to_store(self) -> list[list[Any]]:
        """Return the IDs and times; nothing of the content is stored."""
        offset = dt_util.utcnow().timestamp() - asyncio.get_running_loop().time()
        return [
            [key, first + offset, time] for key, (first, time) in self._times.items()
        ]


def _key(message: Message) -> _Key:
    return (message.chat_id or "", message.id or "")
