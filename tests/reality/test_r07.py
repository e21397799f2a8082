"""R7: some versions have labels and bridges, but their numbers do not show it."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import create_chat
from tests.helpers.labels import refused
from tests.helpers.world import FAMILY, GROUP_OF_TWO


async def list_chats(hass: HomeAssistant, **data: object) -> list[str]:
    response = await hass.services.async_call(
        "beeper", "list_chats", data, blocking=True, return_response=True
    )
    assert response
    chats = response["chats"]
    assert isinstance(chats, list)
    return [str(chat["chat_id"]) for chat in chats if isinstance(chat, dict)]


def asked(simulator: Simulator, path: str) -> int:
    return sum(request.path == path for request in simulator.requests)


async def test_r7_labels_are_used_where_the_server_has_them(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for _ in range(2):
        assert await list_chats(hass, label_id="home") == [FAMILY]
    assert asked(simulator, "/v1/labels") == 1


async def test_r7_a_new_version_is_without_labels(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("no_labels")
    for _ in range(2):
        with refused(HomeAssistantError, "label_id needs Beeper"):
            await list_chats(hass, label_id="home")
    assert asked(simulator, "/v1/labels") == 1
    assert not any("labelID" in request.query for request in simulator.requests)


async def test_r7_a_failure_is_not_taken_for_an_answer(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", path="/v1/labels", status=500)
    with pytest.raises(HomeAssistantError, match="status 500"):
        await list_chats(hass, label_id="home")
    assert await list_chats(hass, label_id="home") == [FAMILY]


async def test_r7_rules_of_networks_are_used_where_the_server_has_bridges(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError, match="allows 100"):
        await create_chat(hass, **GROUP_OF_TWO, title="x" * 101)
    assert asked(simulator, "/v1/bridges") == 1
    assert not simulator.executed


async def test_r7_a_new_version_is_without_bridges(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("no_bridges")
    await create_chat(hass, **GROUP_OF_TWO, title="Dinner")
    assert asked(simulator, "/v1/bridges") == 1
    assert not any("/capabilities" in request.path for request in simulator.requests)
