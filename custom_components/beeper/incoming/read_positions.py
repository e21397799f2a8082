"""Up to where each chat was read, in the server's order."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..api.models import Message

_KEPT: Final = 2000
"""Chats whose position is remembered."""


class ReadPositions:
    """The positions of the newest messages that were read; chats are fingerprints."""

    def __init__(self, fingerprint: Callable[[str], str]) -> None:
        """Start without positions."""
        self._fingerprint = fingerprint
        self._positions: dict[str, tuple[int, str]] = {}

    def load(self, stored: Mapping[str, str]) -> None:
        """Load the positions from before a restart, given as sort keys."""
        self._positions = {chat: (len(key), key) for chat, key in stored.items()}

    def to_store(self) -> dict[str, str]:
        """Return the positions as sort keys; nothing of the content is stored."""
        return {chat: key for chat, (_, key) in self._positions.items()}

    def mark(self, chat_id: str, messages: Iterable[Message]) -> None:
        """Remember up to where a chat was read."""
        chat = self._fingerprint(chat_id)
        newest = max((message.position() for message in messages), default=None)
        self._positions.pop(chat, None)
        if newest and newest[0]:
            self._positions[chat] = newest
        if len(self._positions) > _KEPT:
            del self._positions[next(iter(self._positions))]

    def includes(self, chat_id: str, message: Message) -> bool | None:
        """Return whether a chat was read up to a message; None if it was never read."""
        position = self._positions.get(self._fingerprint(chat_id))
        return position and message.position() <= position
