"""Attempts with an unknown outcome, and results that a repeated request returns.

Attempts survive a restart: an automation that runs when Home Assistant starts must not
repeat one. Stored are hashes and times, no content and no recipient.
"""

import asyncio
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count, takewhile
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import DOMAIN

_STORE_VERSION: Final = 1
_SAVE_DELAY: Final = 1
_RECENT: Final = 3 * _SAVE_DELAY
"""Seconds after which a result is on the disk for certain."""

_UNKNOWN_WINDOW: Final = 10 * 60
"""Seconds for which a repeated request looks for the first one's result."""


@dataclass(kw_only=True, repr=False, eq=False)
class Attempt:
    """A request that was sent, and may have run.

    `keys` are hashes of all that identifies it, `attempted` is the event loop's time.
    `is_running`: it is waited for, or its result is looked for. `is_unknown`: the
    request has ended, and may have run.
    """

    keys: set[str]
    attempted: float
    is_running: bool = True
    is_unknown: bool = False
    is_stored: bool = False
    is_written: bool = False
    """The disk has it."""
    window: float = _UNKNOWN_WINDOW
    """Seconds for which a repeated request looks for its result."""


@dataclass(kw_only=True, repr=False, eq=False)
class _Result[ResultT]:
    outcome: ResultT
    until: float
    keys: set[str] = field(default_factory=set)
    attempted: float | None = None
    """Set if a repeated request looks for the result after a restart."""
    remembered: float = 0
    once: bool = False
    """Only the next request returns it."""


