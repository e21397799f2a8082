"""Limits on memory and event loop lag."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import time

MAX_MEMORY = 128
"""Most memory (MB) that reading one answer may need."""
MAX_LAG = 1
"""Longest time (s) that the event loop may be blocked."""


@asynccontextmanager
async def bounded(memory: float = MAX_MEMORY) -> AsyncIterator[None]:
    """Check that the body neither uses much memory nor blocks the event loop."""
    lag = 0.0
    # Debug mode, which only tests use, makes every task several times as slow.
    asyncio.get_running_loop().set_debug(False)
    before = _memory("VmRSS", anew=True)

    async def tick() -> None:
        nonlocal lag
        while True:
            # Thread time excludes other processes on this machine.
            began = time.thread_time()
            await asyncio.sleep(0.001)
            lag = max(lag, time.thread_time() - began)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
    used = _memory("VmHWM") - before
    print(f"{lag * 1000:.0f} ms, {used:.0f} MB")  # noqa: T201
    assert lag < MAX_LAG
    assert used < memory


def _memory(kind: str, *, anew: bool = False) -> float:
    """Return a memory figure of this process in MB; `anew` resets the peak first."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024
