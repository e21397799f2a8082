"""Signals of the integration: collect them, and publish made-up ones."""

from dataclasses import replace
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api.models import Chat, Message, User
from custom_components.beeper.signals import (
    SIGNAL_ACCOUNT_DISCONNECTED,
    SIGNAL_MESSAGE,
    SIGNAL_SEND_FAILED,
    AccountDisconnected,
    MessageEvent,
    SendFailed,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.util.signal_type import SignalType
from simulator import Simulator, wire
from tests.helpers.world import KIM


def collect[T](hass: HomeAssistant, signal: SignalType[T]) -> list[T]:
    received: list[T] = []

    @callback
    def tell(payload: T) -> None:
        received.append(payload)

    async_dispatcher_connect(hass, signal, tell)
    return received


def texts(events: list[MessageEvent]) -> list[str | None]:
    return [event.text for event in events]


def message_event(
    entry: MockConfigEntry, simulator: Simulator, chat_id: str = KIM, **changes: Any
) -> MessageEvent:
    """Return the event for a message from the first participant of a chat."""
    world = simulator.world
    chat, template = world.chats[chat_id], world.chats[KIM].messages[-1]
    person = chat.participants[0]
    data = {
        **simulator.wire.message(world, template),
        "id": "9001",
        "accountID": chat.account_id,
        "senderID": person.id,
        "senderName": person.full_name,
        "isSender": False,
        "text": "Good night",
    }
    event = MessageEvent(
        entry_id=entry.entry_id,
        type="message_received",
        chat=Chat.from_dict(simulator.wire.chat(world, chat, -1)),
        account_id=chat.account_id,
        message=Message.from_dict(data),
        sender=User.from_dict(wire.user(person)),
        is_self=False,
        text="Good night",
    )
    return replace(event, **changes)


async def publish(
    hass: HomeAssistant, event: MessageEvent | AccountDisconnected | SendFailed
) -> None:
    match event:
        case MessageEvent():
            async_dispatcher_send(hass, SIGNAL_MESSAGE, event)
        case AccountDisconnected():
            async_dispatcher_send(hass, SIGNAL_ACCOUNT_DISCONNECTED, event)
        case SendFailed():
            async_dispatcher_send(hass, SIGNAL_SEND_FAILED, event)
    await hass.async_block_till_done()
