"""Home Assistant internals that have no public equivalent.

The only module that uses them. `tests/test_ha_internals.py` fails when Home Assistant
changes one of them.
"""

from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import restore_state
from homeassistant.helpers.restore_state import RestoreEntity
from homeassistant.util.hass_dict import HassKey

if TYPE_CHECKING:
    # Its requirements are missing on systems without voice.
    from homeassistant.components.assist_satellite import AssistSatelliteEntity
    from homeassistant.helpers.entity_component import EntityComponent

# `assist_satellite.const.DATA_COMPONENT`.
SATELLITES: Final[HassKey[EntityComponent[AssistSatelliteEntity]]] = HassKey(
    "assist_satellite"
)


@callback
def async_get_satellite(
    hass: HomeAssistant, entity_id: str
) -> AssistSatelliteEntity | None:
    """Return a voice satellite, None if the entity does not exist."""
    component = hass.data.get(SATELLITES)
    return component.get_entity(entity_id) if component else None


async def async_ask_question(
    satellite: AssistSatelliteEntity, question: str
) -> str | None:
    """Speak a question and return the answer, None if nothing was understood.

    The action `assist_satellite.ask_question` would have the question recorded. Raises
    HomeAssistantError.
    """
    answer = await satellite.async_internal_ask_question(question)
    return answer.sentence if answer else None


async def async_announce(satellite: AssistSatelliteEntity, text: str) -> None:
    """Speak a text.

    The action `assist_satellite.announce` would have the text recorded. Raises
    HomeAssistantError.
    """
    await satellite.async_internal_announce(text, preannounce=False)


class UnstoredEventEntity(EventEntity):
    """An event entity whose state is not written to storage.

    Event entities are stored in order to be restored after a restart, which would write
    texts and names to disk.
    """

    _EventEntity__last_event_type: str | None
    _EventEntity__last_event_attributes: dict[str, Any] | None

    @callback
    def forget_event_content(self) -> None:
        """Keep only the time of the last event."""
        self._EventEntity__last_event_type = None
        self._EventEntity__last_event_attributes = None

    @override
    async def async_added_to_hass(self) -> None:
        """Exclude the entity from the next dump of states."""
        await super().async_added_to_hass()
        restore_state.async_get(self.hass).async_restore_entity_removed(
            self.entity_id, None, None
        )

    @override
    async def async_internal_will_remove_from_hass(self) -> None:
        """Skip RestoreEntity, which keeps the last state for the next dump."""
        await super(RestoreEntity, self).async_internal_will_remove_from_hass()
