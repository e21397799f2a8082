"""Which person is written to, of those that match a text equally well."""

from collections.abc import Collection, Iterable, Sequence

from .. import errors
from ..api.models import User
from ..server import Server
from .candidates import Candidate, find_candidates, group_by_person, is_one_person
from .confirmation import confirm_matches
from .full_read import gather_in_time, list_chats, list_contacts_if_possible
from .index_keeper import IndexKeeper, account_ids as index_accounts
from .match_errors import CandidateSearch, match_error
from .matching import NameQuery, rank_candidates, select_best
from .person import Person, as_person


async def confirm_person(
    server: Server,
    index: IndexKeeper,
    query: NameQuery,
    candidates: Iterable[Candidate],
) -> Person | None:
    """Return the only person that candidates of the index match, read again.

    None if there are several, or if the server shows them differently.
    """
    people = [candidate for candidate in candidates if candidate.users]
    persons = group_by_person(select_best(rank_candidates(people, query)))
    if len(persons) != 1:
        return None
    # The chat is not needed to know a contact.
    chats = any(_contacts_of(candidate) == () for candidate in persons[0])
    same = await confirm_matches(server, index, query, persons[0], chats=chats)
    if not same:
        return None
    users = [user for candidate in same for user in candidate.users]
    if not is_one_person(users, same[0].id_scheme) or any(
        user.cannot_message for user in users
    ):
        return None
    _check_chat_numbers(server, same, query.text)
    return as_person(query.text, same[0].name, users)


async def search_people(
    server: Server,
    account_id: str,
    texts: Collection[str],
) -> CandidateSearch:
    """Read the direct chats of an account, and the contacts that may match a text."""
    chats, contacts = await gather_in_time(
        list_chats(server, account_id, "single"),
        list_contacts_if_possible(server, account_id, texts, ask_network=True),
    )
    return CandidateSearch(
        account_ids=[account_id],
        candidates=find_candidates(
            server.accounts, chats, [(account_id, user) for user in contacts or ()]
        ),
        not_searched=[account_id] if contacts is None else [],
    )


async def search_handle(
    server: Server, query: NameQuery, account_id: str | None
) -> CandidateSearch:
    """Read who has a handle by the contacts, of an account or of all accounts.

    Chats of some servers list people without handles (EasyMatrix). Returns nobody if
    nobody of them has a chat, or if an account could not be searched. Raises BeeperError.
    """
    account_ids = [account_id] if account_id else index_accounts(server)
    searches: list[CandidateSearch] = await gather_in_time(
        *(search_people(server, one, [query.text]) for one in account_ids)
    )
    candidates = [one for search in searches for one in search.candidates]
    best = select_best(rank_candidates(candidates, query))
    not_searched = [one for search in searches for one in search.not_searched]
    is_certain = not not_searched and any(candidate.chat for candidate in best)
    return CandidateSearch(
        account_ids=account_ids,
        candidates=best if is_certain else [],
        not_searched=not_searched,
    )


async def choose_person(
    server: Server, search: CandidateSearch, text: str, *, field: str
) -> Person:
    """Return the only person found for a text; raises a translated error otherwise."""
    ranked = rank_candidates(
        [candidate for candidate in search.candidates if candidate.users],
        NameQuery.from_text(text),
    )
    persons = group_by_person(select_best(ranked))
    if not persons and (own := _own_person(server, search.account_ids[0], text)):
        return own
    if len(persons) != 1:
        raise await match_error(server, search, field, len(persons), ranked)
    (same,) = persons
    users = [user for candidate in same for user in candidate.users]
    if not is_one_person(users, same[0].id_scheme):
        count = len({user.id for user in users})
        raise await match_error(server, search, field, count, ranked)
    # An existing chat can be written to although a new one is refused.
    if any(user.cannot_message for user in users) and not any(
        candidate.chat for candidate in same
    ):
        raise errors.invalid("cannot_message", field=field, network=same[0].network)
    _check_chat_numbers(server, same, text)
    return as_person(text, same[0].name, users)


def _contacts_of(candidate: Candidate) -> Sequence[User]:
    """Return the users who come from the contacts, and not from the chat."""
    participants = candidate.chat.participants if candidate.chat else ()
    return tuple(user for user in candidate.users if user not in participants)


def _check_chat_numbers(
    server: Server, candidates: Iterable[Candidate], text: str
) -> None:
    """Raise ServiceValidationError if a number meant another chat before."""
    for candidate in candidates:
        if candidate.chat:
            server.check_chat_number(text, candidate.chat)


def _own_person(server: Server, account_id: str, text: str) -> Person | None:
    """Return the user of an account, if a text is their whole name or handle."""
    account = server.account(account_id)
    own = account.user if account else None
    if own is None or not NameQuery.from_text(text).is_named(own):
        return None
    return as_person(text, own.full_name, [own])
