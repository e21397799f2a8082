"""The servers, accounts and chats that a trigger or a condition is about."""

from collections.abc import Collection, Iterable, Mapping
import re
from typing import Any, Final, NamedTuple

import voluptuous as vol

from homeassistant.const import (
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    CONF_DEVICE_ID,
    CONF_OPTIONS,
    CONF_TARGET,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.helpers.typing import ConfigType

from .api.models import Chat
from .automation_choices import async_resolve, check_devices, is_account, is_title
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN
from .data import get_data
from .device_identifiers import (
    DeviceScope,
    current_account_id,
    current_chat_id,
    resolve_device,
)
from .errors import with_rows
from .validation import as_list, identifier, identifiers, only_known, without_blanks

_ID: Final = re.compile(r"\d+|[^\s:;!#@]*[:;!#@]\S*")
"""Anybody can give a group a title that looks like the ID of a chat."""

ACCOUNT: Final = {
    vol.Optional(CONF_DEVICE_ID, default=list): identifiers,
    vol.Optional(CONF_ACCOUNT_ID): identifier,
}
CHAT: Final = {**ACCOUNT, vol.Optional(CONF_CHAT_ID): identifier}


class Subject(NamedTuple):
    """The account that an event or a state is about, or the chat in it.

    Without `chat_ids`, the device of a chat selects the chat's account. `chat` is the
    chat itself where it is known: its number and title can also select it.
    """

    entry_id: str
    account_id: str
    chat_ids: Collection[str] | None = None
    chat: Chat | None = None


async def async_validate(
    hass: HomeAssistant,
    config: ConfigType,
    schema: vol.Schema,
    *,
    with_target: bool = False,
) -> ConfigType:
    """Return the configuration with validated options and target; needs no server.

    What servers that can be asked do not know is refused.
    Raises `vol.Invalid` with a text for the user. Because of its path, Home Assistant
    does not log the whole configuration with the text.
    """
    try:
        options = schema(_options(config, schema, with_target=with_target))
        resolved = {CONF_OPTIONS: await async_resolve(hass, options)}
        if with_target and CONF_TARGET in config:
            _check_target(hass, config[CONF_TARGET])
            resolved[CONF_TARGET] = config[CONF_TARGET]
    except vol.Invalid as err:
        first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
        texts = await async_get_translations(
            hass, hass.config.language, "exceptions", {DOMAIN}
        )
        text = texts[f"component.{DOMAIN}.exceptions.{first.msg}.message"].format(
            field=with_rows(".".join(str(part) for part in first.path)),
            **first.placeholders,
        )
        place = [] if CONF_TARGET in first.path else [CONF_OPTIONS]
        raise vol.Invalid(text.rstrip("."), path=[*place, *first.path]) from None
    return resolved


def _check_target(hass: HomeAssistant, target: dict[str, Any]) -> None:
    """Raise `vol.Invalid` for a target that is empty or not Beeper's."""
    if not without_blanks(target):
        # It would select the messages of everybody.
        raise vol.Invalid("blank", path=[CONF_TARGET])
    try:
        check_devices(hass, [*as_list(target.get(ATTR_DEVICE_ID, []))])
        _check_entities(hass, as_list(target.get(ATTR_ENTITY_ID, [])))
    except vol.Invalid as err:
        err.prepend([CONF_TARGET])
        raise


def _check_entities(hass: HomeAssistant, entity_ids: Iterable[str]) -> None:
    for index, entity_id in enumerate(entity_ids):
        if _scope_of_entity(hass, entity_id) is None:
            raise vol.Invalid("option_entity_unknown", path=[ATTR_ENTITY_ID, index])


def _scope_of_entity(hass: HomeAssistant, entity_id: str) -> DeviceScope | None:
    """Return the scope of an entity's device, None if it is not of Beeper."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != DOMAIN or entity.device_id is None:
        return None
    return resolve_device(hass, entity.device_id)


def _is_in_any(subject: Subject, scopes: Iterable[DeviceScope | None]) -> bool:
    """Return whether any of the scopes contains the account or the chat."""
    return any(
        scope.entry_id == subject.entry_id
        and (
            scope.account_id in (None, subject.account_id)
            if scope.chat_id is None or subject.chat_ids is None
            else scope.chat_id in subject.chat_ids
        )
        for scope in scopes
        if scope
    )


def is_targeted(hass: HomeAssistant, target: dict[str, Any], subject: Subject) -> bool:
    """Return whether a target selects an account or a chat.

    Areas, floors and labels can change while an automation is loaded.
    """
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(target))
    return _is_in_any(
        subject,
        (
            _scope_of_entity(hass, entity_id)
            for entity_id in selected.referenced | selected.indirectly_referenced
        ),
    )


def _options(
    config: ConfigType, schema: vol.Schema, *, with_target: bool
) -> dict[str, Any]:
    """Return the options before validation; raises `vol.Invalid` for unknown or blank ones."""
    only_known(config, [CONF_OPTIONS, *([CONF_TARGET] if with_target else [])])
    options = config.get(CONF_OPTIONS) or {}
    if not isinstance(options, dict):
        raise vol.Invalid("not_options")
    only_known(options, schema.schema)
    for option in options.keys() - without_blanks(options).keys():
        # Ignoring a blank sender would select the messages of everybody.
        raise vol.Invalid("blank", path=[option])
    return options


def concerns(hass: HomeAssistant, options: Mapping[str, Any], subject: Subject) -> bool:
    """Return whether the options select an account or a chat.

    A missing option selects everything. Any of several devices suffices; a removed device
    selects nothing.
    """
    entry = hass.config_entries.async_get_entry(subject.entry_id)
    account_id = subject.account_id
    if CONF_ACCOUNT_ID in options and not (
        is_account(hass, subject.entry_id, account_id, options[CONF_ACCOUNT_ID])
        or (entry and current_account_id(entry, options[CONF_ACCOUNT_ID]) == account_id)
    ):
        return False
    scopes = [resolve_device(hass, device_id) for device_id in options[CONF_DEVICE_ID]]
    if scopes and not _is_in_any(subject, scopes):
        return False
    # Last: the number of a chat is remembered when it is used.
    return CONF_CHAT_ID not in options or _is_chat(hass, subject, options[CONF_CHAT_ID])


def _is_chat(hass: HomeAssistant, subject: Subject, text: str) -> bool:
    """Return whether a text is an ID, number or title of the chat."""
    chat, chat_ids = subject.chat, subject.chat_ids or ()
    if text not in chat_ids:
        entry = hass.config_entries.async_get_entry(subject.entry_id)
        if entry is not None and current_chat_id(entry, text) in chat_ids:
            return True
        # No server could resolve the chat when the automation was loaded.
        return (
            chat is not None
            and not _ID.fullmatch(text)
            and is_title(chat.title or "", text)
        )
    numbers = get_data(hass).chat_numbers.get(subject.entry_id)
    return chat is None or numbers is None or numbers.is_same_chat(text, chat)
