"""The lines about Beeper in the system information."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .coordinator import BeeperConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register the lines."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Ask each server anew: it is now that something seems wrong."""
    entries: list[BeeperConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data for entry in entries]
    for coordinator in coordinators:
        await coordinator.async_refresh()
    answering = [each for each in coordinators if each.last_update_success]
    statuses = [
        account.status for each in answering for account in each.server.accounts
    ]
    return {
        "servers": len(hass.config_entries.async_entries(DOMAIN)),
        "servers_answering": len(answering),
        "versions": ", ".join(
            f"{each.server.client.version or '?'} ({each.server.client.generation.name})"
            for each in answering
            if each.server.client.generation
        ),
        "accounts_connected": f"{statuses.count('connected')}/{len(statuses)}",
    }
