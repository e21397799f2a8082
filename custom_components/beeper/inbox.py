"""What comes in: every message once, and in order within its chat.

Events of the stream, gaps in it and the clock only say which chats to read. What is
read is compared with what was seen before, and the difference is told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started

from .api.client import BeeperClient
from .api.exceptions import AnswerError, BeeperError, RouteAbsentError
from .api.models import Account, Chat, Message, User
from .api.rich_text import plain
from .api.stream import ChatEvent
from .const import (
    CONF_ALLOWED_SENDERS,
    CONF_CHAT_ID,
    CONF_USER_ID,
    DOMAIN,
    SUBENTRY_CHAT,
)
from .delivery import outcome
from .seen_messages import Change, SeenMessages
from .sent_messages import SentMessages
from .signals import SIGNAL_MESSAGE, SIGNAL_SEND_FAILED, MessageEvent, SendFailed

_LOGGER = logging.getLogger(__name__)

_PAUSE: Final = 0.05
"""Seconds between rounds: what comes in a burst is read at once."""

_RETRY_AFTER: Final = (1.0, 60.0)
"""The shortest and the longest wait in seconds after a round that failed."""

_TROUBLE: Final = 3
"""Rounds that fail one after another until it is worth a line in the log."""

_AT_ONCE: Final = 4
_MAX_PAGES: Final = 400
_CHATS_KEPT: Final = 100
_CHAT_FRESH: Final = 5 * 60
_MAX_PARTICIPANTS: Final = 500
_CLOCK_TOLERANCE: Final = 2


@dataclass(kw_only=True)
class _Signs:
    """Why a chat is to be read: the messages that events named."""

    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def add(self, other: _Signs) -> None:
        self.changed |= other.changed
        self.deleted |= other.deleted


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class _Known:
    """A chat and its people, read at a time of the event loop."""

    chat: Chat
    read: float


class Inbox:
    """What comes in from one server."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: BeeperClient,
        sent: SentMessages,
    ) -> None:
        """Know nothing yet; `sent` tells which own messages Home Assistant sent."""
        self._hass = hass
        self._entry = entry
        self._client = client
        self._sent = sent
        self._seen = SeenMessages(hass, entry)
        self._loaded = False
        self._accounts: Sequence[Account] = ()
        self._active: dict[str, tuple[datetime | None, Message | None]] = {}
        self._chats: dict[str, _Known] = {}
        self._marked: dict[str, _Signs] = {}
        self._catch_up_due = False
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._task: asyncio.Task[None] | None = None

    # What others call

    async def async_load(self) -> None:
        """Go on where the last run ended; the very first begins with what comes now.

        Does nothing the second time. Raises BeeperError if it cannot be read what is
        there already.
        """
        if self._loaded:
            return
        if not await self._seen.async_load():
            now = self._server_time()
            self._seen.floor = now.timestamp() - _CLOCK_TOLERANCE
            async for chat in self._active_chats():
                for message in await self._newest(chat.id):
                    self._seen.note(chat.id, message)
            await self._seen.async_save()
        self._loaded = True

    @callback
    def async_start(self) -> None:
        """Begin to read as soon as automations listen."""

        @callback
        def start(_: HomeAssistant) -> None:
            self._task = self._entry.async_create_background_task(
                self._hass, self._async_run(), f"{DOMAIN} inbox"
            )

        self._entry.async_on_unload(async_at_started(self._hass, start))
        for subentry in self._entry.get_subentries_of_type(SUBENTRY_CHAT):
            # To know how their messages are, before they change.
            self._mark(subentry.data[CONF_CHAT_ID], _Signs())

    async def async_stop(self) -> None:
        """Stop reading, and keep how far it came."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._seen.async_save()

    @callback
    def mark(self, event: ChatEvent) -> None:
        """Have a chat read, as something happened in it."""
        signs = _Signs()
        if event.type == "message.upserted":
            signs.changed |= event.ids
        elif event.type == "message.deleted":
            signs.deleted |= event.ids
        self._mark(event.chat_id, signs)

    @callback
    def catch_up(self, accounts: Sequence[Account]) -> None:
        """Have the chats read in which something happened since they were last read."""
        self._accounts = accounts
        self._catch_up_due = True
        self._wake.set()

    @callback
    def doubt(self) -> None:
        """Take no chat for unchanged in the next catch-up: events were missed."""
        self._active = {}

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many chats are to be read, and how many messages are followed."""
        return {
            "chats_to_read": len(self._marked),
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
        }

    # Which chats to read

    async def _async_run(self) -> None:
        """Read what is marked, again and again; what fails is read later."""
        shortest, longest = _RETRY_AFTER
        failures = 0
        while True:
            pause = min(shortest * 2 ** (failures - 1), longest) if failures else None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()
            caught_up = await self._async_catch_up()
            marked, self._marked = self._marked, {}
            read = await asyncio.gather(
                *(self._async_try(*each) for each in marked.items())
            )
            if caught_up and all(read):
                if failures >= _TROUBLE:
                    _LOGGER.info("Messages can be read again")
                failures = 0
            else:
                failures += 1
                if failures == _TROUBLE:
                    _LOGGER.warning("Messages cannot be read at the moment")
            await asyncio.sleep(_PAUSE)

    async def _async_catch_up(self) -> bool:
        """Mark the chats that are not as they were; return False if it is still due."""
        if not self._catch_up_due:
            return True
        self._seen.raise_floor(self._server_time())
        active = {}
        try:
            async for chat in self._active_chats():
                active[chat.id] = (chat.last_activity, chat.preview)
        except BeeperError:
            return False
        for chat_id, state in active.items():
            if self._active.get(chat_id) != state:
                self._mark(chat_id, _Signs())
        for chat_id in self._sent.waiting_chats:
            self._mark(chat_id, _Signs())
        self._active = active
        self._catch_up_due = False
        return True

    async def _active_chats(self) -> AsyncIterator[Chat]:
        """Yield the chats with messages that may be told, the last active first."""
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._client.chats(cursor=cursor)
            active = [
                chat
                for chat in page.items
                if chat.last_activity
                and chat.last_activity.timestamp() >= self._seen.floor
            ]
            for chat in active:
                yield chat
            if not active or page.cursor in (None, cursor):
                return
            cursor = page.cursor

    @callback
    def _mark(self, chat_id: str, signs: _Signs) -> None:
        self._marked.setdefault(chat_id, _Signs()).add(signs)
        self._wake.set()

    # Reading a chat

    async def _async_try(self, chat_id: str, signs: _Signs) -> bool:
        """Read a chat; one that cannot be read stays marked."""
        async with self._slots:
            try:
                await self._async_read(chat_id, signs)
            except BeeperError as err:
                if isinstance(err, AnswerError) and err.status == 404:
                    return True  # It is gone.
                self._marked.setdefault(chat_id, _Signs()).add(signs)
                return False
        return True

    async def _async_read(self, chat_id: str, signs: _Signs) -> None:
        """Tell what is new in a chat, the oldest first."""
        messages = {
            message.id: message for message in await self._newest(chat_id) if message.id
        }
        named = {
            message_id
            for message_id in (signs.changed | signs.deleted) - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        for message_id in named:
            with suppress(AnswerError):  # It is gone, or none is served alone.
                messages[message_id] = await self._client.message(chat_id, message_id)
        if not self._sent.into(chat_id) and not any(
            self._seen.concerns(chat_id, message) for message in messages.values()
        ):
            for message in messages.values():
                self._seen.note(chat_id, message)
            return  # Beeper may fill thousands of chats with what is old.
        people = {message.sender_id for message in messages.values()}
        chat = await self._async_chat(chat_id, people)
        await self._async_follow_sent(chat)
        for message in sorted(messages.values(), key=Message.order):
            for change in self._compare(chat, message):
                self._tell(chat, change)
                await asyncio.sleep(0)  # Others want to run as well.
        for message_id in named & signs.deleted - messages.keys():
            if gone := self._seen.delete(chat_id, message_id):
                self._tell(chat, gone)

    async def _newest(self, chat_id: str) -> list[Message]:
        """Return the newest messages, back to those that were seen or are too old.

        All or none: what is told must have nothing missing in between.
        """
        messages: list[Message] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await self._client.messages(chat_id, cursor)
            messages += page.items
            if page.cursor in (None, cursor) or any(
                message.timestamp is None
                or message.timestamp.timestamp() < self._seen.floor
                or self._seen.has_seen(chat_id, message.id or "")
                for message in page.items
            ):
                break
            cursor = page.cursor
        return messages

    async def _async_chat(self, chat_id: str, people: Iterable[str | None]) -> Chat:
        """Return a chat in which these people are, as it was minutes ago at most."""
        now = self._hass.loop.time()
        known = self._chats.pop(chat_id, None)
        if (
            known is None
            or now - known.read > _CHAT_FRESH
            or not {*people} <= {user.id for user in known.chat.participants}
        ):
            chat = await self._client.chat(chat_id, participants=_MAX_PARTICIPANTS)
            known = _Known(chat=chat, read=now)
        self._chats[chat_id] = known
        if len(self._chats) > _CHATS_KEPT:
            del self._chats[next(iter(self._chats))]
        return known.chat

    async def _async_follow_sent(self, chat: Chat) -> None:
        """Ask what became of the messages that Home Assistant sent into a chat."""
        for sent in self._sent.into(chat.id, chat.account_id):
            if not sent.is_waiting or sent.message_id is None:
                continue
            try:
                message = await self._client.message(chat.id, sent.message_id)
            except RouteAbsentError:  # before 4.2.808
                sent.message_id = None
                continue
            except AnswerError:  # Not known yet.
                continue
            if (delivery := outcome(sent.message_id, message)) is None:
                continue
            sent.final_id = message.id
            if delivery.state == "failed":
                async_dispatcher_send(
                    self._hass,
                    SIGNAL_SEND_FAILED,
                    SendFailed(
                        entry_id=self._entry.entry_id,
                        chat=chat,
                        message_id=sent.message_id,
                        reason=delivery.reason or "unknown",
                        retriable=message.send_status == "FAIL_RETRIABLE",
                    ),
                )

    # Telling

    def _compare(self, chat: Chat, message: Message) -> Iterable[Change]:
        """Return what is new of a message and not Home Assistant's own doing."""
        is_self = self._is_self(chat, message.sender_id) or message.is_sender
        if not is_self:
            return self._seen.compare(chat.id, message, is_self=False)
        if message.send_status not in (None, "SUCCESS"):
            return ()  # Not sent yet, perhaps never.
        is_new = not self._seen.has_seen(chat.id, message.id or "")
        changes = self._seen.compare(chat.id, message, is_self=True)
        if is_new and self._sent.recognise(chat, message, self._server_time()):
            return [each for each in changes if each.type != "message_sent"]
        return changes

    @callback
    def _tell(self, chat: Chat, change: Change) -> None:
        """Tell of a change, unless somebody caused it who is not to be heard."""
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
        text = message.text if reaction is None else None
        rich = self._client.generation is not None and self._client.generation.rich_text
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

    def _is_self(self, chat: Chat, user_id: str | None) -> bool:
        """Tell whether it is the user; some networks mark own messages wrongly."""
        return (
            user_id == self._entry.data[CONF_USER_ID]
            or any(
                account.user and account.user.id == user_id
                for account in self._accounts
                if account.account_id == chat.account_id
            )
            or any(user.is_self for user in chat.participants if user.id == user_id)
        )

    def _is_allowed(self, sender: User) -> bool:
        """Tell whether the options let automations hear of somebody."""
        allowed: list[str] = self._entry.options.get(CONF_ALLOWED_SENDERS, [])
        return not allowed or any(
            sender.has_phone_number(each)
            if each.startswith("+")
            else sender.has_id(each)
            for each in allowed
        )

    def _server_time(self) -> datetime:
        return datetime.now(UTC) + (self._client.clock_offset or timedelta())


async def async_remove_inbox(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what an entry kept for a restart."""
    await SeenMessages(hass, entry).async_remove()
