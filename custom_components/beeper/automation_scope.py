"""The servers, accounts and chats that a trigger or a condition is about."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_DEVICE_ID, CONF_OPTIONS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.helpers.typing import ConfigType

from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN
from .devices import place_of
from .validation import identifier, identifiers, only_known, without_blanks

ACCOUNT: Final = {
    vol.Optional(CONF_DEVICE_ID, default=list): identifiers,
    vol.Optional(CONF_ACCOUNT_ID): identifier,
}
CHAT: Final = {**ACCOUNT, vol.Optional(CONF_CHAT_ID): identifier}


async def async_validate(
    hass: HomeAssistant, config: ConfigType, schema: vol.Schema
) -> ConfigType:
    """Return the configuration with options as the schema makes them.

    No server has to be set up for it. Raises `vol.Invalid` with a text for the user;
    with its path, Home Assistant does not log the whole configuration with it.
    """
    try:
        return {CONF_OPTIONS: schema(_given(config, schema))}
    except vol.Invalid as err:
        first = err.errors[0] if isinstance(err, vol.MultipleInvalid) else err
        texts = await async_get_translations(
            hass, hass.config.language, "exceptions", {DOMAIN}
        )
        text = texts[f"component.{DOMAIN}.exceptions.{first.msg}.message"].format(
            field=".".join(str(part) for part in first.path), **first.placeholders
        )
        raise vol.Invalid(text.rstrip("."), path=[CONF_OPTIONS, *first.path]) from None


def _given(config: ConfigType, schema: vol.Schema) -> dict[str, Any]:
    """Return the options as they are written."""
    only_known(config, [CONF_OPTIONS])
    options = config.get(CONF_OPTIONS) or {}
    if not isinstance(options, dict):
        raise vol.Invalid("not_options")
    only_known(options, schema.schema)
    for option in options.keys() - without_blanks(options).keys():
        # Left out, it would mean everything: everybody, for a sender.
        raise vol.Invalid("blank", path=[option])
    return options


def concerns(
    hass: HomeAssistant,
    options: Mapping[str, Any],
    *,
    entry_id: str,
    account_id: str,
    chat_ids: Collection[str] | None = None,
) -> bool:
    """Tell whether the options mean this account or, with its ids, this chat.

    What they do not name is all of them. Of several devices one suffices; one that is
    gone means nothing. Where it is about accounts, a chat means its own.
    """
    if options.get(CONF_ACCOUNT_ID, account_id) != account_id:
        return False
    if CONF_CHAT_ID in options and options[CONF_CHAT_ID] not in (chat_ids or ()):
        return False
    places = [place_of(hass, device_id) for device_id in options[CONF_DEVICE_ID]]
    return not places or any(
        place.entry_id == entry_id
        and (
            place.account_id in (None, account_id)
            if place.chat_id is None or chat_ids is None
            else place.chat_id in chat_ids
        )
        for place in places
        if place
    )
