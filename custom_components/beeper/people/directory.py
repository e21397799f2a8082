"""A name, number, handle, title or id to exactly one person or chat, or a refusal.

Reads only, and remembers nothing: whoever is called otherwise by now must not be found
by an old name. What fits several is refused, never guessed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import partial
import re
from typing import Any, Final
import unicodedata

from homeassistant.exceptions import ServiceValidationError

from .. import errors
from ..api.exceptions import (
    AnswerError,
    AuthenticationError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
)
from ..api.models import ChatType, ListedChat, Page, StartUser, User
from ..api.pages import pages
from ..server import Server

MAX_LISTED: Final = 50

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_MAX_PAGES: Final = 500
_TIMEOUT: Final = 30
"""Seconds for all pages together."""

_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s:]+")
_DOTS: Final = re.compile(r"(?<=\d)(\.)\.*(?=\d)|\.+")


class Rank(IntEnum):
    """How well a text fits, the best first; LOOSE never decides who is meant."""

    IDENTITY = 0
    """An id, phone number, address or @handle: what networks keep unique."""
    EXACT = 1
    """A name, title or handle, or the number of a chat."""
    PREFIX = 2
    CONTAINS = 3
    LOOSE = 4
    """A part of a number, handle or address."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Candidate:
    """A person, a direct chat with one, or a group.

    `users` are that person as the chat and as the contacts have them: ids of one
    person can differ. Empty for groups.
    """

    account_id: str
    network: str
    users: tuple[User, ...]
    chat: ListedChat | None

    @property
    def name(self) -> str | None:
        """What it is called, None if nobody knows."""
        names = [user.name for user in reversed(self.users)]
        return next(
            (name for name in (self.chat and self.chat.title, *names) if name), None
        )

    @property
    def last_activity(self) -> datetime | None:
        """When something happened in the chat; None without one."""
        return self.chat.last_activity if self.chat else None

    @property
    def keys(self) -> set[tuple[str, str]]:
        """By what a person is recognised in an account: ids and numbers, never names."""
        return {key for user in self.users for key in _keys(self.account_id, user)}


@dataclass(kw_only=True, repr=False, eq=False)
class Found:
    """What fits a text, the best first; `not_searched` are accounts without an answer."""

    matches: tuple[tuple[Rank, Candidate], ...]
    not_searched: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Person:
    """Who was meant by `given`.

    `user` holds what is known to stay the same. `id` is empty where nothing was read,
    as the server itself knows whom a number or an address means.
    """

    given: str
    user: StartUser
    id: str = ""
    name: str | None = None


@dataclass(kw_only=True, repr=False, eq=False)
class _Wanted:
    """A text to look for. One that is an identity is never compared with names.

    `fold` makes one of what is to be taken for the same name.
    """

    text: str
    fold: Callable[[str], str]
    folded: str
    number: str | None
    email: str | None
    handle: str | None

    @classmethod
    def from_text(cls, text: str, *, spoken: bool = False) -> _Wanted:
        fold_name = _fold_spoken if spoken and _fold_spoken(text) else fold
        return cls(
            text=text,
            fold=fold_name,
            folded=fold_name(text),
            number=text if _is_number(text) else None,
            email=text.casefold() if _is_email(text) else None,
            handle=fold(text[1:]) if text.startswith("@") else None,
        )

    @property
    def is_identity(self) -> bool:
        return not (self.number is None and self.email is None and self.handle is None)

    def rank(self, candidate: Candidate) -> Rank | None:
        """Tell how well a candidate fits, None for not at all."""
        users, chat = candidate.users, candidate.chat
        if (chat and self.text == chat.id) or any(map(self._identifies, users)):
            return Rank.IDENTITY
        if self.is_identity or not self.folded:
            return None
        # A title can be a number, too, and then it is not clear which is meant.
        if chat and self.text == chat.local_id:
            return Rank.EXACT
        # Mostly a chat is called like its person: folding is what takes time here.
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
            if any(self.folded in self.fold(each) for each in handles)
            else None
        )

    def _identifies(self, user: User) -> bool:
        if self.text == user.id:
            return True
        if self.number:
            # Not by its id: on some networks that is another number.
            return user.phone_number == self.number
        if self.email:
            return (user.email or "").casefold() == self.email
        return bool(
            self.handle is not None
            and user.username
            and fold(user.username.removeprefix("@")) == self.handle
        )


