"""Candidates: the people and chats of a server, each person listed once.

Pure: nothing here reads from a server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..api.models import Account, ListedChat, User, network_name
from ..api.phone_numbers import canonical_number
from ..api.user_ids import canonical_id
from .names import without_spaces

type Key = tuple[str, str, str]
"""Account ID, kind of identity and its value."""

_NOTE_TITLES: Final = frozenset(
    ("note to self", "saved messages", "telegram saved messages", "message yourself")
)
"""Titles that bridges give the chat for notes to oneself, besides the user's name."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Candidate:
    """A person, a direct chat with one, or a group.

    `users` are that person as the chat and the contacts list them; the IDs can differ.
    Empty for groups.
    """

    account_id: str
    network: str
    users: tuple[User, ...]
    chat: ListedChat | None
    id_scheme: str | None = None
    is_deserted: bool = False
    """Whether nobody but the user is in the chat."""
    own: tuple[User, ...] = ()
    """The user, if this may be the chat for notes to themselves."""

    @property
    def name(self) -> str | None:
        """The display name, None if unknown."""
        names = [user.name for user in reversed(self.users)]
        return next(
            (name for name in (self.chat and self.chat.title, *names) if name), None
        )

    @property
    def last_activity(self) -> datetime | None:
        """Time of the last activity in the chat, None without a chat."""
        return self.chat.last_activity if self.chat else None

    @property
    def keys(self) -> set[Key]:
        """What identifies the person: IDs and phone numbers, never names."""
        return {
            key
            for user in self.users
            for key in _keys(self.account_id, user, self.id_scheme)
        }


class AccountUsers:
    """Which users are the signed-in user, and which are the same person."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        """Take them from the accounts of a server."""
        self._accounts = {account.account_id: account for account in accounts}
        self._own = {
            (account.account_id, account.user.id)
            for account in self._accounts.values()
            if account.user
        }

    def account(self, account_id: str) -> Account | None:
        """Return an account, None if it is not listed."""
        return self._accounts.get(account_id)

    def others(self, account_id: str, users: Iterable[User]) -> list[User]:
        """Return the users who are neither the signed-in user nor a network's bot."""
        return [
            user
            for user in users
            if not (
                user.is_self
                or user.is_network_bot
                or (account_id, user.id) in self._own
            )
        ]

    def keys(self, account_id: str, user: User) -> set[Key]:
        """Return what identifies a user: the ID and the phone number, never names."""
        account = self._accounts.get(account_id)
        return _keys(account_id, user, account.id_scheme if account else None)


def find_candidates(
    accounts: Iterable[Account],
    chats: Iterable[ListedChat],
    contacts: Iterable[tuple[str, User]],
) -> list[Candidate]:
    """Combine chats and contacts: a contact with a direct chat is listed once.

    `contacts` come with their account ID.
    """
    identities = AccountUsers(accounts)
    others, keys = identities.others, identities.keys
    rows: list[_Row] = []
    rows_by_key: dict[Key, list[_Row]] = {}
    for chat in chats:
        account_id = chat.account_id or ""
        people = others(account_id, chat.participants)
        row = _Row(
            account_id=account_id,
            chat=chat,
            users=people if chat.type == "single" and len(people) == 1 else [],
            is_deserted=bool(chat.participants) and not people,
            own=_own_users(chat, identities.account(account_id)) if not people else (),
        )
        rows.append(row)
        for user in row.users:
            for key in keys(account_id, user):
                rows_by_key.setdefault(key, []).append(row)
    seen: set[tuple[str, str]] = set()
    for account_id, user in contacts:
        if (account_id, user.id) in seen or not others(account_id, [user]):
            continue
        seen.add((account_id, user.id))
        same = {
            id(row): row
            for key in keys(account_id, user)
            for row in rows_by_key.get(key, ())
        }
        for row in same.values():
            row.users.append(user)
        if not same:
            rows.append(_Row(account_id=account_id, users=[user]))
    return [row.candidate(identities.account(row.account_id)) for row in rows]


@dataclass(kw_only=True, repr=False, eq=False)
class _Row:
    account_id: str
    chat: ListedChat | None = None
    users: list[User]
    is_deserted: bool = False
    own: tuple[User, ...] = ()

    def candidate(self, account: Account | None) -> Candidate:
        network = (self.chat and self.chat.network) or (account and account.name)
        return Candidate(
            account_id=self.account_id,
            network=network or network_name(self.account_id),
            users=tuple(self.users),
            chat=self.chat,
            id_scheme=account.id_scheme if account else None,
            is_deserted=self.is_deserted,
            own=self.own,
        )


def _own_users(chat: ListedChat, account: Account | None) -> tuple[User, ...]:
    """Return the user as the account and the chat list them; empty for other chats.

    A new chat may not list its other person yet, nor does one that they have left. So
    the title decides.
    """
    if chat.type != "single" or not chat.participants:
        return ()
    own = account.user if account else None
    users = (*((own,) if own else ()), *chat.participants)
    title = without_spaces(chat.title or "")
    names = {
        without_spaces(name)
        for user in users
        for name in (user.full_name, user.username, user.phone_number, user.email)
        if name
    }
    is_own = title in names | {"", *map(without_spaces, _NOTE_TITLES)} or any(
        title == without_spaces(f"{name} (you)") for name in names
    )
    return users if is_own else ()


def group_by_person(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Group the candidates that share an ID or a phone number, in their order."""
    groups: dict[Key, list[Candidate]] = {}
    order: dict[int, int] = {}
    for index, candidate in enumerate(candidates):
        order[id(candidate)] = index
        known = [groups[key] for key in candidate.keys if key in groups]
        group = [
            candidate,
            *{id(other): other for others in known for other in others}.values(),
        ]
        for key in {key for member in group for key in member.keys}:
            groups[key] = group
    unique = {id(group): group for group in groups.values()}.values()
    return [sorted(group, key=lambda member: order[id(member)]) for group in unique]


def is_one_person(users: Iterable[User], id_scheme: str | None) -> bool:
    """Return whether users of one group agree on their ID or on their phone number."""
    users = list(users)
    ids = {canonical_id(user.id, id_scheme) for user in users}
    numbers = {
        canonical_number(number)
        for user in users
        if (number := user.known_number(id_scheme))
    }
    return len(ids) == 1 or len(numbers) == 1


def _keys(account_id: str, user: User, id_scheme: str | None) -> set[Key]:
    keys = {(account_id, "id", canonical_id(user.id, id_scheme))}
    if number := user.known_number(id_scheme):
        keys.add((account_id, "phone_number", canonical_number(number)))
    return keys
