"""Send a message to a chat: limits, upload of the attachment, one attempt."""

from collections.abc import AsyncIterator, Collection, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import override

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.exceptions import BeeperError
from ..api.merged_chats import read_message
from ..api.models import Chat, Message, SentMessage
from ..api.requests import AttachmentUpload, SendMessage
from ..errors import Refusal
from .attachment_upload import upload
from .delivery_status import read_final_id, wait_for_delivery
from .identities import Identity, chat_recipient, proof, recipient_identities
from .job import Job, OutboxContext, check_chat_number, check_writable, conversation_ids
from .mentions import resolve_mentions
from .message_keys import (
    exact_message_keys,
    loose_message_keys,
    partial_message_keys,
    text_keys,
)
from .message_request import MessageRequest
from .reconciliation import find_sent
from .sent_proof import TargetChat, find_proof
from .sent_record import Delivery, SentRecord


@dataclass(kw_only=True, repr=False, eq=False)
class SendMessageJob(Job[SentMessage]):
    """One message.

    `recipient` is the name as it was written, if the chat was found by it.
    `call_context` is Home Assistant's context of the call. An identical message that
    is under way is joined only within one context: the same text may well be meant
    twice.
    """

    context: OutboxContext
    message: MessageRequest
    call_context: Context
    recipient: str | None = None
    _chat: Chat | None = field(default=None, init=False)
    _sent: SentRecord | None = field(default=None, init=False)
    _reply_to: str | None = field(default=None, init=False)
    _mentions: tuple[str, ...] = field(default=(), init=False)
    _chat_id: str = field(init=False)

    name = "send_message"
    unknown = "message_unknown"
    still_unknown = "message_still_unknown"

    def __post_init__(self) -> None:
        """Prepare the request without an attachment."""
        self._reply_to = self.message.reply_to
        self._hass = self.context.server.hass
        self._client = self.context.server.client
        self._chat_id = self.message.chat_id
        self._request = self._request_with(None)

    @property
    def _chat_ids(self) -> set[str]:
        return conversation_ids(self.message.chat_id, self._chat)

    @property
    def _original_ids(self) -> frozenset[str]:
        """All IDs of the message that this one replies to."""
        known = {*filter(None, (self.message.reply_to, self._reply_to))}
        return frozenset(known).union(
            *(self.context.sent.all_ids(self._chat_ids, one) for one in known)
        )

    @property
    def _account_id(self) -> str | None:
        return self._chat.account_id if self._chat else None

    @property
    def _person(self) -> frozenset[Identity]:
        """All that identifies the person of a direct chat; empty for groups."""
        return recipient_identities(self.context.server, self._chat)

    @property
    @override
    def keys(self) -> set[Hashable]:
        return exact_message_keys(self.message, self._chat_ids, self._original_ids)

    @property
    @override
    def loose_keys(self) -> set[Hashable]:
        person = self._person
        return loose_message_keys(
            self.message, self._original_ids, person, self.recipient
        ) | text_keys(self.message, self._account_id, self._chat_ids, proof(person))

    @property
    @override
    def related_keys(self) -> set[Hashable]:
        return text_keys(self.message, self._account_id, self._chat_ids, self._person)

    @property
    @override
    def partial_keys(self) -> set[Hashable]:
        return partial_message_keys(self.message, self._account_id, self._person)

    @property
    @override
    def join_keys(self) -> set[Hashable]:
        return {(self.call_context.id, key) for key in self.keys}

    @override
    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        async with self.context.chat_queues.chat(
            self._client, self.message.chat_id
        ) as self._chat:
            if self._chat:
                self._chat_id = self._chat.id
                self._request = self._request_with(None)
            yield

    @override
    async def prepare(self) -> None:
        check_chat_number(self.context.server, self.message.chat_id, self._chat)
        await check_writable(self._client, self._chat)
        limit = self._chat.max_text_length if self._chat else None
        if limit is not None and self.message.length > limit:
            errors.refuse(
                "longer_than_chat_allows",
                length=str(self.message.length),
                limit=str(limit),
            )
        self.answer = self.context.limits.replies.take(
            self.call_context,
            (self._chat.ids if self._chat else set()) | {self.message.chat_id},
        )
        await self._resolve_reply()
        await self._resolve_mentions()
        if self.message.attachment:
            self._request = self._request_with(
                await upload(
                    self._hass,
                    self._client,
                    self.message.attachment,
                    self.message.attachment_type,
                )
            )

    async def _resolve_reply(self) -> None:
        """Replace the ID that an earlier action returned by the final one."""
        if self.message.reply_to is None:
            return
        self._reply_to = await read_final_id(
            self.context.server, self.context.sent, self.message.reply_to
        )
        if self._reply_to is None:
            errors.refuse("message_not_confirmed", kind=HomeAssistantError)
        if self._chat and self._chat.merged_ids:
            await self._choose_member(self._chat.merged_ids, self._reply_to)
        self._request = self._request_with(None)

    async def _resolve_mentions(self) -> None:
        self._mentions = await resolve_mentions(
            self._client,
            self._chat_id,
            self.message.mentions,
            self.context.server.id_scheme(self._account_id),
        )
        self._request = self._request_with(None)

    async def _choose_member(self, members: Collection[str], reply_to: str) -> None:
        """Send a reply to the member of a merged chat that contains the original."""
        with suppress(BeeperError):
            message = await read_message(self._client, self._chat_id, reply_to)
            if message.chat_id and message.chat_id in members:
                self._chat_id = message.chat_id

    def _request_with(self, attachment: AttachmentUpload | None) -> SendMessage:
        return SendMessage(
            chat_id=self._chat_id,
            text=self.message.text,
            reply_to_message_id=self._reply_to,
            attachment=attachment,
            mentions=self._mentions,
            link_preview=self.message.link_preview,
        )

    @override
    async def attempt(self) -> SentMessage:
        self._sent = self._begin()
        try:
            sent = await self._client.send_message(self._request)
        except BeeperError as err:
            if err.may_have_run:
                self._count()
            raise
        self._count()
        self.context.sent.finish(self._sent, sent)
        return sent

    def _begin(self) -> SentRecord:
        return self.context.sent.begin(
            self._account_id,
            self._request.chat_id,
            self.message.text,
            attached=self.message.attachment is not None,
            original_ids=self._original_ids,
            recipient=chat_recipient(self.context.server, self._chat),
        )

    def _count(self) -> None:
        if self._chat and self._chat.account_id:
            self.context.limits.messages.count(
                self._chat.account_id,
                self._chat.network
                or self.context.server.network(self._chat.account_id),
            )

    @override
    def refusal(self, err: BeeperError) -> Refusal:
        refusal = errors.not_sent(err)
        # The chat was read before, so it is the other message that is missing.
        if refusal.key == "chat_not_found" and self._chat and self.message.reply_to:
            return Refusal(key="reply_to_not_found")
        return refusal

    @override
    def undo(self) -> None:
        if self._sent:
            self.context.sent.cancel(self._sent)

    @override
    def give_up(self) -> None:
        if self._sent:
            self._sent.is_given_up = True

    @override
    async def recover(self, attempted: float) -> SentMessage | None:
        found = await self._find(self._chat_id, attempted)
        if found is None:
            return None
        sent = self.context.sent
        self._sent = (
            self._sent
            or sent.adopt(sent.into({self._chat_id}), found, self.message.text)
            or self._begin()
        )
        self._sent.note_final(found)
        result = SentMessage(
            chat_id=found.chat_id or self._chat_id, message_id=found.id
        )
        self.context.sent.finish(self._sent, result)
        return result

    async def delivery(self, sent: SentMessage) -> Delivery:
        """Wait for the network to confirm or refuse the message."""
        self.adopt(sent)
        if self._sent is None:
            return Delivery(state="pending")
        return await wait_for_delivery(
            self.context.server, self.context.sent, self._sent
        )

    def adopt(self, sent: SentMessage) -> None:
        """Take over the attempt of the job whose outcome this one shares."""
        self._sent = self._sent or self.context.sent.find(sent)

    @property
    def sent(self) -> SentRecord | None:
        """The attempt, None before it begins."""
        return self._sent

    @property
    def final_id(self) -> str | None:
        """The final ID of the message, None if it is not known yet."""
        return self._sent.final_id if self._sent else None

    async def _find(self, chat_id: str, since: float) -> Message | None:
        attachment = self._request.attachment
        attached = self.message.attachment is not None
        account_id = self._account_id
        proof = await find_proof(
            self.context.server,
            self.context.sent,
            await find_sent(
                self.context.server,
                chat_id,
                self._request.text,
                self._sent.attempted if self._sent else since,
                account_id,
                attachment=attachment.file_name if attachment else attached,
                original_ids=self._original_ids,
            ),
            TargetChat(
                chat_ids={chat_id, *(self._chat.merged_ids if self._chat else ())},
                account_id=account_id,
                recipient=chat_recipient(self.context.server, self._chat),
            ),
            self._sent,
        )
        return proof.message
