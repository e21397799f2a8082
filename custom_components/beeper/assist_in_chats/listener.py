"""Which messages Assist hears in chats, and in which order it answers them.

Nobody in the chat learns that a message was refused; diagnostics count it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
import logging
import re
from typing import Final
from uuid import uuid4

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..coordinator import BeeperConfigEntry
from ..data import get_outbox, note_trigger
from ..incoming.assist_settings import AssistSettings
from ..incoming.minute_limit import MinuteLimit
from ..outgoing.sent_messages import SentMessages
from ..server import Server
from ..signals import SIGNAL_MESSAGE, MessageEvent
from .answer import (
    CONVERSATION_SECONDS,
    AssistRequest,
    async_answer,
    async_until_loaded,
)

_LOGGER = logging.getLogger(__name__)

MAX_ANSWERS_A_MINUTE: Final = 10
"""In one chat, from all people together."""

MAX_TEXT: Final = 500
"""Characters of a message to Assist."""

_MAX_AGE: Final = timedelta(minutes=2)

# What people write between the word that a message has to begin with, and the rest.
_SEPARATORS: Final = " \t\n,.:;!?-–—"


@dataclass(kw_only=True, repr=False, eq=False)
class _Conversation:
    """The conversation of one person in one chat: only this person can continue it.

    `asked`: Assist wants to hear what the person says next. The lock keeps the order.
    """

    id: str = field(default_factory=lambda: f"{DOMAIN} {uuid4().hex}")
    until: float = 0
    asked: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(kw_only=True, repr=False, eq=False)
class _AssistChat:
    """One chat, with the limit of its answers."""

    limit: MinuteLimit = field(
        default_factory=lambda: MinuteLimit(MAX_ANSWERS_A_MINUTE)
    )
    conversations: dict[str, _Conversation] = field(default_factory=dict)
    """By the ID of the sender."""

    def conversation(self, sender_id: str, now: float) -> _Conversation:
        """Return the conversation of a person, a new one after a while."""
        self.conversations = {
            known_id: known
            for known_id, known in self.conversations.items()
            if known.until > now
        }
        conversation = self.conversations.setdefault(sender_id, _Conversation())
        conversation.until = now + CONVERSATION_SECONDS
        return conversation

    def has_asked(self, sender_id: str, now: float) -> bool:
        """Return whether Assist waits for what a person says next."""
        known = self.conversations.get(sender_id)
        return known is not None and known.asked and known.until > now


@singleton(HassKey["AssistListener"](f"{DOMAIN}_assist_listener"))
@callback
def async_get_assist_listener(hass: HomeAssistant) -> AssistListener:
    """Return the object that all config entries share, and that outlives their reloads."""
    return AssistListener(hass)


class AssistListener:
    """Hears the messages of the people who may talk to Assist."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without conversations."""
        self._hass = hass
        self._chats: dict[str, _AssistChat] = {}
        """By the ID of their subentry."""
        self._counts: dict[str, Counter[str]] = {}
        """By the ID of the entry."""

    @callback
    def async_add(self, entry: BeeperConfigEntry) -> None:
        """Hear the messages of a server until its entry is unloaded."""
        entry.async_on_unload(
            async_dispatcher_connect(
                self._hass, SIGNAL_MESSAGE, partial(self._async_hear, entry)
            )
        )

    def statistics(self, entry: BeeperConfigEntry) -> dict[str, int]:
        """Return how many messages were answered, and how many were not, and why."""
        return dict(self._counts.get(entry.entry_id, {}))

    def _count(self, entry: BeeperConfigEntry, result: str) -> None:
        self._counts.setdefault(entry.entry_id, Counter())[result] += 1

    @callback
    def _async_hear(self, entry: BeeperConfigEntry, event: MessageEvent) -> None:
        """Answer a message if it is for Assist, in a separate task."""
        if (
            event.entry_id != entry.entry_id
            or event.type != "message_received"
            or event.is_self
            or event.answers_question
        ):
            return
        settings = AssistSettings.of_chat(entry, event.chat.ids)
        if settings is None or (words := _words(event)) is None:
            return
        now = self._hass.loop.time()
        chat = self._chats.setdefault(settings.subentry_id, _AssistChat())
        text = _without_start_word(words, settings.start_word)
        if (
            text is None
            and chat.has_asked(event.sender.id, now)
            and _quotes_nobody_else(get_outbox(self._hass, entry).sent, event)
        ):
            text = words
        if not text:
            return
        server = entry.runtime_data.server
        refusal = _refusal(server, event, settings, text)
        if refusal is None and not chat.limit.take(now):
            refusal = "refused_too_many"
        if refusal:
            self._count(entry, refusal)
            return
        context = Context(user_id=settings.user_id)
        # The answer counts as one to this message, as an automation's does.
        note_trigger(self._hass, context.id, event, by="Assist")
        conversation = chat.conversation(event.sender.id, now)
        request = AssistRequest(
            event=event,
            server=server,
            text=text,
            settings=settings,
            context=context,
            conversation_id=conversation.id,
        )
        self._hass.async_create_background_task(
            self._async_answer(entry, request, conversation),
            f"{DOMAIN} assist",
            # The lock keeps the order of the messages, so acquire it immediately.
            eager_start=True,
        )

    async def _async_answer(
        self,
        entry: BeeperConfigEntry,
        request: AssistRequest,
        conversation: _Conversation,
    ) -> None:
        """Answer a message after the earlier ones of this person."""
        async with conversation.lock:
            if not await async_until_loaded(entry):
                self._count(entry, "refused_not_loaded")
                return
            if not _is_recent(request.server, request.event):
                self._count(entry, "refused_too_old")
                return
            if not _is_still_allowed(entry, request):
                self._count(entry, "refused_not_allowed")
                return
            conversation.asked = False
            try:
                result = await async_answer(request)
            except Exception as err:  # noqa: BLE001 - whatever an agent raises
                # The text of an error may contain the message.
                _LOGGER.error("Unexpected %s while Assist answered", type(err).__name__)
                self._count(entry, "failed")
                return
            conversation.asked = result.asks
            conversation.until = self._hass.loop.time() + CONVERSATION_SECONDS
            self._count(entry, result.status)


