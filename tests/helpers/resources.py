"""Limits on memory, and on the work that blocks the event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
import sys

MAX_MEMORY = 128
"""Most memory (MB) that reading one answer may need."""
MAX_STEPS = 3_000_000
"""Most steps between two turns of the event loop."""

_TOOL = sys.monitoring.PROFILER_ID
_EVENTS = sys.monitoring.events.PY_START | sys.monitoring.events.JUMP


class Steps:
    """How many functions and rounds of loops Python began.

    Unlike time, the same on every machine, whatever else it does.
    """

    def __init__(self) -> None:
        self.count = 0

    def _step(self, *_: object) -> None:
        self.count += 1


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Count the steps of the body, in all threads."""
    steps = Steps()
    monitoring = sys.monitoring
    monitoring.use_tool_id(_TOOL, "steps")
    try:
        for event in (monitoring.events.PY_START, monitoring.events.JUMP):
            monitoring.register_callback(_TOOL, event, steps._step)
        monitoring.set_events(_TOOL, _EVENTS)
        yield steps
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.free_tool_id(_TOOL)


@asynccontextmanager
async def bounded(memory: float = MAX_MEMORY) -> AsyncIterator[None]:
    """Check that the body neither uses much memory nor blocks the event loop."""
    most = 0
    # Debug mode, which only tests use, makes every task several times as slow.
    asyncio.get_running_loop().set_debug(False)
    before = _memory("VmRSS", anew=True)

    async def tick(steps: Steps) -> None:
        nonlocal most
        while True:
            began = steps.count
            await asyncio.sleep(0.001)
            most = max(most, steps.count - began)

    with counted_steps() as steps:
        ticking = asyncio.create_task(tick(steps))
        try:
            yield
        finally:
            ticking.cancel()
    used = _memory("VmHWM") - before
    print(f"{most} steps, {used:.0f} MB")  # noqa: T201
    assert most < MAX_STEPS
    assert used < memory


def _memory(kind: str, *, anew: bool = False) -> float:
    """Return a memory figure of this process in MB; `anew` resets the peak first."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024
