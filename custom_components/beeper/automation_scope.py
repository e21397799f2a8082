"""The servers, accounts and chats that a trigger or a condition is about."""

from collections.abc import Collection, Iterable, Mapping
import re
from typing import Any, Final

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


def _is_any(
    scopes: Iterable[DeviceScope | None],
    *,
    entry_id: str,
    account_id: str,
    chat_ids: Collection[str] | None,
) -> bool:
    """Return whether any of the scopes contains this account or this chat."""
    return any(
        scope.entry_id == entry_id
        and (
            scope.account_id in (None, account_id)
            if scope.chat_id is None or chat_ids is None
            else scope.chat_id in chat_ids
        )
        for scope in scopes
        if scope
    )


def is_targeted(
    hass: HomeAssistant,
    target: dict[str, Any],
    *,
    entry_id: str,
    account_id: str,
    chat_ids: Collection[str] | None = None,
) -> bool:
    """Return whether a target selects this account or this chat.

    Areas, floors and labels can change while an automation is loaded.
    """
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(target))
    return _is_any(
        (
            _scope_of_entity(hass, entity_id)
            for entity_id in selected.referenced | selected.indirectly_referenced
        ),
        entry_id=entry_id,
        account_id=account_id,
        chat_ids=chat_ids,
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


def concerns(
    hass: HomeAssistant,
    options: Mapping[str, Any],
    *,
    entry_id: str,
    account_id: str,
    chat: Chat | None = None,
    chat_ids: Collection[str] | None = None,
) -> bool:
    """Return whether the options select this account or this chat.

    A missing option selects everything. Any of several devices suffices; a removed device
    selects nothing. The chat is given itself or by its IDs. Without one, the device of a
    chat selects the chat's account.
    """
    if chat:
        chat_ids = chat.ids
    entry = hass.config_entries.async_get_entry(entry_id)
    if CONF_ACCOUNT_ID in options and not (
        is_account(hass, entry_id, account_id, options[CONF_ACCOUNT_ID])
        or (entry and current_account_id(entry, options[CONF_ACCOUNT_ID]) == account_id)
    ):
        return False
    scopes = [resolve_device(hass, device_id) for device_id in options[CONF_DEVICE_ID]]
    if scopes and not _is_any(
        scopes, entry_id=entry_id, account_id=account_id, chat_ids=chat_ids
    ):
        return False
    # Last: the number of a chat is remembered when it is used.
    return CONF_CHAT_ID not in options or _is_chat(
        hass, entry_id, options[CONF_CHAT_ID], chat_ids or (), chat
    )


def _is_chat(
    hass: HomeAssistant,
    entry_id: str,
    wanted: str,
    chat_ids: Collection[str],
    chat: Chat | None,
) -> bool:
    if wanted not in chat_ids:
        entry = hass.config_entries.async_get_entry(entry_id)
        if entry is not None and current_chat_id(entry, wanted) in chat_ids:
            return True
        # No server could resolve the chat when the automation was loaded.
        return (
            chat is not None
            and not _ID.fullmatch(wanted)
            and is_title(chat.title or "", wanted)
        )
    numbers = get_data(hass).chat_numbers.get(entry_id)
    return chat is None or numbers is None or numbers.is_same_chat(wanted, chat)
