"""Setting up, waiting, giving up, letting go and leaving nothing behind."""

import asyncio
from contextlib import suppress
from datetime import timedelta
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.translation import async_get_exception_message
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import call_action
from tests.helpers.certificates import Certificate
from tests.helpers.servers import TOKEN, add_entry
from tests.helpers.waiting import until
from tests.helpers.world import INSTAGRAM, KIM, KIM_BY_NUMBER


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntryState:
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    state: ConfigEntryState = entry.state
    return state


async def create_chat(hass: HomeAssistant) -> Any:
    return await hass.services.async_call(
        DOMAIN, "create_chat", KIM_BY_NUMBER, blocking=True, return_response=True
    )


async def test_actions_exist_without_a_server(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "create_chat")


@pytest.mark.parametrize(
    "profile", ["4.1.294", "4.2.557", "4.2.808", "latest", "easymatrix"]
)
async def test_each_generation_is_set_up_by_reading_alone(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    assert {received.method for received in simulator.requests} == {"GET"}


REASONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "reset": (
        {"kind": "drop_before"},
        "setup_connection_lost",
        "connection to Beeper was lost",
    ),
    "another service": ({"kind": "garbage"}, "setup_failed", "not a valid response"),
    "absent": ({"status": 404}, "setup_failed", "not a valid response"),
    "redirect": ({"status": 301}, "setup_redirected", "redirects to another one"),
    "signed out": ({"status": 403}, "setup_forbidden", "Check that it is signed in"),
    "slow down": ({"status": 429}, "setup_failed", ""),
    "starting": (
        {"status": 503},
        "setup_server_error",
        "(status 503)",
    ),
    "rejected": (
        {"status": 400, "body": {"code": "X", "details": {"type": "no"}}},
        "setup_failed",
        "",
    ),
}


@pytest.mark.parametrize(("fault", "key", "text"), REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("path", ["*", "/v1/accounts"])
async def test_failed_setup_is_explained_and_retried(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    path: str,
    fault: dict[str, Any],
    key: str,
    text: str,
) -> None:
    simulator.faults.add(
        **{"kind": "status_before", "path": path, "times": None, **fault}
    )
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == key
    assert entry.reason
    assert text in entry.reason
    assert "{" not in entry.reason

    simulator.faults.clear()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=2))
    await until(lambda: entry.state is ConfigEntryState.LOADED)


async def test_setup_succeeds_when_the_server_starts(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await simulator.stop()
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "setup_cannot_connect"
    assert "could not be reached" in (entry.reason or "")
    assert not [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.exc_info
    ]

    await simulator.start()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=2))
    await until(lambda: entry.state is ConfigEntryState.LOADED)

    assert (await create_chat(hass))["status"] == "existing"


async def test_unresponsive_server_is_retried(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, skip_time: Any
) -> None:
    fault = simulator.faults.add("delay", seconds=3600)
    setting_up = asyncio.create_task(set_up(hass, entry))
    await until(lambda: fault.hits)
    skip_time(31)
    assert await setting_up is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "setup_timeout"


async def test_https_against_a_http_server(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url.replace("http:", "https:"))
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "setup_tls_failed"


async def test_self_signed_certificate(
    hass: HomeAssistant, certificate: Certificate
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        entry = add_entry(hass, simulator.url)
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, "verify_ssl": False}
        )
        assert await set_up(hass, entry) is ConfigEntryState.LOADED
        # A handshake that is broken off makes the simulator's event loop complain.
        await until(lambda: simulator.hub.connections)
        await until(lambda: [r.path for r in simulator.requests].count("/v1/chats") > 1)
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_invalid_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.tokens.clear()
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "setup_token_refused"
    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    assert flow["context"]["entry_id"] == entry.entry_id


async def test_one_refused_request_does_not_ask_for_a_token(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    """A proxy, or a server that starts, refuses a good token once."""
    simulator.faults.add("status_before", path="/v1/accounts", status=401)
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    assert not hass.config_entries.flow.async_progress()


async def test_polling_continues_during_reauth(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, impatient: None
) -> None:
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    tokens = dict(simulator.tokens)
    simulator.tokens.clear()
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert hass.config_entries.flow.async_progress()
    simulator.tokens.update(tokens)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=2))
    await until(lambda: not hass.config_entries.flow.async_progress())
    assert entry.runtime_data.last_update_success


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("send_message", {"chat_id": KIM, "message": "hi"}),
    ("create_chat", KIM_BY_NUMBER),
    ("mark_read", {"chat_id": INSTAGRAM}),
    ("list_messages", {"chat_id": KIM}),
    ("find", {"query": "Kim"}),
    ("send_message", {"recipient": "Kim Sample", "message": "hi"}),
]


