"""Matching of names, numbers, handles, titles and IDs against people and chats.

Pure: nothing here reads from a server.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
import re
from typing import Final
import unicodedata

from ..api.models import Account, ListedChat, User

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s:]+")
_DOTS: Final = re.compile(r"(?<=\d)(\.)\.*(?=\d)|\.+")


class Rank(IntEnum):
    """How well a text matches, best first. LOOSE never selects anybody."""

    IDENTITY = 0
    """An ID, phone number, email address or @handle: unique on a network."""
    EXACT = 1
    """A whole name, title or handle, or the number of a chat."""
    PREFIX = 2
    CONTAINS = 3
    LOOSE = 4
    """A part of a phone number, handle or email address."""


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
    def keys(self) -> set[tuple[str, str]]:
        """Account ID with each ID and phone number of the person, never a name."""
        return {key for user in self.users for key in _keys(self.account_id, user)}


@dataclass(kw_only=True, repr=False, eq=False)
class SearchResult:
    """Matches, best first; `not_searched` lists accounts that returned an error."""

    matches: tuple[tuple[Rank, Candidate], ...]
    not_searched: tuple[str, ...]


@dataclass(kw_only=True, repr=False, eq=False)
class NameQuery:
    """A text to match. A phone number, email or @handle is never compared with names.

    `fold` maps spellings of the same name to one text.
    """

    text: str
    fold: Callable[[str], str]
    folded: str
    number: str | None
    email: str | None
    handle: str | None

    @classmethod
    def from_text(cls, text: str, *, spoken: bool = False) -> NameQuery:
        """Classify a text; `spoken` ignores punctuation, too."""
        fold_name = _fold_spoken if spoken and _fold_spoken(text) else fold
        return cls(
            text=text,
            fold=fold_name,
            folded=fold_name(text),
            number=text if is_number(text) else None,
            email=text.casefold() if is_email(text) else None,
            handle=fold(text[1:]) if text.startswith("@") else None,
        )

    def rank(self, candidate: Candidate) -> Rank | None:
        """Return how well a candidate matches, None for not at all."""
        users, chat = candidate.users, candidate.chat
        if (chat and self.text == chat.id) or any(map(self._identifies, users)):
            return Rank.IDENTITY
        if is_identity(self.text) or not self.folded:
            return None
        # A title can be a number as well: then both match exactly.
        if chat and self.text == chat.local_id:
            return Rank.EXACT
        # Usually a chat has the name of its person: fold it only once, folding is slow.
        texts = {user.full_name for user in users} | {chat.title if chat else None}
        names = [self.fold(text) for text in texts if text]
        if self.folded in names or any(
            self.folded == self.fold(user.username) for user in users if user.username
        ):
            return Rank.EXACT
        if any(name.startswith(self.folded) for name in names):
            return Rank.PREFIX
        if any(self.folded in name for name in names):
            return Rank.CONTAINS
        handles = (
            handle
            for user in users
            for handle in (user.username, user.phone_number, user.email)
            if handle
        )
        return (
            Rank.LOOSE
            if any(self.folded in self.fold(handle) for handle in handles)
            else None
        )

    def _identifies(self, user: User) -> bool:
        if self.text == user.id:
            return True
        if self.number:
            # Digits in the ID prove nothing: on some networks they mean somebody else.
            return user.phone_number == self.number
        if self.email:
            return (user.email or "").casefold() == self.email
        return bool(
            self.handle is not None
            and user.username
            and fold(user.username.removeprefix("@")) == self.handle
        )


def fold(text: str) -> str:
    """Return a text without case, accents and spaces."""
    if text.isascii():
        return "".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = (
        char for char in unicodedata.normalize("NFKD", plain) if not _is_ignored(char)
    )
    return unicodedata.normalize("NFC", "".join(letters))


def _fold_spoken(text: str) -> str:
    """Return a folded text without punctuation, which speech does not carry.

    Any punctuation between digits becomes a dot: "Flat 1/2" is not "Flat 12".
    """
    dotted = "".join(
        "." if unicodedata.category(char)[0] == "P" or char in "`ʼ" else char
        for char in fold(text)
    )
    return _DOTS.sub(lambda dots: "." if dots[1] else "", dotted)


def _is_ignored(char: str) -> bool:
    """Return whether a name stays the same without this character.

    Marks that change the letter itself, as in Devanagari or Japanese, are kept.
    """
    accent = unicodedata.combining(char)
    return (
        10 <= accent <= 35
        or accent >= 200
        or "\ufe00" <= char <= "\ufe0f"  # variation selectors of emoji
        or char.isspace()
        or unicodedata.category(char) in ("Cf", "Cc")
    )


def find_candidates(
    accounts: Iterable[Account],
    chats: Iterable[ListedChat],
    contacts: Iterable[tuple[str, User]],
) -> list[Candidate]:
    """Combine chats and contacts: a contact with a direct chat is listed once.

    `contacts` come with their account ID.
    """
    accounts = tuple(accounts)
    names = {account.account_id: account.name for account in accounts}
    own = {
        (account.account_id, account.user.id) for account in accounts if account.user
    }

    def others(account_id: str, users: Iterable[User]) -> list[User]:
        return [
            user
            for user in users
            if not (user.is_self or user.is_network_bot or (account_id, user.id) in own)
        ]

    rows: list[tuple[str, ListedChat | None, list[User]]] = []
    rows_by_key: dict[tuple[str, str], list[int]] = {}
    for chat in chats:
        account_id = chat.account_id or ""
        people = others(account_id, chat.participants)
        if chat.type != "single" or len(people) != 1:
            people = []
        for user in people:
            for key in _keys(account_id, user):
                rows_by_key.setdefault(key, []).append(len(rows))
        rows.append((account_id, chat, people))
    seen: set[tuple[str, str]] = set()
    for account_id, user in contacts:
        if (account_id, user.id) in seen or not others(account_id, [user]):
            continue
        seen.add((account_id, user.id))
        indexes = {
            index
            for key in _keys(account_id, user)
            for index in rows_by_key.get(key, ())
        }
        for index in indexes:
            rows[index][2].append(user)
        if not indexes:
            rows.append((account_id, None, [user]))
    return [
        Candidate(
            account_id=account_id,
            network=(chat and chat.network)
            or names.get(account_id)
            or (account_id if chat else account_id.partition(".")[0]),
            users=tuple(users),
            chat=chat,
        )
        for account_id, chat, users in rows
    ]


def select_best(candidates: Iterable[Candidate], text: str) -> list[Candidate]:
    """Return the candidates of the best rank, none if that is LOOSE."""
    query = NameQuery.from_text(text)
    ranked = [(query.rank(candidate), candidate) for candidate in candidates]
    best = min((rank for rank, _ in ranked if rank is not None), default=Rank.LOOSE)
    if best is Rank.LOOSE:
        return []
    return [candidate for rank, candidate in ranked if rank is best]


def group_by_person(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Group the candidates that share an ID or a phone number."""
    persons: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in candidates:
        known = [persons[key] for key in candidate.keys if key in persons]
        same = [
            candidate,
            *{id(other): other for others in known for other in others}.values(),
        ]
        for key in {key for member in same for key in member.keys}:
            persons[key] = same
    return list({id(same): same for same in persons.values()}.values())


def _keys(account_id: str, user: User) -> set[tuple[str, str]]:
    keys = {(account_id, user.id)}
    if user.phone_number:
        keys.add((account_id, user.phone_number))
    return keys


def is_identity(text: str) -> bool:
    """Return whether a text is a @handle, a phone number or an email address."""
    return text.startswith("@") or is_number(text) or is_email(text)


def is_number(text: str) -> bool:
    """Return whether a text is an E.164 phone number."""
    return bool(_E164.fullmatch(text))


def is_email(text: str) -> bool:
    """Return whether a text is an email address; Matrix IDs start with an @."""
    return not text.startswith("@") and bool(_EMAIL.fullmatch(text))
