"""Sensors: status, unread messages, last messages, and results of shortcuts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, get_args, override

from homeassistant.components.sensor import (
    RestoreSensor,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api.models import AccountStatus
from .const import DOMAIN, SUBENTRY_CHAT, SUBENTRY_SHORTCUT
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .data import get_data
from .entity import (
    BeeperAccountEntity,
    BeeperChatEntity,
    async_add_for_accounts,
    async_add_for_subentries,
    server_device,
    shortcut_device,
    suggest_entity_id,
)
from .signals import (
    SIGNAL_LAST_MESSAGE,
    SIGNAL_SHORTCUT,
    LastMessage,
    ShortcutPressed,
    ShortcutResult,
)

PARALLEL_UPDATES = 0

_STATUSES: Final = [status.value for status in AccountStatus]


@dataclass(frozen=True, kw_only=True, eq=False)
class _AccountSensor(SensorEntityDescription):
    """A sensor of an account; `value` returns its state by account ID."""

    value: Callable[[BeeperCoordinator, str], StateType]


def _status(coordinator: BeeperCoordinator, account_id: str) -> StateType:
    """Return the status, None if unknown: servers before 4.3 report none."""
    account = coordinator.server.account(account_id)
    return account.status if account and account.status in _STATUSES else None


def _unread(coordinator: BeeperCoordinator, account_id: str) -> StateType:
    unread = coordinator.data.unread
    return None if unread is None else unread.get(account_id, 0)


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
_UNREAD: Final = SensorEntityDescription(
    key="unread",
    translation_key="unread",
    state_class=SensorStateClass.MEASUREMENT,
)
_LAST_MESSAGE: Final = SensorEntityDescription(
    key="last_message",
    translation_key="last_message",
    device_class=SensorDeviceClass.TIMESTAMP,
)
_LAST_RESULT: Final = SensorEntityDescription(
    key="last_result",
    translation_key="last_result",
    device_class=SensorDeviceClass.ENUM,
    options=[*get_args(ShortcutResult.__value__)],
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of the server, each account, each chosen chat and each shortcut."""
    coordinator = entry.runtime_data
    async_add_entities([ServerUnreadSensor(coordinator, _UNREAD)])
    async_add_for_accounts(
        hass,
        entry,
        async_add_entities,
        lambda account: [
            BeeperAccountSensor(coordinator, account, description)
            for description in _ACCOUNT_SENSORS
        ],
    )
    async_add_for_subentries(
        hass,
        entry,
        SUBENTRY_CHAT,
        async_add_entities,
        lambda subentry: [
            BeeperChatUnreadSensor(coordinator, subentry, _UNREAD),
            ChatLastMessageSensor(coordinator, subentry, _LAST_MESSAGE),
        ],
    )
    async_add_for_subentries(
        hass,
        entry,
        SUBENTRY_SHORTCUT,
        async_add_entities,
        lambda subentry: [ShortcutResultSensor(hass, entry, subentry, _LAST_RESULT)],
    )


class ServerUnreadSensor(CoordinatorEntity[BeeperCoordinator], SensorEntity):
    """The number of unread messages of all accounts."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: BeeperCoordinator, description: SensorEntityDescription
    ) -> None:
        """Use the server's device."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self.entity_description = description
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_device_info = server_device(entry)
        suggest_entity_id(self, "sensor", DOMAIN)

    @property
    @override
    def native_value(self) -> StateType:
        """The count of the latest poll, None if the server reports none."""
        counts = self.coordinator.data.unread
        return None if counts is None else sum(counts.values())


class BeeperAccountSensor(BeeperAccountEntity, SensorEntity):
    """A sensor of one account."""

    entity_description: _AccountSensor

    @property
    @override
    def native_value(self) -> StateType:
        """Return what the last snapshot says."""
        return self.entity_description.value(self.coordinator, self._account_id)


class BeeperChatUnreadSensor(BeeperChatEntity, SensorEntity):
    """The number of unread messages in one added chat."""

    @property
    @override
    def native_value(self) -> StateType:
        """The count of the latest poll, None if the server reports none."""
        counts = self.coordinator.data.chat_unread
        return None if counts is None else counts.get(self._chat_id, 0)


class ChatLastMessageSensor(BeeperChatEntity, SensorEntity):
    """When somebody last wrote in an added chat, and what.

    Kept in memory only; the content is neither recorded nor stored.
    """

    _unrecorded_attributes = frozenset({"sender", "text", "kind"})

    @override
    async def async_added_to_hass(self) -> None:
        """Show the message from before a reload, and subscribe to new ones."""
        await super().async_added_to_hass()
        if known := get_data(self.hass).last_messages.get(self.unique_id or ""):
            self._show(known)
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_LAST_MESSAGE, self._async_follow)
        )

    @callback
    def _async_follow(self, message: LastMessage) -> None:
        entry_id = self.coordinator.config_entry.entry_id
        if message.entry_id == entry_id and self._chat_id in message.chat_ids:
            get_data(self.hass).last_messages[self.unique_id or ""] = message
            self._show(message)
            self.async_write_ha_state()

    def _show(self, message: LastMessage) -> None:
        self._attr_native_value = message.time
        self._attr_extra_state_attributes = {
            "sender": message.sender_name,
            "is_self": message.is_self,
            "text": message.text,
            "kind": message.kind,
        }


class ShortcutResultSensor(RestoreSensor):
    """The result of the last press of a shortcut, without message or recipient."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BeeperConfigEntry,
        subentry: ConfigSubentry,
        description: SensorEntityDescription,
    ) -> None:
        """Use the subentry's ID, so that the entity stays when the shortcut is changed."""
        self.entity_description = description
        self._subentry_id = subentry.subentry_id
        self._attr_unique_id = f"{subentry.subentry_id}_{description.key}"
        self._attr_device_info = shortcut_device(hass, entry, subentry)

    @override
    async def async_added_to_hass(self) -> None:
        """Restore the result from before a reload or restart, and subscribe to results."""
        if result := get_data(self.hass).shortcut_results.get(self._subentry_id):
            self._attr_native_value = result
        elif restored := await self.async_get_last_sensor_data():
            # A restart loses the result of a running attempt.
            known = restored.native_value
            self._attr_native_value = "uncertain" if known == "under_way" else known
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_SHORTCUT, self._async_pressed)
        )

    @callback
    def _async_pressed(self, pressed: ShortcutPressed) -> None:
        if pressed.subentry_id == self._subentry_id:
            self._attr_native_value = pressed.result
            self.async_write_ha_state()
