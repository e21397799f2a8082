"""The sensors of accounts, and the stream that keeps them up to date."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import coordinator
from custom_components.beeper.api import stream
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from simulator import Simulator
from tests.helpers.entities import add_chat
from tests.helpers.servers import add_entry
from tests.helpers.waiting import poll, until
from tests.helpers.world import KIM


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and connect again after fractions of a second."""
    monkeypatch.setattr(coordinator, "_REFRESH_COOLDOWN", 0.02)
    monkeypatch.setattr(coordinator, "_RECONNECT_DELAYS", (0.02, 0.05))


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(f"sensor.beeper_{entity_id}")
    assert found is not None
    return found.state


async def listening(simulator: Simulator) -> None:
    """Wait until the entry follows the stream."""
    await until(
        lambda: any(connection.is_followed for connection in simulator.hub.connections)
    )


async def test_each_account_has_a_device_with_sensors(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    assert state(hass, "telegram_status") == "connected"
    assert state(hass, "signal_status") == "reconnect_required"
    unread = hass.states.get("sensor.beeper_whatsapp_unread_messages")
    assert unread is not None
    assert int(unread.state) > 0
    assert "unit_of_measurement" not in unread.attributes  # "1 messages"

    server = device_registry.async_get_device_by_identifier(
        ("beeper", loaded.entry_id), loaded.entry_id
    )
    assert server is not None
    assert server.entry_type is dr.DeviceEntryType.SERVICE
    assert (server.model, server.sw_version) == ("Beeper", "4.3.73")
    children = dr.async_child_entries_for_config_entry(device_registry, loaded.entry_id)
    assert {child.parent_device_id for child in children} == {server.id}
    assert sorted(child.name or "" for child in children) == [
        "Beeper chats",
        "Instagram",
        "Signal",
        "Slack",
        "Telegram",
        "WhatsApp",
        "WhatsApp 2",
    ]
    entities = er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
    sensors = {entity.unique_id for entity in entities if entity.domain == "sensor"}
    assert len(sensors) == 15
    categories = {
        (entity.translation_key, entity.entity_category)
        for entity in entities
        if entity.domain == "sensor"
    }
    assert categories == {("status", EntityCategory.DIAGNOSTIC), ("unread", None)}


async def test_the_server_counts_all_unread_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    accounts = [
        state.entity_id
        for state in hass.states.async_all("sensor")
        if state.entity_id.endswith("unread_messages")
        and state.entity_id != "sensor.beeper_unread_messages"
    ]
    assert len(accounts) == 7
    total = sum(int(count(hass, entity_id)) for entity_id in accounts)
    assert total > 0
    assert state(hass, "unread_messages") == str(total)

    simulator.faults.add("status_before", path="/v1/chats/search", times=None)
    await poll(hass, loaded)
    assert state(hass, "unread_messages") == STATE_UNKNOWN
    await simulator.stop()
    await poll(hass, loaded)
    assert state(hass, "unread_messages") == STATE_UNAVAILABLE


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "4.2.808", "easymatrix"])
async def test_servers_without_status(
    hass: HomeAssistant, loaded: MockConfigEntry, profile: str
) -> None:
    assert state(hass, "telegram_status") == STATE_UNKNOWN
    assert int(state(hass, "whatsapp_unread_messages")) > 0


async def test_unknown_status(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.accounts["telegram"].status = "hibernating"
    await poll(hass, loaded)
    assert state(hass, "telegram_status") == STATE_UNKNOWN


async def test_server_without_search(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", path="/v1/chats/search", times=None)
    assert await hass.config_entries.async_setup(entry.entry_id)

    assert state(hass, "whatsapp_unread_messages") == STATE_UNKNOWN
    assert state(hass, "whatsapp_status") == "connected"


async def test_a_message_counts_at_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
) -> None:
    """The stream alone updates the sensor, without a poll."""
    await listening(simulator)
    before = int(state(hass, "telegram_unread_messages"))
    chat = next(
        chat
        for chat in simulator.world.chats.values()
        if chat.account_id == "telegram" and chat.type == "single"
    )

    simulator.incoming(chat.id, chat.participants[0].id, "Hello")
    await until(lambda: int(state(hass, "telegram_unread_messages")) == before + 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ws_close", "code": 1011},
        {"kind": "ws_flood", "count": 500},
        {"kind": "ws_refuse", "status": 503},
    ],
    ids=lambda fault: fault["kind"],
)
async def test_broken_stream_reconnects(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
) -> None:
    """Reading still works, so nothing becomes unavailable and nothing is logged."""
    await listening(simulator)
    if fault["kind"] == "ws_refuse":
        simulator.faults.add("ws_close", code=1011)
    simulator.faults.add(**fault)

    if fault["kind"] != "ws_flood":
        await until(lambda: sum(r.path == "/v1/ws" for r in simulator.requests) >= 2)
    await asyncio.sleep(0.1)

    assert state(hass, "telegram_status") == "connected"
    assert not [r for r in caplog.records if "Error fetching" in r.message]


