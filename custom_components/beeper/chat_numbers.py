"""The chats that chat numbers meant when they were first used.

A number belongs to one installation of Beeper. After a move to another computer or
database, the same number can stand for another chat.
"""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store

from .api.models import ListedChat
from .const import DOMAIN
from .fingerprint import fingerprint
from .issues import async_create_issue, async_delete_issue, issue_id

_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1
CHAT_NUMBER_CHANGED: Final = "chat_number_changed"


def is_number(chat_id: str) -> bool:
    """Return whether a text can be the number of a chat; an ID contains other signs."""
    return chat_id.isdecimal()


class ChatNumbers:
    """The numbers that were used with one server, and their chats, as fingerprints."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without numbers."""
        self._hass = hass
        self._entry = entry
        self._store = Store[dict[str, str]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.chat_numbers"
        )
        self._chats: dict[str, str] = {}

    async def async_load(self) -> None:
        """Load the numbers that were used before a restart."""
        self._chats = await self._store.async_load() or {}

    async def async_remove(self) -> None:
        """Delete the stored numbers."""
        await self._store.async_remove()

    @callback
    def is_same_chat(self, text: str, chat: ListedChat) -> bool:
        """Return whether a text that selected a chat still means the same chat.

        Only a number can change its meaning. The first use of a number is remembered;
        an issue is created when it stands for another chat.
        """
        if text != chat.local_id or text == chat.id:
            return True
        number = self._fingerprint(text)
        now = self._fingerprint(chat.id)
        if number not in self._chats:
            self._chats[number] = now
            self._save_soon()
        is_same = self._chats[number] == now
        if is_same:
            async_delete_issue(self._hass, self._issue_id(text))
        else:
            self._create_issue(text, chat)
        return is_same

    @callback
    def forget(self, number: str) -> None:
        """Let a number mean the chat that it stands for when it is used next."""
        self._chats.pop(self._fingerprint(number), None)
        self._save_soon()

    def _fingerprint(self, text: str) -> str:
        return fingerprint(self._entry, text)

    def _save_soon(self) -> None:
        self._store.async_delay_save(lambda: self._chats, _SAVE_DELAY)

    def _issue_id(self, number: str) -> str:
        return issue_id(self._entry, CHAT_NUMBER_CHANGED, self._fingerprint(number))

    def _create_issue(self, number: str, chat: ListedChat) -> None:
        async_create_issue(
            self._hass,
            self._issue_id(number),
            "chat_number_changed",
            {"number": number, "chat": chat.title or chat.network or chat.id},
            fix={
                "kind": CHAT_NUMBER_CHANGED,
                "entry_id": self._entry.entry_id,
                "number": number,
            },
        )
