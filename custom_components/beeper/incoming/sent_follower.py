"""What became of the messages that Home Assistant sent, as their chats list them."""

from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Final

from homeassistant.helpers.dispatcher import async_dispatcher_send

from ..api.exceptions import AnswerError, UnreadableAnswerError
from ..api.models import Chat, Message
from ..outgoing.delivery_status import shown_delivery
from ..outgoing.identities import chat_recipient
from ..outgoing.sent_messages import SentMessages
from ..outgoing.sent_record import Delivery, SentRecord
from ..server import Server
from ..signals import SIGNAL_SEND_FAILED, SendFailed

_LOST_AFTER: Final = 30 * 60
"""Seconds after which an accepted message that is not in its chat is lost."""

_LOST_IF_OVERTAKEN: Final = 2 * 60
"""Seconds after which it is lost if a later message of its chat is confirmed."""

_RESTART_GRACE: Final = 3
"""Seconds that a server which has started again may take to list its messages."""


class SentFollower:
    """Settles sent messages whose outcome is open, and publishes which failed."""

    def __init__(
        self,
        server: Server,
        sent: SentMessages,
        read_chat: Callable[[str], None],
    ) -> None:
        """Follow the messages in `sent`; `read_chat` schedules a read of a chat."""
        self._hass = server.hass
        self._entry = server.entry
        self._server = server
        self._client = server.client
        self._sent = sent
        self._read_chat = read_chat

    async def async_follow(
        self, chat: Chat, messages: Mapping[str, Message], *, is_readable: bool
    ) -> None:
        """Settle the messages that were sent to a chat, and publish which failed.

        `messages` are those that were just read, by ID; one that is not among them can
        be lost only if the chat `is_readable`. Raises BeeperError.
        """
        own = [
            message
            for message in messages.values()
            if self._server.is_own_in(chat, message)
        ]
        features = self._client.features
        if not features.single_messages:
            self._claim(chat, own)
        for sent in self._sent.into(chat.ids):
            if not sent.is_waiting or sent.pending_id is None:
                continue
            message = next((known for known in own if known.id in sent.ids), None)
            if message is None and features.single_messages:
                try:
                    message = await self._async_read(chat, sent, own)
                except AnswerError, UnreadableAnswerError:
                    continue  # The chat's other messages do not wait; the next poll asks.
            if message:
                is_pending = features.single_messages and message.id == sent.pending_id
                self._settle(
                    chat, sent, message, is_listed=message in own and not is_pending
                )
            elif is_readable and self._is_lost(chat, sent):
                self._settle_lost(chat, sent, own)

    async def _async_read(
        self, chat: Chat, sent: SentRecord, own: Collection[Message]
    ) -> Message | None:
        """Return a message by its pending ID, or from those that were just read.

        Raises BeeperError.
        """
        try:
            return await self._client.message(
                sent.chat_id or chat.id, sent.pending_id or ""
            )
        except AnswerError as err:
            if err.status != HTTPStatus.NOT_FOUND:
                raise
        # The pending ID leads nowhere, so the text identifies the message.
        self._claim(chat, own)
        return next((row for row in own if row.id in sent.ids), None)

    def _claim(self, chat: Chat, own: Collection[Message]) -> None:
        self._sent.claim(
            own,
            chat.ids,
            self._server.earliest_now(),
            account_id=chat.account_id,
            recipient=chat_recipient(self._server, chat),
        )

    def _settle(
        self, chat: Chat, sent: SentRecord, message: Message, *, is_listed: bool
    ) -> None:
        """Record the outcome that a message shows, and publish a failure.

        Without a status, an own message that is listed with its final ID is delivered.
        """
        delivery = shown_delivery(sent.pending_id, message)
        is_delivered = is_listed and message.send_status is None
        # A merged chat and its member may be read at once: only one publishes.
        if not (delivery or is_delivered) or not sent.is_waiting:
            return
        failure = delivery if delivery and delivery.state == "failed" else None
        sent.settle(message, failure)
        self._sent.save_soon()
        if failure:
            self._publish_failure(
                chat,
                sent,
                failure.reason or "unknown",
                retriable=message.send_status == "FAIL_RETRIABLE",
            )

    def _settle_lost(
        self, chat: Chat, sent: SentRecord, own: Collection[Message]
    ) -> None:
        """Record that a message is lost, unless another own one may be it."""
        if other := self._sent.unclaimed(own, sent, self._server.earliest_now()):
            # The network may have changed the text.
            sent.settle(other)
            self._sent.save_soon()
            return
        sent.settle(None, Delivery(state="failed", reason="unconfirmed"))
        self._sent.save_soon()
        self._publish_failure(chat, sent, "unconfirmed", retriable=False)

    def _is_lost(self, chat: Chat, sent: SentRecord) -> bool:
        """Return whether a message that is not in its chat is lost, and not slow."""
        now = self._hass.loop.time()
        age = now - sent.attempted
        restarted = self._server.restarted
        if restarted is not None and sent.attempted < restarted:
            if now - restarted >= _RESTART_GRACE:
                return True
            self._hass.loop.call_later(_RESTART_GRACE, self._read_chat, chat.id)
        is_overtaken = any(
            later.final_id and later.attempted > sent.attempted
            for later in self._sent.into(chat.ids)
        )
        return age > _LOST_AFTER or (is_overtaken and age > _LOST_IF_OVERTAKEN)

    def _publish_failure(
        self, chat: Chat, sent: SentRecord, reason: str, *, retriable: bool
    ) -> None:
        async_dispatcher_send(
            self._hass,
            SIGNAL_SEND_FAILED,
            SendFailed(
                entry_id=self._entry.entry_id,
                chat=chat,
                message_id=sent.pending_id or "",
                reason=reason,
                retriable=retriable,
            ),
        )
