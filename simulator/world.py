"""The world a simulator serves, and everything that can happen in it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal

from .errors import ApiError, invalid, not_found
from .model import Account, Asset, Chat, Delivery, Event, Json, Message, Person
from .people import display_name
from .text import iso, markdown_to_html, milliseconds, plain_to_html

_FAILURES: dict[Delivery, Json] = {
    "FAIL_RETRIABLE": {
        "reason": "bridge_unavailable",
        "message": "The bridge is not connected.",
    },
    "FAIL_PERMANENT": {
        "reason": "not_allowed",
        "message": "The network refused the message.",
    },
}


class World:
    """Everything in memory. Nothing here knows HTTP or server generations."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.chats: dict[str, Chat] = {}
        self.assets: dict[str, Asset] = {}
        self.uploads: dict[str, Asset] = {}
        self.labels: dict[str, str] = {}
        """Label id → name."""
        self.focused: Json | None = None
        """What the app window was last asked to show."""
        self.listener: Callable[[Event], None] = lambda event: None
        self.clock_skew = timedelta()
        self.confirm_after = 0.05
        """Seconds until the network's word about an own message."""
        self._local_ids: dict[str, Chat] = {}
        self._recent: list[Chat] | None = None
        self._numbers = count(1)
        self._sort_keys = count(821_744_079, 7)
        self._waiting: dict[asyncio.TimerHandle, Callable[[], None]] = {}

    def now(self) -> datetime:
        """The server's clock."""
        return datetime.now(UTC) + self.clock_skew

    # People

    def account(self, account_id: str) -> Account:
        """Return an account or refuse."""
        if (account := self.accounts.get(account_id)) is None:
            raise not_found("Account")
        return account

    # Chats

    def chat(self, chat_id: str) -> Chat:
        """Return a chat by id or local id, or refuse."""
        if (chat := self.chats.get(chat_id) or self._local_ids.get(chat_id)) is None:
            raise not_found("Chat")
        return chat

    def recent_chats(self) -> list[Chat]:
        """All chats, newest activity first; sorted only after a change."""
        if self._recent is None:
            self._recent = sorted(self.chats.values(), key=activity_key)
        return self._recent

    def direct_chat(self, account: Account, person: Person) -> Chat | None:
        """The newest direct chat with somebody."""
        with_them = (
            chat
            for chat in self.chats.values()
            if chat.account_id == account.id
            and chat.type == "single"
            and any(p.id == person.id for p in chat.participants)
        )
        return min(with_them, key=activity_key, default=None)

    def add_chat(
        self,
        account: Account,
        people: list[Person],
        *,
        kind: Literal["single", "group"] = "single",
        title: str | None = None,
        chat_id: str | None = None,
        when: datetime | None = None,
    ) -> Chat:
        """Create a chat with `people` and oneself; unknown people become contacts."""
        number = next(self._numbers)
        for person in people:
            account.contacts.setdefault(person.id, person)
        names = ", ".join(display_name(person) for person in people)
        chat = Chat(
            id=chat_id or f"!room{number}:beeper.com",
            local_id=str(5600 + number),
            account_id=account.id,
            title=(title if kind == "group" and title else names),
            type=kind,
            participants=[*people, account.user],
            last_activity=when or self.now(),
        )
        self.chats[chat.id] = self._local_ids[chat.local_id] = chat
        self._recent = None
        self.changed(chat)
        return chat

    def changed(self, chat: Chat) -> None:
        """Tell that something about a chat is new."""
        self._emit(Event(type="chat.upserted", chat=chat))

    # Messages

    def message(self, chat: Chat, message_id: str) -> Message:
        """Return a message by final or pending id, or refuse."""
        for message in reversed(chat.messages):
            if message_id in (message.id, message.pending_id):
                return message
        raise not_found("Message")

    def incoming(
        self, chat: Chat, sender: Person, text: str, *, when: datetime | None = None
    ) -> Message:
        """Somebody writes; oneself in another app, if the sender is oneself."""
        message = self._new_message(chat, sender, when)
        message.text, message.html = text, plain_to_html(text)
        message.is_unread = not sender.is_self
        self._append(chat, message)
        return message

    def send(
        self,
        chat: Chat,
        text: str,
        *,
        reply_to: str | None = None,
        attachment: Json | None = None,
    ) -> Message:
        """Queue an own message. The network's word follows after `confirm_after`."""
        account = self.accounts[chat.account_id]
        delivery = chat.delivery or account.delivery
        if delivery == "refuse":
            raise ApiError(502, "BRIDGE_ERROR", "The bridge is not connected")
        message = self._new_message(chat, account.user, None)
        message.id = message.pending_id = f"pending-{next(self._numbers)}"
        message.confirmed = False
        message.text, message.html = text, markdown_to_html(text)
        message.linked_message_id = reply_to
        if attachment:
            message.type = attachment["type"]
            message.attachments = [attachment["attachment"]]
        message.send_status = {"status": "PENDING", "timestamp": iso(message.timestamp)}
        self._append(chat, message)
        self._later(lambda: self._confirm(chat, message, delivery))
        return message

    def edit(self, chat: Chat, message: Message, text: str) -> None:
        """Change a message's text."""
        message.text = text
        message.html = (
            markdown_to_html(text) if message.sender.is_self else plain_to_html(text)
        )
        message.edited = self.now()
        self._emit(Event(type="message.upserted", chat=chat, message=message))

    def delete(
        self, chat: Chat, message: Message, *, for_everyone: bool = True
    ) -> None:
        """Delete a message.

        For everyone: an empty row marked deleted stays (chosen). For oneself: gone.
        """
        if for_everyone:
            message.is_deleted = True
            message.text = message.html = ""
            message.attachments = []
        else:
            chat.messages.remove(message)
        self._emit(Event(type="message.deleted", chat=chat, message=message))

    def react(
        self, chat: Chat, message: Message, person: Person, key: str | None
    ) -> None:
        """Set somebody's reaction, one a person; None takes it back."""
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
        self._emit(Event(type="message.upserted", chat=chat, message=message))

    def mark_read(self, chat: Chat, message_id: str | None) -> None:
        """Read up to a message, or all."""
        chat.is_marked_unread = False
        if chat.messages:
            until = self.message(chat, message_id or chat.messages[-1].id)
            chat.last_read = until.sort_key
            for message in chat.messages:
                message.is_unread &= message.sort_key > until.sort_key
        chat.unread_count = sum(message.is_unread for message in chat.messages)
        self.changed(chat)

    def attachment(self, wanted: Json) -> Json:
        """Turn a send's attachment into a message's: its type and its attachment.

        The two use different words for the kinds.
        """
        upload = self.uploads.get(wanted["uploadID"])
        if upload is None:
            raise invalid("body", "attachment", "uploadID", message="Unknown upload")
        mime = wanted.get("mimeType", upload.mime_type)
        kind = wanted.get("type") or mime.partition("/")[0]
        shown = {
            "image": "img",
            "gif": "img",
            "sticker": "img",
            "video": "video",
            "audio": "audio",
            "voice-note": "audio",
        }
        self.assets[upload.url] = upload
        return {
            "type": {"gif": "IMAGE", "voice-note": "VOICE"}.get(
                kind, kind.upper() if kind in shown else "FILE"
            ),
            "attachment": {
                "type": shown.get(kind, "unknown"),
                "id": upload.url,
                "srcURL": upload.path,
                "mimeType": mime,
                "fileName": wanted.get("fileName", upload.file_name),
                "fileSize": len(upload.data),
                "isGif": kind == "gif",
                "isSticker": kind == "sticker",
                "isVoiceNote": kind == "voice-note",
                **{key: wanted[key] for key in ("size", "duration") if key in wanted},
            },
        }

    def add_asset(
        self, data: bytes, file_name: str, mime_type: str
    ) -> tuple[str, Asset]:
        """Keep an uploaded file; return its upload id."""
        upload_id = f"upload-{next(self._numbers)}"
        asset = Asset(
            url=f"mxc://beeper.local/{upload_id}",
            path=f"file:///Users/sample/Beeper/media/{upload_id}",
            data=data,
            mime_type=mime_type,
            file_name=file_name,
        )
        self.uploads[upload_id] = asset
        return upload_id, asset

    def settle(self) -> None:
        """Let everything that is still under way happen now."""
        waiting, self._waiting = self._waiting, {}
        for timer, act in waiting.items():
            timer.cancel()
            act()

    def _new_message(
        self, chat: Chat, sender: Person, when: datetime | None
    ) -> Message:
        return Message(
            id="",
            chat_id=chat.id,
            account_id=chat.account_id,
            sender=sender,
            timestamp=when or self.now(),
            sort_key=next(self._sort_keys),
        )

    def _append(self, chat: Chat, message: Message) -> None:
        if message.confirmed:
            self._number(chat, message)
        chat.messages.append(message)
        chat.last_activity = max(chat.last_activity, message.timestamp)
        chat.unread_count += message.is_unread
        self._recent = None
        self._emit(Event(type="message.upserted", chat=chat, message=message))
        if message.is_unread:
            self.changed(chat)

    def _number(self, chat: Chat, message: Message) -> None:
        """Final ids are small numbers that repeat in every chat."""
        message.id, chat.next_message = str(chat.next_message), chat.next_message + 1

    def _confirm(self, chat: Chat, message: Message, delivery: Delivery) -> None:
        """Give the final id, then the outcome: two more upserts of an own message."""
        self._number(chat, message)
        message.confirmed = True
        self._emit(Event(type="message.upserted", chat=chat, message=message))
        status = "SUCCESS" if delivery == "ok" else delivery
        message.send_status = {
            "status": status,
            "timestamp": iso(self.now()),
            **_FAILURES.get(delivery, {}),
        }
        self._emit(Event(type="message.upserted", chat=chat, message=message))

    def _later(self, act: Callable[[], None]) -> None:
        def run() -> None:
            self._waiting.pop(timer, None)
            act()

        timer = asyncio.get_running_loop().call_later(self.confirm_after, run)
        self._waiting[timer] = act

    def _emit(self, event: Event) -> None:
        if self.accounts[event.chat.account_id].emits_events:
            self.listener(event)


def activity_key(chat: Chat) -> tuple[int, str]:
    """Order of chat lists: newest first, the id decides between equals."""
    return (-milliseconds(chat.last_activity), chat.id)
