"""Validators of the fields of actions, triggers and conditions.

Templates and YAML turn text that looks like a number into a number. Each validator
returns the value to send, or raises `vol.Invalid` with the key of a translated text.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
import re
from typing import Any, Final
from unicodedata import category
from urllib.parse import unquote

import voluptuous as vol

from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.template import ResultWrapper
from homeassistant.util import dt as dt_util

from .api.folding import fold, is_blank

_MAX_FILE_NAME_LENGTH: Final = 200
"""Characters of a file's name, bytes of a folder's."""

_MAX_TEXT_BYTES: Final = 100 * 1024

_BLANKS: Final[tuple[object, ...]] = (None, "", [], {})

# Without variation selectors, which belong to the emoji before them.
_BLANK: Final = (
    r"[\s\x00-\x1f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u2069\u2800\u3164\ufeff\uffa0]+"
)
_INVISIBLE: Final = re.compile(rf"^{_BLANK}|{_BLANK}$")
_NUMBER: Final = re.compile(r"\s*[+-]?\d[\d., ]*\s*")
_IMAGE_ENTITY: Final = re.compile(r"(camera|image)\.[a-z0-9_]+")


def without_blanks(value: Mapping[Any, Any]) -> dict[Any, Any]:
    """Remove null and empty values, which templates and forms produce for no value."""
    return {
        key: item
        for key, item in value.items()
        if item not in _BLANKS
        # A form returns a row that nobody filled in.
        and not (isinstance(item, list) and all(row == "" for row in item))
    }


def only_known(value: Iterable[object], known: Iterable[object]) -> None:
    """Refuse unknown fields; raises vol.Invalid for the first one."""
    fields = [str(field) for field in known]
    for field in value:
        if field not in fields:
            # The text is logged: it must not repeat arbitrary content.
            name = field if re.fullmatch(r"[a-z_]{1,30}", str(field)) else "…"
            raise vol.Invalid(
                "unknown_field",
                path=[name],
                placeholders={"fields": ", ".join(sorted(fields))},
            )


def text(value: Any) -> str:
    """Return text unchanged, or as text if a template turned it into a number.

    Home Assistant makes a tuple of "21,5" and keeps the original text.
    """
    if (
        isinstance(value, tuple)
        and isinstance(value, ResultWrapper)
        and _NUMBER.fullmatch(value.render_result or "")
    ):
        value = value.render_result
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise vol.Invalid("not_text")
    result = str(value)
    try:
        size = len(result.encode())
    except UnicodeEncodeError:
        raise vol.Invalid("not_unicode") from None
    if size > _MAX_TEXT_BYTES:
        raise vol.Invalid("text_too_long")
    return result


def visible_text(value: Any) -> str:
    """Return text unchanged; refuse text without visible characters."""
    result = text(value)
    if is_blank(result):
        raise vol.Invalid("blank")
    return result


def trimmed(value: str) -> str:
    """Return a text without spaces and invisible characters around it."""
    return _INVISIBLE.sub("", value)


def identifier(value: Any) -> str:
    """Return an ID, handle or name without invisible characters around it."""
    if isinstance(value, list):
        raise vol.Invalid("several_values")
    if isinstance(value, float):
        raise vol.Invalid("not_text")
    # Copying a name or number often copies invisible characters with it.
    visible = trimmed(text(value))
    # What is compared would be empty, and the same as everything else of that kind.
    if not any(map(fold, visible)):
        raise vol.Invalid("blank")
    return visible


def identifiers(value: Any) -> list[str]:
    """Return one ID or a list of IDs as a list without duplicates."""
    return unique_list(value, identifier)


def reaction(value: Any) -> str:
    """Return an emoji or a word; refuse numbers, as YAML turns `+1` into 1."""
    if isinstance(value, int):
        raise vol.Invalid("not_text")
    return identifier(value)


def unique_list(value: Any, validate: Callable[[Any], str]) -> list[str]:
    """Validate one value or a list; an error's path includes the index."""
    validated = []
    for index, item in enumerate(as_list(value)):
        try:
            validated.append(validate(item))
        except vol.Invalid as err:
            err.prepend([index])
            raise
    return list(dict.fromkeys(validated))


