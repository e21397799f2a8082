"""Whether a requested chat exists already or is new, as reading shows."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Chat, User
from ..api.requests import ChatRequest, CreateChat, StartChat, StartUser
from ..server import Server
from .identities import Identity, identities, recipient_identities
from .recipient_queue import RecipientQueue
from .reconciliation import find_direct_chat, find_direct_chats, find_existing_chats

_MEMBER_DELAYS: Final = (0, 0.5, 1)
"""Seconds to wait before each read of a new chat that lists nobody yet."""


async def find_reusable(
    server: Server,
    request: CreateChat,
    phone_numbers: Mapping[str, str],
    *,
    refuse: bool,
    recent: Chat | None = None,
    recent_id: str | None = None,
) -> Chat | None:
    """Return the only chat with these people, None without a chat.

    `phone_numbers` are known numbers by participant ID. `refuse` also refuses a single
    chat. `recent` is what `find_recent` found, and `recent_id` the chat of a group that
    was just created: servers may not list it, or not all of its people yet. Raises
    NotDoneError for several chats, and if they cannot be read.
    """
    network = server.network(request.account_id)
    try:
        found = (
            [recent]
            if recent
            else await find_existing_chats(server, request, phone_numbers, recent_id)
        )
    except BeeperError as err:
        raise errors.NotDoneError(
            errors.not_done(err, network=network, accounts=server.account_names)
        ) from None
    if len(found) > 1 or (found and refuse):
        errors.refuse("chat_exists", count=str(len(found)), network=network)
    return found[0] if found else None


async def find_recent(
    server: Server,
    recipients: RecipientQueue,
    account_id: str,
    recipient: frozenset[Identity],
) -> Chat | None:
    """Return the chat with a person that a request of the last minute led to.

    None if it is not readable.
    """
    await _determine_recent(server, recipients, account_id, recipient)
    recent = recipients.recall(account_id, recipient)
    if recent is None:
        return None
    try:
        chat = await server.client.chat(recent.chat_id)
    except BeeperError:
        return None
    if not recent.has_recipient(chat, server.id_scheme(account_id)):
        recipients.forget(recent.chat_id)
        return None
    return chat


async def _determine_recent(
    server: Server,
    recipients: RecipientQueue,
    account_id: str,
    recipient: frozenset[Identity],
) -> None:
    """Learn who is in new chats that may be with this person."""
    undetermined = recipients.undetermined(account_id, recipient)
    for delay in _MEMBER_DELAYS if undetermined else ():
        await asyncio.sleep(delay)
        for recent in [*undetermined]:
            with suppress(BeeperError):
                chat = await server.client.chat(recent.chat_id)
                if listed := recipient_identities(server, chat, account_id):
                    recipients.learn(recent, listed)
                    undetermined.remove(recent)
        if not undetermined:
            return


async def find_identities(
    server: Server, account_id: str, user: StartUser
) -> frozenset[Identity]:
    """Return all that chats and contacts show of a person; raises BeeperError."""
    request = StartChat(account_id=account_id, user=user)
    chats = await find_direct_chats(server, request)
    return (await find_contact_identities(server, account_id, user)).union(
        *(recipient_identities(server, chat, account_id) for chat in chats)
    )


async def find_contact_identities(
    server: Server, account_id: str, user: StartUser
) -> frozenset[Identity]:
    """Return all that contacts show of a person; raises BeeperError."""
    id_scheme = server.id_scheme(account_id)
    contacts = await _find_contacts(server, StartChat(account_id=account_id, user=user))
    return frozenset[Identity]().union(
        *(identities(contact, id_scheme) for contact in contacts)
    )


async def _find_contacts(server: Server, request: StartChat) -> list[User]:
    """Return the contacts with the identity that a request states."""
    user, id_scheme = request.user, server.id_scheme(request.account_id)
    stated = (user.phone_number, user.email, user.username, user.id)
    return [
        contact
        for identity in filter(None, stated)
        for contact in await server.client.contacts(request.account_id, identity)
        if contact.matches(user, id_scheme)
    ]


async def may_be_known(
    server: Server,
    request: ChatRequest,
    phone_numbers: Mapping[str, str],
    problem: str,
) -> bool:
    """Return whether a chat with these people may exist, or a contact.

    `problem` is the translation key of the network's objection to a new chat.
    """
    try:
        if isinstance(request, CreateChat):
            return request.type == "single" and bool(
                await find_existing_chats(server, request, phone_numbers)
            )
        if await find_direct_chat(server, request):
            return True
        if problem == "network_no_lookup":
            return bool(await _find_contacts(server, request))
    except BeeperError:
        return True  # Nothing proves that the network would refuse.
    return False


async def is_existing(server: Server, request: ChatRequest) -> bool:
    """Return whether it is certain that the request only leads to an existing chat."""
    if not isinstance(request, StartChat):
        return False
    try:
        return bool(await find_direct_chat(server, request))
    except BeeperError:
        return False
