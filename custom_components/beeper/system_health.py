"""System health information about the servers."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from .api.models import AccountStatus
from .const import DOMAIN
from .coordinator import BeeperConfigEntry


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Register the system health information."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Refresh each server, as users look here when something fails."""
    entries: list[BeeperConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    coordinators = [entry.runtime_data for entry in entries]
    for coordinator in coordinators:
        await coordinator.async_refresh()
    answering = [
        coordinator for coordinator in coordinators if coordinator.last_update_success
    ]
    statuses = [
        account.status
        for coordinator in answering
        for account in coordinator.server.accounts
    ]
    return {
        "servers": len(hass.config_entries.async_entries(DOMAIN)),
        "servers_answering": len(answering),
        "versions": ", ".join(
            f"{client.version or '?'} ({client.generation.name})"
            for client in (coordinator.server.client for coordinator in answering)
            if client.generation
        ),
        "accounts_connected": f"{statuses.count(AccountStatus.CONNECTED)}/{len(statuses)}",
    }
