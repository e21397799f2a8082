"""R33: invitations are not listed, names are ids, and nobody checks who exists."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.scenes import INVITATION
from tests.helpers.actions import call_action, create_chat, find
from tests.helpers.talking import say
from tests.helpers.waiting import poll, quiet
from tests.helpers.world import PROFILES, contact

pytestmark = pytest.mark.usefixtures("impatient")

MEASURED = "easymatrix-0.3.0"


@pytest.mark.parametrize("profile", ["latest", "easymatrix", MEASURED])
async def test_r33_ids_that_are_names_are_not_spoken(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, assist: None
) -> None:
    await hass.async_block_till_done()
    simulator.traits.add("user_names_are_ids", "sender_names_are_ids")
    for account_id, user_id in (
        ("matrix", "@alice:localhost"),
        ("signal", "@signal_alice:beeper.com"),
    ):
        contact(simulator, user_id, account_id, full_name=user_id, username="alice")

    question = await say(hass, "Start a Beeper chat with alice")
    confirmation = await say(hass, "Message @alice:localhost on Beeper Hello")

    assert question.startswith("I found two: first, alice on ")
    for speech in (question, confirmation):
        assert "alice on" in speech
        assert "@" not in speech
        assert "localhost" not in speech
    assert not simulator.executed


@pytest.mark.parametrize("profile", ["latest", "easymatrix", MEASURED])
async def test_r33_ids_are_not_names_in_responses(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("unknown_users_accepted")
    simulator.world.discovery_seconds = 0
    user_id = "@nobody:localhost"

    response = await create_chat(hass, account_id="matrix", user={"id": user_id})

    chat = await call_action(hass, "get_chat", chat_id=response["chat_id"])
    [person] = [one for one in chat["participants"] if not one["is_self"]]
    assert (person["id"], person["name"]) == (user_id, None)


@pytest.mark.parametrize("profile", PROFILES)
async def test_r33_a_user_who_does_not_exist_is_not_found_by_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Only an id that was written out is taken without a check."""
    simulator.traits.add("unknown_users_accepted")

    for data in ({"recipient": "Nobody Known"}, {"recipient": "@nobodyknown"}):
        with pytest.raises(HomeAssistantError, match="Nothing was"):
            await create_chat(hass, account_id="matrix", **data)

    assert not simulator.executed


@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix", MEASURED])
async def test_r33_invitations_start_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    events: list[MessageEvent],
) -> None:
    simulator.traits.add("invitation")
    # Its messages come with the membership; only the chat is reported.
    simulator.world.changed(simulator.world.chat(INVITATION))
    await poll(hass, listening)
    await quiet(simulator)

    assert events == []
    chats: Any = (await call_action(hass, "list_chats", limit=200))["chats"]
    assert INVITATION not in {chat["chat_id"] for chat in chats}
    found = await find(hass, query="Book club")
    assert INVITATION not in {match["chat_id"] for match in found["matches"]}
