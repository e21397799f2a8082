"""What tests of incoming messages share: people who write, and an ear for what is told."""

import asyncio
from datetime import timedelta

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.signal_type import SignalType
from simulator import Simulator
from simulator.model import Message, Person

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"


def collect[T](hass: HomeAssistant, signal: SignalType[T]) -> list[T]:
    told: list[T] = []

    @callback
    def tell(payload: T) -> None:
        told.append(payload)

    async_dispatcher_connect(hass, signal, tell)
    return told


async def quiet(simulator: Simulator) -> None:
    """Wait until no messages are read any more."""
    before = -1
    while before != (count := sum("/messages" in r.path for r in simulator.requests)):
        before = count
        await asyncio.sleep(0.1)


async def poll(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Let the slow poll come round."""
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()


def write(
    simulator: Simulator,
    text: str,
    *,
    chat_id: str = KIM,
    ago: float = 0,
    sender: Person | None = None,
) -> Message:
    """Let somebody write, by default the chat's first participant, some seconds ago."""
    chat = simulator.world.chat(chat_id)
    when = simulator.world.now() - timedelta(seconds=ago)
    sender = sender or chat.participants[0]
    return simulator.world.incoming(chat, sender, text, when=when)


def texts(told: list[MessageEvent]) -> list[str | None]:
    return [event.text for event in told]


def group(simulator: Simulator) -> str:
    """Return a group's id."""
    return next(
        chat.id for chat in simulator.world.chats.values() if chat.type == "group"
    )
