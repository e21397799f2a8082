"""All outgoing requests: deduplicated, attempted once, recovered by reading.

Each request runs in a task that the caller can leave but not stop, and ends as done,
not done or unknown. While an outcome is unknown, a repeated request looks for the
result of the first one instead of being sent.
"""

import asyncio
from collections.abc import Hashable, Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.transport import REQUEST_TIMEOUT
from ..const import CONF_READ_ONLY, DOMAIN
from ..errors import Refusal
from ..server import Server
from .chat_queue import ChatQueues
from .job import Job, OutboxContext
from .limits import Limits
from .network_rules import NetworkRules
from .recipient_queue import RecipientQueue
from .sent_messages import SentMessages

_RECOVERY_DELAYS: Final = (0, 2, 3, 5)
"""Seconds to wait before each search for the result of an unknown attempt."""

_RECOVERY_TIMEOUT: Final = 20
"""Seconds for all searches together: a server may hang."""

_UNKNOWN_WINDOW: Final = 10 * 60
"""Seconds for which a repeated request looks for the first one's result."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome[ResultT]:
    """A request that was carried out.

    `recovered`: no reply arrived, and reading found the result. `duplicate`: nothing
    was sent, this is the result of the same request made just before.
    """

    result: ResultT
    recovered: bool = False
    duplicate: bool = False


type _End = Outcome[Any] | Refusal


class Outbox:
    """What one config entry sends; it outlives reloads of the entry."""

    context: OutboxContext

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start with nothing sent."""
        self._hass = hass
        self._entry = entry
        self._limits = Limits(hass, entry)
        self._rules = NetworkRules()
        self._queue = ChatQueues()
        self._recipients = RecipientQueue()
        self.sent = SentMessages()
        self._jobs: dict[asyncio.Task[_End], Job[Any]] = {}
        self._running: dict[Hashable, list[asyncio.Task[_End]]] = {}
        # Times are the event loop's: a changed clock does not affect them.
        self._done: dict[Hashable, tuple[float, Outcome[Any]]] = {}
        self._expiring: list[tuple[float, int, Hashable]] = []
        self._count = count()
        self._unknown: dict[Hashable, list[float]] = {}

    @callback
    def bind(self, server: Server) -> None:
        """Let later jobs use the server of a reloaded entry."""
        self.context = OutboxContext(
            server=server,
            limits=self._limits,
            rules=self._rules,
            queue=self._queue,
            recipients=self._recipients,
            sent=self.sent,
        )

    @callback
    def note_trigger(self, context_id: str, chat_ids: AbstractSet[str]) -> None:
        """Remember that a message of this chat started the run of this context."""
        self._limits.replies.note(context_id, chat_ids)

    async def async_load(self) -> None:
        """Load the state that survives a restart."""
        await self._limits.new_chats.async_load()

    async def async_remove(self) -> None:
        """Remove the stored state and the issues."""
        self._limits.messages.forget()
        self._limits.replies.forget()
        await self._limits.new_chats.async_remove()

    async def async_wait(self) -> None:
        """Wait for running jobs, as long as one request may take."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=REQUEST_TIMEOUT)

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many requests are running, remembered and unknown."""
        self._forget_old()
        running = {job.key for job in self._jobs.values()}
        return {
            "running": len(self._jobs),
            "remembered": len(self._done),
            "unknown": len(self._unknown.keys() - running),
        }

    async def run[ResultT](
        self, job: Job[ResultT], *, allow_repeat: bool = False
    ) -> Outcome[ResultT]:
        """Run a job, unless the same one is running or was done just before.

        Raises a translated HomeAssistantError that says whether nothing was done or
        the outcome is unknown.
        """
        if self._entry.options.get(CONF_READ_ONLY, False):
            raise errors.invalid("read_only")
        self._forget_old()
        if not allow_repeat and job.key in self._done:
            return replace(self._done[job.key][1], duplicate=True)
        joined = not allow_repeat and job.join_key in self._running
        if joined:
            task = self._running[job.join_key][-1]
        else:
            task = self._start(job, allow_repeat=allow_repeat)
        # Cancelling the caller does not cancel the attempt.
        end = await asyncio.shield(task)
        if isinstance(end, Refusal):
            raise end.error()
        outcome: Outcome[ResultT] = end
        return replace(outcome, duplicate=True) if joined else outcome

    def _start(self, job: Job[Any], *, allow_repeat: bool) -> asyncio.Task[_End]:
        """Start a job that a later identical one can join."""
        task = self._hass.async_create_task(
            self._work(job, allow_repeat=allow_repeat),
            f"{DOMAIN} {job.name}",
            eager_start=False,
        )
        self._jobs[task] = job
        self._running.setdefault(job.join_key, []).append(task)

        def finished(_: asyncio.Task[_End]) -> None:
            del self._jobs[task]
            _discard(self._running, job.join_key, task)

        task.add_done_callback(finished)
        return task

    async def _work(self, job: Job[Any], *, allow_repeat: bool) -> _End:
        """Run a job in its slot, or look for the result of an earlier attempt."""
        async with job.slot():
            # Attempts that begin later are not settled by this search.
            earlier = [] if allow_repeat else list(self._unknown.get(job.key, ()))
            end = None if earlier else await self._attempt(job)
        if end is None:
            return await self._recover_earlier(job, earlier)
        if isinstance(end, float):
            return await self._recover(job, end)
        return end

    async def _attempt(self, job: Job[Any]) -> _End | float:
        """Run a job once; returns the time of an attempt with an unknown outcome."""
        try:
            await job.prepare()
        except errors.NotDoneError as err:
            return err.refusal
        attempted = self._hass.loop.time()
        # Whatever ends this task, from here on the request may have run.
        self._unknown.setdefault(job.key, []).append(attempted)
        try:
            result = await job.attempt()
        except BeeperError as err:
            self.context.server.check_token(err)
            if err.may_have_run:
                return attempted
            _discard(self._unknown, job.key, attempted)
            job.undo()
            return job.refusal(err)
        except errors.NotDoneError as err:
            _discard(self._unknown, job.key, attempted)
            job.undo()
            return err.refusal
        self._settle(job, attempted)
        return self._remember(job, Outcome(result=result))

    async def _recover(self, job: Job[Any], attempted: float) -> _End:
        """Look for the result of an attempt several times, as servers take time."""
        end: _End = Refusal(key=job.unknown, kind=HomeAssistantError)
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY_TIMEOUT):
                for delay in _RECOVERY_DELAYS:
                    await asyncio.sleep(delay)
                    end = await self._recover_once(job, attempted) or end
                    if isinstance(end, Outcome):
                        self._settle(job, attempted)
                        break
        return end

    async def _recover_earlier(self, job: Job[Any], earlier: list[float]) -> _End:
        """Look for the result of earlier attempts instead of repeating them."""
        end: _End | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY_TIMEOUT):
                end = await self._recover_once(job, earlier[0])
        if isinstance(end, Outcome):
            for attempted in earlier:
                _discard(self._unknown, job.key, attempted)
        return end or Refusal(key=job.still_unknown, kind=HomeAssistantError)

    async def _recover_once(self, job: Job[Any], attempted: float) -> _End | None:
        """Return None if nothing was found or reading failed."""
        try:
            found = await job.recover(attempted)
        except BeeperError:
            return None
        if found is None or isinstance(found, Refusal):
            return found
        return self._remember(job, Outcome(result=found, recovered=True))

    def _settle(self, job: Job[Any], attempted: float) -> None:
        if job.idempotent:
            self._unknown.pop(job.key, None)
        else:
            _discard(self._unknown, job.key, attempted)

    def _remember(self, job: Job[Any], outcome: Outcome[Any]) -> Outcome[Any]:
        if job.window > 0:
            until = self._hass.loop.time() + job.window
            self._done[job.key] = (until, outcome)
            heappush(self._expiring, (until, next(self._count), job.key))
        return outcome

    def _forget_old(self) -> None:
        now = self._hass.loop.time()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, key = heappop(self._expiring)
            if key in self._done and self._done[key][0] <= now:
                del self._done[key]  # Unless it was done again in between.
        if not self._unknown:
            return
        running = {job.key for job in self._jobs.values()}
        for key in self._unknown.keys() - running:
            for attempted in list(self._unknown[key]):
                if attempted + _UNKNOWN_WINDOW <= now:
                    _discard(self._unknown, key, attempted)


def _discard[T](lists: dict[Hashable, list[T]], key: Hashable, item: T) -> None:
    """Remove an item of a job, and the list with the last; it may be gone already."""
    with suppress(KeyError, ValueError):
        lists[key].remove(item)
        if not lists[key]:
            del lists[key]
