"""The lines about Beeper in the system information."""

from collections.abc import Sequence
from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .api.exceptions import BeeperError
from .const import DOMAIN
from .coordinator import BeeperConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register the lines."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    entries: list[BeeperConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    statuses = [
        account.status for entry in entries for account in entry.runtime_data.data
    ]
    return {
        "servers": len(hass.config_entries.async_entries(DOMAIN)),
        "servers_answering": _async_count_answering(entries),
        "versions": ", ".join(
            f"{client.version or '?'} ({client.generation.name})"
            for client in (entry.runtime_data.client for entry in entries)
            if client.generation
        ),
        "accounts": len(statuses),
        "accounts_connected": statuses.count("connected"),
    }


async def _async_count_answering(entries: Sequence[BeeperConfigEntry]) -> int:
    """Return how many servers answer now, each by its own way to connect."""
    answering = 0
    for entry in entries:
        try:
            await entry.runtime_data.client.identify()
        except BeeperError:
            continue
        answering += 1
    return answering
