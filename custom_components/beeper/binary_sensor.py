"""Whether a server can be reached and accepts the token."""

from typing import Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import (
    AddConfigEntryEntitiesCallback,
    async_get_current_platform,
)

from .const import DOMAIN
from .coordinator import BeeperConfigEntry
from .data import get_data
from .entity import server_device, suggest_entity_id
from .signals import SIGNAL_POLLED

PARALLEL_UPDATES = 0

_CONNECTED: Final = BinarySensorEntityDescription(
    key="connected",
    translation_key="connected",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the entity of the server."""
    platform = async_get_current_platform()

    @callback
    def add() -> None:
        # Disabling the entry removes entities, and leaves the platform.
        if not platform.entities:
            async_add_entities([ServerConnected(entry)])

    get_data(hass).entity_adders[entry.entry_id].append(add)
    add()


class ServerConnected(BinarySensorEntity):
    """On while Beeper can be read.

    Loaded before Beeper is reached: it is off from the start on if that fails.
    """

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, entry: BeeperConfigEntry) -> None:
        """Use the server's device."""
        self.entity_description = _CONNECTED
        self._entry = entry
        self._attr_unique_id = f"{entry.entry_id}_{_CONNECTED.key}"
        self._attr_device_info = server_device(entry)
        suggest_entity_id(self, "binary_sensor", DOMAIN)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the polls."""
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_POLLED, self._async_polled)
        )

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the latest poll has succeeded; none has before the first."""
        coordinator = self._entry.runtime_data
        # Its data is missing until the first success.
        return coordinator.last_update_success and bool(coordinator.data)

    @callback
    def _async_polled(self, entry_id: str) -> None:
        if entry_id == self._entry.entry_id:
            self.async_write_ha_state()
