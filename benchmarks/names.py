"""What it takes to find somebody by name, before and with the index of people."""

from collections.abc import Sequence
import time
import tracemalloc
from typing import Any

from homeassistant.core import HomeAssistant

from .home_assistant import control, home_assistant, set_up, simulator
from .measure import Figure, alternate, figure, ratios
from .processes import fresh

_SIZES = (1_000, 10_000)
_PAGE_DELAY = 0.1
"""Seconds that the slow server takes for each request."""

_CALLS = 10


async def measure(*, quick: bool) -> list[Figure]:
    """Compare numbers of chats, each with a contact, and a server that is slow."""
    sizes = (100, 1_000) if quick else _SIZES
    results: dict[int, list[Sequence[float]]] = {size: [] for size in sizes}
    slow: list[Sequence[float]] = []
    memory: list[float] = []
    for number in range(1 if quick else 5):
        for size in alternate(number, sizes):
            results[size].append(await fresh(_measure, size))
        memory.append(await fresh(_measure_memory, sizes[-1]))
        slow.append(await fresh(_measure_slow, sizes[-1]))
    small, large = ([*zip(*results[size], strict=True)] for size in sizes)
    many = f"{sizes[-1]:,} chats and contacts"
    return [
        figure(f"finding somebody without the index, {many}", "ms", large[0]),
        figure(f"building the index, {many}", "ms", large[1]),
        figure("memory of the index, a chat or contact", "kB", memory, limit=1.5),
        figure(f"finding somebody with the index, {many}", "ms", large[2], limit=20),
        figure(
            f"finding somebody, {many} against {sizes[0]:,}",
            "×",
            ratios(large[2], small[2]),
            limit=2,
        ),
        figure("create_chat by name against by number", "×", large[3], limit=1.5),
        *(
            figure(
                f"{name}, {_PAGE_DELAY * 1000:.0f} ms a page", "ms", values, limit=limit
            )
            for (name, limit), values in zip(
                (
                    ("finding somebody without the index", 8000),
                    ("finding somebody with the index", 20),
                ),
                zip(*slow, strict=True),
                strict=True,
            )
        ),
    ]


async def _measure(size: int) -> tuple[float, ...]:
    """Return times in ms, and how name and number compare."""
    async with simulator(chats=size) as url, home_assistant() as hass:
        entry = await set_up(hass, url, chats_per_hour=0)
        index = entry.runtime_data.directory.index
        cold = await _find(hass, 1)
        began = time.perf_counter()
        await index.async_update()
        built = time.perf_counter() - began
        await _find(hass, 2)
        warm = [await _find(hass, number) for number in range(3, 3 + _CALLS)]
        by_name, by_number = 0.0, 0.0
        for number in range(20, 20 + _CALLS):
            by_number += await _create(hass, user={"phone_number": _number(number)})
            by_name += await _create(hass, recipient=_name(number))
        return (
            cold * 1000,
            built * 1000,
            sum(warm) / len(warm) * 1000,
            by_name / by_number,
        )


async def _measure_memory(size: int) -> float:
    """Return the kB that the index has for each chat and contact."""
    async with simulator(chats=size) as url, home_assistant() as hass:
        entry = await set_up(hass, url)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        await entry.runtime_data.directory.index.async_update()
        return (tracemalloc.get_traced_memory()[0] - before) / 1024 / 2 / size


async def _measure_slow(size: int) -> tuple[float, float]:
    async with simulator(chats=size) as url, home_assistant() as hass:
        entry = await set_up(hass, url)
        fault = {
            "kind": "delay",
            "times": None,
            "path": "/v1/*",
            "seconds": _PAGE_DELAY,
        }
        await control(hass, url, "faults", fault)
        cold = await _find(hass, 1)
        await entry.runtime_data.directory.index.async_update()
        return cold * 1000, await _find(hass, 2) * 1000


async def _find(hass: HomeAssistant, number: int) -> float:
    return await _call(hass, "find", {"query": _name(number)}, "count")


async def _create(hass: HomeAssistant, **person: Any) -> float:
    return await _call(hass, "create_chat", {"mode": "start", **person}, "chat_id")


async def _call(
    hass: HomeAssistant, action: str, data: dict[str, Any], expected: str
) -> float:
    """Return the seconds that an action takes."""
    began = time.perf_counter()
    response = await hass.services.async_call(
        "beeper", action, data, blocking=True, return_response=True
    )
    seconds = time.perf_counter() - began
    assert response
    assert response[expected]
    return seconds


def _name(number: int) -> str:
    """Return the name of a contact of the simulator."""
    return f"Contact {number:05}"


def _number(number: int) -> str:
    return f"+1555{2_000_000 + number}"
