"""The actions that change a chat or a message: what each accepts, does and leaves behind."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, override
from uuid import uuid4

import voluptuous as vol

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import AnswerError, BeeperError, RouteAbsentError
from ..api.generations import CHANGES_SINCE, EDIT_SINCE, REACTIONS_SINCE, READ_SINCE
from ..api.models import Chat, Message
from ..validation import (
    boolean,
    identifier,
    integer,
    moment,
    one_of,
    reaction,
    some_of,
    written,
)
from . import markdown
from .job import Job
from .reconciliation import same_text

ATTR_CLEAR: Final = "clear"
ATTR_DISMISS: Final = "dismiss_on_incoming_message"
ATTR_DRAFT: Final = "draft"
ATTR_DRAFT_TEXT: Final = "draft_text"
ATTR_FOR_EVERYONE: Final = "for_everyone"
ATTR_FORMAT: Final = "format"
ATTR_MESSAGE: Final = "message"
ATTR_MESSAGE_ID: Final = "message_id"
ATTR_REACTION: Final = "reaction"
ATTR_REMIND_AT: Final = "remind_at"

FORMAT_MARKDOWN: Final = "markdown"
FORMAT_TEXT: Final = "text"

_LONGEST_EXPIRY: Final = 10 * 365 * 24 * 60 * 60
_COLOUR: Final = "\ufe0f"
"""Makes a sign an emoji; networks add it and take it away."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Changing:
    """One action: its fields, what does it, and what can be read of it afterwards.

    `since` is the version of Beeper that brought it. `check` refuses fields that do not
    go together. `of_message`: about one message, of which `refuse` tells by NotDoneError
    that it cannot be done. Without `of_chat` it needs a chat only for its fields. `holds`
    tells by reading whether all is as it is meant to be; where it is None nothing can be
    read. `once`: it reaches a person each time; all else sets something, which can be done
    again without harm.
    """

    name: str
    fields: Mapping[Any, Any]
    since: str
    change: Callable[[Change], Awaitable[None]]
    holds: Callable[[Change], Awaitable[bool]] | None = None
    check: Callable[[Mapping[str, Any]], None] = lambda params: None
    of_chat: bool = True
    of_message: bool = False
    refuse: Callable[[Change, Message], None] = lambda change, message: None
    once: bool = False


@dataclass(kw_only=True, repr=False, eq=False)
class Changed:
    """What was changed: a chat, or a message in it; empty for none."""

    chat_id: str
    message_id: str


