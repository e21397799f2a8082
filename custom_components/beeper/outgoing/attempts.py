"""Attempts with an unknown outcome, which a repeated request looks for.

They survive a restart: an automation that runs when Home Assistant starts must not
repeat one. Stored are hashes and times, no content and no recipient.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from .attempt_journal import AttemptJournal, StoredAttempt

_SAVE_DELAY: Final = 1
"""Seconds."""

UNKNOWN_WINDOW: Final = 10 * 60
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
    stored_as: int | None = None
    """Its number on the disk."""
    window: float = UNKNOWN_WINDOW
    """Seconds for which a repeated request looks for its result."""


class Attempts:
    """The attempts of one config entry; they outlive reloads.

    Times are the event loop's: a changed clock does not affect them.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without attempts."""
        self._hass = hass
        self._salt = entry.entry_id.encode()
        path = hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry.entry_id}.attempts")
        self._journal = AttemptJournal(hass, Path(path))
        self._unwritten: list[StoredAttempt] = []
        self._cancel_write: CALLBACK_TYPE | None = None
        self._cancel_final_write: CALLBACK_TYPE | None = None
        self._attempts: dict[str, list[Attempt]] = {}
        self._stored_ids = count()
        self._is_removed = False

    async def async_load(self) -> None:
        """Load the attempts from before a restart."""
        now, wall = self._hass.loop.time(), dt_util.utcnow().timestamp()
        stored_id = 0
        for stored in await self._journal.async_load():
            stored_id = max(stored_id, stored["id"])
            attempt = Attempt(
                keys={*stored["keys"]},
                attempted=now - max(0.0, wall - stored["at"]),
                is_running=False,
                is_unknown=True,
                stored_as=stored["id"],
                window=stored["window"],
            )
            self._add(attempt, attempt.keys)
        self._stored_ids = count(stored_id + 1)
        self._cancel_final_write = self._hass.bus.async_listen(
            EVENT_HOMEASSISTANT_FINAL_WRITE, self._async_write
        )

    async def async_remove(self) -> None:
        """Delete the stored attempts, for good: an attempt may still be running."""
        self._is_removed = True
        for cancel in (self._cancel_write, self._cancel_final_write):
            if cancel:
                cancel()
        await self._journal.async_remove()

    def hashes(self, keys: Iterable[Hashable]) -> set[str]:
        """Return the keys as they may be stored."""
        return {
            blake2b(json_bytes(key), digest_size=12, key=self._salt).hexdigest()
            for key in keys
        }

    def begin(self, keys: set[str]) -> Attempt:
        """Record that a request is about to be sent."""
        attempt = Attempt(keys=keys, attempted=self._hass.loop.time())
        self._add(attempt, keys)
        return attempt

    async def async_store(self, attempt: Attempt) -> None:
        """Write an attempt before its request leaves: the process may be killed."""
        if not self._is_removed:
            await self._journal.async_append([self._record(attempt)])

    def keep(self, attempt: Attempt, keys: set[str]) -> None:
        """Keep an attempt whose outcome is unknown, under all that is known now."""
        self._add(attempt, keys - attempt.keys)
        attempt.keys |= keys
        self._unwritten.append(self._record(attempt))
        self._hass.async_create_task(self._async_write(), f"{DOMAIN} attempts")

    def settle(self, attempt: Attempt) -> None:
        """Forget an attempt whose outcome is known."""
        for key in attempt.keys:
            attempts = self._attempts.get(key, [])
            if attempt in attempts:
                attempts.remove(attempt)
                if not attempts:
                    del self._attempts[key]
        if attempt.stored_as is not None:
            self.forget_stored(attempt.stored_as)

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

    def _record(self, attempt: Attempt) -> StoredAttempt:
        if attempt.stored_as is None:
            attempt.stored_as = next(self._stored_ids)
        return self._stored(
            attempt.stored_as, attempt.keys, attempt.attempted, attempt.window
        )

    def _stored(
        self, stored_as: int, keys: set[str], attempted: float, window: float
    ) -> StoredAttempt:
        offset = dt_util.utcnow().timestamp() - self._hass.loop.time()
        return {
            "id": stored_as,
            "keys": [*keys],
            "at": attempted + offset,
            "window": window,
        }

    def store_result(
        self, keys: Iterable[Hashable], attempted: float, until: float
    ) -> int:
        """Store a result as an attempt, for after a restart; return its number.

        `until` is the time for which a repeated request then looks for it.
        """
        stored_as = next(self._stored_ids)
        self._write_later(
            self._stored(stored_as, self.hashes(keys), attempted, until - attempted)
        )
        return stored_as

    def forget_stored(self, stored_as: int) -> None:
        """Record that an attempt or a result, stored under this number, is settled."""
        self._write_later({"id": stored_as, "keys": [], "at": 0, "window": 0})

    @callback
    def _write_later(self, record: StoredAttempt) -> None:
        """Write a record, together with others: nothing has to wait for it."""
        self._unwritten.append(record)
        if not self._cancel_write and not self._is_removed:
            self._cancel_write = async_call_later(
                self._hass, _SAVE_DELAY, self._async_write
            )

    async def _async_write(self, _: datetime | Event | None = None) -> None:
        if self._cancel_write:
            self._cancel_write()
            self._cancel_write = None
        records, self._unwritten = self._unwritten, []
        if records and not self._is_removed:
            await self._journal.async_append(records)

    def forget_old(self) -> None:
        """Forget attempts older than their windows."""
        now = self._hass.loop.time()
        for attempt in self._all():
            if not attempt.is_running and attempt.attempted + attempt.window <= now:
                self.settle(attempt)

    @property
    def unknown_count(self) -> int:
        """The number of attempts with an unknown outcome."""
        return sum(not attempt.is_running for attempt in self._all())
