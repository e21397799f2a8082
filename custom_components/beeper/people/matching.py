"""Matching of names, numbers, handles, titles and IDs against people and chats.

Pure: nothing here reads from a server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
import re
from typing import Final

from ..api.identity import canonical_id
from ..api.models import Account, ListedChat, User, network_name, normalise_username
from ..api.phone_numbers import canonical_number, is_digits, is_e164, is_same_number
from .names import Name, without_spaces

type Key = tuple[str, str, str]
"""Account ID, kind of identity and its value."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s:]+\.[^@\s:.]+")
_NOTE_TITLES: Final = frozenset(
    ("note to self", "saved messages", "telegram saved messages", "message yourself")
)
"""Titles that bridges give the chat for notes to oneself, besides the user's name."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Rank(IntEnum):
    """How well a text matches, best first. Below WORDS nobody is selected."""

    IDENTITY = 0
    """An ID, phone number, email address or @handle: unique on a network."""
    EXACT = 1
    """A whole name, title or handle."""
    CHAT_NUMBER = 2
    """The number of a chat."""
    WORDS = 3
    """Whole words of a name or title."""
    PREFIX = 4
    CONTAINS = 5
    LOOSE = 6
    """A part of a phone number, handle or email address."""

    @property
    def selects(self) -> bool:
        """Whether the match is good enough to write to somebody."""
        return self <= Rank.WORDS


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


@dataclass(kw_only=True, repr=False, eq=False)
class SearchResult:
    """Matches, best first; `not_searched` lists accounts that returned an error."""

    matches: tuple[tuple[Rank, Candidate], ...]
    not_searched: tuple[str, ...]


@dataclass(kw_only=True, repr=False, eq=False)
class NameQuery:
    """A text to match. A phone number, email or @handle is never compared with names.

    `is_title`: a text such as 24.12.2026 or @home can be the title of a group, but not
    the name of a person.
    """

    text: str
    spoken: bool
    name: Name
    number: str | None
    email: str | None
    handle: str | None
    is_title: bool

    @classmethod
    def from_text(cls, text: str, *, spoken: bool = False) -> NameQuery:
        """Classify a text; `spoken` also ignores punctuation."""
        return cls(
            text=text,
            spoken=spoken,
            name=Name.from_text(text, spoken=spoken),
            number=text if is_e164(text) else None,
            email=text.casefold() if is_email(text) else None,
            handle=normalise_username(text) if text.startswith("@") else None,
            is_title=(text.startswith("@") and ":" not in text)
            or (is_digits(text) and not is_e164(text)),
        )

    def rank(self, candidate: Candidate) -> Rank | None:
        """Return how well a candidate matches, None for not at all."""
        users, chat = candidate.users, candidate.chat
        if (chat and self.text == chat.id) or any(
            self._identifies(user, candidate.id_scheme) for user in users
        ):
            return Rank.IDENTITY
        if (own := self._rank_own(candidate)) is not None:
            return own
        if not self.name.folded or (is_identity(self.text) and not self.is_title):
            return None
        if self.is_title:
            return self._rank_title(candidate)
        if any(
            self.text == user.id or (user.username and self._is_username(user.username))
            for user in users
        ):
            return Rank.EXACT
        # Usually a chat has the name of its person: prepare it only once, it is slow.
        texts = {user.full_name for user in users} | {chat.title if chat else None}
        ranks = [self._rank_name(text) for text in texts if text]
        rank = min((rank for rank in ranks if rank is not None), default=None)
        # A chat that everybody else has left is often named after them.
        if candidate.is_deserted and rank not in (None, Rank.EXACT):
            rank = Rank.LOOSE
        # A title can be a number as well.
        if rank is not Rank.EXACT and chat and self.text == chat.local_id:
            return Rank.CHAT_NUMBER
        return rank if rank is not None else self._rank_handles(users)

    def _rank_own(self, candidate: Candidate) -> Rank | None:
        """Return how well the user's own number or name matches."""
        for user in candidate.own:
            if self._identifies(user, candidate.id_scheme):
                return Rank.IDENTITY
            if self.is_named(user):
                return Rank.EXACT
        return None

    def is_named(self, user: User) -> bool:
        """Return whether this is the whole name or handle of a user."""
        if is_identity(self.text) or self.is_title:
            return self._identifies(user, None)
        return any(
            self._rank_name(name) is Rank.EXACT
            for name in (user.full_name, user.username)
            if name
        )

    def _rank_title(self, candidate: Candidate) -> Rank | None:
        chat = candidate.chat
        if (
            chat
            and chat.type == "group"
            and chat.title
            and self._rank_name(chat.title) is Rank.EXACT
        ):
            return Rank.EXACT
        if self.handle is not None:
            return None
        return self._rank_handles(candidate.users)

    def _rank_handles(self, users: Iterable[User]) -> Rank | None:
        handles = (
            handle
            for user in users
            for handle in (user.username, user.phone_number, user.email)
            if handle
        )
        return (
            Rank.LOOSE
            if any(self.name.folded in without_spaces(handle) for handle in handles)
            else None
        )

    def _identifies(self, user: User, id_scheme: str | None) -> bool:
        if self.text == user.id:
            # An ID without a sign of one, such as "kim" or "5601", can be a name or the
            # number of a chat.
            return not {*":@#"}.isdisjoint(self.text)
        if self.number:
            number = user.known_number(id_scheme)
            return number is not None and is_same_number(number, self.number)
        if self.email:
            return (user.email or "").casefold() == self.email
        return bool(
            self.handle is not None
            and user.username
            and normalise_username(user.username) == self.handle
        )

    def _is_username(self, username: str) -> bool:
        if self.spoken:
            return Name.from_text(username, spoken=True).exact == self.name.exact
        return normalise_username(username) == normalise_username(self.text)

    def _rank_name(self, text: str) -> Rank | None:
        name = Name.from_text(text, spoken=self.spoken)
        if name.exact == self.name.exact:
            return Rank.EXACT
        if name.has_words_of(self.name):
            return Rank.WORDS
        if name.folded.startswith(self.name.folded):
            return Rank.PREFIX
        return Rank.CONTAINS if self.name.folded in name.folded else None