@dataclass(kw_only=True, repr=False, eq=False)
class Change(Job[Changed]):
    """One change.

    `chat_id` and `message_id` become what Beeper knows them by; empty for none.
    `before` is the message as it was, None if that could not be read.
    """

    changing: Changing
    client: BeeperClient
    params: Mapping[str, Any]
    chat_id: str
    own_ids_in: Callable[[str], frozenset[str]]
    enter: Callable[[BeeperClient, str], AbstractAsyncContextManager[Chat | None]]
    message_id: str = field(init=False)
    chat: Chat | None = field(default=None, init=False)
    before: Message | None = field(default=None, init=False)

    unknown = "change_unknown"
    still_unknown = "change_still_unknown"

    def __post_init__(self) -> None:
        """Recognise it by all that was asked for."""
        self.name = self.changing.name
        self.settles = not self.changing.once
        self.message_id = self.params.get(ATTR_MESSAGE_ID, "")
        self._asked = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(self.params.items())
        )
        self.key = self.shared = (self.name, self.chat_id, self._asked)

    @property
    def own_ids(self) -> frozenset[str]:
        """Return by which ids the user is known in the chat's account."""
        return self.own_ids_in((self.chat and self.chat.account_id) or "")

    @override
    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        if not self.chat_id:
            yield
            return
        async with self.enter(self.client, self.chat_id) as self.chat:
            if self.chat:
                self.chat_id = self.chat.id
                self.key = (self.name, self.chat_id, self._asked)
            yield

    @override
    async def prepare(self) -> None:
        if not self.changing.of_message:
            return
        try:
            message = await self.read_message()
        except BeeperError:
            return  # A help, not a gate.
        if message is None:
            key = "message_not_found" if self.chat else "change_not_found"
            raise errors.NotDoneError(partial(errors.invalid, key))
        self.before = message
        # One that was just sent is known by another id until it has its own.
        self.message_id = message.id or self.message_id
        self.changing.refuse(self, message)

    def is_own(self, message: Message) -> bool:
        """Tell whether the user sent it; some networks mark that wrongly."""
        return message.is_sender or message.sender_id in self.own_ids

    async def read_message(self) -> Message | None:
        """Return the message, None if there is none; raises BeeperError.

        Servers before 4.2.808 return no single ones: there it is among the newest, or
        cannot be read.
        """
        try:
            return await self.client.message(self.chat_id, self.message_id)
        except RouteAbsentError:
            for message in (await self.client.messages(self.chat_id)).items:
                if message.id == self.message_id:
                    return message
            raise
        except AnswerError as err:
            if err.status == 404:
                return None
            raise

    async def read_chat(self) -> Chat:
        """Return the chat as it is now; raises BeeperError."""
        return await self.client.chat(self.chat_id, participants=0)

    @override
    async def attempt(self) -> Changed:
        await self.changing.change(self)
        return self._changed()

    @override
    def not_done(self, err: BeeperError) -> HomeAssistantError:
        return errors.not_changed(
            err,
            # Archiving has a way of its own that all servers know.
            since=READ_SINCE
            if self.params.keys() == {"is_archived"}
            else self.changing.since,
        )

    @override
    def undo(self) -> None:
        """Nothing was prepared that would have to be taken back."""

    @override
    async def look(self, attempted: float) -> Changed | None:
        if self.changing.holds and await self.changing.holds(self):
            return self._changed()
        return None

    def _changed(self) -> Changed:
        return Changed(chat_id=self.chat_id, message_id=self.message_id)


# Chats


def _check_update(params: Mapping[str, Any]) -> None:
    if not params.keys() & {*map(str, _UPDATABLE)}:
        fields = ", ".join(map(str, _UPDATABLE))
        raise errors.invalid("nothing_to_change", fields=fields)
    for name in params.get(ATTR_CLEAR, ()):
        if name in params:
            raise errors.invalid("set_and_cleared", field=name)


def _wanted(change: Change) -> dict[str, Any]:
    wanted = dict(change.params)
    if ATTR_DRAFT in wanted:
        wanted[ATTR_DRAFT] = markdown.escape(wanted[ATTR_DRAFT])
    return wanted | dict.fromkeys(wanted.pop(ATTR_CLEAR, ()))


async def _update(change: Change) -> None:
    wanted = _wanted(change)
    # Beeper takes a draft only where there is none.
    if wanted.get(ATTR_DRAFT) is None or (await change.read_chat()).draft is None:
        await change.client.update_chat(change.chat_id, wanted)
        return
    await change.client.update_chat(change.chat_id, {ATTR_DRAFT: None})
    try:
        await change.client.update_chat(change.chat_id, wanted)
    except BeeperError as err:
        err.may_have_run = True  # The earlier draft is gone.
        raise


async def _is_updated(change: Change) -> bool:
    chat = await change.read_chat()
    wanted = _wanted(change)
    if (
        wanted.get(ATTR_DRAFT)
        and chat.draft
        and same_text(wanted[ATTR_DRAFT], chat.draft)
    ):
        del wanted[ATTR_DRAFT]
    return all(getattr(chat, key) == each for key, each in wanted.items())


async def _mark_read(change: Change) -> None:
    await change.client.mark_read(change.chat_id, change.message_id or None)


async def _is_read(change: Change) -> bool:
    chat = await change.read_chat()
    if chat.is_marked_unread or chat.unread_count == 0 or not change.message_id:
        return chat.unread_count == 0 and not chat.is_marked_unread
    message = await change.read_message()
    # One's own is always read, whatever is before it.
    return (
        message is not None
        and message.is_unread is False
        and not change.is_own(message)
    )


