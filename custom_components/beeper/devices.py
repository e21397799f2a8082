"""Identifiers of the devices of servers, accounts, chats and shortcuts."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT

type Identifier = tuple[str, str]


@dataclass(frozen=True, kw_only=True, repr=False)
class DeviceScope:
    """The server, account or chat of a device."""

    entry_id: str
    account_id: str | None = None
    chat_id: str | None = None


def server_identifier(entry: ConfigEntry) -> Identifier:
    """Return the identifier of a server's device."""
    return (DOMAIN, entry.entry_id)


def account_identifier(entry: ConfigEntry, account_id: str) -> Identifier:
    """Return the identifier of an account's device."""
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
    """Return the identifier of the device of an added chat or a shortcut."""
    return (DOMAIN, subentry.subentry_id)


def resolve_device(hass: HomeAssistant, device_id: str) -> DeviceScope | None:
    """Return the scope of a device, None if it is removed or of another integration."""
    device = dr.async_get(hass).async_get(device_id)
    names = (
        {name for domain, name in device.identifiers if domain == DOMAIN}
        if device
        else ()
    )
    for entry in hass.config_entries.async_entries(DOMAIN):
        for name in names:
            if name == entry.entry_id:
                return DeviceScope(entry_id=entry.entry_id)
            if name.startswith(f"{entry.entry_id}_"):
                account_id = name.removeprefix(f"{entry.entry_id}_")
                return DeviceScope(entry_id=entry.entry_id, account_id=account_id)
            subentry = entry.subentries.get(name)
            if subentry and subentry.subentry_type == SUBENTRY_CHAT:
                return DeviceScope(
                    entry_id=entry.entry_id,
                    account_id=subentry.data[CONF_ACCOUNT_ID],
                    chat_id=subentry.data[CONF_CHAT_ID],
                )
    return None
