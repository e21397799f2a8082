"""A voice satellite without a loudspeaker."""

from typing import override

from homeassistant.components.assist_pipeline import PipelineEvent
from homeassistant.components.assist_satellite import (
    AssistSatelliteAnnouncement,
    AssistSatelliteConfiguration,
    AssistSatelliteEntity,
    AssistSatelliteEntityFeature,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


class Satellite(AssistSatelliteEntity):
    """Keeps the texts of its announcements."""

    _attr_name = "Kitchen satellite"
    _attr_unique_id = "satellite"
    _attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE

    @override
    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        """Return that there are no wake words."""
        return AssistSatelliteConfiguration(
            available_wake_words=[], active_wake_words=[], max_active_wake_words=1
        )

    @override
    async def async_set_configuration(
        self, config: AssistSatelliteConfiguration
    ) -> None:
        """Ignore it."""

    @override
    def on_pipeline_event(self, event: PipelineEvent) -> None:
        """Ignore it."""

    @override
    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        """Show the text of an announcement."""
        self._attr_extra_state_attributes = {"said": announcement.message}
        self.async_write_ha_state()


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the satellite."""
    add([Satellite()])
