"""A doorbell and a water detector."""

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


class Detector(BinarySensorEntity):
    """Detects nothing."""

    _attr_is_on = False

    def __init__(self, name: str, device_class: BinarySensorDeviceClass | None) -> None:
        """Name it."""
        self._attr_name = self._attr_unique_id = name
        self._attr_device_class = device_class


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add both."""
    add(
        [
            Detector("Doorbell", None),
            Detector("Water in the cellar", BinarySensorDeviceClass.MOISTURE),
        ]
    )
