"""Create or start a chat: one attempt, and its first message, delivered or reported."""

import asyncio
from collections.abc import Hashable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, override

from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Chat, ChatResult, Message, SentMessage
from ..api.requests import CreateChat, SendMessage, StartChat
from ..const import CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
from ..errors import Refusal
from .job import Job, OutboxContext, check_writable
from .network_rules import find_problem
from .recipient_queue import Identity, identities, proof, recipient_of
from .reconciliation import (
    find_direct_chat,
    find_existing_chats,
    find_result,
    find_sent,
)
from .sent_messages import Sent

type ChatRequest = CreateChat | StartChat
type IfExists = Literal["create", "reuse", "refuse"]
"""What to do if a chat with the same people exists."""

_TEXT_WINDOW: Final = 5
"""Seconds a chat with a text is remembered: the same text may well be meant twice."""

_EXISTING_DELAYS: Final = (0.3,)
"""Seconds to wait before each search for the text in a chat that existed already.

No server was seen to send the text then.
"""

_MEMBER_DELAYS: Final = (0, 0.5, 1)
"""Seconds to wait before each read of a new chat that lists nobody yet."""

_NEW_DELAYS: Final = (0, 0.5, 1, 1.5)
"""Seconds to wait before each search for the text in a chat that may be new."""


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
class ChatJob(Job[ChatJobResult]):
    """One request for a chat.

    `if_exists` is for creating. `phone_numbers` are the known phone numbers of
    participants, by participant ID. `names` are the recipients as they were written.
    """

    context: OutboxContext
    request: ChatRequest
    if_exists: IfExists = "create"
    phone_numbers: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    _is_separate: bool = field(default=False, init=False)
    _learned: frozenset[Identity] = field(default=frozenset(), init=False)
    _limiter_slot: float | None = field(default=None, init=False)
    _sent: Sent | None = field(default=None, init=False)
    _existing: Chat | None = field(default=None, init=False)
    _answer: ChatResult | None = field(default=None, init=False)
    """What the server answered; the text may still have to be sent."""

    name = "create_chat"
    creates_chat = True
    unknown = "outcome_unknown"
    still_unknown = "earlier_unknown"

    def __post_init__(self) -> None:
        """Remember the result for a while."""
        self.client = self.context.server.client
        self.window = self.context.server.entry.options.get(
            CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
        )
        if self.request.message_text is not None:
            self.window = min(self.window, _TEXT_WINDOW)

    @property
    def _content(self) -> tuple[Hashable, ...]:
        request = self.request
        if isinstance(request, StartChat):
            return ("start", request.account_id, request.message_text)
        return (
            "create",
            request.account_id,
            request.type,
            request.title,
            request.message_text,
            self.if_exists,
        )

    @property
    @override
    def keys(self) -> set[Hashable]:
        if isinstance(self.request, CreateChat) and self.request.type == "group":
            return {(*self._content, *sorted(self.request.participant_ids))}
        people = proof(self._identities) | proof(self._learned)
        return {(*self._content, *identity) for identity in people}

    @property
    @override
    def written_keys(self) -> set[Hashable]:
        names = sorted(name.casefold() for name in self.names)
        return {(*self._content, "names", *names)} if names else set()

    @property
    def _network(self) -> str:
        return self.context.server.network(self.request.account_id)

    @property
    def _own_ids(self) -> frozenset[str]:
        return self.context.server.own_ids(self.request.account_id)

    @property
    def _id_scheme(self) -> str | None:
        return self.context.server.id_scheme(self.request.account_id)

    @property
    def _identities(self) -> frozenset[Identity]:
        """What identifies the only recipient; empty for groups."""
        if isinstance(self.request, StartChat):
            return identities(self.request.user)
        if self.request.type == "single":
            return frozenset({("id", self.request.participant_ids[0])})
        return frozenset()

    @override
    def slot(self) -> AbstractAsyncContextManager[Any]:
        account_id = self.request.account_id
        if wanted := self._identities:
            return self.context.recipients.turn(account_id, wanted)
        if self.if_exists == "create" or not isinstance(self.request, CreateChat):
            return nullcontext()
        # The next request has to find the chat that this one creates.
        people = frozenset(self.request.participant_ids)
        return self.context.queue.group((account_id, people))

    @override
    async def prepare(self) -> None:
        account_id = self.request.account_id
        if isinstance(self.request, CreateChat) and self.if_exists != "create":
            self._existing = await self._reusable(self.request)
        elif isinstance(self.request, StartChat):
            self._existing = await self._recent()
        if self._existing:
            return
        await self._check_rules()
        limiter = self.context.limits.new_chats
        self._limiter_slot = limiter.take(account_id)
        if self._limiter_slot is None and not await self._exists():
            self._limiter_slot = limiter.take(account_id)  # It may be free by now.
            if self._limiter_slot is None:
                raise errors.NotDoneError(
                    Refusal(
                        key="budget_empty", placeholders=limiter.describe(account_id)
                    )
                )

    async def _recent(self) -> Chat | None:
        """Return the chat that a start of the last minute led to, if it is readable."""
        recipients = self.context.recipients
        await self._determine_recent()
        recent = recipients.recall(self.request.account_id, self._identities)
        if recent is None:
            return None
        try:
            chat = await self.client.chat(recent.chat_id)
        except BeeperError:
            return None
        if not recent.has_recipient(chat):
            recipients.forget(recent.chat_id)
            return None
        return chat

    async def _determine_recent(self) -> None:
        """Learn who is in new chats that may be with this person."""
        server, account_id = self.context.server, self.request.account_id
        account = server.account(account_id)
        undetermined = self.context.recipients.undetermined(
            account_id, self._identities
        )
        for delay in _MEMBER_DELAYS if undetermined else ():
            await asyncio.sleep(delay)
            for recent in [*undetermined]:
                with suppress(BeeperError):
                    chat = await self.client.chat(recent.chat_id)
                    if other := recipient_of(chat, account):
                        self.context.recipients.learn(recent, other)
                        undetermined.remove(recent)
            if not undetermined:
                return

    async def _check_rules(self) -> None:
        """Refuse what the network cannot do; an existing chat needs no check."""
        account = self.context.server.account(self.request.account_id)
        rules = await self.context.rules.read(
            self.client, account.bridge_id if account else None
        )
        problem = rules and find_problem(self.request, rules, self._own_ids)
        if problem and not await self._may_be_known(problem[0]):
            key, placeholders = problem
            raise errors.NotDoneError(
                Refusal(
                    key=key, placeholders={"network": self._network, **placeholders}
                )
            )

    async def _may_be_known(self, problem: str) -> bool:
        """Return whether a chat with these people may exist, or a contact."""
        request = self.request
        try:
            if isinstance(request, CreateChat):
                return request.type == "single" and bool(
                    await find_existing_chats(
                        self.client,
                        request,
                        self._own_ids,
                        self._id_scheme,
                        self.phone_numbers,
                    )
                )
            if await find_direct_chat(
                self.client, request, self._own_ids, self._id_scheme
            ):
                return True
            if problem == "network_no_lookup":
                user = request.user
                for identity in filter(
                    None, (user.phone_number, user.email, user.username)
                ):
                    found = await self.client.contacts(request.account_id, identity)
                    if any(contact.matches(user, self._id_scheme) for contact in found):
                        return True
        except BeeperError:
            return True  # Nothing proves that the network would refuse.
        return False

    async def _reusable(self, request: CreateChat) -> Chat | None:
        """Return the only chat with these people, None if there is no chat."""
        try:
            found = await find_existing_chats(
                self.client,
                request,
                self._own_ids,
                self._id_scheme,
                self.phone_numbers,
            )
        except BeeperError as err:
            raise errors.NotDoneError(
                errors.not_done(err, network=self._network)
            ) from None
        if len(found) > 1 or (found and self.if_exists == "refuse"):
            errors.refuse(
                "chat_exists",
                count=str(len(found)),
                network=self._network,
            )
        return found[0] if found else None

    async def _exists(self) -> bool:
        """Return whether the request only leads to an existing chat."""
        if not isinstance(self.request, StartChat):
            return False
        try:
            return bool(
                await find_direct_chat(
                    self.client, self.request, self._own_ids, self._id_scheme
                )
            )
        except BeeperError:
            return False

    @override
    async def attempt(self) -> ChatJobResult:
        if self._existing:
            self._answer = ChatResult(
                chat_id=self._existing.id, status="existing", chat=self._existing
            )
            self._remember(self._answer)
            return await self._send_separately(self._answer)
        if self.request.message_text is not None:
            self._sent = self._begin(None)
        if isinstance(self.request, StartChat):
            result = await self.client.start_chat(self.request)
        else:
            result = await self.client.create_chat(self.request)
        self._answer = result
        if result.status == "existing":
            self._give_back()
        if self._identities:
            await self._check_recipient(result)
        if self.request.message_text is None:
            return self._result(result)
        return await self._confirm_text(result)

    async def _confirm_text(self, result: ChatResult) -> ChatJobResult:
        """Return how the text was sent; send it separately if it was not.

        Servers may ignore the text, for existing chats above all. Raises
        BeeperError that may have run if the chat's messages cannot be read.
        """
        unreadable: BeeperError | None = None
        delays = _EXISTING_DELAYS if result.status == "existing" else _NEW_DELAYS
        for delay in delays:
            await asyncio.sleep(delay)
            try:
                message = await self._find_text(result.chat_id)
            except BeeperError as err:
                unreadable = err
            else:
                unreadable = None
                if message:
                    return self._result(result, message)
        if unreadable:
            unreadable.may_have_run = True
            raise unreadable
        return await self._send_separately(result)

    async def _send_separately(self, result: ChatResult) -> ChatJobResult:
        """Send the text, if any, as a message, in the chat's queue."""
        text = self.request.message_text
        if text is None:
            return self._result(result)
        async with self.context.queue.chat(self.client, result.chat_id) as chat:
            # Of a new chat, the error has to say that it exists: see `refusal`.
            if result.status == "existing":
                await check_writable(self.client, chat)
            self._drop_sent()
            self._sent = self._begin(result.chat_id)
            self._is_separate = True
            sent = await self.client.send_message(
                SendMessage(chat_id=result.chat_id, text=text)
            )
        self._count_message()
        self.context.sent.finish(self._sent, sent)
        return ChatJobResult(
            chat_id=result.chat_id,
            status=result.status,
            chat=result.chat,
            message_sent="separately",
            message_id=sent.message_id,
        )

    async def _check_recipient(self, result: ChatResult) -> None:
        """Refuse a chat that the recipient has left, remember any other."""
        chat = result.chat
        if chat is None:
            with suppress(BeeperError):
                chat = await self.client.chat(result.chat_id)
        # The members of a new chat may not be listed yet.
        existed = isinstance(self.request, StartChat) and result.status == "existing"
        if existed and chat and self._is_deserted(chat):
            errors.refuse("chat_deserted", network=self._network)
        self._remember(ChatResult(chat_id=result.chat_id, status=None, chat=chat))

    def _is_deserted(self, chat: Chat) -> bool:
        """Return whether the recipient has left the chat; a note to self has none."""
        if not chat.participants or chat.has_more:
            return False
        account = self.context.server.account(self.request.account_id)
        own = account and account.user and identities(account.user)
        if (own and proof(own) & proof(self._identities)) or (
            isinstance(self.request, StartChat)
            and self.request.user.id in self._own_ids
        ):
            return False
        return all(
            user.is_self or user.is_network_bot or user.id in self._own_ids
            for user in chat.participants
        )

    async def _find_text(
        self, chat_id: str, since: float | None = None
    ) -> Message | None:
        """Return the message with the text; raises BeeperError if it cannot be read."""
        text = self.request.message_text or ""
        if since is None:
            since = self._sent.attempted if self._sent else 0
        return self.context.sent.match(
            await find_sent(self.client, chat_id, text, since, self._own_ids),
            {chat_id},
            text,
            since,
            mine=self._sent,
            # What is listed twice must not be sent a third time.
            exact=self._answer is None,
        )

    def _begin(self, chat_id: str | None) -> Sent:
        return self.context.sent.begin(
            self.request.account_id, chat_id, self.request.message_text
        )

    def _drop_sent(self) -> None:
        if self._sent:
            self.context.sent.cancel(self._sent)

    def _result(
        self, result: ChatResult, message: Message | None = None
    ) -> ChatJobResult:
        """Return the result, and claim the message that was found in the chat."""
        if message:
            self._sent = (
                self._sent
                or self.context.sent.adopt(result.chat_id, message)
                or self._begin(result.chat_id)
            )
            self._count_message()
            self.context.sent.finish(
                self._sent,
                SentMessage(chat_id=result.chat_id, message_id=message.id),
            )
        return ChatJobResult(
            chat_id=result.chat_id,
            status=result.status,
            chat=result.chat,
            message_sent=(
                None
                if message is None
                else "separately"
                if self._existing or self._is_separate
                else "with_chat"
            ),
            message_id=message.id if message else None,
        )

    def _remember(self, result: ChatResult) -> None:
        if wanted := self._identities:
            self._learned = self.context.recipients.remember(
                self.request.account_id,
                wanted,
                result.chat_id,
                result.chat,
                self.context.server.account(self.request.account_id),
            )

    def _count_message(self) -> None:
        self.context.limits.messages.count(self.request.account_id, self._network)

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
        return errors.not_done(err, network=self._network)

    @override
    def undo(self) -> None:
        if self._answer is None:
            self._give_back()
        self._drop_sent()

    def _give_back(self) -> None:
        if self._limiter_slot is not None:
            self.context.limits.new_chats.give_back(
                self.request.account_id, self._limiter_slot
            )
            self._limiter_slot = None

    @override
    async def recover(self, attempted: float) -> ChatJobResult | Refusal | None:
        if self._answer:
            chat: Chat | None = await self.client.chat(self._answer.chat_id)
        else:
            chat = await find_result(
                self.client,
                self.request,
                attempted,
                self._own_ids,
                self._id_scheme,
                reused=self.phone_numbers if self.if_exists == "reuse" else None,
            )
        if chat is None:
            return None
        result = ChatResult(
            chat_id=chat.id,
            status=self._answer.status if self._answer else None,
            chat=chat,
        )
        if self.request.message_text is None:
            self._remember(result)
            return self._result(result)
        message: Message | None = None
        with suppress(BeeperError):
            message = await self._find_text(chat.id, attempted)
        if message:
            self._remember(result)
            return self._result(result, message)
        return Refusal(
            key="message_unconfirmed",
            placeholders={"chat": self._reference(chat)},
            kind=HomeAssistantError,
        )
