"""The people that names in a form match, to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import voluptuous as vol

from ..people.directory import Directory
from ..people.match_errors import Obstacle, find_obstacle
from ..people.person import Person, as_person, person_without_lookup
from ..person_validation import person_recipient
from .labels import async_time_label, join, person_label

_MAX_MATCHES: Final = 50
_NOBODY_KEYS: Final[Mapping[Obstacle | None, str]] = {
    None: "nobody_found",
    "disconnected": "nobody_found_disconnected",
    "not_searched": "nobody_found_not_searched",
}
_PHONE_PROBLEMS: Final = {"phone_invalid", "phone_no_country_code", "phone_trunk_zero"}


class NoMatchError(Exception):
    """A name matches nobody; `key` is the translation key of the reason."""

    def __init__(self, name: str, key: str, networks: str = "") -> None:
        """Keep the name, and the networks' names, for the form's error text."""
        self.name = name
        self.key = key
        self.networks = networks


@dataclass(kw_only=True, repr=False, eq=False)
class FoundPeople:
    """The matches of several names."""

    persons: dict[str, Person] = field(default_factory=dict)
    """By person ID."""
    labels: dict[str, str] = field(default_factory=dict)
    """By person ID."""
    matches: list[set[str]] = field(default_factory=list)
    """IDs of the people that match, for each name."""
    preselected: set[str] = field(default_factory=set)
    """IDs of the people that match one of the names best."""


async def async_find_people(
    directory: Directory, account_id: str, names: list[str], *, strangers: bool
) -> FoundPeople:
    """Find all matches of each name, and preselect those that match best.

    `strangers` accepts phone numbers and email addresses of unknown people. Raises
    NoMatchError for a name that matches nobody, and BeeperError.
    """
    people = FoundPeople()
    time_label = await async_time_label(directory.server.hass)
    for name in names:
        try:
            text = person_recipient(name)
        except vol.Invalid as err:
            known = err.msg in _PHONE_PROBLEMS
            raise NoMatchError(name, err.msg if known else "nobody_found") from None
        found = await directory.find(account_id, text)
        ranked = [match for match in found.matches if match[1].users]
        labels: dict[str, str] = {}
        for _, candidate in ranked[:_MAX_MATCHES]:
            person = as_person(text, candidate.name, [*candidate.users])
            people.persons[person.id] = person
            labels[person.id] = person_label(candidate, time_label)
        if not labels and strangers and (stranger := person_without_lookup(text)):
            people.persons[text] = stranger
            labels[text] = join(text, directory.server.network(account_id))
        if not labels:
            obstacle = find_obstacle(directory.server, [account_id], found.not_searched)
            reason, networks = obstacle or (None, "")
            raise NoMatchError(name, _NOBODY_KEYS[reason], networks)
        best = {
            candidate.users[0].id
            for rank, candidate in ranked
            if rank is ranked[0][0] and rank.selects
        }
        if len(best) == 1:
            people.preselected |= best
        people.labels |= labels
        people.matches.append({*labels})
    return people
