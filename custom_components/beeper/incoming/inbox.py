"""Incoming messages: which chats to read, by events, gaps in the stream and polls.

Each message is published once, and in order within its chat.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.start import async_at_started

from ..api.exceptions import BeeperError
from ..api.models import Account, Chat
from ..api.pages import pages
from ..api.stream import ChatEvent
from ..const import DOMAIN
from ..outgoing.sent_messages import SentMessages
from ..people.directory import Directory
from ..server import Server
from .chat_reader import ChatReader, ReaderStatistics
from .history import read_history
from .open_questions import OpenQuestions
from .read_queue import CHAT_LIST, PendingRead, ReadQueue, ReadTarget
from .read_statistics import iso_time
from .seen_messages import SeenMessages
from .server_clock import ServerClock

_MAX_PAGES: Final = 400
_MAX_LONG_PAGES: Final = 500
_CLOCK_TOLERANCE: Final = 2
"""Seconds."""

_NEW_CHAT_TOLERANCE: Final = 30
"""Seconds that a first message may take from its sender to Beeper."""


class InboxStatistics(ReaderStatistics):
    """The numbers of pending chats and messages; `cutoff` is a time."""

    chats_to_read: int
    messages_followed: int
    chats_waiting_for_delivery: int
    cutoff: str | None


class Inbox:
    """The incoming messages of one server."""

    def __init__(
        self,
        server: Server,
        directory: Directory,
        sent: SentMessages,
        seen: SeenMessages,
        questions: OpenQuestions,
    ) -> None:
        """Start without messages; `sent` are the messages that Home Assistant sent.

        The chats that are listed are passed on to the index of `directory`.
        """
        self._hass = server.hass
        self._entry = server.entry
        self._server = server
        self._client = server.client
        self._directory = directory
        self._sent = sent
        self._seen = seen
        self._loaded = False
        self._active: dict[str, tuple[datetime | None, int]] = {}
        """The activity of each chat, and a hash of its preview."""
        self._reads = ReadQueue(server.hass, self._async_read)
        self._caught_up = 0.0
        self._clock = ServerClock(server, seen)
        self._newest: datetime | None = None
        """The last activity of any chat that is known."""
        self._reader = ChatReader(
            server,
            sent,
            seen,
            questions,
            self._clock,
            schedule=self._schedule,
            note_time=self._note_time,
        )
        self._task: asyncio.Task[None] | None = None

    # Public interface

    async def async_load(self) -> None:
        """Continue where the last run ended; the first run ignores older messages.

        Does nothing the second time. Raises BeeperError if the existing messages
        cannot be read.
        """
        if self._loaded:
            return
        is_first_run = not await self._seen.async_load()
        self._clock.load()
        if is_first_run:
            self._seen.start(self._server.now().timestamp() - _CLOCK_TOLERANCE)
            try:
                async for chat in self._active_chats():
                    reading = await read_history(self._client, self._seen, chat.id)
                    self._reader.note_own(reading.messages)
                    for message in reading.messages:
                        self._seen.note(chat.id, message)
                    self._seen.positions.mark(chat.id, reading.messages)
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
        for chat_id in self._server.added_chat_ids:
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
                if not self._seen.has_seen(event.chat_id, message_id, time):
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
            self._seen.save_soon()

    @callback
    def check_issues(self) -> None:
        """Create an issue about a wrong clock, and delete outdated ones."""
        self._clock.check()
        self._reader.check_issues()

    def _schedule(
        self,
        chat_id: str,
        *,
        changed: Iterable[str] = (),
        deleted: Iterable[str] = (),
    ) -> None:
        now = self._server.now().timestamp()
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
        now = self._server.now().timestamp() - _CLOCK_TOLERANCE
        ids = [account.account_id for account in accounts]
        if self._seen.history_cutoffs.note_accounts(ids, now):
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
    def statistics(self) -> InboxStatistics:
        """Return the numbers of pending chats and messages, and those by account."""
        return {
            "chats_to_read": self._reads.chat_count,
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
            "cutoff": iso_time(self._seen.cutoff),
            **self._reader.statistics,
        }

    # Reading

    async def _async_run(self) -> None:
        """Run pending reads; never returns."""
        # Not during the set-up: there can be thousands of chats.
        with suppress(BeeperError):  # The next catch-up tries again.
            await self._async_note_chats()
        await self._reads.async_run()

    async def _async_read(self, target: ReadTarget, read: PendingRead) -> None:
        if target is CHAT_LIST:
            await self._async_catch_up()
        else:
            await self._reader.async_read(target, read)

    async def _async_catch_up(self) -> None:
        """Schedule the chats whose activity or preview changed."""
        began = self._server.now().timestamp()
        await self._async_note_chats()
        active = {}
        async for chat in self._active_chats():
            active[chat.id] = (chat.last_activity, hash(chat.preview))
            self._directory.index.note_chat(chat)
            if self._sent.earlier_reads.note_chat(chat, self._server.earliest_now()):
                self._sent.save_soon()
            if chat.preview:
                self._reader.note_own([chat.preview])
        self._seen.advance_cutoff(self._server.now(), exact=self._clock.is_exact)
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
        if self._seen.history_cutoffs.has_chats:
            return
        chat_ids = []
        long_pages = partial(self._client.all_chats, None)
        async for page in pages(long_pages, _MAX_LONG_PAGES):
            chat_ids += [chat.id for chat in page.items]
        self._seen.history_cutoffs.note_chats(chat_ids)

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
