"""The accounts and chats of a simulator, and all operations on them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Literal

from .errors import not_found
from .model import Account, Chat, Event, Message, Person
from .pending import PendingActions
from .people import display_name
from .text import milliseconds
from .traits import Traits


class Chats:
    """The part of the state without messages, files and requests."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.chats: dict[str, Chat] = {}
        self.labels: dict[str, str] = {}
        """Label id → name."""
        self.listener: Callable[[Event], None] = lambda event: None
        self.clock_skew = timedelta()
        self.network_skew: timedelta | None = None
        """Offset of the clock of own messages; None: they go by the server's."""
        self.confirm_after = 0.05
        """Seconds until the network confirms an own message."""
        self.traits = Traits()
        self.discovery_seconds = 1.0
        """Age in seconds at which a start finds a new chat (`new_chat_not_found`)."""
        self.pending = PendingActions()
        self._local_ids: dict[str, Chat] = {}
        self._recent: list[Chat] | None = None
        self._numbers = count(1)
        self._sort_keys = count(821_744_079, 7)

    def continue_ids(self, earlier: Chats) -> None:
        """Give no ID that an earlier state of the same server has given."""
        if earlier.accounts:
            self._numbers, self._sort_keys = earlier._numbers, earlier._sort_keys

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
            and any(self._is_found(account, p, person) for p in self._found_by(chat))
            and not (
                self.traits.has("new_chat_not_found", account.id) and self._is_new(chat)
            )
        )
        return min(with_them, key=activity_key, default=None)

    def _is_found(self, account: Account, listed: Person, person: Person) -> bool:
        if self.traits.has("homeservers_ignored", account.id):
            return _localpart(listed) == _localpart(person)
        return listed.id == person.id

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


def _localpart(person: Person) -> str:
    return person.id.partition(":")[0].casefold()
