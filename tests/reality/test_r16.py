"""R16: chats of an account that lost its network vanish after a while."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import create_chat


@pytest.mark.parametrize("status", ["reconnect_required", "disconnected", "connecting"])
async def test_r16_the_error_names_the_network_that_is_not_connected(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, status: str
) -> None:
    simulator.traits.add("logged_out", account="telegram")
    simulator.traits.add("logged_out_chats_vanish", account="telegram")
    simulator.world.accounts["telegram"].status = status
    await loaded.runtime_data.async_refresh()

    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(
            "beeper",
            "send_message",
            {"recipient": "Nobody Known", "message": "hi"},
            blocking=True,
        )
    assert refused.value.translation_key == "recipient_disconnected"
    first, _, rest = str(refused.value).partition(". ")
    assert "matches no person or chat" in first
    assert rest.index("beeper.find") < rest.index("Telegram")
    with pytest.raises(ServiceValidationError, match="Telegram"):
        await create_chat(hass, account_id="telegram", recipient="Nobody Known")

    # An account that is connected and does not know the name: nothing else is wrong.
    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, account_id="whatsapp", recipient="Nobody Known")
    assert refused.value.translation_key == "recipient_not_found"
    assert not simulator.executed
