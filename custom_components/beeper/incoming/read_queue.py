"""Pending reads: which chats to read, when, and again after which failures."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
import logging
import math
import traceback
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..api.exceptions import (
    AnswerError,
    BeeperError,
    RequestTimeoutError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from ..backoff import backoff

_LOGGER = logging.getLogger(__name__)

type ReadTarget = str | None
"""A chat's ID, or CHAT_LIST."""
CHAT_LIST: Final = None
"""Read the list of chats, to find those that changed."""

_BATCH_DELAY: Final = 0.05
"""Seconds between two rounds of reads: the events of a burst are read together."""

_RETRY_DELAYS: Final = (1.0, 60.0)
"""The shortest and the longest time in seconds before a failed read is repeated."""

FAILURES_BEFORE_WARNING: Final = 3
_MAX_CONCURRENT_READS: Final = 4
_SLOT_SECONDS: Final = 0.5
_MAX_SLOW_READS: Final = 32
_MAX_READS_OF_HUNG: Final = 16
"""A read that takes longer gives its slot to others, sooner the more have done so; if they
are too many, the oldest of them is stopped and repeated among those that have hung. So a
chat that the server does not answer for holds up no other one."""

_MAX_PENDING: Final = 1000
_MAX_IDS: Final = 1000
"""Message IDs kept for one pending read."""


@dataclass(kw_only=True, repr=False)
class PendingRead:
    """A read that is due at a time of the event loop.

    `changed` and `deleted` are the messages that events named; `left_out` counts those
    that were too many. `since` is the server's time from which messages count if the
    chat is new. `has_hung`: the server did not answer in time.
    """

    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    left_out: int = 0
    since: float = math.inf
    failures: int = 0
    has_hung: bool = False
    due: float = 0

    def merge(self, other: PendingRead) -> None:
        """Merge another read of the same target; a retry keeps its time."""
        self.since = min(self.since, other.since)
        self.left_out += other.left_out
        for ids, more in (
            (self.changed, other.changed - self.changed),
            (self.deleted, other.deleted - self.deleted),
        ):
            kept = sorted(more)[: max(0, _MAX_IDS - len(ids))]
            ids.update(kept)
            self.left_out += len(more) - len(kept)


class ReadQueue:
    """Runs pending reads: several at once, but one of a target at a time."""

    def __init__(
        self,
        hass: HomeAssistant,
        read: Callable[[ReadTarget, PendingRead], Awaitable[None]],
    ) -> None:
        """Start with nothing pending; `read` raises BeeperError."""
        self._hass = hass
        self._read = read
        self._pending: dict[ReadTarget, PendingRead] = {}
        self._reading: set[ReadTarget] = set()
        self._has_warned = False
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT_READS)
        self._slots_of_hung = asyncio.Semaphore(_MAX_READS_OF_HUNG)
        self._slow_reads: list[asyncio.Timeout] = []

    @callback
    def schedule(self, target: ReadTarget, read: PendingRead) -> None:
        """Read a target soon."""
        self._pending.setdefault(target, PendingRead()).merge(read)
        self._wake.set()

    def is_full_for(self, target: ReadTarget) -> bool:
        """Return whether the target is not pending, and no more targets are accepted."""
        return (
            len(self._pending) + len(self._reading) >= _MAX_PENDING
            and target not in self._pending
            and target not in self._reading
        )

    @callback
    def reset_delays(self) -> None:
        """Let the next round repeat all failed reads: the server is back."""
        for read in self._pending.values():
            read.due = 0

    @property
    def chat_count(self) -> int:
        """The number of chats that are pending or being read."""
        return len((self._pending.keys() | self._reading) - {CHAT_LIST})

    async def async_run(self) -> None:
        """Run reads as they become due; never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now = self._hass.loop.time()
                delays = []
                for target, read in list(self._pending.items()):
                    if target in self._reading:
                        continue  # The end of that read wakes this loop.
                    if read.due <= now:
                        self._reading.add(target)
                        del self._pending[target]
                        tasks.create_task(self._async_try(target, read))
                    else:
                        delays.append(read.due - now)
                await asyncio.sleep(_BATCH_DELAY)
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(delays, default=None)):
                        await self._wake.wait()
                self._wake.clear()

    async def _async_try(self, target: ReadTarget, read: PendingRead) -> None:
        """Read a target; a failed read stays pending."""
        try:
            async with self._place(target, read):
                await self._read(target, read)
        except TimeoutError:
            read.has_hung = True
            self._retry(target, read, warn=False)
        except BeeperError as err:
            read.has_hung = isinstance(err, RequestTimeoutError)
            gone = isinstance(err, AnswerError) and err.status == 404
            if not gone or isinstance(err, RouteAbsentError):
                # The coordinator logs that a server is unreachable.
                answers = isinstance(err, AnswerError | UnreadableAnswerError)
                self._retry(target, read, warn=answers)
        except Exception as err:  # noqa: BLE001 - otherwise all later messages would be lost
            # The text of an error can hold message content.
            _LOGGER.error(
                "Unexpected %s while reading messages:\n%s",
                type(err).__name__,
                "".join(traceback.format_tb(err.__traceback__)),
            )
            self._retry(target, read, warn=False)
        finally:
            self._reading.discard(target)
            self._wake.set()
        if self._has_warned and not any(
            pending.failures for pending in self._pending.values()
        ):
            self._has_warned = False
            _LOGGER.info("Messages can be read again")

    def _place(
        self, target: ReadTarget, read: PendingRead
    ) -> AbstractAsyncContextManager[Any]:
        """Return what limits how many reads run at once; chats do not hold up the list."""
        if target is CHAT_LIST:
            return nullcontext()
        return self._slots_of_hung if read.has_hung else self._slot()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Hold a slot, and give it to others if that takes long.

        Raises TimeoutError if too many others take long as well.
        """
        await self._slots.acquire()
        is_held = True

        def give_up() -> None:
            nonlocal is_held
            is_held = False
            self._slots.release()
            self._slow_reads.append(limit)
            if len(self._slow_reads) > _MAX_SLOW_READS:
                self._slow_reads.pop(0).reschedule(self._hass.loop.time())

        seconds = _SLOT_SECONDS / (1 + len(self._slow_reads) / _MAX_CONCURRENT_READS)
        timer = self._hass.loop.call_later(seconds, give_up)
        try:
            async with asyncio.timeout(None) as limit:
                yield
        finally:
            timer.cancel()
            if is_held:
                self._slots.release()
            elif limit in self._slow_reads:
                self._slow_reads.remove(limit)

    def _retry(self, target: ReadTarget, read: PendingRead, *, warn: bool) -> None:
        read.failures += 1
        read.due = self._hass.loop.time() + backoff(read.failures, *_RETRY_DELAYS)
        if target in self._pending:
            read.merge(self._pending[target])
        self._pending[target] = read
        if warn and read.failures >= FAILURES_BEFORE_WARNING and not self._has_warned:
            self._has_warned = True
            _LOGGER.warning("Messages cannot be read at the moment")
