"""Reading of all chats and contacts of a server."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Final

from ..api.exceptions import (
    AnswerError,
    AuthenticationError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
)
from ..api.merged_chats import without_members
from ..api.models import ListedChat, Page, User
from ..api.pages import pages
from ..api.requests import ChatType
from ..server import Server
from .matching import is_identity

MAX_PAGES: Final = 500
PAGE_TIMEOUT: Final = 5.0
"""Seconds for one page of an account's contacts."""

_SEARCH_TIMEOUT: Final = 10.0
"""Seconds for a search of an account's network."""

_SILENT_FOR: Final = 30.0
"""Seconds for which an account that did not answer in time is not asked again."""

_TIMEOUT: Final = 30
"""Seconds for all pages together."""


async def list_contacts_if_possible(
    server: Server, account_id: str, texts: Iterable[str], *, ask_network: bool
) -> list[User] | None:
    """Return what `list_contacts` returns, None if an account's contacts cannot be searched.

    Some bridges cannot list or search them; the chats are there all the same. Raises
    RequestTimeoutError for an account that does not answer, also if it did not just
    before.
    """
    now = asyncio.get_running_loop().time()
    if server.silent_accounts.get(account_id, 0) > now:
        raise RequestTimeoutError(connecting=False)
    try:
        return await list_contacts(server, account_id, texts, ask_network=ask_network)
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


async def list_contacts(
    server: Server, account_id: str, texts: Iterable[str], *, ask_network: bool
) -> list[User]:
    """Return an account's contacts, and the people its network finds by an identity.

    Servers before 4.2.557 cannot list contacts; they are asked for each text.
    """
    try:
        found = await _collect_pages(
            in_time(partial(server.client.list_contacts, account_id), PAGE_TIMEOUT)
        )
        queries = [text for text in texts if ask_network and is_identity(text)]
    except RouteAbsentError:
        found, queries = [], [*texts]
    for text in queries:
        async with asyncio.timeout(_SEARCH_TIMEOUT):
            found += await server.client.contacts(account_id, text)
    return found


async def search_contacts(server: Server, account_id: str, text: str) -> Sequence[User]:
    """Return the contacts that a server finds; raises RequestTimeoutError soon."""
    try:
        async with asyncio.timeout(PAGE_TIMEOUT):
            return await server.client.contacts(account_id, text)
    except TimeoutError:
        raise RequestTimeoutError(connecting=False) from None


def in_time[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]], seconds: float
) -> Callable[[str | None], Awaitable[Page[T]]]:
    """Return a fetch that raises TimeoutError if a page takes longer."""

    async def fetch_in_time(cursor: str | None) -> Page[T]:
        async with asyncio.timeout(seconds):
            return await fetch(cursor)

    return fetch_in_time


async def list_chats(
    server: Server, account_id: str | None, kind: ChatType | None
) -> list[ListedChat]:
    """Return the chats of one or all accounts and types, without members of merged ones.

    Raises BeeperError.
    """
    fetch = partial(server.client.all_chats, account_id, chat_type=kind)
    return without_members(await _collect_pages(fetch))


async def _collect_pages[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]],
) -> list[T]:
    """Return the items of all pages."""
    return [item async for page in pages(fetch, MAX_PAGES) for item in page.items]


async def gather_in_time(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Read concurrently; raises RequestTimeoutError, and the errors of `gather`."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await gather(*reads)
    except TimeoutError:
        raise RequestTimeoutError(connecting=False) from None


async def gather(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Read concurrently; the first error cancels the other reads and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