class Identities:
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
    identities = Identities(accounts)
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

    A new chat may not list its other person yet, and one that they have left does not
    either: the title tells.
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


def rank_candidates(
    candidates: Iterable[Candidate], query: NameQuery
) -> list[tuple[Rank, Candidate]]:
    """Return all matches, the best first, then the last active.

    Several chats with one person are one match, the latest of those that match best.
    """
    ranked = [
        (rank, candidate)
        for candidate in candidates
        if (rank := query.rank(candidate)) is not None
    ]
    ranked.sort(key=lambda match: match[1].last_activity or _LONG_AGO, reverse=True)
    ranked.sort(key=lambda match: match[0])
    with_chat = [
        candidate for _, candidate in ranked if candidate.users and candidate.chat
    ]
    outranked = {
        id(candidate)
        for _, *others in group_by_person(with_chat)
        for candidate in others
    }
    return [match for match in ranked if id(match[1]) not in outranked]


def select_best(
    ranked: Iterable[tuple[Rank, Candidate]],
) -> list[Candidate]:
    """Return the matches of the best rank, none if that selects nobody."""
    ranked = list(ranked)
    if not ranked or not ranked[0][0].selects:
        return []
    best = ranked[0][0]
    return [candidate for rank, candidate in ranked if rank is best]


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


def is_identity(text: str) -> bool:
    """Return whether a text is a @handle, a phone number or an email address."""
    return text.startswith("@") or is_e164(text) or is_email(text)


def is_email(text: str) -> bool:
    """Return whether a text is an email address; Matrix IDs start with an @.

    Kids@School is a title.
    """
    return not text.startswith("@") and bool(_EMAIL.fullmatch(text))
