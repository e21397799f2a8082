"""The messages that Home Assistant sent, to recognize them in chats."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..api.models import Message, SentMessage
from ..const import DOMAIN
from .earlier_reads import EarlierReads
from .identities import RecipientKeys, may_reach
from .own_changes import OwnChanges
from .sent_record import SentRecord
from .text_matching import text_key

_KEPT_FOR: Final = 24 * 60 * 60
"""Seconds."""

_KEPT: Final = 500
_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1


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
        recipient: RecipientKeys | None = frozenset(),
    ) -> SentRecord:
        """Record an attempt: the message may be read before the reply arrives.

        `recipient` has the keys of the person or group, None for a known group.
        """
        now = asyncio.get_running_loop().time()
        sent = SentRecord(
            account_id=account_id,
            chat_id=chat_id,
            text=text or "",
            attached=attached,
            attempted=now,
            original_ids=original_ids,
            recipient=recipient,
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
        sent.result, sent.is_given_up = result, False
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
        self,
        messages: Iterable[Message],
        chat_ids: set[str],
        now: datetime,
        *,
        account_id: str | None,
        recipient: RecipientKeys | None,
    ) -> None:
        """Learn the final IDs of sent messages from own messages of their chat.

        Messages of a chat leave in the order of the calls, so the first unclaimed
        message with the right text belongs to the first of them: unless another one of
        this text was on its way at the same time, or has no answer. `now` is the
        server's time.
        """
        known = self.into(chat_ids, account_id, recipient)
        waiting = [sent for sent in known if sent.answered is not None or sent.is_lost]
        for message in sorted(messages, key=Message.order):
            # A message that is listed before its delivery has no final ID yet.
            if (
                message.send_status == "PENDING"
                or message.id is None
                or any(sent.has_id(message) for sent in known)
            ):
                continue
            alike = [sent for sent in waiting if self.may_be(sent, message, now)]
            if not alike:
                continue
            sent, *others = alike
            if not sent.is_before(others):
                continue
            sent.note_final(message)
            if message.send_status in (None, "SUCCESS"):
                sent.is_settled = True
            self.save_soon()

    def may_be(self, sent: SentRecord, message: Message, now: datetime) -> bool:
        """Return whether an own message of the chat may be this one.

        `now` is the server's time.
        """
        return sent.is_like(message, now) and not self.earlier_reads.had_message(
            message, sent.attempted
        )

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

    def adopt(
        self, sent: Iterable[SentRecord], message: Message, text: str | None
    ) -> SentRecord | None:
        """Return the attempt without an answer that has sent a message.

        It was recognized as this one, or is the first whose outcome stayed unknown.
        """
        left = [one for one in sent if one.answered is None]
        known = (one for one in left if message.id in one.ids)
        unknown = (
            one
            for one in left
            if one.is_given_up and text_key(one.text) == text_key(text or "")
        )
        return next(chain(known, unknown), None)

    def cancel(self, sent: SentRecord) -> None:
        """Remove an attempt that certainly sent nothing."""
        if sent in self._sent:
            self._sent.remove(sent)

    def into(
        self,
        chat_ids: set[str],
        account_id: str | None = None,
        recipient: RecipientKeys | None = None,
    ) -> list[SentRecord]:
        """Return the messages to a chat.

        With its account, also those for which a chat is requested that may be this one;
        `recipient` is the chat's, None for any group.
        """
        return [
            sent
            for sent in self._sent
            if sent.chat_id in chat_ids
            or (
                account_id
                and sent.chat_id is None
                and sent.account_id == account_id
                and may_reach(sent.recipient or frozenset(), recipient)
            )
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

    @property
    def waiting_chats(self) -> set[str]:
        """Return the chats with messages the network has not confirmed yet."""
        return {sent.chat_id for sent in self._sent if sent.chat_id and sent.is_waiting}
