"""Create or start a chat: one attempt, and its first message, delivered or reported."""

from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from typing import Any, Final, Literal, override

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Chat, ChatResult
from ..api.requests import ChatRequest, CreateChat, StartChat
from ..const import CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
from ..errors import Refusal
from .chat_keys import (
    exact_chat_keys,
    group_keys,
    loose_chat_keys,
    partial_chat_keys,
    related_chat_keys,
    unread_chat_keys,
)
from .existing_chats import find_recent, find_reusable
from .first_message import DeliveredMessage, FirstMessage
from .identities import Identity, recipient_identities
from .job import Job, OutboxContext
from .new_chat_checks import check_rules, take_slot
from .recipient_queue import RecipientPlace
from .reconciliation import find_result
from .requested_people import RequestedPeople

type IfExists = Literal["create", "reuse", "refuse"]
"""What to do if a chat with the same people exists."""

_TEXT_WINDOW: Final = 5
"""Seconds a chat with a text is remembered: the same text may well be meant twice."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ChatJobResult:
    """A chat, and how the first message reached it.

    `message_sent` is None without a text. `message_id` is None if the server did not
    return or list one.
    """

    chat_id: str
    status: str | None
    chat: Chat | None
    message_sent: Literal["with_chat", "separately"] | None = None
    message_id: str | None = None


@dataclass(kw_only=True, repr=False, eq=False)
class CreateChatJob(Job[ChatJobResult]):
    """One request for a chat.

    `if_exists` is for creating. `phone_numbers` are the known phone numbers of
    participants, by participant ID. `names` are the recipients as they were written.
    `place` was taken before they were looked up.
    """

    context: OutboxContext
    request: ChatRequest
    if_exists: IfExists = "create"
    phone_numbers: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    place: RecipientPlace | None = None
    call_context: Context | None = None
    _people: RequestedPeople = field(init=False)
    _limiter_slot: float | None = field(default=None, init=False)
    _message: FirstMessage | None = field(default=None, init=False)
    _existing: Chat | None = field(default=None, init=False)
    _answer: ChatResult | None = field(default=None, init=False)
    """The server's answer; the text may still be unsent."""

    name = "create_chat"
    creates_chat = True
    unknown = "outcome_unknown"
    still_unknown = "earlier_unknown"

    def __post_init__(self) -> None:
        """Set how long the result is remembered, and announce the recipient to later requests."""
        self.client = self.context.server.client
        self.window = self.context.server.entry.options.get(
            CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
        )
        self._people = RequestedPeople(
            self.context.server, self.request, self.phone_numbers
        )
        if self.request.message_text is not None:
            self.window = min(self.window, _TEXT_WINDOW)
            self._message = FirstMessage(
                context=self.context,
                account_id=self.request.account_id,
                text=self.request.message_text,
                recipient=self._people.identities or frozenset(self._groups),
            )
        if self.place:
            self.place.learn(self._people.identities)

    @property
    @override
    def keys(self) -> set[Hashable]:
        return exact_chat_keys(self.request, self.if_exists, self._people)

    @property
    @override
    def loose_keys(self) -> set[Hashable]:
        return loose_chat_keys(self.request, self.if_exists, self._people, self.names)

    @property
    @override
    def related_keys(self) -> set[Hashable]:
        return related_chat_keys(self.request, self._people)

    @property
    @override
    def partial_keys(self) -> set[Hashable]:
        return partial_chat_keys(self.request, self._people)

    @property
    @override
    def unread_keys(self) -> set[Hashable]:
        return unread_chat_keys(self.request, self._people)

    @property
    def _groups(self) -> list[tuple[Hashable, ...]]:
        return group_keys(self.request, self._people)

    @property
    def _id_scheme(self) -> str | None:
        return self.context.server.id_scheme(self.request.account_id)

    @property
    def _network(self) -> str:
        return self.context.server.network(self.request.account_id)

    @override
    def slot(self) -> AbstractAsyncContextManager[Any]:
        account_id = self.request.account_id
        if recipient := self._people.identities:
            return self._turn(
                self.place or RecipientPlace(account_id=account_id), recipient
            )
        if self.if_exists == "create" or not isinstance(self.request, CreateChat):
            return nullcontext()
        # The next request has to find the chat that this one creates.
        return self.context.chat_queues.group(
            (account_id, members) for members in sorted(self._people.members)
        )

    @asynccontextmanager
    async def _turn(
        self, place: RecipientPlace, recipient: frozenset[Identity]
    ) -> AsyncIterator[None]:
        """Wait for requests for the same person, and add the identities that they found."""
        async with self.context.recipients.turn(place, recipient):
            recent = self.context.recipients.recall(place.account_id, recipient)
            self._people.learned |= recent.identities if recent else frozenset()
            yield

    @override
    async def identify(self) -> None:
        await self._people.identify()

    @override
    async def prepare(self) -> None:
        server, account_id = self.context.server, self.request.account_id
        is_start = isinstance(self.request, StartChat)
        if self._people.identities and (is_start or self.if_exists != "create"):
            self._existing = await find_recent(
                server, self.context.recipients, account_id, self._people.identities
            )
        if isinstance(self.request, CreateChat) and self.if_exists != "create":
            self._existing = await find_reusable(
                server,
                self.request,
                self.phone_numbers,
                refuse=self.if_exists == "refuse",
                recent=self._existing,
                recent_id=self.context.chat_queues.recent_group(self._groups),
            )
        if self._existing:
            if self._message:
                self._message.is_separate = True
            self._take_answer(self._existing.ids)
            return
        await check_rules(self.context, self.request, self.phone_numbers)
        self._take_answer(set())
        self._limiter_slot = await take_slot(self.context, self.request)

    def _take_answer(self, chat_ids: set[str]) -> None:
        self.answer = self.context.limits.replies.take(
            self.call_context,
            chat_ids,
            (self.request.account_id, self._id_scheme, self._people.identities),
        )

    @override
    async def attempt(self) -> ChatJobResult:
        if self._existing:
            self._answer = ChatResult(
                chat_id=self._existing.id, status="existing", chat=self._existing
            )
            self._remember(self._answer)
            return self._result(
                self._answer,
                await self._message.send(self._answer) if self._message else None,
            )
        if self._message:
            self._message.begin()
        if isinstance(self.request, StartChat):
            result = await self.client.start_chat(self.request)
        else:
            result = await self.client.create_chat(self.request)
        self._answer = result
        if groups := self._groups:
            self.context.chat_queues.remember_group(groups, result.chat_id)
            self._people.learn_members(result.chat)
        if result.status == "existing":
            self._give_back()
        else:
            self.context.server.chat_created = self.context.server.hass.loop.time()
        if self._people.identities:
            await self._check_recipient(result)
        return self._result(
            result, await self._message.confirm(result) if self._message else None
        )

    async def _check_recipient(self, result: ChatResult) -> None:
        """Refuse a chat that the recipient is not in, remember any other."""
        chat = result.chat
        if chat is None:
            with suppress(BeeperError):
                chat = await self.client.chat(result.chat_id)
        # The members of a new chat may not be listed yet, and it has the text already.
        existed = isinstance(self.request, StartChat) and result.status == "existing"
        if existed and chat and self._people.have_left(chat):
            errors.refuse("chat_deserted", network=self._network)
        if existed and chat and self._people.is_missing_from(chat):
            errors.refuse("chat_of_another", network=self._network)
        self._remember(ChatResult(chat_id=result.chat_id, status=None, chat=chat))

    def _result(
        self, result: ChatResult, message: DeliveredMessage | None
    ) -> ChatJobResult:
        return ChatJobResult(
            chat_id=result.chat_id,
            status=result.status,
            chat=result.chat,
            message_sent=message.sent if message else None,
            message_id=message.message_id if message else None,
        )

    def _remember(self, result: ChatResult) -> None:
        if recipient := self._people.identities:
            self._people.learned = self.context.recipients.remember(
                self.request.account_id,
                recipient,
                result.chat_id,
                recipient_identities(
                    self.context.server, result.chat, self.request.account_id
                ),
            )

    def _reference(self, chat: Chat | None) -> str:
        """Return what errors call a chat: titles and some IDs name people."""
        return (chat and chat.local_id) or self._network

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        if self._existing:
            return errors.not_sent(err)
        if self._answer:
            return Refusal(
                key="chat_without_message",
                placeholders={"chat": self._reference(self._answer.chat)},
                kind=HomeAssistantError,
            )
        return errors.not_done(
            err,
            network=self._network,
            accounts=self.context.server.account_names,
        )

    @override
    def undo(self) -> None:
        if self._answer is None:
            self._give_back()
        if self._message:
            self._message.cancel()

    @override
    def give_up(self) -> None:
        if self._message:
            self._message.give_up()

    def _give_back(self) -> None:
        if self._limiter_slot is not None:
            self.context.limits.chat_creations.give_back(
                self.request.account_id, self._limiter_slot
            )
            self._limiter_slot = None

    @override
    async def recover(self, attempted: float) -> ChatJobResult | Refusal | None:
        if self._answer:
            chat: Chat | None = await self.client.chat(self._answer.chat_id)
        else:
            chat = await find_result(
                self.context.server,
                self.request,
                attempted,
                earlier_reads=self.context.sent.earlier_reads,
                phone_numbers=self.phone_numbers,
                may_exist=self.if_exists == "reuse",
            )
        if chat is None:
            return None
        result = ChatResult(
            chat_id=chat.id,
            status=self._answer.status if self._answer else None,
            chat=chat,
        )
        delivered: DeliveredMessage | None = None
        if self._message:
            with suppress(BeeperError):
                # A text that is listed twice must not be sent a third time.
                delivered = await self._message.find(
                    chat.id, attempted, exact=self._answer is None
                )
        if delivered or not self._message:
            self._remember(result)
            return self._result(result, delivered)
        return Refusal(
            key="message_unconfirmed",
            placeholders={"chat": self._reference(chat)},
            kind=HomeAssistantError,
        )
