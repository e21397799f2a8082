"""What chats cost that nobody follows: set-up, memory, the minute's poll."""

import asyncio
from collections.abc import Sequence
import time
from typing import Any

from .home_assistant import control, home_assistant, set_up, simulator
from .measure import Figure, alternate, figure, ratios
from .processes import fresh, memory

_SIZES = (100, 1_000, 10_000)
# What is measured, and how many times as much it may be in the largest world. Time also
# passes at the server, so only the processor's time here has to stay the same.
_KINDS = (
    ("set-up", "ms", None),
    ("set-up, processor time", "ms", 1.25),
    ("memory, the integration's modules in it", "MB", 1.25),
    ("a minute's poll, processor time", "ms", 1.25),
)


async def measure(*, quick: bool) -> list[Figure]:
    """Compare worlds of different sizes, all of it read, and one of unread chats."""
    sizes = (100, 1_000) if quick else _SIZES
    cases = [(size, False) for size in sizes] + [(sizes[-1], True)]
    results: dict[tuple[int, bool], list[Sequence[float]]] = {
        case: [] for case in cases
    }
    for number in range(1 if quick else 5):
        for size, unread in alternate(number, cases):
            results[size, unread].append(await fresh(_measure, size, unread=unread))
    figures = []
    for index, (kind, unit, limit) in enumerate(_KINDS):
        values = {case: [run[index] for run in results[case]] for case in cases}
        for (size, unread), some in values.items():
            label = f"{size:,} chats{', all unread' if unread else ''}"
            figures.append(figure(f"{kind}, {label}", unit, some))
        figures.append(
            figure(
                f"{kind}, {sizes[-1]:,} chats against {sizes[0]:,}",
                "×",
                ratios(values[sizes[-1], False], values[sizes[0], False]),
                limit=limit,
            )
        )
    return figures


async def _measure(size: int, *, unread: bool) -> tuple[float, ...]:
    """Set an entry up among so many chats, and let it poll."""
    async with simulator(chats=size) as url, home_assistant() as hass:
        if not unread:
            await control(hass, url, "read", {})
        before = memory()
        entry = await set_up(hass, url)
        await hass.config_entries.async_unload(entry.entry_id)
        began, used = time.perf_counter(), time.process_time()
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        await asyncio.sleep(2.5)  # What the stream's beginning makes it read.
        occupied = memory() - before
        coordinator: Any = entry.runtime_data
        used = time.process_time()
        polls = 10
        for _ in range(polls):
            await coordinator.async_refresh()
            await asyncio.sleep(0.2)  # The inbox looks which chats have changed.
        poll = (time.process_time() - used) / polls
        return seconds * 1000, cpu * 1000, occupied, poll * 1000
