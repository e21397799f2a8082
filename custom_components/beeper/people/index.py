"""The people and chats of a server as last read, prepared for searching.

In memory only. Pure: nothing here reads from a server.
"""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Final

from ..api.models import Account, ListedChat, User
from .candidates import AccountUsers, Candidate, Key, find_candidates
from .matching import NameQuery
from .names import letters

type _RowId = str | tuple[str, str]
"""A chat ID, or the account ID and user ID of a contact."""

_FIELDS: Final = tuple(field.name for field in fields(ListedChat))

_COMPARED_DIGITS: Final = 7
"""The last digits of a phone number: they are the same in all forms of it."""


class PeopleIndex:
    """Finds the few rows that can match a text, so that only they are compared.

    A row is a chat or a contact. What is found is what comparing all rows would find.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        """Start empty; `accounts` determine which identities belong to one person."""
        self.accounts = accounts
        self.has_chats = False
        """Whether all chats were read."""
        self.listed: set[str] = set()
        """Accounts whose contacts were read."""
        self.not_searched: set[str] = set()
        """Accounts whose contacts could not be read."""
        self._identities = AccountUsers(accounts)
        self._chats: dict[str, ListedChat] = {}
        self._contacts: dict[str, dict[str, User]] = {}
        self._texts: dict[_RowId, str] = {}
        self._rows_by_key: dict[Key, tuple[_RowId, ...]] = {}
        self._joined: str | None = None
        self._row_ids: list[_RowId] = []
        self._starts = array("L")

    def has_contacts(self, account_id: str) -> bool:
        """Return whether an account's contacts were read, or cannot be read."""
        return account_id in self.listed or account_id in self.not_searched

    def set_chat(self, chat: ListedChat) -> None:
        """Add or replace a chat."""
        known = self._chats.get(chat.id)
        self._chats[chat.id] = self._compact(chat)
        texts, keys = self._texts_and_keys(chat)
        if known is not None:
            if (texts, keys) == self._texts_and_keys(known):
                return
            self._remove_keys(chat.id, self._texts_and_keys(known)[1])
        self._add_row(chat.id, texts, keys)

    def keep_chats(self, chat_ids: Collection[str]) -> None:
        """Remove all other chats: these are all there are."""
        for chat_id in self._chats.keys() - {*chat_ids}:
            self.remove_chat(chat_id)
        self.has_chats = True

    def remove_chat(self, chat_id: str) -> None:
        """Remove a chat if it is known."""
        if chat := self._chats.pop(chat_id, None):
            self._remove_row(chat_id, self._texts_and_keys(chat)[1])

    def set_contact(self, account_id: str, user: User) -> None:
        """Add or replace a contact."""
        contacts = self._contacts.setdefault(account_id, {})
        known = contacts.get(user.id)
        contacts[user.id] = user
        texts, keys = _texts(user), self._identities.keys(account_id, user)
        if known is not None:
            known_keys = self._identities.keys(account_id, known)
            if (texts, keys) == (_texts(known), known_keys):
                return
            self._remove_keys((account_id, user.id), known_keys)
        self._add_row((account_id, user.id), texts, keys)

    def keep_contacts(self, account_id: str, user_ids: Collection[str]) -> None:
        """Remove an account's other contacts: these are all there are."""
        contacts = self._contacts.setdefault(account_id, {})
        for user_id in contacts.keys() - {*user_ids}:
            keys = self._identities.keys(account_id, contacts.pop(user_id))
            self._remove_row((account_id, user_id), keys)
        self.listed.add(account_id)
        self.not_searched.discard(account_id)

    def candidates(
        self, query: NameQuery, account_id: str | None, *, contacts: bool
    ) -> list[Candidate]:
        """Return everybody who can match a text, in one or all accounts.

        All rows of these people are used, without `contacts` only chats.
        """
        found = dict.fromkeys(self._matching(query))
        pending = [*found]
        while pending:
            for key in self._keys(pending.pop()):
                new = [
                    row_id
                    for row_id in self._rows_by_key.get(key, ())
                    if row_id not in found
                ]
                found |= dict.fromkeys(new)
                pending += new
        chats = [self._chats[row_id] for row_id in found if isinstance(row_id, str)]
        return find_candidates(
            self.accounts,
            [
                chat
                for chat in chats
                # A merged chat replaces its members.
                if chat.merged_into_id not in self._chats
                and account_id in (None, chat.account_id)
            ],
            [
                (row_id[0], self._contacts[row_id[0]][row_id[1]])
                for row_id in found
                if contacts
                and not isinstance(row_id, str)
                and account_id in (None, row_id[0])
            ],
        )

    def _matching(self, query: NameQuery) -> Iterator[_RowId]:
        """Yield the rows that contain the letters and digits of a text."""
        searched = letters(query.text)
        if query.number:
            searched = searched[-_COMPARED_DIGITS:]
        if self._joined is None:
            self._row_ids = [*self._texts]
            self._joined = "\n\n".join(self._texts.values())
            self._starts = array("L", [0])
            for text in self._texts.values():
                self._starts.append(self._starts[-1] + len(text) + 2)
        position = self._joined.find(searched)
        while position >= 0:
            row = bisect_right(self._starts, position) - 1
            if row >= len(self._row_ids):
                return
            yield self._row_ids[row]
            position = self._joined.find(searched, self._starts[row + 1])

    def _compact(self, chat: ListedChat) -> ListedChat:
        """Return only what searching needs: one other person of a group is enough."""
        people = chat.participants
        if chat.type != "single":
            others = self._identities.others(chat.account_id or "", people)
            people = tuple(others[:1]) or people[:1]
        return ListedChat(
            **{name: getattr(chat, name) for name in _FIELDS} | {"participants": people}
        )

    def _texts_and_keys(self, chat: ListedChat) -> tuple[list[str | None], set[Key]]:
        """Return the texts that find a chat, and the keys of a direct chat's person."""
        texts = [chat.id, chat.local_id, chat.title]
        keys: set[Key] = set()
        if chat.type == "single":
            account_id = chat.account_id or ""
            others = self._identities.others(account_id, chat.participants)
            for user in others:
                texts += _texts(user)
                keys |= self._identities.keys(account_id, user)
            if not others:  # It may be for notes to oneself.
                account = self._identities.account(account_id)
                own = [account.user] if account and account.user else []
                for user in (*own, *chat.participants):
                    texts += _texts(user)
        return texts, keys

    def _keys(self, row_id: _RowId) -> set[Key]:
        if isinstance(row_id, str):
            return self._texts_and_keys(self._chats[row_id])[1]
        account_id, user_id = row_id
        return self._identities.keys(account_id, self._contacts[account_id][user_id])

    def _add_row(
        self, row_id: _RowId, texts: Iterable[str | None], keys: Iterable[Key]
    ) -> None:
        unique = dict.fromkeys(letters(text) for text in texts if text)
        # Words on both sides of an address are next to each other.
        unique |= dict.fromkeys(
            letters(_without_addresses(text)) for text in texts if text and "@" in text
        )
        self._texts[row_id] = "\n".join(unique)
        for key in keys:
            self._rows_by_key[key] = (*self._rows_by_key.get(key, ()), row_id)
        self._joined = None

    def _remove_row(self, row_id: _RowId, keys: Iterable[Key]) -> None:
        del self._texts[row_id]
        self._remove_keys(row_id, keys)
        self._joined = None

    def _remove_keys(self, row_id: _RowId, keys: Iterable[Key]) -> None:
        for key in keys:
            others = tuple(other for other in self._rows_by_key[key] if other != row_id)
            if others:
                self._rows_by_key[key] = others
            else:
                del self._rows_by_key[key]


def _texts(user: User) -> list[str | None]:
    return [user.full_name, user.username, user.phone_number, user.email, user.id]


def _without_addresses(text: str) -> str:
    return " ".join(word for word in text.split() if "@" not in word)
