"""The state of a simulator and all operations on it."""

from datetime import UTC, datetime

from .attachments import sent_attachment
from .chats import Chats
from .deliveries import Deliveries
from .errors import ApiError, invalid, not_found
from .model import Asset, Chat, Event, Json, Message, Person
from .text import iso, markdown_to_html, plain_to_html

MEDIA = "file:///Users/sample/Beeper/media/"
"""Folder of the files that a server serves."""


class World(Chats):
    """In-memory state, independent of HTTP and server generations."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: dict[str, Asset] = {}
        self.uploads: dict[str, Asset] = {}
        self.focused: Json | None = None
        """The last focus request."""
        self.hang_seconds = 180.0
        """Seconds until a hanging create fails (`network_hangs`)."""
        self.delivery_interval = 0.2
        """Seconds between deliveries (`slow_delivery`)."""
        self._deliveries = Deliveries(self)

    def message(self, chat: Chat, message_id: str) -> Message:
        """Return a message by final or pending id. Raises ApiError 404."""

        def has(name: str) -> bool:
            return self.traits.has(name, chat.account_id)

        for message in reversed(chat.messages):
            ids = {message.id, message.pending_id}
            if has("pending_id_useless") or (
                has("pending_id_unknown") and not message.confirmed
            ):
                ids.remove(message.pending_id)
            if message_id in ids:
                return message
        raise not_found("Message")

    def incoming(
        self, chat: Chat, sender: Person, text: str, *, when: datetime | None = None
    ) -> Message:
        """Add a message of another person, or of the user in another app."""
        message = self.new_message(chat, sender, when)
        message.text, message.html = text, plain_to_html(text)
        message.is_unread = not sender.is_self
        self.add_message(chat, message)
        return message

    def membership(
        self, chat: Chat, person: Person, text: str, *, when: datetime | None = None
    ) -> Message:
        """Add a membership event."""
        message = self.new_message(chat, person, when)
        message.text, message.html = text, plain_to_html(text)
        message.type, message.is_membership = "NOTICE", True
        self.add_message(chat, message)
        return message

    def send(
        self,
        chat: Chat,
        text: str,
        *,
        reply_to: str | None = None,
        attachment: Json | None = None,
        mentions: list[str] | None = None,
    ) -> Message:
        """Queue an own message. The network confirms it after `confirm_after`."""
        account = self.accounts[chat.account_id]
        delivery = chat.delivery or account.delivery
        if self.traits.has("logged_out", account.id):
            delivery = "FAIL_PERMANENT"
        if delivery == "refuse":
            raise ApiError(502, "BRIDGE_ERROR", "The bridge is not connected")
        message = self.new_message(chat, account.user, None)
        message.id = message.pending_id = f"pending-{next(self._numbers)}"
        message.confirmed = False
        message.text, message.html = text, markdown_to_html(text)
        message.linked_message_id = reply_to
        if attachment:
            message.type = attachment["type"]
            message.attachments = [attachment["attachment"]]
        if mentions:
            message.extra["mentions"] = mentions
        message.send_status = {"status": "PENDING", "timestamp": iso(message.timestamp)}
        if text.lstrip().startswith("/") and self.traits.has(
            "slash_commands", account.id
        ):
            return message
        self.add_message(chat, message)
        self._deliveries.add(chat, message, delivery)
        return message

    def edit(self, chat: Chat, message: Message, text: str) -> None:
        """Change a message's text."""
        if text.lstrip().startswith("/") and self.traits.has(
            "slash_commands", chat.account_id
        ):
            return
        message.text = text
        message.html = (
            markdown_to_html(text) if message.sender.is_self else plain_to_html(text)
        )
        message.edited = self.now()
        self.emit(Event(type="message.upserted", chat=chat, message=message))

    def delete(
        self, chat: Chat, message: Message, *, for_everyone: bool = True
    ) -> None:
        """Delete a message.

        For everyone: an empty row marked as deleted remains (chosen). Otherwise the row
        is removed.
        """
        if for_everyone:
            message.is_deleted = True
            message.text = message.html = ""
            message.attachments = []
        else:
            chat.messages.remove(message)
        self.emit(Event(type="message.deleted", chat=chat, message=message))

    def react(
        self, chat: Chat, message: Message, person: Person, key: str | None
    ) -> None:
        """Set a person's only reaction; None removes it."""
        message.reactions = [
            reaction
            for reaction in message.reactions
            if reaction["participantID"] != person.id
        ]
        if key is not None:
            message.reactions.append(
                {
                    "id": person.id,
                    "reactionKey": key,
                    "participantID": person.id,
                    "emoji": not key.isascii(),
                }
            )
        self.emit(Event(type="message.upserted", chat=chat, message=message))

    def mark_read(self, chat: Chat, message_id: str | None) -> None:
        """Mark messages as read, up to one or all."""
        chat.is_marked_unread = False
        if chat.messages:
            until = self.message(chat, message_id or chat.messages[-1].id)
            chat.last_read = until.sort_key
            for message in chat.messages:
                message.is_unread &= message.sort_key > until.sort_key
        chat.unread_count = sum(message.is_unread for message in chat.messages)
        self.changed(chat)

    def attachment(self, wanted: Json) -> Json:
        """Convert a send request's attachment to a message type and an attachment."""
        upload = self.uploads.get(wanted["uploadID"])
        if upload is None:
            raise invalid("body", "attachment", "uploadID", message="Unknown upload")
        self.assets[upload.url] = upload
        return sent_attachment(upload, wanted)

    def add_asset(
        self, data: bytes, file_name: str, mime_type: str
    ) -> tuple[str, Asset]:
        """Store an uploaded file; return its upload id."""
        upload_id = f"upload-{next(self._numbers)}"
        asset = Asset(
            url=f"mxc://beeper.local/{upload_id}",
            path=f"{MEDIA}{upload_id}",
            data=data,
            mime_type=mime_type,
            file_name=file_name,
        )
        self.uploads[upload_id] = asset
        return upload_id, asset

    def settle(self) -> None:
        """Deliver all messages, and do all else that is pending, now."""
        self.pending.run()

    def stop(self) -> None:
        """Do all that is pending, or discard it with `lost_at_stop`."""
        if "lost_at_stop" in self.traits:
            self.pending.discard()
        else:
            self.pending.run()

    def new_message(self, chat: Chat, sender: Person, when: datetime | None) -> Message:
        """Return an empty message, which is not in the chat yet."""
        return Message(
            id="",
            chat_id=chat.id,
            account_id=chat.account_id,
            sender=sender,
            timestamp=when or self._network_now(),
            sort_key=next(self._sort_keys),
        )

    def _network_now(self) -> datetime:
        skew = self.clock_skew if self.network_skew is None else self.network_skew
        return datetime.now(UTC) + skew

    def add_message(self, chat: Chat, message: Message) -> None:
        """Add a message to a chat; a confirmed one gets its final id."""
        if message.confirmed:
            self.number(chat, message)
        chat.messages.append(message)
        chat.last_activity = max(chat.last_activity, message.timestamp)
        chat.unread_count += message.is_unread
        self._recent = None
        self.emit(Event(type="message.upserted", chat=chat, message=message))
        if message.is_unread:
            self.changed(chat)
