"""What a field of an action accepts, and what Home Assistant made of it on the way.

Templates and YAML turn text that looks like a number into a number. Each validator
returns the value to send, or raises `vol.Invalid` with the key of a translated text.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
import re
from typing import Any, Final
import unicodedata

import voluptuous as vol

from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

MAX_FILE_NAME: Final = 200
MAX_TEXT_BYTES: Final = 100 * 1024

_EMAIL: Final = re.compile(
    r"[^@\s<>,;\u200b-\u200f\u2060]+@[^@\s<>,;\u200b-\u200f\u2060]+"
)
_INVISIBLE: Final = re.compile(
    r"^[\s\x00-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
    r"|[\s\x00-\x1f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+$"
)
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_PHONE_DIGITS: Final = 7
_PICTURE_ENTITY: Final = re.compile(r"(camera|image)\.[a-z0-9_]+")


def without_blanks(value: Mapping[Any, Any]) -> dict[Any, Any]:
    """Leave out what is null or empty: what templates and forms make of not given."""
    return {key: value[key] for key in value if value[key] not in (None, "", [], {})}


def only_known(value: Iterable[object], known: Iterable[object]) -> None:
    """Refuse the first field that is not one of the known."""
    fields = [str(field) for field in known]
    for field in value:
        if field not in fields:
            # What is no field name may be anything, and the text reaches logs.
            name = field if re.fullmatch(r"[a-z_]{1,30}", str(field)) else "…"
            raise vol.Invalid(
                "unknown_field",
                path=[name],
                placeholders={"fields": ", ".join(sorted(fields))},
            )


def text(value: Any) -> str:
    """Accept text as it is, and the number that a template made of it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise vol.Invalid("not_text")
    accepted = str(value)
    try:
        size = len(accepted.encode())
    except UnicodeEncodeError:
        raise vol.Invalid("not_unicode") from None
    if size > MAX_TEXT_BYTES:
        raise vol.Invalid("text_too_long")
    return accepted


def visible_text(value: Any) -> str:
    """Accept text as it is, unless nothing of it can be seen."""
    accepted = text(value)
    if not _INVISIBLE.sub("", accepted):
        raise vol.Invalid("blank")
    return accepted


def identifier(value: Any) -> str:
    """Accept an id, a handle or a name: text that is not blank."""
    if isinstance(value, float):
        raise vol.Invalid("not_text")
    # What is invisible comes along when a name or number is copied.
    visible = _INVISIBLE.sub("", text(value))
    if not visible:
        raise vol.Invalid("blank")
    return visible


def identifiers(value: Any) -> list[str]:
    """Accept a list of ids, or one alone; who is in it twice counts once."""
    return _several(value, identifier)


def reaction(value: Any) -> str:
    """Accept an emoji or a word, but no number: the word `+1` becomes a 1."""
    if isinstance(value, int):
        raise vol.Invalid("not_text")
    return identifier(value)


def recipients(value: Any) -> list[str]:
    """Accept a list of what `recipient` accepts, or one alone."""
    return _several(value, recipient)


def _several(value: Any, validate: Callable[[Any], str]) -> list[str]:
    if not isinstance(value, list | tuple):
        value = [value]
    accepted = []
    for index, item in enumerate(value):
        try:
            accepted.append(validate(item))
        except vol.Invalid as err:
            err.prepend([index])
            raise
    return list(dict.fromkeys(accepted))


def recipient(value: Any) -> str:
    """Accept a name, title, handle or id as it is, a number in E.164, an address bare.

    What consists of digits is taken for a number, and refused without country code.
    """
    if isinstance(value, int) and value >= 10 ** (_PHONE_DIGITS - 1):
        raise vol.Invalid("phone_integer")
    name = identifier(value)
    if name[:7].lower() == "mailto:":
        return email(name[7:])
    digits = sum(char.isdigit() for char in name)
    if name[:4].lower() == "tel:" or (
        digits >= _PHONE_DIGITS and not any(char.isalpha() for char in name)
    ):
        return phone_number(name)
    return name


def query(value: Any) -> str:
    """Accept what to look for, an international number in E.164."""
    with suppress(vol.Invalid):
        return phone_number(value)
    return identifier(value)


