"""Which device stands for which server, account or chat: the only place that knows."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT

type Identifier = tuple[str, str]


@dataclass(frozen=True, kw_only=True, repr=False)
class Place:
    """What a device stands for: a server, an account of it, or a chat of that."""

    entry_id: str
    account_id: str | None = None
    chat_id: str | None = None


def server_identifier(entry: ConfigEntry) -> Identifier:
    """Return by what the device of a server is known."""
    return (DOMAIN, entry.entry_id)


def account_identifier(entry: ConfigEntry, account_id: str) -> Identifier:
    """Return by what the device of an account is known."""
    return (DOMAIN, f"{entry.entry_id}_{account_id}")


def account_devices(
    hass: HomeAssistant, entry: ConfigEntry
) -> dict[str, dr.ChildDeviceEntry]:
    """Return the devices of a server's accounts by account ID, listed or not."""
    prefix = account_identifier(entry, "")[1]
    return {
        name.removeprefix(prefix): device
        for device in dr.async_child_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
        for domain, name in device.identifiers
        if domain == DOMAIN and name.startswith(prefix)
    }


def subentry_identifier(subentry: ConfigSubentry) -> Identifier:
    """Return by what the device of a chosen chat or of a shortcut is known."""
    return (DOMAIN, subentry.subentry_id)


def place_of(hass: HomeAssistant, device_id: str) -> Place | None:
    """Return what a device stands for, None if it is not ours or gone."""
    device = dr.async_get(hass).async_get(device_id)
    names = (
        {name for domain, name in device.identifiers if domain == DOMAIN}
        if device
        else ()
    )
    for entry in hass.config_entries.async_entries(DOMAIN):
        for name in names:
            if name == entry.entry_id:
                return Place(entry_id=entry.entry_id)
            if name.startswith(f"{entry.entry_id}_"):
                account_id = name.removeprefix(f"{entry.entry_id}_")
                return Place(entry_id=entry.entry_id, account_id=account_id)
            subentry = entry.subentries.get(name)
            if subentry and subentry.subentry_type == SUBENTRY_CHAT:
                return Place(
                    entry_id=entry.entry_id,
                    account_id=subentry.data[CONF_ACCOUNT_ID],
                    chat_id=subentry.data[CONF_CHAT_ID],
                )
    return None
