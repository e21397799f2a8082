"""EasyMatrix states the handles of people in contacts, and not in chats."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from simulator.model import Chat
from tests.helpers.actions import call_action
from tests.helpers.world import chat, contact, texts

pytestmark = [
    pytest.mark.usefixtures("impatient"),
    pytest.mark.parametrize("profile", ["easymatrix-0.3.0"]),
]


@pytest.fixture(autouse=True)
def handles(simulator: Simulator) -> None:
    simulator.traits.add("handles_only_in_contacts")


def dave(simulator: Simulator, homeserver: str = "localhost") -> Chat:
    """Add a chat with somebody of this handle."""
    person = contact(simulator, f"@dave:{homeserver}", "matrix", username="dave")
    return chat(simulator, [person], account_id="matrix")


async def write_to(hass: HomeAssistant, recipient: str, **data: Any) -> dict[str, Any]:
    return await call_action(
        hass, "send_message", recipient=recipient, message="Hi", **data
    )


@pytest.mark.parametrize("recipient", ["@dave", "@DAVE", "@dave:localhost"])
@pytest.mark.parametrize("account", [{}, {"account_id": "matrix"}], ids=str)
async def test_chat_is_found_by_a_handle(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    account: dict[str, str],
) -> None:
    existing = dave(simulator)
    contact(simulator, "@davenport:localhost", "matrix", username="davenport")

    response = await write_to(hass, recipient, **account)

    assert response["chat_id"] == existing.id
    assert texts(simulator, existing.id) == ["Hi"]


@pytest.mark.parametrize("has_chat", [True, False])
async def test_handle_of_two_people_selects_neither(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, has_chat: bool
) -> None:
    dave(simulator)
    if has_chat:
        dave(simulator, "example.org")
    else:
        contact(simulator, "@dave:example.org", "matrix", username="dave")

    with pytest.raises(ServiceValidationError, match="matches 2"):
        await write_to(hass, "@dave")

    assert simulator.executed == []


@pytest.mark.parametrize("recipient", ["@dav", "@ave", "@dave2"])
async def test_part_of_a_handle_selects_nobody(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    dave(simulator)

    with pytest.raises(ServiceValidationError, match="matches no person or chat"):
        await write_to(hass, recipient)

    assert simulator.executed == []


async def test_somebody_without_a_chat_is_not_found(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@dave:localhost", "matrix", username="dave")

    with pytest.raises(ServiceValidationError, match="matches no person or chat"):
        await write_to(hass, "@dave")

    assert simulator.executed == []


async def test_nobody_is_selected_if_contacts_cannot_be_searched(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    dave(simulator)
    simulator.traits.add("contacts_fail", account="signal")

    with pytest.raises(ServiceValidationError, match="Signal"):
        await write_to(hass, "@dave")

    assert simulator.executed == []
