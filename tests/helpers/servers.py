"""Config entries for the simulator."""

from pathlib import Path
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import CONF_ACCOUNT_ID, CONF_USER_ID, DOMAIN
from custom_components.beeper.data import get_data
from homeassistant.const import (
    CONF_TOKEN,
    CONF_URL,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

TOKEN = "dev-token"


def entry_data(url: str) -> dict[str, Any]:
    """Return the data of an entry for a server."""
    return {
        CONF_URL: url,
        CONF_TOKEN: TOKEN,
        CONF_VERIFY_SSL: True,
        CONF_ACCOUNT_ID: "whatsapp",
        CONF_USER_ID: "@me:beeper.com",
    }


def add_entry(
    hass: HomeAssistant, url: str, *, entry_id: str | None = None, **options: Any
) -> MockConfigEntry:
    """Add an entry for a server, not set up yet."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        entry_id=entry_id,
        title="Beeper",
        data=entry_data(url),
        options=options,
    )
    entry.add_to_hass(hass)
    return entry


def attempts_file(hass: HomeAssistant, entry: MockConfigEntry) -> Path:
    """Return where attempts are written before their requests leave."""
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry.entry_id}.attempts"))


async def restart(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Set the entry up as after a restart of Home Assistant."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    del get_data(hass).outboxes[entry.entry_id]
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
