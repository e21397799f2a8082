"""Confirmation of matches from the index: they are read again before they are used."""

from collections.abc import Iterable, Sequence
from typing import Final

from ..api.exceptions import AnswerError, RequestTimeoutError, UnreadableAnswerError
from ..api.merged_chats import without_members
from ..api.models import ListedChat, User
from ..server import Server
from .candidates import Candidate, Key, find_candidates
from .full_read import gather, search_contacts
from .index_keeper import MAX_PARTICIPANTS, IndexKeeper
from .matching import NameQuery, rank_candidates, select_best

_MAX_CONFIRMED: Final = 3
"""Maximum number of people or chats to confirm; with more, everything is read."""

_MAX_NAMESAKES: Final = 50
"""Chats with a matching title that are read."""


async def confirm_matches(
    server: Server,
    index: IndexKeeper,
    query: NameQuery,
    best: Sequence[Candidate],
    *,
    chats: bool = True,
    contacts: bool = True,
) -> Sequence[Candidate]:
    """Return the best matches as they are now, none if others match as well now.

    Reads their chats, the contacts that match now, or both. Lets the index be read again
    if it is outdated.
    """
    if not best or len(best) > _MAX_CONFIRMED:
        return ()
    try:
        now = await gather(
            *(
                _read(server, index, query, candidate, chats=chats, contacts=contacts)
                for candidate in best
            )
        )
    except AnswerError, RequestTimeoutError, UnreadableAnswerError:
        now = []
    found = [candidate for candidates in now for candidate in candidates]
    if {query.rank(candidate) for candidate in found} == {
        query.rank(best[0])
    } and _identities(found, chats=chats) == _identities(best, chats=chats):
        return found
    index.read_again()
    return ()


async def _read(
    server: Server,
    index: IndexKeeper,
    query: NameQuery,
    candidate: Candidate,
    *,
    chats: bool,
    contacts: bool,
) -> list[Candidate]:
    """Return a candidate as it is now, with others who match at least as well."""
    account_id = candidate.account_id
    by_id: dict[str, ListedChat] = {}
    people: list[tuple[str, User]] = []

    async def read_chats() -> None:
        by_id.update(await _read_chats(server, query, candidate, people_only=contacts))

    async def read_contacts() -> None:
        if account_id in index.not_searched:
            return
        try:
            found = await search_contacts(server, account_id, query.text)
        except RequestTimeoutError:
            if candidate.chat is None:
                raise
            if not chats:
                await read_chats()
            found = candidate.users  # The chat shows who it is.
        people.extend((account_id, user) for user in found)

    await gather(
        *([read_chats()] if chats else ()),
        *([read_contacts()] if contacts else ()),
    )
    found = find_candidates(
        server.accounts,
        without_members(by_id.values()),
        people,
    )
    return select_best(rank_candidates(found, query))


async def _read_chats(
    server: Server, query: NameQuery, candidate: Candidate, *, people_only: bool
) -> dict[str, ListedChat]:
    """Return the chats that a search finds now, and the candidate's chat, by ID."""
    if people_only:
        page = await server.client.direct_chats(candidate.account_id, query.text)
    else:
        page = await server.client.search_chats(
            query.text, scope="titles", limit=_MAX_NAMESAKES
        )
    by_id: dict[str, ListedChat] = {chat.id: chat for chat in page.items}
    # Searches of servers do not ignore accents.
    if (listed := candidate.chat) and listed.id not in by_id:
        by_id[listed.id] = await server.client.chat(
            listed.id, participants=MAX_PARTICIPANTS
        )
    return by_id


def _identities(
    candidates: Iterable[Candidate], *, chats: bool
) -> set[Key | str | None]:
    """Return what must stay the same until somebody is written to."""
    return {
        identity
        for candidate in candidates
        for identity in (
            *candidate.keys,
            *(
                (candidate.chat.id, candidate.chat.merged_into_id)
                if chats and candidate.chat
                else ()
            ),
        )
    }
