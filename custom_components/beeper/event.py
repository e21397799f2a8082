"""An event entity for each account and each chosen chat: what happened to a message."""

from abc import abstractmethod
from typing import Final, get_args, override

from homeassistant.components.event import EventEntityDescription
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry, BeeperCoordinator
from .data import get_data, note_trigger
from .entity import (
    BeeperAccountEntity,
    BeeperChatEntity,
    async_add_for_accounts,
    async_add_for_subentries,
    network_icon,
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
        hass,
        entry,
        SUBENTRY_CHAT,
        async_add_entities,
        lambda subentry: [BeeperChatEvent(coordinator, subentry, _MESSAGE)],
    )


class _MessageEntity(CoordinatorEntity[BeeperCoordinator], UnstoredEventEntity):
    """The last event of a message; kept in memory only, and unknown after a restart.

    After the server was unavailable or the entry was reloaded, the time of the last event
    is left, without its type and content: the change back to it must not look like a new
    event.
    """

    _unrecorded_attributes = PRIVATE
    _has_received = False
    """An event arrived after the server was unavailable, before the next poll ended."""

    @abstractmethod
    def _concerns(self, event: MessageEvent) -> bool:
        """Return whether the event belongs to this entity."""

    @override
    async def async_added_to_hass(self) -> None:
        """Show when the last event happened, and subscribe to new ones."""
        await super().async_added_to_hass()
        if time := get_data(self.hass).last_events.get(self.unique_id or ""):
            self.restore_event_time(time)
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_MESSAGE, self._async_happened)
        )

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Keep the time of the last event over a reload."""
        if self.unique_id and self.last_event_time:
            get_data(self.hass).last_events[self.unique_id] = self.last_event_time

    @property
    @override
    def available(self) -> bool:
        """Return whether the server can be reached."""
        return super().available or self._has_received

    @override
    @callback
    def _handle_coordinator_update(self) -> None:
        self._has_received = False
        if not self.available:
            self.forget_event_content()
        super()._handle_coordinator_update()

    @callback
    def _async_happened(self, event: MessageEvent) -> None:
        if self._concerns(event):
            if not self.available:
                # A change from unavailable does not count as an event.
                self._has_received = True
                self.async_write_ha_state()
            # The outbox recognizes answers to the message by the context.
            context = Context()
            note_trigger(self.hass, context.id, event)
            self.async_set_context(context)
            self._trigger_event(event.type, event.as_dict())
            self.async_write_ha_state()


class BeeperAccountEvent(_MessageEntity, BeeperAccountEntity):
    """What happened in any chat of one account."""

    @property
    @override
    def icon(self) -> str | None:
        """Return the icon of the network."""
        return network_icon(self.coordinator.server.network(self._account_id))

    @override
    def _concerns(self, event: MessageEvent) -> bool:
        return (event.entry_id, event.account_id) == (
            self.coordinator.config_entry.entry_id,
            self._account_id,
        )


class BeeperChatEvent(_MessageEntity, BeeperChatEntity):
    """What happened in one chosen chat."""

    @property
    @override
    def icon(self) -> str | None:
        """Return the icon of the network."""
        return network_icon(self._network)

    @override
    def _concerns(self, event: MessageEvent) -> bool:
        return (
            event.entry_id == self.coordinator.config_entry.entry_id
            and self._chat_id in event.chat.ids
        )
