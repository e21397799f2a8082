"""An event entity for each account and each chosen chat: what happened to a message."""

from abc import abstractmethod
from typing import Final, get_args, override

from homeassistant.components.event import EventEntityDescription
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry
from .data import note_trigger
from .entity import (
    BeeperAccountEntity,
    BeeperChatEntity,
    async_add_for_accounts,
    async_add_for_subentries,
)
from .ha_internals import UnstoredEventEntity
from .signals import PRIVATE, SIGNAL_MESSAGE, MessageEvent, MessageEventType

PARALLEL_UPDATES = 0

_MESSAGE: Final = EventEntityDescription(
    key="message",
    translation_key="message",
    event_types=[*get_args(MessageEventType.__value__)],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add one entity for each account and each chosen chat."""
    coordinator = entry.runtime_data
    async_add_for_accounts(
        hass,
        entry,
        async_add_entities,
        lambda account: [BeeperAccountEvent(coordinator, account, _MESSAGE)],
    )
    async_add_for_subentries(
        entry,
        SUBENTRY_CHAT,
        async_add_entities,
        lambda subentry: [BeeperChatEvent(coordinator, subentry, _MESSAGE)],
    )


class _MessageEntity(UnstoredEventEntity):
    """The last event of a message; kept in memory only, and unknown after a restart."""

    _unrecorded_attributes = PRIVATE

    @abstractmethod
    def _concerns(self, event: MessageEvent) -> bool:
        """Return whether the event belongs to this entity."""

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to message events."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_MESSAGE, self._async_happened)
        )

    @callback
    def _async_happened(self, event: MessageEvent) -> None:
        if self._concerns(event):
            # The outbox recognizes answers to the message by the context.
            context = Context()
            note_trigger(self.hass, context.id, event)
            self.async_set_context(context)
            self._trigger_event(event.type, event.as_dict())
            self.async_write_ha_state()


class BeeperAccountEvent(BeeperAccountEntity, _MessageEntity):
    """What happened in any chat of one account."""

    @override
    def _concerns(self, event: MessageEvent) -> bool:
        return (event.entry_id, event.account_id) == (
            self.coordinator.config_entry.entry_id,
            self._account_id,
        )


class BeeperChatEvent(BeeperChatEntity, _MessageEntity):
    """What happened in one chosen chat."""

    @override
    def _concerns(self, event: MessageEvent) -> bool:
        return (
            event.entry_id == self.coordinator.config_entry.entry_id
            and self._chat_id in event.chat.ids
        )
