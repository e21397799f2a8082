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
from .questions import PendingQuestions, PendingRequest, Question, Requester
from .recipients import Matches, async_find_matches, async_find_recipients, labels
from .responses import Responder, VoiceResponse
from .sending import Sender
from .sentences import RecognizedSentence, async_get_recognizer, shorten
from .unread import UnreadSummary, async_unread, async_unread_from, spoken

INTENT_SEND: Final = "BeeperSendMessage"
INTENT_CREATE: Final = "BeeperCreateChat"
INTENT_READ: Final = "BeeperReadUnread"

SPOKEN_ANSWER_TIMEOUT_SECONDS: Final = 50
"""How long a satellite waits for an answer.

Shorter than questions are open, so that it can report that nothing was sent.
"""

_MAX_CHOICES: Final = 5


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
        self._commands = Commands(hass, self.entries)
        self._questions = PendingQuestions(
            hass, partial(network_names, self.entries), self._handle_reply
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

    # Sending

    async def async_send(
        self,
        requester: Requester,
        name: str,
        message: str | None,
        *,
        network: str | None = None,
        from_llm: bool = False,
    ) -> VoiceResponse:
        """Send a message or, without one, start a chat; ask first where necessary.

        A language model can use only the servers that allow it. It gets the recipients
        that a name matches instead of a question.
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
            return await self._responder.text(
                requester,
                "no_recipient_on" if network else "no_recipient",
                name=shorten(name),
                network=shorten(network or ""),
            )
        if len(recipients) > 1 and from_llm:
            return VoiceResponse(status="which", speech="", recipients=recipients)
        if len(recipients) > _MAX_CHOICES:
            return await self._responder.text(
                requester, "too_many", name=shorten(name), count=str(len(recipients))
            )
        return await self._process(
            requester,
            PendingRequest(
                name=name, message=message, recipients=recipients, from_llm=from_llm
            ),
        )

    async def _process(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        """Carry out a request, or ask if it is ambiguous or needs confirmation."""
        if len(request.recipients) > 1:
            return await self._ask(requester, request)
        [recipient] = request.recipients
        if request.message is None and recipient.chat_id:
            return await self._responder.about(requester, "chat_exists", recipient)
        confirm = recipient.entry.options.get(CONF_CONFIRM, DEFAULT_CONFIRM)
        if (
            confirm == "always"
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
        self, sentence: RecognizedSentence, trigger: Mapping[str, Any]
    ) -> str:
        requester = Requester.from_trigger(trigger)
        return (await self._answer(requester, sentence)).speech

    async def _ask(
        self, requester: Requester, request: PendingRequest
    ) -> VoiceResponse:
        """Ask, by satellite if possible; refuse if the requester could not answer."""
        if requester.origin is None:
            return await self._responder.text(requester, "cannot_ask")
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
        self,
        requester: Requester,
        sentence: RecognizedSentence,
        *,
        to: Question | None = None,
    ) -> VoiceResponse:
        """Continue with a reply: to the given question, else to the open one."""
        request = self._questions.take(requester.key, only=to)
        if request is None:
            return await self._responder.text(requester, "no_question")
        if sentence.meaning == "drop":
            return await self._responder.text(requester, "dropped")
        if sentence.meaning == "confirm" and len(request.recipients) == 1:
            if await self._is_confirmed(requester, request, sentence):
                return await self._carry_out(requester, request)
            return await self._ask(requester, replace(request, from_llm=False))
        if chosen := request.choose(sentence.slots):
            request = replace(request, recipients=chosen)
        return await self._process(requester, request)

    async def _is_confirmed(
        self,
        requester: Requester,
        request: PendingRequest,
        sentence: RecognizedSentence,
    ) -> bool:
        """Return whether a yes is for this request.

        A language model may have asked about something else. So a yes to its question
        must name the recipient, else the question is asked again, not by the model.
        """
        if (name := sentence.slots.get("recipient")) is None:
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
        recognize = await async_get_recognizer(
            self.hass, "replies", network_names(self.entries)
        )
        answer = await satellite.async_ask(
            self.hass,
            satellite_id,
            speech,
            context=requester.context,
            timeout_seconds=SPOKEN_ANSWER_TIMEOUT_SECONDS,
        )
        if answer and (sentence := recognize(answer, requester.language)):
            # Another question may have replaced this one.
            response = await self._answer(requester, sentence, to=question)
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
        self, requester: Requester, name: str | None, *, network: str | None = None
    ) -> UnreadSummary | VoiceResponse:
        """Return the unread messages, from everybody or from `name`, or an error."""
        if refusal := await self._check_access(requester, self.entries):
            return refusal
        try:
            if name is None:
                return await async_unread(self.entries, network)
            recipients = await async_find_recipients(
                self.hass, self.entries, name, network
            )
            if recipients:
                return await async_unread_from(recipients)
        except HomeAssistantError as err:
            return await self._responder.error(requester, err)
        return await self._responder.text(
            requester,
            "no_sender_on" if network else "no_sender",
            name=shorten(name),
            network=shorten(network or ""),
        )

    async def async_read_out(
        self, requester: Requester, name: str | None, *, network: str | None = None
    ) -> VoiceResponse:
        """Return the unread messages as speech."""
        unread = await self.async_read(requester, name, network=network)
        if isinstance(unread, VoiceResponse):
            return unread
        language = await self._responder.language(requester)
        return VoiceResponse(status="read", speech=spoken(language, unread))

    async def _check_access(
        self, requester: Requester, entries: Sequence[BeeperConfigEntry]
    ) -> VoiceResponse | None:
        """Return the reason if the requester may not use any of the servers."""
        if not await async_may_control(self.hass, requester.context):
            return await self._responder.text(requester, "not_allowed")
        if not entries:
            return await self._responder.text(requester, "no_server")
        return None
