"""R14: several chats with one and the same person are one recipient, the latest."""

from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Person
from tests.helpers.actions import create_chat
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest"])
async def test_r14_the_latest_of_several_chats_with_one_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    world = simulator.world
    account = world.accounts["whatsapp"]
    person = Person(
        id="@whatsapp_15550109090:beeper.com",
        full_name="Noor Zaman",
        phone_number="+15550109090",
    )
    account.contacts[person.id] = person
    older, newer = (world.add_chat(account, [person]) for _ in range(2))
    world.incoming(older, person, "Old")
    world.incoming(newer, person, "New", when=world.now() + timedelta(seconds=2))

    await hass.services.async_call(
        "beeper",
        "send_message",
        {"recipient": "Noor Zaman", "message": "Hello"},
        blocking=True,
    )

    await until(lambda: newer.messages[-1].text == "Hello")
    assert older.messages[-1].text == "Old"


async def test_r14_every_start_makes_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Google Voice has a chat a conversation; a text reaches the one just started."""
    simulator.traits.add("chat_per_conversation")
    data = {"user": {"phone_number": "+15550101002"}}

    first = await create_chat(hass, **data, message_text="First")
    second = await create_chat(hass, **data, message_text="Second")

    assert first["chat_id"] == second["chat_id"]
    texts = [
        message.text for message in simulator.world.chats[first["chat_id"]].messages
    ]
    assert texts == ["First", "Second"]
