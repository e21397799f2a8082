"""What is known about a server, and the type of the config entry that holds it."""

import logging
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from . import errors
from .api.client import BeeperClient
from .api.exceptions import BeeperError
from .api.models import Account
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

type BeeperConfigEntry = ConfigEntry[BeeperCoordinator]


class BeeperCoordinator(DataUpdateCoordinator[tuple[Account, ...]]):
    """The accounts of one server, read when the entry is set up."""

    config_entry: BeeperConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: BeeperConfigEntry, client: BeeperClient
    ) -> None:
        """Know nothing yet."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=DOMAIN)
        self.client = client

    @override
    async def _async_update_data(self) -> tuple[Account, ...]:
        """Recognise the server and read its accounts."""
        try:
            await self.client.identify()
            return await self.client.accounts()
        except BeeperError as err:
            raise errors.not_set_up(err) from err
