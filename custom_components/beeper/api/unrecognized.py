"""Counts of what a server sent that the client does not understand.

For reports about servers that nobody here has seen. They hold no content: words of
enumerations, and the shape of values.
"""

from collections import Counter
import re
from typing import Any, Final, Literal

from .requests import Json

type UnrecognizedKind = Literal["account_status", "event", "message_type", "response"]

_MAX_ENTRIES: Final = 50
_MAX_KEYS: Final = 40
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z_.-]{0,31}", re.ASCII)


class Unrecognized:
    """What was not understood since the client was made."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._counts: Counter[tuple[UnrecognizedKind, str, str]] = Counter()

    def add(self, kind: UnrecognizedKind, word: str, value: Json = None) -> None:
        """Count an unknown word, with the shape of the value that it is part of."""
        entry = (kind, _masked(word), shape(value) if value is not None else "")
        if entry in self._counts or len(self._counts) < _MAX_ENTRIES:
            self._counts[entry] += 1

    def as_list(self) -> list[dict[str, Any]]:
        """Return the counts for a report, the most frequent first."""
        return [
            {"kind": kind, "word": word, "shape": described or None, "count": count}
            for (kind, word, described), count in self._counts.most_common()
        ]


def shape(value: Json, depth: int = 2) -> str:
    """Return the keys and types of a JSON value, without the values."""
    match value:
        case dict() if depth:
            keys = sorted(
                {(_masked(key), shape(item, depth - 1)) for key, item in value.items()}
            )
            return (
                "{"
                + ", ".join(f"{key}: {kind}" for key, kind in keys[:_MAX_KEYS])
                + "}"
            )
        case list() if depth:
            return f"[{' | '.join(sorted({shape(item, depth - 1) for item in value[:_MAX_KEYS]}))}]"
        case dict():
            return "{}"
        case list():
            return "[]"
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return "text"


def _masked(word: object) -> str:
    """Return a word of the kind that programs use, "?" for anything else."""
    return word if isinstance(word, str) and _WORD.fullmatch(word) else "?"
