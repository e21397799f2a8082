"""The chats of messages that were just read, with their participants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..api.models import Chat
from ..server import Server

_CHATS_KEPT: Final = 100
_FRESH_FOR: Final = 5 * 60
"""Seconds for which a chat is not read again."""

_FRESH_WITHOUT_NUMBER: Final = 10
"""The same, if a sender or the number is not known: it may be listed at any time."""

_MAX_PARTICIPANTS: Final = 500
"""Participants that are read at first; all of them only if a sender is not listed."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _CachedChat:
    """A chat, the senders it was read for, and when, in the event loop's time."""

    chat: Chat
    people: set[str | None]
    read: float

    def fresh_for(self, people: set[str | None]) -> float:
        """Return the seconds for which it is not read again for these senders."""
        known = {
            user.id
            for user in self.chat.participants
            if user.phone_number or user.is_self
        }
        has_numbers = people <= known
        return _FRESH_FOR if has_numbers else _FRESH_WITHOUT_NUMBER


class ChatCache:
    """Reads chats, and keeps those that were last used for some minutes."""

    def __init__(self, server: Server) -> None:
        """Start without chats."""
        self._hass = server.hass
        self._client = server.client
        self._chats: dict[str, _CachedChat] = {}

    async def async_get(self, chat_id: str, people: Iterable[str | None]) -> Chat:
        """Return a chat, read after these senders joined; raises BeeperError."""
        now = self._hass.loop.time()
        cached = self._chats.pop(chat_id, None)
        sender_ids = {*people}
        if (
            cached is None
            or now - cached.read > cached.fresh_for(sender_ids)
            or not sender_ids <= cached.people
        ):
            chat = await self._client.chat(chat_id, participants=_MAX_PARTICIPANTS)
            if chat.has_more and not sender_ids <= _ids(chat):
                chat = await self._client.chat(chat_id)
            cached = _CachedChat(chat=chat, people=sender_ids | _ids(chat), read=now)
        self._chats[chat_id] = cached
        if len(self._chats) > _CHATS_KEPT:
            del self._chats[next(iter(self._chats))]
        return cached.chat


def _ids(chat: Chat) -> set[str | None]:
    return {user.id for user in chat.participants}
