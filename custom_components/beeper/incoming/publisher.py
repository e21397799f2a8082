"""Publishing the changes of messages that Home Assistant did not make itself."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from homeassistant.core import callback
from homeassistant.helpers.dispatcher import async_dispatcher_send

from ..api.models import Chat, Message, User
from ..api.rich_text import plain
from ..const import CONF_ALLOWED_SENDERS
from ..outgoing.identities import chat_recipient
from ..outgoing.sent_messages import SentMessages
from ..server import Server
from ..signals import SIGNAL_LAST_MESSAGE, SIGNAL_MESSAGE, LastMessage, MessageEvent
from .message_comparison import MessageChange
from .open_questions import OpenQuestions
from .read_statistics import ReadStatistics
from .seen_messages import SeenMessages
from .sent_follower import SentFollower


class Publisher:
    """Publishes new messages and changes among the messages that were read."""

    def __init__(
        self,
        server: Server,
        sent: SentMessages,
        seen: SeenMessages,
        follower: SentFollower,
        statistics: ReadStatistics,
        questions: OpenQuestions,
    ) -> None:
        """Compare with `seen`; `sent` are the messages that Home Assistant sent."""
        self._hass = server.hass
        self._entry = server.entry
        self._server = server
        self._sent = sent
        self._seen = seen
        self._follower = follower
        self._statistics = statistics
        self._questions = questions

    async def async_compare(
        self, chat: Chat, message: Message, listed: Mapping[str, Message]
    ) -> list[MessageChange]:
        """Return the changes of a message that Home Assistant did not make itself.

        `listed` are all messages that were read together with it, by ID. Raises
        BeeperError.
        """
        self._statistics.note(chat, message)
        is_self = self._server.is_own_in(chat, message)
        if is_self and message.send_status not in (None, "SUCCESS"):
            return []  # It may never be sent.
        is_known = self._seen.is_known(chat.id, message)
        is_ours = (
            is_self and not is_known and await self._async_recognise(chat, message)
        )
        changes = [
            change
            for change in self._seen.compare(
                chat.id, message, is_self=is_self, listed=listed
            )
            if not (is_ours and change.type == "message_sent")
        ]
        cutoff = self._seen.history_cutoffs.cutoff(chat.id, message.account_id)
        if not (is_known or changes or is_ours) and (
            message.timestamp
            and self._seen.is_recent(message)
            and message.timestamp.timestamp() < cutoff
        ):
            self._statistics.count_old([message], chat)
        return changes

    async def _async_recognise(self, chat: Chat, message: Message) -> bool:
        """Return whether Home Assistant sent an own message."""
        recipient = chat_recipient(self._server, chat)
        candidates = self._sent.into(chat.ids, chat.account_id, recipient)
        if any(sent.has_id(message) for sent in candidates):
            return True
        now = self._server.earliest_now()
        alike = [sent for sent in candidates if self._sent.may_be(sent, message, now)]
        for sent in alike:
            if not self._sent.may_be(sent, message, now):
                continue  # In the meantime, its own message was read.
            # Its answer may only just have arrived.
            if sent.pending_id and self._server.client.features.single_messages:
                await self._follower.async_follow(chat, {}, is_readable=False)
                if sent.has_id(message):
                    return True
                if sent.is_waiting:
                    continue
            if not sent.is_before(alike):
                return True  # It may also be another one of them.
            sent.note_final(message)
            self._sent.save_soon()
            return True
        return False

    @callback
    def publish(
        self,
        chat: Chat,
        change: MessageChange,
        listed: Mapping[str, Message],
        transcript: str | None = None,
    ) -> None:
        """Publish a change, unless its sender is not allowed to start automations.

        `listed` are all messages that were read together with it, by ID.
        """
        message, reaction = change.message, change.reaction
        sender, is_self = self._sender(chat, change)
        if not is_self and not self._is_allowed(sender):
            return
        if (is_self or change.type == "message_deleted") and self._sent.changes.claim(
            change.type, chat.ids, message.id, reaction.key if reaction else None
        ):
            return
        says = reaction is None and change.type != "message_deleted"
        text = message.text if says and message.kind not in ("call", "event") else None
        rich = self._server.client.features.rich_text
        event = MessageEvent(
            entry_id=self._entry.entry_id,
            type=change.type,
            chat=chat,
            account_id=message.account_id or chat.account_id or "",
            message=message,
            sender=sender,
            is_self=is_self,
            pending_message_id=self._sent.pending_id(chat.ids, message.id),
            text=plain(text) if text and rich else text,
            rich_text=text if rich else None,
            reaction=reaction,
            transcript=transcript,
        )
        self._questions.locate(
            chat.ids,
            [own for own in listed.values() if self._server.is_own_in(chat, own)],
        )
        if self._questions.take(event):
            event = replace(event, answers_question=True)
        async_dispatcher_send(self._hass, SIGNAL_MESSAGE, event)

    def is_from_allowed(self, chat: Chat, change: MessageChange) -> bool:
        """Return whether somebody else made a change whose messages are published."""
        sender, is_self = self._sender(chat, change)
        return not is_self and self._is_allowed(sender)

    def _sender(self, chat: Chat, change: MessageChange) -> tuple[User, bool]:
        """Return who wrote or reacted, and whether that is the signed-in user."""
        message, reaction = change.message, change.reaction
        sender_id = reaction.participant_id if reaction else message.sender_id
        sender = next(
            (user for user in chat.participants if user.id == sender_id),
            User(
                id=sender_id or "", full_name=None if reaction else message.sender_name
            ),
        )
        is_self = self._server.is_self(chat, sender_id) or (
            reaction is None and message.is_sender
        )
        return sender, is_self

    @callback
    def publish_last(
        self,
        chat_ids: frozenset[str],
        messages: Iterable[Message],
        people: Iterable[User],
    ) -> None:
        """Publish the newest of the messages that were read in an added chat.

        `people` are the chat's participants, as far as they were read.
        """
        names = {user.id: user for user in people}
        for message in sorted(messages, key=Message.order, reverse=True):
            sender_id = message.sender_id or ""
            sender = names.get(sender_id) or User(
                id=sender_id, full_name=message.sender_name
            )
            is_self = self._server.is_own(message)
            is_sent = message.send_status in (None, "SUCCESS")
            if (
                message.timestamp is None
                or message.is_event
                or message.is_deleted
                or not (is_sent if is_self else self._is_allowed(sender))
            ):
                continue
            text = message.text if message.kind != "call" else None
            async_dispatcher_send(
                self._hass,
                SIGNAL_LAST_MESSAGE,
                LastMessage(
                    entry_id=self._entry.entry_id,
                    chat_ids=chat_ids,
                    time=message.timestamp,
                    sender_name=sender.name,
                    is_self=is_self,
                    text=plain(text)
                    if text and self._server.client.features.rich_text
                    else text,
                    kind=message.kind,
                ),
            )
            return

    def _is_allowed(self, sender: User) -> bool:
        """Return whether the messages of a sender are published.

        Only the whole ID and a confirmed number count: people can choose their names.
        """
        allowed: list[str] = self._entry.options.get(CONF_ALLOWED_SENDERS, [])
        return not allowed or any(
            sender.id == identity or sender.has_confirmed_number(identity)
            for identity in allowed
        )
