"""Config entries for the simulator."""

from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import CONF_ACCOUNT_ID, CONF_USER_ID, DOMAIN
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant

TOKEN = "dev-token"


def add_entry(
    hass: HomeAssistant, url: str, *, entry_id: str | None = None, **options: Any
) -> MockConfigEntry:
    """Add an entry for a server, not set up yet."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        entry_id=entry_id,
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
