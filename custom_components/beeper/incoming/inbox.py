"""Incoming messages: each is published once, and in order within its chat.

Events, gaps in the stream and polls only trigger reads. What is read is compared with
what was seen before, and the difference is published.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started

from ..api.exceptions import AnswerError, BeeperError, UnreadableAnswerError
from ..api.generations import UNIDENTIFIED, Generation
from ..api.models import Account, Chat, Message, User
from ..api.pages import pages
from ..api.rich_text import plain
from ..api.stream import ChatEvent
from ..const import CONF_ALLOWED_SENDERS, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from ..outgoing.delivery import outcome
from ..outgoing.sent_messages import Delivery, Sent, SentMessages
from ..server import Server
from ..signals import SIGNAL_MESSAGE, SIGNAL_SEND_FAILED, MessageEvent, SendFailed
from .arrivals import AccountStatistics
from .history import read_history
from .read_queue import (
    CHAT_LIST,
    FAILURES_BEFORE_WARNING,
    PendingRead,
    ReadQueue,
    Target,
)
from .seen_messages import MessageChange, SeenMessages

_LOGGER = logging.getLogger(__name__)

_MAX_NAMED: Final = 50
"""Messages of a chat that are read one by one; more are searched in its list."""

_MAX_PAGES: Final = 400
_MAX_LONG_PAGES: Final = 500
_CHATS_KEPT: Final = 100
_CHAT_FRESH: Final = 5 * 60
_MAX_PARTICIPANTS: Final = 500
_CLOCK_TOLERANCE: Final = 2
_LOST_AFTER: Final = 30 * 60
"""Seconds after which an accepted message that is not in its chat is lost."""

_LOST_IF_OVERTAKEN: Final = 2 * 60
"""Seconds after which it is lost if a later message of its chat is confirmed."""

_RESTART_GRACE: Final = 3
"""Seconds that a server which has started again may take to list its messages."""

_NEW_CHAT_TOLERANCE: Final = 30
"""Seconds that a first message may take from its sender to Beeper."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _CachedChat:
    """A chat, the senders it was read for, and when, in the event loop's time."""

    chat: Chat
    people: frozenset[str | None]
    read: float


