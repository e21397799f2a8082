"""One Beeper server as one config entry uses it: client, accounts, signed-in user."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
import re
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant

from .api.client import BeeperClient
from .api.exceptions import AuthenticationError, BeeperError
from .api.folding import fold
from .api.models import Account, Chat, ListedChat, Message, User, network_name
from .chat_numbers import ChatNumbers, is_number
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, CONF_USER_ID, DOMAIN, SUBENTRY_CHAT
from .errors import Refusal, invalid

_IMESSAGE: Final = "imessage"
"""The ID of the account for iMessage, which servers do not always list."""

_ADDRESS: Final = re.compile(r"@|\d{6,}")

MAX_CLOCK_DIFFERENCE: Final = timedelta(minutes=2)
"""Beyond it, one of the clocks is wrong."""

_CONFIRMATION_DELAY: Final = 2.0
"""Seconds before a refused token is tried again."""


class Server:
    """The server of a loaded config entry; a reload makes a new one."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: BeeperClient,
        chat_numbers: ChatNumbers,
    ) -> None:
        """Connect nothing yet; the coordinator keeps `accounts` up to date."""
        self.hass = hass
        self.entry = entry
        self.client = client
        self.chat_numbers = chat_numbers
        self._token = entry.data[CONF_TOKEN]
        self._confirmation: asyncio.Task[None] | None = None
        self.accounts: tuple[Account, ...] = ()
        self.silent_accounts: dict[str, float] = {}
        """Accounts whose contacts were not listed in time, and until when they are not
        asked again, in the event loop's time."""
        self.chat_created: float | None = None
        """When a call last created a chat, in the event loop's time."""
        self.restarted: float | None = None
        """When it answered again after it was unreachable, in the event loop's time."""
        self.off_by = 0.0
        """Seconds by which messages have shown its clock to be wrong, or 0."""

    @property
    def clock_difference(self) -> timedelta:
        """The server's clock minus Home Assistant's, as far as the server has stated it."""
        return self.client.clock_offset or timedelta()

    @property
    def is_clock_wrong(self) -> bool:
        """Whether messages have shown that, while the clocks differed as they do now."""
        off = timedelta(seconds=self.off_by)
        return bool(off) and abs(self.clock_difference - off) <= MAX_CLOCK_DIFFERENCE

    def now(self) -> datetime:
        """Return the time on the clock that messages go by: usually the server's."""
        difference = timedelta() if self.is_clock_wrong else self.clock_difference
        return datetime.now(UTC) + difference

    def earliest_now(self) -> datetime:
        """Return the earliest time that a message written now may have.

        While the clocks disagree, own messages may go by either.
        """
        difference = self.clock_difference
        if abs(difference) > MAX_CLOCK_DIFFERENCE:
            difference = min(difference, timedelta())
        return datetime.now(UTC) + difference

    def time_at(self, loop_time: float) -> datetime:
        """Return the time on the server's clock, by the event loop's time.

        While that clock is known to be wrong, the earliest that messages may have.
        """
        now = self.earliest_now() if self.is_clock_wrong else self.now()
        return now - timedelta(seconds=self.hass.loop.time() - loop_time)

    def earliest_time_at(self, loop_time: float) -> datetime:
        """Return the earliest time that a message may have, by the event loop's time."""
        return self.earliest_now() - timedelta(
            seconds=self.hass.loop.time() - loop_time
        )

    @property
    def default_account_id(self) -> str:
        """The account that new chats start from unless a call names another one."""
        account_id: str = self.entry.data[CONF_ACCOUNT_ID]
        return account_id

    @property
    def added_chat_ids(self) -> frozenset[str]:
        """The IDs of the chats that were added to Home Assistant."""
        return frozenset(
            subentry.data[CONF_CHAT_ID]
            for subentry in self.entry.get_subentries_of_type(SUBENTRY_CHAT)
        )

    def account(self, account_id: str | None) -> Account | None:
        """Return an account, None if it is not listed."""
        return next(
            (account for account in self.accounts if account.account_id == account_id),
            None,
        )

    def network(self, account_id: str) -> str:
        """Return the name of an account's network, by its ID if unlisted."""
        account = self.account(account_id)
        return account.name if account else network_name(account_id)

    @property
    def account_names(self) -> str:
        """The networks of all listed accounts, for errors."""
        names = Counter(account.name for account in self.accounts)
        return ", ".join(
            name if count == 1 else f"{name} ({count})"
            for name, count in sorted(names.items())
        )

    def resolve_account(self, text: str, *, field: str) -> str:
        """Return the ID of the account that a text names, by its ID or its network.

        A text that fits no listed account is returned as it is: Beeper omits accounts
        that work. Raises ServiceValidationError if several accounts are on the network.
        """
        if self.account(text):
            return text
        matches = [
            account.account_id
            for account in self.accounts
            if _squeezed(text) in map(_squeezed, account.network_names)
        ]
        if len(matches) > 1:
            raise invalid(
                "account_ambiguous", field=field, ids=_without_addresses(matches)
            )
        if not matches and _squeezed(text) == _IMESSAGE:
            return _IMESSAGE
        return matches[0] if matches else text

    def id_scheme(self, account_id: str | None) -> str | None:
        """Return the bridge that defines the account's user IDs, None if unknown."""
        account = self.account(account_id)
        return account.id_scheme if account else None

    def own_ids(self, account_id: str | None) -> frozenset[str]:
        """Return the signed-in user's IDs in an account."""
        account = self.account(account_id)
        ids = (
            self.entry.data.get(CONF_USER_ID),
            account and account.user and account.user.id,
        )
        return frozenset(user_id for user_id in ids if user_id)

    def is_own_id(self, account_id: str, user_id: str) -> bool:
        """Return whether an ID, in whichever form, is the signed-in user's."""
        account = self.account(account_id)
        own = account.user if account else None
        return user_id in self.own_ids(account_id) or bool(
            account and own and own.matches_id(user_id, account.id_scheme)
        )

    def is_own(self, message: Message, account_id: str | None = None) -> bool:
        """Return whether the signed-in user sent a message.

        Some networks mark own messages wrongly, so the sender is compared as well.
        `account_id` is for rows that do not name their account.
        """
        return message.is_sender or message.sender_id in self.own_ids(
            message.account_id or account_id
        )

    def is_own_in(self, chat: Chat, message: Message) -> bool:
        """Return whether the signed-in user sent a message of a chat."""
        return self.is_own(message, chat.account_id) or self.is_self(
            chat, message.sender_id
        )

    def is_self(self, chat: ListedChat, user_id: str | None) -> bool:
        """Return whether this is the signed-in user, also by the chat's participants."""
        return user_id is not None and (
            user_id in self.own_ids(chat.account_id)
            or any(user.is_self for user in chat.participants if user.id == user_id)
        )

    def others(self, chat: ListedChat, account_id: str | None = None) -> list[User]:
        """Return the people in a chat without the user and the network's own bots.

        `account_id` is for chats that do not name their account.
        """
        own_ids = self.own_ids(chat.account_id or account_id)
        return [
            user
            for user in chat.participants
            if not (user.is_self or user.is_network_bot or user.id in own_ids)
        ]

    async def resolve_chat_id(self, chat_id: str) -> str:
        """Return the ID of a chat, given by its ID or number.

        Raises BeeperError, and ServiceValidationError for a number that meant another
        chat before.
        """
        if not is_number(chat_id):
            return chat_id
        chat = await self.client.chat(chat_id, participants=0)
        self.check_chat_number(chat_id, chat)
        return chat.id

    def check_chat_number(self, text: str, chat: ListedChat) -> None:
        """Raise ServiceValidationError if a number meant another chat before."""
        if not self.chat_numbers.is_same_chat(text, chat):
            raise invalid("chat_number_changed")

    def start_reauth_if_refused(self, err: BeeperError) -> None:
        """Start reauth if the server refused the token, and refuses it again.

        A proxy, or a server that starts, may refuse one request.
        """
        is_confirming = self._confirmation and not self._confirmation.done()
        if isinstance(err, AuthenticationError) and not is_confirming:
            self._confirmation = self.entry.async_create_task(
                self.hass, self._async_confirm_refusal(), f"{DOMAIN} token"
            )

    async def _async_confirm_refusal(self) -> None:
        await asyncio.sleep(_CONFIRMATION_DELAY)
        try:
            await self.client.accounts()
        except AuthenticationError:
            self.start_reauth()
        except BeeperError:
            pass  # The next poll asks again.

    def start_reauth(self) -> None:
        """Ask the user for a new token, unless this one was replaced already."""
        if self.entry.data[CONF_TOKEN] == self._token:
            self.entry.async_start_reauth(self.hass)

    @contextmanager
    def translate_errors(
        self, refusal: Callable[[BeeperError], Refusal]
    ) -> Iterator[None]:
        """Turn API errors into translated ones; a refused token starts reauth."""
        try:
            yield
        except BeeperError as err:
            self.start_reauth_if_refused(err)
            raise refusal(err).error() from None


def _without_addresses(account_ids: Iterable[str]) -> str:
    """Return account IDs for an error, which is logged: some contain an address."""
    shown = ("…" if _ADDRESS.search(text) else text for text in account_ids)
    return ", ".join(dict.fromkeys(shown))


def _squeezed(network: str) -> str:
    """Return a network's name without case and spaces."""
    return "".join(fold(network).split())
