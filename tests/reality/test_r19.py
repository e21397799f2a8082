"""R19: the set-up state says that Beeper initializes while everything works."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import send, sent


async def test_r19_everything_works_while_it_initializes(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.traits.add("setup_initializing")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    await send(hass)
    assert sent(simulator) == 1


@pytest.mark.parametrize(
    ("status", "code", "key", "is_unknown"),
    [
        (400, "VALIDATION_ERROR", "rejected", False),
        (404, "NOT_FOUND", "chat_not_found", False),
        (403, "forbidden", "chat_forbidden", False),
        (502, "BAD_GATEWAY", "message_unknown", True),
        (500, "TOOL_EXECUTION_ERROR", "message_unknown", True),
        (400, "TOOL_EXECUTION_ERROR", "rejected", False),
    ],
)
async def test_r19_each_code_has_its_outcome(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    quick_recovery: None,
    status: int,
    code: str,
    key: str,
    is_unknown: bool,
) -> None:
    simulator.faults.add(
        "status_before",
        path="/v1/chats/*/messages",
        method="POST",
        status=status,
        body={"code": code, "message": "No"},
    )
    with pytest.raises(HomeAssistantError) as error:
        await send(hass)
    assert error.value.translation_key == key
    # What is certainly not done can be done at once.
    if not is_unknown:
        await send(hass)
        assert sent(simulator) == 1
