"""Questions and announcements on a voice satellite, without interrupting it."""

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

from .. import ha_internals

if TYPE_CHECKING:
    from homeassistant.components.assist_satellite import AssistSatelliteEntity

_IDLE: Final = "idle"
# Values of AssistSatelliteEntityFeature.
_ANNOUNCE: Final = 1
_START_CONVERSATION: Final = 2


@callback
def can_ask(hass: HomeAssistant, satellite_id: str) -> bool:
    """Return whether a satellite can ask a question and listen to the answer."""
    return _find(hass, satellite_id, _START_CONVERSATION) is not None


@callback
def _find(
    hass: HomeAssistant, satellite_id: str, feature: int
) -> AssistSatelliteEntity | None:
    """Return an available satellite that supports a feature."""
    satellite = ha_internals.async_get_satellite(hass, satellite_id)
    if satellite is None or not satellite.available:
        return None
    return satellite if (satellite.supported_features or 0) & feature else None


async def async_ask(
    hass: HomeAssistant,
    satellite_id: str,
    question: str,
    *,
    context: Context,
    timeout_seconds: float,
) -> str | None:
    """Ask once the satellite is idle; return the answer, None if there was none."""
    # The satellite may be busy, and the user may not answer.
    with suppress(HomeAssistantError, TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            await _until_idle(hass, satellite_id)
            if satellite := _find(hass, satellite_id, _START_CONVERSATION):
                satellite.async_set_context(context)
                return await ha_internals.async_ask_question(satellite, question)
    return None


async def async_speak(
    hass: HomeAssistant, satellite_id: str, text: str, *, context: Context
) -> None:
    """Speak a text if the satellite supports announcements."""
    if (satellite := _find(hass, satellite_id, _ANNOUNCE)) is None:
        return
    satellite.async_set_context(context)
    with suppress(HomeAssistantError):
        await ha_internals.async_announce(satellite, text)


async def _until_idle(hass: HomeAssistant, satellite_id: str) -> None:
    idle = asyncio.Event()

    @callback
    def check(event: Event[EventStateChangedData] | None = None) -> None:
        state = hass.states.get(satellite_id)
        if state and state.state == _IDLE:
            idle.set()

    unsubscribe = async_track_state_change_event(hass, satellite_id, check)
    try:
        check()
        await idle.wait()
    finally:
        unsubscribe()
