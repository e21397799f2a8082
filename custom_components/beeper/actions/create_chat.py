"""The action beeper.create_chat: start a chat with a person, or create one by IDs."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import ATTR_MODE
from homeassistant.core import ServiceCall

from .. import errors
from ..api.models import Chat
from ..api.requests import ChatRequest, CreateChat, StartChat, StartUser
from ..api.user_ids import is_matrix_id
from ..const import CONF_ACCOUNT_ID
from ..data import get_outbox
from ..outgoing.create_chat_job import ChatJobResult, CreateChatJob
from ..outgoing.job import OutboxContext, Outcome
from ..outgoing.markdown import from_format
from ..outgoing.recipient_queue import RecipientPlace
from ..outgoing.requested_people import known_people
from ..people.directory import Directory
from ..people.person import Person
from ..person_validation import email, person_recipients, phone_number
from ..server import Server
from ..validation import (
    as_list,
    boolean,
    identifier,
    identifiers,
    one_of,
    only_known,
    visible_text,
    without_blanks,
)
from .action import (
    ATTR_ACCOUNT_ID,
    ATTR_ALLOW_REPEAT,
    ATTR_FORMAT,
    ATTR_RECIPIENT,
    ENTRY_SCHEMA,
    FORMAT_SCHEMA,
    Action,
    Params,
    get_account_id,
    get_entry,
    schema_error,
)
from .responses import CreateChatResponse

ATTR_MESSAGE_TEXT: Final = "message_text"
ATTR_PARTICIPANT_IDS: Final = "participant_ids"
ATTR_PARTICIPANTS: Final = "participants"
ATTR_TITLE: Final = "title"
ATTR_TYPE: Final = "type"
ATTR_USER: Final = "user"

MODE_CREATE: Final = "create"
MODE_START: Final = "start"

TYPE_GROUP: Final = "group"
TYPE_SINGLE: Final = "single"

PERSON_FIELDS: Final = {
    MODE_START: (ATTR_RECIPIENT, ATTR_USER),
    MODE_CREATE: (ATTR_RECIPIENT, ATTR_PARTICIPANTS, ATTR_PARTICIPANT_IDS),
}
"""A call contains exactly one of these fields to select the other people."""

_NAME_FIELDS: Final = (ATTR_RECIPIENT, ATTR_PARTICIPANTS)

_USER: Final = vol.Schema(
    {
        vol.Optional("id"): identifier,
        vol.Optional("email"): email,
        vol.Optional("phone_number"): phone_number,
        vol.Optional("username"): identifier,
        vol.Optional("full_name"): identifier,
    }
)


def _user(value: Any) -> dict[str, str]:
    """Validate the person to start a chat with; a name alone identifies nobody."""
    if not isinstance(value, dict):
        raise vol.Invalid("not_user")
    only_known(value, _USER.schema)
    user: dict[str, str] = _USER(without_blanks(value))
    if is_matrix_id(user.get("username", "")):
        username = user.pop("username")
        user.setdefault("id", username)
    if not user.keys() - {"full_name"}:
        raise vol.Invalid("user_not_identified")
    return user


_COMMON: Final = {
    **ENTRY_SCHEMA,
    vol.Optional(ATTR_ACCOUNT_ID): identifier,
    vol.Optional(ATTR_MESSAGE_TEXT): visible_text,
    **FORMAT_SCHEMA,
    vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean,
}
# The API's union of parameters, by its discriminator.
_SCHEMAS: Final = {
    MODE_START: vol.Schema(
        {
            **_COMMON,
            vol.Required(ATTR_MODE): MODE_START,
            vol.Optional(ATTR_RECIPIENT): person_recipients,
            vol.Optional(ATTR_USER): _user,
            vol.Optional("allow_invite"): boolean,
        }
    ),
    MODE_CREATE: vol.Schema(
        {
            **_COMMON,
            vol.Required(ATTR_MODE): MODE_CREATE,
            vol.Optional(ATTR_RECIPIENT): person_recipients,
            vol.Optional(ATTR_PARTICIPANTS): person_recipients,
            vol.Optional(ATTR_PARTICIPANT_IDS): identifiers,
            vol.Required(ATTR_TYPE): one_of(TYPE_SINGLE, TYPE_GROUP),
            vol.Optional(ATTR_TITLE): visible_text,
            vol.Optional("if_exists", default="create"): one_of(
                "create", "reuse", "refuse"
            ),
        }
    ),
}
_CREATE_FIELDS: Final = {ATTR_TITLE, ATTR_TYPE, "if_exists"}
"""Fields that make a call with one recipient create a chat or group."""

_MODE_SCHEMA: Final = vol.Schema(
    {vol.Required(ATTR_MODE): one_of(*_SCHEMAS)}, extra=vol.ALLOW_EXTRA
)


def _validate(data: dict[str, Any]) -> dict[str, Any]:
    """Validate the fields of the call's mode, which the fields imply if left out."""
    data = without_blanks(data)
    selectors = [
        field
        for field in dict.fromkeys(chain(*PERSON_FIELDS.values()))
        if field in data
    ]
    if len(selectors) > 1:
        raise errors.invalid("several_given", first=selectors[0], second=selectors[1])
    if not selectors and ATTR_MODE not in data:
        raise errors.invalid("user_or_participants")
    data.setdefault(ATTR_MODE, _implied_mode(data))
    if ATTR_RECIPIENT in data and data[ATTR_MODE] == MODE_CREATE:
        is_group = _names_several(data) or ATTR_TITLE in data
        data.setdefault(ATTR_TYPE, TYPE_GROUP if is_group else TYPE_SINGLE)
    try:
        mode = _MODE_SCHEMA(data)[ATTR_MODE]
        other_mode = MODE_START if mode == MODE_CREATE else MODE_CREATE
        schema, other_schema = _SCHEMAS[mode], _SCHEMAS[other_mode]
        for field in data:
            if field in other_schema.schema and field not in schema.schema:
                raise errors.invalid(
                    "field_of_other_mode",
                    field=field,
                    mode=mode,
                    other_mode=other_mode,
                )
        only_known(data, schema.schema)
        if not selectors:
            raise errors.invalid("required", field=" or ".join(PERSON_FIELDS[mode]))
        params: dict[str, Any] = schema(data)
    except vol.Invalid as err:
        raise schema_error(err) from None
    is_single = params.get(ATTR_TYPE, TYPE_SINGLE) == TYPE_SINGLE
    if selectors[0] != ATTR_USER and is_single and len(params[selectors[0]]) != 1:
        raise errors.invalid("single_needs_one", field=selectors[0])
    return params


