"""Change a chat or a message: one job class for each action."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, override
from uuid import uuid4

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import AnswerError, BeeperError, RouteAbsentError
from ..api.generations import CHANGES_SINCE, EDIT_SINCE, REACTIONS_SINCE, READ_SINCE
from ..api.models import Chat, Message
from ..errors import Refusal
from .job import Job, OutboxContext
from .markdown import from_format
from .own_changes import ChangeType, OwnChange
from .text_matching import same_text

_EMOJI_VARIATION: Final = "\ufe0f"
"""Selects how an emoji is drawn; networks add and remove it."""


@dataclass(kw_only=True, repr=False, eq=False)
class ChangeResult:
    """What was changed: a chat, or a message in it; empty for neither."""

    chat_id: str
    message_id: str


@dataclass(kw_only=True, repr=False, eq=False)
class ChangeJob(Job[ChangeResult]):
    """One change; a subclass an action.

    `params` are the action's fields. `chat_id` and `message_id` become the server's own
    IDs; empty for neither.
    """

    context: OutboxContext
    params: Mapping[str, Any]
    chat_id: str
    call_context: Context | None = None
    """Home Assistant's context of the call."""
    message_id: str = field(init=False)
    chat: Chat | None = field(default=None, init=False)
    before: Message | None = field(default=None, init=False)
    """The message before the change, None if it could not be read."""
    _change: OwnChange | None = field(default=None, init=False)

    name: ClassVar[str]
    since: ClassVar[str] = CHANGES_SINCE
    """The version of Beeper that brought it."""
    needs_message: ClassVar[bool] = False
    reaches_people: ClassVar[bool] = False
    """People notice each repetition; other changes can be repeated without harm."""
    is_visible: ClassVar[bool] = False
    """People in the chat see the change, so that machines can answer it."""
    change_type: ClassVar[ChangeType | None] = None
    """How the change of a message shows when messages are read."""

    unknown = "change_unknown"
    still_unknown = "change_still_unknown"

    def __post_init__(self) -> None:
        """Recognize the same change by all that was asked for."""
        self.client = self.context.server.client
        self.idempotent = not self.reaches_people
        self.message_id = self.params.get("message_id", "")
        self._asked = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(self.params.items())
        )
        self._given_id = self.chat_id

    @property
    @override
    def keys(self) -> set[Hashable]:
        chat_ids = {self._given_id} | (self.chat.ids if self.chat else set())
        return {(self.name, chat_id, self._asked) for chat_id in chat_ids}

    @abstractmethod
    async def apply(self) -> None:
        """Send the request; raises BeeperError."""

    async def is_applied(self) -> bool:
        """Return whether reading proves the change; raises BeeperError."""
        return False

    def check_message(self, message: Message) -> None:
        """Refuse what cannot be done to this message; raises NotDoneError."""

    @override
    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        if not self.chat_id:
            yield
            return
        async with self.context.queue.chat(self.client, self.chat_id) as self.chat:
            if self.chat:
                self.chat_id = self.chat.id
            yield

    @override
    async def prepare(self) -> None:
        if self.is_visible and not self._may_reply():
            errors.refuse(
                "reply_loop",
                kind=HomeAssistantError,
                limit=str(self.context.limits.replies.limit),
            )
        if not self.needs_message:
            return
        try:
            message = await self.read_message()
        except BeeperError:
            return  # Not a gate: the request itself shows what is wrong.
        if message is None:
            errors.refuse("message_not_found" if self.chat else "change_not_found")
        self.before = message
        # A message that was just sent has a pending ID until the network confirms it.
        self.message_id = message.id or self.message_id
        self.check_message(message)

    def _may_reply(self) -> bool:
        """Count the change if it answers a message of its chat."""
        shown_as = (self.chat and self.chat.merged_into_id) or self.chat_id
        return self.call_context is None or self.context.limits.replies.take(
            self.call_context,
            shown_as,
            {self.chat_id, shown_as},
            (self.chat and self.chat.network) or "Beeper",
        )

    def is_own(self, message: Message) -> bool:
        """Return whether the signed-in user sent a message."""
        return self.context.server.is_own(message, self._account_id)

    @property
    def _account_id(self) -> str | None:
        return self.chat.account_id if self.chat else None

    async def read_message(self) -> Message | None:
        """Return the message, None if it does not exist; raises BeeperError.

        Servers before 4.2.808 have no route for single messages: there it is among
        the newest, or cannot be read.
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
    async def attempt(self) -> ChangeResult:
        if self.change_type:
            self._change = self.context.sent.changes.begin(
                self.change_type,
                self.chat_id,
                self.message_id,
                self.params.get("reaction"),
            )
        await self.apply()
        return self._result()

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        return errors.not_changed(err, since=self.since)

    @override
    def undo(self) -> None:
        if self._change:
            self.context.sent.changes.cancel(self._change)

    @override
    async def recover(self, attempted: float) -> ChangeResult | None:
        return self._result() if await self.is_applied() else None

    def _result(self) -> ChangeResult:
        return ChangeResult(chat_id=self.chat_id, message_id=self.message_id)


# Chats


class UpdateChat(ChangeJob):
    """Title, description, draft, place and notifications of a chat."""

    name = "update_chat"
    is_visible = True

    def _values(self) -> dict[str, Any]:
        values = dict(self.params)
        if "draft" in values:
            values["draft"] = from_format(values["draft"])
        return values | dict.fromkeys(values.pop("clear", ()))

    @override
    async def apply(self) -> None:
        values = self._values()
        # Beeper accepts a draft only if there is none.
        if values.get("draft") is None or (await self.read_chat()).draft is None:
            await self.client.update_chat(self.chat_id, values)
            return
        await self.client.update_chat(self.chat_id, {"draft": None})
        try:
            await self.client.update_chat(self.chat_id, values)
        except BeeperError as err:
            err.may_have_run = True  # The earlier draft is gone.
            raise

    @override
    async def is_applied(self) -> bool:
        chat = await self.read_chat()
        values = self._values()
        if (
            values.get("draft")
            and chat.draft
            and same_text(values["draft"], chat.draft)
        ):
            del values["draft"]
        return all(getattr(chat, key) == value for key, value in values.items())

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        # All servers can archive, by a route of its own.
        archives_only = self.params.keys() == {"is_archived"}
        return errors.not_changed(
            err, since=READ_SINCE if archives_only else self.since
        )


class MarkRead(ChangeJob):
    """Mark a chat as read, up to a message if one is given."""

    name = "mark_read"

    @override
    async def apply(self) -> None:
        await self.client.mark_read(self.chat_id, self.message_id or None)

    @override
    async def is_applied(self) -> bool:
        chat = await self.read_chat()
        if chat.is_marked_unread or chat.unread_count == 0 or not self.message_id:
            return chat.unread_count == 0 and not chat.is_marked_unread
        message = await self.read_message()
        # An own message is always read, so it proves nothing.
        return (
            message is not None
            and message.is_unread is False
            and not self.is_own(message)
        )


class MarkUnread(ChangeJob):
    """Mark a chat as unread, from a message on if one is given."""

    name = "mark_unread"

    @override
    async def apply(self) -> None:
        await self.client.mark_unread(self.chat_id, self.message_id or None)

    @override
    async def is_applied(self) -> bool:
        if self.message_id:
            message = await self.read_message()
            return message is not None and message.is_unread is True
        chat = await self.read_chat()
        return chat.unread_count > 0 or chat.is_marked_unread is True


class NotifyAnyway(ChangeJob):
    """Let the last message through to a person who silenced notifications."""

    name = "notify_anyway"
    reaches_people = True
    is_visible = True

    @override
    async def apply(self) -> None:
        await self.client.notify_anyway(self.chat_id)


class SetReminder(ChangeJob):
    """Let Beeper remind the user of a chat."""

    name = "set_reminder"
    since = READ_SINCE

    @override
    async def apply(self) -> None:
        await self.client.set_reminder(
            self.chat_id,
            self.params["remind_at"],
            dismiss=self.params.get("dismiss_on_incoming_message"),
        )

    @override
    async def is_applied(self) -> bool:
        chat = await self.read_chat()
        remind_at = self.params["remind_at"].timestamp()
        dismiss = self.params.get("dismiss_on_incoming_message")
        return (
            chat.reminder is not None
            and abs(chat.reminder.timestamp() - remind_at) < 1
            and dismiss in (None, chat.reminder_is_dismissed)
        )


class ClearReminder(ChangeJob):
    """Remove the reminder of a chat."""

    name = "clear_reminder"
    since = READ_SINCE

    @override
    async def apply(self) -> None:
        await self.client.clear_reminder(self.chat_id)

    @override
    async def is_applied(self) -> bool:
        generation = self.client.generation
        # Older servers return no reminders: absence proves nothing.
        return (
            generation is not None
            and generation.rich_text
            and (await self.read_chat()).reminder is None
        )


# Messages


class EditMessage(ChangeJob):
    """Replace the text of an own message."""

    name = "edit_message"
    is_visible = True
    change_type = "message_edited"
    since = EDIT_SINCE
    needs_message = True

    @property
    def _markdown(self) -> str:
        return from_format(self.params["message"], self.params["format"])

    @override
    def check_message(self, message: Message) -> None:
        if message.sender_id and not self.is_own(message):
            errors.refuse("not_own_message")
        if message.attachments:
            errors.refuse("edit_of_attachment")
        limit = self.chat.max_text_length if self.chat else None
        length = len(self.params["message"])
        if limit is not None and length > limit:
            errors.refuse(
                "longer_than_chat_allows", length=str(length), limit=str(limit)
            )

    @override
    async def apply(self) -> None:
        await self.client.edit_message(self.chat_id, self.message_id, self._markdown)

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        return (
            message is not None
            # A similar text may have been there before.
            and message.text != (self.before and self.before.text)
            and same_text(self._markdown, message.text or "")
        )


class DeleteMessage(ChangeJob):
    """Delete a message, for everyone or only for the user."""

    name = "delete_message"
    is_visible = True
    change_type = "message_deleted"
    needs_message = True

    @override
    def check_message(self, message: Message) -> None:
        if message.send_status == "PENDING":
            errors.refuse("message_pending")

    @override
    async def apply(self) -> None:
        await self.client.delete_message(
            self.chat_id, self.message_id, for_everyone=self.params["for_everyone"]
        )

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        return message is None or message.is_deleted


class _ReactionJob(ChangeJob):
    """Add or remove an own reaction."""

    since = REACTIONS_SINCE
    needs_message = True

    def _has_reaction(self, message: Message | None) -> bool:
        key = self.params["reaction"].replace(_EMOJI_VARIATION, "")
        own_ids = self.context.server.own_ids(self._account_id)
        return message is not None and any(
            reaction.key.replace(_EMOJI_VARIATION, "") == key
            and reaction.participant_id in own_ids
            for reaction in message.reactions
        )


class AddReaction(_ReactionJob):
    """React to a message."""

    name = "add_reaction"
    is_visible = True
    change_type = "reaction_added"

    @override
    async def apply(self) -> None:
        await self.client.add_reaction(
            self.chat_id,
            self.message_id,
            self.params["reaction"],
            transaction_id=uuid4().hex,
        )

    @override
    async def is_applied(self) -> bool:
        return self._has_reaction(await self.read_message())


class RemoveReaction(_ReactionJob):
    """Remove an own reaction."""

    name = "remove_reaction"
    is_visible = True
    change_type = "reaction_removed"

    @override
    async def apply(self) -> None:
        await self.client.remove_reaction(
            self.chat_id, self.message_id, self.params["reaction"]
        )

    @override
    async def is_applied(self) -> bool:
        message = await self.read_message()
        # A reaction that was never seen may be stored under an unknown user ID.
        return (
            message is not None
            and self._has_reaction(self.before)
            and not self._has_reaction(message)
        )


# The window of Beeper


class Focus(ChangeJob):
    """Bring Beeper's window to the front on its computer."""

    name = "focus"
    since = READ_SINCE

    @override
    async def apply(self) -> None:
        await self.client.focus(
            chat_id=self.chat_id or None,
            message_id=self.message_id or None,
            draft_text=self.params.get("draft_text"),
        )
