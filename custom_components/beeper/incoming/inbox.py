"""Incoming messages: each is published once, and in order within its chat.

Events, gaps in the stream and polls only trigger reads. What is read is compared with
what was seen before, and the difference is published.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started

from ..api.exceptions import AnswerError, BeeperError, UnreadableAnswerError
from ..api.generations import UNIDENTIFIED, Generation
from ..api.models import Chat, Message, User
from ..api.pages import pages
from ..api.rich_text import plain
from ..api.stream import ChatEvent
from ..const import CONF_ALLOWED_SENDERS, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from ..outgoing.delivery import outcome
from ..outgoing.sent_messages import Sent, SentMessages
from ..server import Server
from ..signals import SIGNAL_MESSAGE, SIGNAL_SEND_FAILED, MessageEvent, SendFailed
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
_MAX_PAGES: Final = 400
_CHATS_KEPT: Final = 100
_CHAT_FRESH: Final = 5 * 60
_MAX_PARTICIPANTS: Final = 500
_CLOCK_TOLERANCE: Final = 2


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
                    for message in await self._newest(chat.id):
                        self._seen.note(chat.id, message)
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
                self._hass, self._queue.async_run(), f"{DOMAIN} inbox"
            )

        self._entry.async_on_unload(async_at_started(self._hass, start))
        for subentry in self._entry.get_subentries_of_type(SUBENTRY_CHAT):
            # Later changes are compared with what is read now.
            self._queue.schedule(subentry.data[CONF_CHAT_ID], PendingRead())

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
        read = PendingRead()
        if event.type == "message.upserted":
            read.changed |= ids
        elif event.type == "message.deleted":
            read.deleted |= ids
        self._queue.schedule(event.chat_id, read)

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
    def statistics(self) -> dict[str, int]:
        """Return the numbers of pending chats and followed messages."""
        return {
            "chats_to_read": self._queue.chat_count,
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
        }

    # Reading

    async def _async_read(self, target: Target, read: PendingRead) -> None:
        if target is CHAT_LIST:
            await self._async_catch_up()
        else:
            await self._async_read_chat(target, read)

    async def _async_catch_up(self) -> None:
        """Schedule the chats whose activity or preview changed."""
        active = {
            chat.id: (chat.last_activity, chat.preview)
            async for chat in self._active_chats()
        }
        self._advance_cutoff()
        self._seen.forget_old()
        for chat_id, state in active.items():
            if self._active.get(chat_id) != state:
                self._queue.schedule(chat_id, PendingRead())
        for chat_id in self._sent.waiting_chats:
            self._queue.schedule(chat_id, PendingRead())
        self._active = active

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
        messages = {
            message.id: message for message in await self._newest(chat_id) if message.id
        }
        named = (read.changed | read.deleted) - messages.keys()
        if self._generation.single_messages:
            for message_id in sorted(named)[:_MAX_NAMED]:
                try:
                    message = await self._client.message(chat_id, message_id)
                except (AnswerError, UnreadableAnswerError) as err:
                    refused = isinstance(err, AnswerError) and err.status < 500
                    if not refused and read.failures < FAILURES_BEFORE_WARNING:
                        raise
                else:  # Otherwise it is gone.
                    messages[message_id] = message
        self._advance_cutoff()
        deleted = {
            message_id
            for message_id in read.deleted - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        if not (
            deleted
            or self._sent.into({chat_id})
            or any(self._seen.concerns(chat_id, each) for each in messages.values())
        ):
            for message in messages.values():
                self._seen.note(chat_id, message)
            return  # Beeper may fill thousands of chats with old messages.
        people = {message.sender_id for message in messages.values()}
        chat = await self._async_chat(chat_id, people)
        for sent in self._sent.into(chat.ids, chat.account_id):
            await self._async_follow(chat, sent, messages.get(sent.message_id or ""))
        for message in sorted(messages.values(), key=Message.order):
            for change in await self._async_compare(chat, message):
                self._publish(chat, change)
                await asyncio.sleep(0)  # Let other tasks run.
        for message_id in deleted:
            if gone := self._seen.delete(chat_id, message_id):
                self._publish(chat, gone)

    async def _newest(self, chat_id: str) -> list[Message]:
        """Return the newest messages, back to one that was seen or is too old.

        Raises BeeperError rather than leaving a gap.
        """
        messages: list[Message] = []
        async for page in pages(partial(self._client.messages, chat_id), _MAX_PAGES):
            messages += page.items
            # At either end of the page: one odd row in between must not end it.
            ends = [each for each in page.items if each.timestamp is not None]
            oldest = min(ends[:1] + ends[-1:], key=Message.order, default=None)
            if (
                oldest is None
                or self._seen.has_seen(chat_id, oldest.id or "")
                or not self._seen.concerns(chat_id, oldest)
            ):
                break
        return messages

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
        self, chat: Chat, sent: Sent, listed: Message | None = None
    ) -> None:
        """Publish the failure of a message that Home Assistant sent to a chat.

        `listed` is the message if it was just read.
        """
        if not sent.is_waiting or sent.message_id is None:
            return
        if not self._generation.single_messages:
            sent.message_id = None  # No route takes it.
            return
        message_id = sent.message_id
        try:
            message = listed or await self._client.message(
                sent.chat_id or chat.id, message_id
            )
        except AnswerError:
            return  # Not known yet; the next poll asks again.
        # A merged chat and its member may be read at once: only one publishes.
        delivery = outcome(message_id, message)
        if delivery is None or not sent.is_waiting:
            return
        sent.settle(message.id)
        if delivery.state == "failed":
            async_dispatcher_send(
                self._hass,
                SIGNAL_SEND_FAILED,
                SendFailed(
                    entry_id=self._entry.entry_id,
                    chat=chat,
                    message_id=message_id,
                    reason=delivery.reason or "unknown",
                    retriable=message.send_status == "FAIL_RETRIABLE",
                ),
            )

    # Publishing

    async def _async_compare(self, chat: Chat, message: Message) -> list[MessageChange]:
        """Return the changes of a message that Home Assistant did not make itself."""
        if not self._is_own(chat, message):
            return list(self._seen.compare(chat.id, message, is_self=False))
        if message.send_status not in (None, "SUCCESS"):
            return []  # It may never be sent.
        is_ours = not self._seen.has_seen(
            chat.id, message.id or ""
        ) and await self._async_recognise(chat, message)
        return [
            change
            for change in self._seen.compare(chat.id, message, is_self=True)
            if not (is_ours and change.type == "message_sent")
        ]

    async def _async_recognise(self, chat: Chat, message: Message) -> bool:
        """Return whether Home Assistant sent an own message."""
        candidates = self._sent.into(chat.ids, chat.account_id)
        if any(sent.has_id(message) for sent in candidates):
            return True
        for sent in candidates:
            if sent.is_like(message, self._server_time()):
                # Its answer may only just have arrived.
                await self._async_follow(chat, sent)
                if sent.has_id(message):
                    return True
                if not sent.is_waiting:
                    sent.final_id = message.id
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
        says = reaction is None and change.type != "message_deleted"
        text = message.text if says else None
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
