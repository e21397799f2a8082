"""Sensors: how each account is, and what is unread in it or in a chosen chat."""

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
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .coordinator import BeeperConfigEntry, Snapshot
from .entity import (
    BeeperAccountEntity,
    BeeperChatEntity,
    async_add_for_accounts,
    async_add_for_chats,
)

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


_ACCOUNT_SENSORS: Final = (
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
_CHAT_UNREAD: Final = SensorEntityDescription(
    key="unread",
    translation_key="unread",
    state_class=SensorStateClass.MEASUREMENT,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of each account and each chosen chat."""
    coordinator = entry.runtime_data
    async_add_for_accounts(
        entry,
        async_add_entities,
        lambda account: [
            BeeperAccountSensor(coordinator, account, description)
            for description in _ACCOUNT_SENSORS
        ],
    )
    async_add_for_chats(
        entry,
        async_add_entities,
        lambda subentry: [BeeperChatUnreadSensor(coordinator, subentry, _CHAT_UNREAD)],
    )


class BeeperAccountSensor(BeeperAccountEntity, SensorEntity):
    """A sensor of one account."""

    entity_description: _AccountSensor

    @property
    @override
    def native_value(self) -> StateType:
        """Return what the last snapshot says."""
        return self.entity_description.value(self.coordinator.data, self._account_id)


class BeeperChatUnreadSensor(BeeperChatEntity, SensorEntity):
    """How many messages of one chosen chat are unread."""

    @property
    @override
    def native_value(self) -> StateType:
        """Return what the last snapshot says; servers need not tell."""
        counts = self.coordinator.data.chat_unread
        return None if counts is None else counts.get(self._chat_id, 0)
