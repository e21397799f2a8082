"""The messages that Home Assistant sent, to recognize them in chats."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..api.models import Message, SentMessage
from ..const import DOMAIN
from .earlier_reads import EarlierReads
from .own_changes import OwnChanges
from .sent_record import SentRecord
from .text_matching import same_text

_KEPT_FOR: Final = 24 * 60 * 60
"""Seconds."""

_KEPT: Final = 500
TWIN_WINDOW: Final = timedelta(seconds=5)
"""Within it, two equal texts cannot be distinguished by their times."""

_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1


@dataclass(kw_only=True, repr=False, eq=False)
class SentCandidates:
    """Own messages of a chat that may be from one attempt, the oldest first.

    They have its `text`, and a file if it `attached` one. Those in `earlier` are from
    just before it. `attempted` is the event loop's time.
    """

    text: str
    attached: bool
    attempted: float
    earlier: Sequence[Message]
    messages: Sequence[Message]


class SentMessages:
    """The messages of one config entry within a day; they outlive reloads of the entry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start without messages."""
        self._store = Store[Any](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.sent"
        )
        self._is_removed = False
        self._sent: list[SentRecord] = []
        self.changes = OwnChanges()
        self.earlier_reads = EarlierReads()

    async def async_load(self) -> None:
        """Load the IDs of messages that were sent before a restart."""
        now = asyncio.get_running_loop().time()
        time = dt_util.utcnow().timestamp()
        data = await self._store.async_load() or {}
        if isinstance(data, list):  # As the first versions stored it.
            data = {"sent": data}
        self.earlier_reads.load(data.get("listed", ()))
        for stored in data.get("sent", ()):
            attempted = now - (time - stored["time"])
            if now - attempted < _KEPT_FOR:
                self._sent.append(
                    SentRecord(
                        account_id=stored["account_id"],
                        chat_id=stored["chat_id"],
                        text="",
                        attached=False,
                        attempted=attempted,
                        answered=attempted,
                        pending_id=stored["pending_id"],
                        final_id=stored["final_id"],
                        final_time=stored.get("final_time"),
                        is_settled=stored["is_settled"],
                        is_restored=True,
                    )
                )

    async def async_remove(self) -> None:
        """Remove the stored IDs, for good: an attempt may still be under way."""
        self._is_removed = True
        await self._store.async_remove()

    def save_soon(self) -> None:
        """Save the IDs within a second; nothing of the content is stored."""
        if not self._is_removed:
            self._store.async_delay_save(self._to_store, _SAVE_DELAY)

    def _to_store(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        time = dt_util.utcnow().timestamp()
        sent = [
            {
                "account_id": sent.account_id,
                "chat_id": sent.chat_id,
                "pending_id": sent.pending_id,
                "final_id": sent.final_id,
                "final_time": sent.final_time,
                "is_settled": sent.is_settled,
                "time": time - (now - sent.attempted),
            }
            for sent in self._sent
            if sent.pending_id
        ]
        return {"sent": sent, "listed": self.earlier_reads.to_store()}

    def begin(
        self,
        account_id: str | None,
        chat_id: str | None,
        text: str | None,
        *,
        attached: bool = False,
        original_ids: frozenset[str] = frozenset(),
    ) -> SentRecord:
        """Record an attempt: the message may be read before the reply arrives."""
        now = asyncio.get_running_loop().time()
        sent = SentRecord(
            account_id=account_id,
            chat_id=chat_id,
            text=text or "",
            attached=attached,
            attempted=now,
            original_ids=original_ids,
        )
        self._sent = [
            earlier
            for earlier in self._sent[-_KEPT:]
            if now - earlier.attempted < _KEPT_FOR
        ]
        self._sent.append(sent)
        return sent

    def finish(self, sent: SentRecord, result: SentMessage) -> None:
        """Record the reply of the server."""
        sent.chat_id, sent.pending_id = result.chat_id, result.message_id
        sent.result = result
        sent.answered = asyncio.get_running_loop().time()
        self.save_soon()

    def by_pending_id(self, message_id: str) -> SentRecord | None:
        """Return the message for which an action returned this ID."""
        return next(
            (sent for sent in reversed(self._sent) if sent.pending_id == message_id),
            None,
        )

    def has(self, message_id: str) -> bool:
        """Return whether an action sent the message with this ID."""
        return any(message_id in sent.ids for sent in self._sent)

    def claim(
        self, messages: Iterable[Message], chat_ids: set[str], now: datetime
    ) -> None:
        """Learn the final IDs of sent messages from own messages of their chat.

        Messages of a chat leave in the order of the calls, so the first unclaimed
        message with the right text belongs to the first of them. `now` is the server's
        time.
        """
        known = self.into(chat_ids)
        left = [
            message
            for message in sorted(messages, key=Message.order)
            # A message that is listed before its delivery has no final ID yet.
            if message.send_status != "PENDING"
            and message.id is not None
            and not any(sent.has_id(message) for sent in known)
        ]
        waiting = [sent for sent in known if sent.answered is not None or sent.is_lost]
        while left:
            message = left[0]
            alike = [sent for sent in waiting if sent.is_like(message, now)]
            # One that was not answered may have this message, or none at all.
            is_certain = not any(sent.is_lost for sent in alike) or len(alike) <= sum(
                alike[0].is_like(other, now) for other in left
            )
            left.remove(message)
            if not alike or not is_certain:
                continue
            sent = alike[0]
            waiting.remove(sent)
            if not sent.is_lost:
                sent.note_final(message)
                if message.send_status in (None, "SUCCESS"):
                    sent.is_settled = True
                self.save_soon()

    def unclaimed(
        self, messages: Iterable[Message], sent: SentRecord, now: datetime
    ) -> Message | None:
        """Return an own message that no attempt claims and that may be this one."""
        return next(
            (
                message
                for message in sorted(messages, key=Message.order)
                if sent.is_after(message, now)
                and not any(other.has_id(message) for other in self._sent)
            ),
            None,
        )

    def forget_final_ids(self, chat_ids: set[str]) -> None:
        """Forget which IDs messages got: the chat's messages have others now."""
        for sent in self.into(chat_ids):
            sent.final_id = None
        self.save_soon()

    def find(self, result: SentMessage) -> SentRecord | None:
        """Return the attempt that ended with this result."""
        return next((sent for sent in self._sent if sent.result is result), None)

    def adopt(self, chat_id: str, message: Message) -> SentRecord | None:
        """Return the unanswered attempt that a message was recognized as."""
        return next(
            (
                sent
                for sent in self.into({chat_id})
                if sent.answered is None and message.id in sent.ids
            ),
            None,
        )

    def cancel(self, sent: SentRecord) -> None:
        """Remove an attempt that certainly sent nothing."""
        if sent in self._sent:
            self._sent.remove(sent)

    def into(
        self, chat_ids: set[str], account_id: str | None = None
    ) -> list[SentRecord]:
        """Return the messages to a chat, or to a new chat of its account."""
        return [
            sent
            for sent in self._sent
            if sent.chat_id in chat_ids
            or (account_id and sent.chat_id is None and sent.account_id == account_id)
        ]

    def all_ids(self, chat_ids: set[str], message_id: str) -> frozenset[str]:
        """Return all known IDs of a message of a chat."""
        return frozenset({message_id}).union(
            *(sent.ids for sent in self.into(chat_ids) if message_id in sent.ids)
        )

    def pending_id(self, chat_ids: set[str], message_id: str | None) -> str | None:
        """Return the ID that an action returned for a message, None if it sent none."""
        return next(
            (
                sent.pending_id
                for sent in self.into(chat_ids)
                if message_id and message_id in (sent.final_id, sent.pending_id)
            ),
            None,
        )

    def match(
        self,
        found: SentCandidates,
        chat_ids: set[str],
        *,
        mine: SentRecord | None = None,
        exact: bool = True,
    ) -> Message | None:
        """Return the message that is proved to be the one sent, None for no proof.

        A message belongs to one attempt only: those of other sends are left out, and if
        it is not known yet which message another send of the same text has become,
        there must be one more: exactly one, or, if not `exact`, at least. To be exact,
        it may also have become that of a send that was not answered.
        """
        since = found.attempted
        others = [
            sent
            for sent in self.into(chat_ids)
            if sent is not mine
            and sent.attached is found.attached
            # A repeated call looks for what an unanswered attempt has sent.
            and not (mine is None and sent.answered is None)
        ]

        def is_free(message: Message) -> bool:
            return not any(sent.has_id(message) for sent in others)

        free = [*filter(is_free, found.messages)]
        before_it = [row for row in free if self.earlier_reads.had_message(row, since)]
        candidates = [row for row in free if row not in before_it]
        earlier = [*filter(is_free, found.earlier), *before_it]
        unmatched = _unmatched(others, found)
        if exact:
            unmatched += _lost(others, found)
        # Earlier messages may be listed before the attempt.
        before = sum(sent.attempted < since for sent in unmatched)
        surplus = len(candidates) - len(unmatched) + min(before, len(earlier))
        if surplus < 1 or (exact and surplus > 1):
            return None
        later = sum(sent.attempted > since for sent in unmatched)
        return candidates[-1 - later]

    def is_overlapped(self, mine: SentRecord, chat_ids: set[str]) -> bool:
        """Return whether the same text was sent while this one was not answered.

        Then either message may be either one.
        """
        return any(
            sent is not mine
            and sent.answered is not None
            and sent.attempted > mine.attempted
            and sent.final_id is None
            and sent.text == mine.text
            for sent in self.into(chat_ids)
        )

    @property
    def waiting_chats(self) -> set[str]:
        """Return the chats with messages the network has not confirmed yet."""
        return {sent.chat_id for sent in self._sent if sent.chat_id and sent.is_waiting}


def _lost(others: Iterable[SentRecord], found: SentCandidates) -> list[SentRecord]:
    """Return the other sends of the text that were not answered, and may have run."""
    return [
        sent for sent in others if sent.is_lost and same_text(sent.text, found.text)
    ]


def _unmatched(others: Iterable[SentRecord], found: SentCandidates) -> list[SentRecord]:
    """Return the other sends of the text whose message may be any of those found."""
    listed = [*found.earlier, *found.messages]
    earliest = found.attempted - TWIN_WINDOW.total_seconds()
    return [
        sent
        for sent in others
        if sent.answered is not None
        and sent.answered > earliest
        and not any(sent.has_id(message) for message in listed)
        and (same_text(sent.text, found.text) or same_text(found.text, sent.text))
    ]
