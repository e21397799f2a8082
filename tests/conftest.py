"""A real Home Assistant and a real simulator, over real sockets."""

# The test plugin brings a package of this name too: ours has to be imported first.
import custom_components.beeper  # noqa: F401  isort: skip

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import CONF_ACCOUNT_ID, CONF_USER_ID, DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from simulator import Simulator

TOKEN = "dev-token"


@pytest.fixture(autouse=True)
def integration(enable_custom_integrations: None, socket_enabled: None) -> None:
    """Let Home Assistant find the integration and the simulator."""


@pytest.fixture
def profile() -> str:
    """Return the generation of the server; parametrize to change it."""
    return "latest"


@pytest.fixture
async def simulator(profile: str, socket_enabled: None) -> AsyncIterator[Simulator]:
    """Return a running server with its little world."""
    async with Simulator(profile, TOKEN) as server:
        yield server


@pytest.fixture
def entry(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Return an entry for the simulator that is not set up yet."""
    return add_entry(hass, simulator.url)


def add_entry(hass: HomeAssistant, url: str, **options: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Beeper",
        data={
            CONF_URL: url,
            CONF_TOKEN: TOKEN,
            CONF_VERIFY_SSL: True,
            CONF_ACCOUNT_ID: "whatsapp",
            CONF_USER_ID: "@me:beeper.com",
        },
        options=options,
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return the entry, set up."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return entry
