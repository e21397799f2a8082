"""The action beeper.send_message: send a message to an existing chat."""

from collections.abc import Sequence
from typing import Any, Final, cast, get_args

import voluptuous as vol

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import ServiceCall
from homeassistant.exceptions import HomeAssistantError, Unauthorized

from .. import errors
from ..api.folding import is_blank
from ..api.requests import AttachmentType
from ..coordinator import BeeperConfigEntry
from ..data import get_outbox
from ..outgoing import markdown
from ..outgoing.attachment_sources import Source, picture_entity
from ..outgoing.message_request import MessageRequest
from ..outgoing.send_message_job import SendMessageJob
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
    Fields,
    Params,
    async_get_entry_and_chat,
    validate_chat_fields,
)
from .responses import SendMessageResponse, SendMessagesResponse, SentToChatResponse
from .targets import (
    TARGET_FIELDS,
    TARGET_SCHEMA,
    ChatTarget,
    chat_targets,
    targeted_entity_ids,
)

ATTR_ATTACHMENT: Final = "attachment"
ATTR_ATTACHMENT_TYPE: Final = "attachment_type"
ATTR_FILE_NAME: Final = "file_name"
ATTR_REPLY_TO: Final = "reply_to"
ATTR_WAIT: Final = "wait"

CONTENT_SCHEMA: Final[Fields] = {
    vol.Optional(ATTR_MESSAGE): text,
    **FORMAT_SCHEMA,
    vol.Optional(ATTR_ATTACHMENT): attachment,
    vol.Optional(ATTR_FILE_NAME): file_name,
    vol.Optional(ATTR_ATTACHMENT_TYPE): one_of(*get_args(AttachmentType.__value__)),
    vol.Optional("mentions"): identifiers,
    vol.Optional("link_preview", default=True): boolean,
    vol.Optional(ATTR_WAIT, default=False): boolean,
    vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean,
}
"""What a message consists of, and how it is sent."""

_SCHEMA: Final = vol.Schema(
    {
        **CHAT_SCHEMA,
        **TARGET_SCHEMA,
        **CONTENT_SCHEMA,
        vol.Optional(ATTR_REPLY_TO): identifier,
    }
)


def _validate(data: dict[str, Any]) -> dict[str, Any]:
    params = validate_chat_fields(_SCHEMA, data)
    check_content(params)
    return params


def check_content(params: dict[str, Any]) -> None:
    """Remove a blank message; raises ServiceValidationError for a call without content."""
    if is_blank(params.get(ATTR_MESSAGE, "")):
        params.pop(ATTR_MESSAGE, None)
        if ATTR_ATTACHMENT not in params:
            raise errors.invalid("nothing_to_send")
    for field in (ATTR_FILE_NAME, ATTR_ATTACHMENT_TYPE):
        if field in params and ATTR_ATTACHMENT not in params:
            raise errors.invalid("without_attachment", field=field)


async def async_check_attachment(call: ServiceCall) -> None:
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


async def _send_message(
    call: ServiceCall,
) -> SendMessageResponse | SendMessagesResponse:
    await async_check_attachment(call)
    if not call.data.keys() & {*TARGET_FIELDS}:
        return await async_send(call, *await async_get_entry_and_chat(call))
    targets = chat_targets(call)
    if len(targets) > 1:
        return await _send_to_several(call, targets)
    (target,) = targets
    return await async_send(call, target.entry(call.hass), target.chat_id)


async def _send_to_several(
    call: ServiceCall, targets: Sequence[ChatTarget]
) -> SendMessagesResponse:
    """Send a message to each chat in turn, and raise one error if any is not sent.

    A chat that cannot be written to keeps no other chat from its message.
    """
    chats: list[SentToChatResponse] = []
    refusals: list[HomeAssistantError] = []
    for target in targets:
        sent: SentToChatResponse = {"entity_id": target.entity_id, "outcome": "done"}
        chats.append(sent)
        try:
            response = await async_send(call, target.entry(call.hass), target.chat_id)
            sent |= cast("SentToChatResponse", response)
        except HomeAssistantError as err:
            refusals.append(err)
            sent["outcome"] = "unknown" if errors.is_unknown(err) else "not_done"
    if refusals:
        raise _summary(chats, refusals)
    return {"chats": chats}


def _summary(
    chats: Sequence[SentToChatResponse], refusals: Sequence[HomeAssistantError]
) -> HomeAssistantError:
    """Return the error, which lists the sent messages."""
    if len(refusals) == len(chats) and (
        len({(type(err), err.translation_key) for err in refusals}) == 1
    ):
        return refusals[0]  # It applies to all of them.

    def with_outcome(outcome: str) -> str:
        return (
            ", ".join(chat["entity_id"] for chat in chats if chat["outcome"] == outcome)
            or "-"
        )

    placeholders = {
        "done": with_outcome("done"),
        "not_done": with_outcome("not_done"),
        "reason": str(refusals[0]),
    }
    if any(map(errors.is_unknown, refusals)):
        unknown = with_outcome("unknown")
        return errors.failed("several_unknown", unknown=unknown, **placeholders)
    return errors.failed("several_not_sent", **placeholders)


async def async_send(
    call: ServiceCall,
    entry: BeeperConfigEntry,
    chat_id: str,
    *,
    reply_to: str | None = None,
) -> SendMessageResponse:
    """Send the call's message to one chat; raises a translated HomeAssistantError."""
    params = call.data
    outbox = get_outbox(call.hass, entry)
    job = SendMessageJob(
        context=outbox.context,
        message=_message(params, chat_id, reply_to or params.get(ATTR_REPLY_TO)),
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


def _message(params: Params, chat_id: str, reply_to: str | None) -> MessageRequest:
    message: str | None = params.get(ATTR_MESSAGE)
    location = params.get(ATTR_ATTACHMENT)
    return MessageRequest(
        chat_id=chat_id,
        text=(
            None
            if message is None
            else markdown.from_format(message, params[ATTR_FORMAT])
        ),
        length=len(message or ""),
        reply_to=reply_to,
        attachment=(
            Source(location=location, name=params.get(ATTR_FILE_NAME))
            if location
            else None
        ),
        attachment_type=params.get(ATTR_ATTACHMENT_TYPE),
        mentions=tuple(params.get("mentions", ())),
        link_preview=params["link_preview"],
    )


SEND_MESSAGE: Final = Action(
    name="send_message",
    validate=_validate,
    handle=_send_message,
    entity_ids=targeted_entity_ids,
)
