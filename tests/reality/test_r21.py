"""R21: networks trim titles, collapse spaces and normalise characters."""

import asyncio

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import create_chat
from tests.helpers.world import GROUP_OF_TWO, PROFILES

TITLE = "  Cafe\u0301  on   Friday "


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("trait", ["titles_trimmed", "titles_folded"])
async def test_r21_a_group_is_found_by_the_title_that_was_stored(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, trait: str
) -> None:
    simulator.traits.add(trait)
    first = await create_chat(hass, **GROUP_OF_TWO, title=TITLE, if_exists="reuse")
    second = await create_chat(
        hass, **GROUP_OF_TWO, title=TITLE, if_exists="reuse", allow_repeat=True
    )
    assert second["chat_id"] == first["chat_id"]
    assert len(simulator.executed) == 1


@pytest.mark.parametrize(
    "stored",
    ["café on friday", "Cafe on Friday", "Café\u00a0on Friday\u200b"],
)
async def test_r21_a_group_whose_title_the_network_changed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, stored: str
) -> None:
    first = await create_chat(hass, **GROUP_OF_TWO, title=TITLE)
    simulator.world.chats[first["chat_id"]].title = stored

    second = await create_chat(
        hass, **GROUP_OF_TWO, title=TITLE, if_exists="reuse", allow_repeat=True
    )

    assert second["chat_id"] == first["chat_id"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_r21_recovery_finds_the_group(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    quick_recovery: None,
) -> None:
    simulator.traits.add("titles_folded")
    simulator.faults.add("drop_after", path="/v1/chats", method="POST")
    response = await create_chat(hass, **GROUP_OF_TWO, title=TITLE)
    assert response["recovered"] is True
    assert len(simulator.executed) == 1


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
async def test_r21_a_group_is_found_before_the_server_lists_its_people(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("titles_folded", "new_chat_without_members")
    group = {**GROUP_OF_TWO, "title": TITLE, "if_exists": "reuse"}

    responses = await asyncio.gather(
        *(create_chat(hass, **group, allow_repeat=True) for _ in range(3))
    )

    assert len({response["chat_id"] for response in responses}) == 1
    created = [request for request in simulator.executed if request.path == "/v1/chats"]
    assert len(created) == 1
    with pytest.raises(HomeAssistantError, match="chats with exactly these people"):
        await create_chat(hass, **{**group, "if_exists": "refuse"}, allow_repeat=True)
    other = await create_chat(hass, **{**group, "title": "Another"})
    assert other["chat_id"] != responses[0]["chat_id"]
