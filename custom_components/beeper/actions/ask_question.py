"""The action beeper.ask_question: send a question, and wait for its answer."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import (
    Event,
    HomeAssistant,
    ServiceCall,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .. import errors
from ..api.models import Chat, User
from ..api.server_generations import READ_SINCE
from ..coordinator import BeeperConfigEntry
from ..data import get_open_questions, get_outbox
from ..incoming.accepted_answers import PossibleAnswer, PossibleAnswers
from ..incoming.open_questions import OpenQuestion, TakenAnswer
from ..outgoing import markdown
from ..outgoing.attachment_sources import Source
from ..outgoing.message_request import MessageRequest
from ..outgoing.send_message_job import SendMessageJob
from ..people.senders import has_id_form, has_name, is_sender
from ..person_validation import senders
from ..server import Server
from ..signals import SIGNAL_SEND_FAILED, SendFailed
from ..validation import (
    as_list,
    attachment,
    boolean,
    duration,
    identifier,
    only_known,
    visible_text,
    without_blanks,
)
from .action import (
    ATTR_MESSAGE,
    ATTR_RECIPIENT,
    CHAT_SCHEMA,
    Action,
    Params,
    async_get_entry_and_chat,
    validate_chat_fields,
)
from .responses import AskQuestionResponse
from .send_message import ATTR_ATTACHMENT, async_check_attachment

ATTR_ANSWERS: Final = "answers"
ATTR_ANYONE: Final = "anyone"
ATTR_FROM: Final = "from"
ATTR_SHOW_CHOICES: Final = "show_choices"
ATTR_TIMEOUT: Final = "timeout"

_DEFAULT_TIMEOUT: Final = timedelta(minutes=10)
_MAX_TIMEOUT: Final = timedelta(hours=24)
_MAX_ANSWERS: Final = 20
_MAX_PARTICIPANTS: Final = 500


def _sentences(value: Any) -> tuple[str, ...]:
    return tuple(visible_text(text) for text in as_list(value))


_ANSWER_SCHEMA: Final = vol.Schema(
    {vol.Required("id"): identifier, vol.Required("sentences"): _sentences}
)


def _answer(value: Any) -> PossibleAnswer:
    if not isinstance(value, dict):
        raise vol.Invalid("not_answer")
    value = without_blanks(value)
    only_known(value, _ANSWER_SCHEMA.schema)
    fields = _ANSWER_SCHEMA(value)
    answer = PossibleAnswer(id=fields["id"], sentences=fields["sentences"])
    try:
        # The language decides only on numbers in words.
        PossibleAnswers([answer], "en")
    except ValueError:
        raise vol.Invalid("not_sentence", path=["sentences"]) from None
    except ImportError:
        raise vol.Invalid("no_conversation") from None
    return answer


def _answers(value: Any) -> list[PossibleAnswer]:
    answers = [*as_list(value)]
    if len(answers) > _MAX_ANSWERS:
        raise vol.Invalid("too_many_answers", placeholders={"limit": str(_MAX_ANSWERS)})
    for index, answer in enumerate(answers):
        try:
            answers[index] = _answer(answer)
        except vol.Invalid as err:
            err.prepend([index])
            raise
    return answers


_SCHEMA: Final = vol.Schema(
    {
        **CHAT_SCHEMA,
        vol.Required(ATTR_MESSAGE): visible_text,
        vol.Optional(ATTR_ANSWERS, default=list): _answers,
        vol.Optional(ATTR_SHOW_CHOICES, default=True): boolean,
        vol.Optional(ATTR_FROM): senders,
        vol.Optional(ATTR_ANYONE, default=False): boolean,
        vol.Optional(ATTR_TIMEOUT, default=_DEFAULT_TIMEOUT): duration(_MAX_TIMEOUT),
        vol.Optional(ATTR_ATTACHMENT): attachment,
    }
)


def _validate(data: dict[str, Any]) -> dict[str, Any]:
    if ATTR_FROM in data and ATTR_FROM not in without_blanks(data):
        # Left out, it would mean everybody in a direct chat.
        raise errors.invalid("blank", field=ATTR_FROM)
    params = validate_chat_fields(_SCHEMA, data)
    if params[ATTR_ANYONE] and ATTR_FROM in params:
        raise errors.invalid("both_given", first=ATTR_FROM, second=ATTR_ANYONE)
    return params


async def _ask_question(call: ServiceCall) -> AskQuestionResponse:
    await async_check_attachment(call)
    params = call.data
    entry, chat_id = await async_get_entry_and_chat(call)
    chat = await _read_chat(entry, chat_id)
    may_answer = _answerers(
        entry.runtime_data.server, chat, params.get(ATTR_FROM), params[ATTR_ANYONE]
    )
    answers = PossibleAnswers(params[ATTR_ANSWERS], call.hass.config.language)
    outbox = get_outbox(call.hass, entry)
    job = SendMessageJob(
        context=outbox.context,
        message=_message(chat_id, params, answers),
        call_context=call.context,
        recipient=params.get(ATTR_RECIPIENT),
    )
    question = OpenQuestion(
        chat_ids=frozenset({chat_id, *chat.ids, *chat.merged_ids}),
        answers=answers,
        may_answer=may_answer,
        sent=lambda: job.sent,
        server_time=entry.runtime_data.server.time_at,
    )

    with (
        get_open_questions(call.hass, entry).open(question),
        _end_early(call.hass, entry, question),
    ):
        try:
            job.adopt((await outbox.run(job)).result)
        except HomeAssistantError as err:
            # The chat may have shown the question while answers were listened to.
            if not (errors.is_unknown(err) and question.row):
                raise
        try:
            async with asyncio.timeout(params[ATTR_TIMEOUT].total_seconds()):
                return _response(await question.answer)
        except TimeoutError:
            return _response(None)


def _message(chat_id: str, params: Params, answers: PossibleAnswers) -> MessageRequest:
    """Return the question as a message, with the possible answers if the call shows them."""
    text: str = params[ATTR_MESSAGE]
    if params[ATTR_SHOW_CHOICES] and answers.labels:
        choices = enumerate(answers.labels, 1)
        text += "\n" + ", ".join(f"{number} {label}" for number, label in choices)
    location = params.get(ATTR_ATTACHMENT)
    return MessageRequest(
        chat_id=chat_id,
        text=markdown.escape(text),
        length=len(text),
        attachment=Source(location=location) if location else None,
    )


@contextmanager
def _end_early(
    hass: HomeAssistant, entry: BeeperConfigEntry, question: OpenQuestion
) -> Iterator[None]:
    """End a question that cannot be answered any more."""

    @callback
    def failed(event: SendFailed) -> None:
        if event.entry_id == entry.entry_id and event.message_id in question.ids:
            question.end(errors.failed("question_not_delivered"))

    @callback
    def stopped(_: Event) -> None:
        question.end(errors.failed("question_stopped"))

    unsubscribe = async_dispatcher_connect(hass, SIGNAL_SEND_FAILED, failed)
    remove_listener = hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, stopped)
    try:
        yield
    finally:
        unsubscribe()
        remove_listener()


async def _read_chat(entry: BeeperConfigEntry, chat_id: str) -> Chat:
    server = entry.runtime_data.server
    with server.translate_errors(partial(errors.not_read, since=READ_SINCE)):
        chat_id = await server.resolve_chat_id(chat_id)
        return await server.client.chat(chat_id, participants=_MAX_PARTICIPANTS)


def _answerers(
    server: Server, chat: Chat, names: list[str] | None, anyone: bool
) -> Callable[[User], bool]:
    """Return the check of whether somebody may answer.

    Names are replaced by the IDs of the people who have them now: anybody can take
    another name later. Raises a translated ServiceValidationError.
    """
    others = [user for user in chat.participants if not server.is_self(chat, user.id)]
    if chat.participants and not others:
        raise errors.invalid("nobody_can_answer")
    if not names:
        if chat.type != "single" and not anyone:
            raise errors.invalid("from_required")
        return lambda _: True
    identities = []
    for value in names:
        people = [user for user in others if has_name(user, value)]
        if has_id_form(value) or any(user.id == value for user in others):
            identities.append(value)
        elif len(people) == 1:
            identities.append(people[0].id)
        else:
            raise errors.invalid(
                "answerer_ambiguous" if people else "answerer_not_found"
            )
    return lambda user: any(is_sender(user, identity) for identity in identities)


def _response(taken: TakenAnswer | None) -> AskQuestionResponse:
    if taken is None:
        return {
            "answered": False,
            "id": None,
            "text": None,
            "slots": {},
            "sender_id": None,
            "sender_name": None,
            "message_id": None,
            "timestamp": None,
        }
    event = taken.event
    timestamp = None if event.reaction else event.message.timestamp
    return {
        "answered": True,
        "id": taken.match.id,
        "text": taken.text,
        "slots": dict(taken.match.slots),
        "sender_id": event.sender.id,
        "sender_name": event.sender.name,
        "message_id": event.message.id,
        "timestamp": timestamp.isoformat() if timestamp else None,
    }


ASK_QUESTION: Final = Action(
    name="ask_question",
    validate=_validate,
    handle=_ask_question,
    supports_response=SupportsResponse.ONLY,
)
