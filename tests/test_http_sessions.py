"""The sessions that requests use."""

import pytest

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
