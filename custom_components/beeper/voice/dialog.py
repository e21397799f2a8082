"""From a request to its result: the questions it needs first, and their answers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from ..const import CONF_CONFIRM, DEFAULT_CONFIRM, DOMAIN
from ..coordinator import BeeperConfigEntry
from ..outgoing.create_chat_job import ChatJobResult
from ..people.names import Name
from . import satellite
from .commands import network_names
from .questions import PendingQuestions, PendingRequest, Question, Requester
from .replies import Reply
from .sending import Sender
from .spoken_recipients import labels
from .spoken_responses import Responder, VoiceResponse

SPOKEN_ANSWER_TIMEOUT_SECONDS: Final = 50
"""How long a satellite waits for an answer.

Shorter than questions are open, so that it can report that nothing was sent.
"""


class Dialog:
    """Carries out requests, and asks first where they are ambiguous."""

    def __init__(
        self,
        hass: HomeAssistant,
        entries: Sequence[BeeperConfigEntry],
        is_command: Callable[[str, str], bool],
        responder: Responder,
    ) -> None:
        """Start without questions; `entries` are the servers at any time."""
        self._hass = hass
        self._entries = entries
        self._questions = PendingQuestions(
            hass,
            partial(network_names, entries),
            is_command,
            self._handle_reply,
            self._handle_stranger,
        )
        self._responder = responder
        self._sender = Sender(hass)

    @callback
    def discard(self, entry: BeeperConfigEntry) -> None:
        """Forget the questions about a server that is unloaded."""
        self._questions.discard(entry)

    async def async_process(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        """Carry out a request, or ask if it is ambiguous or needs confirmation."""
        if len(request.recipients) > 1 or request.wants_text:
            return await self._ask(requester, request)
        [recipient] = request.recipients
        if request.purpose == "create" and not request.message and recipient.chat_id:
            return await self._responder.about(requester, "chat_exists", recipient)
        if request.purpose == "mark_read" and not recipient.chat_id:
            return await self._responder.about(requester, "no_chat", recipient)
        confirm = recipient.entry.options.get(CONF_CONFIRM, DEFAULT_CONFIRM)
        reaches_people = request.purpose != "mark_read"
        if (
            (confirm == "always" and reaches_people)
            or (confirm == "new_people" and not recipient.chat_id)
            or not recipient.certain
        ):
            return await self._ask(requester, request)
        return await self._carry_out(requester, request)

    async def _carry_out(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        [recipient] = request.recipients
        if recipient.entry not in self._entries:
            return await self._responder.text(requester, "no_server")
        try:
            if request.purpose == "mark_read":
                await self._sender.async_mark_read(requester.context, recipient)
                return await self._responder.about(requester, "marked_read", recipient)
            outcome = await self._sender.async_send(
                requester.context, recipient, request.message
            )
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        if request.message is None:
            result = outcome.result
            existed = isinstance(result, ChatJobResult) and result.status == "existing"
            key = "chat_exists" if existed else "chat_open"
        else:
            key = "already_sent" if outcome.duplicate else "sent"
        return await self._responder.about(requester, key, recipient)

    async def _handle_reply(
        self, requester: Requester, reply: Reply, question: Question
    ) -> str:
        return (await self._answer(requester, reply, question)).speech

    async def _handle_stranger(self, requester: Requester) -> str:
        """Respond to a reply of somebody who was not asked."""
        return (await self._responder.text(requester, "no_question")).speech

    async def _ask(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        """Ask, by satellite if possible; refuse if the requester could not answer."""
        if requester.conversation_id is None:
            return await self._responder.text(
                requester, "no_text" if request.wants_text else "cannot_ask"
            )
        question = await self._questions.async_add(requester, request)
        if question is None:
            return await self._responder.text(requester, "question_open")
        response = await self._responder.question(requester, request)
        satellite_id = requester.satellite_id
        if satellite_id and satellite.can_ask(self._hass, satellite_id):
            request.recipients[0].entry.async_create_background_task(
                self._hass,
                self._ask_by_satellite(
                    requester, satellite_id, response.speech, question
                ),
                f"{DOMAIN} question",
            )
            return replace(response, speech="")
        return response

    async def _answer(
        self, requester: Requester, reply: Reply, question: Question
    ) -> VoiceResponse:
        """Continue with a reply to a question, if it is still open."""
        request = self._questions.take(requester.key, only=question)
        if request is None:
            return await self._responder.text(requester, "no_question")
        if reply.meaning == "drop":
            return await self._responder.text(requester, "dropped")
        if reply.meaning == "text":
            return await self.async_process(
                requester, replace(request, message=reply.text)
            )
        if reply.meaning == "confirm" and len(request.recipients) == 1:
            if await self._is_confirmed(requester, request, reply):
                return await self._carry_out(requester, request)
            return await self._ask(requester, replace(request, from_llm=False))
        if reply.chosen:
            request = replace(request, recipients=reply.chosen)
        return await self.async_process(requester, request)

    async def _is_confirmed(
        self,
        requester: Requester,
        request: PendingRequest,
        reply: Reply,
    ) -> bool:
        """Return whether a yes is for this request.

        A language model may have asked about something else. So a yes to its question
        must name the recipient, else the question is asked again, not by the model.
        """
        if (name := reply.text) is None:
            return not request.from_llm
        [recipient] = request.recipients
        [label] = labels(await self._responder.language(requester), [recipient])
        words, *accepted = (
            Name.from_text(text, spoken=True).words
            for text in (name, recipient.name, label)
        )
        return bool(words) and words in accepted

    async def _ask_by_satellite(
        self,
        requester: Requester,
        satellite_id: str,
        speech: str,
        question: Question,
    ) -> None:
        """Let a satellite ask, and announce the result."""
        answer = await satellite.async_ask(
            self._hass,
            satellite_id,
            speech,
            context=requester.context,
            timeout_seconds=SPOKEN_ANSWER_TIMEOUT_SECONDS,
        )
        if answer and (reply := self._questions.interpret(answer, question)):
            # Another question may have replaced this one.
            response = await self._answer(requester, reply, question)
        elif self._questions.take(requester.key, only=question):
            response = await self._responder.text(requester, "not_answered")
        else:
            return
        # Empty if the satellite asks another question.
        if response.speech:
            await satellite.async_speak(
                self._hass, satellite_id, response.speech, context=requester.context
            )
