"""Contents of diagnostics."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.servers import TOKEN, add_entry
from tests.helpers.waiting import quiet, until
from tests.helpers.world import KIM, PROFILES, write

type Json = dict[str, Any]


@pytest.fixture(autouse=True)
async def diagnostics(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "diagnostics", {})


@pytest.mark.parametrize("profile", PROFILES)
async def test_diagnostics(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, loaded)
    assert report["inbox"].pop("cutoff")
    assert report["server"].pop("port") == int(simulator.url.rpartition(":")[2])
    assert report == snapshot


async def test_diagnostics_count_requests_without_personal_data(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    person = {"phone_number": "+15550107777", "full_name": "Robin Secret"}
    await hass.services.async_call(
        DOMAIN, "create_chat", {"user": person}, blocking=True
    )
    simulator.faults.add("status_before", status=409, method="POST")
    with pytest.raises(HomeAssistantError):
        await hass.services.async_call(
            DOMAIN,
            "create_chat",
            {"user": {"email": "kim@secret.example"}, "message_text": "secret text"},
            blocking=True,
        )

    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, loaded)

    assert report["outbox"] == {"running": 0, "remembered": 1, "unknown": 0}
    shown = repr(report)
    people = [account.user for account in simulator.world.accounts.values()]
    for personal in (
        TOKEN,
        "127.0.0.1",
        "5550",
        "ecret",
        "kim@",
        "!",
        "@me",
        *(user.id for user in people),
        *(user.phone_number for user in people if user.phone_number),
        *(user.full_name for user in people if user.full_name),
        *simulator.world.accounts,
        *simulator.world.chats,
    ):
        assert personal not in shown


@pytest.mark.parametrize(
    ("action", "data", "unknown"),
    [
        ("update_chat", {"is_pinned": True}, 0),
        ("set_reminder", {"remind_at": "2099-01-01T10:00:00+00:00"}, 0),
        # Every repeat reaches a person, so an unknown attempt stays unknown.
        ("notify_anyway", {"allow_repeat": True}, 1),
        ("send_message", {"message": "Hello", "allow_repeat": True}, 1),
    ],
)
async def test_finally_applied_change_is_not_unknown(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    impatient: None,
    action: str,
    data: Json,
    unknown: int,
) -> None:
    async def outbox() -> Json:
        report: Json = await get_diagnostics_for_config_entry(hass, hass_client, loaded)
        counts: Json = report["outbox"]
        return counts

    chat_id = next(
        chat.id
        for chat in simulator.world.chats.values()
        if (chat.account_id == "imessage") == (action == "notify_anyway")
    )
    call = {"chat_id": chat_id, **data}
    fault = simulator.faults.add("drop_before", path="/v1/chats/*", times=None)
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await hass.services.async_call(DOMAIN, action, call, blocking=True)
    assert fault.hits
    assert (await outbox())["unknown"] == 1

    simulator.faults.clear()
    await hass.services.async_call(DOMAIN, action, call, blocking=True)
    assert (await outbox())["unknown"] == unknown


async def test_diagnostics_include_the_path_prefix(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    async with Simulator(prefix="/my/secret") as simulator:
        entry = add_entry(hass, simulator.url, duplicate_window=7)
        assert await hass.config_entries.async_setup(entry.entry_id)
        report: Json = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        await hass.config_entries.async_unload(entry.entry_id)
    assert report["server"]["path_prefix"] is True
    assert report["options"] == {"duplicate_window": 7}
    assert "secret" not in repr(report)


async def test_diagnostics_only_count_allowed_senders(
    hass: HomeAssistant, simulator: Simulator, hass_client: ClientSessionGenerator
) -> None:
    senders = ["+15550101002", "@whatsapp_15550101002:beeper.com"]
    entry = add_entry(hass, simulator.url, backlog_minutes=5, allowed_senders=senders)
    assert await hass.config_entries.async_setup(entry.entry_id)
    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert report["options"] == {"backlog_minutes": 5, "allowed_senders": 2}
    assert "5550101002" not in repr(report)


async def test_diagnostics_of_an_entry_that_is_not_set_up(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """A fault report is wanted most where set-up fails."""
    await simulator.stop()
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY

    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, entry)

    assert report["server"]["scheme"] == "http"
    assert report["server"]["version"] is None
    assert "127.0.0.1" not in repr(report)


async def test_diagnostics_count_unrecognized_values(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """With its shape, without its content."""
    simulator.world.accounts["telegram"].status = "on_holiday"
    message = write(simulator, "Secret words")
    message.type = "HOLOGRAM"
    frames: tuple[Json | list[Any], ...] = (
        {"type": "mood.changed", "chatID": KIM, "mood": {"Secret words": 1}},
        [],
    )
    for frame in frames:
        for connection in simulator.hub.connections:
            await connection.socket.send_json(frame)
    client = listening.runtime_data.server.client
    await client.messages(KIM)
    simulator.faults.add("garbage", path="/v1/labels", body={"Secret words": "1"})
    assert not await client.has_labels()
    await until(lambda: len(client.unrecognized.as_list()) >= 4)

    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, listening)

    found = {(row["kind"], row["word"]): row for row in report["not_understood"]}
    assert found.keys() >= {
        ("account_status", "on_holiday"),
        ("message_type", "HOLOGRAM"),
        ("event", "mood.changed"),
        ("event", "?"),
        ("response", "labels"),
    }
    shape = found["event", "mood.changed"]["shape"]
    assert shape == "{chatID: text, mood: {?: number}, type: text}"
    assert found["response", "labels"]["shape"] == "{?: text}"
    assert "Secret" not in str(report)
    assert KIM not in str(report)


async def test_unrecognized_values_are_limited(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """A server cannot fill the memory with new words."""
    words = [f"{first}{second}" for first in "abcdef" for second in "abcdefghij"]
    for number in range(60):
        for connection in simulator.hub.connections:
            await connection.socket.send_json({"type": f"mood.{words[number]}"})
    client = listening.runtime_data.server.client
    await until(lambda: len(client.unrecognized.as_list()) == 50)
    await quiet(simulator)

    report: Json = await get_diagnostics_for_config_entry(hass, hass_client, listening)
    assert len(report["not_understood"]) == 50
