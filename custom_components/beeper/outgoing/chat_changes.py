"""Change a chat, or what Beeper's window shows: one job class for each action."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, override

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Chat
from ..api.server_generations import READ_SINCE
from ..errors import Refusal
from .change_job import ChangeJob
from .markdown import from_format
from .text_matching import same_text, same_title

_REOPENED_AFTER: Final = 2.0
"""Seconds after which Beeper has reopened a chat that it does not leave archived."""

_RECENTLY: Final = timedelta(minutes=2)
"""Chats active since then may be reopened."""


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
        # Beeper accepts a draft only if the chat has no draft.
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
        if self._may_reopen and self._reopens(chat):
            self._may_reopen = False
            await asyncio.sleep(_REOPENED_AFTER)
            chat = await self.read_chat()
        return self._has_values(chat)

    def _has_values(self, chat: Chat) -> bool:
        return all(
            _is_value(key, value, getattr(chat, key))
            for key, value in self._values().items()
        )

    def _reopens(self, chat: Chat) -> bool:
        """Return whether Beeper may take a chat out of the archive again."""
        return chat.is_pinned is True or (
            chat.last_activity is not None
            and self.context.server.now() - chat.last_activity < _RECENTLY
        )

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        # All servers can archive, by a separate route.
        archives_only = self.params.keys() == {"is_archived"}
        return errors.not_changed(
            err, since=READ_SINCE if archives_only else self.since
        )


def _is_value(key: str, value: Any, shown: Any) -> bool:
    """Return whether a chat shows a value, or cannot show it."""
    match key, value:
        case "title", None:  # The server makes one.
            return True
        case "draft", str():
            return shown is not None and same_text(value, shown)
        case "title" | "description", str():
            return same_title(value, shown or "")
        case _, bool():
            return shown in (None, value)
        case _:
            return (value or None) == (shown or None)


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
    is_doubtful = True

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

    @override
    async def is_shown(self) -> bool:
        # Older servers return no reminders, and newer ones none whose time has passed.
        return (
            not _shows_reminders(self.client)
            or await self.is_applied()
            or self.params["remind_at"] <= datetime.now(UTC)
        )


class ClearReminder(ChangeJob):
    """Remove the reminder of a chat."""

    name = "clear_reminder"
    since = READ_SINCE
    is_doubtful = True

    @override
    async def apply(self) -> None:
        await self.client.clear_reminder(self.chat_id)

    @override
    async def is_applied(self) -> bool:
        # Older servers return no reminders: absence proves nothing.
        return (
            _shows_reminders(self.client) and (await self.read_chat()).reminder is None
        )

    @override
    async def is_shown(self) -> bool:
        return not _shows_reminders(self.client) or await self.is_applied()


def _shows_reminders(client: BeeperClient) -> bool:
    """Return whether chats have their reminders: since the generation with rich text."""
    return client.features.rich_text


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
