"""Sending a message into a chat: its turn, its attachment, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import override
from weakref import WeakValueDictionary

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Attachment, Chat, SendMessage, SentMessage
from .attachments import Source, open_source
from .delivery import Delivery, wait_for_delivery
from .job import Job
from .limits import Messages, Replies
from .reconciliation import find_message
from .sent_messages import Sent, SentMessages


@dataclass(frozen=True, kw_only=True, repr=False)
class Outgoing:
    """A message to send: a text, an attachment, or both.

    `text` is Markdown; `length` are the characters a person will see of it.
    """

    chat_id: str
    text: str | None = None
    length: int = 0
    reply_to: str | None = None
    attachment: Source | None = None


class Chats:
    """The chats that messages went into: who is next, and what they allow."""

    def __init__(self) -> None:
        """Know no chat."""
        self._arrivals = asyncio.Lock()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._known: dict[str, Chat] = {}

    @asynccontextmanager
    async def turn(
        self, client: BeeperClient, chat_id: str
    ) -> AsyncIterator[Chat | None]:
        """Wait until all messages that arrived before have left; yield the chat.

        None if it cannot be read just now. A chat has two ids, so it is read before
        anything else may arrive; a lock that is asked for in order is got in order.
        """
        async with self._arrivals:
            chat = await self._read(client, chat_id)
            # A merged chat and its members are one conversation.
            key = (chat.merged_into_id or chat.id) if chat else chat_id
            turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            yield chat

    async def _read(self, client: BeeperClient, chat_id: str) -> Chat | None:
        if chat_id not in self._known:
            try:
                chat = await client.chat(chat_id, participants=0)
            except BeeperError:
                return None  # A help, not a gate: sending itself will tell.
            # Its people and title are nobody's business here.
            self._known[chat_id] = replace(chat, participants=(), title=None)
        return self._known[chat_id]


@dataclass(kw_only=True, repr=False, eq=False)
class MessageSending(Job[SentMessage]):
    """One message."""

    hass: HomeAssistant
    client: BeeperClient
    message: Outgoing
    own_ids: Callable[[str], frozenset[str]]
    """Returns the user's ids in an account."""
    chats: Chats
    counter: Messages
    replies: Replies
    sent: SentMessages
    context: Context
    chat: Chat | None = None
    _noted: Sent | None = field(default=None, init=False)
    key: Outgoing = field(init=False)
    created: float = field(init=False)

    name = "send_message"
    unknown = "message_unknown"
    still_unknown = "message_still_unknown"

    def __post_init__(self) -> None:
        """Recognise the message, and join it within one context only."""
        self.created = self.hass.loop.time()
        self.key = self.message
        self.shared = (self.message, self.context.id)
        self._request = self._request_with(None)

    @override
    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self.chats.turn(self.client, self.message.chat_id) as self.chat:
            if self.chat:
                self.key = replace(self.message, chat_id=self.chat.id)
                self._request = self._request_with(None)
            yield

    @override
    async def prepare(self) -> None:
        limit = self.chat.max_text_length if self.chat else None
        if limit is not None and self.message.length > limit:
            raise errors.NotDoneError(
                partial(
                    errors.invalid,
                    "longer_than_chat_allows",
                    length=str(self.message.length),
                    limit=str(limit),
                )
            )
        if not self._may_reply():
            raise errors.NotDoneError(
                partial(errors.failed, "reply_loop", limit=str(self.replies.limit))
            )
        if self.message.attachment:
            self._request = self._request_with(
                await self._upload(self.message.attachment)
            )

    def _may_reply(self) -> bool:
        """Count the message if it answers the one that started its run."""
        shown_as = (self.chat and self.chat.merged_into_id) or self.key.chat_id
        return self.replies.take(
            self.context,
            shown_as,
            {self.message.chat_id, self.key.chat_id, shown_as},
            (self.chat and self.chat.network) or "Beeper",
        )

    async def _upload(self, source: Source) -> Attachment:
        file = await open_source(self.hass, source)
        try:
            uploaded = await self.client.upload(
                file.content, file_name=file.name, mime_type=file.mime_type
            )
        except BeeperError as err:
            raise errors.NotDoneError(partial(errors.not_uploaded, err)) from None
        finally:
            await self.hass.async_add_executor_job(file.content.close)
        return Attachment(
            upload_id=uploaded.upload_id, file_name=file.name, mime_type=file.mime_type
        )

    def _request_with(self, attachment: Attachment | None) -> SendMessage:
        return SendMessage(
            chat_id=self.key.chat_id,
            text=self.message.text,
            reply_to_message_id=self.message.reply_to,
            attachment=attachment,
        )

    @override
    async def attempt(self) -> SentMessage:
        self._noted = self.sent.begin(
            self.chat.account_id if self.chat else None,
            self._request.chat_id,
            self.message.text,
            attached=self.message.attachment is not None,
        )
        try:
            sent = await self.client.send_message(self._request)
        except BeeperError as err:
            if err.may_have_run:
                self._count()
            raise
        self._count()
        self.sent.finish(self._noted, sent)
        return sent

    def _count(self) -> None:
        if self.chat and self.chat.account_id:
            self.counter.count(
                self.chat.account_id, self.chat.network or self.chat.account_id
            )

    @override
    def not_done(self, err: BeeperError) -> HomeAssistantError:
        return errors.not_sent(err)

    @override
    def undo(self) -> None:
        if self._noted:
            self.sent.cancel(self._noted)

    @override
    async def look(self, attempted: float) -> SentMessage | None:
        if self._count_twins(attempted):
            return None  # What is found could be a twin.
        found = await self._find(self._request, attempted)
        if found and self._noted:
            self.sent.finish(self._noted, found)
        return found

    def _count_twins(self, since: float) -> int:
        return self.sent.count_twins(
            self.key.chat_id,
            self.message.text or "",
            since,
            attached=self.message.attachment is not None,
        )

    async def delivery(self, sent: SentMessage) -> Delivery:
        """Return what the network says of the message, as soon as it says it."""
        request = replace(self._request, chat_id=sent.chat_id)

        async def find() -> SentMessage | None:
            if self._count_twins(self.created) > 1:
                return None
            return await self._find(request, self.created)

        return await wait_for_delivery(self.client, sent, find)

    async def _find(self, request: SendMessage, since: float) -> SentMessage | None:
        account_id = self.chat.account_id if self.chat else None
        found = await find_message(
            self.client,
            request,
            since,
            self.own_ids(account_id or ""),
            attached=self.message.attachment is not None,
        )
        if found is None:
            return None
        return SentMessage(chat_id=request.chat_id, message_id=found.id)
