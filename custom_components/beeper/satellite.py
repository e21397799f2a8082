"""Asking and telling by a voice satellite, without cutting off what it is doing."""

import asyncio
from contextlib import suppress
from typing import Final

from homeassistant.const import ATTR_ENTITY_ID, ATTR_SUPPORTED_FEATURES
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event

_DOMAIN: Final = "assist_satellite"
_IDLE: Final = "idle"
_CAN_ASK: Final = 2
"""Its feature to start a conversation; importing that would import all of Assist."""


@callback
def can_ask(hass: HomeAssistant, satellite_id: str) -> bool:
    """Tell whether a satellite can begin to listen by itself."""
    state = hass.states.get(satellite_id)
    return bool(state and state.attributes[ATTR_SUPPORTED_FEATURES] & _CAN_ASK)


async def async_ask(
    hass: HomeAssistant,
    satellite_id: str,
    question: str,
    *,
    context: Context,
    patience: float,
) -> str | None:
    """Return what is answered within some seconds, None if nothing is."""
    try:
        async with asyncio.timeout(patience):
            await _until_idle(hass, satellite_id)
            answer = await hass.services.async_call(
                _DOMAIN,
                "ask_question",
                {ATTR_ENTITY_ID: satellite_id, "question": question},
                blocking=True,
                context=context,
                return_response=True,
            )
    except HomeAssistantError, TimeoutError:
        return None  # It is busy, or nobody has said anything.
    return str(answer["sentence"]) if answer else None


async def async_tell(
    hass: HomeAssistant, satellite_id: str, text: str, *, context: Context
) -> None:
    """Say something, if the satellite can."""
    with suppress(HomeAssistantError):
        await hass.services.async_call(
            _DOMAIN,
            "announce",
            {ATTR_ENTITY_ID: satellite_id, "message": text, "preannounce": False},
            blocking=True,
            context=context,
        )


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
