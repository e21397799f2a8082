"""Growing delays between attempts that fail."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import coordinator
from custom_components.beeper.backoff import backoff
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.waiting import until


def test_each_failure_doubles_the_delay_up_to_the_longest() -> None:
    delays = [backoff(failures, 0.5, 60) for failures in range(1, 10)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff(10**6, 0.5, 60) == 60


async def test_reconnecting_slows_down(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinator, "_RECONNECT_DELAYS", (0.05, 60.0))
    simulator.faults.add("ws_refuse", times=None, status=503)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: attempts(simulator))
    before, started = len(attempts(simulator)), hass.loop.time()
    await until(lambda: len(attempts(simulator)) >= before + 4)
    # The first delay may be over already, and the jitter halves a delay at most.
    assert hass.loop.time() - started > 0.05 * (2 + 4 + 8) / 2


def attempts(simulator: Simulator) -> list[str]:
    """Return the requests for the stream."""
    return [request.path for request in simulator.requests if request.path == "/v1/ws"]
