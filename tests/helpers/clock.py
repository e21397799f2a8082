"""An event loop whose clock skips every wait in which nothing can happen.

Client, server and Home Assistant share one event loop. If it has nothing to run, no
thread works for it and no byte is on its way between its sockets, then only the clock
can change anything. So the clock advances to the next timer instead of waiting for it.
All delays and timeouts keep their lengths and their order, whatever the machine's load.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures.thread import _threads_queues
from fcntl import ioctl
from selectors import EVENT_WRITE, BaseSelector, SelectorKey
import socket
import sys
import termios
import threading
import time
from typing import Any
from weakref import WeakSet

# Linux answers with the bytes that the other side's kernel has not received yet.
_UNRECEIVED = termios.TIOCOUTQ
_PAUSE = 0.001
"""Longest wait (s) until conditions and sockets are looked at again."""
_BUSY = 200
"""Turns of a loop that is never idle until conditions are looked at."""

type _Events = list[tuple[SelectorKey, int]]
type _Select = Callable[[float | None], _Events]


def current_clock() -> Clock | None:
    """Return the clock of the running event loop, None if it skips no waits."""
    clock: Clock | None = getattr(asyncio.get_running_loop(), "clock", None)
    return clock


class Clock:
    """The clock of an event loop."""

    def __init__(self, loop: Any) -> None:  # It has no public type with these parts.
        loop.clock = self
        self._loop = loop
        self._selector: BaseSelector = loop._selector
        self._select: _Select = self._selector.select
        self.skipped = 0.0
        """Seconds of all skipped waits."""
        # Other systems do not tell what is on its way.
        self._skips_waits = sys.platform == "linux"
        self._jobs: set[asyncio.Future[Any]] = set()
        """What runs in threads of executors; in others, anything may."""
        self._earlier = {*threading.enumerate()}
        self._processes: WeakSet[asyncio.SubprocessTransport] = WeakSet()
        self._waiting: dict[asyncio.Future[None], Callable[[], object]] = {}
        self._busy = 0
        self._run_in_executor = loop.run_in_executor
        self._subprocess_exec = loop.subprocess_exec
        loop.time = self.time
        loop.run_in_executor = self._in_thread
        loop.subprocess_exec = self._in_process
        self._selector.select = self._next_events

    def time(self) -> float:
        """Return the time of the event loop."""
        return time.monotonic() + self.skipped

    def wait(self) -> None:
        """Wait for each timer from now on."""
        self._skips_waits = False

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition, without a timer that would advance the clock."""
        if condition():
            return
        done = self._loop.create_future()
        self._waiting[done] = condition
        try:
            await done
        finally:
            del self._waiting[done]

    def _in_thread(self, *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._run_in_executor(*args)
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        return future

    async def _in_process(self, *args: Any, **kwargs: Any) -> Any:
        transport, protocol = await self._subprocess_exec(*args, **kwargs)
        self._processes.add(transport)
        return transport, protocol

    def _next_events(self, timeout: float | None = None) -> _Events:
        """Do as the selector does; skip the wait if nothing can happen in it."""
        if timeout is not None and timeout <= 0:
            self._busy += 1
            if self._busy % _BUSY == 0:
                self._look()
            return self._select(timeout)
        skips = self._skips_waits and not self._has_others()
        on_its_way = skips and self._is_on_its_way()
        if events := self._select(0):
            return events
        self._busy = 0
        if not on_its_way:
            if self._look():
                return []
            if skips and timeout is not None:
                self.skipped += timeout
                return []
        if on_its_way or self._waiting:
            timeout = _PAUSE if timeout is None else min(timeout, _PAUSE)
        return self._select(timeout)

    def _look(self) -> bool:
        """End the waits whose condition is met."""
        met = False
        for done, condition in self._waiting.items():
            if done.done():
                continue
            try:
                if not condition():
                    continue
                done.set_result(None)
            except Exception as err:  # noqa: BLE001 - raised where it is waited for
                done.set_exception(err)
            met = True
        return met

    def _has_others(self) -> bool:
        """Return whether a thread or another process works for the event loop."""
        return (
            bool(self._jobs)
            or any(process.get_returncode() is None for process in self._processes)
            or any(
                thread not in self._earlier and thread not in _threads_queues
                for thread in threading.enumerate()
            )
        )

    def _is_on_its_way(self) -> bool:
        """Return whether bytes or a connection are between two sockets."""
        keys = self._selector.get_map().values()
        if any(key.events & EVENT_WRITE for key in keys):
            return True
        sockets = [
            sock
            for transport in list(self._loop._transports.values())
            if (sock := transport.get_extra_info("socket")) and sock.fileno() >= 0
        ]
        if not any(map(_has_unreceived, sockets)):
            return False
        for sock in sockets:
            # Otherwise Linux reports up to 40 ms late what was received.
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return any(map(_has_unreceived, sockets))


def _has_unreceived(sock: socket.socket) -> bool:
    answer = bytearray(4)
    ioctl(sock.fileno(), _UNRECEIVED, answer)
    return any(answer)
