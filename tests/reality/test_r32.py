"""R32: the network behind the server hangs, or refuses the first message."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.model import Chat, Person
from tests.helpers.actions import create_chat
from tests.helpers.world import PROFILES, contact

pytestmark = pytest.mark.usefixtures("impatient")

NOOR = "@whatsapp_15550109090:beeper.com"
FORMS: dict[str, dict[str, Any]] = {
    "start": {"recipient": "Noor Zaman"},
    "create": {"participant_ids": [NOOR], "type": "single"},
    "group": {"participants": ["Noor Zaman", "Kim"], "type": "group", "title": "Trip"},
}


@pytest.fixture(autouse=True)
def noor(simulator: Simulator) -> Person:
    """Return a contact without a chat."""
    simulator.world.hang_seconds = 0.1
    return contact(simulator, NOOR, full_name="Noor Zaman", phone_number="+15550109090")


def chats_with(simulator: Simulator, person: Person) -> list[Chat]:
    chats = simulator.world.chats.values()
    return [chat for chat in chats if person in chat.participants]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("form", FORMS)
async def test_r32_the_chat_that_a_hanging_network_created_is_found(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    noor: Person,
    form: str,
) -> None:
    simulator.traits.add("network_hangs")

    response = await create_chat(hass, account_id="whatsapp", **FORMS[form])

    [chat] = chats_with(simulator, noor)
    assert response["chat_id"] == chat.id
    assert response["recovered"] is True


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("trait", ["network_hangs", "first_text_fails"])
@pytest.mark.parametrize("form", FORMS)
async def test_r32_r21_chat_without_its_first_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    noor: Person,
    form: str,
    trait: str,
) -> None:
    """The error names the chat, and repeating the call sends nothing."""
    simulator.traits.add(trait)

    for _ in range(2):
        with pytest.raises(HomeAssistantError) as error:
            await create_chat(
                hass, account_id="whatsapp", **FORMS[form], message_text="Hello"
            )
        assert error.value.translation_key == "message_unconfirmed"
        [chat] = chats_with(simulator, noor)
        assert f"The chat exists ({chat.local_id or chat.id})" in str(error.value)

    assert chat.messages == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_r32_a_chat_without_a_local_id_is_named_by_its_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, noor: Person
) -> None:
    simulator.traits.add("first_text_fails", "empty_values")

    with pytest.raises(HomeAssistantError) as error:
        await create_chat(hass, user={"id": NOOR}, message_text="Hello")

    [chat] = chats_with(simulator, noor)
    assert str(chat.local_id or chat.id) in str(error.value)
    assert "?" not in str(error.value)
    assert "()" not in str(error.value)


@pytest.mark.parametrize("form", FORMS)
async def test_r32_a_chat_that_is_not_found_yet_is_not_created_again(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    noor: Person,
    form: str,
) -> None:
    """A new chat lists nobody until the network has confirmed it."""
    simulator.traits.add("network_hangs", "new_chat_without_members")
    simulator.world.discovery_seconds = 3600

    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="unknown") as error:
            await create_chat(hass, account_id="whatsapp", **FORMS[form])
        assert "Nothing was" not in str(error.value)

    assert len(chats_with(simulator, noor)) == 1


async def test_r32_requests_for_other_people_do_not_wait(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("network_hangs")
    simulator.world.hang_seconds = 5
    hanging = hass.async_create_task(create_chat(hass, user={"id": NOOR}))

    response = await create_chat(hass, recipient="Alex Rivera", message_text="Hello")

    assert response["message_sent"]
    assert not hanging.done()
    hanging.cancel()
