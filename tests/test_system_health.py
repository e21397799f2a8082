"""The lines about Beeper in the system information."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.servers import add_entry


async def health(hass: HomeAssistant) -> dict[str, Any]:
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, DOMAIN)
    return {
        key: await value if hasattr(value, "__await__") else value
        for key, value in info.items()
    }


async def test_every_line_has_its_text(hass: HomeAssistant) -> None:
    texts = await async_get_translations(hass, "en", "system_health", {DOMAIN})
    prefix = f"component.{DOMAIN}.system_health.info."
    shown = {key.removeprefix(prefix) for key in texts}
    assert (await health(hass)).keys() == shown


async def test_without_a_server(hass: HomeAssistant) -> None:
    assert await health(hass) == {
        "servers": 0,
        "servers_answering": 0,
        "versions": "",
        "accounts_connected": "0/0",
    }


async def test_with_a_server(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert await health(hass) == {
        "servers": 1,
        "servers_answering": 1,
        "versions": "4.3.73 (4.2.808)",
        "accounts_connected": "6/7",
    }


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_with_several_servers(
    hass: HomeAssistant, loaded: MockConfigEntry, unused_tcp_port: int
) -> None:
    add_entry(hass, f"http://127.0.0.1:{unused_tcp_port}")
    async with Simulator("easymatrix") as other:
        entry = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(entry.entry_id)
        info = await health(hass)
        await hass.config_entries.async_unload(entry.entry_id)
    assert (info["servers"], info["servers_answering"]) == (3, 2)
    assert info["versions"] == "4.1.294 (4.1.294), 0.3.0 (other)"
    assert info["accounts_connected"] == "0/14"


async def test_removed_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()
    info = await health(hass)
    assert (info["servers"], info["servers_answering"]) == (1, 0)
    assert info["accounts_connected"] == "0/0"
