"""Why a text matches nobody, or several: the errors, without personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

import voluptuous as vol

from homeassistant.exceptions import ServiceValidationError

from .. import errors
from ..api.exceptions import NoChatsError
from ..api.models import AccountStatus
from ..person_validation import person_recipient
from ..server import Server
from .candidates import Candidate, group_by_person
from .matching import Rank, select_best

type Obstacle = Literal["disconnected", "not_searched"]
"""Why somebody may not be found: an account without its network, or its contacts."""

_KEYS: Final[Mapping[Obstacle, str]] = {
    "disconnected": "recipient_disconnected",
    "not_searched": "recipient_not_searched",
}


@dataclass(kw_only=True, repr=False, eq=False)
class CandidateSearch:
    """The candidates that were read, and the searched accounts.

    `not_searched` are the accounts whose contacts could not be searched.
    """

    account_ids: Sequence[str]
    candidates: Sequence[Candidate]
    not_searched: Sequence[str] = ()


async def match_error(
    server: Server,
    search: CandidateSearch,
    field: str,
    count: int,
    ranked: Sequence[tuple[Rank, Candidate]],
) -> ServiceValidationError:
    """Return the error for no or several matches, without personal data.

    `count` is the number of matches that are good enough to select somebody. Parts of
    phone numbers and handles do not count as matches. Raises NoChatsError if nobody
    can be found yet.
    """
    best = select_best(ranked)
    candidates = best or [
        candidate for rank, candidate in ranked if rank is not Rank.LOOSE
    ]
    if not candidates:
        if not any(candidate.chat for candidate in search.candidates):
            await check_loaded(server)
        return _nobody(server, search, field)
    networks = sorted({candidate.network for candidate in candidates})
    return errors.invalid(
        "recipient_ambiguous" if best else "recipient_only_part",
        field=field,
        count=str(count or _count(candidates)),
        networks=", ".join(networks),
    )


def _nobody(
    server: Server, search: CandidateSearch, field: str
) -> ServiceValidationError:
    """Return the error for no match, with the reason if a search was incomplete."""
    if obstacle := find_obstacle(server, search.account_ids, search.not_searched):
        reason, networks = obstacle
        return errors.invalid(_KEYS[reason], field=field, networks=networks)
    if not any(map(server.account, search.account_ids)):
        return errors.invalid(
            "recipient_account_unknown", field=field, accounts=server.account_names
        )
    return errors.invalid("recipient_not_found", field=field)


def find_obstacle(
    server: Server, account_ids: Sequence[str], not_searched: Sequence[str] = ()
) -> tuple[Obstacle, str] | None:
    """Return why a search of accounts may be incomplete, and the names of the networks.

    `not_searched` are the accounts whose contacts could not be searched.
    """
    disconnected = [
        account.account_id
        for account_id in account_ids
        if (account := server.account(account_id))
        and (account.is_down or account.status == AccountStatus.CONNECTING)
    ]
    if not (affected := disconnected or not_searched):
        return None
    networks = sorted({server.network(account_id) for account_id in affected})
    return "disconnected" if disconnected else "not_searched", ", ".join(networks)


async def check_loaded(server: Server) -> None:
    """Raise NoChatsError if the server lists no chats at all, as after a restart."""
    if not (await server.client.chats()).items:
        raise NoChatsError(HTTPStatus.SERVICE_UNAVAILABLE)


def check_phone_number(text: str, *, field: str) -> None:
    """Refuse a phone number without country code, if no title matches it.

    Raises a translated ServiceValidationError.
    """
    try:
        person_recipient(text)
    except vol.Invalid as err:
        raise errors.invalid(err.msg, field=field, **err.placeholders) from None


def _count(candidates: Sequence[Candidate]) -> int:
    """Return the number of people and groups."""
    people = [candidate for candidate in candidates if candidate.users]
    return len(candidates) - len(people) + len(group_by_person(people))
