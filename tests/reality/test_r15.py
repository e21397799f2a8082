"""R15: some chats are read-only for the user."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from simulator.scenes import READ_ONLY
from tests.helpers.actions import send, tried


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r15_a_message_is_refused_before_it_is_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("read_only_chat")
    for _ in range(2):
        with pytest.raises(ServiceValidationError) as refused:
            await send(hass, READ_ONLY)
        assert refused.value.translation_key == "chat_read_only"
    assert tried(simulator) == 0

    # It can change: nothing is remembered of it.
    simulator.world.chats[READ_ONLY].is_read_only = False
    await send(hass, READ_ONLY)
    assert tried(simulator) == 1
