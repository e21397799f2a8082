"""Lookup of people on a network."""

from collections.abc import Iterator
from functools import lru_cache

from .errors import not_found
from .model import Account, Json, Person
from .text import phone_number


def find_person(account: Account, identifier: str) -> Person | None:
    """Find a contact by id, localpart, phone number, e-mail or username."""
    if direct := account.contacts.get(identifier):
        return direct
    return next(_identified(account, identifier), None)


def _identified(account: Account, identifier: str) -> Iterator[Person]:
    form = (phone_number(identifier) or identifier.removeprefix("@")).casefold()
    return (
        person for person in account.contacts.values() if form in _identities(person)
    )


def look_up(account: Account, text: str) -> list[Person]:
    """Search contacts by anything that identifies them, else by text.

    The network looks up phone numbers, so the result may include strangers.
    """
    if found := account.contacts.get(text):
        return [found]
    if several := [*_identified(account, text)]:
        return several
    if number := phone_number(text):
        stranger = _stranger(account, number, None)
        return [stranger] if stranger else []
    words = text.casefold().split()
    return [
        person
        for person in account.contacts.values()
        if all(word in haystack(person) for word in words)
    ]


def resolve(
    account: Account,
    user: Json,
    *,
    by_name: bool,
    unchecked: bool = False,
    similar: bool = False,
) -> Person:
    """Resolve the person of a start by identifier, the most reliable one first.

    Unknown but well-formed ids and unknown phone numbers become new people. `by_name`:
    a full name is enough to find a contact. `unchecked`: every other identifier also
    becomes a new person. `similar`: a text that is not an id finds people whose handle
    or name begins with it.
    """
    name = user.get("fullName")
    identifiers = [
        (key, user[key])
        for key in ("id", "phoneNumber", "email", "username")
        if user.get(key)
    ]
    for _, value in identifiers:
        if found := find_person(account, value):
            return found
    if by_name and name and not identifiers:
        for person in account.contacts.values():
            if (person.full_name or "").casefold() == name.casefold():
                return person
    if similar and (found := _similar(account, user)):
        return found
    for person in _new_people(account, identifiers, name):
        return person
    if unchecked and identifiers:
        return _unchecked(account, identifiers[0][1], name)
    raise not_found("User")


def _similar(account: Account, user: Json) -> Person | None:
    if user.get("id"):
        return None
    for key in ("username", "phoneNumber", "email", "fullName"):
        text = user.get(key, "").removeprefix("@").casefold()
        for person in account.contacts.values():
            words = haystack(person).split()
            if text and any(
                word.startswith(text) for word in [*words, haystack(person)]
            ):
                return person
    return None


def participant(
    account: Account, identifier: str, *, unchecked: bool = False
) -> Person:
    """Resolve a participant of a create; `unchecked` as for `resolve`."""
    found = find_person(account, identifier) or _by_id(account, identifier, None)
    if found is None and unchecked:
        return _unchecked(account, identifier, None)
    if found is None:
        raise not_found("User")
    return found


def display_name(person: Person) -> str:
    """The displayed name of a person."""
    return (
        person.full_name
        or person.username
        or person.phone_number
        or person.email
        or person.id
    )


def person_id(account: Account, localpart: str) -> str:
    """The id of a person on a network; the form differs for local bridges."""
    bridge, kind, provider = account.bridge
    if provider == "local":
        return f"@{localpart}:{bridge}.localhost"
    return f"@{kind}_{localpart}:beeper.com"


def haystack(person: Person) -> str:
    """The text that a search for people matches."""
    known = (person.full_name, person.username, person.phone_number, person.email)
    return " ".join(filter(None, known)).casefold()


def _identities(person: Person) -> frozenset[str]:
    """All identifiers of a person, lower case, without a leading @ or +."""
    return _forms(person.id, person.phone_number, person.email, person.username)


@lru_cache(maxsize=20_000)  # A search matches every contact.
def _forms(person_id: str, *others: str | None) -> frozenset[str]:
    localpart = person_id.removeprefix("@").partition(":")[0].casefold()
    without_network = localpart.partition("_")[2]
    forms = {value.casefold() for value in (person_id, *others) if value}
    forms |= {form.lstrip("+@") for form in forms} | {localpart, without_network}
    return frozenset(forms - {""})


def _new_people(
    account: Account, given: list[tuple[str, str]], name: str | None
) -> Iterator[Person]:
    for key, value in given:
        number = phone_number(value)
        if key == "id":
            person = _by_id(account, value, name)
        elif key == "phoneNumber" and number:
            person = _stranger(account, number, name)
        else:
            person = None
        if person:
            yield person


def _by_id(account: Account, identifier: str, name: str | None) -> Person | None:
    """Accept an unknown id if it has the network's form."""
    if ":" in identifier:
        return Person(id=identifier, full_name=name)
    digits = identifier.removeprefix("+")
    if account.phones and (number := phone_number("+" + digits)):
        return _stranger(account, number, name)
    if digits.isdigit():
        return Person(id=person_id(account, digits), full_name=name)
    return None


def _unchecked(account: Account, identifier: str, name: str | None) -> Person:
    username = identifier.removeprefix("@")
    return Person(id=person_id(account, username), full_name=name, username=username)


def _stranger(account: Account, number: str, name: str | None) -> Person | None:
    """A registered user with this phone number who is not a contact."""
    if not account.phones or number in account.unregistered:
        return None
    localpart = number.removeprefix("+")
    return Person(id=person_id(account, localpart), full_name=name, phone_number=number)
