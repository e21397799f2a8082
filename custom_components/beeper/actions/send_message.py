"""The action beeper.send_message: send a message to an existing chat."""

from typing import Any, Final, get_args

import voluptuous as vol

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import ServiceCall
from homeassistant.exceptions import Unauthorized

from .. import errors
from ..api.requests import AttachmentType
from ..data import get_outbox
from ..outgoing import markdown
from ..outgoing.attachments import Source, picture_entity
from ..outgoing.message_job import MessageJob, MessageRequest
from ..permissions import async_may_attach
from ..validation import (
    attachment,
    boolean,
    file_name,
    identifier,
    identifiers,
    one_of,
    text,
)
from .action import (
    ATTR_ALLOW_REPEAT,
    ATTR_FORMAT,
    ATTR_MESSAGE,
    ATTR_RECIPIENT,
    CHAT_SCHEMA,
    FORMAT_SCHEMA,
    Action,
    async_get_entry_and_chat,
    validate_chat_fields,
)
from .responses import SendMessageResponse

ATTR_ATTACHMENT: Final = "attachment"
ATTR_ATTACHMENT_TYPE: Final = "attachment_type"
ATTR_FILE_NAME: Final = "file_name"
ATTR_WAIT: Final = "wait"

_SCHEMA: Final = vol.Schema(
    {
        **CHAT_SCHEMA,
        vol.Optional(ATTR_MESSAGE): text,
        **FORMAT_SCHEMA,
        vol.Optional("reply_to"): identifier,
        vol.Optional(ATTR_ATTACHMENT): attachment,
        vol.Optional(ATTR_FILE_NAME): file_name,
        vol.Optional(ATTR_ATTACHMENT_TYPE): one_of(*get_args(AttachmentType.__value__)),
        vol.Optional("mentions"): identifiers,
        vol.Optional("link_preview", default=True): boolean,
        vol.Optional(ATTR_WAIT, default=False): boolean,
        vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean,
    }
)


def _validate(data: dict[str, Any]) -> dict[str, Any]:
    params = validate_chat_fields(_SCHEMA, data)
    if not params.get(ATTR_MESSAGE, "").strip():
        params.pop(ATTR_MESSAGE, None)
        if ATTR_ATTACHMENT not in params:
            raise errors.invalid("nothing_to_send")
    for field in (ATTR_FILE_NAME, ATTR_ATTACHMENT_TYPE):
        if field in params and ATTR_ATTACHMENT not in params:
            raise errors.invalid("without_attachment", field=field)
    return params


async def _check_attachment(call: ServiceCall) -> None:
    """Raise Unauthorized if the caller's user may not send this file."""
    if ATTR_ATTACHMENT not in call.data:
        return
    entity_id = picture_entity(call.data[ATTR_ATTACHMENT])
    if not await async_may_attach(call.hass, call.context, entity_id):
        raise Unauthorized(
            context=call.context,
            user_id=call.context.user_id,
            entity_id=entity_id,
            permission=POLICY_READ if entity_id else POLICY_CONTROL,
        )


async def _send_message(call: ServiceCall) -> SendMessageResponse:
    await _check_attachment(call)
    params = call.data
    entry, chat_id = await async_get_entry_and_chat(call)
    message: str | None = params.get(ATTR_MESSAGE)
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
            text=(
                None
                if message is None
                else markdown.from_format(message, params[ATTR_FORMAT])
            ),
            length=len(message or ""),
            reply_to=params.get("reply_to"),
            attachment=source,
            attachment_type=params.get(ATTR_ATTACHMENT_TYPE),
            mentions=tuple(params.get("mentions", ())),
            link_preview=params["link_preview"],
        ),
        call_context=call.context,
        recipient=params.get(ATTR_RECIPIENT),
    )
    outcome = await outbox.run(job, allow_repeat=params[ATTR_ALLOW_REPEAT])
    response: SendMessageResponse = {
        "chat_id": outcome.result.chat_id,
        "message_id": outcome.result.message_id,
        "pending_message_id": outcome.result.message_id,
        "recovered": outcome.recovered,
        "duplicate": outcome.duplicate,
    }
    if params[ATTR_WAIT]:
        delivery = await job.delivery(outcome.result)
        response |= {"delivery": delivery.state, "reason": delivery.reason}
        response["message_id"] = job.final_id or outcome.result.message_id
    return response


SEND_MESSAGE: Final = Action(
    name="send_message", validate=_validate, handle=_send_message
)
