"""Conditions, as automations use them."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import async_validate_condition_config
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.cells import cells
from tests.helpers.entities import device_of
from tests.helpers.servers import add_entry
from tests.helpers.waiting import poll
from tests.helpers.world import ALEX, FAMILY, KIM

BOTH = ["account_is_connected", "has_unread"]


async def holds(hass: HomeAssistant, key: str, **options: Any) -> bool:
    """Tell whether an automation with the condition runs."""
    calls = async_mock_service(hass, "test", "run")
    config = {
        "alias": "Test",
        "triggers": {"trigger": "event", "event_type": "go"},
        "conditions": {
            "condition": f"beeper.{key}",
            "options": {name: value for name, value in options.items() if value != []},
        },
        "actions": {"action": "test.run"},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    return await still_holds(hass, calls)


async def still_holds(hass: HomeAssistant, calls: list[Any]) -> bool:
    calls.clear()
    state = hass.states.get("automation.test")
    assert state
    assert state.state == "on"
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    return bool(calls)


def statuses(simulator: Simulator, **changes: str) -> None:
    """Connect all accounts, and give some another status."""
    for account_id in simulator.world.accounts:
        simulator.set_account_status(account_id, changes.get(account_id, "connected"))


def read_all(simulator: Simulator, *unread: str) -> None:
    """Leave one unread message in the given chats, and none elsewhere."""
    for chat in simulator.world.chats.values():
        chat.unread_count = int(chat.id in unread)


# Accounts that are connected


@pytest.mark.parametrize(
    ("telegram", "names", "options", "expected"),
    [
        ("connected", [], {}, True),
        ("backfilling", [], {}, True),
        ("reconnect_required", [], {}, False),
        ("hibernating", [], {}, False),
        ("disconnected", [], {"account_id": "telegram"}, False),
        ("disconnected", [], {"account_id": "whatsapp"}, True),
        ("disconnected", ["server"], {}, False),
        ("disconnected", ["telegram"], {}, False),
        ("disconnected", ["whatsapp"], {}, True),
        ("disconnected", ["whatsapp", "telegram"], {}, False),
        ("disconnected", ["server"], {"account_id": "whatsapp"}, True),
        ("connected", ["whatsapp", "telegram"], {}, True),
        ("disconnected", [], {"account_id": "Telegram"}, False),
        ("connected", [], {"account_id": "Telegram"}, True),
        ("connected", ["whatsapp"], {"account_id": "telegram"}, False),
        # A chat's device means its account.
        ("disconnected", ["whatsapp", KIM], {}, True),
    ],
)
async def test_account_is_connected(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    telegram: str,
    names: list[str],
    options: dict[str, Any],
    expected: bool,
) -> None:
    device_ids = [await device_of(hass, loaded, name) for name in names]
    statuses(simulator, telegram=telegram)
    await poll(hass, loaded)

    held = await holds(hass, "account_is_connected", device_id=device_ids, **options)

    assert held is expected


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.808"])
async def test_account_without_status_counts_as_connected(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    assert await holds(hass, "account_is_connected", account_id="telegram")


async def test_connection_changes(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    statuses(simulator, signal="connecting")
    await poll(hass, loaded)
    assert not await holds(hass, "account_is_connected")
    calls = async_mock_service(hass, "test", "run")

    statuses(simulator)
    await poll(hass, loaded)
    assert await still_holds(hass, calls)


# Unread messages


@pytest.mark.parametrize(
    ("unread", "names", "options", "expected"),
    [
        ([], [], {}, False),
        ([KIM], [], {}, True),
        ([KIM], [], {"account_id": "whatsapp"}, True),
        ([KIM], [], {"account_id": "telegram"}, False),
        ([KIM], ["server"], {}, True),
        ([KIM], ["whatsapp"], {}, True),
        ([KIM], ["telegram"], {}, False),
        ([KIM], ["telegram", "whatsapp"], {}, True),
        ([KIM], ["server"], {"account_id": "telegram"}, False),
        ([KIM], [KIM], {}, True),
        ([KIM], [KIM], {"account_id": "whatsapp"}, True),
        ([KIM], [KIM], {"account_id": "telegram"}, False),
        ([KIM], [FAMILY], {}, False),
        ([KIM], [FAMILY, KIM], {}, True),
        ([ALEX], [FAMILY, "whatsapp"], {}, False),
        ([ALEX], [FAMILY, "telegram"], {}, True),
    ],
)
async def test_has_unread(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    unread: list[str],
    names: list[str],
    options: dict[str, Any],
    expected: bool,
) -> None:
    device_ids = [await device_of(hass, loaded, name) for name in names]
    read_all(simulator, *unread)
    await poll(hass, loaded)

    assert await holds(hass, "has_unread", device_id=device_ids, **options) is expected


async def test_a_chat_that_is_only_marked_has_no_unread_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    read_all(simulator)
    simulator.world.chats[KIM].is_marked_unread = True
    await poll(hass, loaded)

    assert not await holds(hass, "has_unread")


async def test_server_without_search_has_no_unread(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    kim = await device_of(hass, loaded, KIM)
    read_all(simulator, KIM)
    simulator.faults.add("status_before", path="/v1/chats/search", times=None)
    await poll(hass, loaded)

    assert not await holds(hass, "has_unread")
    assert not await holds(hass, "has_unread", device_id=kim)


# Servers that come, go and are several


@pytest.mark.parametrize("key", BOTH)
async def test_missing_server_raises_no_error(
    hass: HomeAssistant,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    key: str,
) -> None:
    statuses(simulator)
    calls = async_mock_service(hass, "test", "run")
    assert not await holds(hass, key)
    calls = async_mock_service(hass, "test", "run")
    entry = add_entry(hass, simulator.url)
    assert not await still_holds(hass, calls)

    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert await still_holds(hass, calls)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert await still_holds(hass, calls)

    await simulator.stop()
    await poll(hass, entry)
    assert not await still_holds(hass, calls)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert not await still_holds(hass, calls)
    assert "Error while checking conditions" not in caplog.text
    assert "Unexpected error" not in caplog.text


@pytest.mark.parametrize("key", BOTH)
async def test_of_several_servers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, key: str
) -> None:
    """All accounts must be connected; any unread message counts."""
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        await hass.async_block_till_done()
        statuses(simulator)
        read_all(simulator)
        statuses(other, telegram="disconnected")
        read_all(other, KIM)
        for entry in (loaded, second):
            await poll(hass, entry)

        connected = key == "account_is_connected"
        assert await holds(hass, key) is not connected
        calls = async_mock_service(hass, "test", "run")
        await hass.config_entries.async_unload(second.entry_id)
        assert await still_holds(hass, calls) is connected


@pytest.mark.parametrize("key", BOTH)
@pytest.mark.parametrize("gone", [False, True], ids=["unloaded", "gone"])
async def test_unrelated_device(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    key: str,
    gone: bool,
) -> None:
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        await hass.async_block_till_done()
        device_id = await device_of(hass, second, "server")
        statuses(simulator)
        await poll(hass, loaded)
        calls = async_mock_service(hass, "test", "run")
        await holds(hass, key, device_id=device_id)
        if gone:
            await hass.config_entries.async_remove(second.entry_id)
        else:
            await hass.config_entries.async_unload(second.entry_id)

        assert not await still_holds(hass, calls)


# Accounts that Beeper does not list


@pytest.mark.parametrize("inverted", [False, True])
async def test_unlisted_account_is_neither_connected_nor_disconnected(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
    simulator: Simulator,
    loaded: MockConfigEntry,
    inverted: bool,
) -> None:
    statuses(simulator)
    await poll(hass, loaded)
    calls = async_mock_service(hass, "test", "run")
    condition: dict[str, Any] = {
        "condition": "beeper.account_is_connected",
        "options": {"account_id": "imessage"},
    }
    if inverted:
        condition = {"condition": "not", "conditions": [condition]}
    config = {
        "id": "test",
        "alias": "Test",
        "triggers": {"trigger": "event", "event_type": "go"},
        "conditions": condition,
        "actions": {"action": "test.run"},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})

    assert not await still_holds(hass, calls)

    websocket = await hass_ws_client(hass)
    of_test = {"domain": "automation", "item_id": "test"}
    await websocket.send_json_auto_id({"type": "trace/list", **of_test})
    [run] = (await websocket.receive_json())["result"]
    await websocket.send_json_auto_id(
        {"type": "trace/get", **of_test, "run_id": run["run_id"]}
    )
    trace = (await websocket.receive_json())["result"]
    assert "Beeper does not list this account" in str(trace)


async def test_a_disconnected_account_decides_over_an_unlisted_one(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    simulator: Simulator,
    loaded: MockConfigEntry,
) -> None:
    devices = [await device_of(hass, loaded, name) for name in ("telegram", "whatsapp")]
    statuses(simulator, telegram="disconnected")
    del simulator.world.accounts["whatsapp"]
    await poll(hass, loaded)

    assert not await holds(hass, "account_is_connected", device_id=devices)
    assert "does not list" not in caplog.text


@pytest.mark.parametrize("key", BOTH)
async def test_unknown_account_is_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, key: str
) -> None:
    with pytest.raises(
        vol.Invalid, match=r"not one of your accounts\. Your accounts are: .*Signal"
    ):
        await async_validate_condition_config(
            hass,
            {"condition": f"beeper.{key}", "options": {"account_id": "nonsense"}},
        )


# Wrong options


@cells
@pytest.mark.parametrize("key", BOTH)
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"options": {"sender": "Kim"}}, "There is no field sender. The fields are:"),
        ({"options": {"account_id": ["a"]}}, "account_id takes one value"),
        ({"options": {"device_id": [True]}}, "device_id #1 must be text"),
        ({"options": ["a"]}, "The options must be fields with values"),
        ({"target": {"entity_id": ["notify.kim"]}}, "There is no field target"),
    ],
)
async def test_invalid_options_are_refused_with_a_reason(
    hass: HomeAssistant, key: str, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(vol.Invalid) as refused:
        await async_validate_condition_config(
            hass, {"condition": f"beeper.{key}", **config}
        )

    assert refused.value.msg.startswith(message)


async def test_automation_with_invalid_options_logs_the_reason(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    config = {
        "alias": "Test",
        "triggers": {"trigger": "event", "event_type": "go"},
        "conditions": {"condition": "beeper.has_unread", "options": {"chat_id": "Kim"}},
        "actions": [],
    }

    assert await async_setup_component(hass, "automation", {"automation": config})

    state = hass.states.get("automation.test")
    assert state
    assert state.state == STATE_UNAVAILABLE
    assert "There is no field chat_id. The fields are: account_id" in caplog.text