def fold(text: str) -> str:
    """Return what is left of a text without case, accents and spaces."""
    if text.isascii():
        return "".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = (
        char for char in unicodedata.normalize("NFKD", plain) if not _is_ignored(char)
    )
    return unicodedata.normalize("NFC", "".join(letters))


def _fold_spoken(text: str) -> str:
    """Return what is left without punctuation, too: nobody hears it.

    Between digits something stays, whatever it was: "Flat 1/2" is not "Flat 12".
    """
    dotted = "".join(
        "." if unicodedata.category(char)[0] == "P" or char in "`ʼ" else char
        for char in fold(text)
    )
    return _DOTS.sub(lambda dots: "." if dots[1] else "", dotted)


def _is_ignored(char: str) -> bool:
    """Tell whether a character makes no other name of it.

    Marks that change a letter itself, as in Devanagari or Japanese, do.
    """
    accent = unicodedata.combining(char)
    return (
        10 <= accent <= 35
        or accent >= 200
        or "\ufe00" <= char <= "\ufe0f"  # how an emoji is drawn
        or char.isspace()
        or unicodedata.category(char) in ("Cf", "Cc")
    )


async def find(
    server: Server,
    account_id: str | None,
    text: str,
    *,
    spoken: bool = False,
) -> Found:
    """Find people and chats of an account, None for all accounts.

    The default account works, but need not be listed. If a named account gives no
    answer that is an error, else it is told; only its network is asked for strangers.
    `spoken`: whoever said the text may have meant any punctuation. Raises BeeperError.
    """
    wanted = _Wanted.from_text(text, spoken=spoken)
    listed = [
        *(account.account_id for account in server.accounts),
        server.default_account_id,
    ]
    searched = [account_id] if account_id else [*dict.fromkeys(listed)]
    not_searched: list[str] = []

    async def contacts(searched_id: str) -> list[tuple[str, User]]:
        try:
            found = await _contacts(
                server, searched_id, [text], ask_network=account_id is not None
            )
        except AuthenticationError, ForbiddenError:
            raise
        except AnswerError:
            if account_id:
                raise
            not_searched.append(searched_id)
            return []
        return [(searched_id, user) for user in found]

    chats, *people = await _together(
        _chats(server, account_id, None), *map(contacts, searched)
    )
    candidates = _candidates(server, chats, [each for some in people for each in some])
    ranked = [
        (rank, candidate)
        for candidate in candidates
        if (rank := wanted.rank(candidate)) is not None
    ]
    ranked.sort(key=lambda match: match[1].last_activity or _LONG_AGO, reverse=True)
    ranked.sort(key=lambda match: match[0])
    return Found(matches=tuple(ranked), not_searched=tuple(sorted(not_searched)))


async def find_chats(server: Server, text: str) -> list[ListedChat]:
    """Return the chats whose title or person fits. Raises BeeperError."""
    wanted = _Wanted.from_text(text)
    candidates = _candidates(server, await _chats(server, None, None), [])
    return [
        candidate.chat
        for candidate in candidates
        if candidate.chat and wanted.rank(candidate) is not None
    ]


async def resolve_recipient(
    server: Server,
    account_id: str,
    text: str,
    *,
    field: str,
) -> Person:
    """Return the one person of an account that is meant.

    Numbers and addresses are left to the server: whom they mean is certain, and they
    need not be contacts. Raises BeeperError, or a translated ServiceValidationError.
    """
    if stranger := as_stranger(text):
        return stranger
    people = await _people(server, account_id, [text])
    return _one_person(people, text, field=field)