def _refusal(
    server: Server, event: MessageEvent, settings: AssistSettings, text: str
) -> str | None:
    """Return why a message gets no answer, None if it may get one."""
    if not settings.allows(event.sender):
        return "refused_not_allowed"
    if len(text) > MAX_TEXT:
        return "refused_too_long"
    if not _is_recent(server, event):
        return "refused_too_old"
    return None


def _quotes_nobody_else(sent: SentMessages, event: MessageEvent) -> bool:
    """Return whether a message quotes no message but those of Home Assistant."""
    reply_to = event.message.reply_to_message_id
    return reply_to is None or sent.pending_id(event.chat.ids, reply_to) is not None


def _is_still_allowed(entry: BeeperConfigEntry, request: AssistRequest) -> bool:
    """Return whether the settings have stayed the same as to who may do what."""
    settings = AssistSettings.of_chat(entry, request.event.chat.ids)
    return (
        settings is not None
        and settings.user_id == request.context.user_id
        and settings.allows(request.event.sender)
    )


def _words(event: MessageEvent) -> str | None:
    """Return what somebody wrote or said; None for files and events."""
    if event.message.kind not in ("text", "voice_note") or not event.words:
        return None
    return event.words.strip()


def _without_start_word(words: str, start_word: str) -> str | None:
    """Return what follows the word that messages have to begin with.

    Returns None if a message does not begin with it, and an empty text if nothing
    follows.
    """
    if not start_word:
        return words
    spaces = r"\s+".join(re.escape(part) for part in start_word.split())
    found = re.match(rf"@?{spaces}(?!\w)", words, re.IGNORECASE)
    return words[found.end() :].lstrip(_SEPARATORS) if found else None


def _is_recent(server: Server, event: MessageEvent) -> bool:
    """Return whether a message was written just now, on the server's clock."""
    written = event.message.timestamp
    return written is not None and server.now() - written <= _MAX_AGE
