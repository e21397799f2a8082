"""The actions: what each accepts, what it does, what it answers."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import voluptuous as vol

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import Platform
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service import async_get_config_entry

from . import errors
from .actions.change import CHANGE_ACTIONS, ChangeAction
from .actions.download import DOWNLOAD
from .actions.query import READINGS, Reading, async_read
from .api.models import Chat
from .api.requests import CreateChat, StartChat, StartUser
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN
from .coordinator import BeeperConfigEntry
from .outgoing import markdown
from .outgoing.attachments import Source
from .outgoing.chat_job import ChatJob, ChatJobResult
from .outgoing.markdown import FORMAT_MARKDOWN, FORMAT_TEXT
from .outgoing.message_job import MessageJob, MessageRequest
from .outgoing.outbox import Outcome, get_outbox
from .people import directory
from .people.matching import Candidate, Rank
from .permissions import async_may_control
from .server import Server
from .validation import (
    attachment,
    boolean,
    email,
    entity_id,
    file_name,
    identifier,
    identifiers,
    one_of,
    only_known,
    phone_number,
    query,
    recipient,
    recipients,
    text,
    without_blanks,
)

ATTR_ACCOUNT_ID: Final = "account_id"
ATTR_ALLOW_INVITE: Final = "allow_invite"
ATTR_ALLOW_REPEAT: Final = "allow_repeat"
ATTR_ATTACHMENT: Final = "attachment"
ATTR_CHAT_ID: Final = "chat_id"
ATTR_CONFIG_ENTRY_ID: Final = "config_entry_id"
ATTR_ENTITY_ID: Final = "entity_id"
ATTR_FILE_NAME: Final = "file_name"
ATTR_FORMAT: Final = "format"
ATTR_IF_EXISTS: Final = "if_exists"
ATTR_MESSAGE: Final = "message"
ATTR_MESSAGE_TEXT: Final = "message_text"
ATTR_MODE: Final = "mode"
ATTR_PARTICIPANT_IDS: Final = "participant_ids"
ATTR_PARTICIPANTS: Final = "participants"
ATTR_QUERY: Final = "query"
ATTR_RECIPIENT: Final = "recipient"
ATTR_REPLY_TO: Final = "reply_to"
ATTR_TITLE: Final = "title"
ATTR_TYPE: Final = "type"
ATTR_USER: Final = "user"
ATTR_WAIT: Final = "wait"

MODE_CREATE: Final = "create"
MODE_START: Final = "start"

_USER_IDENTIFIERS: Final = {
    vol.Optional("id"): identifier,
    vol.Optional("email"): email,
    vol.Optional("phone_number"): phone_number,
    vol.Optional("username"): identifier,
}
_USER: Final = vol.Schema({**_USER_IDENTIFIERS, vol.Optional("full_name"): identifier})


def _user(value: Any) -> dict[str, str]:
    """Accept a person to start a chat with; a name alone identifies nobody."""
    if not isinstance(value, dict):
        raise vol.Invalid("not_user")
    only_known(value, _USER.schema)
    user: dict[str, str] = _USER(without_blanks(value))
    if not user.keys() - {"full_name"}:
        raise vol.Invalid("user_not_identified")
    return user


_CREATE_CHAT_COMMON: Final = {
    vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier,
    vol.Optional(ATTR_ACCOUNT_ID): identifier,
    vol.Optional(ATTR_MESSAGE_TEXT): text,
    vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean,
}
# The API's union of parameters: the mode says which of these a call must match.
_CREATE_CHAT: Final = {
    MODE_START: vol.Schema(
        {
            **_CREATE_CHAT_COMMON,
            vol.Required(ATTR_MODE): MODE_START,
            vol.Optional(ATTR_RECIPIENT): recipient,
            vol.Optional(ATTR_USER): _user,
            vol.Optional(ATTR_ALLOW_INVITE): boolean,
        }
    ),
    MODE_CREATE: vol.Schema(
        {
            **_CREATE_CHAT_COMMON,
            vol.Required(ATTR_MODE): MODE_CREATE,
            vol.Optional(ATTR_PARTICIPANTS): recipients,
            vol.Optional(ATTR_PARTICIPANT_IDS): identifiers,
            vol.Required(ATTR_TYPE): one_of("single", "group"),
            vol.Optional(ATTR_TITLE): text,
            vol.Optional(ATTR_IF_EXISTS, default="create"): one_of(
                "create", "reuse", "refuse"
            ),
        }
    ),
}
# Who is meant: exactly one of these fields.
_WHOM: Final = {
    MODE_START: (ATTR_RECIPIENT, ATTR_USER),
    MODE_CREATE: (ATTR_PARTICIPANTS, ATTR_PARTICIPANT_IDS),
}
_CREATE_CHAT_MODE: Final = vol.Schema(
    {vol.Required(ATTR_MODE): one_of(MODE_START, MODE_CREATE)}, extra=vol.ALLOW_EXTRA
)


def _create_chat_params(data: dict[str, Any]) -> dict[str, Any]:
    """Accept the parameters of the mode that is meant, named or not.

    Raises a translated ServiceValidationError, as this is what every surface shows.
    """
    data = without_blanks(data)
    named = [field for fields in _WHOM.values() for field in fields if field in data]
    if len(named) > 1:
        raise errors.invalid("several_given", first=named[0], second=named[1])
    if not named and ATTR_MODE not in data:
        raise errors.invalid("user_or_participants")
    by_person = bool(named) and named[0] in _WHOM[MODE_START]
    data.setdefault(ATTR_MODE, MODE_START if by_person else MODE_CREATE)
    try:
        mode = _CREATE_CHAT_MODE(data)[ATTR_MODE]
        other_mode = MODE_START if mode == MODE_CREATE else MODE_CREATE
        for field in data:
            if field in _CREATE_CHAT[other_mode].schema and (
                field not in _CREATE_CHAT[mode].schema
            ):
                raise errors.invalid(
                    "field_of_other_mode",
                    field=field,
                    mode=mode,
                    other_mode=other_mode,
                )
        only_known(data, _CREATE_CHAT[mode].schema)
        if not named:
            raise errors.invalid("required", field=" or ".join(_WHOM[mode]))
        params: dict[str, Any] = _CREATE_CHAT[mode](data)
    except vol.Invalid as err:
        raise _refusal(err) from None
    if params.get(ATTR_TYPE) == "single" and len(params[named[0]]) != 1:
        raise errors.invalid("single_needs_one", field=named[0])
    return params


def _refusal(err: vol.Invalid) -> ServiceValidationError:
    """Turn the first thing a schema found wrong into a translated error."""
    first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
    field = ".".join(str(part) for part in first.path)
    if isinstance(first, vol.RequiredFieldInvalid):
        return errors.invalid("required", field=field)
    return errors.invalid(first.msg, field=field, **first.placeholders)


async def _create_chat(call: ServiceCall) -> ServiceResponse:
    """Start a chat with a person, or create one from participant ids."""
    entry: BeeperConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    params = call.data
    account_id = params.get(ATTR_ACCOUNT_ID, entry.data[CONF_ACCOUNT_ID])
    persons: list[directory.Person] = []
    if params.keys() & {ATTR_RECIPIENT, ATTR_PARTICIPANTS}:
        persons = await _resolve(
            call.hass, entry, partial(_persons, account_id, params)
        )
    request: StartChat | CreateChat
    if params[ATTR_MODE] == MODE_START:
        request = StartChat(
            account_id=account_id,
            user=persons[0].user if persons else StartUser(**params[ATTR_USER]),
            allow_invite=params.get(ATTR_ALLOW_INVITE),
            message_text=params.get(ATTR_MESSAGE_TEXT),
        )
    else:
        ids = params.get(ATTR_PARTICIPANT_IDS) or [each.id for each in persons]
        request = CreateChat(
            account_id=account_id,
            participant_ids=tuple(dict.fromkeys(ids)),
            type=params[ATTR_TYPE],
            title=params.get(ATTR_TITLE),
            message_text=params.get(ATTR_MESSAGE_TEXT),
        )
    outbox = get_outbox(call.hass, entry)
    done = await outbox.run(
        ChatJob(
            context=outbox.context,
            request=request,
            if_exists=params.get(ATTR_IF_EXISTS, "create"),
            phone_numbers={
                person.id: person.user.phone_number
                for person in persons
                if person.user.phone_number
            },
        ),
        allow_repeat=params[ATTR_ALLOW_REPEAT],
    )
    response = _created_chat(request, done)
    if persons:
        response["recipients"] = [
            {
                "given": person.given,
                "name": person.name,
                "id": person.id or person.user.id,
                "phone_number": person.user.phone_number,
            }
            for person in persons
        ]
    return response


async def _persons(
    account_id: str,
    params: Mapping[str, Any],
    server: Server,
) -> list[directory.Person]:
    """Return the people that a call does not name as the API does."""
    if ATTR_PARTICIPANTS in params:
        return await directory.resolve_participants(
            server,
            account_id,
            params[ATTR_PARTICIPANTS],
            field=ATTR_PARTICIPANTS,
        )
    return [
        await directory.resolve_recipient(
            server, account_id, params[ATTR_RECIPIENT], field=ATTR_RECIPIENT
        )
    ]


def _created_chat(
    request: StartChat | CreateChat, done: Outcome[ChatJobResult]
) -> dict[str, Any]:
    """Return what is known of the chat: all of it only if the server returned it."""
    response: dict[str, Any] = {
        "chat_id": done.result.chat_id,
        "status": done.result.status,
        "account_id": request.account_id,
        "message_sent": done.result.message_sent,
        "message_id": done.result.message_id,
        "recovered": done.recovered,
        "duplicate": done.duplicate,
    }
    if (chat := done.result.chat) is not None:
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
            response["missing"] = _missing(request, chat)
    return response


def _missing(request: CreateChat, chat: Chat) -> list[str] | None:
    """Return who was asked for and is not there; None if that cannot be told.

    Networks may know a person by another id than the one that was given.
    """
    missing = list(request.participant_ids)
    stranger = chat.has_more
    for user in chat.participants:
        named = [each for each in missing if user.matches_id(each)]
        if named:
            missing.remove(named[0])
        elif not (user.is_self or user.is_network_bot):
            stranger = True
    return None if missing and stranger else missing


_CHAT: Final = {
    vol.Optional(ATTR_RECIPIENT): recipient,
    vol.Optional(ATTR_ACCOUNT_ID): identifier,
    vol.Optional(ATTR_CHAT_ID): identifier,
    vol.Optional(ATTR_ENTITY_ID): entity_id,
}
_SEND_MESSAGE: Final = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier,
        **_CHAT,
        vol.Optional(ATTR_MESSAGE): text,
        vol.Optional(ATTR_FORMAT, default=FORMAT_TEXT): one_of(
            FORMAT_TEXT, FORMAT_MARKDOWN
        ),
        vol.Optional(ATTR_REPLY_TO): identifier,
        vol.Optional(ATTR_ATTACHMENT): attachment,
        vol.Optional(ATTR_FILE_NAME): file_name,
        vol.Optional(ATTR_WAIT, default=False): boolean,
        vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean,
    }
)


# Which chat is meant: exactly one of these fields.
_WHERE: Final = (ATTR_RECIPIENT, ATTR_CHAT_ID, ATTR_ENTITY_ID)


def _send_message_params(data: dict[str, Any]) -> dict[str, Any]:
    """Accept a message for exactly one chat.

    Raises a translated ServiceValidationError, as this is what every surface shows.
    """
    params = _chat_params(_SEND_MESSAGE, data)
    if not params.get(ATTR_MESSAGE, "").strip():
        params.pop(ATTR_MESSAGE, None)
        if ATTR_ATTACHMENT not in params:
            raise errors.invalid("nothing_to_send")
    if ATTR_FILE_NAME in params and ATTR_ATTACHMENT not in params:
        raise errors.invalid("file_name_alone")
    return params


def _chat_params(
    schema: vol.Schema, data: dict[str, Any], *, needed: bool = True
) -> dict[str, Any]:
    """Accept what a schema does, for exactly one chat; for none if none is needed."""
    data = without_blanks(data)
    named = [field for field in _WHERE if field in data]
    if len(named) > 1:
        raise errors.invalid("chat_and_entity", first=named[0], second=named[1])
    if needed and not named:
        raise errors.invalid("no_chat", fields=", ".join(_WHERE))
    params = _params(schema, data)
    if ATTR_ACCOUNT_ID in params and ATTR_RECIPIENT not in params:
        raise errors.invalid("account_alone")
    return params


def _params(schema: vol.Schema, data: dict[str, Any]) -> dict[str, Any]:
    """Accept what a schema does; raises a translated ServiceValidationError."""
    data = without_blanks(data)
    try:
        only_known(data, schema.schema)
        params: dict[str, Any] = schema(data)
    except vol.Invalid as err:
        raise _refusal(err) from None
    return params


async def _send_message(call: ServiceCall) -> ServiceResponse:
    """Send a message into one chat."""
    params = call.data
    entry, chat_id = await _entry_and_chat(call.hass, params)
    written = params.get(ATTR_MESSAGE)
    sent_text = None
    if written is not None:
        sent_text = markdown.from_format(written, params[ATTR_FORMAT])
    source = None
    if ATTR_ATTACHMENT in params:
        source = Source(
            location=params[ATTR_ATTACHMENT], name=params.get(ATTR_FILE_NAME)
        )
    outbox = get_outbox(call.hass, entry)
    job = MessageJob(
        context=outbox.context,
        message=MessageRequest(
            chat_id=chat_id,
            text=sent_text,
            length=len(written or ""),
            reply_to=params.get(ATTR_REPLY_TO),
            attachment=source,
        ),
        call_context=call.context,
    )
    done = await outbox.run(job, allow_repeat=params[ATTR_ALLOW_REPEAT])
    delivery = await job.delivery(done.result) if params[ATTR_WAIT] else None
    response: dict[str, Any] = {
        "chat_id": done.result.chat_id,
        "message_id": done.result.message_id,
        "recovered": done.recovered,
        "duplicate": done.duplicate,
    }
    if delivery is not None:
        response |= {"delivery": delivery.state, "reason": delivery.reason}
    return response


async def _entry_and_chat(
    hass: HomeAssistant, params: Mapping[str, Any]
) -> tuple[BeeperConfigEntry, str]:
    """Return the server and the chat that a call names, itself or by an entity."""
    entry_id: str | None = params.get(ATTR_CONFIG_ENTRY_ID)
    entry: BeeperConfigEntry
    if ATTR_RECIPIENT in params:
        entry = async_get_config_entry(hass, DOMAIN, entry_id)
        resolve = partial(
            directory.resolve_chat,
            account_id=params.get(ATTR_ACCOUNT_ID),
            text=params[ATTR_RECIPIENT],
            field=ATTR_RECIPIENT,
        )
        return entry, (await _resolve(hass, entry, resolve)).id
    if ATTR_CHAT_ID in params:
        return async_get_config_entry(hass, DOMAIN, entry_id), params[ATTR_CHAT_ID]
    entity = er.async_get(hass).async_get(params[ATTR_ENTITY_ID])
    if (
        entity is None
        or entity.platform != DOMAIN
        or entity.domain != Platform.NOTIFY
        or entity.config_subentry_id is None
    ):
        raise errors.invalid("not_our_entity")
    if entry_id not in (None, entity.config_entry_id):
        raise errors.invalid("entity_of_other_server")
    entry = async_get_config_entry(hass, DOMAIN, entity.config_entry_id)
    chat_id: str = entry.subentries[entity.config_subentry_id].data[CONF_CHAT_ID]
    return entry, chat_id


_FIND: Final = vol.Schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier,
        vol.Optional(ATTR_ACCOUNT_ID): identifier,
        vol.Required(ATTR_QUERY): query,
    }
)


def _find_params(data: dict[str, Any]) -> dict[str, Any]:
    """Accept what to look for.

    Raises a translated ServiceValidationError, as this is what every surface shows.
    """
    return _params(_FIND, data)


async def _find(call: ServiceCall) -> ServiceResponse:
    """List the people and chats that fit a text, the best first."""
    entry: BeeperConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    server = entry.runtime_data.server
    with server.translate_errors(partial(errors.not_done, network="")):
        found = await directory.find(
            server, call.data.get(ATTR_ACCOUNT_ID), call.data[ATTR_QUERY]
        )
    return {
        "count": len(found.matches),
        "matches": [
            _match(rank, candidate)
            for rank, candidate in found.matches[: directory.MAX_LISTED]
        ],
        "not_searched": [*found.not_searched],
    }


def _match(rank: Rank, candidate: Candidate) -> dict[str, Any]:
    """Return what tells candidates apart, and names one for certain."""
    chat, active = candidate.chat, candidate.last_activity
    user = candidate.users[0] if candidate.users else None
    return {
        "match": rank.name.lower(),
        "kind": "group" if chat and chat.type == "group" else "person",
        "name": candidate.name,
        "network": candidate.network,
        "account_id": candidate.account_id,
        "user_id": user.id if user else None,
        "phone_number": user.phone_number if user else None,
        "username": user.username if user else None,
        "chat_id": chat.id if chat else None,
        "local_chat_id": chat.local_id if chat else None,
        "last_activity": active.isoformat() if active else None,
    }


async def _resolve[T](
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    resolve: Callable[[Server], Awaitable[T]],
) -> T:
    """Return who is meant, to one call after another: what they send keeps its order."""
    coordinator = entry.runtime_data
    server = coordinator.server
    with server.translate_errors(partial(errors.not_done, network="")):
        async with coordinator.resolving:
            return await resolve(server)


async def _carry_out(reading: Reading, call: ServiceCall) -> ServiceResponse:
    """Carry out an action that only reads."""
    entry: BeeperConfigEntry
    params: Mapping[str, Any] = call.data
    if reading.of_chat:
        entry, chat_id = await _entry_and_chat(call.hass, params)
        params = {**params, ATTR_CHAT_ID: chat_id}
    else:
        entry = async_get_config_entry(
            call.hass, DOMAIN, params.get(ATTR_CONFIG_ENTRY_ID)
        )
    return await async_read(reading, entry, params)


async def _change(changing: ChangeAction, call: ServiceCall) -> ServiceResponse:
    """Carry out an action that changes a chat or a message."""
    entry: BeeperConfigEntry
    chat_id = ""
    if call.data.keys() & {*_WHERE}:
        entry, chat_id = await _entry_and_chat(call.hass, call.data)
    else:
        entry = async_get_config_entry(
            call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
        )
    outbox = get_outbox(call.hass, entry)
    done = await outbox.run(
        changing.job(
            context=outbox.context,
            params={
                name: call.data[name]
                for name in map(str, changing.fields)
                if name in call.data
            },
            chat_id=chat_id,
        ),
        allow_repeat=not changing.job.reaches_people or call.data[ATTR_ALLOW_REPEAT],
    )
    return {
        "chat_id": done.result.chat_id or None,
        "message_id": done.result.message_id or None,
        "recovered": done.recovered,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Action:
    """One row: how an action is called, and what carries it out."""

    name: str
    params: Callable[[dict[str, Any]], dict[str, Any]]
    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    response: SupportsResponse


def _reading_action(reading: Reading) -> _Action:
    schema = vol.Schema(
        {
            vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier,
            **(_CHAT if reading.of_chat else {}),
            **reading.fields,
        }
    )
    return _Action(
        name=reading.name,
        params=partial(_chat_params if reading.of_chat else _params, schema),
        handler=partial(_carry_out, reading),
        response=SupportsResponse.ONLY,
    )


def _changing_action(changing: ChangeAction) -> _Action:
    schema = vol.Schema(
        {
            vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier,
            **_CHAT,
            **changing.fields,
            **(
                {vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean}
                if changing.job.reaches_people
                else {}
            ),
        }
    )

    def params(data: dict[str, Any]) -> dict[str, Any]:
        data = without_blanks(data)
        needed = changing.needs_chat or bool(data.keys() & {*map(str, changing.fields)})
        accepted = _chat_params(schema, data, needed=needed)
        changing.check(accepted)
        return accepted

    return _Action(
        name=changing.job.name,
        params=params,
        handler=partial(_change, changing),
        response=SupportsResponse.OPTIONAL,
    )


_ACTIONS: Final = (
    _Action(
        name="create_chat",
        params=_create_chat_params,
        handler=_create_chat,
        response=SupportsResponse.OPTIONAL,
    ),
    _Action(
        name="send_message",
        params=_send_message_params,
        handler=_send_message,
        response=SupportsResponse.OPTIONAL,
    ),
    _Action(
        name="find",
        params=_find_params,
        handler=_find,
        response=SupportsResponse.ONLY,
    ),
    *map(_reading_action, (*READINGS, DOWNLOAD)),
    *map(_changing_action, CHANGE_ACTIONS),
)


async def _carry_out_if_allowed(action: _Action, call: ServiceCall) -> ServiceResponse:
    """Refuse what the user behind a call may not have done."""
    if not await async_may_control(
        call.hass, call.context, call.data.get(ATTR_ENTITY_ID)
    ):
        raise Unauthorized(
            context=call.context,
            user_id=call.context.user_id,
            permission=POLICY_CONTROL,
        )
    return await action.handler(call)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in _ACTIONS:
        hass.services.async_register(
            DOMAIN,
            action.name,
            partial(_carry_out_if_allowed, action),
            schema=vol.Schema(action.params),
            supports_response=action.response,
        )