def _implied_mode(data: Params) -> str:
    """Return the mode that the fields imply: one person alone is started."""
    if ATTR_USER in data:
        return MODE_START
    if ATTR_RECIPIENT not in data or _names_several(data):
        return MODE_CREATE
    return MODE_CREATE if data.keys() & _CREATE_FIELDS else MODE_START


def _names_several(data: Params) -> bool:
    return len({*map(str, as_list(data[ATTR_RECIPIENT]))}) > 1


async def _create_chat(call: ServiceCall) -> CreateChatResponse:
    entry = get_entry(call)
    params = call.data
    account_id = get_account_id(call, entry) or entry.data[CONF_ACCOUNT_ID]
    outbox = get_outbox(call.hass, entry)
    with _place(outbox.context, account_id, params) as place:
        people: list[Person] = []
        if params.keys() & {*_NAME_FIELDS}:
            people = await entry.runtime_data.async_resolve(
                partial(_resolve_people, account_id, params)
            )
        phone_numbers = {
            person.id: person.user.phone_number
            for person in people
            if person.user.phone_number
        }
        request = _request(
            outbox.context.server, account_id, params, people, phone_numbers
        )
        outcome = await outbox.run(
            CreateChatJob(
                context=outbox.context,
                request=request,
                if_exists=params.get("if_exists", "create"),
                phone_numbers=phone_numbers,
                names=tuple(person.text for person in people),
                place=place,
                call_context=call.context,
            ),
            allow_repeat=params[ATTR_ALLOW_REPEAT],
        )
    response = _response(request, outcome, outbox.context.server.id_scheme(account_id))
    if people:
        response["recipients"] = [
            {
                "given": person.text,
                "name": person.name,
                "id": person.id or person.user.id,
                "phone_number": person.user.phone_number,
            }
            for person in people
        ]
    return response


