"""A message that Home Assistant sent: how it is recognized, and whether it arrived."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from ..api.models import Message, SentMessage
from ..api.transport import REQUEST_TIMEOUT
from .identities import RecipientKeys
from .text_matching import may_be_rendered, same_text

_SAME_TIME: Final = 1
"""Seconds by which servers round a message's time."""

_RECOGNISED_FOR: Final = timedelta(minutes=10)
_MAY_APPEAR_FOR: Final = 2 * REQUEST_TIMEOUT
"""Seconds after an attempt without an answer."""

_CLOCK_TOLERANCE: Final = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivery:
    """The state of a message; `reason` is a machine-readable word for a failure."""

    state: Literal["delivered", "pending", "failed"]
    reason: str | None = None


@dataclass(kw_only=True, repr=False, eq=False)
class SentRecord:
    """A message that was attempted.

    `chat_id` is None while a chat is being created for it. `pending_id` is the ID that
    the server returned, None before that; `final_id` is the network's. `is_settled`: the
    outcome is final. `attempted` and `answered` are the event loop's times.
    """

    account_id: str | None
    chat_id: str | None
    text: str
    attached: bool
    attempted: float
    answered: float | None = None
    pending_id: str | None = None
    final_id: str | None = None
    final_time: float | None = None
    """When the message with the final ID was written, by the server's clock."""
    result: SentMessage | None = None
    original_ids: frozenset[str] = frozenset()
    """IDs of the message that it replies to."""
    recipient: RecipientKeys | None = frozenset()
    """Whom the chat is with, or is requested with; None for a known group."""
    is_given_up: bool = False
    """The outcome stayed unknown: a repeated call may find the message."""
    is_settled: bool = False
    failure: Delivery | None = None
    is_restored: bool = False
    """From before a restart, without its text."""

    @property
    def is_waiting(self) -> bool:
        """Return whether the server can still report an outcome."""
        return self.pending_id is not None and not self.is_settled

    @property
    def is_lost(self) -> bool:
        """Return whether it was not answered, and may appear among the messages now."""
        now = asyncio.get_running_loop().time()
        return self.answered is None and now - self.attempted < _MAY_APPEAR_FOR

    def overlaps(self, attempted: float, answered: float | None) -> bool:
        """Return whether another message may stand before this one, or after it.

        Requests that ran one after the other have their order. One without an answer may
        run at any later time.
        """
        return (self.answered is None or self.answered > attempted) and (
            answered is None or self.attempted < answered
        )

    def is_before(self, others: Iterable[SentRecord]) -> bool:
        """Return whether the messages of others can only stand after this one."""
        others = [sent for sent in others if sent is not self]
        return not others or (
            self.pending_id is not None
            and not any(sent.overlaps(self.attempted, self.answered) for sent in others)
        )

    @property
    def ids(self) -> set[str]:
        """The IDs by which servers list it."""
        return {known for known in (self.pending_id, self.final_id) if known}

    def note_final(self, message: Message) -> None:
        """Note the final ID: a message has it that is no longer pending."""
        if message.id and message.id != self.pending_id:
            # IDs are unique within one chat only.
            self.chat_id = self.chat_id or message.chat_id
            self.final_id = message.id
            self.final_time = (
                message.timestamp.timestamp() if message.timestamp else None
            )

    def note_chat(self, chat_id: str) -> None:
        """Note the chat that was requested for it."""
        if self.chat_id != chat_id:
            self.chat_id, self.final_id, self.final_time = chat_id, None, None

    def settle(self, message: Message | None, failure: Delivery | None = None) -> None:
        """Record the final outcome and the current ID."""
        self.is_settled = True
        self.failure = failure
        if message:
            self.note_final(message)

    def has_id(self, message: Message) -> bool:
        """Return whether an own message of the chat has one of its IDs."""
        # IDs begin anew when Beeper moves to another computer.
        return message.id in self.ids and (
            self.final_time is None
            or message.timestamp is None
            or abs(message.timestamp.timestamp() - self.final_time) <= _SAME_TIME
        )

    def is_after(self, message: Message, now: datetime) -> bool:
        """Return whether a message was written after the attempt."""
        age = timedelta(seconds=asyncio.get_running_loop().time() - self.attempted)
        return (
            message.timestamp is not None
            and message.timestamp >= now - age - _CLOCK_TOLERANCE
        )

    def is_like(self, message: Message, now: datetime) -> bool:
        """Return whether an own message of the chat may be this one, by text and time.

        `now` is the server's time. False once the final ID is known.
        """
        age = timedelta(seconds=asyncio.get_running_loop().time() - self.attempted)
        return (
            self.final_id is None
            and not self.is_restored
            and (age < _RECOGNISED_FOR or self.is_waiting)
            and self.is_after(message, now)
            and bool(message.attachments) is self.attached
            and message.reply_to_message_id in (None, *self.original_ids)
            and (
                same_text(self.text, message.text or "")
                or may_be_rendered(self.text, message.text or "")
                or any(file.file_name == self.text for file in message.attachments)
            )
        )
