"""R27, R30: sensors count what chats count, on servers whose rows are never unread."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.entities import add_chat
from tests.helpers.world import KIM, PROFILES, write


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("trait", ["rows_never_unread", "abandoned_chat"])
async def test_r27_unread_messages_are_counted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, trait: str
) -> None:
    await add_chat(hass, loaded)
    simulator.world.mark_read(simulator.world.chats[KIM], None)
    await loaded.runtime_data.async_refresh()
    before = dict(loaded.runtime_data.data.unread or {}).get("whatsapp", 0)
    simulator.traits.add(trait)
    for _ in range(3):
        write(simulator, "Hello")
    await loaded.runtime_data.async_refresh()

    state = hass.states.get("sensor.kim_unread_messages")
    assert state
    assert state.state == "3"
    assert (loaded.runtime_data.data.unread or {})["whatsapp"] == before + 3
