"""The file that records an attempt before its request is sent.

Home Assistant's storage replaces the whole file at each write, which takes several
times as long as the request. Here, a record is appended, and the disk confirms it.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
import logging
import os
from pathlib import Path
from typing import Any, Final, TypedDict, TypeGuard

from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from homeassistant.util.json import json_loads_object

_LOGGER: Final = logging.getLogger(__name__)


class StoredAttempt(TypedDict):
    """An attempt as it is stored: hashes and times, no content and no recipient.

    `at` is a timestamp, `window` is in seconds: for so long, a repeated request looks
    for the result. `keys` is empty in the last record of a settled attempt.
    """

    id: int
    keys: list[str]
    at: float
    window: float


class AttemptJournal:
    """The stored attempts of one config entry: a repeated request looks for their results."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Start with nothing to write."""
        self._hass = hass
        self._path = path
        self._open: set[int] = set()
        self._waiting: list[StoredAttempt] = []
        self._lock = asyncio.Lock()

    async def async_load(self) -> Collection[StoredAttempt]:
        """Return the attempts whose window has not passed."""
        records = await self._hass.async_add_executor_job(
            self._read, dt_util.utcnow().timestamp()
        )
        self._open = set(records)
        return records.values()

    async def async_append(self, records: Iterable[StoredAttempt]) -> None:
        """Return when the disk has the records.

        A later record of an attempt replaces the earlier one. Records that wait for
        the disk are written together.
        """
        for record in records:
            if record["keys"]:
                self._open.add(record["id"])
            else:
                self._open.discard(record["id"])
            self._waiting.append(record)
        batch = self._waiting
        async with self._lock:
            if batch is not self._waiting:
                return
            self._waiting = []
            await self._hass.async_add_executor_job(
                self._write, batch if self._open else []
            )

    async def async_remove(self) -> None:
        """Delete the file."""
        async with self._lock:
            await self._hass.async_add_executor_job(self._path.unlink, True)

    def _read(self, now: float) -> dict[int, StoredAttempt]:
        records: dict[int, StoredAttempt] = {}
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return records
        except OSError as err:
            _LOGGER.error("%s cannot be read: %s", self._path.name, err.strerror)
            return records
        for line in lines:
            # It may be cut off, because Home Assistant was killed, or be damaged.
            with suppress(ValueError):
                record = json_loads_object(line)
                if _is_attempt(record):
                    records[record["id"]] = record
        return {
            number: record
            for number, record in records.items()
            if record["keys"] and now < record["at"] + record["window"]
        }

    def _write(self, records: list[StoredAttempt]) -> None:
        """Append records, or empty the file if there are none: nothing in it is needed."""
        try:
            if is_new := not self._path.exists():
                self._path.parent.mkdir(exist_ok=True)
            with self._path.open("ab" if records else "wb") as file:
                # A line that was cut off ends here.
                file.writelines(b"\n" + json_bytes(record) for record in records)
                file.flush()
                os.fsync(file.fileno())
            if is_new:
                _sync_folder(self._path.parent)
        except OSError as err:
            # As with Home Assistant's own storage, the request goes on without it.
            _LOGGER.error("%s cannot be written: %s", self._path.name, err.strerror)


def _is_attempt(record: Mapping[str, Any]) -> TypeGuard[StoredAttempt]:
    keys, times = record.get("keys"), (record.get("at"), record.get("window"))
    return (
        isinstance(record.get("id"), int)
        and isinstance(keys, list)
        and all(isinstance(key, str) for key in keys)
        and all(isinstance(time, int | float) for time in times)
    )


def _sync_folder(folder: Path) -> None:
    """Let the disk also have the name of a new file."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
