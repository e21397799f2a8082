"""Incoming messages: each is published once, and in order within its chat.

Events, gaps in the stream and polls only trigger reads. The messages that are read are
compared with the messages seen before, and the differences are published.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.start import async_at_started

from ..api.exceptions import AnswerError, BeeperError, UnreadableAnswerError
from ..api.models import Account, Chat, Message, User
from ..api.pages import pages
from ..api.server_generations import UNIDENTIFIED, Generation
from ..api.stream import ChatEvent
from ..const import CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from ..outgoing.delivery_status import server_time
from ..outgoing.sent_messages import SentMessages
from ..people.directory import Directory
from ..server import Server
from .chat_cache import ChatCache
from .history import ChatReading, read_history
from .lost_messages import LostMessages
from .message_comparison import MessageChange
from .open_questions import OpenQuestions
from .publisher import Publisher
from .read_queue import (
    CHAT_LIST,
    FAILURES_BEFORE_WARNING,
    PendingRead,
    ReadQueue,
    Target,
)
from .read_statistics import ReadStatistics, iso_time
from .seen_messages import SeenMessages
from .sent_follower import SentFollower
from .server_clock import ServerClock
from .voice_notes import VoiceNotes

_FINAL_STATUSES: Final = (400, 403, 404, 410, 422)
"""Statuses after which a single message is not read again."""

_MAX_NAMED: Final = 50
"""Messages of a chat that are read one by one; more are searched in its list."""

_MAX_PAGES: Final = 400
_MAX_LONG_PAGES: Final = 500
_CLOCK_TOLERANCE: Final = 2
_NEW_CHAT_TOLERANCE: Final = 30
"""Seconds that a first message may take from its sender to Beeper."""


class Inbox:
    """The incoming messages of one server."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        server: Server,
        directory: Directory,
        sent: SentMessages,
        seen: SeenMessages,
        questions: OpenQuestions,
    ) -> None:
        """Start without messages; `sent` are the messages that Home Assistant sent.

        The chats that are listed are passed on to the index of `directory`.
        """
        self._hass = hass
        self._entry = entry
        self._server = server
        self._client = server.client
        self._directory = directory
        self._sent = sent
        self._seen = seen
        self._loaded = False
        self._active: dict[str, tuple[datetime | None, int]] = {}
        """The activity of each chat, and a hash of its preview."""
        self._chats = ChatCache(hass, server.client)
        self._reads = ReadQueue(hass, self._async_read)
        self._caught_up = 0.0
        self._clock = ServerClock(hass, entry, server)
        self._newest: datetime | None = None
        """The last activity of any chat that is known."""
        self._statistics = ReadStatistics(server)
        self._lost = LostMessages(hass, entry)
        self._follower = SentFollower(hass, entry, server, sent, self._schedule)
        self._publisher = Publisher(
            hass,
            entry,
            server,
            sent,
            seen,
            self._follower,
            self._statistics,
            questions,
        )
        self._voice_notes = VoiceNotes(hass, entry, server)
        self._task: asyncio.Task[None] | None = None

    # Public interface

    async def async_load(self) -> None:
        """Continue where the last run ended; the first run ignores older messages.

        Does nothing the second time. Raises BeeperError if the existing messages
        cannot be read.
        """
        if self._loaded:
            return
        if not await self._seen.async_load():
            self._seen.start(self._clock.now().timestamp() - _CLOCK_TOLERANCE)
            try:
                async for chat in self._active_chats():
                    reading = await read_history(self._client, self._seen, chat.id)
                    for message in reading.messages:
                        self._seen.note(chat.id, message)
                    self._seen.mark(chat.id, reading.messages)
            except BeeperError:
                self._seen.cutoff = 0
                raise
            await self._seen.async_save()
        self._loaded = True

    @callback
    def async_start(self) -> None:
        """Start reading once automations are set up."""

        @callback
        def start(_: HomeAssistant) -> None:
            self._task = self._entry.async_create_background_task(
                self._hass, self._async_run(), f"{DOMAIN} inbox"
            )

        self._entry.async_on_unload(async_at_started(self._hass, start))
        self.read_added_chats()

    @callback
    def read_added_chats(self) -> None:
        """Read the added chats: later changes are compared with the messages of this read."""
        for chat_id in self._added_chats():
            self._schedule(chat_id)

    async def async_stop(self) -> None:
        """Stop reading, and save which messages were seen."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._seen.async_save()

    @callback
    def schedule_read(self, event: ChatEvent) -> None:
        """Read a chat in which something happened."""
        if self._reads.is_full_for(event.chat_id):
            # An event can name any chat; the list has only existing ones.
            self._active = {}
            self._reads.schedule(CHAT_LIST, PendingRead())
            return
        if event.type == "message.upserted":
            for message_id, time in event.written.items():
                if not self._seen.has_seen(event.chat_id, message_id):
                    self._note_time(time)
        # Beeper may announce thousands of old messages while it fills a chat.
        ids = {
            message_id
            for message_id in event.ids
            if (written := event.written.get(message_id)) is None
            or written.timestamp() >= self._seen.cutoff
            or self._seen.has_seen(event.chat_id, message_id)
        }
        self._schedule(
            event.chat_id,
            changed=ids if event.type == "message.upserted" else set(),
            deleted=ids if event.type == "message.deleted" else set(),
        )

    def _note_time(self, written: datetime) -> None:
        """Note the time of a new message, which shows whether the clock is right."""
        if self._clock.is_corrected_by(written):
            self._seen.lower_cutoff(written)
            self._caught_up = min(self._caught_up, self._seen.cutoff)
            self._active = {}

    @callback
    def check_issues(self) -> None:
        """Create an issue about a wrong clock, and delete outdated ones."""
        self._clock.check()
        self._lost.check()

    def _schedule(
        self,
        chat_id: str,
        *,
        changed: Iterable[str] = (),
        deleted: Iterable[str] = (),
    ) -> None:
        now = self._clock.now().timestamp()
        self._reads.schedule(
            chat_id,
            PendingRead(
                changed=set(changed),
                deleted=set(deleted),
                # A new chat was missing when the list of chats was last read.
                since=min(self._caught_up, now - _NEW_CHAT_TOLERANCE),
            ),
        )

    @callback
    def note_accounts(self, accounts: Iterable[Account]) -> None:
        """Note the listed accounts: the history that a new one brings along is old."""
        now = self._clock.now().timestamp() - _CLOCK_TOLERANCE
        ids = [account.account_id for account in accounts]
        if self._seen.new_chats.note_accounts(ids, now):
            self._seen.save_soon()

    @callback
    def catch_up(self) -> None:
        """Read the chats that changed since they were last read."""
        self._reads.schedule(CHAT_LIST, PendingRead())

    @callback
    def invalidate(self) -> None:
        """Let the next catch-up read every active chat: events were missed."""
        self._active = {}
        self._reads.reset_delays()

    @property
    def statistics(self) -> dict[str, Any]:
        """Return the numbers of pending chats and messages, and those by account."""
        return {
            "chats_to_read": self._reads.chat_count,
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
            "cutoff": iso_time(self._seen.cutoff),
            "accounts": self._statistics.accounts,
            "voice_notes": dict(self._voice_notes.statistics),
        }

    # Reading

    async def _async_run(self) -> None:
        """Run pending reads; never returns."""
        # Not during the set-up: there can be thousands of chats.
        with suppress(BeeperError):  # The next catch-up tries again.
            await self._async_note_chats()
        await self._reads.async_run()

    async def _async_read(self, target: Target, read: PendingRead) -> None:
        if target is CHAT_LIST:
            await self._async_catch_up()
        else:
            await self._async_read_chat(target, read)

    async def _async_catch_up(self) -> None:
        """Schedule the chats whose activity or preview changed."""
        began = self._clock.now().timestamp()
        await self._async_note_chats()
        active = {}
        async for chat in self._active_chats():
            active[chat.id] = (chat.last_activity, hash(chat.preview))
            self._directory.index.note_chat(chat)
            if self._sent.earlier_reads.note_chat(chat, server_time(self._server)):
                self._sent.save_soon()
            if chat.preview:
                self._note_listed([chat.preview])
        self._advance_cutoff()
        self._seen.forget_old()
        for chat_id, state in active.items():
            if self._active.get(chat_id) != state:
                self._schedule(chat_id)
        for chat_id in self._sent.waiting_chats:
            self._schedule(chat_id)
        self._active = active
        self._caught_up = began - _CLOCK_TOLERANCE

    async def _async_note_chats(self) -> None:
        """Note the existing chats, once; raises BeeperError."""
        if self._seen.new_chats.has_chats:
            return
        chat_ids = []
        long_pages = partial(self._client.all_chats, None)
        async for page in pages(long_pages, _MAX_LONG_PAGES):
            chat_ids += [chat.id for chat in page.items]
        self._seen.new_chats.note_chats(chat_ids)

    async def _active_chats(self) -> AsyncIterator[Chat]:
        """Yield the chats active since the cutoff, the last active first."""
        newest = self._newest
        async for page in pages(partial(self._client.chats, None), _MAX_PAGES):
            for chat in page.items:
                if chat.last_activity and (
                    newest is None or chat.last_activity > newest
                ):
                    if newest:
                        self._note_time(chat.last_activity)
                    self._newest = max(
                        self._newest or chat.last_activity, chat.last_activity
                    )
            active = [
                chat
                for chat in page.items
                if chat.last_activity
                and chat.last_activity.timestamp() >= self._seen.cutoff
            ]
            for chat in active:
                yield chat
            if not active:
                return

    async def _async_read_chat(self, chat_id: str, read: PendingRead) -> None:
        """Publish new messages and changes of a chat, the oldest first."""
        self._seen.new_chats.note_chat(chat_id, read.since)
        one_by_one = (
            self._generation.single_messages
            and len(read.changed | read.deleted) <= _MAX_NAMED
        )
        reading = await read_history(
            self._client,
            self._seen,
            chat_id,
            () if one_by_one else read.changed,
            skips_too_long=read.failures >= FAILURES_BEFORE_WARNING,
        )
        self._note_listed(reading.messages)
        for message in reading.messages:
            # Its event may come later, and find it seen.
            if (
                message.timestamp
                and not self._seen.has_seen(chat_id, message.id or "")
                and self._seen.is_marked(chat_id, message) is False
            ):
                self._note_time(message.timestamp)
        messages = {message.id: message for message in reading.messages if message.id}
        missing = (read.changed | read.deleted) - messages.keys()
        unread = reading.not_found
        if self._generation.single_messages:
            named, unread = await self._async_named(chat_id, missing, read)
            messages |= named
        lost = (not reading.is_complete) + sum(
            not self._seen.has_seen(chat_id, message_id)
            for message_id in unread & read.changed
        )
        self._advance_cutoff()
        deleted = {
            message_id
            for message_id in read.deleted - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        if messages and not (
            deleted
            or lost
            or self._sent.into({chat_id})
            or any(
                self._seen.concerns(chat_id, message) for message in messages.values()
            )
        ):
            self._statistics.count_old(reading.late)
            for message in messages.values():
                if message.id not in reading.partial_ids:
                    self._seen.note(chat_id, message)
            self._seen.mark(chat_id, reading.messages)
            self._publish_last(frozenset({chat_id}), messages.values())
            return  # Beeper may fill thousands of chats with old messages.
        people = {message.sender_id for message in messages.values()}
        chat = await self._chats.async_get(chat_id, people)
        if not messages:
            # A merged chat lists no messages, only its members do.
            for member_id in chat.merged_ids:
                self._schedule(member_id)
        self._statistics.count_old(reading.late, chat)
        if read.left_out:
            # Events named them, and most stand above those that were read before.
            read_anyway = sum(
                not self._seen.has_seen(chat_id, message_id)
                for message_id in messages.keys() - read.changed - read.deleted
            )
            self._statistics.count_left_out(chat, max(0, read.left_out - read_anyway))
        if self._seen.is_renumbered(chat_id, messages.values()):
            self._sent.forget_final_ids(chat.ids)
        await self._follower.async_follow(chat, messages, is_readable=bool(messages))
        lost += await self._async_compare(chat, chat_id, messages, reading, read)
        for message_id in deleted:
            if gone := self._seen.delete(chat_id, message_id):
                self._publisher.publish(chat, gone, messages)
        if reading.messages or reading.is_complete:
            self._seen.mark(chat_id, reading.messages)
        if lost:
            self._statistics.count_lost(chat, lost)
            self._lost.note(chat_id)
        self._publish_last(
            frozenset(chat.ids | {chat_id}), messages.values(), chat.participants
        )

    def _note_listed(self, messages: Iterable[Message]) -> None:
        """Let no later attempt take these own messages for its own."""
        own = [
            message
            for message in messages
            if message.id and self._server.is_own(message, message.account_id)
        ]
        if self._sent.earlier_reads.note_messages(own, server_time(self._server)):
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
        if not chat_ids.isdisjoint(self._added_chats()):
            self._publisher.publish_last(chat_ids, messages, people)

    def _added_chats(self) -> list[str]:
        return [
            subentry.data[CONF_CHAT_ID]
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_CHAT)
        ]

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
        wanted = sorted(ids)
        unread = {*wanted[_MAX_NAMED:]}
        for message_id in wanted[:_MAX_NAMED]:
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
        if self._generation.single_messages:
            try:
                return await self._client.message(chat_id, message_id)
            except (AnswerError, UnreadableAnswerError) as err:
                if not _is_gone(err) and read.failures < FAILURES_BEFORE_WARNING:
                    raise
        return None

    @property
    def _generation(self) -> Generation:
        return self._client.generation or UNIDENTIFIED

    def _advance_cutoff(self) -> None:
        self._seen.advance_cutoff(self._clock.now(), exact=self._clock.is_exact)


def _is_gone(err: BeeperError) -> bool:
    return isinstance(err, AnswerError) and err.status in _FINAL_STATUSES