async def _mark_unread(change: Change) -> None:
    await change.client.mark_unread(change.chat_id, change.message_id or None)


async def _is_unread(change: Change) -> bool:
    if change.message_id:
        message = await change.read_message()
        return message is not None and message.is_unread is True
    chat = await change.read_chat()
    return chat.unread_count > 0 or chat.is_marked_unread is True


async def _notify_anyway(change: Change) -> None:
    await change.client.notify_anyway(change.chat_id)


def _check_reminder(params: Mapping[str, Any]) -> None:
    if params[ATTR_REMIND_AT] <= dt_util.utcnow():
        raise errors.invalid("moment_past", field=ATTR_REMIND_AT)


async def _set_reminder(change: Change) -> None:
    await change.client.set_reminder(
        change.chat_id,
        change.params[ATTR_REMIND_AT],
        dismiss=change.params.get(ATTR_DISMISS),
    )


async def _is_set(change: Change) -> bool:
    chat = await change.read_chat()
    wanted = change.params[ATTR_REMIND_AT].timestamp()
    return (
        chat.reminder is not None
        and abs(chat.reminder.timestamp() - wanted) < 1
        and change.params.get(ATTR_DISMISS) in (None, chat.reminder_is_dismissed)
    )


async def _clear_reminder(change: Change) -> None:
    await change.client.clear_reminder(change.chat_id)


async def _is_cleared(change: Change) -> bool:
    generation = change.client.generation
    # Older servers tell no reminders: none is no proof.
    return (
        generation is not None
        and generation.rich_text
        and (await change.read_chat()).reminder is None
    )


# Messages


def _markdown(change: Change) -> str:
    written: str = change.params[ATTR_MESSAGE]
    if change.params[ATTR_FORMAT] == FORMAT_TEXT:
        return markdown.escape(written)
    return markdown.verbatim(written)


def _refuse_edit(change: Change, message: Message) -> None:
    if message.sender_id and not change.is_own(message):
        raise errors.NotDoneError(partial(errors.invalid, "not_own_message"))
    if message.attachments:
        raise errors.NotDoneError(partial(errors.invalid, "edit_of_attachment"))
    limit = change.chat.max_text_length if change.chat else None
    length = len(change.params[ATTR_MESSAGE])
    if limit is not None and length > limit:
        told = {"length": str(length), "limit": str(limit)}
        raise errors.NotDoneError(
            partial(errors.invalid, "longer_than_chat_allows", **told)
        )


async def _edit(change: Change) -> None:
    await change.client.edit_message(
        change.chat_id, change.message_id, _markdown(change)
    )


async def _is_edited(change: Change) -> bool:
    message = await change.read_message()
    return (
        message is not None
        # What only looks alike may have been there before.
        and message.text != (change.before and change.before.text)
        and same_text(_markdown(change), message.text or "")
    )


def _refuse_deletion(change: Change, message: Message) -> None:
    if message.send_status == "PENDING":
        raise errors.NotDoneError(partial(errors.invalid, "message_pending"))


async def _delete(change: Change) -> None:
    await change.client.delete_message(
        change.chat_id, change.message_id, for_everyone=change.params[ATTR_FOR_EVERYONE]
    )


async def _is_deleted(change: Change) -> bool:
    message = await change.read_message()
    return message is None or message.is_deleted


async def _add_reaction(change: Change) -> None:
    await change.client.add_reaction(
        change.chat_id,
        change.message_id,
        change.params[ATTR_REACTION],
        transaction_id=uuid4().hex,
    )


async def _remove_reaction(change: Change) -> None:
    await change.client.remove_reaction(
        change.chat_id, change.message_id, change.params[ATTR_REACTION]
    )


async def _has_reaction(change: Change) -> bool:
    return _reacted(change, await change.read_message())


async def _has_no_reaction(change: Change) -> bool:
    message = await change.read_message()
    # One that was never seen may be under an id that nobody told.
    return (
        message is not None
        and _reacted(change, change.before)
        and not _reacted(change, message)
    )


