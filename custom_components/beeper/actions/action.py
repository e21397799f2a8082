"""The parts that all actions share: an action, its target chat, errors, permission."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import voluptuous as vol

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers.service import async_get_config_entry

from .. import errors
from ..const import DOMAIN
from ..coordinator import BeeperConfigEntry
from ..device_identifiers import current_account_id, current_chat_id, devices_by_account
from ..outgoing.markdown import FORMAT_MARKDOWN, FORMAT_TEXT
from ..people.directory import Directory
from ..permissions import async_may_control
from ..person_validation import recipient
from ..validation import entity_id, identifier, one_of, only_known, without_blanks
from .field_labels import labelled_errors
from .targets import TARGET_FIELDS, chat_target

ATTR_ACCOUNT_ID: Final = "account_id"
ATTR_ALLOW_REPEAT: Final = "allow_repeat"
ATTR_CHAT_ID: Final = "chat_id"
ATTR_FORMAT: Final = "format"
ATTR_MESSAGE: Final = "message"
ATTR_MESSAGE_ID: Final = "message_id"
ATTR_RECIPIENT: Final = "recipient"

type Fields = Mapping[vol.Marker, Any]
"""Validators of an action's fields, as in a voluptuous schema."""

type Params = Mapping[str, Any]
"""Validated fields of a call."""

ENTRY_SCHEMA: Final[Fields] = {vol.Optional(ATTR_CONFIG_ENTRY_ID): identifier}
CHAT_SCHEMA: Final[Fields] = {
    **ENTRY_SCHEMA,
    vol.Optional(ATTR_RECIPIENT): recipient,
    vol.Optional(ATTR_ACCOUNT_ID): identifier,
    vol.Optional(ATTR_CHAT_ID): identifier,
    vol.Optional(ATTR_ENTITY_ID): entity_id,
}
FORMAT_SCHEMA: Final[Fields] = {
    vol.Optional(ATTR_FORMAT, default=FORMAT_TEXT): one_of(FORMAT_TEXT, FORMAT_MARKDOWN)
}

CHAT_FIELDS: Final = (ATTR_RECIPIENT, ATTR_CHAT_ID, ATTR_ENTITY_ID)
"""A call contains exactly one of these fields to select its chat."""


def _named_entity_ids(call: ServiceCall) -> Collection[str]:
    return [call.data[ATTR_ENTITY_ID]] if ATTR_ENTITY_ID in call.data else ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Action:
    """One action.

    `validate` turns the call data into validated fields; raises a translated
    ServiceValidationError, since REST clients see no other validation message.
    `handle` performs the action and returns a TypedDict of `responses`. `entity_ids`
    returns the entities that the call selects: users who may control all of them may
    perform it.
    """

    name: str
    validate: Callable[[dict[str, Any]], dict[str, Any]]
    handle: Callable[[ServiceCall], Awaitable[Mapping[str, object]]]
    entity_ids: Callable[[ServiceCall], Collection[str]] = _named_entity_ids
    supports_response: SupportsResponse = SupportsResponse.OPTIONAL

    async def async_run(self, call: ServiceCall) -> ServiceResponse:
        """Perform the action if the caller's user has permission to control."""
        if not await async_may_control(call.hass, call.context, self.entity_ids(call)):
            raise Unauthorized(
                context=call.context,
                user_id=call.context.user_id,
                permission=POLICY_CONTROL,
            )
        with labelled_errors(call.hass, self.name):
            return cast("ServiceResponse", await self.handle(call))

    def async_validate(
        self, hass: HomeAssistant, data: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the validated fields; raises a translated ServiceValidationError."""
        with labelled_errors(hass, self.name):
            return self.validate(data)


def validate_fields(schema: vol.Schema, data: dict[str, Any]) -> dict[str, Any]:
    """Validate the fields of a call; raises a translated ServiceValidationError."""
    data = without_blanks(data)
    try:
        only_known(data, schema.schema)
        params: dict[str, Any] = schema(data)
    except vol.Invalid as err:
        raise schema_error(err) from None
    return params


def validate_chat_fields(
    schema: vol.Schema, data: dict[str, Any], *, chat_required: bool = True
) -> dict[str, Any]:
    """Validate the fields of a call that selects a chat with one of `CHAT_FIELDS`.

    The fields of a target count as one, if the action has them. Raises a translated
    ServiceValidationError.
    """
    data = without_blanks(data)
    selectors: list[str] = [field for field in CHAT_FIELDS if field in data]
    if ATTR_ENTITY_ID not in data and ATTR_DEVICE_ID in schema.schema:
        selectors += [field for field in TARGET_FIELDS if field in data][:1]
    if len(selectors) > 1:
        raise errors.invalid("chat_and_entity", first=selectors[0], second=selectors[1])
    if chat_required and not selectors:
        raise errors.invalid("no_chat", fields=", ".join(CHAT_FIELDS))
    params = validate_fields(schema, data)
    if ATTR_ACCOUNT_ID in params and ATTR_RECIPIENT not in params:
        raise errors.invalid("account_alone")
    return params


def schema_error(err: vol.Invalid) -> ServiceValidationError:
    """Return the translated error for the first problem that a schema found."""
    first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
    field = ".".join(str(part) for part in first.path)
    if isinstance(first, vol.RequiredFieldInvalid):
        return errors.invalid("required", field=field)
    return errors.invalid(first.msg, field=field, **first.placeholders)


def select_fields(params: Params, fields: Fields) -> dict[str, Any]:
    """Return those of the fields that a call contains."""
    return {name: params[name] for name in map(str, fields) if name in params}


def get_entry(call: ServiceCall) -> BeeperConfigEntry:
    """Return the loaded config entry of a call; raises ServiceValidationError."""
    entry: BeeperConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry


def resolve_account(
    hass: HomeAssistant, entry: BeeperConfigEntry, text: str, *, field: str
) -> str:
    """Return the ID of the account with this ID, network or device name.

    Raises a translated ServiceValidationError.
    """
    server = entry.runtime_data.server
    if server.account(text) is None:
        text = current_account_id(entry, text)
    resolved = server.resolve_account(text, field=field)
    if server.account(resolved) is None:
        for account_id, device in devices_by_account(hass, entry).items():
            if text in (device.name, device.name_by_user):
                return account_id
    return resolved


def get_account_id(call: ServiceCall, entry: BeeperConfigEntry) -> str | None:
    """Return the ID of the account that a call names, None if it names no account.

    Raises a translated ServiceValidationError.
    """
    text = call.data.get(ATTR_ACCOUNT_ID)
    return text and resolve_account(call.hass, entry, text, field=ATTR_ACCOUNT_ID)


async def async_get_entry_and_chat(call: ServiceCall) -> tuple[BeeperConfigEntry, str]:
    """Return the loaded config entry and the chat ID of a call.

    The call contains one of `CHAT_FIELDS`. Raises a translated HomeAssistantError.
    """
    if ATTR_RECIPIENT in call.data:
        entry = get_entry(call)
        account_id, text = get_account_id(call, entry), call.data[ATTR_RECIPIENT]
        chat = await entry.runtime_data.async_resolve(
            partial(
                Directory.resolve_chat,
                account_id=account_id,
                text=text,
                field=ATTR_RECIPIENT,
                from_default=True,
            ),
            in_order=(account_id, text),
        )
        return entry, chat.id
    if ATTR_CHAT_ID in call.data:
        entry = get_entry(call)
        return entry, current_chat_id(entry, call.data[ATTR_CHAT_ID])
    target = chat_target(
        call.hass, call.data[ATTR_ENTITY_ID], call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return target.entry(call.hass), target.chat_id
