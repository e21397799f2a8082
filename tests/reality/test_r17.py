"""R17: values of other types and lists cut short, which are read all the same."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, PROFILES, write

TRAITS = (
    "numeric_read_sort_key",
    "text_sort_keys",
    "mentions_null",
    "mentions_room",
    "five_participants",
)


# The oldest servers have no stream.
@pytest.mark.parametrize("profile", PROFILES[1:])
@pytest.mark.parametrize("trait", TRAITS)
async def test_r17_messages_are_read_all_the_same(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    impatient: None,
    trait: str,
) -> None:
    simulator.traits.add(trait)
    for number in range(25):
        write(simulator, f"Number {number}", chat_id=FAMILY, ago=25 - number)
    await listening.runtime_data.async_refresh()
    listening.runtime_data.inbox.invalidate()
    await until(lambda: len(events) >= 25)
    assert {event.text for event in events} == {f"Number {n}" for n in range(25)}

    response = await hass.services.async_call(
        "beeper",
        "list_messages",
        {"chat_id": FAMILY, "limit": 25},
        blocking=True,
        return_response=True,
    )
    assert response
    messages = response["messages"]
    assert isinstance(messages, list)
    shown = [message["text"] for message in messages if isinstance(message, dict)]
    assert shown == [f"Number {24 - number}" for number in range(25)]
