"""R15: some chats are read-only for the user."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from simulator.model import Chat, Message
from simulator.scenes import READ_ONLY
from tests.helpers.actions import call_action, create_chat, send, tried
from tests.helpers.world import KIM


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r15_a_message_is_refused_before_it_is_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("read_only_chat")
    for _ in range(2):
        with pytest.raises(ServiceValidationError) as refused:
            await send(hass, READ_ONLY)
        assert refused.value.translation_key == "chat_read_only"
    assert tried(simulator) == 0

    # It can change: nothing is remembered of it.
    simulator.world.chats[READ_ONLY].is_read_only = False
    await send(hass, READ_ONLY)
    assert tried(simulator) == 1


def own_message(simulator: Simulator) -> tuple[Chat, Message]:
    """Add a message that the user sent before the chat became read-only."""
    simulator.traits.add("read_only_chat")
    chat = simulator.world.chats[READ_ONLY]
    message = simulator.world.send(chat, "First try")
    simulator.world.settle()
    return chat, message


def changes(simulator: Simulator) -> list[str]:
    """Return the paths of the requests that change a message."""
    return [
        request.path
        for request in simulator.requests
        if request.method != "GET" and "/messages" in request.path
    ]


@pytest.mark.parametrize(
    ("action", "data"),
    [("edit_message", {"message": "Second try"})],
)
async def test_r15_an_edit_is_refused_before_it_is_sent(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    chat, message = own_message(simulator)
    call = {"chat_id": chat.id, "message_id": message.id, **data}
    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, action, **call)
    assert refused.value.translation_key == "chat_read_only"
    assert changes(simulator) == []

    chat.is_read_only = False
    await call_action(hass, action, **call)
    assert len(changes(simulator)) == 1


async def test_r15_an_own_message_can_be_deleted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat, message = own_message(simulator)
    await call_action(
        hass,
        "delete_message",
        chat_id=chat.id,
        message_id=message.id,
        for_everyone=True,
    )
    assert len(changes(simulator)) == 1


@pytest.mark.parametrize("if_exists", ["reuse", None])
async def test_r15_a_first_message_is_refused_before_it_is_sent_separately(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    if_exists: str | None,
) -> None:
    """The chat is found by reading (`if_exists`), or by Beeper (`user`)."""
    simulator.traits.add("existing_chat_drops_text")
    chat = simulator.world.chats[KIM]
    chat.is_read_only = True
    before = len(chat.messages)
    [kim] = [person for person in chat.participants if not person.is_self]
    data: dict[str, Any] = (
        {
            "account_id": chat.account_id,
            "type": "single",
            "participant_ids": [kim.id],
            "if_exists": if_exists,
        }
        if if_exists
        else {"user": {"phone_number": kim.phone_number}}
    )
    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, **data, message_text="hi")
    assert refused.value.translation_key == "chat_read_only"
    assert tried(simulator) == 0

    # Nothing is unknown: the same call can be repeated.
    chat.is_read_only = False
    response = await create_chat(hass, **data, message_text="hi")
    assert response["message_sent"] == "separately"
    assert tried(simulator) == 1
    assert len(chat.messages) == before + 1
