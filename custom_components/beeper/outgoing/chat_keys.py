"""The keys of a request for a chat, to recognize another call that means the same."""

from collections.abc import Hashable, Iterable

from ..api.folding import fold
from ..api.requests import ChatRequest, CreateChat, StartChat
from .identities import Identity, missing_kind_keys, text_content, unread_kind_keys
from .requested_people import Members, RequestedPeople
from .text_matching import text_key


def exact_chat_keys(
    request: ChatRequest, if_exists: str, people: RequestedPeople
) -> set[Hashable]:
    """Return the keys that it shares with an identical request."""
    content = _content(request, if_exists)
    groups = people.members | people.learned_members
    return {(*content, members) for members in groups} | {
        (*content, *identity) for identity in people.proof
    }


def loose_chat_keys(
    request: ChatRequest,
    if_exists: str,
    people: RequestedPeople,
    names: Iterable[str],
) -> set[Hashable]:
    """Return the keys that it shares with a request that may be the same.

    `names` are the recipients as they were written.
    """
    keys = _direct_keys(request, people.proof)
    if folded := sorted(name.casefold() for name in names):
        keys.add((*_content(request, if_exists), "names", *folded))
    return keys | _group_keys(request, people.members)


def related_chat_keys(request: ChatRequest, people: RequestedPeople) -> set[Hashable]:
    """Return the keys of earlier requests that stated less of the same people."""
    return _direct_keys(request, people.known) | _group_keys(
        request, people.learned_members
    )


def partial_chat_keys(request: ChatRequest, people: RequestedPeople) -> set[Hashable]:
    """Return the keys that it shares with one that states the recipient differently."""
    if not people.known:
        return {_group_content(request)}
    return missing_kind_keys(_direct_content(request), people.known)


def unread_chat_keys(request: ChatRequest, people: RequestedPeople) -> set[Hashable]:
    """Return the partial keys of requests that may be for the same people, if reading fails."""
    if not people.identities:
        return {_group_content(request)}
    return unread_kind_keys(_direct_content(request), people.identities)


def group_keys(
    request: ChatRequest, people: RequestedPeople
) -> list[tuple[Hashable, ...]]:
    """Return the keys of the requested group; empty for direct chats."""
    return [_group_key(request, members) for members in sorted(people.members)]


def _direct_keys(request: ChatRequest, people: Iterable[Identity]) -> set[Hashable]:
    """Return the keys of a direct chat, or of the text to its person."""
    content = _direct_content(request)
    return {(*content, *identity) for identity in people}


def _direct_content(request: ChatRequest) -> tuple[Hashable, ...]:
    """Return the part of a direct chat's keys that is the same for all people."""
    account_id, text = request.account_id, request.message_text
    return ("chat", account_id) if text is None else text_content(account_id, text)


def _group_keys(request: ChatRequest, groups: Iterable[Members]) -> set[Hashable]:
    """Return the keys of a group and the text, for any treatment of existing groups."""
    return {
        (*_group_key(request, members), text_key(request.message_text))
        for members in groups
    }


def _group_key(request: ChatRequest, members: Members) -> tuple[Hashable, ...]:
    """Return the key of a group: its account, title and people."""
    title = request.title if isinstance(request, CreateChat) else None
    return ("group", request.account_id, title and fold(title), members)


def _group_content(request: ChatRequest) -> tuple[Hashable, ...]:
    """Return the key of a group without its people, and the text."""
    return (*_group_key(request, ()), text_key(request.message_text))


def _content(request: ChatRequest, if_exists: str) -> tuple[Hashable, ...]:
    if isinstance(request, StartChat):
        return ("start", request.account_id, text_key(request.message_text))
    return (
        "create",
        request.account_id,
        request.type,
        text_key(request.title),
        text_key(request.message_text),
        if_exists,
    )
