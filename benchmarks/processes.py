"""Separate processes: memory of one run must not affect the next."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
import gc
import multiprocessing
import os
from pathlib import Path
import sys
import traceback
from typing import Any

from homeassistant.runner import create_event_loop

_MEGABYTE = 1024 * 1024


async def fresh[**P, T](
    work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run a module's coroutine function in a new process, and return its result.

    The log of Home Assistant in that process is not shown.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return await asyncio.wrap_future(pool.submit(_work, work, args, kwargs))


def _work[T](
    work: Callable[..., Awaitable[T]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    async def run() -> T:
        return await work(*args, **kwargs)

    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    try:
        with asyncio.Runner(loop_factory=create_event_loop) as runner:
            return runner.run(run())
    except Exception:  # noqa: BLE001 - not all of them can cross to another process
        raise RuntimeError(traceback.format_exc()) from None


def memory() -> float:
    """Return the megabytes this process occupies."""
    gc.collect()
    return _status("VmRSS")


def peak_memory() -> float:
    """Return the most megabytes it has occupied since `forget_peak`."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Begin to watch the peak anew."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / _MEGABYTE
