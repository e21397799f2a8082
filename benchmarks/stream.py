"""What comes in: from the frame to triggers and entities, and under a flood."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
import json
import time
from typing import Any

import aiohttp

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .home_assistant import TOKEN, control, home_assistant, set_up, simulator
from .measure import Figure, figure, ratios
from .processes import fresh

_AUTOMATION = {
    "triggers": {"trigger": "beeper.message_received", "options": {}},
    "mode": "parallel",
    "actions": {
        "event": "received",
        "event_data": {"text": "{{ trigger.text }}"},
    },
}
_CHAT = "!NCdzlIaMjZUmvmvyHU:beeper.com"


async def measure(*, quick: bool) -> list[Figure]:
    """Measure single messages first, then floods."""
    return [
        *await fresh(_measure_latency, messages=5 if quick else 200),
        *await fresh(
            _measure_flood, rounds=1 if quick else 8, frames=500 if quick else 20_000
        ),
    ]


async def _measure_latency(*, messages: int) -> list[Figure]:
    """Follow messages that come one after the other to triggers and entities."""
    frames: dict[str, float] = {}
    triggers: dict[str, float] = {}
    entities: dict[str, float] = {}
    async with simulator() as url, home_assistant(automation=_AUTOMATION) as hass:

        @callback
        def received(event: Event) -> None:
            triggers[event.data["text"]] = time.perf_counter()

        @callback
        def changed(event: Event[Any]) -> None:
            state = event.data["new_state"]
            if state and "text" in state.attributes:
                entities.setdefault(state.attributes["text"], time.perf_counter())

        hass.bus.async_listen("received", received)
        hass.bus.async_listen("state_changed", changed)
        await set_up(hass, url)
        async with _frames(hass, url) as socket:
            for number in range(-5, messages):
                text = f"Message {number}"
                body = {"chatID": _CHAT, "text": text}
                await control(hass, url, "incoming", body)
                while text not in (await socket.receive_str(timeout=10)):
                    pass
                frames[text] = time.perf_counter()
                while text not in triggers or text not in entities:
                    await asyncio.sleep(0.001)
                # Whatever else is going on must not come at the same moment each time.
                await asyncio.sleep(0.05 + number % 7 / 50)
    texts = [f"Message {number}" for number in range(messages)]
    return [
        figure(
            f"from frame to {name}",
            "ms",
            [(times[text] - frames[text]) * 1000 for text in texts],
        )
        for name, times in (("event entity", entities), ("automation", triggers))
    ]


async def _measure_flood(*, rounds: int, frames: int) -> list[Figure]:
    """Have a flood reach the coordinator and, in turn, a client that only parses."""
    ours: list[float] = []
    bare: list[float] = []
    ours_cpu: list[float] = []
    bare_cpu: list[float] = []
    lags: list[float] = []
    async with simulator() as url, home_assistant() as hass:
        entry = await set_up(hass, url)
        inbox: Any = entry.runtime_data.inbox
        schedule_read, counted = inbox.schedule_read, 0

        def count(event: Any) -> None:
            nonlocal counted
            counted += 1
            schedule_read(event)

        inbox.schedule_read = count
        flood = {"kind": "ws_flood", "count": frames}
        for number in range(-1, rounds):
            async with _lag() as lag:
                counted = 0
                began, used = time.perf_counter(), time.process_time()
                await control(hass, url, "faults", flood)
                while counted < frames:
                    await asyncio.sleep(0.001)
                seconds, cpu = time.perf_counter() - began, time.process_time() - used
            if number >= 0:
                ours.append(frames / seconds)
                ours_cpu.append(cpu / frames * 1_000_000)
                lags.append(max(lag) * 1000)
        await hass.config_entries.async_unload(entry.entry_id)
        for number in range(-1, rounds):
            async with _frames(hass, url) as socket:
                began, used = time.perf_counter(), time.process_time()
                await control(hass, url, "faults", flood)
                for _ in range(frames):
                    json.loads(await socket.receive_str(timeout=10))
                seconds, cpu = time.perf_counter() - began, time.process_time() - used
            if number >= 0:
                bare.append(frames / seconds)
                bare_cpu.append(cpu / frames * 1_000_000)
    return [
        figure("events at the coordinator", "/s", ours, limit=5_000, at_least=True),
        figure("frames that a bare client parses", "/s", bare),
        figure("processor time of an event", "µs", ours_cpu),
        figure("processor time of a frame, bare", "µs", bare_cpu),
        figure("an event against a bare frame", "×", ratios(ours_cpu, bare_cpu)),
        figure("longest lag of the event loop in a flood", "ms", lags, limit=50),
    ]


@asynccontextmanager
async def _frames(
    hass: HomeAssistant, url: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """Follow the stream beside the integration."""
    async with async_get_clientsession(hass).ws_connect(
        f"{url}/v1/ws", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as socket:
        await socket.send_json(
            {"type": "subscriptions.set", "requestID": "all", "chatIDs": ["*"]}
        )
        for _ in range(2):  # `ready`, and the answer to that.
            await socket.receive_str(timeout=10)
        yield socket


@asynccontextmanager
async def _lag() -> AsyncIterator[list[float]]:
    """Collect by how many seconds the event loop is late, 200 times a second."""
    late = [0.0]

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.005
            await asyncio.sleep(0.005)
            late.append(loop.time() - due)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
