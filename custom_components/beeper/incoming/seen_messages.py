"""Which messages were published, and how they were when they were last read.

Stored for a restart are the cutoff and a fingerprint of each message above it, without
any content or sender.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from ..api.models import Message, Reaction
from ..const import CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES, DOMAIN
from ..signals import MessageEventType

_SAVE_DELAY: Final = 2
_STORE_VERSION: Final = 1

_FOLLOWED_FOR: Final = 24 * 60 * 60
_FOLLOWED: Final = 2000
"""Seconds for which, and number of messages of which, later changes are noticed."""

# Some servers list reactions as rows, too.
_REACTION_TYPE: Final = "REACTION"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageChange:
    """A new message, or a change of one."""

    type: MessageEventType
    message: Message
    reaction: Reaction | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _Seen:
    """A message as it was last seen.

    `message` has no text, and is None if that was before a restart. `time` is when it
    was written, in seconds since the epoch. `text` is a short hash.
    """

    time: float
    message: Message | None = None
    text: str | None = None


class SeenMessages:
    """The messages of one server that were seen; it outlives reloads of the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without messages."""
        self._entry = entry
        self._store = Store[dict[str, Any]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.messages"
        )
        self._seen: dict[str, _Seen] = {}
        self._save_due = False
        self.cutoff = 0.0
        """The server's time in seconds; older messages are not published.

        It only advances, unless the server's clock is corrected.
        """

    async def async_load(self) -> bool:
        """Load what was seen before a restart; return False on the first run."""
        if self.cutoff:
            return True
        if (stored := await self._store.async_load()) is None:
            return False
        self.cutoff = stored["floor"]
        self._seen = {key: _Seen(time=time) for key, time in stored["seen"].items()}
        return True

    async def async_save(self) -> None:
        """Save what must not be published again."""
        await self._store.async_save(self._to_store())

    async def async_remove(self) -> None:
        """Remove the stored data."""
        await self._store.async_remove()

    def _to_store(self) -> dict[str, Any]:
        self._save_due = False
        return {
            "floor": self.cutoff,
            "seen": {
                key: seen.time
                for key, seen in self._seen.items()
                if seen.time >= self.cutoff
            },
        }

    def advance_cutoff(self, now: datetime, *, exact: bool) -> None:
        """Advance the cutoff below which messages are ignored.

        `now` is the server's time, `exact` if the server stated it.
        """
        minutes = self._entry.options.get(CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES)
        if exact:
            # A clock that was ahead must not hide messages until its time is reached.
            self.cutoff = min(self.cutoff, now.timestamp())
        self.cutoff = max(self.cutoff, (now - timedelta(minutes=minutes)).timestamp())

    def forget_old(self) -> None:
        """Forget messages that are too old to be asked for."""
        followed = sorted(seen.time for seen in self._seen.values())[-_FOLLOWED:]
        oldest = min(self.cutoff, max([self.cutoff - _FOLLOWED_FOR, *followed[:1]]))
        self._seen = {
            key: seen for key, seen in self._seen.items() if seen.time >= oldest
        }

    @property
    def count(self) -> int:
        """The number of remembered messages."""
        return len(self._seen)

    def has_seen(self, chat_id: str, message_id: str) -> bool:
        """Return whether a message was compared already."""
        return self._key(chat_id, message_id) in self._seen

    def concerns(self, chat_id: str, message: Message) -> bool:
        """Return whether a message may be new or changed."""
        return self.has_seen(chat_id, message.id or "") or (
            message.timestamp is not None
            and message.timestamp.timestamp() >= self.cutoff
        )

    def compare(
        self, chat_id: str, message: Message, *, is_self: bool
    ) -> Iterator[MessageChange]:
        """Yield the changes of a message since it was last seen, and remember it."""
        if message.id is None or message.timestamp is None:
            return
        key, time = self._key(chat_id, message.id), message.timestamp.timestamp()
        seen = self._seen.get(key)
        before = seen.message if seen else None
        if before and before.is_deleted:
            return
        if seen is None and time < self.cutoff - _FOLLOWED_FOR:
            return
        text = self._hash(" ".join((message.text or "").split()))
        self._note(
            key, _Seen(time=time, message=replace(message, text=None), text=text)
        )
        if message.is_hidden or message.is_event or message.type == _REACTION_TYPE:
            return
        if seen is None:
            if time >= self.cutoff and not message.is_deleted:
                yield MessageChange(
                    type="message_sent" if is_self else "message_received",
                    message=message,
                )
                yield from _differences(
                    replace(message, reactions=frozenset()), message
                )
        elif before:
            # Some servers give an edit no time.
            is_edited = (
                message.edited != before.edited if message.edited else text != seen.text
            )
            if is_edited and not message.is_deleted:
                yield MessageChange(type="message_edited", message=message)
            yield from _differences(before, message)

    def note(self, chat_id: str, message: Message) -> None:
        """Remember a message without publishing it, to notice later changes."""
        for _ in self.compare(chat_id, message, is_self=False):
            pass

    def delete(self, chat_id: str, message_id: str) -> MessageChange | None:
        """Remember that a message is gone; return None if that is known."""
        key = self._key(chat_id, message_id)
        seen = self._seen.get(key)
        if seen is None or seen.message is None or seen.message.is_deleted:
            return None
        deleted = replace(seen.message, is_deleted=True)
        self._note(key, replace(seen, message=deleted))
        return MessageChange(type="message_deleted", message=deleted)

    def _note(self, key: str, seen: _Seen) -> None:
        if key not in self._seen and seen.time >= self.cutoff and not self._save_due:
            # Only once until it is saved: each further call would postpone it.
            self._save_due = True
            self._store.async_delay_save(self._to_store, _SAVE_DELAY)
        self._seen[key] = seen

    def _key(self, chat_id: str, message_id: str) -> str:
        """Return a fingerprint: ids of chats can hold phone numbers."""
        return self._hash(f"{chat_id}\0{message_id}")

    def _hash(self, text: str) -> str:
        return blake2b(
            text.encode(), digest_size=12, key=self._entry.entry_id.encode()
        ).hexdigest()


def _differences(before: Message, message: Message) -> Iterator[MessageChange]:
    if message.is_deleted:
        yield MessageChange(type="message_deleted", message=message)
        return
    for reaction in before.reactions - message.reactions:
        yield MessageChange(type="reaction_removed", message=message, reaction=reaction)
    for reaction in message.reactions - before.reactions:
        yield MessageChange(type="reaction_added", message=message, reaction=reaction)