async def test_stalled_stream_is_detected(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "_SILENCE_TIMEOUT", 0.1)
    simulator.faults.add("ws_stall")
    assert await hass.config_entries.async_setup(entry.entry_id)

    await until(lambda: sum(r.path == "/v1/ws" for r in simulator.requests) >= 2)


async def test_quiet_stream_stays_open(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A silent connection is kept while the server answers pings."""
    monkeypatch.setattr(stream, "_SILENCE_TIMEOUT", 0.1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await asyncio.sleep(0.5)

    assert sum(r.path == "/v1/ws" for r in simulator.requests) == 1


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_a_server_without_a_stream_is_polled(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.accounts["telegram"].contacts.clear()
    await until(lambda: sum(r.path == "/v1/ws" for r in simulator.requests) >= 2)

    assert int(state(hass, "whatsapp_unread_messages")) > 0


async def test_malformed_frames_are_skipped(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
) -> None:
    await listening(simulator)
    (connection,) = simulator.hub.connections
    for frame in ("{", "[]", "[" * 100_000, '{"type": 1}', '{"type": "new.thing"}'):
        await connection.socket.send_str(frame)
    await connection.socket.send_bytes(b"\xff\x00")
    simulator.set_account_status("telegram", "disconnected")
    simulator.incoming(KIM, None, "written elsewhere")

    await until(lambda: state(hass, "telegram_status") == "disconnected")
    assert sum(r.path == "/v1/ws" for r in simulator.requests) == 1


async def test_server_outage_and_recovery(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Loss is logged once, and recovery once."""
    await listening(simulator)
    await simulator.stop()
    for _ in range(3):
        await poll(hass, loaded)
    assert state(hass, "telegram_status") == STATE_UNAVAILABLE

    await simulator.start()
    for _ in range(3):
        await poll(hass, loaded)
    assert state(hass, "telegram_status") == "connected"
    shown = [r.message for r in caplog.records if r.name.endswith("coordinator")]
    assert len([text for text in shown if "Error fetching" in text]) == 1
    assert len([text for text in shown if "recovered" in text]) == 1


async def test_revoked_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await listening(simulator)
    simulator.tokens.clear()
    await poll(hass, loaded)

    (flow,) = hass.config_entries.flow.async_progress_by_handler("beeper")
    assert flow["context"]["source"] == "reauth"


async def test_accounts_come(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.traits.add("accounts_loading", account="telegram")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await poll(hass, entry)
    assert hass.states.get("sensor.beeper_telegram_status") is None

    simulator.traits.discard("accounts_loading")
    await poll(hass, entry)
    assert state(hass, "telegram_status") == "connected"


async def test_empty_account_list_removes_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="/v1/accounts", times=None, status=200, body=b"[]"
    )
    await poll(hass, loaded)
    assert state(hass, "telegram_status") == STATE_UNAVAILABLE
    simulator.faults.clear()
    await poll(hass, loaded)
    assert state(hass, "telegram_status") == "connected"


async def test_account_issue_is_created_and_removed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    freezer.tick(timedelta(minutes=4))
    await poll(hass, loaded)
    assert not issue_registry.issues

    freezer.tick(timedelta(minutes=1))
    await poll(hass, loaded)
    [issue] = issue_registry.issues.values()
    assert issue.translation_key == "account_needs_user_because"
    reason = "Signed out on the phone"
    assert issue.translation_placeholders == {"network": "Signal", "reason": reason}
    assert issue.learn_more_url

    # Beeper gives another reason, or none.
    account = simulator.world.accounts["signal"]
    for text, key in ((" Try\nagain ", "_because"), (None, ""), ("", "")):
        account.status_text = text
        await poll(hass, loaded)
        [issue] = issue_registry.issues.values()
        assert issue.translation_key == f"account_needs_user{key}"
        assert issue.translation_placeholders
        assert issue.translation_placeholders.get("reason") in ("Try again", None)

    simulator.set_account_status("signal", "connected")
    await poll(hass, loaded)
    assert not issue_registry.issues


async def test_removed_entry_removes_its_issues(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    freezer: FrozenDateTimeFactory,
) -> None:
    freezer.tick(timedelta(minutes=5))
    await poll(hass, loaded)
    assert issue_registry.issues

    # The change survives a reload.
    await hass.config_entries.async_reload(loaded.entry_id)
    await poll(hass, loaded)
    assert issue_registry.issues
    await hass.config_entries.async_remove(loaded.entry_id)
    assert not issue_registry.issues


async def test_unread_count_pagination_ends(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    world = simulator.world
    account = world.accounts["telegram"]
    person = next(iter(account.contacts.values()))
    for number in range(450):
        chat = world.add_chat(account, [person], kind="group", title=f"Group {number}")
        world.incoming(chat, person, "Hello")
    entry = add_entry(hass, simulator.url)
    assert await hass.config_entries.async_setup(entry.entry_id)

    assert int(state(hass, "telegram_unread_messages")) >= 450
    assert entry.state is ConfigEntryState.LOADED


# Of a chosen chat


async def test_a_chat_has_its_own_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    await listening(simulator)
    chat = simulator.world.chats[KIM]
    shown = hass.states.get("sensor.kim_unread_messages")
    assert shown
    assert int(shown.state) == chat.unread_count
    assert "unit_of_measurement" not in shown.attributes
    before = chat.unread_count

    simulator.incoming(KIM, chat.participants[0].id, "Hello")
    await until(
        lambda: count(hass, "sensor.kim_unread_messages") == str(before + 1),
    )

    chat.unread_count = 0
    await poll(hass, loaded)
    assert count(hass, "sensor.kim_unread_messages") == "0"


def count(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found
    return found.state


async def test_chat_count_follows_its_sources(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    simulator.faults.add("status_before", path="/v1/chats/search", times=None)
    await poll(hass, loaded)
    assert count(hass, "sensor.kim_unread_messages") == STATE_UNKNOWN

    await simulator.stop()
    await poll(hass, loaded)
    assert count(hass, "sensor.kim_unread_messages") == STATE_UNAVAILABLE


async def test_states_contain_no_names_or_numbers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    shown = str([state.as_dict() for state in hass.states.async_all()])
    for account in simulator.world.accounts.values():
        for secret in (account.user.phone_number, account.user.full_name):
            assert not secret or secret not in shown


# The last message of a chosen chat


LAST = "sensor.kim_last_message"
CONTENT = {"sender", "text", "kind"}


def shown(hass: HomeAssistant) -> dict[str, Any]:
    """Return the time and the content of the last message."""
    found = hass.states.get(LAST)
    assert found
    names = (*CONTENT, "is_self")
    return {"time": found.state, **{key: found.attributes.get(key) for key in names}}


async def test_the_last_message_is_shown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """At once, and then each one in either direction."""
    await add_chat(hass, loaded)
    chat = simulator.world.chats[KIM]
    last = chat.messages[-1]
    await until(lambda: shown(hass)["text"] == last.text)
    assert shown(hass)["time"] == f"{last.timestamp:%Y-%m-%dT%H:%M:%S}+00:00"

    await listening(simulator)
    simulator.incoming(KIM, chat.participants[0].id, "On my way")
    await until(lambda: shown(hass)["text"] == "On my way")
    assert (
        shown(hass).items()
        >= {
            "sender": "Kim",
            "is_self": False,
            "kind": "text",
        }.items()
    )

    data = {"chat_id": KIM, "message": "See you"}
    await hass.services.async_call("beeper", "send_message", data, blocking=True)
    await until(lambda: shown(hass)["text"] == "See you")
    assert shown(hass)["is_self"] is True

    # A reload keeps it, and its content is in no record.
    before = shown(hass)
    simulator.faults.add("status_before", path="*/messages", status=503, times=None)
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert shown(hass) == before
    found = hass.states.get(LAST)
    assert found
    assert found.state_info
    assert found.state_info["unrecorded_attributes"] >= CONTENT


async def test_a_deleted_last_message_is_not_shown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    await listening(simulator)
    before = simulator.world.chats[KIM].messages[-1].text
    message = simulator.incoming(
        KIM, simulator.world.chats[KIM].participants[0].id, "Oops"
    )
    await until(lambda: shown(hass)["text"] == "Oops")
    simulator.delete(KIM, message["id"])
    await until(lambda: shown(hass)["text"] == before)


async def test_messages_of_senders_that_are_not_allowed_are_not_shown(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url, allowed_senders=["@nobody:beeper.com"])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await add_chat(hass, entry)
    await listening(simulator)
    data = {"chat_id": KIM, "message": "Mine"}
    await hass.services.async_call("beeper", "send_message", data, blocking=True)
    await until(lambda: shown(hass)["text"] == "Mine")
    simulator.incoming(KIM, simulator.world.chats[KIM].participants[0].id, "Secret")
    await poll(hass, entry)
    await asyncio.sleep(0.2)
    assert shown(hass)["text"] == "Mine"
