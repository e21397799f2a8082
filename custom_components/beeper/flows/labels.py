"""Labels of chats, people and accounts in forms, and the selectors that list them."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Account, ListedChat
from ..people.matching import Candidate
from ..server import Server

# Errors that the user can fix. All others show as an unreadable answer.
_FORM_ERRORS: Final = {"cannot_connect", "not_loaded", "timeout", "token_refused"}
_MAX_NAMES: Final = 3
"""How many people replace a title."""


def choice_selector(
    options: Mapping[str, str], *, multiple: bool = False
) -> SelectSelector:
    """Return a list of options, given as labels by value."""
    return SelectSelector(
        SelectSelectorConfig(
            options=_options(options), mode=SelectSelectorMode.LIST, multiple=multiple
        )
    )


def account_selector(labels: Mapping[str, str]) -> SelectSelector:
    """Return a dropdown of accounts, given as labels by ID, that accepts other IDs."""
    return SelectSelector(
        SelectSelectorConfig(
            options=_options(labels),
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def account_label(account: Account, *details: str | None) -> str:
    """Return the network, the user's handle on it, and details."""
    return join(account.name, account.user.handle if account.user else None, *details)


def chat_title(server: Server, chat: ListedChat) -> str:
    """Return the title of a chat, or the best replacement."""
    others = [user.name for user in chat.participants if not user.is_self and user.name]
    people = ", ".join(others[:_MAX_NAMES])
    return chat.title or people or chat_network(server, chat) or chat.id


def chat_network(server: Server, chat: ListedChat) -> str | None:
    """Return the name of a chat's network, None if nothing names it."""
    if chat.network or not chat.account_id:
        return chat.network
    return server.network(chat.account_id)


def chat_label(server: Server, chat: ListedChat) -> str:
    """Return a label that distinguishes chats of the same title."""
    same_network = [
        account
        for account in server.accounts
        if chat.network in (account.network, account.name)
    ]
    account = server.account(chat.account_id) if len(same_network) > 1 else None
    return join(
        chat_title(server, chat),
        chat_network(server, chat),
        account.user.handle if account and account.user else None,
        _local_time(chat.last_activity),
    )


def person_label(candidate: Candidate) -> str:
    """Return a label that distinguishes people of the same name."""
    user = candidate.users[0]
    return join(
        candidate.name or user.id,
        candidate.network,
        user.handle,
        _local_time(candidate.last_activity),
    )


def join(*parts: str | None) -> str:
    """Join the different parts that are given."""
    return " · ".join(dict.fromkeys(part for part in parts if part))


def form_error(err: BeeperError) -> str:
    """Return the translation key of an API error in a form."""
    key, _ = errors.translation(err)
    return key if key in _FORM_ERRORS else "unreadable"


def _options(labels: Mapping[str, str]) -> list[SelectOptionDict]:
    return [
        SelectOptionDict(value=value, label=label) for value, label in labels.items()
    ]


def _local_time(time: datetime | None) -> str | None:
    if time:
        with suppress(OverflowError):  # The first and last year in some time zones.
            return f"{dt_util.as_local(time):%Y-%m-%d %H:%M}"
    return None
