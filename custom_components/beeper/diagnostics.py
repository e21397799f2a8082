"""What helps to find a fault: versions, counts and options, nothing personal."""

from collections import Counter
from typing import Any

from yarl import URL

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant

from .assist_in_chats.listener import async_get_assist_listener
from .const import CONF_ALLOWED_SENDERS
from .coordinator import BeeperConfigEntry
from .data import get_outbox


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BeeperConfigEntry
) -> dict[str, Any]:
    """Return the state of a server, without addresses, IDs, names or texts.

    If the entry is not loaded, only its settings.
    """
    loaded = entry.state is ConfigEntryState.LOADED
    coordinator = entry.runtime_data if loaded else None
    if coordinator:
        await coordinator.async_refresh()
    client = coordinator.server.client if coordinator else None
    accounts = coordinator.server.accounts if coordinator else ()
    url = URL(entry.data[CONF_URL])
    return {
        "server": {
            "name": client.info.name if client and client.info else None,
            "version": client.version if client else None,
            "generation": client.generation.name
            if client and client.generation
            else None,
            "scheme": url.scheme,
            "port": url.port,
            "path_prefix": url.path != "/",
            "verify_ssl": entry.data[CONF_VERIFY_SSL],
        },
        "options": {
            key: len(value) if key == CONF_ALLOWED_SENDERS else value
            for key, value in entry.options.items()
        },
        "accounts": {
            "networks": Counter(
                account.network or "not reported" for account in accounts
            ),
            "statuses": Counter(
                account.status or "not reported" for account in accounts
            ),
        },
        "not_understood": client.unrecognized.as_list() if client else None,
        "inbox": coordinator.inbox.statistics if coordinator else None,
        "outbox": get_outbox(hass, entry).statistics if loaded else None,
        "assist": async_get_assist_listener(hass).statistics(entry) if loaded else None,
    }