class AttemptLog[ResultT]:
    """The attempts and results of one config entry; it outlives reloads.

    Times are the event loop's: a changed clock does not affect them.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without attempts."""
        self._hass = hass
        self._salt = entry.entry_id.encode()
        self._store = Store[list[dict[str, Any]]](
            hass,
            _STORE_VERSION,
            f"{DOMAIN}.{entry.entry_id}.attempts",
            atomic_writes=True,  # It must survive a power failure.
        )
        # Many, and in no hurry: what is written before a request stays small.
        self._results_store = Store[list[dict[str, Any]]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.results"
        )
        self._attempts: dict[str, list[Attempt]] = {}
        self._results: dict[str, _Result[ResultT]] = {}
        self._expiring: list[tuple[float, int, _Result[ResultT]]] = []
        self._count = count()
        self._write_lock = asyncio.Lock()
        self._is_removed = False

    async def async_load(self) -> None:
        """Load the attempts from before a restart."""
        now, wall = self._hass.loop.time(), dt_util.utcnow().timestamp()
        for stored in (
            *(await self._store.async_load() or ()),
            *(await self._results_store.async_load() or ()),
        ):
            age = max(0.0, wall - stored["at"])
            window = stored.get("window", _UNKNOWN_WINDOW)
            if age < window:
                attempt = Attempt(
                    keys={*stored["keys"]},
                    attempted=now - age,
                    is_running=False,
                    is_unknown=True,
                    is_stored=True,
                    window=window,
                )
                self._add(attempt, attempt.keys)

    async def async_remove(self) -> None:
        """Delete the stored attempts, for good: an attempt may still be running."""
        self._is_removed = True
        await self._store.async_remove()
        await self._results_store.async_remove()

    def hashes(self, keys: Iterable[Hashable]) -> set[str]:
        """Return the keys as they may be stored."""
        return {
            blake2b(json_bytes(key), digest_size=12, key=self._salt).hexdigest()
            for key in keys
        }

    # Attempts

    def begin(self, keys: set[str]) -> Attempt:
        """Record that a request is about to be sent."""
        attempt = Attempt(keys=keys, attempted=self._hass.loop.time())
        self._add(attempt, keys)
        return attempt

    async def async_store(self, attempt: Attempt) -> None:
        """Write an attempt before its request leaves: the process may be killed.

        Attempts that wait for the disk are written together.
        """
        attempt.is_stored = True
        async with self._write_lock:
            if attempt.is_written or self._is_removed:
                return
            attempts = [stored for stored in self._all() if stored.is_stored]
            await self._store.async_save(self._to_store())
            for stored in attempts:
                stored.is_written = True

    def keep(self, attempt: Attempt, keys: set[str]) -> None:
        """Keep an attempt whose outcome is unknown, under all that is known now."""
        self._add(attempt, keys - attempt.keys)
        attempt.keys |= keys
        self._save(attempt, is_stored=True)

    def settle(self, attempt: Attempt) -> None:
        """Forget an attempt whose outcome is known."""
        for key in attempt.keys:
            attempts = self._attempts.get(key, [])
            if attempt in attempts:
                attempts.remove(attempt)
                if not attempts:
                    del self._attempts[key]
        if attempt.is_stored:
            self._save(attempt, is_stored=False, delay=_SAVE_DELAY)

    def find(self, keys: Iterable[str]) -> list[Attempt]:
        """Return the attempts that share a key, the oldest first."""
        found = {
            id(attempt): attempt
            for key in keys
            for attempt in self._attempts.get(key, ())
        }
        return sorted(found.values(), key=lambda attempt: attempt.attempted)

    def find_unknown(self, keys: Iterable[str]) -> list[Attempt]:
        """Return the attempts that share a key and may have run, the oldest first."""
        return [attempt for attempt in self.find(keys) if attempt.is_unknown]

    @property
    def has_unknown(self) -> bool:
        """Return whether a request has ended that may have run."""
        return any(
            attempt.is_unknown
            for attempts in self._attempts.values()
            for attempt in attempts
        )

    def _add(self, attempt: Attempt, keys: Iterable[str]) -> None:
        for key in keys:
            self._attempts.setdefault(key, []).append(attempt)

    def _all(self) -> list[Attempt]:
        return self.find(self._attempts)

    def _save(self, attempt: Attempt, *, is_stored: bool, delay: float = 0) -> None:
        attempt.is_stored = is_stored
        if not self._is_removed:
            self._store.async_delay_save(self._to_store, delay)

    def _to_store(self) -> list[dict[str, Any]]:
        """Return the attempts, and results that may not be on the disk yet."""
        now = self._hass.loop.time()
        offset = dt_util.utcnow().timestamp() - now
        recent = takewhile(
            lambda result: now < result.remembered + _RECENT,
            reversed(self._results.values()),
        )
        return self._stored_results(recent) + [
            {
                "keys": sorted(attempt.keys),
                "at": attempt.attempted + offset,
                "window": attempt.window,
            }
            for attempt in self._all()
            if attempt.is_stored
        ]

    def _results_to_store(self) -> list[dict[str, Any]]:
        return self._stored_results(self._results.values())

    def _stored_results(
        self, results: Iterable[_Result[ResultT]]
    ) -> list[dict[str, Any]]:
        offset = dt_util.utcnow().timestamp() - self._hass.loop.time()
        return [
            {
                "keys": sorted(result.keys),
                "at": result.attempted + offset,
                "window": result.until - result.attempted,
            }
            for result in {id(result): result for result in results}.values()
            if result.attempted is not None
        ]

    # Results

    def remember(
        self,
        keys: set[str],
        outcome: ResultT,
        window: float,
        *,
        attempted: float | None = None,
        once: bool = False,
    ) -> None:
        """Let a repeated request return this for a number of seconds, or only `once`.

        With the time when it was `attempted`, a repeated request after a restart looks
        for the result.
        """
        now = self._hass.loop.time()
        if once and any(key in self._results for key in keys):
            return  # It is remembered for longer.
        result = _Result(
            outcome=outcome,
            until=now + window,
            keys=keys,
            attempted=attempted,
            remembered=now,
            once=once,
        )
        if attempted is not None and not self._is_removed:
            self._results_store.async_delay_save(self._results_to_store, _SAVE_DELAY)
        for key in keys:
            self._results.pop(key, None)  # The newest stand last.
            self._results[key] = result
        heappush(self._expiring, (result.until, next(self._count), result))

    def recall(self, keys: Iterable[str]) -> ResultT | None:
        """Return the result of the same request made just before."""
        for key in keys:
            if result := self._results.get(key):
                if result.once:
                    self._forget(result)
                return result.outcome
        return None

    def _forget(self, result: _Result[ResultT]) -> None:
        for key in result.keys:
            # The same request may have been made again since.
            if self._results.get(key) is result:
                del self._results[key]

    # Both

    def forget_old(self) -> None:
        """Forget results and attempts older than their windows."""
        now = self._hass.loop.time()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, result = heappop(self._expiring)
            self._forget(result)
        if self._attempts:
            for attempt in self._all():
                if not attempt.is_running and attempt.attempted + attempt.window <= now:
                    self.settle(attempt)

    @property
    def statistics(self) -> dict[str, int]:
        """The numbers of remembered results and of attempts with unknown outcome."""
        return {
            "remembered": len({id(result) for result in self._results.values()}),
            "unknown": sum(not attempt.is_running for attempt in self._all()),
        }
