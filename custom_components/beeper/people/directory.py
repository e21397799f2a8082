"""Lookup of people and chats on a server, by name, number, handle, title or ID.

Read-only and without a cache, so an old name never matches. Several matches are
refused, never narrowed down by guessing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import voluptuous as vol

from .. import errors
from ..api.exceptions import (
    AnswerError,
    AuthenticationError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
)
from ..api.models import ListedChat, Page, User
from ..api.pages import pages
from ..api.phone_numbers import is_e164
from ..api.requests import ChatType, StartUser
from ..server import Server
from ..validation import person_recipient
from .matching import (
    NameQuery,
    SearchResult,
    find_candidates,
    group_by_person,
    is_email,
    is_identity,
    is_one_person,
    rank_candidates,
    select_best,
)
from .not_found import Found, check_loaded, not_one

MAX_LISTED: Final = 50

_MAX_PAGES: Final = 500
_TIMEOUT: Final = 30
"""Seconds for all pages together."""

_PAGE_TIMEOUT: Final = 5.0
"""Seconds for one page of an account's contacts."""

_SEARCH_TIMEOUT: Final = 10.0
"""Seconds for a search of an account's network."""

_SILENT_FOR: Final = 30.0
"""Seconds for which an account that did not answer in time is not asked again."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Person:
    """The person that the text `given` resolves to.

    `user` holds the identifiers that do not change. `id` is empty for a phone number or
    an email address, which the server resolves.
    """

    given: str
    user: StartUser
    id: str = ""
    name: str | None = None


class Directory:
    """The people and chats of one server."""

    def __init__(self, server: Server) -> None:
        """Read nothing yet."""
        self.server = server

    async def find(
        self,
        account_id: str | None,
        text: str,
        *,
        spoken: bool = False,
    ) -> SearchResult:
        """Find people and chats of an account, None for all accounts.

        The default account is searched even if the server does not list it. Accounts whose
        contacts cannot be searched end up in `not_searched`. Only the named
        account's network is asked for people who are not contacts. `spoken` ignores
        punctuation. Raises BeeperError.
        """
        query = NameQuery.from_text(text, spoken=spoken)
        listed = [
            *(account.account_id for account in self.server.accounts),
            self.server.default_account_id,
        ]
        searched = [account_id] if account_id else [*dict.fromkeys(listed)]
        not_searched: list[str] = []

        async def contacts(searched_id: str) -> list[tuple[str, User]]:
            try:
                found = await _contacts_if_listed(
                    self.server, searched_id, [text], ask_network=account_id is not None
                )
            except RequestTimeoutError:
                if account_id:
                    raise
                found = None
            if found is None:
                not_searched.append(searched_id)
            return [(searched_id, user) for user in found or ()]

        chats, *people = await _gather(
            _chats(self.server, account_id, None), *map(contacts, searched)
        )
        candidates = find_candidates(
            self.server.accounts,
            chats,
            [contact for some in people for contact in some],
        )
        matches = rank_candidates(candidates, query)
        if not matches and not chats and not is_identity(text):
            await check_loaded(self.server)
        return SearchResult(
            matches=tuple(matches),
            not_searched=tuple(sorted(not_searched)),
        )

    async def match_chats(self, text: str) -> list[ListedChat]:
        """Return the chats whose title or person matches. Raises BeeperError."""
        query = NameQuery.from_text(text)
        candidates = find_candidates(
            self.server.accounts, await _chats(self.server, None, None), []
        )
        return [
            candidate.chat
            for candidate in candidates
            if candidate.chat and query.rank(candidate) is not None
        ]

    async def resolve_recipient(
        self,
        account_id: str,
        text: str,
        *,
        field: str,
    ) -> Person:
        """Return the one person of an account that a text matches.

        Phone numbers and email addresses are not looked up: they are unique, and need not
        be contacts. Raises BeeperError, or a translated ServiceValidationError.
        """
        if person := person_without_lookup(text):
            return person
        people = await _people(self.server, account_id, [text])
        return await _one_person(self.server, people, text, field=field)

    async def resolve_participants(
        self,
        account_id: str,
        texts: Collection[str],
        *,
        field: str,
    ) -> list[Person]:
        """Return the person of an account that each text matches, all with an ID.

        Raises the errors of `resolve_recipient`.
        """
        people = await _people(self.server, account_id, texts)
        return [
            await _one_person(self.server, people, text, field=f"{field}.{index}")
            for index, text in enumerate(texts)
        ]

    async def resolve_chat(
        self,
        account_id: str | None,
        text: str,
        *,
        field: str,
    ) -> ListedChat:
        """Return the one chat that a text matches, of an account or of all accounts.

        Raises the errors of `resolve_recipient`.
        """
        chats = find_candidates(
            self.server.accounts, await _chats(self.server, account_id, None), []
        )
        ranked = rank_candidates(chats, NameQuery.from_text(text))
        best = select_best(ranked)
        if not best:
            check_number(text, field=field)
        if len(best) != 1:
            searched = (
                [account_id]
                if account_id
                else [account.account_id for account in self.server.accounts]
            )
            found = Found(account_ids=searched, candidates=chats)
            raise await not_one(self.server, found, field, len(best), ranked)
        (chat,) = [candidate.chat for candidate in best if candidate.chat]
        return chat


def check_number(text: str, *, field: str) -> None:
    """Explain a phone number without country code that is no title either.

    Raises a translated ServiceValidationError.
    """
    try:
        person_recipient(text)
    except vol.Invalid as err:
        raise errors.invalid(err.msg, field=field, **err.placeholders) from None


def person_without_lookup(text: str) -> Person | None:
    """Return the person with a phone number or email address, None for other texts."""
    if is_e164(text):
        return Person(given=text, user=StartUser(phone_number=text))
    if is_email(text):
        return Person(given=text, user=StartUser(email=text))
    return None


async def _one_person(
    server: Server, people: Found, text: str, *, field: str
) -> Person:
    ranked = rank_candidates(
        [candidate for candidate in people.candidates if candidate.users],
        NameQuery.from_text(text),
    )
    persons = group_by_person(select_best(ranked))
    if not persons and (own := _own_person(server, people.account_ids[0], text)):
        return own
    if len(persons) != 1:
        raise await not_one(server, people, field, len(persons), ranked)
    (same,) = persons
    users = [user for candidate in same for user in candidate.users]
    if not is_one_person(users, same[0].id_scheme):
        count = len({user.id for user in users})
        raise await not_one(server, people, field, count, ranked)
    # An existing chat can be written to although a new one is refused.
    if any(user.cannot_message for user in users) and not any(
        candidate.chat for candidate in same
    ):
        raise errors.invalid("cannot_message", field=field, network=same[0].network)
    return as_person(text, same[0].name, users)


def _own_person(server: Server, account_id: str, text: str) -> Person | None:
    """Return the user of an account, if a text is their whole name or handle."""
    account = server.account(account_id)
    own = account.user if account else None
    if own is None or not NameQuery.from_text(text).is_named(own):
        return None
    return as_person(text, own.full_name, [own])


def as_person(text: str, name: str | None, users: list[User]) -> Person:
    """Return the person listed as `users`, with the identifiers they agree on."""
    number = _agreed(user.phone_number for user in users)
    given_id = next((user.id for user in users if user.id == text), None)
    same_id = given_id or _agreed(user.id for user in users)
    return Person(
        given=text,
        user=StartUser(
            # Any of several IDs may be outdated; the phone number is not.
            id=same_id or (None if number else users[0].id),
            email=_agreed(user.email for user in users),
            phone_number=number,
            username=_agreed(user.username for user in users),
        ),
        id=same_id or users[0].id,
        name=name,
    )


def _agreed(values: Iterable[str | None]) -> str | None:
    """Return the value if all that are given agree, else None."""
    known = {value for value in values if value}
    return known.pop() if len(known) == 1 else None


async def _people(
    server: Server,
    account_id: str,
    texts: Collection[str],
) -> Found:
    chats, contacts = await _gather(
        _chats(server, account_id, "single"),
        _contacts_if_listed(server, account_id, texts, ask_network=True),
    )
    return Found(
        account_ids=[account_id],
        candidates=find_candidates(
            server.accounts, chats, [(account_id, user) for user in contacts or ()]
        ),
        not_searched=[account_id] if contacts is None else [],
    )


async def _contacts_if_listed(
    server: Server, account_id: str, texts: Iterable[str], *, ask_network: bool
) -> list[User] | None:
    """Return what `_contacts` returns, None if an account's contacts cannot be searched.

    Some bridges cannot list or search them; the chats are there all the same. Raises
    RequestTimeoutError for an account that does not answer, also if it did not just
    before.
    """
    now = asyncio.get_running_loop().time()
    if server.silent_accounts.get(account_id, 0) > now:
        raise RequestTimeoutError(connecting=False)
    try:
        return await _contacts(server, account_id, texts, ask_network=ask_network)
    except TimeoutError, RequestTimeoutError:
        server.silent_accounts[account_id] = now + _SILENT_FOR
        raise RequestTimeoutError(connecting=False) from None
    except AuthenticationError, ForbiddenError:
        raise
    except AnswerError:
        # An unknown account has no chats either.
        if (
            server.account(account_id) is None
            and account_id != server.default_account_id
        ):
            raise
        return None


async def _contacts(
    server: Server, account_id: str, texts: Iterable[str], *, ask_network: bool
) -> list[User]:
    """Return an account's contacts, and the people its network finds by an identity.

    Servers before 4.2.557 cannot list contacts; they are asked for each text.
    """
    try:
        found = await _collect_pages(
            _in_time(partial(server.client.list_contacts, account_id), _PAGE_TIMEOUT)
        )
        queries = [text for text in texts if ask_network and is_identity(text)]
    except RouteAbsentError:
        found, queries = [], [*texts]
    for text in queries:
        async with asyncio.timeout(_SEARCH_TIMEOUT):
            found += await server.client.contacts(account_id, text)
    return found


def _in_time[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]], seconds: float
) -> Callable[[str | None], Awaitable[Page[T]]]:
    """Return a fetch that raises TimeoutError if a page takes longer."""

    async def fetch_in_time(cursor: str | None) -> Page[T]:
        async with asyncio.timeout(seconds):
            return await fetch(cursor)

    return fetch_in_time


async def _chats(
    server: Server, account_id: str | None, kind: ChatType | None
) -> list[ListedChat]:
    found = await _collect_pages(
        partial(server.client.all_chats, account_id, chat_type=kind)
    )
    ids = {chat.id for chat in found}
    # A merged chat replaces its members.
    return [chat for chat in found if chat.merged_into_id not in ids]


async def _collect_pages[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]],
) -> list[T]:
    """Return the items of all pages."""
    return [item async for page in pages(fetch, _MAX_PAGES) for item in page.items]


async def _gather(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Read concurrently; the first error cancels the other reads and is raised."""
    try:
        async with asyncio.timeout(_TIMEOUT), asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except TimeoutError:
        raise RequestTimeoutError(connecting=False) from None
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
