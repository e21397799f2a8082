"""R11: lists are partial or empty after a restart, and calls then fail."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.beeper import account_devices
from custom_components.beeper.device_identifiers import account_identifier
from custom_components.beeper.signals import MessageEvent
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import find, send, sent, tried
from tests.helpers.waiting import quiet, until
from tests.helpers.world import KIM, PROFILES, write

TELEGRAM = "sensor.beeper_telegram_unread_messages"


def telegram(hass: HomeAssistant, entry: MockConfigEntry) -> dr.ChildDeviceEntry | None:
    return dr.async_get(hass).async_get_child_device_by_identifier(
        account_identifier(entry, "telegram"), entry.entry_id
    )


async def poll(entry: MockConfigEntry, freezer: FrozenDateTimeFactory) -> None:
    """Poll again, a minute later."""
    freezer.tick(timedelta(minutes=1))
    await entry.runtime_data.async_refresh()


@pytest.mark.parametrize("profile", PROFILES)
async def test_r11_a_device_outlives_a_partial_list(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    device = telegram(hass, loaded)
    assert device
    dr.async_get(hass).async_update_child_device(device.id, name_by_user="Mine")
    er.async_get(hass).async_update_entity(TELEGRAM, new_entity_id="sensor.mine")
    await hass.async_block_till_done()

    simulator.traits.add("accounts_loading", account="telegram")
    await poll(loaded, freezer)
    state = hass.states.get("sensor.mine")
    assert state
    assert state.state == STATE_UNAVAILABLE
    await hass.config_entries.async_reload(loaded.entry_id)
    # Days without a poll prove nothing.
    freezer.tick(timedelta(days=3))
    await loaded.runtime_data.async_refresh()
    simulator.traits.discard("accounts_loading")
    await poll(loaded, freezer)
    await hass.async_block_till_done()

    device = telegram(hass, loaded)
    assert device
    assert device.name_by_user == "Mine"
    state = hass.states.get("sensor.mine")
    assert state
    assert state.state != STATE_UNAVAILABLE


async def test_r11_an_empty_list_or_a_failed_poll_proves_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account_devices, "_REMOVE_AFTER", timedelta(minutes=3))
    simulator.traits.add("accounts_loading")
    for _ in range(5):
        await poll(loaded, freezer)
    simulator.faults.add("status_before", path="/v1/accounts", times=None, status=500)
    for _ in range(5):
        await poll(loaded, freezer)
    assert telegram(hass, loaded)


async def test_r11_a_device_goes_after_a_day_of_polls_and_comes_back(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert timedelta(days=1) == account_devices._REMOVE_AFTER
    monkeypatch.setattr(account_devices, "_REMOVE_AFTER", timedelta(minutes=6))
    simulator.traits.add("accounts_loading", account="telegram")
    for _ in range(4):
        await poll(loaded, freezer)
    await hass.config_entries.async_reload(loaded.entry_id)
    for _ in range(2):
        await poll(loaded, freezer)
    assert telegram(hass, loaded)
    await poll(loaded, freezer)
    await hass.async_block_till_done()
    assert telegram(hass, loaded) is None
    assert hass.states.get(TELEGRAM) is None

    simulator.traits.discard("accounts_loading")
    await poll(loaded, freezer)
    await hass.async_block_till_done()
    state = hass.states.get(TELEGRAM)
    assert state
    assert state.state != STATE_UNAVAILABLE


async def test_r11_the_user_can_delete_the_device_of_an_account_that_is_gone(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)

    async def delete(device_id: str) -> bool:
        await client.send_json_auto_id(
            {"type": "config/device_registry/remove", "device_id": device_id}
        )
        return (await client.receive_json())["success"] is True

    for device in dr.async_entries_for_config_entry(
        dr.async_get(hass), loaded.entry_id
    ):
        assert not await delete(device.id)
    gone = telegram(hass, loaded)
    assert gone
    assert not await delete(gone.id)

    simulator.traits.add("accounts_loading", account="telegram")
    await loaded.runtime_data.async_refresh()
    # Which accounts there are is only known while the entry is loaded.
    assert await hass.config_entries.async_unload(loaded.entry_id)
    assert not await delete(gone.id)
    assert await hass.config_entries.async_setup(loaded.entry_id)
    assert await delete(gone.id)
    await hass.async_block_till_done()
    assert telegram(hass, loaded) is None
    assert hass.states.get(TELEGRAM) is None

    simulator.traits.discard("accounts_loading")
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert telegram(hass, loaded)
    assert hass.states.get(TELEGRAM)


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest"])
async def test_r11_a_restart_loses_and_invents_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    impatient: None,
) -> None:
    """What came while the server loaded its chats starts automations once."""
    simulator.traits.add("loading_after_restart")
    simulator.loading_seconds = 0.5
    device = telegram(hass, listening)
    await simulator.stop()
    await simulator.start()
    write(simulator, "Meanwhile")
    await listening.runtime_data.async_refresh()
    await asyncio.sleep(0.6)

    await listening.runtime_data.async_refresh()
    await until(lambda: events)
    write(simulator, "Afterwards")
    await until(lambda: len(events) > 1)
    await quiet(simulator)

    assert [event.text for event in events] == ["Meanwhile", "Afterwards"]
    assert telegram(hass, listening) == device
    assert await send(hass, message="Hello")


RECIPIENTS = [
    ("send_message", {"recipient": "Kim", "message": "hi"}),
    ("create_chat", {"recipient": "Nobody Known"}),
    ("create_chat", {"participants": ["Nobody Known"], "type": "group"}),
    ("get_chat", {"recipient": "Kim"}),
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("action", "data"), RECIPIENTS)
async def test_r11_no_match_before_chats_are_loaded_is_explained(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    simulator.traits.add("chats_loading")
    with pytest.raises(HomeAssistantError, match="lists no chats"):
        await hass.services.async_call(
            "beeper", action, data, blocking=True, return_response=True
        )
    with pytest.raises(HomeAssistantError, match="lists no chats"):
        await find(hass, query="Nobody Known")
    assert not simulator.executed


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("send_message", {"message": "hi"}),
        ("update_chat", {"is_pinned": True}),
        ("mark_read", {}),
        ("get_chat", {}),
        ("list_messages", {}),
    ],
)
async def test_r11_a_call_for_an_account_that_is_not_loaded_is_not_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    """Its status is that of a failure, which could have happened all the same."""
    simulator.traits.add("chats_loading")
    with pytest.raises(HomeAssistantError, match="has not loaded its chats yet"):
        await hass.services.async_call(
            "beeper",
            action,
            {"chat_id": KIM, **data},
            blocking=True,
            return_response=action.startswith(("get", "list", "send")),
        )
    simulator.traits.discard("chats_loading")
    # Nothing is left to look for first.
    before = len(simulator.requests)
    await send(hass, message="hi")
    assert sent(simulator) == 1
    assert tried(simulator) <= 2
    assert len(simulator.requests) > before


async def test_r11_another_tool_execution_error_is_as_its_status(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    body = {"code": "TOOL_EXECUTION_ERROR", "message": "The network said no"}
    simulator.faults.add(
        "status_before",
        path="/v1/chats/*/messages",
        method="POST",
        status=400,
        body=body,
    )
    with pytest.raises(HomeAssistantError) as refused:
        await send(hass, message="hi")
    assert refused.value.translation_key == "rejected"
