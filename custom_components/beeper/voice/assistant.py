"""Requests by sentences, intents and language models, for all servers together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..const import CONF_CONFIRM, CONF_LLM_CAN_SEND, DEFAULT_CONFIRM, DOMAIN
from ..coordinator import BeeperConfigEntry
from ..outgoing.chat_job import ChatJobResult
from ..people.names import Name
from ..permissions import async_may_control
from . import satellite
from .commands import Commands, network_names
from .phrases import async_split_phrase
from .questions import PendingQuestions, PendingRequest, Purpose, Question, Requester
from .replies import Reply
from .responses import Responder, VoiceResponse
from .sending import Sender
from .sentences import RecognizedSentence, shorten
from .spoken_recipients import (
    Matches,
    async_find_matches,
    async_find_recipients,
    labels,
)
from .unread import UnreadSummary, async_unread, async_unread_from, counted, spoken

INTENT_SEND: Final = "BeeperSendMessage"
INTENT_CREATE: Final = "BeeperCreateChat"
INTENT_READ: Final = "BeeperReadUnread"
INTENT_COUNT: Final = "BeeperCountUnread"
INTENT_MARK_READ: Final = "BeeperMarkRead"

SPOKEN_ANSWER_TIMEOUT_SECONDS: Final = 50
"""How long a satellite waits for an answer.