def _place(
    context: OutboxContext, account_id: str, params: Params
) -> AbstractContextManager[RecipientPlace | None]:
    """Take the next place among the requests for chats with one person.

    Looking up names takes different times, and texts arrive in the order of the calls.
    """
    if params.get(ATTR_TYPE) == TYPE_GROUP:
        return nullcontext()
    return context.recipients.place(account_id)


async def _resolve_people(
    account_id: str, params: Params, directory: Directory
) -> list[Person]:
    """Resolve the people in `recipient` or `participants`; raises BeeperError."""
    field = ATTR_RECIPIENT if ATTR_RECIPIENT in params else ATTR_PARTICIPANTS
    if params[ATTR_MODE] == MODE_CREATE:
        return await directory.resolve_participants(
            account_id, params[field], field=field
        )
    (text,) = params[field]
    return [await directory.resolve_recipient(account_id, text, field=field)]


def _request(
    server: Server,
    account_id: str,
    params: Params,
    people: list[Person],
    phone_numbers: Mapping[str, str],
) -> ChatRequest:
    message: str | None = params.get(ATTR_MESSAGE_TEXT)
    message_text = message and from_format(message, params[ATTR_FORMAT])
    if params[ATTR_MODE] == MODE_START:
        return StartChat(
            account_id=account_id,
            user=people[0].user if people else StartUser(**params[ATTR_USER]),
            allow_invite=params.get("allow_invite"),
            message_text=message_text,
        )
    ids = params.get(ATTR_PARTICIPANT_IDS) or [person.id for person in people]
    distinct = [*known_people(ids, phone_numbers, server.id_scheme(account_id))]
    if params[ATTR_TYPE] == TYPE_GROUP:
        # The user is in each group.
        others = [one for one in distinct if not server.is_own_id(account_id, one)]
        distinct = others or distinct
    return CreateChat(
        account_id=account_id,
        participant_ids=tuple(distinct),
        type=params[ATTR_TYPE],
        title=params.get(ATTR_TITLE),
        message_text=message_text,
    )


def _response(
    request: ChatRequest, outcome: Outcome[ChatJobResult], id_scheme: str | None
) -> CreateChatResponse:
    """Return the response; it has the chat's details only if the server returned them."""
    result = outcome.result
    response: CreateChatResponse = {
        "chat_id": result.chat_id,
        "status": result.status,
        "account_id": request.account_id,
        "message_sent": result.message_sent,
        "message_id": result.message_id,
        "recovered": outcome.recovered,
        "duplicate": outcome.duplicate,
    }
    if (chat := result.chat) is not None:
        response |= {
            "network": chat.network,
            "title": chat.title,
            "type": chat.type,
            "participants": [
                {
                    "id": user.id,
                    "name": user.name,
                    "is_self": user.is_self,
                    "joined": not user.is_pending,
                }
                for user in chat.participants
            ],
        }
        if isinstance(request, CreateChat):
            response["missing"] = _missing(request, chat, id_scheme)
    return response


def _missing(
    request: CreateChat, chat: Chat, id_scheme: str | None
) -> list[str] | None:
    """Return the requested participants that are not in the chat; None if unknown.

    A network may know a person by another ID than the requested one.
    """
    missing = list(request.participant_ids)
    has_unmatched = chat.has_more
    for user in chat.participants:
        matching = [
            user_id for user_id in missing if user.matches_id(user_id, id_scheme)
        ]
        if matching:
            missing.remove(matching[0])
        elif not (user.is_self or user.is_network_bot):
            has_unmatched = True
    return None if missing and has_unmatched else missing


CREATE_CHAT: Final = Action(name="create_chat", validate=_validate, handle=_create_chat)
