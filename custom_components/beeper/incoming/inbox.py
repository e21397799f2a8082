"""What comes in: every message once, and in order within its chat.

Events of the stream, gaps in it and the clock only say which chats to read. What is
read is compared with what was seen before, and the difference is told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
import logging
import traceback
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.start import async_at_started

from ..api.client import BeeperClient
from ..api.exceptions import (
    AnswerError,
    BeeperError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from ..api.generations import UNIDENTIFIED, Generation
from ..api.models import Account, Chat, Message, User
from ..api.pages import pages
from ..api.rich_text import plain
from ..api.stream import ChatEvent
from ..const import (
    CONF_ALLOWED_SENDERS,
    CONF_CHAT_ID,
    CONF_USER_ID,
    DOMAIN,
    SUBENTRY_CHAT,
)
from ..outgoing.delivery import outcome
from ..outgoing.sent_messages import Sent, SentMessages
from ..signals import SIGNAL_MESSAGE, SIGNAL_SEND_FAILED, MessageEvent, SendFailed
from .seen_messages import Change, get_seen_messages

_LOGGER = logging.getLogger(__name__)

_PAUSE: Final = 0.05
"""Seconds between looks at what is marked: what comes in a burst is read at once."""

_RETRY_AFTER: Final = (1.0, 60.0)
"""The shortest and the longest wait in seconds until what failed is tried again."""

_TROUBLE: Final = 3
"""How often something fails until it is worth a line in the log."""

_AT_ONCE: Final = 4
_MAX_NAMED: Final = 50
_MAX_MARKED: Final = 1000
_MAX_IDS: Final = 1000
_MAX_PAGES: Final = 400
_CHATS_KEPT: Final = 100
_CHAT_FRESH: Final = 5 * 60
_MAX_PARTICIPANTS: Final = 500
_CLOCK_TOLERANCE: Final = 2


# What is to be read: a chat, or which chats there are.
type _What = str | None
_CHATS: Final = None


@dataclass(kw_only=True, repr=False)
class _Mark:
    """That something is to be read, as soon as it is due by the event loop's time.

    `changed` and `deleted` are the messages that events named.
    """

    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    failures: int = 0
    due: float = 0

    def add(self, other: _Mark) -> None:
        """Add what another one says; what failed stays due when it was."""
        if len(self.changed) < _MAX_IDS:
            self.changed |= other.changed
        if len(self.deleted) < _MAX_IDS:
            self.deleted |= other.deleted


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class _Known:
    """A chat, and of whom it was asked, at a time of the event loop."""

    chat: Chat
    people: frozenset[str | None]
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
        self._seen = get_seen_messages(hass, entry)
        self._loaded = False
        self._accounts: Sequence[Account] = ()
        self._active: dict[str, tuple[datetime | None, Message | None]] = {}
        self._chats: dict[str, _Known] = {}
        self._marked: dict[_What, _Mark] = {}
        self._reading: set[_What] = set()
        self._in_trouble = False
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
            self._seen.floor = self._server_time().timestamp() - _CLOCK_TOLERANCE
            try:
                async for chat in self._active_chats():
                    for message in await self._newest(chat.id):
                        self._seen.note(chat.id, message)
            except BeeperError:
                self._seen.floor = 0
                raise
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
            self._mark(subentry.data[CONF_CHAT_ID], _Mark())

    async def async_stop(self) -> None:
        """Stop reading, and keep how far it came."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._seen.async_save()

    @callback
    def mark(self, event: ChatEvent) -> None:
        """Have a chat read, as something happened in it."""
        if (
            len(self._marked) + len(self._reading) >= _MAX_MARKED
            and event.chat_id not in self._marked
            and event.chat_id not in self._reading
        ):
            # As after a gap: the server lists its chats, an event can name any.
            self._active = {}
            self._mark(_CHATS, _Mark())
            return
        # Beeper may tell of thousands of old messages when it fills a chat up.
        ids = {
            message_id
            for message_id in event.ids
            if (written := event.written.get(message_id)) is None
            or written.timestamp() >= self._seen.floor
            or self._seen.has_seen(event.chat_id, message_id)
        }
        mark = _Mark()
        if event.type == "message.upserted":
            mark.changed |= ids
        elif event.type == "message.deleted":
            mark.deleted |= ids
        self._mark(event.chat_id, mark)

    @callback
    def catch_up(self, accounts: Sequence[Account]) -> None:
        """Have the chats read in which something happened since they were last read."""
        self._accounts = accounts
        self._mark(_CHATS, _Mark())

    @callback
    def doubt(self) -> None:
        """Take no chat for unchanged in the next catch-up: events were missed."""
        self._active = {}
        for mark in self._marked.values():
            mark.due = 0  # The server is back.

    @property
    def statistics(self) -> dict[str, int]:
        """Return how many chats are to be read, and how many messages are followed."""
        return {
            "chats_to_read": len((self._marked.keys() | self._reading) - {_CHATS}),
            "messages_followed": self._seen.count,
            "chats_waiting_for_delivery": len(self._sent.waiting_chats),
        }

    # Which chats to read

    @callback
    def _mark(self, what: _What, mark: _Mark) -> None:
        self._marked.setdefault(what, _Mark()).add(mark)
        self._wake.set()

    async def _async_run(self) -> None:
        """Read what is marked, each thing on its own, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                now = self._hass.loop.time()
                waiting = []
                for what, mark in list(self._marked.items()):
                    if what in self._reading:
                        continue  # It wakes us when it is done.
                    if mark.due <= now:
                        self._reading.add(what)
                        tasks.create_task(self._async_try(what, self._marked.pop(what)))
                    else:
                        waiting.append(mark.due - now)
                await asyncio.sleep(_PAUSE)
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(waiting, default=None)):
                        await self._wake.wait()
                self._wake.clear()

    async def _async_try(self, what: _What, mark: _Mark) -> None:
        """Read a chat, or which there are; what cannot be read stays marked."""
        try:
            async with self._slots:
                if what is _CHATS:
                    await self._async_catch_up()
                else:
                    await self._async_read(what, mark)
        except BeeperError as err:
            gone = isinstance(err, AnswerError) and err.status == 404
            if not gone or isinstance(err, RouteAbsentError):
                # A server that is away altogether is told of by the coordinator.
                answers = isinstance(err, AnswerError | UnreadableAnswerError)
                self._failed(what, mark, is_news=answers)
        except Exception as err:  # noqa: BLE001 - or all that comes later were lost.
            # The text of an error can hold what it stumbled over.
            _LOGGER.error(
                "Unexpected %s while reading messages:\n%s",
                type(err).__name__,
                "".join(traceback.format_tb(err.__traceback__)),
            )
            self._failed(what, mark, is_news=False)
        finally:
            self._reading.discard(what)
            self._wake.set()
        if self._in_trouble and not any(
            each.failures for each in self._marked.values()
        ):
            self._in_trouble = False
            _LOGGER.info("Messages can be read again")

    def _failed(self, what: _What, mark: _Mark, *, is_news: bool) -> None:
        """Mark it again, for later; `is_news`: nobody else says that it fails."""
        shortest, longest = _RETRY_AFTER
        pause = min(shortest * 2 ** min(mark.failures, 9), longest)
        mark.due = self._hass.loop.time() + pause
        mark.failures += 1
        if what in self._marked:
            mark.add(self._marked[what])
        self._marked[what] = mark
        if is_news and mark.failures >= _TROUBLE and not self._in_trouble:
            self._in_trouble = True
            _LOGGER.warning("Messages cannot be read at the moment")

    async def _async_catch_up(self) -> None:
        """Mark the chats that are not as they were when they were last read."""
        active = {
            chat.id: (chat.last_activity, chat.preview)
            async for chat in self._active_chats()
        }
        self._raise_floor()
        self._seen.forget_old()
        for chat_id, state in active.items():
            if self._active.get(chat_id) != state:
                self._mark(chat_id, _Mark())
        for chat_id in self._sent.waiting_chats:
            self._mark(chat_id, _Mark())
        self._active = active

    async def _active_chats(self) -> AsyncIterator[Chat]:
        """Yield the chats with messages that may be told, the last active first."""
        async for page in pages(partial(self._client.chats, None), _MAX_PAGES):
            active = [
                chat
                for chat in page.items
                if chat.last_activity
                and chat.last_activity.timestamp() >= self._seen.floor
            ]
            for chat in active:
                yield chat
            if not active:
                return

    # Reading a chat

    async def _async_read(self, chat_id: str, mark: _Mark) -> None:
        """Tell what is new in a chat, the oldest first."""
        messages = {
            message.id: message for message in await self._newest(chat_id) if message.id
        }
        named = (mark.changed | mark.deleted) - messages.keys()
        if self._generation.single_messages:
            for message_id in sorted(named)[:_MAX_NAMED]:
                try:
                    message = await self._client.message(chat_id, message_id)
                except (AnswerError, UnreadableAnswerError) as err:
                    refused = isinstance(err, AnswerError) and err.status < 500
                    if not refused and mark.failures < _TROUBLE:
                        raise
                else:  # Else it is gone.
                    messages[message_id] = message
        self._raise_floor()
        deleted = {
            message_id
            for message_id in mark.deleted - messages.keys()
            if self._seen.has_seen(chat_id, message_id)
        }
        if not (
            deleted
            or self._sent.into({chat_id})
            or any(self._seen.concerns(chat_id, each) for each in messages.values())
        ):
            for message in messages.values():
                self._seen.note(chat_id, message)
            return  # Beeper may fill thousands of chats with what is old.
        people = {message.sender_id for message in messages.values()}
        chat = await self._async_chat(chat_id, people)
        for sent in self._sent.into(chat.ids, chat.account_id):
            await self._async_follow(chat, sent, messages.get(sent.message_id or ""))
        for message in sorted(messages.values(), key=Message.order):
            for change in await self._async_compare(chat, message):
                self._tell(chat, change)
                await asyncio.sleep(0)  # Others want to run as well.
        for message_id in deleted:
            if gone := self._seen.delete(chat_id, message_id):
                self._tell(chat, gone)

    async def _newest(self, chat_id: str) -> list[Message]:
        """Return the newest messages, back to those that were seen or are too old.

        All or none: what is told must have nothing missing in between.
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
        """Return a chat in which these people are, as it was minutes ago at most."""
        now = self._hass.loop.time()
        known = self._chats.pop(chat_id, None)
        if (
            known is None
            or now - known.read > _CHAT_FRESH
            or not {*people} <= known.people
        ):
            chat = await self._client.chat(chat_id, participants=_MAX_PARTICIPANTS)
            listed = {user.id for user in chat.participants}
            known = _Known(chat=chat, people=frozenset(people) | listed, read=now)
        self._chats[chat_id] = known
        if len(self._chats) > _CHATS_KEPT:
            del self._chats[next(iter(self._chats))]
        return known.chat

    async def _async_follow(
        self, chat: Chat, sent: Sent, listed: Message | None = None
    ) -> None:
        """Find out what became of a message that Home Assistant sent into a chat.

        `listed` is how it was just read; else it is asked for.
        """
        if not sent.is_waiting or sent.message_id is None:
            return
        if not self._generation.single_messages:
            sent.message_id = None  # It leads nowhere.
            return
        message_id = sent.message_id
        try:
            message = listed or await self._client.message(
                sent.chat_id or chat.id, message_id
            )
        except AnswerError:
            return  # Not known yet, or asked again in a minute.
        # A merged chat and its member can ask at the same time: the first one tells.
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

    # Telling

    async def _async_compare(self, chat: Chat, message: Message) -> list[Change]:
        """Return what is new of a message and not Home Assistant's own doing."""
        if not (self._is_self(chat, message.sender_id) or message.is_sender):
            return list(self._seen.compare(chat.id, message, is_self=False))
        if message.send_status not in (None, "SUCCESS"):
            return []  # Not sent yet, perhaps never.
        is_ours = not self._seen.has_seen(
            chat.id, message.id or ""
        ) and await self._async_recognise(chat, message)
        return [
            change
            for change in self._seen.compare(chat.id, message, is_self=True)
            if not (is_ours and change.type == "message_sent")
        ]

    async def _async_recognise(self, chat: Chat, message: Message) -> bool:
        """Tell whether Home Assistant has sent an own message that is new here."""
        candidates = self._sent.into(chat.ids, chat.account_id)
        if any(sent.has_id(message) for sent in candidates):
            return True
        for sent in candidates:
            if sent.is_like(message, self._server_time()):
                # Its answer may have come only now, and then knows better.
                await self._async_follow(chat, sent)
                if sent.has_id(message):
                    return True
                if not sent.is_waiting:
                    sent.final_id = message.id
                    return True
        return False

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

    def _is_self(self, chat: Chat, user_id: str | None) -> bool:
        """Tell whether it is the user; some networks mark own messages wrongly."""
        return user_id is not None and (
            user_id == self._entry.data[CONF_USER_ID]
            or any(
                account.user and account.user.id == user_id
                for account in self._accounts
                if account.account_id == chat.account_id
            )
            or any(user.is_self for user in chat.participants if user.id == user_id)
        )

    def _is_allowed(self, sender: User) -> bool:
        """Tell whether the options let automations hear of somebody.

        Only by what nobody can choose for themselves: the whole id, or the number that
        Beeper tells.
        """
        allowed: list[str] = self._entry.options.get(CONF_ALLOWED_SENDERS, [])
        return not allowed or any(
            sender.id == each or sender.has_confirmed_number(each) for each in allowed
        )

    @property
    def _generation(self) -> Generation:
        return self._client.generation or UNIDENTIFIED

    def _server_time(self) -> datetime:
        return datetime.now(UTC) + (self._client.clock_offset or timedelta())

    def _raise_floor(self) -> None:
        self._seen.raise_floor(
            self._server_time(), exact=self._client.clock_offset is not None
        )
