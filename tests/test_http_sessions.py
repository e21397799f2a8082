"""The sessions that requests use."""

import gc

from aiohttp import ClientSession
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.actions import call_action, send
from tests.helpers.servers import add_entry


@pytest.mark.usefixtures("disable_mock_zeroconf_resolver")
async def test_host_names_are_resolved_for_reads_and_changes(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    url = simulator.url.replace("127.0.0.1", "localhost")
    assert "localhost" in url
    entry = add_entry(hass, url)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (await call_action(hass, "list_chats"))["chats"]
    assert (await send(hass))["message_id"]


async def test_no_session_is_opened_while_home_assistant_stops(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A reload may end after all sessions were closed; nobody would close another."""
    await hass.async_stop(force=True)
    before = len(simulator.requests)

    assert not await hass.config_entries.async_reload(loaded.entry_id)

    assert loaded.state is ConfigEntryState.SETUP_RETRY
    assert len(simulator.requests) == before
    assert not [
        known
        for known in gc.get_objects()
        if type(known) is ClientSession and not known.closed
    ]
