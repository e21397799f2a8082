"""Base classes of entities, their devices, and helpers that add them."""

from collections.abc import Callable, Iterable
from typing import Final, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import (
    AddConfigEntryEntitiesCallback,
    async_get_current_platform,
)
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import slugify

from .api.models import Account, network_name
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, CONF_NETWORK, DOMAIN
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .data import get_data
from .device_identifiers import (
    account_identifier,
    devices_by_account,
    server_identifier,
    subentry_identifier,
    subentry_key,
)

_KEY_LENGTH: Final = 6
_OBJECT_IDS: Final = {"unread": "unread_messages"}
"""The ends of entity IDs by key, where they differ."""

_NETWORK_ICONS: Final = {
    "beeper": "mdi:matrix",
    "discord": "mdi:controller",
    "facebook": "mdi:facebook-messenger",
    "gmessages": "mdi:message-badge",
    "google chat": "mdi:google-hangouts",
    "google messages": "mdi:message-badge",
    "google voice": "mdi:phone-message",
    "imessage": "mdi:apple",
    "instagram": "mdi:instagram",
    "linkedin": "mdi:linkedin",
    "matrix": "mdi:matrix",
    "messenger": "mdi:facebook-messenger",
    "signal": "mdi:chat-outline",
    "slack": "mdi:slack",
    "telegram": "mdi:send-circle",
    "twitter": "mdi:twitter",
    "whatsapp": "mdi:whatsapp",
    "x": "mdi:twitter",
}
"""By the name of the network, or by how it begins."""


@callback
def async_add_for_accounts(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[Account], Iterable[Entity]],
) -> None:
    """Add the entities of each account, now and when an account is added or returns."""
    coordinator = entry.runtime_data
    domain = async_get_current_platform().domain
    known: set[str] = set()

    @callback
    def follow_accounts() -> None:
        new = [
            account
            for account in coordinator.server.accounts
            if account.account_id not in known
        ]
        known.update(account.account_id for account in new)
        if not new:
            return
        devices = devices_by_account(hass, entry)
        entities = []
        for account in new:
            for entity in make(account):
                # As documented, whatever the device of the server is called.
                suggest_entity_id(
                    entity, domain, DOMAIN, devices[account.account_id].name or ""
                )
                entities.append(entity)
        async_add_entities(entities)

    @callback
    def forget(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """Add the entities again if an account returns after its device was removed."""
        if event.data["action"] == "remove":
            known.intersection_update(devices_by_account(hass, entry))

    entry.async_on_unload(
        hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, forget)
    )
    entry.async_on_unload(coordinator.async_add_listener(follow_accounts))
    follow_accounts()


@callback
def async_add_for_subentries(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    subentry_type: str,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of each chat or shortcut, now and when one is added."""
    platform = async_get_current_platform()

    @callback
    def add_new() -> None:
        # Disabling the entry removes entities, and leaves the platform.
        present = {entity.unique_id for entity in platform.entities.values()}
        for subentry in entry.get_subentries_of_type(subentry_type):
            new = [
                entity for entity in make(subentry) if entity.unique_id not in present
            ]
            if not _is_usable(subentry.title):
                for entity in new:
                    suggest_entity_id(entity, platform.domain, *_parts(entry, subentry))
            if new:
                async_add_entities(new, config_subentry_id=subentry.subentry_id)

    get_data(hass).entity_adders[entry.entry_id].append(add_new)
    add_new()


def suggest_entity_id(entity: Entity, domain: str, *parts: str) -> None:
    """Suggest an entity ID from the names of its devices; registered IDs stay."""
    description = getattr(entity, "entity_description", None)
    own = [_OBJECT_IDS.get(description.key, description.key)] if description else []
    entity.entity_id = f"{domain}.{slugify(' '.join([*parts, *own]))}"


def _is_usable(title: str) -> bool:
    """Return whether an entity ID can be made of a title: not of emoji alone."""
    return title.casefold() == "unknown" or slugify(title) != "unknown"


def _parts(entry: BeeperConfigEntry, subentry: ConfigSubentry) -> Iterable[str]:
    """Return what replaces a title that has no letters."""
    network = subentry.data.get(CONF_NETWORK) or ""
    key = subentry_key(entry, subentry).lower()[-_KEY_LENGTH:]
    return DOMAIN, network, subentry.subentry_type, key


@callback
def async_add_new_entities(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Add the entities that are missing, on all loaded platforms."""
    for add_new in get_data(hass).entity_adders[entry.entry_id]:
        add_new()


def chat_device(
    hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
) -> dr.DeviceInfo:
    """Return the device of an added chat."""
    account_id, network = subentry.data[CONF_ACCOUNT_ID], subentry.data[CONF_NETWORK]
    # As stored before account IDs were known to contain addresses.
    if account_id and network in (account_id, "bridgev2"):
        network = network_name(account_id)
    return _device(hass, entry, subentry, model=network)


def shortcut_device(
    hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
) -> dr.DeviceInfo:
    """Return the device of a shortcut, which must not reveal the recipient."""
    return _device(hass, entry, subentry, model="Shortcut")


def _device(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    subentry: ConfigSubentry,
    *,
    model: str | None,
) -> dr.DeviceInfo:
    return dr.DeviceInfo(
        identifiers={subentry_identifier(entry, subentry)},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=subentry.title,
        manufacturer="Beeper",
        model=model,
        # Not a child device: those cannot belong to a separate subentry.
        via_device_id=_server_device_id(hass, entry),
    )


def _server_device_id(hass: HomeAssistant, entry: BeeperConfigEntry) -> str:
    return dr.async_get_device_id_by_identifier(
        hass, server_identifier(entry), config_entry_id=entry.entry_id
    )


def network_icon(network: str | None) -> str | None:
    """Return the icon of a network, None for that of icons.json."""
    name = (network or "").casefold()
    first = name.split(" ")[0]
    return _NETWORK_ICONS.get(name) or _NETWORK_ICONS.get(first)


def server_device(entry: BeeperConfigEntry) -> dr.DeviceInfo:
    """Return the device of a server, which is registered already."""
    return dr.DeviceInfo(identifiers={server_identifier(entry)})


class BeeperAccountEntity(CoordinatorEntity[BeeperCoordinator]):
    """An entity of one account, unavailable while the server does not list it."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BeeperCoordinator,
        account: Account,
        description: EntityDescription,
    ) -> None:
        """Use the account's device, a child of the server's."""
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
        """The account as of the latest poll, None if it is not listed."""
        return self.coordinator.server.account(self._account_id)

    @property
    @override
    def available(self) -> bool:
        """Return whether the server is reachable and lists the account."""
        return super().available and self.account is not None


class BeeperChatEntity(CoordinatorEntity[BeeperCoordinator]):
    """An entity of one added chat."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BeeperCoordinator,
        subentry: ConfigSubentry,
        description: EntityDescription,
    ) -> None:
        """Use the chat's device."""
        super().__init__(coordinator)
        self.entity_description = description
        self._chat_id: str = subentry.data[CONF_CHAT_ID]
        entry = coordinator.config_entry
        self._attr_unique_id = f"{subentry_key(entry, subentry)}_{description.key}"
        device = chat_device(coordinator.hass, entry, subentry)
        self._attr_device_info = device
        self._network = device.get("model")