Shorter than questions are open, so that it can report that nothing was sent.
"""

_MAX_CHOICES: Final = 5

_PURPOSES: Final[Mapping[str, Purpose]] = {
    INTENT_SEND: "send",
    INTENT_CREATE: "create",
    INTENT_MARK_READ: "mark_read",
}


@singleton(HassKey["Assistant"](f"{DOMAIN}_assistant"))
@callback
def async_get_assistant(hass: HomeAssistant) -> Assistant:
    """Return the assistant, which all config entries share."""
    return Assistant(hass)


class Assistant:
    """Finds recipients, sends messages, starts chats and reads unread messages."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without servers."""
        self.hass = hass
        self.entries: list[BeeperConfigEntry] = []
        self._commands = Commands(hass, self.entries, self._handle_command)
        self._questions = PendingQuestions(
            hass,
            partial(network_names, self.entries),
            self._commands.is_command,
            self._handle_reply,
            self._handle_stranger,
        )
        self._responder = Responder(hass)
        self._sender = Sender(hass)

    # Config entry lifecycle

    async def async_add(self, entry: BeeperConfigEntry) -> None:
        """Include a server until its entry is unloaded."""
        self.entries.append(entry)
        entry.async_on_unload(partial(self._remove, entry))
        entry.async_on_unload(
            entry.runtime_data.async_add_listener(self._commands.async_update)
        )
        await self._commands.async_register()

    @callback
    def _remove(self, entry: BeeperConfigEntry) -> None:
        self.entries.remove(entry)
        self._questions.discard(entry)
        self._commands.async_update()

    async def async_register_commands(self) -> None:
        """Register the commands, if an option asks for them."""
        await self._commands.async_register()

    async def async_run(
        self, requester: Requester, name: str, slots: Mapping[str, str | None]
    ) -> VoiceResponse:
        """Carry out an intent or a command."""
        recipient, network = slots.get("recipient"), slots.get("network")
        if name in (INTENT_READ, INTENT_COUNT):
            return await self.async_read_out(
                requester, recipient, network=network, count_only=name == INTENT_COUNT
            )
        if phrase := slots.get("rest"):
            return await self.async_send_phrase(requester, phrase, network=network)
        return await self.async_send(
            requester,
            recipient or "",
            slots.get("message"),
            network=network,
            purpose=_PURPOSES[name],
        )

    async def _handle_command(
        self, sentence: RecognizedSentence, trigger: Mapping[str, Any]
    ) -> str:
        requester = Requester.from_trigger(trigger)
        return (
            await self.async_run(requester, sentence.meaning, sentence.slots)
        ).speech

    # Sending

    async def async_send(
        self,
        requester: Requester,
        name: str,
        message: str | None,
        *,
        network: str | None = None,
        purpose: Purpose = "send",
        from_llm: bool = False,
        is_clear: bool = True,
    ) -> VoiceResponse:
        """Send a message, start a chat or mark one as read; ask first where necessary.

        A language model can use only the servers that allow it. It gets the recipients
        that a name matches instead of a question. `is_clear` is False if the name may
        have been longer.
        """
        entries = [
            entry
            for entry in self.entries
            if not from_llm or entry.options.get(CONF_LLM_CAN_SEND, False)
        ]
        if refusal := await self._check_access(requester, entries):
            return refusal
        try:
            recipients = await async_find_recipients(self.hass, entries, name, network)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        if not recipients:
            key = "no_sender" if purpose == "mark_read" else "no_recipient"
            return await self._responder.text(
                requester,
                f"{key}_on" if network else key,
                name=shorten(name),
                network=shorten(network or ""),
            )
        if purpose == "mark_read":
            recipients = tuple(row for row in recipients if row.chat_id) or recipients
        if len(recipients) > 1 and from_llm:
            return VoiceResponse(status="which", speech="", recipients=recipients)
        if len(recipients) > _MAX_CHOICES:
            return await self._responder.text(
                requester, "too_many", name=shorten(name), count=str(len(recipients))
            )
        return await self._process(
            requester,
            PendingRequest(
                purpose=purpose,
                name=name,
                message=message,
                recipients=tuple(
                    replace(row, certain=row.certain and is_clear) for row in recipients
                ),
                from_llm=from_llm,
            ),
        )

    async def async_send_phrase(
        self, requester: Requester, phrase: str, *, network: str | None = None
    ) -> VoiceResponse:
        """Send a message whose recipient and text have nothing between them."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            split = await async_split_phrase(self.hass, self.entries, phrase, network)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        return await self.async_send(
            requester,
            split.name,
            split.message,
            network=network,
            is_clear=split.is_clear,
        )

    async def _process(
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
        if recipient.entry not in self.entries:
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

    # Questions and answers

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
        if satellite_id and satellite.can_ask(self.hass, satellite_id):
            request.recipients[0].entry.async_create_background_task(
                self.hass,
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
            return await self._process(requester, replace(request, message=reply.text))
        if reply.meaning == "confirm" and len(request.recipients) == 1:
            if await self._is_confirmed(requester, request, reply):
                return await self._carry_out(requester, request)
            return await self._ask(requester, replace(request, from_llm=False))
        if reply.chosen:
            request = replace(request, recipients=reply.chosen)
        return await self._process(requester, request)

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
            self.hass,
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
            await satellite.async_announce(
                self.hass, satellite_id, response.speech, context=requester.context
            )

    # Reading

    async def async_find(
        self, requester: Requester, text: str
    ) -> Matches | VoiceResponse:
        """Return the people and chats that a text matches, or an error."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            return await async_find_matches(self.hass, self.entries, text)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)

    async def async_read(
        self,
        requester: Requester,
        name: str | None,
        *,
        network: str | None = None,
        count_only: bool = False,
    ) -> UnreadSummary | VoiceResponse:
        """Return the unread messages, from everybody or from `name`, or an error."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            if name is None:
                return await async_unread(self.entries, network, count_only=count_only)
            recipients = await async_find_recipients(
                self.hass, self.entries, name, network
            )
            if recipients:
                return await async_unread_from(recipients, count_only=count_only)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        return await self._responder.text(
            requester,
            "no_sender_on" if network else "no_sender",
            name=shorten(name),
            network=shorten(network or ""),
        )

    async def async_read_out(
        self,
        requester: Requester,
        name: str | None,
        *,
        network: str | None = None,
        count_only: bool = False,
    ) -> VoiceResponse:
        """Return the unread messages, or only how many there are, as speech."""
        unread = await self.async_read(
            requester, name, network=network, count_only=count_only
        )
        if isinstance(unread, VoiceResponse):
            return unread
        language = await self._responder.language(requester)
        write = counted if count_only else spoken
        return VoiceResponse(status="read", speech=write(language, unread))

    async def _check_access(
        self, requester: Requester, entries: Sequence[BeeperConfigEntry]
    ) -> VoiceResponse | None:
        """Return the reason if the requester may not use any of the servers."""
        if not await async_may_control(self.hass, requester.context):
            return await self._responder.text(requester, "not_allowed")
        if not entries:
            return await self._responder.text(requester, "no_server")
        return None
