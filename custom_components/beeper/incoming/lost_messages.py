"""A notice while new messages could not be read: they were too many, or too long."""

import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..fingerprint import fingerprint
from ..issues import async_create_issue, async_delete_issue, issue_id

_LOGGER = logging.getLogger(__name__)

_SHOWN_FOR: Final = 24 * 60 * 60
"""Seconds after which an issue without further losses is deleted."""

_LOGGED_EVERY: Final = 60 * 60
"""Seconds in which the losses of one chat are logged once."""

_MAX_CHATS: Final = 100
"""Chats of which it is known when they were logged."""


class LostMessages:
    """Logs and reports the messages of one server that could not be read."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without losses; an issue from before a reload stays."""
        self._hass = hass
        self._entry = entry
        self._issue = issue_id(entry, "messages_lost")
        self._newest = hass.loop.time()
        self._logged: dict[str, float] = {}

    @callback
    def note(self, chat_id: str) -> None:
        """Report that new messages of a chat were not read."""
        now = self._hass.loop.time()
        self._newest = now
        chat = fingerprint(self._entry, chat_id)
        logged = self._logged.get(chat)
        if logged is None or now - logged >= _LOGGED_EVERY:
            self._logged.pop(chat, None)
            self._logged[chat] = now
            if len(self._logged) > _MAX_CHATS:
                del self._logged[next(iter(self._logged))]
            _LOGGER.warning(
                "New messages of a chat could not be read: too many, or too long"
            )
        async_create_issue(
            self._hass,
            self._issue,
            "messages_lost",
            {"server": self._entry.title},
            docs="reliability.md#incoming-messages",
        )

    @callback
    def check(self) -> None:
        """Delete the issue a day after the last loss."""
        if self._hass.loop.time() - self._newest >= _SHOWN_FOR:
            async_delete_issue(self._hass, self._issue)
