"""Limits on memory and event loop lag."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import time

MAX_MEMORY = 128
"""MB that one answer may take, for as long as it is read."""
MAX_LAG = 1
"""Seconds of computing in a row."""


@asynccontextmanager
async def bounded(memory: float = MAX_MEMORY) -> AsyncIterator[None]:
    """See that nothing takes much memory, or the event loop for long."""
    lag = 0.0
    # Tests have it on, life does not: it makes every task several times as slow.
    asyncio.get_running_loop().set_debug(False)
    before = _memory("VmRSS", anew=True)

    async def tick() -> None:
        nonlocal lag
        while True:
            # What others on this machine compute is nobody's fault here.
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
    """Return what the system says of this process, in MB; `anew` forgets the most."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024
