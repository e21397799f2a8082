"""Change a chat or a message: one job class for each action."""

from abc import abstractmethod
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final, override
from uuid import uuid4

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import (
    AnswerError,
    BeeperError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from ..api.generations import CHANGES_SINCE, EDIT_SINCE, REACTIONS_SINCE, READ_SINCE
from ..api.models import Chat, Message
from ..api.pages import pages
from ..errors import Refusal
from .delivery import read_final_id
from .job import Job, OutboxContext
from .markdown import from_format
from .own_changes import ChangeType, OwnChange
from .text_matching import same_text, same_title

_LOOKS: Final = (0, 0.5, 1.5)
"""Seconds before each look at what was changed."""

_MAX_PAGES: Final = 5
"""Pages of messages that are read to find one."""

_REOPENED_AFTER: Final = 2.0
"""Seconds after which Beeper has reopened a chat that it does not leave archived."""

_RECENTLY: Final = timedelta(minutes=2)
"""Chats active since then may be reopened."""

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
    is_doubtful: ClassVar[bool] = False
    """Servers were seen to accept it without effect: it is read before it is done."""
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
        self._is_accepted = False
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

    async def is_shown(self) -> bool:
        """Return whether reading shows what the server accepted; raises BeeperError."""
        return await self.is_applied()

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
        if self.message_id:
            final_id = await read_final_id(
                self.context.server, self.context.sent, self.message_id
            )
            if final_id is None:
                errors.refuse("message_not_confirmed", kind=HomeAssistantError)
            self.message_id = final_id
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
            async for page in pages(
                partial(self.client.messages, self.chat_id), _MAX_PAGES
            ):
                for message in page.items:
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
        if self.is_doubtful:
            await self._wait_until_shown()
        return self._result()

    async def _wait_until_shown(self) -> None:
        """Wait until the change can be read; raises UnreadableAnswerError."""
        for delay in _LOOKS:
            await asyncio.sleep(delay)
            try:
                if await self.is_shown():
                    return
            except BeeperError:
                return  # It cannot be read: the server's word has to do.
        self._is_accepted = True
        raise UnreadableAnswerError("accepted, but not shown")

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        return errors.not_changed(err, since=self.since)

    @override
    def undo(self) -> None:
        if self._change:
            self.context.sent.changes.cancel(self._change)

    @override
    async def recover(self, attempted: float) -> ChangeResult | Refusal | None:
        if await (self.is_shown() if self._is_accepted else self.is_applied()):
            return self._result()
        if self._is_accepted:
            return Refusal(key="change_not_shown", kind=HomeAssistantError)
        return None

    def _result(self) -> ChangeResult:
        return ChangeResult(chat_id=self.chat_id, message_id=self.message_id)


# Chats


class UpdateChat(ChangeJob):
    """Title, description, draft, place and notifications of a chat."""

    name = "update_chat"
    is_visible = True
    is_doubtful = True

    def _values(self) -> dict[str, Any]:
        values = dict(self.params)
        if "draft" in values:
            values["draft"] = from_format(values["draft"])
        return values | dict.fromkeys(values.pop("clear", ()))

    @override
    async def apply(self) -> None:
        values = self._values()
        archived: bool | None = values.pop("is_archived", None)
        update = partial(self.client.update_chat, self.chat_id)
        steps: list[Callable[[], Awaitable[None]]] = []
        # Beeper accepts a draft only if there is none.
        if values.get("draft") and (await self.read_chat()).draft is not None:
            steps.append(partial(update, {"draft": None}))
        if values:
            steps.append(partial(update, values))
        if archived is not None:  # Servers ignore it among the other values.
            steps.append(partial(self.client.archive, self.chat_id, archived=archived))
        for number, step in enumerate(steps):
            try:
                await step()
            except BeeperError as err:
                # The earlier steps are done.
                err.may_have_run = err.may_have_run or number > 0
                raise

    @override
    async def is_applied(self) -> bool:
        return self._has_values(await self.read_chat())

    @override
    def __post_init__(self) -> None:
        """Look twice at a chat that is archived."""
        super().__post_init__()
        self._may_reopen = self.params.get("is_archived") is True

    @override
    async def is_shown(self) -> bool:
        chat = await self.read_chat()
        if self._may_reopen and _reopens(chat):
            self._may_reopen = False
            await asyncio.sleep(_REOPENED_AFTER)
            chat = await self.read_chat()
        return self._has_values(chat)

    def _has_values(self, chat: Chat) -> bool:
        return all(
            _is_value(key, value, getattr(chat, key))
            for key, value in self._values().items()
        )

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        # All servers can archive, by a route of its own.
        archives_only = self.params.keys() == {"is_archived"}
        return errors.not_changed(
            err, since=READ_SINCE if archives_only else self.since
        )


def _is_value(key: str, wanted: Any, shown: Any) -> bool:
    """Return whether a chat shows a value, or cannot show it."""
    match key, wanted:
        case "title", None:  # The server makes one.
            return True
        case "draft", str():
            return shown is not None and same_text(wanted, shown)
        case "title" | "description", str():
            return same_title(wanted, shown or "")
        case _, bool():
            return shown in (None, wanted)
        case _:
            return (wanted or None) == (shown or None)


def _reopens(chat: Chat) -> bool:
    """Return whether Beeper may take a chat out of the archive again."""
    return chat.is_pinned is True or (
        chat.last_activity is not None
        and datetime.now(UTC) - chat.last_activity < _RECENTLY
    )


class MarkRead(ChangeJob):
    """Mark a chat as read, up to a message if one is given."""

    name = "mark_read"
    is_doubtful = True

    @override
    async def is_shown(self) -> bool:
        # Up to a message, some may be left, and not all servers mark single messages.
        return bool(self.message_id) or await self.is_applied()

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
    is_doubtful = True

    @override
    async def is_shown(self) -> bool:
        chat = await self.read_chat()
        return chat.unread_count > 0 or chat.is_marked_unread is not False

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
    is_doubtful = True

    def _has_reaction(self, message: Message | None) -> bool:
        own_ids = self.context.server.own_ids(self._account_id)
        return not own_ids.isdisjoint(self._reactors(message))

    def _reactors(self, message: Message | None) -> set[str]:
        """Return the IDs of those who reacted like this."""
        key = self.params["reaction"].replace(_EMOJI_VARIATION, "")
        return {
            reaction.participant_id
            for reaction in (message.reactions if message else ())
            if reaction.key.replace(_EMOJI_VARIATION, "") == key
        }

    async def read_listed_message(self) -> Message | None:
        """Return the message, None if it is not listed; raises BeeperError."""
        try:
            return await self.read_message()
        except RouteAbsentError:
            return None


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

    @override
    async def is_shown(self) -> bool:
        message = await self.read_listed_message()
        # The user's ID in this chat may be unknown: then somebody new has reacted.
        return self._has_reaction(message) or bool(
            self._reactors(message) - self._reactors(self.before)
        )


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

    @override
    async def is_shown(self) -> bool:
        message = await self.read_listed_message()
        if message is None or self._has_reaction(message):
            return False
        before, now = self._reactors(self.before), self._reactors(message)
        # The user's ID in this chat may be unknown: then somebody's has to be gone.
        return not now or now < before or self.before is None


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