def as_stranger(text: str) -> Person | None:
    """Return whom a number or an address means, None for anything else."""
    if _is_number(text):
        return Person(given=text, user=StartUser(phone_number=text))
    if _is_email(text):
        return Person(given=text, user=StartUser(email=text))
    return None


async def resolve_participants(
    server: Server,
    account_id: str,
    texts: Collection[str],
    *,
    field: str,
) -> list[Person]:
    """Return the people of an account that are meant, each with an id.

    Raises as `resolve_recipient`.
    """
    people = await _people(server, account_id, texts)
    return [
        _one_person(people, text, field=f"{field}.{index}")
        for index, text in enumerate(texts)
    ]


async def resolve_chat(
    server: Server,
    account_id: str | None,
    text: str,
    *,
    field: str,
) -> ListedChat:
    """Return the one chat that is meant, of an account or of all.

    Raises as `resolve_recipient`.
    """
    chats = _candidates(server, await _chats(server, account_id, None), [])
    best = _best(chats, text)
    if len(best) != 1:
        raise _refusal(field, len(best), best)
    (chat,) = [candidate.chat for candidate in best if candidate.chat]
    return chat


def _one_person(people: Iterable[Candidate], text: str, *, field: str) -> Person:
    best = _best(people, text)
    # Candidates by what they are recognised by; those that share any are one person.
    persons: dict[tuple[str, str], list[Candidate]] = {}
    for candidate in best:
        known = [persons[key] for key in candidate.keys if key in persons]
        same = [candidate, *{id(x): x for others in known for x in others}.values()]
        for key in {key for each in same for key in each.keys}:
            persons[key] = same
    different = {id(same): same for same in persons.values()}
    if len(different) != 1:
        raise _refusal(field, len(different), best)
    (same,) = different.values()
    users = [user for candidate in same for user in candidate.users]
    # Who has a chat can be written to there.
    if any(user.cannot_message for user in users) and not any(
        candidate.chat for candidate in same
    ):
        raise errors.invalid("cannot_message", field=field, network=same[0].network)
    return as_person(text, same[0].name, users)


def as_person(text: str, name: str | None, users: list[User]) -> Person:
    """Return the person that these users are, with what stays the same of them."""
    number = _agreed(user.phone_number for user in users)
    return Person(
        given=text,
        user=StartUser(
            # Of one person's several ids any may be the old one; the number is not.
            id=_agreed(user.id for user in users) or (None if number else users[0].id),
            email=_agreed(user.email for user in users),
            phone_number=number,
            username=_agreed(user.username for user in users),
        ),
        id=users[0].id,
        name=name,
    )


def _best(candidates: Iterable[Candidate], text: str) -> list[Candidate]:
    """Return those that fit best, and well enough to be meant."""
    wanted = _Wanted.from_text(text)
    ranked = [(wanted.rank(candidate), candidate) for candidate in candidates]
    best = min((rank for rank, _ in ranked if rank is not None), default=Rank.LOOSE)
    if best is Rank.LOOSE:
        return []
    return [candidate for rank, candidate in ranked if rank is best]


def _refusal(
    field: str, count: int, candidates: Iterable[Candidate]
) -> ServiceValidationError:
    """Say that nobody or several fit, and nothing that is personal."""
    if not count:
        return errors.invalid("recipient_not_found", field=field)
    networks = sorted({candidate.network for candidate in candidates})
    return errors.invalid(
        "recipient_ambiguous",
        field=field,
        count=str(count),
        networks=", ".join(networks),
    )


def _agreed(values: Iterable[str | None]) -> str | None:
    """Return the one value there is, None if there is none or they differ."""
    known = {value for value in values if value}
    return known.pop() if len(known) == 1 else None


