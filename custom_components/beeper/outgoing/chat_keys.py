"""What identifies a request for a chat, to recognize another call that means the same."""

from collections.abc import Hashable, Iterable, Mapping
from itertools import chain
from typing import Final

from ..api.folding import fold
from ..api.requests import CreateChat, StartChat, StartUser
from .identities import KINDS, Identity, identities, text_content

type ChatRequest = CreateChat | StartChat
type Members = tuple[Identity, ...]
"""One identity of each person in a group, sorted."""

_ID_FIRST: Final = ("id", "phone_number", "email", "username")


def known_people(
    user_ids: Iterable[str], phone_numbers: Mapping[str, str], id_scheme: str | None
) -> dict[str, frozenset[Identity]]:
    """Return what identifies people, by ID; each person once, in whichever form.

    `phone_numbers` are the known ones by ID.
    """
    people: dict[str, frozenset[Identity]] = {}
    for user_id in user_ids:
        user = StartUser(id=user_id, phone_number=phone_numbers.get(user_id))
        person = identities(user, id_scheme)
        if person.isdisjoint(chain.from_iterable(people.values())):
            people[user_id] = person
    return people


def group_members(people: Iterable[frozenset[Identity]]) -> set[Members]:
    """Return what identifies the people of a group: by their IDs, and by their numbers.

    A call can state either; requests for the same group share one.
    """
    people = [*people]
    return {
        tuple(
            sorted(
                min(person, key=lambda one: kinds.index(one[0])) for person in people
            )
        )
        for kinds in (_ID_FIRST, KINDS)
        if people
    }


def exact_keys(
    request: ChatRequest,
    if_exists: str,
    people: Iterable[Identity],
    groups: Iterable[Members],
) -> set[Hashable]:
    """Return what the request shares with one that is the same.

    `people` are the identities that prove the only recipient of a direct chat, `groups`
    are what identifies the people of a group.
    """
    content = _content(request, if_exists)
    return {(*content, members) for members in groups} | {
        (*content, *identity) for identity in people
    }


def loose_keys(
    request: ChatRequest,
    if_exists: str,
    people: Iterable[Identity],
    groups: Iterable[Members],
    names: Iterable[str],
) -> set[Hashable]:
    """Return what the request shares with one that may be the same.

    `names` are the recipients as they were written.
    """
    keys = direct_keys(request, people)
    if folded := sorted(name.casefold() for name in names):
        keys.add((*_content(request, if_exists), "names", *folded))
    for members in groups:
        # The same request, however existing groups are treated.
        keys.add((*group_key(request, members), request.message_text))
    return keys


def group_key(request: ChatRequest, members: Members) -> tuple[Hashable, ...]:
    """Return what identifies a group: its account, title and people."""
    title = request.title if isinstance(request, CreateChat) else None
    return ("group", request.account_id, title and fold(title), members)


def group_content(request: ChatRequest) -> tuple[Hashable, ...]:
    """Return what a request for a group asks for, whoever is in it."""
    return (*group_key(request, ()), request.message_text)


def direct_keys(request: ChatRequest, people: Iterable[Identity]) -> set[Hashable]:
    """Return what identifies a direct chat, or the text to its person."""
    content = direct_content(request)
    return {(*content, *identity) for identity in people}


def direct_content(request: ChatRequest) -> tuple[Hashable, ...]:
    """Return what a request for a direct chat asks for, whoever it is with."""
    account_id, text = request.account_id, request.message_text
    return ("chat", account_id) if text is None else text_content(account_id, text)


def _content(request: ChatRequest, if_exists: str) -> tuple[Hashable, ...]:
    if isinstance(request, StartChat):
        return ("start", request.account_id, request.message_text)
    return (
        "create",
        request.account_id,
        request.type,
        request.title,
        request.message_text,
        if_exists,
    )
