"""Keeps the index of a server's people and chats up to date, in the background."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from ..api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
)
from ..api.models import Account, ListedChat
from ..api.pages import pages
from ..server import Server
from .full_read import MAX_PAGES, PAGE_TIMEOUT, gather, in_time
from .index import PeopleIndex

START_DELAY: Final = 30.0
"""Seconds after the set-up, while Home Assistant may still be starting."""

_EVENT_DELAY: Final = 1.0
"""Seconds in which several events of one chat lead to one read."""

_CONTACTS_MAX_AGE: Final = 10 * 60
"""Seconds."""

_CHATS_MAX_AGE: Final = 60 * 60
"""Seconds: events and polls name most of the chats that change, but not all."""

_MIN_INTERVAL: Final = 60
"""Seconds between two readings of everything."""

_MAX_CHANGED: Final = 20
"""Changed chats that are read one by one; for more, all are listed."""

_CHAT_TIMEOUT: Final = 3.0
"""Seconds that a lookup waits for changed chats; then everything is read."""

MAX_PARTICIPANTS: Final = 20
"""People of a chat that are read: enough to know who a direct chat is with."""

type _AccountState = tuple[str, str | None, str | None, str, str | None]


class IndexKeeper:
    """Builds the index of one server, and reads again what may have changed."""

    def __init__(self, server: Server) -> None:
        """Start without an index."""
        self._server = server
        self._index = PeopleIndex(())
        self._accounts: tuple[_AccountState, ...] = ()
        self._changed: dict[str, object] = {}
        self._chats_due = self._contacts_due = 0.0
        self._last_read = float("-inf")
        self._wake = asyncio.Event()

    async def async_run(self) -> None:
        """Build the index and keep it; never returns."""
        await asyncio.sleep(START_DELAY)
        while True:
            with suppress(BeeperError):  # It stays due.
                await self.async_update()
            due = min(self._chats_due, self._contacts_due)
            delay = max(due, self._last_read + _MIN_INTERVAL) - self._now
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_EVENT_DELAY)

    @property
    def not_searched(self) -> set[str]:
        """The accounts whose contacts could not be read."""
        return self._index.not_searched

    def note_chat(self, chat: ListedChat) -> None:
        """Replace a chat that was just read."""
        if self._index.has_chats:
            self._index.set_chat(chat)

    def note_change(self, chat_id: str) -> None:
        """Read a chat again soon: an event named it."""
        if self._index.has_chats:
            self._changed[chat_id] = object()
            self._wake.set()

    def read_again(self) -> None:
        """Read everything again soon: something is not as the index has it."""
        self._chats_due = self._contacts_due = 0
        self._wake.set()

    def invalidate(self) -> None:
        """Use the index no more until all chats were read again."""
        self._index.has_chats = False
        self._changed.clear()
        self._chats_due = 0
        self._wake.set()

    async def async_get(self, account_ids: Iterable[str]) -> PeopleIndex | None:
        """Return the index, None if it cannot answer for all of these accounts.

        Reads the chats that have just changed. Raises BeeperError.
        """
        index = self._index
        if self._accounts != _account_states(self._server.accounts):
            self.read_again()
            return None
        if not index.has_chats or not all(map(index.has_contacts, account_ids)):
            return None
        if len(self._changed) > _MAX_CHANGED:
            return None
        try:
            async with asyncio.timeout(_CHAT_TIMEOUT):
                await self._async_read_changed()
        except TimeoutError, CannotConnectError:
            self.invalidate()
            return None
        index.accounts = self._server.accounts
        return index

    @property
    def _now(self) -> float:
        return self._server.hass.loop.time()

    async def async_update(self) -> None:
        """Read all lists that are due or have changed; raises BeeperError."""
        identities = _account_states(self._server.accounts)
        if identities != self._accounts:
            self._index = PeopleIndex(self._server.accounts)
            self._accounts = identities
            self.read_again()
        if len(self._changed) > _MAX_CHANGED:
            self.invalidate()
        now = self._now
        if now >= self._last_read + _MIN_INTERVAL:
            self._last_read = now
            # Not more than two requests at a time.
            await gather(
                *([self._async_read_contacts()] if now >= self._contacts_due else ()),
                *([self._async_read_chats()] if now >= self._chats_due else ()),
            )
        await self._async_read_changed()

    async def _async_read_chats(self) -> None:
        index, began = self._index, self._now
        listed = set()
        fetch = partial(self._server.client.all_chats, None)
        async for page in pages(fetch, MAX_PAGES):
            for chat in page.items:
                index.set_chat(chat)
                listed.add(chat.id)
        index.keep_chats(listed)
        self._chats_due = began + _CHATS_MAX_AGE

    async def _async_read_contacts(self) -> None:
        index, began = self._index, self._now
        for account_id in account_ids(self._server):
            listed = set()
            fetch = in_time(
                partial(self._server.client.list_contacts, account_id), PAGE_TIMEOUT
            )
            try:
                async for page in pages(fetch, MAX_PAGES):
                    for user in page.items:
                        index.set_contact(account_id, user)
                        listed.add(user.id)
            except RouteAbsentError:
                continue  # The server is asked for each name.
            except AuthenticationError, ForbiddenError:
                raise
            except AnswerError, TimeoutError, RequestTimeoutError:
                index.not_searched.add(account_id)
            else:
                index.keep_contacts(account_id, listed)
        self._contacts_due = began + _CONTACTS_MAX_AGE

    async def _async_read_changed(self) -> None:
        """Read the chats that events named; raises BeeperError."""
        for chat_id, change in list(self._changed.items()):
            try:
                chat = await self._server.client.chat(
                    chat_id, participants=MAX_PARTICIPANTS
                )
            except AuthenticationError, ForbiddenError:
                raise
            except AnswerError:
                self._index.remove_chat(chat_id)
            else:
                self._index.set_chat(chat)
            if self._changed.get(chat_id) is change:
                del self._changed[chat_id]


def account_ids(server: Server) -> list[str]:
    """Return the IDs of all accounts, the default account even if it is not listed."""
    listed = [account.account_id for account in server.accounts]
    return [*dict.fromkeys([*listed, server.default_account_id])]


def _account_states(accounts: Iterable[Account]) -> tuple[_AccountState, ...]:
    """Return what the index depends on."""
    return tuple(
        (
            account.account_id,
            account.user.id if account.user else None,
            account.id_scheme,
            account.name,
            account.status,
        )
        for account in accounts
    )
