"""The servers, accounts and chats that a trigger or a condition is about."""

from collections.abc import Collection, Mapping
import re
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_DEVICE_ID, CONF_OPTIONS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.helpers.typing import ConfigType

from .api.models import Chat
from .automation_choices import async_resolve, is_account, is_title
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN
from .data import get_data
from .devices import current_account_id, current_chat_id, resolve_device
from .validation import identifier, identifiers, only_known, without_blanks

_ID: Final = re.compile(r"\d+|[^\s:;!#@]*[:;!#@]\S*")
"""Anybody can give a group a title that looks like the ID of a chat."""

ACCOUNT: Final = {
    vol.Optional(CONF_DEVICE_ID, default=list): identifiers,
    vol.Optional(CONF_ACCOUNT_ID): identifier,
}
CHAT: Final = {**ACCOUNT, vol.Optional(CONF_CHAT_ID): identifier}


async def async_validate(
    hass: HomeAssistant, config: ConfigType, schema: vol.Schema
) -> ConfigType:
    """Return the configuration with validated options; needs no server.

    What servers that can be asked do not know is refused.
    Raises `vol.Invalid` with a text for the user. Because of its path, Home Assistant
    does not log the whole configuration with the text.
    """
    try:
        options = schema(_options(config, schema))
        return {CONF_OPTIONS: await async_resolve(hass, options)}
    except vol.Invalid as err:
        first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
        texts = await async_get_translations(
            hass, hass.config.language, "exceptions", {DOMAIN}
        )
        text = texts[f"component.{DOMAIN}.exceptions.{first.msg}.message"].format(
            field=".".join(str(part) for part in first.path), **first.placeholders
        )
        raise vol.Invalid(text.rstrip("."), path=[CONF_OPTIONS, *first.path]) from None


def _options(config: ConfigType, schema: vol.Schema) -> dict[str, Any]:
    """Return the options before validation; raises `vol.Invalid` for unknown or blank ones."""
    only_known(config, [CONF_OPTIONS])
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
    if scopes and not any(
        scope.entry_id == entry_id
        and (
            scope.account_id in (None, account_id)
            if scope.chat_id is None or chat_ids is None
            else scope.chat_id in chat_ids
        )
        for scope in scopes
        if scope
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
