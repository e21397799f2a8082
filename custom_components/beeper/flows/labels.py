"""Labels of chats, people and accounts in forms, and the selectors that list them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from unicodedata import bidirectional

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import Account, ListedChat, User
from ..api.phone_numbers import is_e164, readable
from ..const import DOMAIN
from ..people.candidates import Candidate
from ..server import Server

type TimeLabel = Callable[[datetime | None], str | None]

# Accounts that work and that Beeper does not list.
_UNLISTED: Final = {"imessage": "iMessage"}

# Errors that the user can fix. All others show as an unreadable answer.
_FORM_ERRORS: Final = {
    "cannot_connect",
    "gateway",
    "no_chats",
    "not_loaded",
    "proxy_login",
    "redirected",
    "timeout",
    "tls_failed",
    "token_refused",
}
_LEFT_TO_RIGHT: Final = "\N{LEFT-TO-RIGHT MARK}"
_RIGHT_TO_LEFT: Final = {"R", "AL"}
"""Directions of letters."""

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
    unlisted = {key: name for key, name in _UNLISTED.items() if key not in labels}
    return SelectSelector(
        SelectSelectorConfig(
            options=_options({**labels, **unlisted}),
            custom_value=True,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def account_label(account: Account, *details: str | None) -> str:
    """Return the network, the user's handle on it, and details."""
    user = account.user
    handle = (_handle(user) or user.full_name) if user else None
    return join(account.name, handle, *details)


def dropdown(options: Mapping[str, str]) -> SelectSelector:
    """Return a dropdown of options, given as labels by value."""
    return SelectSelector(
        SelectSelectorConfig(
            options=_options(options), mode=SelectSelectorMode.DROPDOWN
        )
    )


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


async def async_time_label(hass: HomeAssistant) -> TimeLabel:
    """Return a function that describes when something happened, as today or a date."""
    texts = await async_selector_texts(hass, "activity")

    def describe(time: datetime | None) -> str | None:
        if time is None:
            return None
        try:
            local = dt_util.as_local(time)
        except OverflowError:  # The first and last year in some time zones.
            return None
        days = (dt_util.now().date() - local.date()).days
        day = {0: texts.get("today"), 1: texts.get("yesterday")}.get(days)
        return f"{day} {local:%H:%M}" if day else f"{local:%Y-%m-%d}"

    return describe


async def async_selector_texts(hass: HomeAssistant, name: str) -> dict[str, str]:
    """Return translated texts of the forms, by their keys."""
    texts = await async_get_translations(
        hass, hass.config.language, "selector", {DOMAIN}
    )
    prefix = f"component.{DOMAIN}.selector.{name}.options."
    return {
        key.removeprefix(prefix): text
        for key, text in texts.items()
        if key.startswith(prefix)
    }


def chat_label(server: Server, chat: ListedChat, time_label: TimeLabel) -> str:
    """Return a label that distinguishes chats of the same title."""
    same_network = [
        account
        for account in server.accounts
        if chat.network in (account.network, account.name)
    ]
    account = server.account(chat.account_id) if len(same_network) > 1 else None
    others = [user for user in chat.participants if not server.is_self(chat, user.id)]
    is_direct = chat.type == "single" and len(others) == 1
    return join(
        with_handle(chat_title(server, chat), others[0] if is_direct else None),
        chat_network(server, chat),
        _handle(account.user) if account and account.user else None,
        time_label(chat.last_activity),
    )


def person_label(candidate: Candidate, time_label: TimeLabel) -> str:
    """Return a label that distinguishes people of the same name."""
    user = candidate.users[0]
    return join(
        with_handle(candidate.name or user.id, user),
        candidate.network,
        time_label(candidate.last_activity),
    )


def with_handle(name: str, user: User | None) -> str:
    """Return a name, and in brackets what identifies the person on the network."""
    handle = _handle(user) if user else None
    if user is None or handle is None or name == handle:
        return name
    if name == user.phone_number:
        return handle
    # After a name in Hebrew or Arabic, a number would be shown from right to left.
    mark = (
        _LEFT_TO_RIGHT if any(bidirectional(x) in _RIGHT_TO_LEFT for x in name) else ""
    )
    return f"{name}{mark} ({handle})"


def _handle(user: User) -> str | None:
    """Return a number, username or address, None if the person has only a name."""
    number = user.phone_number
    if number and is_e164(number):
        return readable(number)
    return number or user.username or user.email


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
