"""What is known about a server, kept up to date, and the type of its config entry."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
import logging
import random
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from . import errors
from .api.exceptions import AnswerError, BeeperError
from .api.models import Account
from .api.pages import pages
from .const import CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from .incoming.inbox import Inbox
from .server import Server
from .signals import SIGNAL_ACCOUNT_DISCONNECTED, AccountDisconnected

_LOGGER = logging.getLogger(__name__)

# Some networks, iMessage for one, emit no events: polling stays the backstop.
_POLL_INTERVAL: Final = timedelta(seconds=60)
_REFRESH_COOLDOWN: Final = 2.0
"""Seconds between reads, however much the stream tells."""

_RECONNECT_AFTER: Final = (1.0, 60.0)
"""The shortest and the longest wait in seconds before the next connection."""

_PATIENCE: Final = timedelta(minutes=5)
_MAX_PAGES: Final = 10

type BeeperConfigEntry = ConfigEntry[BeeperCoordinator]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Snapshot:
    """Unread messages by account, and by added chat; None if the server has no counts."""

    unread: Mapping[str, int] | None
    chat_unread: Mapping[str, int] | None


class BeeperCoordinator(DataUpdateCoordinator[Snapshot]):
    """One server: polled slowly, and at once when its stream tells of something."""

    config_entry: BeeperConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BeeperConfigEntry,
        server: Server,
        inbox: Inbox,
    ) -> None:
        """Start without data; `inbox` reads the messages."""
        self._refresh_soon: Debouncer[Coroutine[Any, Any, None]] = Debouncer(
            hass, _LOGGER, cooldown=_REFRESH_COOLDOWN, immediate=True
        )
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=_POLL_INTERVAL,
            request_refresh_debouncer=self._refresh_soon,
        )
        self.server = server
        self.inbox = inbox
        self.resolving = asyncio.Lock()
        """Held while it is found out who is meant, so that calls keep their order."""
        self._connected: set[str] = set()
        self._needs_user_since: dict[str, datetime] = {}

    @override
    async def _async_update_data(self) -> Snapshot:
        """Recognise the server, and read its accounts and what is unread."""
        try:
            await self.server.client.identify()
            accounts = await self.server.client.accounts()
            await self.inbox.async_load()
            self.inbox.catch_up(accounts)
            unread, chat_unread = await self._async_count_unread()
        except BeeperError as err:
            raise errors.not_set_up(err) from err
        self._tell_who_needs_the_user(accounts)
        self._tell_who_disconnected(accounts)
        self.server.accounts = accounts
        return Snapshot(unread=unread, chat_unread=chat_unread)

    async def _async_count_unread(
        self,
    ) -> tuple[Mapping[str, int] | None, Mapping[str, int] | None]:
        """Count by account and chosen chat, or not at all if it cannot be searched."""
        unread: Counter[str] = Counter()
        chat_unread: Counter[str] = Counter()
        chosen = {
            subentry.data[CONF_CHAT_ID]
            for subentry in self.config_entry.get_subentries_of_type(SUBENTRY_CHAT)
        }
        with suppress(AnswerError):
            async for page in pages(self.server.client.unread_chats, _MAX_PAGES):
                for chat in page.items:
                    unread[chat.account_id or ""] += chat.unread_count
                    if chosen_id := chosen & {chat.id, chat.merged_into_id}:
                        chat_unread[chosen_id.pop()] += chat.unread_count
            return unread, chat_unread
        return None, None

    async def async_listen(self) -> None:
        """Follow the stream for ever, with growing pauses while there is none.

        What comes is only taken as a sign to read: events come at most once, and not
        all networks have them. Trouble shows in reading, which is logged once.
        """
        shortest, longest = _RECONNECT_AFTER
        pause, gap = shortest, False
        while True:
            began = self.hass.loop.time()
            with suppress(BeeperError):
                async with self.server.client.stream() as events:
                    if gap:
                        self.inbox.doubt()
                        self._refresh_soon.async_schedule_call()
                    async for event in events:
                        self.inbox.mark(event)
                        self._refresh_soon.async_schedule_call()
            if self.hass.loop.time() - began > longest:
                pause = shortest
            gap = True
            self._refresh_soon.async_schedule_call()
            # Servers and networks come back for all at once: spread who knocks.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            pause = min(pause * 2, longest)

    @callback
    def _tell_who_disconnected(self, accounts: tuple[Account, ...]) -> None:
        """Tell once of each account that was connected and now is not."""
        for account in accounts:
            if account.is_connected:
                self._connected.add(account.account_id)
            elif account.is_down and account.account_id in self._connected:
                self._connected.remove(account.account_id)
                before = self.server.account(account.account_id)
                async_dispatcher_send(
                    self.hass,
                    SIGNAL_ACCOUNT_DISCONNECTED,
                    AccountDisconnected(
                        entry_id=self.config_entry.entry_id,
                        account_id=account.account_id,
                        network=account.network,
                        status=account.status or "",
                        previous_status=(before and before.status) or "connected",
                    ),
                )

    @callback
    def _tell_who_needs_the_user(self, accounts: tuple[Account, ...]) -> None:
        """Raise an issue for each account that waits for its user, and clear it."""
        now = dt_util.utcnow()
        waiting = {
            account.account_id: account for account in accounts if account.needs_user
        }
        listed = {account.account_id for account in accounts}
        for account_id in (listed | self._needs_user_since.keys()) - waiting.keys():
            self._needs_user_since.pop(account_id, None)
            ir.async_delete_issue(self.hass, DOMAIN, self._issue_id(account_id))
        for account_id, account in waiting.items():
            # What was said before a reload was said for a reason.
            is_said = ir.async_get(self.hass).async_get_issue(
                DOMAIN, self._issue_id(account_id)
            )
            since = self._needs_user_since.setdefault(
                account_id, now - _PATIENCE if is_said else now
            )
            if now - since >= _PATIENCE:
                ir.async_create_issue(
                    self.hass,
                    DOMAIN,
                    self._issue_id(account_id),
                    is_fixable=False,
                    severity=ir.IssueSeverity.WARNING,
                    translation_key="account_needs_user",
                    translation_placeholders={"network": account.name},
                )

    def _issue_id(self, account_id: str) -> str:
        # It is in the diagnostics; some accounts' ids tell whose they are.
        told = f"{self.config_entry.entry_id} {account_id}"
        return f"{_issue_prefix(self.config_entry)}{sha256(told.encode()).hexdigest()}"


@callback
def async_clear_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Clear what was said of the accounts of an entry that is removed."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(_issue_prefix(entry)):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def _issue_prefix(entry: ConfigEntry) -> str:
    return f"account_needs_user_{entry.entry_id}_"