def entity_id(value: Any) -> str:
    """Accept one entity, alone or in a list, as targets come in."""
    if isinstance(value, list | tuple):
        if len({*map(str, value)}) != 1:
            raise vol.Invalid("not_one_entity")
        value = value[0]
    return identifier(value)


def attachment(value: Any) -> str:
    """Accept what a media selector gives, or the text in it; return that."""
    if isinstance(value, dict):
        value = value.get("media_content_id", "")
    location = identifier(value)
    scheme, found, rest = location.partition("://")
    if found:
        known = bool(rest) and scheme.lower() in ("http", "https", "media-source")
    else:
        known = bool(location.startswith("/") or _PICTURE_ENTITY.fullmatch(location))
    if not known:
        raise vol.Invalid("not_attachment")
    return location


def file_name(value: Any) -> str:
    """Accept the name of a file, without any directory."""
    name = identifier(value)
    if not name.isprintable() or {*name} & {*"/\\"} or len(name) > MAX_FILE_NAME:
        raise vol.Invalid("not_file_name")
    return name


def media_folder(value: Any) -> str:
    """Accept folders below one another, the first within the media folder."""
    folder = identifier(value).removesuffix("/")
    for part in folder.split("/"):
        if (
            not part.isprintable()
            or part.strip(" .") != part
            or {*part} & {*'\\~<>:"|?*'}
            or ".." in part
            or not 0 < len(part.encode()) <= MAX_FILE_NAME
        ):
            raise vol.Invalid("not_media_folder")
    return folder


def boolean(value: Any) -> bool:
    """Accept what Home Assistant takes for true and false."""
    try:
        return bool(cv.boolean(value))
    except vol.Invalid:
        raise vol.Invalid("not_boolean") from None


def one_of(*choices: str) -> Callable[[Any], str]:
    """Accept one of a few words."""

    def validate(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise vol.Invalid(
                "not_one_of", placeholders={"choices": ", ".join(choices)}
            )
        return value

    return validate


def some_of(*choices: str) -> Callable[[Any], list[str]]:
    """Accept a list of a few words, or one alone."""
    accept = one_of(*choices)

    def validate(value: Any) -> list[str]:
        values = value if isinstance(value, list | tuple) else [value]
        return list(dict.fromkeys(map(accept, values)))

    return validate


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Accept a whole number within bounds, and the text or float that it became."""

    def validate(value: Any) -> int:
        try:
            number = int(str(value).removesuffix(".0"))
        except ValueError:
            number = low - 1
        if isinstance(value, bool) or not low <= number <= high:
            raise vol.Invalid(
                "not_integer", placeholders={"low": str(low), "high": str(high)}
            )
        return number

    return validate


def datetime_(value: Any) -> datetime:
    """Accept a date or a time of one; without an offset it is Home Assistant's time."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    with suppress(ValueError, OverflowError):
        if isinstance(value, str):
            value = dt_util.parse_datetime(value.strip())
        if isinstance(value, datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=dt_util.DEFAULT_TIME_ZONE)
            accepted: datetime = value
            accepted.astimezone(UTC)  # Not all of the years 1 and 9999 exist there.
            return accepted
    raise vol.Invalid("not_moment")


def email(value: Any) -> str:
    """Accept an address as far as its form can be judged."""
    address = identifier(value).removeprefix("mailto:")
    if not _EMAIL.fullmatch(address):
        raise vol.Invalid("not_email")
    return address


def phone_number(value: Any) -> str:
    """Return an international number in E.164.

    A number that lost its `+` on the way is refused, like one in a national form:
    which country is meant is nobody's to guess.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise vol.Invalid("phone_integer")
    number = identifier(value)
    if number[:4].lower() == "tel:":
        number = number[4:]
    # In `+44 (0)20 7946` or `+44 (020) 7946` the zero is dialled at home only; sent
    # along, it could reach somebody else.
    if re.search(r"[(\[]\s*0", number):
        raise vol.Invalid("phone_invalid")
    number = "".join(
        char
        for char in number
        if char not in ".()[]\t\N{MINUS SIGN}"
        and unicodedata.category(char) not in ("Zs", "Cf", "Pd")
    )
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if _E164.fullmatch(number):
        return number
    if number.isascii() and number.isdigit():
        raise vol.Invalid("phone_no_country_code")
    raise vol.Invalid("phone_invalid")
