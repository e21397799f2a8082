"""The chats of messages that were just read, with their participants."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from homeassistant.core import HomeAssistant

from ..api.client import BeeperClient
from ..api.models import Chat

_CHATS_KEPT: Final = 100
_FRESH_FOR: Final = 5 * 60
"""Seconds for which a chat is not read again."""

_MAX_PARTICIPANTS: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _CachedChat:
    """A chat, the senders it was read for, and when, in the event loop's time."""

    chat: Chat
    people: frozenset[str | None]
    read: float


class ChatCache:
    """Reads chats, and keeps those that were last used for some minutes."""

    def __init__(self, hass: HomeAssistant, client: BeeperClient) -> None:
        """Start without chats."""
        self._hass = hass
        self._client = client
        self._chats: dict[str, _CachedChat] = {}

    async def async_get(self, chat_id: str, people: Iterable[str | None]) -> Chat:
        """Return a chat, read after these senders joined; raises BeeperError."""
        now = self._hass.loop.time()
        cached = self._chats.pop(chat_id, None)
        if (
            cached is None
            or now - cached.read > _FRESH_FOR
            or not {*people} <= cached.people
        ):
            chat = await self._client.chat(chat_id, participants=_MAX_PARTICIPANTS)
            listed = {user.id for user in chat.participants}
            cached = _CachedChat(chat=chat, people=frozenset(people) | listed, read=now)
        self._chats[chat_id] = cached
        if len(self._chats) > _CHATS_KEPT:
            del self._chats[next(iter(self._chats))]
        return cached.chat
