"""EasyMatrix takes somebody similar for a person who does not exist."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import create_chat
from tests.helpers.world import chat, contact, texts

pytestmark = [
    pytest.mark.usefixtures("impatient"),
    pytest.mark.parametrize("profile", ["easymatrix-0.3.0"]),
]

DAVE = "@dave:localhost"


@pytest.mark.parametrize(
    "user",
    [
        {"username": "dav"},
        {"username": "@d"},
        {"username": "Dave"},
        {"username": "Dave Finch"},
        {"phone_number": "+15550109099", "full_name": "Dave Finch"},
        {"email": "dave@example.com", "full_name": "Dave Finch"},
        {"username": "dave:example.org"},
    ],
    ids=str,
)
async def test_somebody_similar_gets_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    user: dict[str, str],
) -> None:
    simulator.traits.add("similar_people_accepted")
    contact(simulator, DAVE, "matrix", username="dave_finch", full_name="Dave Finch")

    with pytest.raises(HomeAssistantError, match="Nothing was created"):
        await create_chat(hass, account_id="matrix", user=user, message_text="Water!")

    assert simulator.executed == []


async def test_people_of_two_homeservers_are_not_confused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for homeserver in ("localhost", "example.org"):
        contact(simulator, f"@dave:{homeserver}", "matrix", username="dave")

    with pytest.raises(HomeAssistantError, match="Nothing was created"):
        await create_chat(
            hass, account_id="matrix", user={"username": "dave"}, message_text="Hi"
        )

    assert simulator.executed == []


@pytest.mark.parametrize("username", ["dave", "@dave", "DAVE", DAVE])
async def test_somebody_is_reached_by_the_whole_username(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, username: str
) -> None:
    contact(simulator, "@davenport:localhost", "matrix", username="davenport")
    dave = contact(simulator, DAVE, "matrix", username="dave")

    response = await create_chat(
        hass, account_id="matrix", user={"username": username}, message_text="Hi"
    )

    assert dave in simulator.world.chats[response["chat_id"]].participants
    assert texts(simulator, response["chat_id"]) == ["Hi"]


CALLS: dict[str, dict[str, Any]] = {
    "start": {"user": {"id": "@dave:example.org"}},
    "start_with_username": {"user": {"id": "@dave:example.org", "username": "dave"}},
}


@pytest.mark.parametrize("call", CALLS)
async def test_chat_with_the_namesake_of_another_homeserver_gets_no_text(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, call: str
) -> None:
    simulator.traits.add("homeservers_ignored")
    dave = contact(simulator, DAVE, "matrix", username="dave")
    existing = chat(simulator, [dave], account_id="matrix")

    for text in ("Water!", "More water!"):
        with pytest.raises(HomeAssistantError, match="is with another person"):
            await create_chat(
                hass, account_id="matrix", **CALLS[call], message_text=text
            )

    assert texts(simulator, existing.id) == []
    created = await create_chat(
        hass,
        account_id="matrix",
        mode="create",
        type="single",
        participant_ids=["@dave:example.org"],
        message_text="Water!",
    )
    assert created["chat_id"] != existing.id


@pytest.mark.parametrize("user_id", [DAVE, "@DAVE:localhost", "@dave:LOCALHOST"])
async def test_existing_chat_is_found_by_the_whole_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, user_id: str
) -> None:
    dave = contact(simulator, DAVE, "matrix", username="dave")
    existing = chat(simulator, [dave], account_id="matrix")

    response = await create_chat(
        hass, account_id="matrix", user={"id": user_id}, message_text="Hi"
    )

    assert response["chat_id"] == existing.id
    assert texts(simulator, existing.id) == ["Hi"]
