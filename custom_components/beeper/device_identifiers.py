"""Identifiers of the devices of servers, accounts, chats and shortcuts."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import (
    CONF_ACCOUNT_ID,
    CONF_CHAT_ID,
    CONF_FORMER_ACCOUNT_IDS,
    CONF_FORMER_CHAT_IDS,
    DOMAIN,
    SUBENTRY_CHAT,
)
from .fingerprint import fingerprint

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


def devices_by_account(
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


def subentry_key(entry: ConfigEntry, subentry: ConfigSubentry) -> str:
    """Return what identifies the device and entities of an added chat or a shortcut.

    That of a chat does not change when it is removed and added again.
    """
    if subentry.subentry_type == SUBENTRY_CHAT:
        return fingerprint(entry, subentry.data[CONF_CHAT_ID])
    return subentry.subentry_id


def subentry_identifier(entry: ConfigEntry, subentry: ConfigSubentry) -> Identifier:
    """Return the identifier of the device of an added chat or a shortcut."""
    return (DOMAIN, subentry_key(entry, subentry))


@callback
def async_update_chat_keys(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Let the device and entities of an added chat stay when the chat is replaced."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        subentry = entry.subentries.get(device.config_subentry_id or "")
        if subentry is None or subentry.subentry_type != SUBENTRY_CHAT:
            continue
        now = subentry_key(entry, subentry)
        [before] = [name for domain, name in device.identifiers if domain == DOMAIN]
        if before == now:
            continue
        devices.async_update_device(device.id, new_identifiers={(DOMAIN, now)})
        for entity in er.async_entries_for_device(
            entities, device.id, include_disabled_entities=True
        ):
            entities.async_update_entity(
                entity.entity_id,
                new_unique_id=entity.unique_id.replace(before, now, 1),
            )


def current_account_id(entry: ConfigEntry, account_id: str) -> str:
    """Return the ID of the account that followed one with this ID."""
    former: dict[str, str] = entry.data.get(CONF_FORMER_ACCOUNT_IDS, {})
    return former.get(account_id, account_id)


def current_chat_id(entry: ConfigEntry, chat_id: str) -> str:
    """Return the ID of the chat that followed an added chat with this ID."""
    return next(
        (
            str(subentry.data[CONF_CHAT_ID])
            for subentry in entry.subentries.values()
            if chat_id in subentry.data.get(CONF_FORMER_CHAT_IDS, ())
        ),
        chat_id,
    )


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
        if not names or not isinstance(device, dr.DeviceEntry):
            continue
        if device.config_entry_id == entry.entry_id:
            subentry = entry.subentries.get(device.config_subentry_id or "")
            if subentry and subentry.subentry_type == SUBENTRY_CHAT:
                return DeviceScope(
                    entry_id=entry.entry_id,
                    account_id=subentry.data[CONF_ACCOUNT_ID],
                    chat_id=subentry.data[CONF_CHAT_ID],
                )
    return None
