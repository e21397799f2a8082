"""The sentences that Assist understands as commands, with the networks of all servers."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import intent

from ..const import CONF_SENTENCES, DOMAIN
from ..coordinator import BeeperConfigEntry
from .questions import Requester
from .sentences import RecognizedSentence, async_register_sentences


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
        self, hass: HomeAssistant, entries: Collection[BeeperConfigEntry]
    ) -> None:
        """Start without registered commands."""
        self._hass = hass
        self._entries = entries
        self._lock = asyncio.Lock()
        # The networks in the registered commands, and how to unregister them.
        self._registered: tuple[frozenset[str], CALLBACK_TYPE] | None = None

    async def async_register(self) -> None:
        """Register the commands, with the current networks, if an option asks for them."""
        async with self._lock:
            # The networks may change during the registration.
            while (networks := self._networks()) != self._registered_networks:
                if self._registered:
                    self._registered[1]()
                    self._registered = None
                if networks is not None:
                    self._registered = (
                        networks,
                        await async_register_sentences(
                            self._hass, "commands", networks, self._handle
                        ),
                    )

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

    async def _handle(
        self, sentence: RecognizedSentence, trigger: Mapping[str, Any]
    ) -> str:
        """Run the intent of a command, as custom sentences do."""
        requester = Requester.from_trigger(trigger)
        response = await intent.async_handle(
            self._hass,
            DOMAIN,
            sentence.meaning,
            {name: {"value": value} for name, value in sentence.slots.items()},
            text_input=trigger["sentence"],
            context=requester.context,
            language=requester.language,
            device_id=trigger["device_id"],
            satellite_id=requester.satellite_id,
        )
        speech: str = response.speech["plain"]["speech"]
        return speech
