"""Sensors of each account: how it is, and what is unread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .const import DOMAIN
from .coordinator import BeeperConfigEntry, Snapshot
from .entity import BeeperAccountEntity

PARALLEL_UPDATES = 0

_STATUSES: Final = [
    "attention_required",
    "backfilling",
    "connected",
    "connecting",
    "connection_required",
    "disabled",
    "disconnected",
    "reconnect_required",
]


@dataclass(frozen=True, kw_only=True)
class _AccountSensor(SensorEntityDescription):
    """A sensor: what it reads of an account."""

    value: Callable[[Snapshot, str], StateType]


def _status(snapshot: Snapshot, account_id: str) -> StateType:
    """Return the status; servers before 4.3 have none, newer ones maybe others."""
    account = snapshot.account(account_id)
    return account.status if account and account.status in _STATUSES else None


def _unread(snapshot: Snapshot, account_id: str) -> StateType:
    return None if snapshot.unread is None else snapshot.unread.get(account_id, 0)


_SENSORS: Final = (
    _AccountSensor(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=_STATUSES,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=_status,
    ),
    _AccountSensor(
        key="unread",
        translation_key="unread",
        state_class=SensorStateClass.MEASUREMENT,
        value=_unread,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of each account, now and when accounts come and go."""
    coordinator = entry.runtime_data
    devices = dr.async_get(hass)
    client = coordinator.client
    server = devices.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer="Beeper",
        model=client.info.name if client.info else None,
        name="Beeper",
        sw_version=client.version,
    )
    known: set[str] = set()

    @callback
    def follow_accounts() -> None:
        accounts = {each.account_id: each for each in coordinator.data.accounts}
        async_add_entities(
            BeeperAccountSensor(coordinator, account, server.id, description)
            for account_id, account in accounts.items()
            if account_id not in known
            for description in _SENSORS
        )
        # A server that starts may not list any yet.
        for account_id in known - accounts.keys() if accounts else ():
            device = devices.async_get_child_device_by_identifier(
                (DOMAIN, f"{entry.entry_id}_{account_id}"), entry.entry_id
            )
            if device:
                devices.async_remove_device(device.id)
            known.discard(account_id)
        known.update(accounts)

    entry.async_on_unload(coordinator.async_add_listener(follow_accounts))
    follow_accounts()


class BeeperAccountSensor(BeeperAccountEntity, SensorEntity):
    """A sensor of one account."""

    entity_description: _AccountSensor

    @property
    @override
    def native_value(self) -> StateType:
        """Return what the last snapshot says."""
        return self.entity_description.value(self.coordinator.data, self._account_id)
