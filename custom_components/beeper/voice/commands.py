"""The sentences that Assist understands as commands, with the networks of all servers."""

import asyncio
from collections.abc import Collection

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..const import CONF_SENTENCES, DOMAIN
from ..coordinator import BeeperConfigEntry
from .sentences import (
    Recognizer,
    SentenceHandler,
    async_parse_commands,
    async_register_commands,
)


def network_names(entries: Collection[BeeperConfigEntry]) -> set[str]:
    """Return the networks that sentences can name."""
    return {
        account.name
        for entry in entries
        for account in entry.runtime_data.server.accounts
        # In sentences, "Beeper" means every network.
        if account.name.lower() != DOMAIN
    }


class Commands:
    """Registers the commands while an option of a server asks for them.

    `entries` is the live collection of loaded servers.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entries: Collection[BeeperConfigEntry],
        handle: SentenceHandler,
    ) -> None:
        """Start without registered commands."""
        self._hass = hass
        self._entries = entries
        self._handle = handle
        self._lock = asyncio.Lock()
        # The networks in the registered commands, and how to unregister them.
        self._registered: tuple[frozenset[str], CALLBACK_TYPE] | None = None
        self._recognize: Recognizer | None = None

    def is_command(self, text: str, language: str) -> bool:
        """Return whether a text is a command."""
        return bool(self._recognize and self._recognize(text, language))

    async def async_register(self) -> None:
        """Register the commands, with the current networks, if an option asks for them."""
        async with self._lock:
            # The networks may change during the registration.
            while (networks := self._networks()) != self._registered_networks:
                # Until the new ones are parsed, the registered ones stay.
                commands = (
                    None
                    if networks is None
                    else await async_parse_commands(self._hass, networks)
                )
                if self._registered:
                    self._registered[1]()
                    self._registered = self._recognize = None
                if networks is not None and commands is not None:
                    unregister = await async_register_commands(
                        self._hass, commands, self._handle
                    )
                    self._recognize = commands.recognize
                    self._registered = networks, unregister

    @callback
    def async_update(self) -> None:
        """Register the commands again if the networks or options have changed."""
        if self._networks() != self._registered_networks:
            self._hass.async_create_task(self.async_register(), f"{DOMAIN} sentences")

    @property
    def _registered_networks(self) -> frozenset[str] | None:
        return self._registered[0] if self._registered else None

    def _networks(self) -> frozenset[str] | None:
        """Return the networks to register commands for, None for no commands."""
        if "conversation" not in self._hass.config.components or not any(
            entry.options.get(CONF_SENTENCES, True) for entry in self._entries
        ):
            return None
        return frozenset(network_names(self._entries))
