"""What automations with phrases cost when a very long message arrives."""

import asyncio
from dataclasses import replace
import time
from typing import Any

from custom_components.beeper.signals import SIGNAL_MESSAGE, MessageEvent
from homeassistant.core import callback
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)

from .home_assistant import control, home_assistant, set_up, simulator
from .measure import Figure, figure
from .processes import fresh

_AUTOMATIONS = 100
_CHAT = "!NCdzlIaMjZUmvmvyHU:beeper.com"
_TEXT = "Wörter  und mehr\n" * 3_700


async def measure(*, quick: bool) -> list[Figure]:
    """Compare a hundred automations with one."""
    rounds = 2 if quick else 40
    return [
        figure(
            f"a text of 64 kB, {count} automations with two phrases each",
            "ms",
            await fresh(_measure, count, rounds),
            limit=limit,
        )
        for count, limit in ((1, None), (_AUTOMATIONS, 20))
    ]


async def _measure(count: int, rounds: int) -> list[float]:
    """Publish one message several times, each time with another text."""
    automations: list[dict[str, Any]] = [
        {
            "alias": f"Phrase {number}",
            "triggers": {
                "trigger": "beeper.message_received",
                "options": {"phrase": [f"open gate {number}", f"word {number}"]},
            },
            "actions": [],
        }
        for number in range(count)
    ]
    events: list[MessageEvent] = []
    async with simulator() as url, home_assistant(automation=automations) as hass:
        await set_up(hass, url)

        @callback
        def received(event: MessageEvent) -> None:
            events.append(event)

        stop = async_dispatcher_connect(hass, SIGNAL_MESSAGE, received)
        await control(hass, url, "incoming", {"chatID": _CHAT, "text": "Hello"})
        while not events:
            await asyncio.sleep(0.01)
        stop()
        times = []
        for number in range(rounds):
            # Another text each time: the last one is remembered.
            event = replace(events[0], text=f"{_TEXT}{number}")
            used = time.process_time()
            async_dispatcher_send(hass, SIGNAL_MESSAGE, event)
            times.append((time.process_time() - used) * 1000)
    return times
