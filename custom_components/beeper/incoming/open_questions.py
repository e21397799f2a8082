"""Questions that were asked in chats and wait for an answer.

They outlive reloads of their config entry: what counts as an answer is decided while
messages are published, so that each answer is taken once and marked for automations.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from ..api.models import Message, User
from ..outgoing.sent_record import SentRecord
from ..server import MAX_CLOCK_DIFFERENCE
from ..signals import MessageEvent
from .accepted_answers import Match, PossibleAnswers

_CORRECTION: Final = timedelta(seconds=60)
"""How much earlier than its attempt a server may date a message."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class TakenAnswer:
    """A message or reaction that answers a question, and its meaning."""

    event: MessageEvent
    match: Match

    @property
    def text(self) -> str | None:
        """What was written or said, or the reaction."""
        reaction = self.event.reaction
        return reaction.key if reaction else self.event.words


@dataclass(kw_only=True, repr=False, eq=False)
class OpenQuestion:
    """One question; `chat_ids` are all IDs of its chat.

    `sent` returns the attempt to send it, None before it begins. `server_time` is
    `Server.time_at`. The future ends with the answer.
    """

    chat_ids: frozenset[str]
    answers: PossibleAnswers
    may_answer: Callable[[User], bool]
    sent: Callable[[], SentRecord | None]
    server_time: Callable[[float], datetime]
    answer: asyncio.Future[TakenAnswer] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    row: Message | None = None
    """The question as the server lists it."""
    passed_to: dict[str, float] = field(default_factory=dict)
    """When the later questions of others to these people end, by their IDs."""

    @property
    def ids(self) -> set[str]:
        """All known IDs of the question."""
        sent = self.sent()
        return sent.ids if sent else set()

    @callback
    def end(self, error: HomeAssistantError) -> None:
        """End the question with an error unless it was answered."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def locate(self, own_messages: Collection[Message]) -> None:
        """Find the question among the own messages of its chat that were just read."""
        if (sent := self.sent()) is None:
            return
        # IDs are unique within one chat only, and a merged chat consists of several.
        earliest = self.server_time(sent.attempted) - _CORRECTION
        ids = self.ids
        for message in own_messages:
            if message.id in ids and message.timestamp and message.timestamp > earliest:
                self.row = message
        if self.row or sent.answered is not None:
            return
        # The answer can overtake both the reply and the network's confirmation.
        now = self.server_time(asyncio.get_running_loop().time())
        alike = [message for message in own_messages if sent.is_like(message, now)]
        self.row = max(alike, key=Message.position, default=None)

    def is_before(self, message: Message) -> bool:
        """Return whether a message was written after the question, in the server's order.

        Messages are timed in whole seconds on some networks.
        """
        if (sent := self.sent()) is None or message.timestamp is None:
            return False
        row = self.row
        if row is None:
            # Not listed yet: before the server accepts it, nobody can have read it.
            return sent.answered is not None and message.timestamp >= _whole_seconds(
                self.server_time(sent.attempted)
            )
        asked, started = row.timestamp, self.server_time(sent.attempted)
        if asked and asked - started > MAX_CLOCK_DIFFERENCE:
            asked = started  # It goes by another clock than the answer.
        if asked and message.timestamp < _whole_seconds(asked):
            return False
        return (
            message.chat_id != row.chat_id
            or not (message.sort_key and row.sort_key)
            or message.position() > row.position()
        )

    def passes(self, event: MessageEvent) -> bool:
        """Return whether a person's words are for a later question of another requester.

        Only their first words after that question are.
        """
        if event.reaction or event.message.reply_to_message_id or not event.words:
            return False
        until = self.passed_to.pop(event.sender.id, 0)
        return asyncio.get_running_loop().time() < until

    def match(self, event: MessageEvent) -> Match | None:
        """Return what a message or reaction to the question means, None if nothing."""
        if event.reaction:
            return self.answers.match_reaction(event.reaction.key)
        return self.answers.match_text(event.words or "")


class OpenQuestions:
    """The open questions of one config entry, the newest last."""

    def __init__(self) -> None:
        """Start without questions."""
        self._questions: list[OpenQuestion] = []

    @contextmanager
    def open(self, question: OpenQuestion) -> Iterator[None]:
        """Listen to answers; begins before the question is sent."""
        self._questions.append(question)
        try:
            yield
        finally:
            self._questions.remove(question)
            if not question.answer.cancel() and not question.answer.cancelled():
                # Nobody may have waited for an error.
                question.answer.exception()

    @callback
    def pass_next(
        self, chat_ids: AbstractSet[str], sender_id: str, seconds: float
    ) -> None:
        """Leave a person's next words to Assist, which is about to ask them as well."""
        until = asyncio.get_running_loop().time() + seconds
        for question in self._questions:
            if question.chat_ids & chat_ids:
                question.passed_to[sender_id] = until

    @callback
    def end(self, error: Callable[[], HomeAssistantError]) -> None:
        """End all questions with an error."""
        for question in self._questions:
            question.end(error())

    @callback
    def locate(self, chat_ids: set[str], own_messages: Collection[Message]) -> None:
        """Find the questions of a chat among own messages that were just read."""
        for question in self._questions:
            if question.chat_ids & chat_ids:
                question.locate(own_messages)

    @callback
    def take(self, event: MessageEvent) -> bool:
        """Return whether a message or reaction answers a question, which it then ends."""
        if event.is_self or event.type not in ("message_received", "reaction_added"):
            return False
        for question in reversed(self._questions):
            if (
                question.answer.done()
                or not question.chat_ids & event.chat.ids
                or not question.may_answer(event.sender)
                or not _is_for(question, event)
                or question.passes(event)
            ):
                continue
            if (match := question.match(event)) is None:
                return False
            question.answer.set_result(TakenAnswer(event=event, match=match))
            return True
        return False


def _is_for(question: OpenQuestion, event: MessageEvent) -> bool:
    """Return whether an event is about a question, by reference or by time.

    What refers to another message is about that one, even if it was a question.
    """
    is_same_chat = question.row is None or question.row.chat_id in (
        event.message.chat_id,
        None,
    )
    if event.reaction:
        return is_same_chat and not event.message_ids.isdisjoint(question.ids)
    if reply_to := event.message.reply_to_message_id:
        return is_same_chat and reply_to in question.ids
    return question.is_before(event.message)


def _whole_seconds(time: datetime) -> datetime:
    return time.replace(microsecond=0)
