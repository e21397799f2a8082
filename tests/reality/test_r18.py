"""R18: the pending ID of a message works until its final ID replaces it, and later."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.actions import send
from tests.helpers.waiting import until
from tests.helpers.world import KIM

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize("trait", [None, "pending_id_unknown"])
async def test_r18_a_pending_id_works_before_and_after_the_final_one(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    trait: str | None,
) -> None:
    """Some servers answer 404 until the network has confirmed the message."""
    if trait:
        simulator.traits.add(trait)
    simulator.confirm_after = 0.3
    sent = await send(hass, message="Hello")

    async def read() -> object:
        response = await hass.services.async_call(
            "beeper",
            "get_message",
            {"chat_id": KIM, "message_id": sent["message_id"]},
            blocking=True,
            return_response=True,
        )
        return response and response["text"]

    assert await read() == "Hello"
    chat = simulator.world.chats[KIM]
    await until(lambda: chat.messages[-1].id != sent["message_id"])
    assert await read() == "Hello"
