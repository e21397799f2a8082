"""The state of a simulator and all operations on it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal

from .attachments import sent_attachment
from .deliveries import Deliveries
from .errors import ApiError, invalid, not_found
from .model import Account, Asset, Chat, Event, Json, Message, Person
from .pending import PendingActions
from .people import display_name
from .text import iso, markdown_to_html, milliseconds, plain_to_html
from .traits import Traits

MEDIA = "file:///Users/sample/Beeper/media/"
"""Folder of the files that a server serves."""


class World:
    """In-memory state, independent of HTTP and server generations."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.chats: dict[str, Chat] = {}
        self.assets: dict[str, Asset] = {}
        self.uploads: dict[str, Asset] = {}
        self.labels: dict[str, str] = {}
        """Label id → name."""
        self.focused: Json | None = None
        """The last focus request."""
        self.listener: Callable[[Event], None] = lambda event: None
        self.clock_skew = timedelta()
        self.confirm_after = 0.05
        """Seconds until the network confirms an own message."""
        self.traits = Traits()
        self.discovery_seconds = 1.0
        """Age in seconds at which a start finds a new chat (`new_chat_not_found`)."""
        self.hang_seconds = 180.0
        """Seconds until a hanging create fails (`network_hangs`)."""
        self.delivery_interval = 0.2
        """Seconds between deliveries (`slow_delivery`)."""
        self._local_ids: dict[str, Chat] = {}
        self._recent: list[Chat] | None = None
        self._numbers = count(1)
        self._sort_keys = count(821_744_079, 7)
        self.pending = PendingActions()
        self._deliveries = Deliveries(self)

    def now(self) -> datetime:
        """The server's clock."""
        return datetime.now(UTC) + self.clock_skew

    # People

    def account(self, account_id: str) -> Account:
        """Return an account. Raises ApiError 404."""
        if (account := self.accounts.get(account_id)) is None:
            raise not_found("Account")
        return account

    # Chats

    def chat(self, chat_id: str) -> Chat:
        """Return a chat by id or local id. Raises ApiError 404."""
        if (chat := self.chats.get(chat_id) or self._local_ids.get(chat_id)) is None:
            raise not_found("Chat")
        return chat

    def recent_chats(self) -> list[Chat]:
        """All chats, newest activity first; cached until a change."""
        if self._recent is None:
            self._recent = sorted(self.chats.values(), key=activity_key)
        return self._recent

    def sort(self) -> None:
        """Invalidate the cached order of the chats."""
        self._recent = None

    def direct_chat(self, account: Account, person: Person) -> Chat | None:
        """The newest direct chat with a person that a start finds."""
        if self.traits.has("chat_per_conversation", account.id):
            return None
        with_them = (
            chat
            for chat in self.chats.values()
            if chat.account_id == account.id
            and chat.type == "single"
            and not chat.merge
            and any(p.id == person.id for p in self._found_by(chat))
            and not (
                self.traits.has("new_chat_not_found", account.id) and self._is_new(chat)
            )
        )
        return min(with_them, key=activity_key, default=None)

    def _is_new(self, chat: Chat) -> bool:
        now = asyncio.get_running_loop().time()
        return chat.made_at is not None and now - chat.made_at < self.discovery_seconds

    def listed_members(self, chat: Chat) -> list[Person]:
        """The participants that are known already."""
        if self.traits.has(
            "new_chat_without_members", chat.account_id
        ) and self._is_new(chat):
            return [person for person in chat.participants if person.is_self]
        return chat.participants

    def _found_by(self, chat: Chat) -> list[Person]:
        """The people whose start request returns this chat."""
        if self.traits.has("abandoned_chat", chat.account_id):
            return [*chat.participants, *chat.former]
        return chat.participants

    def listed_chats(self) -> list[Chat]:
        """The chats of lists and searches, newest activity first."""
        return [chat for chat in self.recent_chats() if self._is_listed(chat)]

    def searched_chats(self) -> list[Chat]:
        """The chats whose messages a search finds: also members of merged chats."""
        return [
            chat
            for chat in self.recent_chats()
            if self._is_listed(chat, is_member_listed=True)
        ]

    def _is_listed(self, chat: Chat, *, is_member_listed: bool = False) -> bool:
        def has(name: str) -> bool:
            return self.traits.has(name, chat.account_id)

        return not (
            has("chats_loading")
            or has("logged_out_chats_vanish")
            or (
                has("merged_members_hidden")
                and chat.merged_into is not None
                and not is_member_listed
            )
            or (has("invitation") and chat.is_invitation)
        )

    def receiver(self, chat: Chat) -> Chat:
        """The chat that receives messages to `chat`: a member of a merged chat."""
        if not chat.merge:
            return chat
        if chat.merge_default and "merge_without_default" not in self.traits:
            return self.chat(chat.merge_default)
        return self.chat(chat.merge[0])

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
        """Create a chat with `people` and the user; strangers become contacts."""
        number = next(self._numbers)
        for person in people:
            account.contacts.setdefault(person.id, person)
        chat = Chat(
            id=chat_id or f"!room{number}:beeper.com",
            local_id=str(5600 + number),
            account_id=account.id,
            title=(title if kind == "group" and title else names(people)),
            type=kind,
            participants=[*people, account.user],
            last_activity=when or self.now(),
        )
        self.chats[chat.id] = self._local_ids[chat.local_id] = chat
        self._recent = None
        self.changed(chat)
        return chat

    def delete_chat(self, chat: Chat) -> None:
        """Delete a chat and its messages."""
        del self.chats[chat.id], self._local_ids[chat.local_id]
        self._recent = None
        self.emit(Event(type="chat.deleted", chat=chat))

    def renumber(self, chat: Chat, local_id: str) -> None:
        """Give a chat another local id; the old one is gone."""
        del self._local_ids[chat.local_id]
        chat.local_id = local_id
        self._local_ids[local_id] = chat
        self.changed(chat)

    def merge(self, members: list[Chat], chat_id: str | None = None) -> Chat:
        """Add an empty chat that merges others with one person."""
        account = self.accounts[members[0].account_id]
        people = [person for person in members[0].participants if not person.is_self]
        day_ago = self.now() - timedelta(days=1)
        chat = self.add_chat(account, people, chat_id=chat_id, when=day_ago)
        chat.merge = [member.id for member in members]
        chat.merge_default = members[-1].id
        for member in members:
            member.merged_into = chat.id
            chat.last_activity = max(chat.last_activity, member.last_activity)
            chat.unread_count += member.unread_count
            self.changed(member)
        self.sort()
        self.changed(chat)
        return chat

    def leave(self, chat: Chat, person: Person) -> None:
        """Remove a participant; the last one leaves an empty room."""
        chat.participants.remove(person)
        chat.former.append(person)
        if all(other.is_self for other in chat.participants):
            chat.title = f"Empty room (was {names(chat.former)})"
        self.changed(chat)

    def changed(self, chat: Chat) -> None:
        """Publish a change of a chat."""
        self.emit(Event(type="chat.upserted", chat=chat))

    def reopen(self, chat: Chat) -> None:
        """Unarchive a chat after `confirm_after`."""

        def act() -> None:
            chat.is_archived = False
            self.changed(chat)

        loop = asyncio.get_running_loop()
        self.pending.add(loop.time() + self.confirm_after, act)

    def renumber_chats(self) -> None:
        """Give each chat the local id of another one, as a new database does."""
        chats = [*self.chats.values()]
        numbers = [chat.local_id for chat in chats]
        for chat, number in zip(chats, [*numbers[1:], numbers[0]], strict=True):
            chat.local_id = number
            self._local_ids[number] = chat

    def recreate_chat(self, chat: Chat) -> Chat:
        """Replace a chat with a new one of the same people, as bridges do."""
        account = self.accounts[chat.account_id]
        new = self.add_chat(
            account,
            [person for person in chat.participants if not person.is_self],
            kind=chat.type,
            title=chat.title,
            when=chat.last_activity,
        )
        new.title = chat.title
        for message in chat.messages:
            message.chat_id, message.sort_key = new.id, next(self._sort_keys)
            self.number(new, message)
        new.messages, chat.messages = chat.messages, []
        self.delete_chat(chat)
        for message in new.messages:
            self.emit(Event(type="message.upserted", chat=new, message=message))
        return new

    # Accounts

    def rename_account(self, account: Account, account_id: str) -> None:
        """Change an account's id in all objects; its position stays."""
        old, account.id = account.id, account_id
        self.accounts = {item.id: item for item in self.accounts.values()}
        for chat in self.chats.values():
            if chat.account_id == old:
                chat.account_id = account_id
                for message in chat.messages:
                    message.account_id = account_id

    # Messages

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
        message = self._new_message(chat, sender, when)
        message.text, message.html = text, plain_to_html(text)
        message.is_unread = not sender.is_self
        self._append(chat, message)
        return message

    def membership(
        self, chat: Chat, person: Person, text: str, *, when: datetime | None = None
    ) -> Message:
        """Add a membership event."""
        message = self._new_message(chat, person, when)
        message.text, message.html = text, plain_to_html(text)
        message.type, message.is_membership = "NOTICE", True
        self._append(chat, message)
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
        message = self._new_message(chat, account.user, None)
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
        self._append(chat, message)
        self._deliveries.add(chat, message, delivery)
        return message

    def edit(self, chat: Chat, message: Message, text: str) -> None:
        """Change a message's text."""
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
            self.number(chat, message)
        chat.messages.append(message)
        chat.last_activity = max(chat.last_activity, message.timestamp)
        chat.unread_count += message.is_unread
        self._recent = None
        self.emit(Event(type="message.upserted", chat=chat, message=message))
        if message.is_unread:
            self.changed(chat)

    def number(self, chat: Chat, message: Message) -> None:
        """Assign the final id: a small number, unique only within the chat."""
        message.id, chat.next_message = str(chat.next_message), chat.next_message + 1

    def emit(self, event: Event) -> None:
        """Report an event, unless the account emits none."""
        if self.accounts[event.chat.account_id].emits_events:
            self.listener(event)


def names(people: list[Person]) -> str:
    """The computed title of a chat."""
    return ", ".join(display_name(person) for person in people if not person.is_self)


def activity_key(chat: Chat) -> tuple[int, str]:
    """Sort key of chat lists: newest first, then by id."""
    return (-milliseconds(chat.last_activity), chat.id)