class Inbox:
    """The incoming messages of one server."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        server: Server,
        sent: SentMessages,
        seen: SeenMessages,
    ) -> None:
        """Start without messages; `sent` are the messages that Home Assistant sent."""
        self._hass = hass
        self._entry = entry
        self._server = server
        self._client = server.client
        self._sent = sent
        self._seen = seen
        self._loaded = False
        self._active: dict[str, tuple[datetime | None, Message | None]] = {}
        self._chats: dict[str, _CachedChat] = {}
        self._queue = ReadQueue(hass, self._async_read)
        self._caught_up = 0.0
        self._statistics: defaultdict[str, AccountStatistics] = defaultdict(
            AccountStatistics
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
        if not await self._seen.async_load():
            self._seen.cutoff = self._server_time().timestamp() - _CLOCK_TOLERANCE
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
        with suppress(BeeperError):  # The next catch-up tries again.
            await self._async_note_chats()

    @callback
    def async_start(self) -> None:
        """Start reading once automations are set up."""

        @callback
        def start(_: HomeAssistant) -> None:
            self._task = self._entry.async_create_background_task(
                self._hass, self._queue.async_run(), f"{DOMAIN} inbox"
            )

        self._entry.async_on_unload(async_at_started(self._hass, start))
        for subentry in self._entry.get_subentries_of_type(SUBENTRY_CHAT):
            # Later changes are compared with what is read now.
            self._schedule(subentry.data[CONF_CHAT_ID])

    async def async_stop(self) -> None:
        """Stop reading, and save which messages were seen."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._seen.async_save()

    @callback
    def schedule_read(self, event: ChatEvent) -> None:
        """Read a chat in which something happened."""
        if self._queue.is_full_for(event.chat_id):
            # An event can name any chat; the list has only existing ones.
            self._active = {}
            self._queue.schedule(CHAT_LIST, PendingRead())
            return
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

    def _schedule(
        self,
        chat_id: str,
        *,
        changed: Iterable[str] = (),
        deleted: Iterable[str] = (),
    ) -> None:
        now = self._server_time().timestamp()
        read = PendingRead()
        read.add(
            PendingRead(
                changed=set(changed),
                deleted=set(deleted),
                # The list of chats did not have it when it was last read.
                since=min(self._caught_up, now - _NEW_CHAT_TOLERANCE),
            )
        )
        self._queue.schedule(chat_id, read)

    @callback
    def note_accounts(self, accounts: Iterable[Account]) -> None:
        """Note the listed accounts: the history that a new one brings along is old."""
        now = self._server_time().timestamp() - _CLOCK_TOLERANCE
        ids = [account.account_id for account in accounts]
        if self._seen.arrivals.note_accounts(ids, now):
            self._seen.save_soon()

    @callback
    def catch_up(self) -> None:
        """Read the chats that changed since they were last read."""
        self._queue.schedule(CHAT_LIST, PendingRead())

    @callback
    def invalidate(self) -> None:
        """Let the next catch-up read every active chat: events were missed."""
        self._active = {}
        self._queue.retry_now()

    @property
    def statistics(self) -> dict[str, Any]:
        """Return the numbers of pending chats and messages, and those by account."""
        return {
            "chats_to_read": self._queue.chat_count,
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
            "cutoff": _iso(self._seen.cutoff),
            "accounts": [
                {
                    "network": account.network if account else None,
                    "newest": _iso(numbers.newest),
                    "skipped_as_old": numbers.skipped["as_old"],
                    "skipped_as_too_many": numbers.skipped["as_too_many"],
                }
                for account_id, numbers in self._statistics.items()
                for account in (self._server.account(account_id),)
            ],
        }

    # Reading

    async def _async_read(self, target: Target, read: PendingRead) -> None:
        if target is CHAT_LIST:
            await self._async_catch_up()
        else:
            await self._async_read_chat(target, read)

    async def _async_catch_up(self) -> None:
        """Schedule the chats whose activity or preview changed."""
        began = self._server_time().timestamp()
        await self._async_note_chats()
        active = {
            chat.id: (chat.last_activity, chat.preview)
            async for chat in self._active_chats()
        }
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
        if self._seen.arrivals.has_chats:
            return
        chat_ids = []
        long_pages = partial(self._client.all_chats, None)
        async for page in pages(long_pages, _MAX_LONG_PAGES):
            chat_ids += [chat.id for chat in page.items]
        self._seen.arrivals.note_chats(chat_ids)

    async def _active_chats(self) -> AsyncIterator[Chat]:
        """Yield the chats active since the cutoff, the last active first."""
        async for page in pages(partial(self._client.chats, None), _MAX_PAGES):
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
        """Publish what is new in a chat, the oldest first."""
        self._seen.arrivals.note_chat(chat_id, read.since)
        one_by_one = (
            self._generation.single_messages
            and len(read.changed | read.deleted) <= _MAX_NAMED
        )
        reading = await read_history(
            self._client, self._seen, chat_id, () if one_by_one else read.changed
        )
        messages = {message.id: message for message in reading.messages if message.id}
        missing = (read.changed | read.deleted) - messages.keys()
        if self._generation.single_messages:
            messages |= await self._async_named(chat_id, missing, read)
        self._advance_cutoff()
        deleted = {
            message_id
            for message_id in read.deleted - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        if messages and not (
            deleted
            or self._sent.into({chat_id})
            or any(self._seen.concerns(chat_id, each) for each in messages.values())
        ):
            self._count_old(reading.late)
            for message in messages.values():
                self._seen.note(chat_id, message)
            self._seen.mark(chat_id, reading.messages)
            return  # Beeper may fill thousands of chats with old messages.
        people = {message.sender_id for message in messages.values()}
        chat = await self._async_chat(chat_id, people)
        if not messages:
            # A merged chat lists no messages, only its members do.
            for member_id in chat.merged_ids:
                self._schedule(member_id)
        self._count_old(reading.late, chat)
        if read.left_out or not reading.is_complete:
            skipped = self._statistics[chat.account_id or ""].skipped
            skipped["as_too_many"] += read.left_out or 1
        await self._async_follow(chat, messages, is_readable=bool(messages))
        for message in sorted(messages.values(), key=Message.order):
            for change in await self._async_compare(chat, message, messages):
                self._publish(chat, change)
                await asyncio.sleep(0)  # Let other tasks run.
        for message_id in deleted:
            if gone := self._seen.delete(chat_id, message_id):
                self._publish(chat, gone)
        self._seen.mark(chat_id, reading.messages)

    async def _async_named(
        self, chat_id: str, ids: Collection[str], read: PendingRead
    ) -> dict[str, Message]:
        """Return messages that events named, read one by one."""
        read.left_out += max(0, len(ids) - _MAX_NAMED)
        messages: dict[str, Message] = {}
        for message_id in sorted(ids)[:_MAX_NAMED]:
            try:
                messages[message_id] = await self._client.message(chat_id, message_id)
            except (AnswerError, UnreadableAnswerError) as err:
                refused = isinstance(err, AnswerError) and err.status < 500
                if not refused and read.failures < FAILURES_BEFORE_WARNING:
                    raise
        return messages

    def _count_old(self, late: Iterable[Message], chat: Chat | None = None) -> None:
        """Count messages that arrived too late to be published."""
        for message in late:
            account_id = message.account_id or (chat and chat.account_id) or ""
            self._statistics[account_id].skipped["as_old"] += 1

    async def _async_chat(self, chat_id: str, people: Iterable[str | None]) -> Chat:
        """Return a chat with these senders; it may be cached for some minutes."""
        now = self._hass.loop.time()
        cached = self._chats.pop(chat_id, None)
        if (
            cached is None
            or now - cached.read > _CHAT_FRESH
            or not {*people} <= cached.people
        ):
            chat = await self._client.chat(chat_id, participants=_MAX_PARTICIPANTS)
            listed = {user.id for user in chat.participants}
            cached = _CachedChat(chat=chat, people=frozenset(people) | listed, read=now)
        self._chats[chat_id] = cached
        if len(self._chats) > _CHATS_KEPT:
            del self._chats[next(iter(self._chats))]
        return cached.chat

    async def _async_follow(
        self, chat: Chat, messages: Mapping[str, Message], *, is_readable: bool
    ) -> None:
        """Publish the failures of messages that Home Assistant sent to a chat.

        `messages` are those that were just read. Raises BeeperError.
        """
        own = [message for message in messages.values() if self._is_own(chat, message)]
        self._sent.claim(own, chat.ids, self._server_time())
        for sent in self._sent.into(chat.ids, chat.account_id):
            if not sent.is_waiting or sent.pending_id is None:
                continue
            message = next((each for each in own if each.id in sent.ids), None)
            if message is None and self._generation.single_messages:
                try:
                    message = await self._client.message(
                        sent.chat_id or chat.id, sent.pending_id
                    )
                except AnswerError as err:
                    if err.status != 404:
                        continue  # The next poll asks again.
            if message is None:
                if not (is_readable and self._is_lost(chat, sent)):
                    continue
                if other := self._sent.unclaimed(own, sent, self._server_time()):
                    # The network may have changed the text.
                    sent.settle(other.id)
                    self._sent.save_soon()
                else:
                    sent.settle(None, Delivery(state="failed", reason="unconfirmed"))
                    self._sent.save_soon()
                    self._publish_failure(chat, sent, "unconfirmed", retriable=False)
                continue
            # A merged chat and its member may be read at once: only one publishes.
            delivery = outcome(sent.pending_id, message)
            is_listed = message.send_status is None and message in own
            if not (delivery or is_listed) or not sent.is_waiting:
                continue
            failed = delivery is not None and delivery.state == "failed"
            sent.settle(message.id, delivery if failed else None)
            self._sent.save_soon()
            if delivery and failed:
                self._publish_failure(
                    chat,
                    sent,
                    delivery.reason or "unknown",
                    retriable=message.send_status == "FAIL_RETRIABLE",
                )

    def _is_lost(self, chat: Chat, sent: Sent) -> bool:
        """Return whether a message that is not in its chat is lost, and not slow."""
        now = self._hass.loop.time()
        age = now - sent.attempted
        restarted = self._server.restarted
        if restarted is not None and sent.attempted < restarted:
            if now - restarted >= _RESTART_GRACE:
                return True
            self._hass.loop.call_later(_RESTART_GRACE, self._schedule, chat.id)
        is_overtaken = any(
            later.final_id and later.attempted > sent.attempted
            for later in self._sent.into(chat.ids)
        )
        return age > _LOST_AFTER or (is_overtaken and age > _LOST_IF_OVERTAKEN)

    def _publish_failure(
        self, chat: Chat, sent: Sent, reason: str, *, retriable: bool
    ) -> None:
        async_dispatcher_send(
            self._hass,
            SIGNAL_SEND_FAILED,
            SendFailed(
                entry_id=self._entry.entry_id,
                chat=chat,
                message_id=sent.pending_id or "",
                reason=reason,
                retriable=retriable,
            ),
        )

    # Publishing

    async def _async_compare(
        self, chat: Chat, message: Message, listed: Mapping[str, Message]
    ) -> list[MessageChange]:
        """Return the changes of a message that Home Assistant did not make itself.

        `listed` are all messages that were read together with it, by ID.
        """
        self._statistics[chat.account_id or ""].note(message)
        is_self = self._is_own(chat, message)
        if is_self and message.send_status not in (None, "SUCCESS"):
            return []  # It may never be sent.
        is_known = self._seen.is_known(chat.id, message)
        is_ours = (
            is_self and not is_known and await self._async_recognise(chat, message)
        )
        changes = [
            change
            for change in self._seen.compare(
                chat.id, message, is_self=is_self, listed=listed
            )
            if not (is_ours and change.type == "message_sent")
        ]
        cutoff = self._seen.arrivals.cutoff(chat.id, message.account_id)
        if not (is_known or changes or is_ours) and (
            message.timestamp
            and self._seen.is_recent(message)
            and message.timestamp.timestamp() < cutoff
        ):
            self._count_old([message], chat)
        return changes

    async def _async_recognise(self, chat: Chat, message: Message) -> bool:
        """Return whether Home Assistant sent an own message."""
        candidates = self._sent.into(chat.ids, chat.account_id)
        if any(sent.has_id(message) for sent in candidates):
            return True
        for sent in candidates:
            if sent.is_like(message, self._server_time()):
                # Its answer may only just have arrived.
                if sent.pending_id and self._generation.single_messages:
                    await self._async_follow(chat, {}, is_readable=False)
                    if sent.has_id(message):
                        return True
                    if sent.is_waiting:
                        continue
                sent.final_id = message.id
                self._sent.save_soon()
                return True
        return False

    @callback
    def _publish(self, chat: Chat, change: MessageChange) -> None:
        """Publish a change, unless its sender is not allowed to start automations."""
        message, reaction = change.message, change.reaction
        sender_id = reaction.participant_id if reaction else message.sender_id
        sender = next(
            (user for user in chat.participants if user.id == sender_id),
            User(
                id=sender_id or "", full_name=None if reaction else message.sender_name
            ),
        )
        is_self = self._is_self(chat, sender_id) or (
            reaction is None and message.is_sender
        )
        if not is_self and not self._is_allowed(sender):
            return
        if (is_self or change.type == "message_deleted") and self._sent.changes.claim(
            change.type, chat.ids, message.id, reaction.key if reaction else None
        ):
            return
        says = reaction is None and change.type != "message_deleted"
        text = message.text if says and message.kind not in ("call", "event") else None
        rich = self._generation.rich_text
        async_dispatcher_send(
            self._hass,
            SIGNAL_MESSAGE,
            MessageEvent(
                entry_id=self._entry.entry_id,
                type=change.type,
                chat=chat,
                account_id=message.account_id or chat.account_id or "",
                message=message,
                sender=sender,
                is_self=is_self,
                pending_message_id=self._sent.pending_id(chat.ids, message.id),
                text=plain(text) if text and rich else text,
                rich_text=text if rich else None,
                reaction=reaction,
            ),
        )

    def _is_own(self, chat: Chat, message: Message) -> bool:
        return self._server.is_own(message, chat.account_id) or self._is_self(
            chat, message.sender_id
        )

    def _is_self(self, chat: Chat, user_id: str | None) -> bool:
        """Return whether this is the signed-in user."""
        return user_id is not None and (
            user_id in self._server.own_ids(chat.account_id)
            or any(user.is_self for user in chat.participants if user.id == user_id)
        )

    def _is_allowed(self, sender: User) -> bool:
        """Return whether somebody may start automations.

        Only by what people cannot choose for themselves: the whole ID, or the number
        that Beeper confirms.
        """
        allowed: list[str] = self._entry.options.get(CONF_ALLOWED_SENDERS, [])
        return not allowed or any(
            sender.id == wanted or sender.has_confirmed_number(wanted)
            for wanted in allowed
        )

    @property
    def _generation(self) -> Generation:
        return self._client.generation or UNIDENTIFIED

    def _server_time(self) -> datetime:
        return datetime.now(UTC) + (self._client.clock_offset or timedelta())

    def _advance_cutoff(self) -> None:
        self._seen.advance_cutoff(
            self._server_time(), exact=self._client.clock_offset is not None
        )


def _iso(time: float | None) -> str | None:
    return datetime.fromtimestamp(time, UTC).isoformat() if time else None
