"""Asking and telling by a voice satellite, without cutting off what it is doing.

Not by its actions: Home Assistant records what those are called with.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.hass_dict import HassKey

if TYPE_CHECKING:
    # Who has no satellite need not have what this imports.
    from homeassistant.components.assist_satellite import AssistSatelliteEntity
    from homeassistant.helpers.entity_component import EntityComponent

_SATELLITES: Final[HassKey[EntityComponent[AssistSatelliteEntity]]] = HassKey(
    "assist_satellite"
)
_IDLE: Final = "idle"
_CAN_ANNOUNCE: Final = 1
_CAN_ASK: Final = 2
"""Its feature to start a conversation."""


@callback
def can_ask(hass: HomeAssistant, satellite_id: str) -> bool:
    """Tell whether a satellite can begin to listen by itself."""
    return _find(hass, satellite_id, _CAN_ASK) is not None


@callback
def _find(
    hass: HomeAssistant, satellite_id: str, feature: int
) -> AssistSatelliteEntity | None:
    """Return a satellite that is there and can do something."""
    satellites = hass.data.get(_SATELLITES)
    found = satellites.get_entity(satellite_id) if satellites else None
    able = found and found.available and (found.supported_features or 0) & feature
    return found if able else None


async def async_ask(
    hass: HomeAssistant,
    satellite_id: str,
    question: str,
    *,
    context: Context,
    patience: float,
) -> str | None:
    """Return what is answered within some seconds, None if nothing is."""
    answer = None
    # It may be busy, or nobody says anything.
    with suppress(HomeAssistantError, TimeoutError):
        async with asyncio.timeout(patience):
            await _until_idle(hass, satellite_id)
            if found := _find(hass, satellite_id, _CAN_ASK):
                found.async_set_context(context)
                answer = await found.async_internal_ask_question(question)
    return answer.sentence if answer else None


async def async_tell(
    hass: HomeAssistant, satellite_id: str, text: str, *, context: Context
) -> None:
    """Say something, if the satellite can."""
    if (found := _find(hass, satellite_id, _CAN_ANNOUNCE)) is None:
        return
    found.async_set_context(context)
    with suppress(HomeAssistantError):
        await found.async_internal_announce(text, preannounce=False)


async def _until_idle(hass: HomeAssistant, satellite_id: str) -> None:
    idle = asyncio.Event()

    @callback
    def look(event: Event[EventStateChangedData] | None = None) -> None:
        state = hass.states.get(satellite_id)
        if state and state.state == _IDLE:
            idle.set()

    stop = async_track_state_change_event(hass, satellite_id, look)
    try:
        look()
        await idle.wait()
    finally:
        stop()
