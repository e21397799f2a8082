"""The actions that change a chat or a message."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import voluptuous as vol

from homeassistant.core import ServiceCall
from homeassistant.util import dt as dt_util

from .. import errors
from ..data import get_outbox
from ..outgoing import chat_changes, message_changes
from ..outgoing.change_job import ChangeJob
from ..validation import (
    boolean,
    datetime_,
    identifier,
    integer,
    reaction,
    some_of,
    visible_text,
    without_blanks,
)
from .action import (
    ATTR_ALLOW_REPEAT,
    ATTR_MESSAGE,
    ATTR_MESSAGE_ID,
    CHAT_FIELDS,
    CHAT_SCHEMA,
    FORMAT_SCHEMA,
    Action,
    Fields,
    Params,
    async_get_entry_and_chat,
    get_entry,
    select_fields,
    validate_chat_fields,
)
from .responses import ChangeResponse

_MAX_EXPIRY_SECONDS: Final = 10 * 365 * 24 * 60 * 60
_CLEARABLE: Final = ("title", "description", "draft", "message_expiry_seconds")
_UPDATE_FIELDS: Final[Fields] = {
    vol.Optional("title"): visible_text,
    vol.Optional("description"): visible_text,
    vol.Optional("is_archived"): boolean,
    vol.Optional("is_low_priority"): boolean,
    vol.Optional("is_muted"): boolean,
    vol.Optional("is_pinned"): boolean,
    vol.Optional("message_expiry_seconds"): integer(1, _MAX_EXPIRY_SECONDS),
    vol.Optional("draft"): visible_text,
    vol.Optional("clear"): some_of(*_CLEARABLE),
}
_MESSAGE_ID: Final[Fields] = {vol.Required(ATTR_MESSAGE_ID): identifier}
_OPTIONAL_MESSAGE_ID: Final[Fields] = {vol.Optional(ATTR_MESSAGE_ID): identifier}
_REACTION_FIELDS: Final[Fields] = {**_MESSAGE_ID, vol.Required("reaction"): reaction}


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeAction:
    """An action that runs a change job.

    `fields` come in addition to those that select the server and the chat. `check`
    refuses combinations of fields. Unless `needs_chat`, a call without any of `fields`
    needs no chat.
    """

    job: type[ChangeJob]
    fields: Fields
    check: Callable[[Params], None] = lambda params: None
    needs_chat: bool = True

    def as_action(self) -> Action:
        """Return the action to register."""
        repeat: Fields = {vol.Optional(ATTR_ALLOW_REPEAT, default=False): boolean}
        schema = vol.Schema(
            {
                **CHAT_SCHEMA,
                **self.fields,
                **(repeat if self.job.reaches_people else {}),
            }
        )

        def validate(data: dict[str, Any]) -> dict[str, Any]:
            data = without_blanks(data)
            params = validate_chat_fields(
                schema,
                data,
                chat_required=self.needs_chat or bool(select_fields(data, self.fields)),
            )
            self.check(params)
            return params

        return Action(name=self.job.name, validate=validate, handle=self._handle)

    async def _handle(self, call: ServiceCall) -> ChangeResponse:
        chat_id = ""
        if call.data.keys() & {*CHAT_FIELDS}:
            entry, chat_id = await async_get_entry_and_chat(call)
        else:
            entry = get_entry(call)
        outbox = get_outbox(call.hass, entry)
        outcome = await outbox.run(
            self.job(
                context=outbox.context,
                params=select_fields(call.data, self.fields),
                chat_id=chat_id,
                call_context=call.context,
            ),
            allow_repeat=not self.job.reaches_people or call.data[ATTR_ALLOW_REPEAT],
        )
        return {
            "chat_id": outcome.result.chat_id or None,
            "message_id": outcome.result.message_id or None,
            "recovered": outcome.recovered,
        }


def _check_update(params: Params) -> None:
    if not select_fields(params, _UPDATE_FIELDS):
        fields = ", ".join(map(str, _UPDATE_FIELDS))
        raise errors.invalid("nothing_to_change", fields=fields)
    for name in params.get("clear", ()):
        if name in params:
            raise errors.invalid("set_and_cleared", field=name)


def _check_reminder(params: Params) -> None:
    if params["remind_at"] <= dt_util.utcnow():
        raise errors.invalid("moment_past", field="remind_at")


CHANGE_ACTIONS: Final = (
    ChangeAction(
        job=chat_changes.UpdateChat, fields=_UPDATE_FIELDS, check=_check_update
    ),
    ChangeAction(job=chat_changes.MarkRead, fields=_OPTIONAL_MESSAGE_ID),
    ChangeAction(job=chat_changes.MarkUnread, fields=_OPTIONAL_MESSAGE_ID),
    ChangeAction(job=chat_changes.NotifyAnyway, fields={}),
    ChangeAction(
        job=chat_changes.SetReminder,
        fields={
            vol.Required("remind_at"): datetime_,
            vol.Optional("dismiss_on_incoming_message"): boolean,
        },
        check=_check_reminder,
    ),
    ChangeAction(job=chat_changes.ClearReminder, fields={}),
    ChangeAction(
        job=message_changes.EditMessage,
        fields={
            **_MESSAGE_ID,
            vol.Required(ATTR_MESSAGE): visible_text,
            **FORMAT_SCHEMA,
        },
    ),
    ChangeAction(
        job=message_changes.DeleteMessage,
        fields={**_MESSAGE_ID, vol.Required("for_everyone"): boolean},
    ),
    ChangeAction(job=message_changes.AddReaction, fields=_REACTION_FIELDS),
    ChangeAction(job=message_changes.RemoveReaction, fields=_REACTION_FIELDS),
    ChangeAction(
        job=chat_changes.Focus,
        fields={**_OPTIONAL_MESSAGE_ID, vol.Optional("draft_text"): visible_text},
        needs_chat=False,
    ),
)
