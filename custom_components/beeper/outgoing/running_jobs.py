"""The running jobs of an outbox, and which later calls share their outcomes."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from .job import End, Job


@dataclass(kw_only=True, repr=False, eq=False)
class Run:
    """A running job, and how many callers wait for it.

    `number` is its place in the order of the calls.
    """

    job: Job[Any]
    number: int
    allow_repeat: bool
    task: asyncio.Task[End] = field(init=False)
    callers: int = 0

    @property
    def is_abandoned(self) -> bool:
        """Return whether all callers were cancelled, as by an automation's restart."""
        return not self.callers


class RunningJobs:
    """Each job runs in a task that its callers cannot stop."""

    def __init__(
        self, hass: HomeAssistant, work: Callable[[Run], Coroutine[Any, Any, End]]
    ) -> None:
        """Start without jobs; `work` runs one."""
        self._hass = hass
        self._work = work
        self._runs: dict[asyncio.Task[End], Run] = {}
        self._by_key: dict[Hashable, list[Run]] = {}
        self._ended: dict[Hashable, tuple[int, End]] = {}
        self._numbers = count()

    @property
    def count(self) -> int:
        """The number of running jobs."""
        return len(self._runs)

    async def wait(self, timeout: float) -> None:
        """Wait until all are done, for `timeout` seconds at most."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=timeout)

    def find(self, job: Job[Any]) -> Run | None:
        """Return the running job whose outcome is also this one's."""
        for key in job.join_keys:
            if key in self._by_key:
                return self._by_key[key][-1]
        # The outcome of an abandoned run belongs to the next request for the same.
        keys = job.keys
        return next(
            (
                run
                for run in self._runs.values()
                if run.is_abandoned and not keys.isdisjoint(run.job.keys)
            ),
            None,
        )

    def start(self, job: Job[Any], *, allow_repeat: bool) -> Run:
        """Start a job that a later identical one can join."""
        run = Run(job=job, number=next(self._numbers), allow_repeat=allow_repeat)
        run.task = task = self._hass.async_create_task(
            self._work(run), f"{DOMAIN} {job.name}", eager_start=False
        )
        self._runs[task] = run
        join_keys = job.join_keys
        for key in join_keys:
            self._by_key.setdefault(key, []).append(run)

        def finished(_: asyncio.Task[End]) -> None:
            del self._runs[task]
            if not self._runs:
                self._ended.clear()
            for key in join_keys:
                self._by_key[key].remove(run)
                if not self._by_key[key]:
                    del self._by_key[key]

        task.add_done_callback(finished)
        return run

    def note_end(self, job: Job[Any], end: End) -> None:
        """Note how a job ended, for the same ones that were started while it ran."""
        ended = (next(self._numbers), end)
        self._ended.update(dict.fromkeys(job.join_keys, ended))

    def end_of_same(self, run: Run) -> End | None:
        """Return how the same job ended, if it was running when this one was started."""
        for key in run.job.join_keys:
            ended, end = self._ended.get(key, (-1, None))
            if end and ended > run.number:
                return end
        return None
