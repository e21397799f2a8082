"""A notice while new messages could not be read: they were too many, or too long."""

import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOCS_URL, DOMAIN
from ..fingerprint import fingerprint

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
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            _issue_id(self._entry),
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            learn_more_url=f"{DOCS_URL}/reliability.md#incoming-messages",
            translation_key="messages_lost",
            translation_placeholders={"server": self._entry.title},
        )

    @callback
    def check(self) -> None:
        """Delete the issue a day after the last loss."""
        if self._hass.loop.time() - self._newest >= _SHOWN_FOR:
            async_clear_lost_messages(self._hass, self._entry)


@callback
def async_clear_lost_messages(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete the issue of an entry."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _issue_id(entry: ConfigEntry) -> str:
    return f"messages_lost_{entry.entry_id}"