def as_list(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return a list as it is, and one value as a list."""
    return value if isinstance(value, list | tuple) else [value]


def entity_id(value: Any) -> str:
    """Return one entity ID; action targets contain it in a list."""
    values = as_list(value)
    if len({*map(str, values)}) != 1:
        raise vol.Invalid("not_one_entity")
    return identifier(values[0])


def target_ids(value: Any) -> list[str]:
    """Return IDs of entities, devices, areas, floors or labels, also after commas."""
    if isinstance(value, list):
        return identifiers(value)
    return identifiers(identifier(value).split(","))


def attachment(value: Any) -> str:
    """Return a location: a URL, path or entity ID.

    Also from a target, or from what a media selector returns.
    """
    if isinstance(value, list | tuple) and value:
        if len(value) > 1:
            raise vol.Invalid("several_attachments")
        value = value[0]
    if isinstance(value, dict):
        if "entity_id" in value:
            value = entity_id(value["entity_id"])
        else:
            value = value.get("media_content_id", "")
    location = identifier(value)
    scheme, found, rest = location.partition("://")
    if found:
        known = bool(rest) and scheme.lower() in ("http", "https", "media-source")
    else:
        known = bool(location.startswith("/") or _IMAGE_ENTITY.fullmatch(location))
    if not known or any(category(char) in ("Cc", "Cs") for char in location):
        raise vol.Invalid("not_attachment")
    return location


def file_name(value: Any) -> str:
    """Return a file name; refuse paths."""
    name = decoded = identifier(value)
    if len(name) > _MAX_FILE_NAME_LENGTH:
        raise vol.Invalid("not_file_name")
    while (again := unquote(decoded)) != decoded:
        decoded = again
    if not decoded.isprintable() or not decoded.strip(" .") or {*decoded} & {*"/\\"}:
        raise vol.Invalid("not_file_name")
    return name


def media_folder(value: Any) -> str:
    """Return a folder path relative to the media folder; refuse paths out of it."""
    folder = identifier(value).removesuffix("/")
    for part in folder.split("/"):
        if (
            not part.isprintable()
            or part.strip(" .") != part
            or {*part} & {*'\\~<>:"|?*'}
            or ".." in part
            or not 0 < len(part.encode()) <= _MAX_FILE_NAME_LENGTH
        ):
            raise vol.Invalid("not_media_folder")
    return folder


def boolean(value: Any) -> bool:
    """Return a boolean, from the values that Home Assistant accepts for one."""
    try:
        return bool(cv.boolean(value))
    except vol.Invalid:
        raise vol.Invalid("not_boolean") from None


def one_of(*choices: str) -> Callable[[Any], str]:
    """Return a validator that accepts one of the choices."""

    def validate(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise vol.Invalid(
                "not_one_of", placeholders={"choices": ", ".join(choices)}
            )
        return value

    return validate


def some_of(*choices: str) -> Callable[[Any], list[str]]:
    """Return a validator that accepts one or several of the choices."""
    validate_one = one_of(*choices)

    def validate(value: Any) -> list[str]:
        return list(dict.fromkeys(map(validate_one, as_list(value))))

    return validate


def integer(low: int, high: int) -> Callable[[Any], int]:
    """Return a validator of integers in a range, also as text or float."""

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


def duration(longest: timedelta) -> Callable[[Any], timedelta]:
    """Return a validator of durations longer than zero, up to the longest."""

    def validate(value: Any) -> timedelta:
        with suppress(vol.Invalid, ValueError, OverflowError, TypeError):
            result: timedelta = cv.time_period(value)
            if not isinstance(value, bool) and timedelta() < result <= longest:
                return result
        raise vol.Invalid(
            "not_duration",
            placeholders={"hours": str(int(longest.total_seconds() // 3600))},
        )

    return validate


def datetime_(value: Any) -> datetime:
    """Return an aware datetime; without an offset, it is in Home Assistant's time zone."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    with suppress(ValueError, OverflowError):
        if isinstance(value, str):
            value = dt_util.parse_datetime(value.strip())
        if isinstance(value, datetime):
            if value.tzinfo is None:
                value = value.replace(tzinfo=dt_util.DEFAULT_TIME_ZONE)
            result: datetime = value
            # The years 1 and 9999 do not exist completely in UTC.
            result.astimezone(UTC)
            return result
    raise vol.Invalid("not_moment")
