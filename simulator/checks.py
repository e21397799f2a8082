"""Validation of queries and bodies against tables of rules.

Messages and issue codes follow zod's, as live servers return them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import math
from typing import Any

from .errors import invalid, invalid_many
from .model import Json

type Path = tuple[str | int, ...]
type Rules = Mapping[str, Rule]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "datetime": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}
_JSON_NAMES = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One field. `low` and `high` bound a number, or the length of a string or list."""

    kind: str = "string"
    required: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    default: Any = None
    starts: tuple[str, ...] = ()
    """Allowed prefixes of a string."""
    items: Rule | None = None
    """For an array: each element. For an object without `fields`: each value."""
    fields: Rules | None = None


def check(data: Json, rules: Rules, place: str, *, strict: bool = False) -> Json:
    """Return the fields of `data` that have rules, with defaults filled in.

    Raises ApiError with every issue found. `place` is `body` or `query`.
    """
    issues: list[Json] = []
    _object(data, rules, (place,), strict, issues)
    if issues:
        raise invalid_many(issues)
    return {
        name: data.get(name, rule.default)
        for name, rule in rules.items()
        if name in data or rule.default is not None
    }


def parse_json(raw: bytes) -> Json:
    """Parse a body that must be a JSON object. An empty body counts as `{}`."""
    try:
        data = json.loads(raw) if raw.strip() else {}
    except ValueError, RecursionError:
        raise invalid("body", message="Invalid JSON", code="invalid_json") from None
    if not isinstance(data, dict):
        raise invalid(
            "body",
            message=f"Expected object, received {_JSON_NAMES[type(data)]}",
            code="invalid_type",
        )
    return data


def read_query(
    pairs: Iterable[tuple[str, str]], rules: Rules, *, comma_lists: bool
) -> Json:
    """Convert query parameters to the types of their rules, and validate them.

    An empty value counts as unset. A value that cannot be converted stays a string and
    fails the validation.
    """
    found: Json = {}
    for name, text in pairs:
        if (rule := rules.get(name)) is None or not text:
            continue
        if rule.kind == "array":
            found.setdefault(name, []).extend(
                text.split(",") if comma_lists else [text]
            )
        else:
            found[name] = _from_text(text, rule.kind)
    return check(found, rules, "query")


def moment(text: str) -> datetime | None:
    """Parse an ISO 8601 date-time, UTC if it has no zone. None if it is invalid."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _from_text(text: str, kind: str) -> Any:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _object(
    data: Json, rules: Rules, path: Path, strict: bool, issues: list[Json]
) -> None:
    for name, rule in rules.items():
        if name in data:
            _value(data[name], rule, (*path, name), strict, issues)
        elif rule.required:
            issues.append(_issue("invalid_type", "Required", (*path, name)))
    if strict:
        issues.extend(
            _issue("unrecognized_keys", "Unrecognized key", (*path, name))
            for name in data.keys() - rules.keys()
        )


def _value(
    value: Any, rule: Rule, path: Path, strict: bool, issues: list[Json]
) -> None:
    if value is None and rule.nullable:
        return
    type_ = _TYPES[rule.kind]
    fits = isinstance(value, type_)
    if not fits or (isinstance(value, bool) and type_ is not bool):
        name = "string" if rule.kind == "datetime" else rule.kind
        issues.append(
            _issue(
                "invalid_type",
                f"Expected {name}, received {_JSON_NAMES[type(value)]}",
                path,
            )
        )
        return
    if rule.choices and value not in rule.choices:
        expected = " | ".join(f"'{choice}'" for choice in rule.choices)
        issues.append(
            _issue(
                "invalid_enum_value",
                f"Invalid enum value. Expected {expected}, received '{value}'",
                path,
            )
        )
    if rule.kind == "datetime" and moment(value) is None:
        issues.append(_issue("invalid_string", "Invalid datetime", path))
    if rule.starts and not value.startswith(rule.starts):
        issues.append(
            _issue(
                "invalid_string",
                f"Invalid input: must start with {' or '.join(rule.starts)}",
                path,
            )
        )
    _bounds(value, rule, path, issues)
    if isinstance(value, list) and rule.items:
        for index, item in enumerate(value):
            _value(item, rule.items, (*path, index), strict, issues)
    if isinstance(value, dict):
        if rule.fields is not None:
            _object(value, rule.fields, path, strict, issues)
        elif rule.items:
            for name, item in value.items():
                _value(item, rule.items, (*path, name), strict, issues)


def _bounds(value: Any, rule: Rule, path: Path, issues: list[Json]) -> None:
    if isinstance(value, str | list):
        size, subject, unit = (
            len(value),
            *(
                ("String", "character(s)")
                if isinstance(value, str)
                else ("Array", "element(s)")
            ),
        )
        if size < rule.low:
            issues.append(
                _issue(
                    "too_small",
                    f"{subject} must contain at least {rule.low} {unit}",
                    path,
                )
            )
        elif size > rule.high:
            issues.append(
                _issue(
                    "too_big",
                    f"{subject} must contain at most {rule.high} {unit}",
                    path,
                )
            )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < rule.low:
            issues.append(
                _issue(
                    "too_small",
                    f"Number must be greater than or equal to {rule.low}",
                    path,
                )
            )
        elif value > rule.high:
            issues.append(
                _issue(
                    "too_big", f"Number must be less than or equal to {rule.high}", path
                )
            )


def _issue(code: str, message: str, path: Path) -> Json:
    return {"code": code, "message": message, "path": list(path)}
