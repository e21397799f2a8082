"""Validators of fields that name a person or chat, by a name, number, address or ID.

They work like those of `validation`.
"""

from contextlib import suppress
import re
from typing import Any, Final

import voluptuous as vol

from .api import phone_numbers
from .api.phone_numbers import MIN_PHONE_DIGITS
from .validation import identifier, unique_list

_EMAIL: Final = re.compile(
    r"[^@\s<>,;\u200b-\u200f\u2060]+@[^@\s<>,;\u200b-\u200f\u2060]+"
)


def recipient(value: Any) -> str:
    """Return a phone number in E.164, or a name, title, handle, ID or email address.

    Digits without country code may be a title, such as 2026/2027: see `person_recipient`.
    """
    if isinstance(value, list):
        raise vol.Invalid("several_recipients")
    return _phone_number_or_name(value, titles=True)


def person_recipient(value: Any) -> str:
    """Return what `recipient` returns, but digits without letters are a phone number."""
    return _phone_number_or_name(value, titles=False)


def person_recipients(value: Any) -> list[str]:
    """Return one person or a list of people as a list without duplicates."""
    if not isinstance(value, list | tuple):
        return [person_recipient(value)]
    return unique_list(value, person_recipient)


def sender(value: Any) -> str:
    """Return an ID, address, name or number, which needs its country code."""
    text = identifier(value)
    # What was a number in YAML has lost its plus, and nothing but digits.
    return person_recipient(
        f"+{text}" if re.fullmatch(r"[1-9]\d{6,14}", text) else text
    )


def senders(value: Any) -> list[str]:
    """Return one sender or a list of senders as a list without duplicates."""
    return unique_list(value, sender)


def query(value: Any) -> str:
    """Return a search text; an international phone number in E.164."""
    with suppress(vol.Invalid):
        return phone_number(value)
    return identifier(value)


def phone_number(value: Any) -> str:
    """Return an international phone number in E.164.

    Refuses a number without its `+` and a number in a national format: the country must
    not be guessed. With a zero for national calls, it could be another person's.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise vol.Invalid("phone_integer")
    try:
        return phone_numbers.parse(identifier(value))
    except phone_numbers.PhoneNumberError as err:
        raise _invalid_number(err) from None


def email(value: Any) -> str:
    """Return an email address without `mailto:`; refuse text in another format."""
    address = identifier(value).removeprefix("mailto:")
    if not _EMAIL.fullmatch(address):
        raise vol.Invalid("not_email")
    return address


def _phone_number_or_name(value: Any, *, titles: bool) -> str:
    if isinstance(value, int) and value >= 10 ** (MIN_PHONE_DIGITS - 1):
        raise vol.Invalid("phone_integer")
    name = identifier(value)
    if name[:7].lower() == "mailto:":
        return email(name[7:])
    try:
        return phone_numbers.parse(name)
    except phone_numbers.PhoneNumberError as err:
        if phone_numbers.is_marked(name) or (
            not titles and phone_numbers.is_digits(name)
        ):
            raise _invalid_number(err) from None
    return name


def _invalid_number(err: phone_numbers.PhoneNumberError) -> vol.Invalid:
    return vol.Invalid(
        err.problem,
        placeholders={"code": f"+{err.country_code}"} if err.country_code else {},
    )
