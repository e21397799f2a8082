"""Change a chat or a message: what the jobs of all these actions share."""

from abc import abstractmethod
import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, override

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import (
    AnswerError,
    BeeperError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from ..api.merged_chats import find_message
from ..api.models import Chat, Message
from ..api.server_generations import CHANGES_SINCE
from ..errors import Refusal
from .delivery_status import read_final_id
from .identities import proof, recipient_identities
from .job import Job, OutboxContext, check_chat_number, check_writable, conversation_ids
from .own_changes import ChangeType, OwnChange

_SHOWN_DELAYS: Final = (0, 0.5, 1.5)
"""Seconds to wait before each read that checks the change."""


@dataclass(kw_only=True, repr=False, eq=False)
class ChangeResult:
    """The changed chat, and the changed message in it; empty for neither."""

    chat_id: str
    message_id: str


@dataclass(kw_only=True, repr=False, eq=False)
class ChangeJob(Job[ChangeResult]):
    """One change; each action has a subclass.

    `params` are the action's fields. `chat_id` and `message_id` become the server's own
    IDs; empty for neither.
    """

    context: OutboxContext
    params: Mapping[str, Any]
    chat_id: str
    call_context: Context | None = None
    message_id: str = field(init=False)
    chat: Chat | None = field(default=None, init=False)
    before: Message | None = field(default=None, init=False)
    """The message before the change, None if it could not be read."""
    _change: OwnChange | None = field(default=None, init=False)

    name: ClassVar[str]
    since: ClassVar[str] = CHANGES_SINCE
    """The first version of Beeper with this action."""
    needs_message: ClassVar[bool] = False
    needs_writable_chat: ClassVar[bool] = False
    """Refuse it in a chat that the user can only read."""
    is_doubtful: ClassVar[bool] = False
    """Servers may accept it without effect, so success is checked by reading."""
    reaches_people: ClassVar[bool] = False
    """People notice each repetition; other changes can be repeated without harm."""
    is_visible: ClassVar[bool] = False
    """People in the chat see the change, so that machines can answer it."""
    change_type: ClassVar[ChangeType | None] = None
    """The event of the change when the message is read."""

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
        return {
            (self.name, chat_id, self._asked)
            for chat_id in conversation_ids(self._given_id, self.chat)
        }

    @property
    @override
    def loose_keys(self) -> set[Hashable]:
        if not self.reaches_people:
            return set()
        people = proof(recipient_identities(self.context.server, self.chat))
        return {(self.name, *identity, self._asked) for identity in people}

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
        async with self.context.chat_queues.chat(
            self.client, self.chat_id
        ) as self.chat:
            if self.chat:
                self.chat_id = self.chat.id
            yield

    @override
    async def prepare(self) -> None:
        check_chat_number(self.context.server, self._given_id, self.chat)
        if self.needs_writable_chat:
            await check_writable(self.client, self.chat)
        if self.is_visible:
            self.answer = self.context.limits.replies.take(
                self.call_context,
                (self.chat.ids if self.chat else set()) | {self.chat_id},
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
            return  # The request itself raises the error.
        if message is None:
            errors.refuse("message_not_found" if self.chat else "change_not_found")
        self.before = message
        # A message that was just sent has a pending ID until the network confirms it.
        self.message_id = message.id or self.message_id
        if message.chat_id and self.chat and message.chat_id in self.chat.merged_ids:
            self.chat_id = message.chat_id
        self.check_message(message)

    def is_own(self, message: Message) -> bool:
        """Return whether the signed-in user sent a message."""
        return self.context.server.is_own(message, self._account_id)

    @property
    def _account_id(self) -> str | None:
        return self.chat.account_id if self.chat else None

    async def read_message(self) -> Message | None:
        """Return the message, None if it does not exist; raises BeeperError."""
        try:
            return await find_message(self.client, self.chat_id, self.message_id)
        except AnswerError as err:
            if err.status != 404 or isinstance(err, RouteAbsentError):
                raise
            return None

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
        for delay in _SHOWN_DELAYS:
            await asyncio.sleep(delay)
            try:
                if await self.is_shown():
                    return
            except BeeperError:
                return  # If the change cannot be read, the reply is believed.
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