@pytest.mark.parametrize(("action", "data"), CALLS)
@pytest.mark.parametrize("is_passing", [True, False])
async def test_an_action_confirms_a_refused_token_before_asking_for_another(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    impatient: None,
    action: str,
    data: dict[str, Any],
    is_passing: bool,
) -> None:
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    tokens = dict(simulator.tokens)
    if is_passing:
        for method in ("GET", "POST"):
            simulator.faults.add(
                "status_before", path="/v1/*chats*", method=method, status=401
            )
    else:
        simulator.tokens.clear()
    with suppress(HomeAssistantError):
        await call_action(hass, action, **data)
    await hass.async_block_till_done()
    flows = hass.config_entries.flow.async_progress()
    assert [flow["context"]["source"] for flow in flows] == (
        [] if is_passing else [SOURCE_REAUTH]
    )
    simulator.tokens.update(tokens)
    await entry.runtime_data.async_refresh()
    assert not hass.config_entries.flow.async_progress()


@pytest.mark.parametrize("path", ["/v1/chats", "/v1/chats/search", "/v1/chats/*"])
async def test_a_refused_request_of_a_poll_does_not_ask_for_a_token(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, path: str
) -> None:
    """The accounts can be read with the same token."""
    simulator.faults.add("status_before", path=path, status=401, times=3)
    await set_up(hass, entry)
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress()


@pytest.mark.parametrize("profile", ["4.1.294", "latest", "easymatrix"])
async def test_missing_scope_is_named_and_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.tokens[TOKEN] = {"write"}
    assert await set_up(hass, entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "setup_scope_missing"
    assert "the scope read" in (entry.reason or "")
    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH


async def test_token_that_only_reads_is_enough_to_set_up(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.tokens[TOKEN] = {"read"}
    assert await set_up(hass, entry) is ConfigEntryState.LOADED


async def test_reason_is_shown_in_the_browser(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    assert await async_setup_component(hass, "config", {})
    await simulator.stop()
    await set_up(hass, entry)
    socket = await hass_ws_client()
    await socket.send_json_auto_id({"type": "config_entries/get", "domain": DOMAIN})
    [shown] = (await socket.receive_json())["result"]
    assert shown["state"] == "setup_retry"
    assert shown["error_reason_translation_key"] == "setup_cannot_connect"
    assert shown["reason"] == async_get_exception_message(
        DOMAIN, "setup_cannot_connect"
    )
    assert TOKEN not in repr(shown)


async def test_unload_releases_everything(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass)
    assert await hass.config_entries.async_unload(loaded.entry_id)
    await hass.async_block_till_done()

    assert loaded.state is ConfigEntryState.NOT_LOADED
    assert loaded.update_listeners == []
    assert not hasattr(loaded, "runtime_data")
    assert hass.services.has_service(DOMAIN, "create_chat")
    simulator.requests.clear()
    hass.config_entries.async_update_entry(loaded, options={"read_only": True})
    await hass.async_block_till_done()
    assert simulator.requests == []


async def test_session_of_home_assistant_stays_open(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(loaded.entry_id)
    assert not async_get_clientsession(hass).closed


async def test_reload_reconnects(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for _ in range(3):
        assert await hass.config_entries.async_reload(loaded.entry_id)
        await hass.async_block_till_done()
    assert loaded.state is ConfigEntryState.LOADED
    assert len(loaded.update_listeners) == 1
    assert (await create_chat(hass))["status"] == "existing"


async def test_change_of_options_reloads_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.requests.clear()
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 3})
    await hass.async_block_till_done()
    paths = [received.path for received in simulator.requests]
    assert paths.count("/v1/info") == paths.count("/v1/accounts") == 1


async def test_removal_deletes_stored_data(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    key = f"{DOMAIN}.{entry.entry_id}"
    hass_storage[key] = {
        "version": 1,
        "minor_version": 1,
        "key": key,
        "data": {"whatsapp": [0.0]},
    }
    assert await set_up(hass, entry) is ConfigEntryState.LOADED
    await hass.services.async_call(
        DOMAIN, "create_chat", {"user": {"phone_number": "+15550107777"}}, blocking=True
    )

    freezer.tick(timedelta(seconds=5))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    [taken] = hass_storage[key]["data"]["whatsapp"]
    assert taken > 0

    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert not [stored for stored in hass_storage if stored.startswith(DOMAIN)]


async def test_removal_without_setup(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    key = f"{DOMAIN}.{entry.entry_id}"
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": {}}
    await hass.config_entries.async_remove(entry.entry_id)
    assert key not in hass_storage


async def test_two_servers_are_independent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("4.1.294") as other:
        second = add_entry(hass, other.url)
        assert await set_up(hass, second) is ConfigEntryState.LOADED
        await hass.config_entries.async_remove(second.entry_id)
        await hass.async_block_till_done()
    assert loaded.state is ConfigEntryState.LOADED
    assert (await create_chat(hass))["status"] == "existing"
