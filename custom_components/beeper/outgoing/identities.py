"""What identifies a person on a network, in the form that requests are compared by."""

from collections.abc import Hashable, Iterable
from typing import Final

from ..api.models import Chat, User
from ..api.phone_numbers import canonical_number, is_e164
from ..api.requests import StartUser
from ..api.user_ids import (
    canonical_id,
    is_email,
    normalise_email,
    normalise_username,
    number_in_id,
)
from ..server import Server
from .text_matching import text_key

type Identity = tuple[str, str]
"""What a network keeps unique: its kind, such as `phone_number`, and its value."""

type RecipientKeys = frozenset[tuple[Hashable, ...]]
"""The identities of a direct chat's person, or the keys of a group, with their kinds."""

KINDS: Final = ("phone_number", "email", "id", "username")
"""The kinds of identities, first those that are the same wherever they are read."""


def identities(user: User | StartUser, id_scheme: str | None) -> frozenset[Identity]:
    """Return what identifies a person, as all forms of it share; names never do.

    `id_scheme` is that of the account. A number or an address as ID is one.
    """
    user_id, number, email = user.id, user.phone_number, user.email
    if user_id and is_e164(user_id):
        user_id, number = None, number or user_id
    elif user_id and is_email(user_id):
        user_id, email = None, email or user_id
    elif user_id:
        number = number or number_in_id(user_id, id_scheme)
    values = {
        "id": user_id and canonical_id(user_id, id_scheme),
        "phone_number": number and canonical_number(number),
        "email": email and normalise_email(email),
        "username": user.username and normalise_username(user.username),
    }
    return frozenset((kind, value) for kind, value in values.items() if value)


def recipient_identities(
    server: Server, chat: Chat | None, account_id: str | None = None
) -> frozenset[Identity]:
    """Return what identifies the only other person of a direct chat.

    Empty for other chats, and while the chat does not list the person. `account_id` is
    for chats that do not name their account.
    """
    if chat is None or chat.type != "single":
        return frozenset()
    others = server.others(chat, account_id)
    if len(others) != 1:
        return frozenset()
    return identities(others[0], server.id_scheme(chat.account_id or account_id))


def chat_recipient(server: Server, chat: Chat | None) -> RecipientKeys | None:
    """Return the keys of a direct chat's person, empty if unknown; None for a group."""
    if chat and chat.type != "single":
        return None
    return recipient_identities(server, chat)


def proof(known: frozenset[Identity]) -> frozenset[Identity]:
    """Return the identities that prove a person on their own.

    A username does only where nothing else is known: on Matrix, people of several
    servers can share one.
    """
    return frozenset(
        identity for identity in known if identity[0] != "username"
    ) or frozenset(known)


def text_content(account_id: str | None, text: str) -> tuple[Hashable, ...]:
    """Return the part of a text's keys that is the same for all recipients and actions."""
    return ("text", account_id, text_key(text))


def missing_kind_keys(
    content: tuple[Hashable, ...], known: Iterable[Identity]
) -> set[Hashable]:
    """Return the keys of a request that states other kinds of identities.

    Only reading shows whether the two are for the same person.
    """
    unknown = {*KINDS} - {kind for kind, _ in known}
    return {("without", kind, *content) for kind in unknown}


def unread_kind_keys(
    content: tuple[Hashable, ...], stated: Iterable[Identity]
) -> set[Hashable]:
    """Return the keys of requests that may be for the stated person."""
    kind = min((kind for kind, _ in stated), key=KINDS.index)
    return {("without", kind, *content)}


def is_same(known: Iterable[Identity], stated: Iterable[Identity]) -> bool:
    """Return whether two sets share an identity and contradict each other in none.

    `known` can have several values of one kind. A shared username alone proves little:
    on Matrix, people of different servers can have the same.
    """
    values: dict[str, set[str]] = {}
    for kind, value in known:
        values.setdefault(kind, set()).add(value)
    common = [(kind, value) for kind, value in stated if kind in values]
    return bool(common) and all(value in values[kind] for kind, value in common)


def may_be_same(first: Iterable[Identity], second: Iterable[Identity]) -> bool:
    """Return False only if the two state different values of one kind."""
    values, others = dict(first), dict(second)
    common = values.keys() & others.keys()
    return not common or any(values[kind] == others[kind] for kind in common)


def may_reach(requested: RecipientKeys, recipient: RecipientKeys | None) -> bool:
    """Return whether a requested chat may be that of a recipient, None for any group."""
    kinds = {kind for kind, *_ in requested}
    if recipient is None:
        return "group" in kinds
    others = {kind for kind, *_ in recipient}
    if "group" in kinds | others:
        return not requested.isdisjoint(recipient)
    return kinds.isdisjoint(others) or not requested.isdisjoint(recipient)
