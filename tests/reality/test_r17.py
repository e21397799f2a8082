"""R17: values of other types and lists cut short, which are read all the same."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import MessageEvent
from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.actions import download, find
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, PROFILES, write

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


@pytest.mark.parametrize("profile", PROFILES[1:])
async def test_r17_a_file_without_content_type_keeps_its_type(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, media: Path
) -> None:
    simulator.traits.add("serve_without_content_type")

    saved = await download(hass)

    assert (saved["file_name"], saved["mime_type"]) == ("cake.png", "image/png")


@pytest.mark.parametrize("profile", PROFILES)
async def test_direct_chats_without_title_are_named_after_the_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("null_titles")
    write(simulator, "Hello")

    found = await find(hass, query="Kim", account_id="whatsapp")
    assert [(match["name"], match["chat_id"]) for match in found["matches"]] == [
        ("Kim", KIM)
    ]
    flow = hass.config_entries.subentries
    result = await flow.async_init(
        (loaded.entry_id, "chat"), context={"source": SOURCE_USER}
    )
    result = await flow.async_configure(result["flow_id"], {"search": "Kim"})
    await flow.async_configure(result["flow_id"], {"chat_id": KIM})
    await hass.async_block_till_done()

    [entity_id] = hass.states.async_entity_ids("notify")
    assert entity_id == "notify.kim"
    sent = await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"recipient": "Kim", "account_id": "whatsapp", "message": "Hi"},
        blocking=True,
        return_response=True,
    )
    assert sent
    assert sent["chat_id"] == KIM
