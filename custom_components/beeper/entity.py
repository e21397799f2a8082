"""What entities have in common: their devices, and for whom there are any."""

from collections.abc import Callable, Collection, Iterable
from itertools import chain, count
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api.models import Account
from .const import CONF_CHAT_ID, CONF_NETWORK, SUBENTRY_CHAT, SUBENTRY_SHORTCUT
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .devices import (
    Identifier,
    account_identifier,
    server_identifier,
    subentry_identifier,
)


@callback
def async_register_devices(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Register the devices of the server and its accounts, while those are there.

    Comes before the platforms: their devices refer to this one.
    """
    coordinator = entry.runtime_data
    devices = dr.async_get(hass)
    client = coordinator.server.client
    server = devices.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={server_identifier(entry)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer="Beeper",
        model=client.info.name if client.info else None,
        name="Beeper",
        sw_version=client.version,
    )

    @callback
    def follow_accounts() -> None:
        networks = {
            account_identifier(entry, each.account_id): each.name
            for each in coordinator.server.accounts
        }
        # A server that starts may not list any yet.
        if not networks:
            return
        known: dict[Identifier, str | None] = {}
        for device in dr.async_child_entries_for_config_entry(devices, entry.entry_id):
            if listed := device.identifiers & networks.keys():
                known[listed.pop()] = device.name
            else:
                devices.async_remove_device(device.id)
        names = {
            each: name
            for each, network in networks.items()
            if (name := known.get(each)) and _is_name(name, network)
        }
        taken: set[str] = set()
        for identifier in sorted(networks, key=lambda each: each not in names):
            name = _name(networks[identifier], names.get(identifier), taken)
            taken.add(name)
            if name != known.get(identifier):
                devices.async_get_or_create_child(
                    config_entry_id=entry.entry_id,
                    identifiers={identifier},
                    name=name,
                    parent_device_id=server.id,
                )

    entry.async_on_unload(coordinator.async_add_listener(follow_accounts))
    follow_accounts()


def _name(network: str, before: str | None, taken: Collection[str]) -> str:
    """Return what to call an account: its network, with a number if need be.

    It keeps what it was called before. A name or number of its user has no place there.
    """
    if before and before not in taken:
        return before
    numbered = (f"{network} {number}" for number in count(2))
    return next(name for name in chain([network], numbered) if name not in taken)


def _is_name(name: str, network: str) -> bool:
    before, _, number = name.rpartition(" ")
    return name == network or (before == network and number.isdecimal())


@callback
def async_add_for_accounts(
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Account], Iterable[Entity]],
) -> None:
    """Add the entities of each account, now and when one comes or comes back."""
    coordinator = entry.runtime_data
    known: set[str] = set()

    @callback
    def follow_accounts() -> None:
        accounts = {each.account_id: each for each in coordinator.server.accounts}
        # Those that are not listed now lose their device, unless nothing is listed.
        if not accounts:
            return
        async_add_entities(
            [
                entity
                for account_id, account in accounts.items()
                if account_id not in known
                for entity in make(account)
            ]
        )
        known.clear()
        known.update(accounts)

    entry.async_on_unload(coordinator.async_add_listener(follow_accounts))
    follow_accounts()


@callback
def async_add_for_chats(
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of each chosen chat; a change of these reloads the entry."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_CHAT):
        async_add_entities(make(subentry), config_subentry_id=subentry.subentry_id)


def chat_device(
    hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
) -> dr.DeviceInfo:
    """Return the device of a chosen chat; it stays when another chat is chosen."""
    return _device(hass, entry, subentry, model=subentry.data[CONF_NETWORK])


@callback
def async_add_for_shortcuts(
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of each shortcut; a change of these reloads the entry."""
    for subentry in entry.get_subentries_of_type(SUBENTRY_SHORTCUT):
        async_add_entities(make(subentry), config_subentry_id=subentry.subentry_id)


def shortcut_device(
    hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
) -> dr.DeviceInfo:
    """Return the device of a shortcut: whom it reaches is nobody's to read there."""
    return _device(hass, entry, subentry, model="Shortcut")


def _device(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    subentry: ConfigSubentry,
    *,
    model: str | None,
) -> dr.DeviceInfo:
    return dr.DeviceInfo(
        identifiers={subentry_identifier(subentry)},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=subentry.title,
        manufacturer="Beeper",
        model=model,
        # No child device: those cannot belong to a subentry of their own.
        via_device_id=_server_device_id(hass, entry),
    )


def _server_device_id(hass: HomeAssistant, entry: BeeperConfigEntry) -> str:
    return dr.async_get_device_id_by_identifier(
        hass, server_identifier(entry), config_entry_id=entry.entry_id
    )


class BeeperAccountEntity(CoordinatorEntity[BeeperCoordinator]):
    """An entity of one account, gone while the server does not list the account."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BeeperCoordinator,
        account: Account,
        description: EntityDescription,
    ) -> None:
        """Belong to the account's device, a part of the server's."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self.entity_description = description
        self._account_id = account.account_id
        identifier = account_identifier(entry, account.account_id)
        self._attr_unique_id = f"{identifier[1]}_{description.key}"
        self._attr_device_info = dr.ChildDeviceInfo(
            identifiers={identifier},
            parent_device_id=_server_device_id(coordinator.hass, entry),
        )

    @property
    def account(self) -> Account | None:
        """Return the account as it is now."""
        return self.coordinator.server.account(self._account_id)

    @property
    @override
    def available(self) -> bool:
        """Be there as long as the account is."""
        return super().available and self.account is not None


class BeeperChatEntity(CoordinatorEntity[BeeperCoordinator]):
    """An entity of one chosen chat that tells what is read of it."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BeeperCoordinator,
        subentry: ConfigSubentry,
        description: EntityDescription,
    ) -> None:
        """Stay the same entity when another chat is chosen for it."""
        super().__init__(coordinator)
        self.entity_description = description
        self._chat_id: str = subentry.data[CONF_CHAT_ID]
        self._attr_unique_id = f"{subentry.subentry_id}_{description.key}"
        self._attr_device_info = chat_device(
            coordinator.hass, coordinator.config_entry, subentry
        )
