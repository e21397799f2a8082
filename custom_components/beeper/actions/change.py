"""The actions that change a chat or a message: the fields of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import voluptuous as vol

from homeassistant.util import dt as dt_util

from .. import errors
from ..outgoing import change_job
from ..outgoing.change_job import ChangeJob
from ..outgoing.markdown import FORMAT_MARKDOWN, FORMAT_TEXT
from ..validation import (
    boolean,
    datetime_,
    identifier,
    integer,
    one_of,
    reaction,
    some_of,
    visible_text,
)

_MAX_EXPIRY_SECONDS: Final = 10 * 365 * 24 * 60 * 60
_CLEARABLE: Final = ("title", "description", "draft", "message_expiry_seconds")
_UPDATABLE: Final[Mapping[Any, Any]] = {
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
_MESSAGE_ID: Final[Mapping[Any, Any]] = {vol.Required("message_id"): identifier}
_OPTIONAL_MESSAGE_ID: Final[Mapping[Any, Any]] = {
    vol.Optional("message_id"): identifier
}
_REACTION: Final[Mapping[Any, Any]] = {
    **_MESSAGE_ID,
    vol.Required("reaction"): reaction,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeAction:
    """One action: its job and its fields besides those that name the chat.

    `check` refuses fields that do not go together. Without `needs_chat`, a chat is only
    needed together with `fields`.
    """

    job: type[ChangeJob]
    fields: Mapping[Any, Any]
    check: Callable[[Mapping[str, Any]], None] = lambda params: None
    needs_chat: bool = True


def _check_update(params: Mapping[str, Any]) -> None:
    if not params.keys() & {*map(str, _UPDATABLE)}:
        fields = ", ".join(map(str, _UPDATABLE))
        raise errors.invalid("nothing_to_change", fields=fields)
    for name in params.get("clear", ()):
        if name in params:
            raise errors.invalid("set_and_cleared", field=name)


def _check_reminder(params: Mapping[str, Any]) -> None:
    if params["remind_at"] <= dt_util.utcnow():
        raise errors.invalid("moment_past", field="remind_at")


CHANGE_ACTIONS: Final = (
    ChangeAction(job=change_job.UpdateChat, fields=_UPDATABLE, check=_check_update),
    ChangeAction(job=change_job.MarkRead, fields=_OPTIONAL_MESSAGE_ID),
    ChangeAction(job=change_job.MarkUnread, fields=_OPTIONAL_MESSAGE_ID),
    ChangeAction(job=change_job.NotifyAnyway, fields={}),
    ChangeAction(
        job=change_job.SetReminder,
        fields={
            vol.Required("remind_at"): datetime_,
            vol.Optional("dismiss_on_incoming_message"): boolean,
        },
        check=_check_reminder,
    ),
    ChangeAction(job=change_job.ClearReminder, fields={}),
    ChangeAction(
        job=change_job.EditMessage,
        fields={
            **_MESSAGE_ID,
            vol.Required("message"): visible_text,
            vol.Optional("format", default=FORMAT_TEXT): one_of(
                FORMAT_TEXT, FORMAT_MARKDOWN
            ),
        },
    ),
    ChangeAction(
        job=change_job.DeleteMessage,
        fields={**_MESSAGE_ID, vol.Required("for_everyone"): boolean},
    ),
    ChangeAction(job=change_job.AddReaction, fields=_REACTION),
    ChangeAction(job=change_job.RemoveReaction, fields=_REACTION),
    ChangeAction(
        job=change_job.Focus,
        fields={**_OPTIONAL_MESSAGE_ID, vol.Optional("draft_text"): visible_text},
        needs_chat=False,
    ),
)
