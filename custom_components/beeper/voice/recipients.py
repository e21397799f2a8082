"""Whom a name that was said can mean, on all servers, and what to call them aloud."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .. import errors
from ..const import CONF_ACCOUNT_ID, DOMAIN
from ..coordinator import BeeperConfigEntry, BeeperCoordinator
from ..people import directory
from ..people.matching import Candidate, Rank, SearchResult
from ..validation import recipient
from .sentences import Language


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Target:
    """A chat, or a person without one: then `user` is what create_chat takes.

    `detail` tells people of one name and network apart, `account` one's own accounts.
    Not `certain` if only a part of the name fits, or if somebody who could not be looked
    for may fit better.
    """

    entry: BeeperConfigEntry
    account_id: str
    name: str
    network: str
    detail: str
    account: str
    chat_id: str | None
    user: Mapping[str, str]
    certain: bool = True

    @property
    def id(self) -> str:
        """What means nobody else, and is taken as a recipient."""
        return self.chat_id or next(iter(self.user.values()))


async def async_find_targets(
    hass: HomeAssistant,
    entries: Collection[BeeperConfigEntry],
    given: str,
    network: str | None,
) -> tuple[Target, ...]:
    """Return who fits a text best, all servers taken together, in one network or in all.

    Raises a translated HomeAssistantError.
    """
    try:
        text = recipient(given)
    except vol.Invalid as err:
        raise errors.invalid(err.msg, field="recipient", **err.placeholders) from None
    found: list[tuple[Rank, Target]] = []
    searched_all = all(
        entry.state is ConfigEntryState.LOADED
        for entry in hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=False
        )
    )
    # A server can be unloaded while it or another one is asked.
    coordinators = {entry.entry_id: entry.runtime_data for entry in entries}
    for entry in entries:
        coordinator = coordinators[entry.entry_id]
        on_server = await async_search(hass, coordinator, text)
        found += [
            (rank, _target(coordinator, candidate))
            for rank, candidate in on_server.matches
            if rank is not Rank.LOOSE and is_network(network, candidate.network)
        ]
        searched_all &= not any(
            is_network(network, _network(coordinator, account_id))
            for account_id in on_server.not_searched
        )
    if not found:
        return tuple(_strangers(coordinators.values(), text, network))
    best = min(rank for rank, _ in found)
    # A part of a word may be all that was heard of another name.
    enough = Rank.WORDS if searched_all else Rank.EXACT
    certain = best <= enough
    return tuple(
        replace(target, certain=certain) for rank, target in found if rank is best
    )


async def async_search(
    hass: HomeAssistant, coordinator: BeeperCoordinator, text: str
) -> SearchResult:
    """Return whom and what a text can mean on a server, the best first.

    Raises a translated HomeAssistantError.
    """
    server = coordinator.server
    with server.translate_errors(partial(errors.not_done, network="")):
        async with coordinator.resolving:
            return await directory.find(server, None, text, spoken=True)


def is_network(wanted: str | None, network: str) -> bool:
    """Tell whether a network is the wanted one; whoever says Beeper means them all."""
    return wanted is None or wanted.casefold() in (DOMAIN, network.casefold())


def labels(language: Language, targets: Iterable[Target]) -> list[str]:
    """Return what to call people and chats, with as much as tells them apart."""

    def shown(text: str) -> str:
        return language.say("number", digits=text[-4:]) if text[:1] == "+" else text

    ways = [
        [
            language.say(
                key,
                name=target.name,
                network=target.network,
                detail=shown(target.detail),
                account=shown(target.account),
            )
            for target in targets
        ]
        for key in ("person", "person_told_apart", "person_of_account")
    ]
    return next((way for way in ways if len({*way}) == len(way)), ways[-1])


def _target(coordinator: BeeperCoordinator, candidate: Candidate) -> Target:
    user = candidate.users[0] if candidate.users else None
    detail = user and (user.phone_number or user.username or user.email)
    known = {"id": user.id, "phone_number": user.phone_number} if user else {}
    return Target(
        entry=coordinator.config_entry,
        account_id=candidate.account_id,
        name=candidate.name or detail or "?",
        network=candidate.network,
        detail=detail or "",
        account=_own_handle(coordinator, candidate.account_id),
        chat_id=candidate.chat.id if candidate.chat else None,
        user={key: value for key, value in known.items() if value},
    )


def _strangers(
    coordinators: Iterable[BeeperCoordinator], text: str, network: str | None
) -> Iterator[Target]:
    """Yield who is meant by a number or an address that nobody is found by.

    Whether there is such a person only the network knows: that of each server's
    default account, unless another one is wanted.
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
                yield Target(
                    entry=coordinator.config_entry,
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


def _network(coordinator: BeeperCoordinator, account_id: str) -> str:
    return coordinator.server.network(account_id)
