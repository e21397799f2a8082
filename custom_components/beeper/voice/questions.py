"""Questions that wait for an answer: who may answer, for how long, and only once.

They are kept in memory only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from homeassistant.core import CALLBACK_TYPE, Context, HassJob, HomeAssistant, callback
from homeassistant.helpers import chat_session
from homeassistant.helpers.event import async_call_later

from ..coordinator import BeeperConfigEntry
from ..ha_internals import TurnHandler, async_claim_turns
from .replies import Reply, ReplyInterpreter, async_get_interpreter
from .spoken_recipients import Recipient

if TYPE_CHECKING:
    # Its requirements are missing on systems without voice.
    from homeassistant.components.conversation import ConversationInput

QUESTION_TIMEOUT_SECONDS: Final = 60

type RequesterKey = tuple[str | None, str | None]
"""User id and conversation id: an answer must have those of its question."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Requester:
    """The user who spoke or typed, and in which conversation.

    `conversation_id` is None if the user cannot be asked.
    """

    context: Context
    language: str
    conversation_id: str | None
    satellite_id: str | None = None

    @property
    def key(self) -> RequesterKey:
        """Identifies the requester of a question and of its answer."""
        return self.context.user_id, self.conversation_id

    @classmethod
    def from_conversation(
        cls, context: Context, language: str, *, satellite_id: str | None = None
    ) -> Requester:
        """Return the requester of the current conversation."""
        session = chat_session.current_session.get()
        return cls(
            context=context,
            language=language,
            conversation_id=session.conversation_id if session else None,
            satellite_id=satellite_id,
        )

    @classmethod
    def from_trigger(cls, trigger: Mapping[str, Any]) -> Requester:
        """Return the requester of a sentence, from Home Assistant's trigger data."""
        user_input = trigger["user_input"]
        return cls.from_conversation(
            Context(**user_input["context"]),
            user_input["language"],
            satellite_id=trigger["satellite_id"],
        )


type Purpose = Literal["send", "create", "mark_read"]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class PendingRequest:
    """What to do as soon as the recipient is clear and the user agrees.

    `name` is the recipient as the user named it. `message` is None until the
    user gives a text, or if a chat is started without one.
    """

    purpose: Purpose
    name: str
    message: str | None
    recipients: tuple[Recipient, ...]
    from_llm: bool

    @property
    def wants_text(self) -> bool:
        """Whether only the text is missing."""
        return (
            self.purpose == "send"
            and self.message is None
            and len(self.recipients) == 1
        )


@dataclass(kw_only=True, repr=False, eq=False)
class Question:
    """A question about a request; compared by identity.

    `is_next`: nothing else was said in the conversation since.
    """

    request: PendingRequest
    requester: Requester
    cancel_timeout: CALLBACK_TYPE
    is_next: bool = field(default=True, init=False)


type ReplyHandler = Callable[[Requester, Reply, Question], Awaitable[str]]
"""Takes a reply, whose question may be answered meanwhile; returns the response."""


class PendingQuestions:
    """The open questions, at most one for each requester.

    Replies count only in the conversation of their question. `is_command` says whether
    a text is a new request rather than the text of a message.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        networks: Callable[[], Collection[str]],
        is_command: Callable[[str, str], bool],
        handle_reply: ReplyHandler,
        handle_stranger: Callable[[Requester], Awaitable[str]],
    ) -> None:
        """Listen to nothing yet."""
        self._hass = hass
        self._networks = networks
        self._is_command = is_command
        self._handle_reply = handle_reply
        self._handle_stranger = handle_stranger
        self._lock = asyncio.Lock()
        self._interpreter: ReplyInterpreter | None = None
        self._stop_listening: CALLBACK_TYPE | None = None
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
                and earlier.requester.context.id == requester.context.id
            ):
                return None
            if not self._interpreter:
                self._interpreter = await async_get_interpreter(
                    self._hass, self._networks
                )
            self.take(key)
            if (
                not self._stop_listening
                and "conversation" in self._hass.config.components
            ):
                self._stop_listening = async_claim_turns(self._hass, self._claim)
            question = self._questions[key] = Question(
                request=request,
                requester=requester,
                cancel_timeout=async_call_later(
                    self._hass,
                    QUESTION_TIMEOUT_SECONDS,
                    HassJob(expire, cancel_on_shutdown=True),
                ),
            )
        return question

    @callback
    def interpret(
        self, text: str, question: Question, *, is_next: bool = True
    ) -> Reply | None:
        """Return the meaning of a reply to a question, None for other texts."""
        request, language = question.request, question.requester.language
        if not self._interpreter or (
            request.wants_text and self._is_command(text, language)
        ):
            return None
        return self._interpreter.interpret(
            text,
            language,
            request.recipients,
            is_next=is_next,
            wants_text=request.wants_text,
        )

    @callback
    def _claim(self, conversation_id: str, text: str) -> TurnHandler | None:
        """Return who handles a turn of a conversation, None for other texts."""
        replies: dict[RequesterKey, tuple[Reply, Question]] = {}
        for key, question in self._questions.items():
            if key[1] == conversation_id:
                is_next, question.is_next = question.is_next, False
                if reply := self.interpret(text, question, is_next=is_next):
                    replies[key] = reply, question
        if not replies:
            return None

        async def handle(user_input: ConversationInput) -> str:
            requester = Requester.from_conversation(
                user_input.context,
                user_input.language,
                satellite_id=user_input.satellite_id,
            )
            if found := replies.get(requester.key):
                return await self._handle_reply(requester, *found)
            return await self._handle_stranger(requester)

        return handle

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
        if not self._questions and self._stop_listening:
            self._stop_listening()
            self._stop_listening = None
        return question.request

    @callback
    def discard(self, entry: BeeperConfigEntry) -> None:
        """Close the questions about recipients on one server."""
        for key, question in list(self._questions.items()):
            if any(
                recipient.entry is entry for recipient in question.request.recipients
            ):
                self.take(key)
