"""Reading one chat: its new messages and changes are published, the oldest first."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, TypedDict

from homeassistant.core import callback

from ..api.exceptions import AnswerError, BeeperError, UnreadableAnswerError
from ..api.models import Chat, Message, User
from ..outgoing.sent_messages import SentMessages
from ..server import Server
from .chat_cache import ChatCache
from .history import ChatReading, read_history
from .lost_messages import LostMessages
from .message_comparison import MessageChange
from .open_questions import OpenQuestions
from .publisher import Publisher
from .read_queue import FAILURES_BEFORE_WARNING, PendingRead
from .read_statistics import AccountStatistics, ReadStatistics
from .seen_messages import SeenMessages
from .sent_follower import SentFollower
from .server_clock import ServerClock
from .voice_notes import VoiceNotes

_FINAL_STATUSES: Final = (400, 403, 404, 410, 422)
"""Statuses after which a single message is not read again."""

_MAX_NAMED: Final = 50
"""Messages of a chat that are read one by one; more are searched in its list."""


class ReaderStatistics(TypedDict):
    """The numbers by account, and those of voice notes by outcome."""

    accounts: list[AccountStatistics]
    voice_notes: dict[str, int]


class ChatReader:
    """Reads the chats of one server, and compares them with the messages seen before."""

    def __init__(
        self,
        server: Server,
        sent: SentMessages,
        seen: SeenMessages,
        questions: OpenQuestions,
        clock: ServerClock,
        *,
        schedule: Callable[[str], None],
        note_time: Callable[[datetime], None],
    ) -> None:
        """Schedule reads of other chats with `schedule`.

        `note_time` gets the times of new messages.
        """
        self._server = server
        self._client = server.client
        self._sent = sent
        self._seen = seen
        self._clock = clock
        self._schedule = schedule
        self._note_time = note_time
        self._chats = ChatCache(server)
        self._statistics = ReadStatistics(server)
        self._lost = LostMessages(server.hass, server.entry)
        self._follower = SentFollower(server, sent, schedule)
        self._publisher = Publisher(
            server,
            sent,
            seen,
            self._follower,
            self._statistics,
            questions,
        )
        self._voice_notes = VoiceNotes(server)

    @callback
    def check_issues(self) -> None:
        """Delete an outdated issue about lost messages."""
        self._lost.check()

    @property
    def statistics(self) -> ReaderStatistics:
        """Return the numbers by account, and those of voice notes."""
        return {
            "accounts": self._statistics.accounts,
            "voice_notes": dict(self._voice_notes.statistics),
        }

    async def async_read(self, chat_id: str, read: PendingRead) -> None:
        """Publish new messages and changes of a chat, the oldest first."""
        self._seen.history_cutoffs.note_chat(chat_id, read.since)
        reading = await self._async_history(chat_id, read)
        messages = {message.id: message for message in reading.messages if message.id}
        missing = (read.changed | read.deleted) - messages.keys()
        unread = reading.not_found
        if self._client.features.single_messages:
            named, unread = await self._async_named(chat_id, missing, read)
            messages |= named
        lost = (not reading.is_complete) + sum(
            not self._seen.has_seen(chat_id, message_id)
            for message_id in unread & read.changed
        )
        self._seen.advance_cutoff(self._server.now(), exact=self._clock.is_exact)
        deleted = {
            message_id
            for message_id in read.deleted - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        if messages and not (deleted or lost or self._has_news(chat_id, messages)):
            self._note_old(chat_id, messages, reading)
            return  # Beeper may fill thousands of chats with old messages.
        people = {message.sender_id for message in messages.values()}
        chat = await self._chats.async_get(chat_id, people)
        if not messages:
            # A merged chat lists no messages, only its members do.
            for member_id in chat.merged_ids:
                self._schedule(member_id)
        self._statistics.count_old(reading.late, chat)
        if read.left_out:
            self._count_left_out(chat, chat_id, messages, read)
        if self._seen.is_renumbered(chat_id, messages.values()):
            self._sent.forget_final_ids(chat.ids)
        await self._follower.async_follow(chat, messages, is_readable=bool(messages))
        lost += await self._async_compare(chat, chat_id, messages, reading, read)
        for message_id in deleted:
            if gone := self._seen.delete(chat_id, message_id):
                self._publisher.publish(chat, gone, messages)
        if reading.messages or reading.is_complete:
            self._seen.positions.mark(chat_id, reading.messages)
        if lost:
            self._statistics.count_lost(chat, lost)
            self._lost.note(chat_id)
        self._publish_last(
            frozenset(chat.ids | {chat_id}), messages.values(), chat.participants
        )

    def _has_news(self, chat_id: str, messages: Mapping[str, Message]) -> bool:
        """Return whether a message may be new, changed, or sent by Home Assistant."""
        return bool(self._sent.into({chat_id})) or any(
            self._seen.concerns(chat_id, message) for message in messages.values()
        )

    async def _async_history(self, chat_id: str, read: PendingRead) -> ChatReading:
        one_by_one = (
            self._client.features.single_messages
            and len(read.changed | read.deleted) <= _MAX_NAMED
        )
        reading = await read_history(
            self._client,
            self._seen,
            chat_id,
            () if one_by_one else read.changed,
            skips_too_long=read.failures >= FAILURES_BEFORE_WARNING,
        )
        self.note_own(reading.messages)
        for message in reading.messages:
            # Its event may come later, and find it seen.
            if (
                message.timestamp
                and not self._seen.is_known(chat_id, message)
                and not self._seen.positions.includes(chat_id, message)
            ):
                self._note_time(message.timestamp)
        return reading

    def _note_old(
        self, chat_id: str, messages: Mapping[str, Message], reading: ChatReading
    ) -> None:
        """Note old messages, which are not published."""
        self._statistics.count_old(reading.late)
        for message in messages.values():
            if message.id not in reading.partial_ids:
                self._seen.note(chat_id, message)
        self._seen.positions.mark(chat_id, reading.messages)
        self._publish_last(frozenset({chat_id}), messages.values())

    def _count_left_out(
        self,
        chat: Chat,
        chat_id: str,
        messages: Mapping[str, Message],
        read: PendingRead,
    ) -> None:
        # Events named them, and most stand above those that were read before.
        read_anyway = sum(
            not self._seen.has_seen(chat_id, message_id)
            for message_id in messages.keys() - read.changed - read.deleted
        )
        self._statistics.count_left_out(chat, max(0, read.left_out - read_anyway))

    def note_own(self, messages: Iterable[Message]) -> None:
        """Keep later attempts from claiming these own messages."""
        own = [
            message
            for message in messages
            if message.id and self._server.is_own(message, message.account_id)
        ]
        if self._sent.earlier_reads.note_messages(own, self._server.earliest_now()):
            self._sent.save_soon()

    async def _async_compare(
        self,
        chat: Chat,
        chat_id: str,
        messages: Mapping[str, Message],
        reading: ChatReading,
        read: PendingRead,
    ) -> int:
        """Publish the changes of messages; return how many could not be read."""
        lost = 0
        for listed in sorted(messages.values(), key=Message.order):
            message = listed
            if listed.id in reading.partial_ids:
                if self._is_unchanged(chat_id, listed.id, read):
                    continue
                if (whole := await self._async_whole(chat_id, listed.id, read)) is None:
                    lost += 1
                    self._seen.skip(chat.id, listed)
                    continue
                message = whole
            for change in await self._publisher.async_compare(chat, message, messages):
                await self._async_publish(chat, change, messages)
                await asyncio.sleep(0)  # Let other tasks run.
        return lost

    def _publish_last(
        self,
        chat_ids: frozenset[str],
        messages: Iterable[Message],
        people: Iterable[User] = (),
    ) -> None:
        if chat_ids & self._server.added_chat_ids:
            self._publisher.publish_last(chat_ids, messages, people)

    async def _async_publish(
        self, chat: Chat, change: MessageChange, listed: Mapping[str, Message]
    ) -> None:
        transcript = None
        try:
            if change.type == "message_received" and self._publisher.is_from_allowed(
                chat, change
            ):
                transcript = await self._voice_notes.async_transcribe(
                    chat, change.message
                )
        finally:
            # It was noted as seen, so it is published even if this task is cancelled.
            self._publisher.publish(chat, change, listed, transcript)

    async def _async_named(
        self, chat_id: str, ids: Collection[str], read: PendingRead
    ) -> tuple[dict[str, Message], frozenset[str]]:
        """Return messages that events named, read one by one, and which were not read.

        A message that is gone is in neither.
        """
        messages: dict[str, Message] = {}
        ordered = sorted(ids)
        unread = {*ordered[_MAX_NAMED:]}
        for message_id in ordered[:_MAX_NAMED]:
            try:
                messages[message_id] = await self._client.message(chat_id, message_id)
            except (AnswerError, UnreadableAnswerError) as err:
                if _is_gone(err):
                    continue
                if read.failures < FAILURES_BEFORE_WARNING:
                    raise
                unread.add(message_id)
        return messages, frozenset(unread)

    def _is_unchanged(self, chat_id: str, message_id: str, read: PendingRead) -> bool:
        """Return whether a message was published, and no event has named it since."""
        return message_id not in read.changed and self._seen.has_seen(
            chat_id, message_id
        )

    async def _async_whole(
        self, chat_id: str, message_id: str, read: PendingRead
    ) -> Message | None:
        """Return a message with its content; None if it cannot be read."""
        if self._client.features.single_messages:
            try:
                return await self._client.message(chat_id, message_id)
            except (AnswerError, UnreadableAnswerError) as err:
                if not _is_gone(err) and read.failures < FAILURES_BEFORE_WARNING:
                    raise
        return None


def _is_gone(err: BeeperError) -> bool:
    return isinstance(err, AnswerError) and err.status in _FINAL_STATUSES
