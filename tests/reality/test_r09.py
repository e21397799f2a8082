"""R9: an account's contacts can be neither listed nor searched."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import create_chat, find
from tests.helpers.world import KIM, PROFILES


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("account", [{}, {"account_id": "whatsapp"}])
async def test_r9_chats_are_searched_all_the_same(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    account: dict[str, str],
    profile: str,
) -> None:
    simulator.traits.add("contacts_fail", account="whatsapp")

    found = await find(hass, query="kim", **account)
    assert KIM in {match["chat_id"] for match in found["matches"]}
    assert found["not_searched"] == ["whatsapp"]

    response = await create_chat(hass, recipient="Kim")
    assert response["recipients"][0]["name"] == "Kim"
    # The oldest servers create a chat each time.
    assert (response["chat_id"] == KIM) is (profile != "4.1.294")


@pytest.mark.parametrize("profile", PROFILES)
async def test_r9_the_error_mentions_unsearched_contacts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("contacts_fail", account="whatsapp")
    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, recipient="Mia Moreau")
    assert refused.value.translation_key == "recipient_not_searched"
    assert "hatsapp" in str(refused.value).replace("A", "a")
    assert not simulator.executed