async def _people(
    server: Server,
    account_id: str,
    texts: Collection[str],
) -> list[Candidate]:
    chats, contacts = await _together(
        _chats(server, account_id, "single"),
        _contacts(server, account_id, texts, ask_network=True),
    )
    found = _candidates(server, chats, [(account_id, user) for user in contacts])
    return [candidate for candidate in found if candidate.users]


async def _contacts(
    server: Server, account_id: str, texts: Iterable[str], *, ask_network: bool
) -> list[User]:
    """Return an account's contacts, and whom its network knows by an identity.

    Servers before 4.2.557 do not list contacts; they are asked for each text.
    """
    try:
        found = await _collect_pages(partial(server.client.list_contacts, account_id))
        asked = [text for text in texts if ask_network and _is_identity(text)]
    except RouteAbsentError:
        found, asked = [], [*texts]
    for text in asked:
        found += await server.client.contacts(account_id, text)
    return found


async def _chats(
    server: Server, account_id: str | None, kind: ChatType | None
) -> list[ListedChat]:
    found = await _collect_pages(
        partial(server.client.all_chats, account_id, only=kind)
    )
    ids = {chat.id for chat in found}
    # A merged chat stands for its members.
    return [chat for chat in found if chat.merged_into_id not in ids]


async def _collect_pages[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]],
) -> list[T]:
    """Return the items of all pages."""
    return [item async for page in pages(fetch, _MAX_PAGES) for item in page.items]


async def _together(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Read at the same time; the first error ends it all."""
    try:
        async with asyncio.timeout(_TIMEOUT), asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except TimeoutError:
        raise RequestTimeoutError(connecting=False) from None
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _candidates(
    server: Server,
    chats: Iterable[ListedChat],
    contacts: Iterable[tuple[str, User]],
) -> list[Candidate]:
    """Put chats and contacts together: who has a direct chat is not there twice."""
    names = {account.account_id: account.name for account in server.accounts}
    own = {
        (account.account_id, account.user.id)
        for account in server.accounts
        if account.user
    }

    def others(account_id: str, users: Iterable[User]) -> list[User]:
        return [
            user
            for user in users
            if not (user.is_self or user.is_network_bot or (account_id, user.id) in own)
        ]

    found: list[tuple[str, ListedChat | None, list[User]]] = []
    in_chats: dict[tuple[str, str], list[int]] = {}
    for chat in chats:
        account_id = chat.account_id or ""
        people = others(account_id, chat.participants)
        if chat.type != "single" or len(people) != 1:
            people = []
        for user in people:
            for key in _keys(account_id, user):
                in_chats.setdefault(key, []).append(len(found))
        found.append((account_id, chat, people))
    seen: set[tuple[str, str]] = set()
    for account_id, user in contacts:
        if (account_id, user.id) in seen or not others(account_id, [user]):
            continue
        seen.add((account_id, user.id))
        places = {
            index for key in _keys(account_id, user) for index in in_chats.get(key, ())
        }
        for index in places:
            found[index][2].append(user)
        if not places:
            found.append((account_id, None, [user]))
    return [
        Candidate(
            account_id=account_id,
            network=(chat and chat.network)
            or names.get(account_id)
            or (account_id if chat else account_id.partition(".")[0]),
            users=tuple(users),
            chat=chat,
        )
        for account_id, chat, users in found
    ]


def _keys(account_id: str, user: User) -> set[tuple[str, str]]:
    """Return by what a person can be recognised in an account."""
    keys = {(account_id, user.id)}
    if user.phone_number:
        keys.add((account_id, user.phone_number))
    return keys


def _is_identity(text: str) -> bool:
    return text.startswith("@") or _is_number(text) or _is_email(text)


def _is_number(text: str) -> bool:
    return bool(_E164.fullmatch(text))


def _is_email(text: str) -> bool:
    return not text.startswith("@") and bool(_EMAIL.fullmatch(text))
