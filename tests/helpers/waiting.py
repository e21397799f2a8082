"""Wait for what the integration and the simulator do in the background."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.clock import current_clock

PATIENCE: Final = 60
"""Seconds that what takes a moment may take on a busy machine."""


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; tests may advance the event loop's clock meanwhile."""
    given_up = monotonic() + PATIENCE

    def is_met() -> bool:
        if condition():
            return True
        assert monotonic() < given_up, "It has not happened."
        return False

    if clock := current_clock():
        await clock.until(is_met)
        return
    while not is_met():
        await asyncio.sleep(0.001)


async def quiet(simulator: Simulator) -> None:
    """Wait until the integration reads no more messages."""
    before = -1
    while before != (count := sum("/messages" in r.path for r in simulator.requests)):
        before = count
        await asyncio.sleep(0.1)


async def poll(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Run the periodic poll now."""
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()


async def settled(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Wait until the network has confirmed and everything is read."""
    await asyncio.sleep(simulator.confirm_after)
    await quiet(simulator)
    await poll(hass, entry)
    await quiet(simulator)
