"""The devices of a server's accounts: registered, named, and removed at last."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Final

from yarl import URL

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.typing import UNDEFINED
from homeassistant.util import dt as dt_util, slugify

from .api.models import ServerInfo, network_name
from .const import DOMAIN
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .data import get_data
from .device_identifiers import (
    account_identifier,
    devices_by_account,
    server_identifier,
)

_REMOVE_AFTER: Final = timedelta(days=1)
"""How long polls have to miss an account: lists are partial while a server starts."""

_DEVICE_NAMES: Final = dict.fromkeys(("beeper", "beeper (matrix)"), "Beeper chats")
"""The names of devices by network, where they differ: the server is called Beeper."""

_MAX_GAP: Final = timedelta(minutes=2)
"""Time between two polls that counts at most; nobody looked during a longer one."""


@callback
def async_register_server(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Register the device of the server, and update it once the server answered.

    Comes before the platforms: their devices refer to this one.
    """
    client = entry.runtime_data.server.client
    has_answered = client.version is not None
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={server_identifier(entry)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer="Beeper",
        model=client.info.name if client.info else UNDEFINED,
        sw_version=client.version if has_answered else UNDEFINED,
    )
    for other in hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        _name_server(hass, other)


def _name_server(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Name the device of a server, once it is known which one it is."""
    devices = dr.async_get(hass)
    device = devices.async_get_device_by_identifier(
        server_identifier(entry), entry.entry_id
    )
    coordinator: BeeperCoordinator | None = getattr(entry, "runtime_data", None)
    info = coordinator.server.client.info if coordinator else None
    if device and (info or device.name is None):
        name = _server_name(hass, entry, info) if info else "Beeper"
        devices.async_update_device(device.id, name=name)


def _server_name(hass: HomeAssistant, entry: ConfigEntry, info: ServerInfo) -> str:
    """Return the name of a server's device, with its host if there are several."""
    name = info.name
    if name == "Beeper":
        name = "Beeper Server" if ".server" in info.bundle_id else "Beeper Desktop"
    if len(hass.config_entries.async_entries(DOMAIN, include_ignore=False)) == 1:
        return name
    return f"{name} ({URL(entry.data[CONF_URL]).host})"


@callback
def async_follow_accounts(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Register the devices of the accounts, and keep them up to date."""
    devices = _AccountDevices(hass, entry)
    entry.async_on_unload(entry.runtime_data.async_add_listener(devices.update))
    devices.update()


@callback
def is_removable(hass: HomeAssistant, entry: BeeperConfigEntry, device_id: str) -> bool:
    """Return whether a device is that of an account that the server does not list."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    return any(
        device.id == device_id and entry.runtime_data.server.account(account_id) is None
        for account_id, device in devices_by_account(hass, entry).items()
    )


class _AccountDevices:
    """The devices of the accounts of one loaded config entry."""

    def __init__(self, hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._server_device_id = dr.async_get_device_id_by_identifier(
            hass, server_identifier(entry), config_entry_id=entry.entry_id
        )
        self._missing_for = get_data(hass).missing_for
        self._polled: datetime | None = None

    @callback
    def update(self) -> None:
        """Follow a poll."""
        coordinator = self._entry.runtime_data
        if not coordinator.last_update_success:
            self._polled = None
            return
        networks = {
            account.account_id: _DEVICE_NAMES.get(account.name.casefold(), account.name)
            for account in coordinator.server.accounts
        }
        if networks:
            self._remove_missing(networks)
            self._name(networks)

    def _remove_missing(self, listed: Collection[str]) -> None:
        now = dt_util.utcnow()
        passed = min(now - (self._polled or now), _MAX_GAP)
        self._polled = now
        for account_id, device in devices_by_account(self._hass, self._entry).items():
            missing_for = self._missing_for.pop(device.id, None)
            if account_id in listed:
                continue
            missing_for = timedelta() if missing_for is None else missing_for + passed
            if missing_for >= _REMOVE_AFTER:
                dr.async_get(self._hass).async_remove_device(device.id)
            else:
                self._missing_for[device.id] = missing_for

    def _name(self, listed: Mapping[str, str]) -> None:
        """Name devices after the networks, and keep the number of each.

        A missing account keeps its name, so that no other account gets it.
        """
        devices = devices_by_account(self._hass, self._entry)
        networks = {**listed}
        for account_id, device in devices.items():
            name = device.name or ""
            is_safe = not _reveals_user(account_id, name)
            networks.setdefault(
                account_id, name if is_safe else network_name(account_id)
            )
        kept = {
            account_id: device.name
            for account_id, device in devices.items()
            if device.name and _is_name(device.name, networks[account_id])
        }
        taken: set[str] = set()
        for account_id in sorted(
            networks, key=lambda account_id: account_id not in kept
        ):
            name = _unique_name(networks[account_id], kept.get(account_id), taken)
            taken.add(name.casefold())
            before = devices.get(account_id)
            if before and before.name == name:
                continue
            device = dr.async_get(self._hass).async_get_or_create_child(
                config_entry_id=self._entry.entry_id,
                identifiers={account_identifier(self._entry, account_id)},
                name=name,
                parent_device_id=self._server_device_id,
            )
            if before and before.name and _reveals_user(account_id, before.name):
                self._rename_entities(device.id, slugify(before.name), slugify(name))

    def _rename_entities(self, device_id: str, before: str, after: str) -> None:
        """Rename the entities whose IDs were made from the earlier name."""
        entities = er.async_get(self._hass)
        for entity in er.async_entries_for_device(
            entities, device_id, include_disabled_entities=True
        ):
            domain, _, object_id = entity.entity_id.partition(".")
            if before in object_id:
                entities.async_update_entity(
                    entity.entity_id,
                    new_entity_id=entities.async_get_available_entity_id(
                        domain, object_id.replace(before, after)
                    ),
                )


def _reveals_user(account_id: str, name: str) -> bool:
    """Return whether a device was named after an account ID with the user in it."""
    earlier = account_id.partition(".")[0]
    return earlier != network_name(account_id) and _is_name(name, earlier)


def _unique_name(network: str, before: str | None, taken: Collection[str]) -> str:
    """Return the name of an account's device: its network, numbered if necessary.

    `before` is its earlier name, which it keeps. Names never contain the user's.
    """
    if before and before.casefold() not in taken:
        return before
    numbered = (f"{network} {number}" for number in count(2))
    return next(
        name for name in chain([network], numbered) if name.casefold() not in taken
    )


def _is_name(name: str, network: str) -> bool:
    before, _, number = name.rpartition(" ")
    return name == network or (before == network and number.isdecimal())
