"""The action beeper.reply: answer the message that has started the automation."""

from typing import Any, Final

import voluptuous as vol

from homeassistant.core import ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.service import async_get_config_entry

from .. import errors
from ..const import DOMAIN
from ..coordinator import BeeperConfigEntry
from ..data import find_origin
from ..validation import boolean
from .action import Action, validate_fields
from .responses import SendMessageResponse
from .send_message import (
    CONTENT_SCHEMA,
    async_check_attachment,
    async_send,
    check_content,
)

ATTR_QUOTE: Final = "quote"

_SCHEMA: Final = vol.Schema(
    {**CONTENT_SCHEMA, vol.Optional(ATTR_QUOTE, default=True): boolean}
)


def _validate(data: dict[str, Any]) -> dict[str, Any]:
    params = validate_fields(_SCHEMA, data)
    check_content(params)
    return params


async def _reply(call: ServiceCall) -> SendMessageResponse:
    await async_check_attachment(call)
    if (origin := find_origin(call.hass, call.context)) is None:
        raise errors.invalid("reply_without_message")
    entry: BeeperConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, origin.entry_id
    )
    try:
        return await async_send(
            call,
            entry,
            origin.chat_id,
            reply_to=origin.message_id if call.data[ATTR_QUOTE] else None,
        )
    except HomeAssistantError as err:
        if err.translation_key == "reply_to_not_found":  # A field of another action
            raise errors.invalid("reply_original_not_found") from None
        raise


REPLY: Final = Action(name="reply", validate=_validate, handle=_reply)
