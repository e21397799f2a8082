"""What identifies a request for a chat, to recognize another call that means the same."""

from collections.abc import Hashable, Iterable

from ..api.folding import fold
from ..api.requests import CreateChat, StartChat
from .recipient_queue import Identity, text_keys

type ChatRequest = CreateChat | StartChat
type GroupKey = tuple[str, frozenset[str], str | None]
"""Account, people and title of a group."""


def group_key(request: ChatRequest) -> GroupKey | None:
    """Return what identifies the group that is asked for, None for direct chats."""
    if not isinstance(request, CreateChat) or request.type != "group":
        return None
    title = request.title and fold(request.title)
    return (request.account_id, frozenset(request.participant_ids), title)


def exact_keys(
    request: ChatRequest, if_exists: str, people: Iterable[Identity]
) -> set[Hashable]:
    """Return what the request shares with one that is the same.

    `people` are the identities that prove the only recipient of a direct chat.
    """
    content = _content(request, if_exists)
    if isinstance(request, CreateChat) and request.type == "group":
        return {(*content, *sorted(request.participant_ids))}
    return {(*content, *identity) for identity in people}


def loose_keys(
    request: ChatRequest,
    if_exists: str,
    people: Iterable[Identity],
    names: Iterable[str],
) -> set[Hashable]:
    """Return what the request shares with one that may be the same.

    `names` are the recipients as they were written.
    """
    keys = direct_keys(request, people)
    if folded := sorted(name.casefold() for name in names):
        keys.add((*_content(request, if_exists), "names", *folded))
    if group := group_key(request):
        # The same request, however existing groups are treated.
        account_id, members, title = group
        keys.add(("group", account_id, title, request.message_text, *sorted(members)))
    return keys


def direct_keys(request: ChatRequest, people: Iterable[Identity]) -> set[Hashable]:
    """Return what identifies a direct chat, or the text to its person."""
    account_id, text = request.account_id, request.message_text
    if text is not None:
        return text_keys(account_id, text, people)
    return {("chat", account_id, *identity) for identity in people}


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
