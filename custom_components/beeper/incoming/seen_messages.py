"""Which messages were told already, and what has become of them since.

Kept for a restart is a fingerprint of each message that could be told again, and how
far the telling has come: nothing of whom or what.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from ..api.models import Message, Reaction
from ..const import CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES, DOMAIN
from ..signals import MessageEventType

_SAVE_DELAY: Final = 2
_STORE_VERSION: Final = 1

_FOLLOWED_FOR: Final = 24 * 60 * 60
_FOLLOWED: Final = 2000
"""For how many seconds, and of how many messages, later changes are noticed."""

# Rows of these types are no messages: what happened in a chat, and reactions again.
_NO_MESSAGES: Final = {"NOTICE", "REACTION"}


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Change:
    """What is new of a message."""

    type: MessageEventType
    message: Message
    reaction: Reaction | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _Seen:
    """How a message was when it was last seen.

    `message` is without its text, None if that was before a restart. `time` is when
    it was written, in seconds.
    """

    time: float
    message: Message | None = None


class SeenMessages:
    """The messages of one server that were seen."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Have seen nothing."""
        self._entry = entry
        self._store = Store[dict[str, Any]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.messages"
        )
        self._seen: dict[str, _Seen] = {}
        self._save_due = False
        self.floor = 0.0
        """The server's time in seconds; what is older is not told.

        It only rises, but for a server's clock that is put right.
        """

    async def async_load(self) -> bool:
        """Read what was seen before a restart; return False if nothing ever was."""
        if self.floor:
            return True
        if (stored := await self._store.async_load()) is None:
            return False
        self.floor = stored["floor"]
        self._seen = {key: _Seen(time=time) for key, time in stored["seen"].items()}
        return True

    async def async_save(self) -> None:
        """Write down now what must not be told again."""
        await self._store.async_save(self._to_store())

    async def async_remove(self) -> None:
        """Remove what was written down."""
        await self._store.async_remove()

    def _to_store(self) -> dict[str, Any]:
        self._save_due = False
        return {
            "floor": self.floor,
            "seen": {
                key: seen.time
                for key, seen in self._seen.items()
                if seen.time >= self.floor
            },
        }

    def raise_floor(self, now: datetime, *, exact: bool) -> None:
        """Give up what is too old at a server's time; `exact`: the server told it."""
        minutes = self._entry.options.get(CONF_BACKLOG_MINUTES, DEFAULT_BACKLOG_MINUTES)
        if exact:
            # A clock that was ahead must not silence what comes until it is reached.
            self.floor = min(self.floor, now.timestamp())
        self.floor = max(self.floor, (now - timedelta(minutes=minutes)).timestamp())

    def forget_old(self) -> None:
        """Forget the messages nobody asks for any more."""
        followed = sorted(seen.time for seen in self._seen.values())[-_FOLLOWED:]
        oldest = min(self.floor, max([self.floor - _FOLLOWED_FOR, *followed[:1]]))
        self._seen = {
            key: seen for key, seen in self._seen.items() if seen.time >= oldest
        }

    @property
    def count(self) -> int:
        """Return how many messages are remembered."""
        return len(self._seen)

    def has_seen(self, chat_id: str, message_id: str) -> bool:
        """Tell whether a message was compared already."""
        return self._key(chat_id, message_id) in self._seen

    def concerns(self, chat_id: str, message: Message) -> bool:
        """Tell whether there can be something new about a message."""
        return self.has_seen(chat_id, message.id or "") or (
            message.timestamp is not None
            and message.timestamp.timestamp() >= self.floor
        )

    def compare(
        self, chat_id: str, message: Message, *, is_self: bool
    ) -> Iterator[Change]:
        """Yield what is new of a message since it was last seen, and note it as seen."""
        if message.id is None or message.timestamp is None:
            return
        key, time = self._key(chat_id, message.id), message.timestamp.timestamp()
        seen = self._seen.get(key)
        before = seen.message if seen else None
        if before and before.is_deleted:
            return
        if seen is None and time < self.floor - _FOLLOWED_FOR:
            return
        self._note(key, _Seen(time=time, message=replace(message, text=None)))
        if message.is_hidden or message.type in _NO_MESSAGES:
            return
        if seen is None:
            if time >= self.floor and not message.is_deleted:
                yield Change(
                    type="message_sent" if is_self else "message_received",
                    message=message,
                )
                yield from _differences(
                    replace(message, reactions=frozenset()), message
                )
        elif before:
            yield from _differences(before, message)

    def note(self, chat_id: str, message: Message) -> None:
        """Take a message for known, to notice what becomes of it."""
        for _ in self.compare(chat_id, message, is_self=False):
            pass

    def delete(self, chat_id: str, message_id: str) -> Change | None:
        """Note that a message is gone; return None if that is no news."""
        key = self._key(chat_id, message_id)
        seen = self._seen.get(key)
        if seen is None or seen.message is None or seen.message.is_deleted:
            return None
        deleted = replace(seen.message, is_deleted=True)
        self._note(key, replace(seen, message=deleted))
        return Change(type="message_deleted", message=deleted)

    def _note(self, key: str, seen: _Seen) -> None:
        if key not in self._seen and seen.time >= self.floor and not self._save_due:
            # Once until it is written: each further call would put it off.
            self._save_due = True
            self._store.async_delay_save(self._to_store, _SAVE_DELAY)
        self._seen[key] = seen

    def _key(self, chat_id: str, message_id: str) -> str:
        """Return a fingerprint: ids of chats can hold phone numbers."""
        return blake2b(
            f"{chat_id}\0{message_id}".encode(),
            digest_size=12,
            key=self._entry.entry_id.encode(),
        ).hexdigest()


def _differences(before: Message, message: Message) -> Iterator[Change]:
    if message.is_deleted:
        yield Change(type="message_deleted", message=message)
        return
    if message.edited and message.edited != before.edited:
        yield Change(type="message_edited", message=message)
    for reaction in before.reactions - message.reactions:
        yield Change(type="reaction_removed", message=message, reaction=reaction)
    for reaction in message.reactions - before.reactions:
        yield Change(type="reaction_added", message=message, reaction=reaction)


_SEEN: HassKey[dict[str, SeenMessages]] = HassKey(f"{DOMAIN}.seen_messages")


def get_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> SeenMessages:
    """Return what an entry has seen, the same after a reload."""
    seen = hass.data.setdefault(_SEEN, {})
    return seen.setdefault(entry.entry_id, SeenMessages(hass, entry))


async def async_remove_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget what an entry has seen that is removed."""
    await get_seen_messages(hass, entry).async_remove()
    del hass.data[_SEEN][entry.entry_id]
