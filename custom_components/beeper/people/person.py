"""A person to write to, with the identifiers that do not change."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..api.models import User
from ..api.phone_numbers import is_e164
from ..api.requests import StartUser
from ..api.user_ids import is_email


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Person:
    """The person that a `text` resolves to.

    `user` holds the identifiers that do not change. `id` is empty for a phone number or
    an email address, which the server resolves.
    """

    text: str
    user: StartUser
    id: str = ""
    name: str | None = None


def person_without_lookup(text: str) -> Person | None:
    """Return the person with a phone number or email address, None for other texts."""
    if is_e164(text):
        return Person(text=text, user=StartUser(phone_number=text))
    if is_email(text):
        return Person(text=text, user=StartUser(email=text))
    return None


def as_person(text: str, name: str | None, users: list[User]) -> Person:
    """Return the person listed as `users`, with the identifiers they agree on."""
    number = _agreed(user.phone_number for user in users)
    named_id = next((user.id for user in users if user.id == text), None)
    same_id = named_id or _agreed(user.id for user in users)
    return Person(
        text=text,
        user=StartUser(
            # Any of several IDs may be outdated; the phone number is not.
            id=same_id or (None if number else users[0].id),
            email=_agreed(user.email for user in users),
            phone_number=number,
            username=_agreed(user.username for user in users),
        ),
        id=same_id or users[0].id,
        name=name,
    )


def _agreed(values: Iterable[str | None]) -> str | None:
    """Return the value if all that are given agree, else None."""
    known = {value for value in values if value}
    return known.pop() if len(known) == 1 else None
