"""Which messages are new, also after a restart, and which have changed since.

Stored for a restart are the cutoff, and the records of messages above it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from ..api.models import Message
from ..const import CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES, DOMAIN
from ..fingerprint import fingerprint
from .history_cutoffs import HistoryCutoffs
from .message_comparison import MessageChange, differences, followed_reactions, outline
from .message_records import FOLLOWED_FOR, MessageRecord, MessageRecords
from .read_positions import ReadPositions

_LOGGER = logging.getLogger(__name__)

_SAVE_DELAY: Final = 2
"""Seconds."""

_STORE_VERSION: Final = 1

_SAME_TIME: Final = 60
"""Seconds by which servers may correct a message's time."""

# Some servers also list reactions as rows.
_REACTION_TYPE: Final = "REACTION"


class SeenMessages:
    """The messages of one server that were seen; it outlives reloads of the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without messages."""
        self._entry = entry
        self._store = Store[dict[str, Any]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.messages"
        )
        self.records = MessageRecords()
        self.positions = ReadPositions(self._hash)
        self.history_cutoffs = HistoryCutoffs(self._hash)
        self._save_due = False
        self._was_renumbered = False
        self._read_until = 0.0
        """The highest cutoff before it was lowered. Older messages that were read then are
        no longer known, and not new."""
        self.server_off_by = 0.0
        """Seconds by which messages have shown the server's clock to be wrong, or 0."""
        self.cutoff = 0.0
        """The server's time in seconds; older messages are not published.

        It only advances, unless the server's clock is corrected.
        """

    async def async_load(self) -> bool:
        """Load the messages seen before a restart; return False on the first run."""
        if self.cutoff:
            return True
        if (stored := await self._store.async_load()) is None:
            return False
        self.cutoff = stored["floor"]
        self._read_until = stored.get("read_until", 0.0)
        self.server_off_by = stored.get("server_off_by", 0.0)
        self.records.load(stored["seen"])
        self.positions.load(stored.get("marks", {}))
        self.history_cutoffs.accounts = stored.get("accounts")
        return True

    async def async_save(self) -> None:
        """Save what must not be published again."""
        await self._store.async_save(self._to_store())

    async def async_remove(self) -> None:
        """Remove the stored data."""
        await self._store.async_remove()

    def _to_store(self) -> dict[str, Any]:
        self._save_due = False
        # A clock that is ahead can have advanced the cutoff too far.
        kept = min(self.cutoff, datetime.now(UTC).timestamp() - self._backlog)
        return {
            "floor": self.cutoff,
            "read_until": self._read_until,
            "server_off_by": self.server_off_by,
            "seen": self.records.to_store(kept),
            "marks": self.positions.to_store(),
            "accounts": self.history_cutoffs.accounts,
        }

    def start(self, time: float) -> None:
        """Ignore messages older than the first run, also if a clock is set back."""
        self.cutoff = self._read_until = time

    def advance_cutoff(self, now: datetime, *, exact: bool) -> None:
        """Advance the cutoff below which messages are ignored.

        `now` is the server's time, `exact` if the server stated it.
        """
        if exact and self.cutoff > now.timestamp():
            # A clock that was ahead must not hide messages until its time is reached.
            self.lower_cutoff(now)
        self.cutoff = max(self.cutoff, now.timestamp() - self._backlog)

    def lower_cutoff(self, now: datetime) -> None:
        """Set the cutoff back to that of a time: it came from a clock that was ahead."""
        cutoff = now.timestamp() - self._backlog
        if cutoff < self.cutoff:
            # What is newer is remembered, wherever the cutoff was.
            reached = min(self.cutoff, datetime.now(UTC).timestamp() - self._backlog)
            self._read_until = max(self._read_until, reached)
            self.cutoff = cutoff
            self.history_cutoffs.lower_cutoffs(now.timestamp())

    @property
    def _backlog(self) -> float:
        """Seconds for which late messages are new."""
        minutes: float = self._entry.options.get(
            CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES
        )
        return minutes * 60

    def _was_read(self, chat_id: str, message: Message, time: float) -> bool:
        """Return whether an unknown message was read before the cutoff was lowered."""
        if time >= self._read_until:
            return False
        is_included = self.positions.includes(chat_id, message)
        if is_included is None:
            return not self.history_cutoffs.is_new(chat_id)
        return is_included

    def forget_old(self) -> None:
        """Forget messages that are too old to be asked for."""
        self.records.forget_old(self.cutoff, self._backlog)

    @property
    def count(self) -> int:
        """The number of remembered messages."""
        return len(self.records)

    def has_seen(
        self, chat_id: str, message_id: str, written: datetime | None = None
    ) -> bool:
        """Return whether a message with this ID, and of this time, was compared already."""
        seen = self.records.get(self._key(chat_id, message_id))
        return seen is not None and (
            written is None or abs(written.timestamp() - seen.time) <= _SAME_TIME
        )

    def is_known(self, chat_id: str, message: Message) -> bool:
        """Return whether just this message was compared already."""
        seen = self.records.get(self._key(chat_id, message.id or ""))
        return seen is not None and not self._is_other(seen, message)

    def is_renumbered(self, chat_id: str, messages: Iterable[Message]) -> bool:
        """Return whether a message has the ID of another one that was seen before."""
        return any(
            self.has_seen(chat_id, message.id or "")
            and not self.is_known(chat_id, message)
            for message in messages
        )

    def is_recent(self, message: Message) -> bool:
        """Return whether a message is not too old to be new."""
        return (
            message.timestamp is not None
            and message.timestamp.timestamp() >= self.cutoff
        )

    def concerns(self, chat_id: str, message: Message) -> bool:
        """Return whether a message may be new or changed."""
        return self.has_seen(chat_id, message.id or "") or self.is_recent(message)

    def compare(
        self,
        chat_id: str,
        message: Message,
        *,
        is_self: bool,
        listed: Mapping[str, Message] | None = None,
    ) -> Iterator[MessageChange]:
        """Yield the changes of a message since it was last seen, and remember it.

        `listed` are all messages that were read together with it, by ID.
        """
        if message.id is None or message.timestamp is None:
            return
        key = self._key(chat_id, message.id)
        time, text = self._identity(message)
        now = MessageRecord(time=time, chat=self._hash(chat_id), text=text)
        seen = self.records.get(key)
        if seen and self._is_other(seen, message):
            self._note_renumbering()
            seen = None
        seen = seen or self._renumbered(chat_id, now, listed or {})
        before = seen.message if seen else None
        message = replace(message, reactions=followed_reactions(before, message))
        now = replace(now, message=outline(message))
        if before and before.is_deleted:
            return
        if seen is None and time < self.cutoff - FOLLOWED_FOR:
            return
        self._note(key, now)
        if message.is_hidden or message.is_event or message.type == _REACTION_TYPE:
            return
        if seen is None:
            cutoff = self.history_cutoffs.cutoff(chat_id, message.account_id)
            is_new = time >= max(self.cutoff, cutoff) and not message.is_deleted
            if is_new and not self._was_read(chat_id, message, time):
                yield MessageChange(
                    type="message_sent" if is_self else "message_received",
                    message=message,
                )
                yield from differences(replace(message, reactions=frozenset()), message)
        elif before:
            # Some servers give an edit no time.
            is_edited = (
                message.edited != before.edited if message.edited else text != seen.text
            )
            if is_edited and not message.is_deleted:
                yield MessageChange(type="message_edited", message=message)
            yield from differences(before, message)

    def note(self, chat_id: str, message: Message) -> None:
        """Remember a message without publishing it, to notice later changes."""
        for _ in self.compare(chat_id, message, is_self=False):
            pass

    def skip(self, chat_id: str, message: Message) -> None:
        """Remember a message that could not be read, so that it is not tried again."""
        if message.id and message.timestamp:
            self._note(
                self._key(chat_id, message.id),
                MessageRecord(
                    time=message.timestamp.timestamp(), chat=self._hash(chat_id)
                ),
            )

    def delete(self, chat_id: str, message_id: str) -> MessageChange | None:
        """Remember that a message is gone; return None if that is known."""
        key = self._key(chat_id, message_id)
        seen = self.records.get(key)
        if seen is None or seen.message is None or seen.message.is_deleted:
            return None
        deleted = replace(seen.message, is_deleted=True)
        self._note(key, replace(seen, message=deleted))
        return MessageChange(type="message_deleted", message=deleted)

    def _is_other(self, seen: MessageRecord, message: Message) -> bool:
        """Return whether another message has taken a known ID.

        IDs begin anew when Beeper moves to another computer or database.
        """
        time, text = self._identity(message)
        if abs(time - seen.time) > _SAME_TIME or (
            time != seen.time and bool(seen.text) and text != seen.text
        ):
            return True
        # Of several messages of one time, this one was seen before with another ID.
        _, known = self.records.find((time, text)) or ("", seen)
        return text != seen.text and known.chat == seen.chat and known is not seen

    def _renumbered(
        self, chat_id: str, now: MessageRecord, listed: Mapping[str, Message]
    ) -> MessageRecord | None:
        """Return a known message that has got another ID, or whose chat has."""
        if not now.text or (found := self.records.find(now.identity)) is None:
            return None
        known, seen = found
        if seen.chat == now.chat:
            is_same = not any(
                self._key(chat_id, other_id) == known
                and self._identity(other) == now.identity
                for other_id, other in listed.items()
            )
        else:
            # While the chats are not known, nothing is published twice.
            is_same = (
                not self.history_cutoffs.has_chats
                or self.history_cutoffs.is_new(chat_id)
                or self.history_cutoffs.is_gone(seen.chat)
            )
        return seen if is_same else None

    def _identity(self, message: Message) -> tuple[float, str]:
        time = message.timestamp.timestamp() if message.timestamp else 0
        text = " ".join((message.text or "").split())
        if message.is_deleted:
            return time, ""
        # Different people write the same at the same time, as at midnight.
        return time, self._hash(f"{message.sender_id}\0{text}")

    def _note_renumbering(self) -> None:
        if not self._was_renumbered:
            self._was_renumbered = True
            _LOGGER.warning(
                "Message IDs in Beeper restarted, for example after a move to another computer"
            )

    def _note(self, key: str, seen: MessageRecord) -> None:
        before = self.records.get(key)
        if seen.time >= self.cutoff and (before is None or before.time != seen.time):
            self.save_soon()
        self.records.put(key, seen)

    def save_soon(self) -> None:
        """Save within seconds."""
        # Only once until it is saved: each further call would postpone it.
        if not self._save_due:
            self._save_due = True
            self._store.async_delay_save(self._to_store, _SAVE_DELAY)

    def _key(self, chat_id: str, message_id: str) -> str:
        """Return a fingerprint: ids of chats can hold phone numbers."""
        return self._hash(f"{chat_id}\0{message_id}")

    def _hash(self, text: str) -> str:
        return fingerprint(self._entry, text)