def _reacted(change: Change, message: Message | None) -> bool:
    wanted = change.params[ATTR_REACTION].replace(_COLOUR, "")
    return message is not None and any(
        each.key.replace(_COLOUR, "") == wanted
        and each.participant_id in change.own_ids
        for each in message.reactions
    )


# The window of Beeper


async def _focus(change: Change) -> None:
    await change.client.focus(
        chat_id=change.chat_id or None,
        message_id=change.message_id or None,
        draft_text=change.params.get(ATTR_DRAFT_TEXT),
    )


# The actions

_CLEARABLE: Final = ("title", "description", "draft", "message_expiry_seconds")
_UPDATABLE: Final = {
    vol.Optional("title"): written,
    vol.Optional("description"): written,
    vol.Optional("is_archived"): boolean,
    vol.Optional("is_low_priority"): boolean,
    vol.Optional("is_muted"): boolean,
    vol.Optional("is_pinned"): boolean,
    vol.Optional("message_expiry_seconds"): integer(1, _LONGEST_EXPIRY),
    vol.Optional(ATTR_DRAFT): written,
    vol.Optional(ATTR_CLEAR): some_of(*_CLEARABLE),
}
_MESSAGE_ID: Final = {vol.Required(ATTR_MESSAGE_ID): identifier}
_REACTION: Final = {**_MESSAGE_ID, vol.Required(ATTR_REACTION): reaction}

CHANGES: Final = (
    Changing(
        name="update_chat",
        fields=_UPDATABLE,
        since=CHANGES_SINCE,
        change=_update,
        holds=_is_updated,
        check=_check_update,
    ),
    Changing(
        name="mark_read",
        fields={vol.Optional(ATTR_MESSAGE_ID): identifier},
        since=CHANGES_SINCE,
        change=_mark_read,
        holds=_is_read,
    ),
    Changing(
        name="mark_unread",
        fields={vol.Optional(ATTR_MESSAGE_ID): identifier},
        since=CHANGES_SINCE,
        change=_mark_unread,
        holds=_is_unread,
    ),
    Changing(
        name="notify_anyway",
        fields={},
        since=CHANGES_SINCE,
        change=_notify_anyway,
        once=True,
    ),
    Changing(
        name="set_reminder",
        fields={
            vol.Required(ATTR_REMIND_AT): moment,
            vol.Optional(ATTR_DISMISS): boolean,
        },
        since=READ_SINCE,
        change=_set_reminder,
        holds=_is_set,
        check=_check_reminder,
    ),
    Changing(
        name="clear_reminder",
        fields={},
        since=READ_SINCE,
        change=_clear_reminder,
        holds=_is_cleared,
    ),
    Changing(
        name="edit_message",
        fields={
            **_MESSAGE_ID,
            vol.Required(ATTR_MESSAGE): written,
            vol.Optional(ATTR_FORMAT, default=FORMAT_TEXT): one_of(
                FORMAT_TEXT, FORMAT_MARKDOWN
            ),
        },
        since=EDIT_SINCE,
        change=_edit,
        holds=_is_edited,
        of_message=True,
        refuse=_refuse_edit,
    ),
    Changing(
        name="delete_message",
        fields={**_MESSAGE_ID, vol.Required(ATTR_FOR_EVERYONE): boolean},
        since=CHANGES_SINCE,
        change=_delete,
        holds=_is_deleted,
        of_message=True,
        refuse=_refuse_deletion,
    ),
    Changing(
        name="add_reaction",
        fields=_REACTION,
        since=REACTIONS_SINCE,
        change=_add_reaction,
        holds=_has_reaction,
        of_message=True,
    ),
    Changing(
        name="remove_reaction",
        fields=_REACTION,
        since=REACTIONS_SINCE,
        change=_remove_reaction,
        holds=_has_no_reaction,
        of_message=True,
    ),
    Changing(
        name="focus",
        fields={
            vol.Optional(ATTR_MESSAGE_ID): identifier,
            vol.Optional(ATTR_DRAFT_TEXT): written,
        },
        since=READ_SINCE,
        change=_focus,
        of_chat=False,
    ),
)
