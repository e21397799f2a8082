"""Create or start a chat: one attempt, and how its result is recognized."""

from collections.abc import Hashable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Literal, override

from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import (
    Chat,
    ChatResult,
    CreateChat,
    SendMessage,
    SentMessage,
    StartChat,
)
from ..const import CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
from ..errors import Refusal
from .job import Job, OutboxContext
from .network_rules import find_problem
from .reconciliation import find_chats, find_direct_chat, find_result
from .sent_messages import Sent

type ChatRequest = CreateChat | StartChat
type IfExists = Literal["create", "reuse", "refuse"]
"""What to do if a chat with the same people exists."""

_TEXT_WINDOW: Final = 5
"""Seconds a chat with a text is remembered: the same text may well be meant twice."""


@dataclass(kw_only=True, repr=False, eq=False)
class ChatJob(Job[ChatResult]):
    """One request for a chat.

    `if_exists` is for creating. `phone_numbers` are the known phone numbers of
    participants, by participant ID.
    """

    context: OutboxContext
    request: ChatRequest
    if_exists: IfExists = "create"
    phone_numbers: Mapping[str, str] = field(default_factory=dict)
    _limiter_slot: float | None = field(default=None, init=False)
    _sent: Sent | None = field(default=None, init=False)
    _existing: Chat | None = field(default=None, init=False)

    name = "create_chat"
    unknown = "outcome_unknown"
    still_unknown = "earlier_unknown"

    def __post_init__(self) -> None:
        """Let identical requests share a key, and remember the result for a while."""
        self.client = self.context.server.client
        self.key = self.join_key = (self.request.normalised(), self.if_exists)
        self.window = self.context.server.entry.options.get(
            CONF_DUPLICATE_WINDOW, DEFAULT_DUPLICATE_WINDOW
        )
        if self.request.message_text is not None:
            self.window = min(self.window, _TEXT_WINDOW)

    @property
    def _network(self) -> str:
        account = self.context.server.account(self.request.account_id)
        return (account and account.network) or "?"

    @property
    def _own_ids(self) -> frozenset[str]:
        return self.context.server.own_ids(self.request.account_id)

    @override
    def slot(self) -> AbstractAsyncContextManager[Any]:
        people: Hashable
        if isinstance(self.request, CreateChat):
            if self.if_exists == "create":
                return nullcontext()
            # The next request has to find the chat that this one creates.
            people = frozenset(self.request.participant_ids)
        elif self.request.message_text is None:
            return nullcontext()
        else:
            people = self.request.user
        # Texts for one person leave in the order of the calls.
        return self.context.queue.person((self.request.account_id, people))

    @override
    async def prepare(self) -> None:
        account_id = self.request.account_id
        if isinstance(self.request, CreateChat) and self.if_exists != "create":
            self._existing = await self._reusable(self.request)
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
                    await find_chats(
                        self.client, request, self._own_ids, self.phone_numbers
                    )
                )
            if await find_direct_chat(self.client, request, self._own_ids):
                return True
            if problem == "network_no_lookup":
                user = request.user
                for identity in filter(
                    None, (user.phone_number, user.email, user.username)
                ):
                    found = await self.client.contacts(request.account_id, identity)
                    if any(contact.is_user(user) for contact in found):
                        return True
        except BeeperError:
            return True  # Nothing proves that the network would refuse.
        return False

    async def _reusable(self, request: CreateChat) -> Chat | None:
        """Return the only chat with these people, None if there is no chat."""
        try:
            found = await find_chats(
                self.client, request, self._own_ids, self.phone_numbers
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
                await find_direct_chat(self.client, self.request, self._own_ids)
            )
        except BeeperError:
            return False

    @override
    async def attempt(self) -> ChatResult:
        if self._existing:
            return await self._reuse(self._existing)
        if self.request.message_text is not None:
            self._sent = self.context.sent.begin(
                self.request.account_id, None, self.request.message_text
            )
        if isinstance(self.request, StartChat):
            result = await self.client.start_chat(self.request)
        else:
            result = await self.client.create_chat(self.request)
        if result.status == "existing":
            self._give_back()
        self._note_sent(result)
        return result

    async def _reuse(self, chat: Chat) -> ChatResult:
        """Send the text, if any, to an existing chat."""
        if (text := self.request.message_text) is not None:
            async with self.context.queue.chat(self.client, chat.id):
                self._sent = self.context.sent.begin(
                    self.request.account_id, chat.id, text
                )
                sent = await self.client.send_message(
                    SendMessage(chat_id=chat.id, text=text)
                )
            self.context.limits.messages.count(self.request.account_id, self._network)
            self.context.sent.finish(self._sent, sent)
        return ChatResult(chat_id=chat.id, status="existing", chat=chat)

    def _note_sent(self, result: ChatResult) -> None:
        """Record which chat has the text; servers return no message ID for it."""
        if self._sent:
            self.context.limits.messages.count(self.request.account_id, self._network)
            self.context.sent.finish(
                self._sent, SentMessage(chat_id=result.chat_id, message_id=None)
            )

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        if self._existing:
            return errors.not_sent(err)
        return errors.not_done(err, network=self._network)

    @override
    def undo(self) -> None:
        self._give_back()
        if self._sent:
            self.context.sent.cancel(self._sent)

    def _give_back(self) -> None:
        if self._limiter_slot is not None:
            self.context.limits.new_chats.give_back(
                self.request.account_id, self._limiter_slot
            )

    @override
    async def recover(self, attempted: float) -> ChatResult | Refusal | None:
        found = await find_result(
            self.client,
            self.request,
            attempted,
            self._own_ids,
            reused=self.phone_numbers if self.if_exists == "reuse" else None,
        )
        if found is None:
            return None
        if found.text_sent is False:
            return Refusal(
                key="message_unconfirmed",
                placeholders={"chat": found.chat.local_id or "?"},
                kind=HomeAssistantError,
            )
        result = ChatResult(
            chat_id=found.chat.id,
            status="existing" if self._existing else None,
            chat=found.chat,
        )
        self._note_sent(result)
        return result
