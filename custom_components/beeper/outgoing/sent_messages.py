"""The messages that Home Assistant sent, to recognize them when they are read."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..api.models import Message, SentMessage
from .own_changes import OwnChanges
from .text_matching import same_text

_KEPT_FOR: Final = 24 * 60 * 60
_KEPT: Final = 500
_TWIN_WINDOW: Final = 5
"""Seconds. Servers' clocks tell whole seconds: two of a text so close are not told apart."""

_RECOGNISED_FOR: Final = timedelta(minutes=10)
_CLOCK_TOLERANCE: Final = timedelta(seconds=5)


@dataclass(kw_only=True, repr=False, eq=False)
class Sent:
    """A message that was attempted.

    `chat_id` is None while a chat is being created for it. `pending_id` is the one the
    server answered, `message_id` the same, None while there is no answer or where it leads to nothing.
    `final_id` is the network's. `is_settled`: it is known what became of it.
    `attempted` and `answered` are the event loop's times.
    """

    account_id: str | None
    chat_id: str | None
    text: str
    attached: bool
    attempted: float
    answered: float | None = None
    pending_id: str | None = None
    message_id: str | None = None
    final_id: str | None = None
    result: SentMessage | None = None
    is_settled: bool = False

    @property
    def is_waiting(self) -> bool:
        """Tell whether the server can still say what becomes of it."""
        return self.message_id is not None and not self.is_settled

    @property
    def ids(self) -> set[str]:
        """The IDs by which servers list it."""
        return {known for known in (self.message_id, self.final_id) if known}

    def settle(self, message_id: str | None) -> None:
        """Record the final outcome, and the ID it has now."""
        self.is_settled = True
        if message_id != self.message_id:
            self.final_id = message_id

    def has_id(self, message: Message) -> bool:
        """Tell whether an own message of its chat is this one by an id."""
        return message.id in (self.message_id, self.final_id)

    def is_like(self, message: Message, now: datetime) -> bool:
        """Tell whether an own message of its chat could be this one at a server's time.

        It has no final id yet; the text and the time are right.
        """
        age = timedelta(seconds=asyncio.get_running_loop().time() - self.attempted)
        return (
            self.final_id is None
            and age < _RECOGNISED_FOR
            and message.timestamp is not None
            and message.timestamp >= now - age - _CLOCK_TOLERANCE
            and bool(message.attachments) is self.attached
            and same_text(self.text, message.text or "")
        )


class SentMessages:
    """What one config entry has sent within a day; it outlives reloads of the entry."""

    def __init__(self) -> None:
        """Have sent nothing."""
        self._sent: list[Sent] = []
        self.changes = OwnChanges()

    def begin(
        self,
        account_id: str | None,
        chat_id: str | None,
        text: str | None,
        *,
        attached: bool = False,
    ) -> Sent:
        """Note that a message is attempted: it may come by before the answer does."""
        now = asyncio.get_running_loop().time()
        sent = Sent(
            account_id=account_id,
            chat_id=chat_id,
            text=text or "",
            attached=attached,
            attempted=now,
        )
        self._sent = [
            each for each in self._sent[-_KEPT:] if now - each.attempted < _KEPT_FOR
        ]
        self._sent.append(sent)
        return sent

    def finish(self, sent: Sent, result: SentMessage) -> None:
        """Note what the server answered."""
        sent.chat_id, sent.message_id = result.chat_id, result.message_id
        sent.pending_id = result.message_id
        sent.result = result
        sent.answered = asyncio.get_running_loop().time()

    def find(self, result: SentMessage) -> Sent | None:
        """Return the attempt that ended with this result."""
        return next((sent for sent in self._sent if sent.result is result), None)

    def adopt(self, chat_id: str, message: Message) -> Sent | None:
        """Return the unanswered attempt that a message was recognized as."""
        return next(
            (
                sent
                for sent in self.into({chat_id})
                if sent.answered is None and message.id in sent.ids
            ),
            None,
        )

    def cancel(self, sent: Sent) -> None:
        """Forget one that certainly was not sent."""
        if sent in self._sent:
            self._sent.remove(sent)

    def into(self, chat_ids: set[str], account_id: str | None = None) -> list[Sent]:
        """Return what was sent into a chat, or into a new one of its account."""
        return [
            sent
            for sent in self._sent
            if sent.chat_id in chat_ids
            or (account_id and sent.chat_id is None and sent.account_id == account_id)
        ]

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
        messages: Iterable[Message],
        chat_ids: set[str],
        text: str,
        since: float,
        *,
        attached: bool = False,
        mine: Sent | None = None,
        exact: bool = True,
    ) -> Message | None:
        """Return the message that is proved to be the one sent, None for no proof.

        `messages` are own messages of the chat with this text, the oldest first, `since`
        is the event loop's time of the attempt. A message belongs to one attempt only:
        those of other sends are left out, and if it is not known yet which message
        another send of the same text has become, there must be one more: exactly one,
        or, if not `exact`, at least.
        """
        others = [
            sent
            for sent in self.into(chat_ids)
            if sent is not mine
            and sent.attached is attached
            # A repeated call looks for what an unanswered attempt has sent.
            and not (mine is None and sent.answered is None)
        ]
        claimed = set[str]().union(*(sent.ids for sent in others))
        candidates = [message for message in messages if message.id not in claimed]
        listed = {message.id for message in messages}
        unmatched = [
            sent
            for sent in others
            if sent.answered is not None
            and sent.answered > since - _TWIN_WINDOW
            and not sent.ids & listed
            and (same_text(sent.text, text) or same_text(text, sent.text))
        ]
        surplus = len(candidates) - len(unmatched)
        if surplus < 1 or (exact and surplus > 1):
            return None
        return candidates[sum(sent.attempted < since for sent in unmatched)]

    @property
    def waiting_chats(self) -> set[str]:
        """Return the chats with messages the network has not confirmed yet."""
        return {sent.chat_id for sent in self._sent if sent.chat_id and sent.is_waiting}
