"""All outgoing requests: deduplicated, attempted once, recovered by reading.

Each request runs in a task that the caller can leave but not stop, and ends as done,
not done or unknown. While an outcome is unknown, a repeated request looks for the
result of the first one instead of being sent.
"""

import asyncio
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.transport import REQUEST_TIMEOUT
from ..const import CONF_READ_ONLY
from ..errors import Refusal
from ..server import Server
from .attempts import Attempt, Attempts
from .chat_queue import ChatQueues
from .job import End, Job, OutboxContext, Outcome
from .limits import Limits
from .network_rules import NetworkRules
from .recent_results import RecentResults
from .recipient_queue import RecipientQueue
from .reply_loop import ReplyLoopGuard
from .running_jobs import Run, RunningJobs
from .sent_messages import SentMessages

_RECOVERY_DELAYS: Final = (0, 2, 3, 5)
"""Seconds to wait before each search for the result of an unknown attempt."""

_UNREPORTED_WINDOW: Final = 5
"""Seconds for which a result without a caller is returned to the same request."""

_IDENTIFY_TIMEOUT: Final = 5
"""Seconds that a request waits to learn whether an unknown attempt was for it."""

_RECOVERY_TIMEOUT: Final = 20
"""Seconds for all searches together: a server may hang."""


class Outbox:
    """What one config entry sends; it outlives reloads of the entry."""

    context: OutboxContext

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start with nothing sent."""
        self._hass = hass
        self._entry = entry
        self._limits = Limits(hass, entry)
        self._rules = NetworkRules()
        self._chat_queues = ChatQueues()
        self._recipients = RecipientQueue()
        self.sent = SentMessages(hass, entry)
        self._running = RunningJobs(hass, self._work)
        self._attempts = Attempts(hass, entry)
        self._results = RecentResults[Outcome[Any]](hass, self._attempts)
        self._is_open = False

    @callback
    def bind(self, server: Server) -> None:
        """Let later jobs use the server of a reloaded entry."""
        self._is_open = True
        self.context = OutboxContext(
            server=server,
            limits=self._limits,
            rules=self._rules,
            chat_queues=self._chat_queues,
            recipients=self._recipients,
            sent=self.sent,
        )

    @property
    def replies(self) -> ReplyLoopGuard:
        """Return what stops automations that answer each other."""
        return self._limits.replies

    async def async_load(self) -> None:
        """Load the state that survives a restart."""
        await self._limits.chat_creations.async_load()
        await self._attempts.async_load()
        await self.sent.async_load()

    async def async_remove(self) -> None:
        """Remove the stored state."""
        self._limits.replies.remove()
        await self._limits.chat_creations.async_remove()
        await self._attempts.async_remove()
        await self.sent.async_remove()

    async def async_close(self) -> None:
        """Refuse new jobs until the entry is loaded again, and wait for running ones."""
        self._is_open = False
        await self.async_wait()

    async def async_wait(self) -> None:
        """Wait for running jobs, as long as one request may take."""
        await self._running.wait(REQUEST_TIMEOUT)

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many requests are running, remembered and unknown."""
        self._forget_old()
        return {
            "running": self._running.count,
            "remembered": self._results.count,
            "unknown": self._attempts.unknown_count,
        }

    def _forget_old(self) -> None:
        self._results.forget_old()
        self._attempts.forget_old()

    async def run[ResultT](
        self, job: Job[ResultT], *, allow_repeat: bool = False
    ) -> Outcome[ResultT]:
        """Run a job, unless the same one is running or was done just before.

        Raises a translated HomeAssistantError that says whether nothing was done or
        the outcome is unknown.
        """
        if not self._is_open:
            raise errors.failed("unloaded")
        if self._entry.options.get(CONF_READ_ONLY, False):
            raise errors.invalid("read_only")
        self._forget_old()
        joined: Run | None = None
        if not allow_repeat:
            if known := self._results.recall(job.keys):
                return replace(known, duplicate=True)
            joined = self._running.find(job)
        run = joined or self._running.start(job, allow_repeat=allow_repeat)
        run.callers += 1
        try:
            # Cancelling the caller does not cancel the attempt.
            end = await asyncio.shield(run.task)
        except asyncio.CancelledError:
            run.callers -= 1
            task = run.task
            if task.done() and not task.cancelled() and not task.exception():
                self._keep_unreported(run, task.result())
            raise
        if isinstance(end, Refusal):
            raise end.error()
        outcome: Outcome[ResultT] = end
        return replace(outcome, duplicate=True) if joined else outcome

    async def _work(self, run: Run) -> End:
        """Run a job in its slot, or look for the result of an earlier attempt."""
        job = run.job
        async with job.slot():
            # Who or which chat it is for is known only now.
            if not run.allow_repeat and (same := self._same(run)):
                self._keep_unreported(run, same)
                return same
            # Attempts that begin later are not settled by this search.
            earlier = [] if run.allow_repeat else await self._find_earlier(job)
            end = None if earlier else await self._attempt(job)
            if end and not isinstance(end, Attempt):
                self._running.note_end(job, end)
                # The next job in the queue may be the same.
                self._keep_unreported(run, end)
                return end
        if isinstance(end, Attempt):
            try:
                found = await self._recover(job, end)
            finally:
                end.is_running = False
            if not isinstance(found, Outcome):
                job.give_up()
        else:
            found = await self._recover_earlier(job, earlier)
        self._keep_unreported(run, found)
        return found

    def _keep_unreported(self, run: Run, end: End) -> None:
        """Keep a result whose caller is gone for the same request of another caller."""
        if run.is_abandoned and isinstance(end, Outcome) and not run.job.idempotent:
            self._results.remember(run.job.keys, end, _UNREPORTED_WINDOW, once=True)

    def _same(self, run: Run) -> End | None:
        """Return how the same request ended, written in another way.

        It was running when this job was started, or done just before.
        """
        same = self._running.end_of_same(run) or self._results.recall(run.job.keys)
        return replace(same, duplicate=True) if isinstance(same, Outcome) else same

    async def _find_earlier(self, job: Job[Any]) -> list[Attempt]:
        """Return the attempts with an unknown outcome that this job may repeat."""
        if not self._attempts.has_unknown:
            return []
        if earlier := self._attempts.find_unknown(self._hashes(job, related=True)):
            return earlier
        unread: set[Hashable] = set()
        try:
            async with asyncio.timeout(_IDENTIFY_TIMEOUT):
                await job.identify()
        except BeeperError, TimeoutError:
            # The recipient may be that of an earlier request.
            unread = job.unread_keys
        hashes = self._hashes(job, related=True) | self._attempts.hashes(unread)
        return self._attempts.find_unknown(hashes)

    def _hashes(self, job: Job[Any], *, related: bool = False) -> set[str]:
        """Return the hashes of the keys to store, or `related`: of those to look for."""
        keys = {*job.keys, *job.loose_keys}
        keys |= job.related_keys if related else job.partial_keys
        return self._attempts.hashes(keys)

    async def _attempt(self, job: Job[Any]) -> End | Attempt:
        """Run a job once; returns the attempt if its outcome is unknown."""
        try:
            await job.prepare()
        except errors.NotDoneError as err:
            return err.refusal
        attempt = self._attempts.begin(self._hashes(job))
        try:
            return await self._attempt_once(job, attempt)
        except BaseException:
            # Whatever ended it, the request may have run.
            attempt.is_running, attempt.is_unknown = False, True
            job.give_up()
            raise

    async def _attempt_once(self, job: Job[Any], attempt: Attempt) -> End | Attempt:
        """Send the request, and record how it ended."""
        if job.creates_chat:
            await self._attempts.async_store(attempt)
        try:
            result = await job.attempt()
        except BeeperError as err:
            self.context.server.start_reauth_if_refused(err)
            if err.may_have_run:
                attempt.is_unknown = True
                return attempt
            self._attempts.settle(attempt)
            job.undo()
            return job.refusal(err)
        except errors.NotDoneError as err:
            self._attempts.settle(attempt)
            job.undo()
            return err.refusal
        finally:
            if job.answer:
                self.replies.sent(job.answer)
        self._settle(job, attempt)
        return self._remember(job, Outcome(result=result), attempt.attempted)

    async def _recover(self, job: Job[Any], attempt: Attempt) -> End:
        """Look for the result of an attempt several times, as servers take time."""
        self._attempts.keep(attempt, self._hashes(job))
        end: End = Refusal(key=job.unknown, kind=HomeAssistantError)
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY_TIMEOUT):
                for delay in _RECOVERY_DELAYS:
                    await asyncio.sleep(delay)
                    end = await self._recover_once(job, attempt.attempted) or end
                    if isinstance(end, Outcome):
                        self._settle(job, attempt)
                        return end
        # The new identities also identify a repeated request.
        self._attempts.keep(attempt, self._hashes(job))
        return end

    async def _recover_earlier(self, job: Job[Any], earlier: list[Attempt]) -> End:
        """Look for the result of earlier attempts instead of repeating them."""
        end: End | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_RECOVERY_TIMEOUT):
                end = await self._recover_once(job, earlier[0].attempted)
        if isinstance(end, Outcome):
            # An attempt that shares only partial keys may be for another person.
            for attempt in self._attempts.find(self._hashes(job, related=True)):
                if attempt in earlier:
                    self._attempts.settle(attempt)
        return end or Refusal(key=job.still_unknown, kind=HomeAssistantError)

    async def _recover_once(self, job: Job[Any], attempted: float) -> End | None:
        """Return None if nothing was found or reading failed."""
        try:
            found = await job.recover(attempted)
        except BeeperError:
            return None
        if found is None or isinstance(found, Refusal):
            return found
        return self._remember(job, Outcome(result=found, recovered=True), attempted)

    def _settle(self, job: Job[Any], attempt: Attempt) -> None:
        """Forget an attempt, and earlier ones that it makes irrelevant."""
        if job.idempotent:
            for earlier in self._attempts.find(attempt.keys):
                if not earlier.is_running:
                    self._attempts.settle(earlier)
        self._attempts.settle(attempt)

    def _remember(
        self, job: Job[Any], outcome: Outcome[Any], attempted: float
    ) -> Outcome[Any]:
        if job.window > 0:
            self._results.remember(
                job.keys,
                outcome,
                job.window,
                attempted=attempted if job.creates_chat else None,
            )
        return outcome
