"""Recipients that a spoken name matches on all servers, and their spoken labels."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Final

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .. import errors
from ..api.models import readable_name
from ..const import CONF_ACCOUNT_ID, DOMAIN
from ..coordinator import BeeperConfigEntry, BeeperCoordinator
from ..people.candidates import Candidate
from ..people.directory import Directory
from ..people.match_errors import check_phone_number
from ..people.matching import Rank, SearchResult
from ..person_validation import query, recipient as validate_recipient
from ..server import Server
from .sentences import Language
from .spoken_networks import is_network

MAX_MATCHES: Final = 10


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Recipient:
    """A chat, or a person without a chat, identified by `user`.

    `name` is empty if unknown. `user` holds fields of StartUser. `detail` distinguishes
    people with the same name on one network, and `account` the user's own accounts. Not
    `certain` if only a part of the name matches, or if a server or an account that could
    not be searched may have a better match.
    """

    entry: BeeperConfigEntry
    server: Server
    account_id: str
    name: str
    network: str
    detail: str
    account: str
    chat_id: str | None
    user: Mapping[str, str]
    last_activity: datetime | None = None
    certain: bool = True

    @property
    def id(self) -> str:
        """An identifier that is accepted as a recipient."""
        return self.chat_id or next(iter(self.user.values()))

    @property
    def preference(self) -> tuple[bool, bool, float]:
        """Sorts equal matches: first is the one that the user probably means.

        A chat that was added to Home Assistant, then the default account, then the
        latest chat.
        """
        return (
            self.chat_id not in self.server.added_chat_ids,
            self.account_id != self.entry.data[CONF_ACCOUNT_ID],
            -(self.last_activity.timestamp() if self.last_activity else 0),
        )


@dataclass(kw_only=True, repr=False, eq=False)
class Matches:
    """The best matches on all servers, best first; `more` counts the omitted ones."""

    best: tuple[tuple[Rank, Candidate], ...]
    more: int


async def async_find_recipients(
    hass: HomeAssistant,
    entries: Collection[BeeperConfigEntry],
    name: str,
    network: str | None,
    language: Language,
) -> tuple[Recipient, ...]:
    """Return the best matches on all servers, in one network or in all.

    The one that the user probably means is first. Where nobody has a name such as "the
    family", those named "Family" match, but not for certain.

    Raises a translated HomeAssistantError.
    """
    found = await _async_find(hass, entries, name, network)
    bare = language.bare_name(name)
    if found or bare in (name, ""):
        return found
    return tuple(
        replace(recipient, certain=False)
        for recipient in await _async_find(hass, entries, bare, network)
    )


async def _async_find(
    hass: HomeAssistant,
    entries: Collection[BeeperConfigEntry],
    name: str,
    network: str | None,
) -> tuple[Recipient, ...]:
    try:
        text = validate_recipient(name)
    except vol.Invalid as err:
        raise errors.invalid(err.msg, field="recipient", **err.placeholders) from None
    found: list[tuple[Rank, Recipient]] = []
    is_complete = all(
        entry.state is ConfigEntryState.LOADED
        for entry in hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=False
        )
    )
    if any(entry.state is not ConfigEntryState.LOADED for entry in entries):
        raise errors.failed("unloaded")
    # An entry can be unloaded during a search.
    coordinators = [entry.runtime_data for entry in entries]
    for coordinator in coordinators:
        result = await _async_search(coordinator, text)
        found += [
            (rank, _recipient(coordinator, candidate))
            for rank, candidate in result.matches
            if rank is not Rank.LOOSE and is_network(network, candidate.network)
        ]
        is_complete &= not any(
            is_network(network, coordinator.server.network(account_id))
            for account_id in result.not_searched
        )
    if not found:
        check_phone_number(text, field="recipient")
        return tuple(_unlisted(coordinators, text, network))
    best = min(rank for rank, _ in found)
    # Speech recognition may have heard only a part of another name's word.
    certain = best <= (Rank.WORDS if is_complete else Rank.EXACT)
    return tuple(
        sorted(
            (
                replace(recipient, certain=certain)
                for rank, recipient in found
                if rank is best
            ),
            key=lambda recipient: recipient.preference,
        )
    )


async def async_find_matches(
    entries: Collection[BeeperConfigEntry],
    text: str,
    *,
    limit: int | None = MAX_MATCHES,
) -> Matches:
    """Return the people and chats on all servers that a text matches.

    Raises a translated HomeAssistantError.
    """
    matches: list[tuple[Rank, Candidate]] = []
    try:
        for coordinator in [entry.runtime_data for entry in entries]:
            result = await _async_search(coordinator, query(text))
            matches += result.matches
    except vol.Invalid as err:
        raise errors.invalid(err.msg, field="name") from None
    matches.sort(key=itemgetter(0))
    best = tuple(matches[:limit])
    return Matches(best=best, more=len(matches) - len(best))


async def _async_search(coordinator: BeeperCoordinator, text: str) -> SearchResult:
    """Return the people and chats on a server that a text matches, best first.

    Raises a translated HomeAssistantError.
    """
    return await coordinator.async_resolve(
        partial(Directory.find, account_id=None, text=text, spoken=True),
        in_order=("spoken", text),
    )


def labels(language: Language, recipients: Iterable[Recipient]) -> list[str]:
    """Return spoken labels, as short as possible while they differ."""
    recipients = list(recipients)

    def person(recipient: Recipient) -> str:
        return language.render(
            "person",
            name=language.shorten(recipient.name) or language.render("somebody"),
            network=language.shorten(recipient.network),
        )

    def detail(recipient: Recipient) -> str:
        text = recipient.detail
        if text.startswith("+"):
            return language.render("number", digits=text[-4:])
        return language.shorten(text)

    def own(recipient: Recipient) -> str:
        text = recipient.account
        if text.startswith("+"):
            return language.render("own_number", digits=text[-4:])
        return (
            language.render("own_account", account=language.shorten(text))
            if text
            else ""
        )

    variants = [
        [person(row) for row in recipients],
        [_joined(person(row), detail(row)) for row in recipients],
        [_joined(person(row), detail(row), own(row)) for row in recipients],
    ]
    names = {(row.name, row.network) for row in recipients}
    if len(names) == 1 and all(row.account for row in recipients):
        # What they have in common is left out.
        accounts = [f"{language.shorten(row.name)} {own(row)}" for row in recipients]
        variants.insert(2, accounts)
    return next(
        (variant for variant in variants if len({*variant}) == len(variant)),
        variants[-1],
    )


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _recipient(coordinator: BeeperCoordinator, candidate: Candidate) -> Recipient:
    user = candidate.users[0] if candidate.users else None
    detail = user and (user.phone_number or user.username or user.email)
    known = {"id": user.id, "phone_number": user.phone_number} if user else {}
    return Recipient(
        entry=coordinator.config_entry,
        server=coordinator.server,
        account_id=candidate.account_id,
        name=readable_name(candidate.name) or detail or "",
        network=candidate.network,
        detail=detail or "",
        account=_own_handle(coordinator, candidate.account_id),
        chat_id=candidate.chat.id if candidate.chat else None,
        user={key: value for key, value in known.items() if value},
        last_activity=candidate.last_activity,
    )


def _unlisted(
    coordinators: Iterable[BeeperCoordinator], text: str, network: str | None
) -> Iterator[Recipient]:
    """Yield a recipient for each account that may know a number or an address.

    Used if no person or chat matches. Only the network knows whether the person exists:
    the network of each server's default account, unless another one is requested.
    """
    if text.startswith("+"):
        user = {"phone_number": text}
    elif "@" in text[1:] and not {*text} & {*" :"}:
        user = {"email": text}
    else:
        return
    for coordinator in coordinators:
        default_id = coordinator.config_entry.data[CONF_ACCOUNT_ID]
        names = {
            account.account_id: account.name for account in coordinator.server.accounts
        }
        names.setdefault(default_id, coordinator.server.network(default_id))
        if is_network(network, names[default_id]):
            names = {default_id: names[default_id]}
        for account_id, name in names.items():
            if is_network(network, name):
                yield Recipient(
                    entry=coordinator.config_entry,
                    server=coordinator.server,
                    account_id=account_id,
                    name=text,
                    network=name,
                    detail=text,
                    account=_own_handle(coordinator, account_id),
                    chat_id=None,
                    user=user,
                )


def _own_handle(coordinator: BeeperCoordinator, account_id: str) -> str:
    account = coordinator.server.account(account_id)
    return (account and account.user and account.user.handle) or ""
