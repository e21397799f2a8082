"""The records of the messages that were seen, and how long they are kept.

Stored for a restart are a time and two short hashes of a message, without any content or
sender.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ..api.models import Message

_FOLLOWED: Final = 2000
FOLLOWED_FOR: Final = 24 * 60 * 60
"""Seconds for which, and number of messages of which, later changes are noticed."""

_FUTURE: Final = 60 * 60
"""Seconds that the time of a message may be ahead: clocks differ."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageRecord:
    """A message as it was last seen.

    `message` is an outline, and None if that was before a restart, or if many others are
    newer. `time` is when it was written, in seconds since the epoch. `chat` and `text`
    are short hashes, empty if unknown.
    """

    time: float
    chat: str = ""
    text: str = ""
    message: Message | None = None

    @property
    def identity(self) -> tuple[float, str]:
        """What stays when a server gives the message or its chat another ID."""
        return (self.time, self.text)


class MessageRecords:
    """The records of messages, by a hash of their IDs, and by their time and text."""

    def __init__(self) -> None:
        """Start without records."""
        self.by_key: dict[str, MessageRecord] = {}
        self.by_identity: dict[tuple[float, str], tuple[str, MessageRecord]] = {}
        """Records with their key, also after another message has taken their ID."""

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.by_key)

    def get(self, key: str) -> MessageRecord | None:
        """Return the record of the message with an ID."""
        return self.by_key.get(key)

    def find(self, identity: tuple[float, str]) -> tuple[str, MessageRecord] | None:
        """Return the record of the message of a time and text, with its key."""
        return self.by_identity.get(identity)

    def put(self, key: str, record: MessageRecord) -> None:
        """Keep a record, instead of the one with the same key."""
        self.by_key[key] = record
        if record.text:
            self.by_identity[record.identity] = (key, record)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Add the records from before a restart."""
        for key, row in stored.items():
            # Earlier versions stored the time only.
            time, chat, text = row if isinstance(row, list) else (row, "", "")
            self.put(key, MessageRecord(time=time, chat=chat, text=text))

    def to_store(self, oldest: float) -> dict[str, list[Any]]:
        """Return the records as they are stored, without those before a time."""
        # A message whose ID another one has taken is stored by its time and text.
        without_id = {
            f"{key}{record.text}": record
            for key, record in self.by_identity.values()
            if self.by_key.get(key) is not record
        }
        return {
            key: [record.time, record.chat, record.text]
            for key, record in (without_id | self.by_key).items()
            if record.time >= oldest
        }

    def forget_old(self, cutoff: float, backlog: float) -> None:
        """Forget messages that are too old to be asked for.

        `cutoff` is the time below which messages are ignored, `backlog` the seconds for
        which late messages are new.
        """
        # Messages with a time to come must not take the place of others.
        now = datetime.now(UTC).timestamp()
        # Home Assistant's clock can be behind.
        future = max(now, cutoff + backlog) + _FUTURE
        times = sorted(record.time for record in self.by_key.values())
        present = bisect_right(times, future)
        followed = times[max(0, present - _FOLLOWED) : present]
        oldest_followed = max([cutoff - FOLLOWED_FOR, *followed[:1]])
        ahead = times[present:][:_FOLLOWED][-1:]
        last_followed = max([future, *ahead])
        oldest = min(cutoff, oldest_followed, now - backlog)
        without_outline: dict[int, MessageRecord] = {}

        def keep(record: MessageRecord) -> MessageRecord:
            """Return a record without its outline if it is not followed any more."""
            if (
                record.message is None
                or oldest_followed <= record.time <= last_followed
            ):
                return record
            return without_outline.setdefault(id(record), replace(record, message=None))

        self.by_key = {
            key: keep(record)
            for key, record in self.by_key.items()
            if record.time >= oldest
        }
        self.by_identity = {
            identity: (key, keep(record))
            for identity, (key, record) in self.by_identity.items()
            if record.time >= oldest
        }
