"""Lookup of people and chats on a server, by name, number, handle, title or ID.

Read-only. Names come from an index; the person or chat that is about to be used is read
again. Without a match, or if the result differs, everything is read, so an outdated
name never selects anybody. Several matches are refused, never narrowed down by
guessing.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ..api.exceptions import RequestTimeoutError
from ..api.models import ListedChat, User
from ..server import Server
from .candidates import Candidate, find_candidates, group_by_person
from .chat_choice import ChatMatch, in_account, only_match, read_members
from .confirmation import confirm_matches
from .full_read import gather_in_time, list_chats, list_contacts_if_possible
from .index_keeper import IndexKeeper, account_ids
from .match_errors import CandidateSearch, check_loaded, check_phone_number, match_error
from .matching import (
    NameQuery,
    Rank,
    SearchResult,
    is_identity,
    rank_candidates,
    select_best,
)
from .person import Person, person_without_lookup
from .person_choice import choose_person, confirm_person, search_handle, search_people

_LISTED_WITHIN: Final = 3.0
"""Seconds until a server lists a new chat, and who is in it (EasyMatrix: one)."""

_LISTING_DELAY: Final = 0.5
"""Seconds until the chats are listed again if one was just created."""


class Directory:
    """The people and chats of one server."""

    def __init__(self, server: Server) -> None:
        """Read nothing yet."""
        self.server = server
        self.index = IndexKeeper(server)

    async def find(
        self,
        account_id: str | None,
        text: str,
        *,
        spoken: bool = False,
        confirm: bool = True,
    ) -> SearchResult:
        """Find people and chats of an account, None for all accounts.

        The default account is searched even if the server does not list it. Accounts
        whose contacts cannot be searched end up in `not_searched`. Only the named
        account's network is asked for people who are not contacts. `spoken` ignores
        punctuation. Without `confirm`, the best matches are as they were last read:
        for showing, not for writing to. Raises BeeperError.
        """
        query = NameQuery.from_text(text, spoken=spoken)
        found = await self._find_indexed(query, account_id, confirm=confirm)
        return found or await self._find(query, account_id)

    async def _find(self, query: NameQuery, account_id: str | None) -> SearchResult:
        """Read all chats and contacts, and return those that match."""
        text = query.text
        searched = [account_id] if account_id else account_ids(self.server)
        not_searched: list[str] = []

        async def contacts(searched_id: str) -> list[tuple[str, User]]:
            try:
                found = await list_contacts_if_possible(
                    self.server, searched_id, [text], ask_network=account_id is not None
                )
            except RequestTimeoutError:
                if account_id:
                    raise
                found = None
            if found is None:
                not_searched.append(searched_id)
            return [(searched_id, user) for user in found or ()]

        chats, *people = await gather_in_time(
            list_chats(self.server, account_id, None), *map(contacts, searched)
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

    async def _find_indexed(
        self, query: NameQuery, account_id: str | None, *, confirm: bool
    ) -> SearchResult | None:
        """Return the matches in the index; None without any, or if they differ now."""
        searched = [account_id] if account_id else account_ids(self.server)
        candidates = await self._candidates(query, account_id, searched)
        matches = rank_candidates(candidates, query)
        best = select_best(matches)
        # Read the server even if a part of a number or handle matches: the name may be new.
        if not matches or matches[0][0] is Rank.LOOSE:
            return None
        if confirm and not await confirm_matches(self.server, self.index, query, best):
            return None
        return SearchResult(
            matches=tuple(matches),
            not_searched=tuple(sorted({*searched} & self.index.not_searched)),
        )

    async def match_chats(self, text: str) -> list[ListedChat]:
        """Return the chats whose title or person matches. Raises BeeperError."""
        query = NameQuery.from_text(text)
        found = _chats(await self._candidates(query, None, ()), query)
        return found or _chats(await self._all_chats(), query)

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
        if person := await self._indexed_person(account_id, text):
            return person
        search = await search_people(self.server, account_id, [text])
        return await choose_person(self.server, search, text, field=field)

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
        persons: list[Person] = []
        for text in texts:
            if (person := await self._indexed_person(account_id, text)) is None:
                break
            persons.append(person)
        else:
            return persons
        search = await search_people(self.server, account_id, texts)
        return [
            await choose_person(self.server, search, text, field=f"{field}.{index}")
            for index, text in enumerate(texts)
        ]

    async def resolve_chat(
        self,
        account_id: str | None,
        text: str,
        *,
        field: str,
        from_default: bool = False,
    ) -> ListedChat:
        """Return the one chat that a text matches, of an account or of all accounts.

        `from_default` writes from the default account to a person who is known to be the
        same in several. Raises the errors of `resolve_recipient`.
        """
        query = NameQuery.from_text(text)
        preferred = self.server.default_account_id if from_default else None
        rows = in_account(await self._candidates(query, None, ()), account_id)
        best = await confirm_matches(
            self.server,
            self.index,
            query,
            select_best(rank_candidates(rows, query)),
            contacts=False,
        )
        matches = await read_members(self.server, best, account_id)
        if (match := only_match(matches, preferred)) is None:
            rows, ranked, matches = await self._rank_all_chats(query, account_id)
            accounts = [account.account_id for account in self.server.accounts]
            search = CandidateSearch(
                account_ids=[account_id] if account_id else accounts,
                candidates=rows,
            )
            if not matches and query.is_handle:
                search = await search_handle(self.server, query, account_id)
                ranked, matches = await self._rank_chats(
                    [*search.candidates], query, account_id
                )
                # Somebody without a chat can have it, too.
                persons = group_by_person(search.candidates)
                if len(persons) > 1:
                    raise await match_error(
                        self.server, search, field, len(persons), ranked
                    )
            match = only_match(matches, preferred)
            if not matches:
                check_phone_number(text, field=field)
            if match is None:
                raise await match_error(
                    self.server, search, field, len(matches), ranked
                )
        self.server.check_chat_number(text, match.listed)
        return match.chat

    async def _rank_all_chats(
        self, query: NameQuery, account_id: str | None
    ) -> tuple[list[Candidate], list[tuple[Rank, Candidate]], list[ChatMatch]]:
        """Read and rank all chats, again if one that was just created may be missing."""
        loop = self.server.hass.loop
        while True:
            began = loop.time()
            rows = in_account(await self._all_chats(), account_id)
            ranked, matches = await self._rank_chats(rows, query, account_id)
            created = self.server.chat_created
            if matches or created is None or began > created + _LISTED_WITHIN:
                return rows, ranked, matches
            await asyncio.sleep(_LISTING_DELAY)

    async def _rank_chats(
        self, rows: list[Candidate], query: NameQuery, account_id: str | None
    ) -> tuple[list[tuple[Rank, Candidate]], list[ChatMatch]]:
        """Rank chats, and return the best: no merged chat without a member in the account."""
        while True:
            ranked = rank_candidates(rows, query)
            best = select_best(ranked)
            matches = await read_members(self.server, best, account_id)
            if matches or not best:
                return ranked, matches
            rows = [row for row in rows if row not in best]

    async def _all_chats(self) -> list[Candidate]:
        chats = await list_chats(self.server, None, None)
        return find_candidates(self.server.accounts, chats, [])

    async def _candidates(
        self, query: NameQuery, account_id: str | None, contacts_of: Sequence[str]
    ) -> list[Candidate]:
        """Return the candidates in the index, none if it cannot answer.

        Chats only, unless the accounts whose contacts are searched are given.
        """
        if is_identity(query.text) and account_id is not None:
            return []  # The network may know more than the contacts.
        if (index := await self.index.async_get(contacts_of)) is None:
            return []
        found = index.candidates(query, account_id, contacts=bool(contacts_of))
        if not found:
            self.index.read_again()
        return found

    async def _indexed_person(self, account_id: str, text: str) -> Person | None:
        """Return the only matching person of the index, read again from the server."""
        query = NameQuery.from_text(text)
        candidates = await self._candidates(query, account_id, [account_id])
        return await confirm_person(self.server, self.index, query, candidates)


def _chats(candidates: Iterable[Candidate], query: NameQuery) -> list[ListedChat]:
    """Return the chats of those that match at all."""
    return [
        candidate.chat
        for candidate in candidates
        if candidate.chat and query.rank(candidate) is not None
    ]
