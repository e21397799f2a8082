"""Questions that wait for an answer: who may answer, for how long, and only once.

They are kept in memory only.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Context, HassJob, HomeAssistant, callback
from homeassistant.helpers import chat_session
from homeassistant.helpers.event import async_call_later

from ..coordinator import BeeperConfigEntry
from .recipients import Recipient, is_network
from .sentences import SentenceHandler, async_register_sentences

QUESTION_TIMEOUT_SECONDS: Final = 60

type RequesterKey = tuple[str | None, str | None]
"""User id and origin: an answer must have those of its question."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Requester:
    """The user who spoke or typed, and where an answer can come from.

    `origin` is the id of a device, satellite or conversation; None if the user cannot
    be asked.
    """

    context: Context
    language: str
    origin: str | None
    satellite_id: str | None = None

    @property
    def key(self) -> RequesterKey:
        """Identifies the requester of a question and of its answer."""
        return self.context.user_id, self.origin

    @classmethod
    def from_conversation(
        cls,
        context: Context,
        language: str,
        *,
        device_id: str | None,
        satellite_id: str | None = None,
    ) -> Requester:
        """Return the requester of the current conversation."""
        session = chat_session.current_session.get()
        conversation_id = session.conversation_id if session else None
        return cls(
            context=context,
            language=language,
            origin=device_id or satellite_id or conversation_id,
            satellite_id=satellite_id,
        )

    @classmethod
    def from_trigger(cls, trigger: Mapping[str, Any]) -> Requester:
        """Return the requester of a sentence, from Home Assistant's trigger data."""
        user_input = trigger["user_input"]
        return cls.from_conversation(
            Context(**user_input["context"]),
            user_input["language"],
            device_id=trigger["device_id"],
            satellite_id=trigger["satellite_id"],
        )


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class PendingRequest:
    """A message to send or, if `message` is None, a chat to start.

    `name` is the recipient as the user named it.
    """

    name: str
    message: str | None
    recipients: tuple[Recipient, ...]
    from_llm: bool

    def choose(self, slots: Mapping[str, Any]) -> tuple[Recipient, ...]:
        """Return the recipients that the slots of a reply select."""
        if "ordinal" in slots:
            return self.recipients[slots["ordinal"] :][:1]
        if "network" in slots:
            return tuple(
                recipient
                for recipient in self.recipients
                if is_network(slots["network"], recipient.network)
            )
        return ()


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Question:
    """A question about a request; compared by identity."""

    request: PendingRequest
    context_id: str
    cancel_timeout: CALLBACK_TYPE


class PendingQuestions:
    """The open questions, at most one for each requester.

    Replies are registered as sentences only while a question is open.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        networks: Callable[[], Collection[str]],
        handle_reply: SentenceHandler,
    ) -> None:
        """Register nothing yet."""
        self._hass = hass
        self._networks = networks
        self._handle_reply = handle_reply
        self._lock = asyncio.Lock()
        self._unregister_replies: CALLBACK_TYPE | None = None
        self._questions: dict[RequesterKey, Question] = {}

    async def async_add(
        self, requester: Requester, request: PendingRequest
    ) -> Question | None:
        """Add a question; it replaces the requester's earlier one.

        Returns None if a language model asks a second question in one turn: one yes
        would count for the wrong message.
        """
        key = requester.key

        @callback
        def expire(_: object) -> None:
            self.take(key)

        async with self._lock:
            earlier = self._questions.get(key)
            if (
                earlier
                and request.from_llm
                and earlier.context_id == requester.context.id
            ):
                return None
            self.take(key)
            if (
                not self._unregister_replies
                and "conversation" in self._hass.config.components
            ):
                self._unregister_replies = await async_register_sentences(
                    self._hass, "replies", self._networks(), self._handle_reply
                )
            question = self._questions[key] = Question(
                request=request,
                context_id=requester.context.id,
                cancel_timeout=async_call_later(
                    self._hass,
                    QUESTION_TIMEOUT_SECONDS,
                    HassJob(expire, cancel_on_shutdown=True),
                ),
            )
        return question

    @callback
    def take(
        self, key: RequesterKey, *, only: Question | None = None
    ) -> PendingRequest | None:
        """Close a question and return its request, None if it is not open.

        `only` closes this question, not one that has replaced it.
        """
        question = self._questions.get(key)
        if question is None or (only and question is not only):
            return None
        del self._questions[key]
        question.cancel_timeout()
        if not self._questions and self._unregister_replies:
            self._unregister_replies()
            self._unregister_replies = None
        return question.request

    @callback
    def discard(self, entry: BeeperConfigEntry) -> None:
        """Close the questions about recipients on one server."""
        for key, question in list(self._questions.items()):
            if any(
                recipient.entry is entry for recipient in question.request.recipients
            ):
                self.take(key)
