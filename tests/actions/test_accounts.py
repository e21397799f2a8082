"""Accounts are named by ID, network or device; errors list the user's networks."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat, find
from tests.helpers.cells import cells

SECOND = "local-whatsapp_ba_Sample"


@pytest.mark.parametrize(
    ("given", "account_id"),
    [
        ("telegram", "telegram"),
        ("Telegram", "telegram"),
        (" TELEGRAM ", "telegram"),
        ("iMessage", "imessage"),
        ("i message", "imessage"),
        ("whatsapp", "whatsapp"),
        ("WhatsApp 2", SECOND),
        (SECOND, SECOND),
        ("unlisted", "unlisted"),
    ],
)
async def test_account_may_be_named_by_id_network_or_device(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    given: str,
    account_id: str,
) -> None:
    if account_id == "unlisted":
        simulator.world.accounts["unlisted"] = simulator.world.accounts["imessage"]
    response = await create_chat(hass, user={"id": "1"}, account_id=given)

    assert response["account_id"] == account_id
    assert simulator.executed[0].json["accountID"] == account_id


async def test_reading_is_about_the_accounts_that_networks_name(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    listed = await call_action(hass, "list_chats", account_ids=["Telegram", "Signal"])
    assert {chat["network"] for chat in listed["chats"]} == {"Telegram", "Signal"}
    found = await find(hass, query="a", account_id="Telegram")
    assert {match["account_id"] for match in found["matches"]} == {"telegram"}
    chat = await call_action(hass, "get_chat", recipient="Alex", account_id="TELEGRAM")
    assert chat["account_id"] == "telegram"


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("create_chat", {"recipient": "Kim", "account_id": "Watsapp"}),
        ("create_chat", {"user": {"id": "1"}, "account_id": "Watsapp"}),
        ("send_message", {"recipient": "Kim", "message": "x", "account_id": "Watsapp"}),
    ],
)
async def test_error_lists_the_accounts(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    call: dict[str, Any],
) -> None:
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, action, **call)

    text = str(refused.value)
    assert "account_id" in text
    assert "are: Beeper, Instagram, Signal, Slack, Telegram, WhatsApp (2)" in text
    assert not simulator.executed


@cells
@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("create_chat", {"recipient": "Kim", "account_id": "Whats App"}),
        (
            "send_message",
            {"recipient": "Kim", "message": "x", "account_id": "WhatsApp"},
        ),
        ("find", {"query": "Kim", "account_id": "WhatsApp"}),
        ("list_chats", {"account_ids": ["Telegram", "WhatsApp"]}),
    ],
)
async def test_error_lists_the_ids_of_accounts_on_one_network(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    call: dict[str, Any],
) -> None:
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, action, **call)

    assert f"one of them: whatsapp, {SECOND}." in str(refused.value)
    assert not simulator.executed


async def test_errors_hide_account_ids_with_addresses(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    world = simulator.world
    world.rename_account(world.accounts[SECOND], "sh-whatsapp_kim@example.com")
    await loaded.runtime_data.async_refresh()

    with pytest.raises(HomeAssistantError) as refused:
        await find(hass, query="Kim", account_id="WhatsApp")

    assert "one of them: whatsapp, …." in str(refused.value)
