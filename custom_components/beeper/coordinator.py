"""The polled data of a server, and the type of its config entry."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
import random
from typing import Any, Final, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from . import errors
from .api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
)
from .api.http_responses import GATEWAY_STATUSES
from .api.models import Account
from .api.pages import pages
from .backoff import backoff
from .const import DOMAIN
from .fingerprint import fingerprint
from .incoming.inbox import Inbox
from .incoming.stream_watch import StreamWatch
from .issues import async_create_issue, async_delete_issue, issue_id
from .people.directory import Directory
from .people.lookup_queue import LookupQueue
from .server import Server
from .signals import SIGNAL_ACCOUNT_DISCONNECTED, AccountDisconnected

_LOGGER = logging.getLogger(__name__)

# Some networks, such as iMessage, send no events: polling is the backstop.
_POLL_INTERVAL: Final = timedelta(seconds=60)
_REFRESH_COOLDOWN: Final = 2.0
"""Seconds between refreshes, however many events arrive."""

_RECONNECT_DELAYS: Final = (1.0, 60.0)
"""The shortest and the longest time in seconds before reconnecting."""

_SECOND_REQUEST_DELAY: Final = 2.0
"""Seconds before a refused token is tried again."""

_ISSUE_DELAY: Final = timedelta(minutes=5)
"""How long an account has to need its user before there is an issue about it."""

_MAX_PAGES: Final = 10
_MAX_REASON: Final = 300
"""Characters of the reason that Beeper gives for the state of an account."""

type BeeperConfigEntry = ConfigEntry[BeeperCoordinator]


@dataclass(kw_only=True, repr=False, eq=False)
class Snapshot:
    """Unread messages by account, and by added chat; None if the server has no counts."""

    unread: Mapping[str, int] | None
    chat_unread: Mapping[str, int] | None


class BeeperCoordinator(DataUpdateCoordinator[Snapshot]):
    """One server: polled slowly, and refreshed when its stream sends an event."""

    config_entry: BeeperConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: BeeperConfigEntry,
        server: Server,
        directory: Directory,
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
        self.directory = directory
        self.inbox = inbox
        self._lookups = LookupQueue()
        self._stream_watch = StreamWatch(server)
        self._has_left_out_accounts = False
        self._connected: set[str] = set()
        self._statuses: dict[str, str | None] = {}
        self._needs_user_since: dict[str, datetime] = {}

    async def async_resolve[T](
        self,
        resolve: Callable[[Directory], Awaitable[T]],
        *,
        in_order: tuple[Hashable, str] | None = None,
    ) -> T:
        """Resolve the text that names a recipient.

        `in_order`: where which text is looked for; lookups in the same place end in the
        order of the calls. Raises a translated HomeAssistantError, also if the entry is
        unloaded during the lookup.
        """
        lookup = resolve(self.directory)
        refusal = partial(errors.not_done, accounts=self.server.account_names)
        with self.server.translate_errors(refusal):
            if in_order:
                lookup = self._lookups.run(lookup, *in_order)
            result = await lookup
        entry = self.config_entry
        if entry.state is not ConfigEntryState.LOADED or entry.runtime_data is not self:
            raise errors.failed("unloaded")
        return result

    @override
    async def _async_update_data(self) -> Snapshot:
        """Identify the server, and read its accounts and unread counts.

        Polling goes on while a reauth flow waits: the same token may work again.
        """
        accounts: tuple[Account, ...] | None = None
        try:
            accounts = await self._async_read_accounts()
            await self.inbox.async_load()
            self.server.accounts = accounts
            self._log_accounts_left_out(len(accounts))
            self.inbox.note_accounts(accounts)
            self.inbox.catch_up()
            unread, chat_unread = await self._async_count_unread()
        except BeeperError as err:
            # Where the accounts can be read, the token is good.
            if accounts is None and errors.needs_new_token(err):
                self.server.start_reauth()
            raise errors.not_set_up(err) from err
        self._close_reauth()
        self._update_issues(accounts)
        self.inbox.check_issues()
        self._publish_disconnected()
        return Snapshot(unread=unread, chat_unread=chat_unread)

    async def _async_read_accounts(self) -> tuple[Account, ...]:
        """Read the accounts; a refused token is confirmed by a second request.

        A proxy, or a server that starts, may refuse one.
        """
        try:
            await self.server.client.identify()
            return await self.server.client.accounts()
        except AuthenticationError:
            await asyncio.sleep(_SECOND_REQUEST_DELAY)
            await self.server.client.identify()
            return await self.server.client.accounts()

    def _log_accounts_left_out(self, used: int) -> None:
        """Log once that more accounts are listed than are used."""
        left_out = self.server.client.accounts_left_out
        if left_out and not self._has_left_out_accounts:
            _LOGGER.warning(
                "Beeper lists %d accounts; only the first %d are used",
                used + left_out,
                used,
            )
        self._has_left_out_accounts = bool(left_out)

    @callback
    def _close_reauth(self) -> None:
        """Close the flow that asks for a new token: the present one works."""
        for flow in list(
            self.config_entry.async_get_active_flows(self.hass, {SOURCE_REAUTH})
        ):
            self.hass.config_entries.flow.async_abort(flow["flow_id"])

    async def _async_count_unread(
        self,
    ) -> tuple[Mapping[str, int] | None, Mapping[str, int] | None]:
        """Count by account and added chat; None if the server cannot search."""
        unread: Counter[str] = Counter()
        chat_unread: Counter[str] = Counter()
        added = self.server.added_chat_ids
        with suppress(AnswerError):
            async for page in pages(self.server.client.unread_chats, _MAX_PAGES):
                for chat in page.items:
                    unread[chat.account_id or ""] += chat.unread_count
                    if added_id := added & {chat.id, chat.merged_into_id}:
                        chat_unread[next(iter(added_id))] += chat.unread_count
            return unread, chat_unread
        return None, None

    async def async_listen(self) -> None:
        """Follow the event stream forever, reconnecting with growing delays.

        Events only trigger reads: they arrive at most once, and some networks send
        none. Failures show when reading, which logs them once.
        """
        failures, gap, is_away = 0, False, False
        while True:
            began = self.hass.loop.time()
            is_open = False
            try:
                async with self.server.client.stream() as events:
                    is_open = True
                    self._stream_watch.note_open()
                    if is_away:
                        self.server.restarted, is_away = began, False
                    if gap:
                        self.inbox.invalidate()
                        self.directory.index.invalidate()
                        self._refresh_soon.async_schedule_call()
                    async for event in events:
                        self.inbox.schedule_read(event)
                        if event.type.startswith("chat."):
                            self.directory.index.note_change(event.chat_id)
                        self._refresh_soon.async_schedule_call()
            except BeeperError as err:
                if not is_open:
                    self._stream_watch.note_failure(
                        err, is_answering=self.last_update_success
                    )
                # Behind a proxy, the proxy answers.
                is_away = (
                    is_away
                    or isinstance(err, CannotConnectError)
                    or (isinstance(err, AnswerError) and err.status in GATEWAY_STATUSES)
                )
            if self.hass.loop.time() - began > _RECONNECT_DELAYS[1]:
                failures = 0
            failures += 1
            gap = True
            self._refresh_soon.async_schedule_call()
            # Jitter, so that clients do not reconnect together.
            jitter = random.uniform(0.5, 1)  # noqa: S311 - no secret
            await asyncio.sleep(backoff(failures, *_RECONNECT_DELAYS) * jitter)

    @callback
    def _publish_disconnected(self) -> None:
        """Publish each account that was connected and now is not, once."""
        for account in self.server.accounts:
            account_id, status = account.account_id, account.status
            previous = self._statuses.get(account_id)
            self._statuses[account_id] = status
            if account.is_connected:
                self._connected.add(account_id)
            elif account.is_down and account_id in self._connected:
                self._connected.remove(account_id)
                async_dispatcher_send(
                    self.hass,
                    SIGNAL_ACCOUNT_DISCONNECTED,
                    AccountDisconnected(
                        entry_id=self.config_entry.entry_id,
                        account_id=account_id,
                        network=account.network,
                        status=status or "",
                        previous_status=previous or "connected",
                    ),
                )

    @callback
    def _update_issues(self, accounts: tuple[Account, ...]) -> None:
        """Create an issue for each account that needs its user, and delete it."""
        now = dt_util.utcnow()
        waiting = {
            account.account_id: account for account in accounts if account.needs_user
        }
        listed = {account.account_id for account in accounts}
        for account_id in (listed | self._needs_user_since.keys()) - waiting.keys():
            self._needs_user_since.pop(account_id, None)
            async_delete_issue(self.hass, self._issue_id(account_id))
        for account_id, account in waiting.items():
            # An issue from before a reload has waited already.
            has_issue = ir.async_get(self.hass).async_get_issue(
                DOMAIN, self._issue_id(account_id)
            )
            since = self._needs_user_since.setdefault(
                account_id, now - _ISSUE_DELAY if has_issue else now
            )
            if now - since >= _ISSUE_DELAY:
                self._create_issue(account)

    def _create_issue(self, account: Account) -> None:
        """Create the issue of an account, with Beeper's reason if it gives one."""
        create = partial(
            async_create_issue,
            self.hass,
            self._issue_id(account.account_id),
            docs="entities.md#accounts",
        )
        reason = " ".join((account.status_text or "").split())[:_MAX_REASON]
        if reason:
            create(
                "account_needs_user_because",
                {"network": account.name, "reason": reason},
            )
        else:
            create("account_needs_user", {"network": account.name})

    def _issue_id(self, account_id: str) -> str:
        return issue_id(
            self.config_entry,
            "account_needs_user",
            fingerprint(self.config_entry, account_id),
        )
