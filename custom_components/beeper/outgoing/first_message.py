"""The text of a request for a chat: sent with the chat, otherwise once as a message."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal

from ..api.exceptions import BeeperError, UnreadableAnswerError
from ..api.models import ChatResult, SentMessage
from ..api.requests import SendMessage
from .identities import RecipientKeys
from .job import OutboxContext, check_writable
from .reconciliation import find_sent
from .sent_proof import Proof, SentCandidates, TargetChat, find_proof
from .sent_record import SentRecord
from .text_matching import may_be_changed, same_text

_EXISTING_DELAYS: Final = (0.3,)
"""Seconds to wait before each search for the text in a chat that existed already.

No server was seen to send the text then.
"""

_NEW_DELAYS: Final = (0, 0.5, 1, 1.5)
"""Seconds to wait before each search for the text in a chat that may be new."""

_UNDECIDED_DELAYS: Final = (0.2, 0.5, 1, 2)
"""The same while a listed text may be from another call that is not answered yet."""


@dataclass(kw_only=True, repr=False, eq=False)
class DeliveredMessage:
    """How the text reached the chat, and the ID of its message."""

    sent: Literal["with_chat", "separately"]
    message_id: str | None


@dataclass(kw_only=True, repr=False, eq=False)
class FirstMessage:
    """The first message of a chat that a request creates or starts.

    `recipient` has the keys of the person or group. `is_separate`: the request itself
    does not carry the text, or did not deliver it.
    """

    context: OutboxContext
    account_id: str
    text: str
    recipient: RecipientKeys
    is_separate: bool = False
    _sent: SentRecord | None = field(default=None, init=False)
    _is_counted: bool = field(default=False, init=False)
    _is_undecided: bool = field(default=False, init=False)
    """What was listed may be from another call, or the text as the network changed it."""
    _is_new_chat: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Note that the request, with this text, is about to be sent."""
        self._sent = self._begin(None)

    def cancel(self) -> None:
        """Note that nothing was sent."""
        if self._sent:
            self.context.sent.cancel(self._sent)

    def give_up(self) -> None:
        """Note that the outcome stays unknown."""
        if self._sent:
            self._sent.is_given_up = True

    async def confirm(self, result: ChatResult) -> DeliveredMessage:
        """Return how the text was sent; send it separately if it was not.

        Servers may ignore the text, for existing chats above all. Raises
        BeeperError that may have run if the chat's messages cannot be read.
        """
        unreadable: BeeperError | None = None
        self._is_new_chat = result.status != "existing"
        delays = _EXISTING_DELAYS if result.status == "existing" else _NEW_DELAYS
        for number, delay in enumerate((*delays, *_UNDECIDED_DELAYS)):
            if number >= len(delays) and not self._is_undecided:
                break
            await asyncio.sleep(delay)
            try:
                # A text that is listed twice must not be sent a third time.
                delivered = await self.find(result.chat_id, exact=False)
            except BeeperError as err:
                unreadable = err
            else:
                unreadable = None
                if delivered:
                    return delivered
        if unreadable:
            unreadable.may_have_run = True
            raise unreadable
        return await self.send(result)

    async def send(self, result: ChatResult) -> DeliveredMessage:
        """Send the text as a message, in the chat's queue; raises BeeperError."""
        client = self.context.server.client
        async with self.context.chat_queues.chat(client, result.chat_id) as chat:
            # The error for a new chat has to say that the chat exists.
            if result.status == "existing":
                await check_writable(client, chat)
            self.cancel()
            self._sent = self._begin(result.chat_id)
            self.is_separate = True
            try:
                sent = await client.send_message(
                    SendMessage(chat_id=result.chat_id, text=self.text)
                )
            except BeeperError as err:
                if err.may_have_run:
                    self._count()
                raise
        self._finish(self._sent, sent)
        return DeliveredMessage(sent="separately", message_id=sent.message_id)

    async def find(
        self, chat_id: str, since: float | None = None, *, exact: bool
    ) -> DeliveredMessage | None:
        """Look for the message with the text, and claim it.

        `since` is the event loop's time, by default that of the attempt. `exact` takes
        no message if more are listed than were sent. Raises BeeperError if reading
        fails, or if the listed message may be from another call.
        """
        if self._sent:
            self._sent.note_chat(chat_id)
            since = self._sent.attempted
        found = await find_sent(
            self.context.server, chat_id, self.text, since or 0, self.account_id
        )
        proof = await find_proof(
            self.context.server,
            self.context.sent,
            found,
            self._target(chat_id),
            self._sent,
        )
        self._is_undecided = proof.state == "open" or (
            proof.state == "missing" and self._may_be_changed(chat_id, found)
        )
        if self._is_undecided:
            raise UnreadableAnswerError("may be another message")
        if proof.state == "missing" or (exact and proof.state == "several"):
            return None
        return self._claim(chat_id, proof)

    def _may_be_changed(self, chat_id: str, found: SentCandidates) -> bool:
        """Return whether a listed text may be what the network made of this one.

        In a new chat, an own text that nothing else has sent can hardly be anything else.
        """
        sent, target = self.context.sent, self._target(chat_id)
        others = [
            other
            for other in sent.into(target.chat_ids, target.account_id, target.recipient)
            if other is not self._sent
        ]
        only_own = (
            self._is_new_chat and self.context.server.client.features.typed_messages
        )
        return any(
            (only_own or may_be_changed(self.text, message.text or ""))
            and not sent.earlier_reads.had_message(message, found.attempted)
            and not any(
                other.has_id(message) or same_text(other.text, message.text or "")
                for other in others
            )
            for message in found.other_texts
        )

    def _target(self, chat_id: str) -> TargetChat:
        return TargetChat(
            chat_ids={chat_id}, account_id=self.account_id, recipient=self.recipient
        )

    def _claim(self, chat_id: str, proof: Proof) -> DeliveredMessage:
        sent, target = self.context.sent, self._target(chat_id)
        message_id = proof.message.id if proof.message else None
        if self._sent is None and proof.message:
            alike = sent.into(target.chat_ids, target.account_id, target.recipient)
            self._sent = sent.adopt(alike, proof.message, self.text)
        self._sent = self._sent or self._begin(chat_id)
        self._finish(self._sent, SentMessage(chat_id=chat_id, message_id=message_id))
        return DeliveredMessage(
            sent="separately" if self.is_separate else "with_chat",
            message_id=message_id,
        )

    def _begin(self, chat_id: str | None) -> SentRecord:
        return self.context.sent.begin(
            self.account_id, chat_id, self.text, recipient=self.recipient
        )

    def _finish(self, sent: SentRecord, result: SentMessage) -> None:
        self._count()
        self.context.sent.finish(sent, result)

    def _count(self) -> None:
        if not self._is_counted:
            self._is_counted = True
            self.context.limits.messages.count(
                self.account_id, self.context.server.network(self.account_id)
            )
