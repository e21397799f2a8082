"""Creating or starting a chat: how it is attempted, and recognised afterwards."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, override
from weakref import WeakValueDictionary

from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import (
    Chat,
    ChatResult,
    CreateChat,
    SendMessage,
    SentMessage,
    StartChat,
)
from .job import Job, Refusal
from .limits import Messages, NewChats
from .network_rules import NetworkRules, problem_of
from .reconciliation import find_chats, find_direct_chat, find_result
from .sent_messages import Sent, SentMessages

type ChatRequest = CreateChat | StartChat
type IfExists = Literal["create", "reuse", "refuse"]
"""What to do where a chat of the same people is there already."""
type Persons = WeakValueDictionary[Hashable, asyncio.Lock]
"""Who is being written to, by account."""

_TEXT_WINDOW: Final = 5
"""Seconds a chat with a text is remembered: the same text may well be meant twice."""


@dataclass(kw_only=True, repr=False, eq=False)
class ChatCreation(Job[ChatResult]):
    """One request for a chat, and what it takes to recognise its result.

    `window` is for how many seconds the same request gives the same chat. `numbers` are
    the phone numbers of participant ids, as far as they are known. `enter` waits for
    one's turn to write into a chat that is there. `rules` are asked by `bridge_id`.
    """

    client: BeeperClient
    request: ChatRequest
    network: str
    own_ids: frozenset[str]
    budget: NewChats
    counter: Messages
    rules: NetworkRules
    bridge_id: str | None
    persons: Persons
    sent: SentMessages
    window: float
    if_exists: IfExists
    numbers: Mapping[str, str]
    enter: Callable[[BeeperClient, str], AbstractAsyncContextManager[Any]]
    slot: float | None = None
    _noted: Sent | None = field(default=None, init=False)
    _existing: Chat | None = field(default=None, init=False)

    name = "create_chat"
    unknown = "outcome_unknown"
    still_unknown = "earlier_unknown"

    def __post_init__(self) -> None:
        """Recognise the request, and join it, by what two for the same chat share."""
        self.key = self.shared = (self.request.normalised(), self.if_exists)
        if self.request.message_text is not None:
            self.window = min(self.window, _TEXT_WINDOW)

    @override
    def turn(self) -> AbstractAsyncContextManager[Any]:
        """Let the texts of several calls reach one person in the order of the calls."""
        people: Hashable
        if isinstance(self.request, CreateChat):
            if self.if_exists == "create":
                return nullcontext()
            # The next one has to see the chat that this one makes.
            people = frozenset(self.request.participant_ids)
        elif self.request.message_text is None:
            return nullcontext()
        else:
            people = self.request.user
        person = (self.request.account_id, people)
        return self.persons.setdefault(person, asyncio.Lock())

    @override
    async def prepare(self) -> None:
        account_id = self.request.account_id
        if isinstance(self.request, CreateChat) and self.if_exists != "create":
            self._existing = await self._reusable(self.request)
            if self._existing:
                return
        await self._check_rules()
        self.slot = self.budget.take(account_id)
        if self.slot is None and not await self._exists():
            self.slot = self.budget.take(account_id)  # One may have come back.
            if self.slot is None:
                told = self.budget.describe(account_id)
                raise errors.NotDoneError(
                    partial(errors.invalid, "budget_empty", **told)
                )

    async def _check_rules(self) -> None:
        """Refuse what the network says it cannot do; a chat that is there needs it not."""
        rules = await self.rules.of(self.client, self.bridge_id)
        problem = rules and problem_of(self.request, rules, self.own_ids)
        if problem and not await self._may_be_known(problem[0]):
            key, placeholders = problem
            raise errors.NotDoneError(
                partial(errors.invalid, key, network=self.network, **placeholders)
            )

    async def _may_be_known(self, problem: str) -> bool:
        """Tell whether a chat of these people may be there, or the person a contact."""
        request = self.request
        try:
            if isinstance(request, CreateChat):
                return request.type == "single" and bool(
                    await find_chats(self.client, request, self.own_ids, self.numbers)
                )
            if await find_direct_chat(self.client, request, self.own_ids):
                return True
            if problem == "network_no_lookup":
                user = request.user
                for each in filter(
                    None, (user.phone_number, user.email, user.username)
                ):
                    found = await self.client.contacts(request.account_id, each)
                    if any(contact.is_user(user) for contact in found):
                        return True
        except BeeperError:
            return True  # Nothing proves that it cannot work.
        return False

    async def _reusable(self, request: CreateChat) -> Chat | None:
        """Return the one chat of these people, None if there is none."""
        try:
            found = await find_chats(self.client, request, self.own_ids, self.numbers)
        except BeeperError as err:
            raise errors.NotDoneError(
                partial(errors.not_done, err, network=self.network)
            ) from None
        if len(found) > 1 or (found and self.if_exists == "refuse"):
            raise errors.NotDoneError(
                partial(
                    errors.invalid,
                    "chat_exists",
                    count=str(len(found)),
                    network=self.network,
                )
            )
        return found[0] if found else None

    async def _exists(self) -> bool:
        """Tell whether the request only leads to a chat that is there already."""
        if not isinstance(self.request, StartChat):
            return False
        try:
            return bool(await find_direct_chat(self.client, self.request, self.own_ids))
        except BeeperError:
            return False

    @override
    async def attempt(self) -> ChatResult:
        if self._existing:
            return await self._reuse(self._existing)
        if self.request.message_text is not None:
            self._noted = self.sent.begin(
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
        """Send the text, if there is one, into a chat that is there."""
        if (text := self.request.message_text) is not None:
            async with self.enter(self.client, chat.id):
                self._noted = self.sent.begin(self.request.account_id, chat.id, text)
                sent = await self.client.send_message(
                    SendMessage(chat_id=chat.id, text=text)
                )
            self.counter.count(self.request.account_id, self.network)
            self.sent.finish(self._noted, sent)
        return ChatResult(chat_id=chat.id, status="existing", chat=chat)

    def _note_sent(self, result: ChatResult) -> None:
        """Say which chat the text is in; servers tell no id of it."""
        if self._noted:
            self.counter.count(self.request.account_id, self.network)
            self.sent.finish(
                self._noted, SentMessage(chat_id=result.chat_id, message_id=None)
            )

    @override
    def not_done(self, err: BeeperError) -> HomeAssistantError:
        if self._existing:
            return errors.not_sent(err)
        return errors.not_done(err, network=self.network)

    @override
    def undo(self) -> None:
        self._give_back()
        if self._noted:
            self.sent.cancel(self._noted)

    def _give_back(self) -> None:
        if self.slot is not None:
            self.budget.give_back(self.request.account_id, self.slot)

    @override
    async def look(self, attempted: float) -> ChatResult | Refusal | None:
        found = await find_result(
            self.client,
            self.request,
            attempted,
            self.own_ids,
            reused=self.numbers if self.if_exists == "reuse" else None,
        )
        if found is None:
            return None
        if found.text_sent is False:
            return partial(
                errors.failed, "message_unconfirmed", chat=found.chat.local_id or "?"
            )
        result = ChatResult(
            chat_id=found.chat.id,
            status="existing" if self._existing else None,
            chat=found.chat,
        )
        self._note_sent(result)
        return result
