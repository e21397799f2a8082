"""From a value to its form. Nothing else of a value leaves this module."""

from itertools import groupby
import re
from typing import NamedTuple, override

from .vocabulary import ENUMS, ID_KEYS, KEYS, OPEN_ENUMS, SCHEMES, WORDS

_MAX_RUN = 3
_MAX_PARTS = 16
_SYMBOLS = frozenset("@:_-./+#!~=$ ")
_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,4}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?P<fraction>\.[0-9]+)?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_SCHEME = re.compile(r"([a-z]+):(?://)?")
_HTML = re.compile(r"</?[a-z][^<>]*>")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#[0-9]+);")
_RANDOM_ID = re.compile(r"^([$!])(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}(?=:|$)")
"""An event or room id in base64, where `-` and `_` separate nothing."""
_ID = re.compile(r"@[^\s@:]+:[^\s@]+")
_MS_2001, _MS_2100 = 978_307_200_000, 4_102_444_800_000


class Form(NamedTuple):
    """What a value looks like."""

    kind: str
    detail: str = ""

    @override
    def __str__(self) -> str:
        """Return the text for the report."""
        return f"{self.kind} {self.detail}" if self.detail else self.kind


LIKE_AN_ID = Form("text", "like a user id")


def mask(text: str) -> str:
    """Replace letters by `a`, digits by `n`, mixtures by `x`; cap long texts.

    Runs are at most 3 long, other characters than common symbols become `*`. Words
    of `WORDS` stay.
    """
    text = _RANDOM_ID.sub(r"\1aaa", text)
    masked: list[str] = []
    for is_alphanumeric, run in groupby(text, str.isalnum):
        part = "".join(run)
        masked.append(_mask_run(part) if is_alphanumeric else _mask_symbols(part))
        if len(masked) > _MAX_PARTS:
            return "".join(masked[:_MAX_PARTS]) + "…"
    return "".join(masked)


def _mask_run(run: str) -> str:
    if run in WORDS:
        return run
    letter = "a" if run.isalpha() else "n" if run.isdecimal() else "x"
    return letter * min(len(run), _MAX_RUN)


def _mask_symbols(symbols: str) -> str:
    known = [symbol if symbol in _SYMBOLS else "*" for symbol in symbols]
    return "".join(symbol for symbol, _ in groupby(known))[:_MAX_RUN]


def mask_key(key: str) -> str:
    """Return a documented key as it is, another one masked, in angle brackets."""
    return key if key in KEYS else f"<{mask(key)}>"


def version(text: str) -> str | None:
    """Return a version of the form n.n.n, else None."""
    return text if _VERSION.fullmatch(text) else None


def form_of(key: str, value: object) -> Form:
    """Return the form of a JSON value that stands under `key`.

    Items of an array stand under the key of the array.
    """
    match value:
        case None:
            return Form("null")
        case bool():
            return Form("boolean", "true" if value else "false")
        case int():
            return _integer(value)
        case float():
            return Form("number")
        case str():
            return _string(key, value)
        case list():
            return Form("array", "" if value else "(empty)")
        case _:
            return Form("object", "" if value else "(empty)")


def _integer(value: int) -> Form:
    if _MS_2001 <= value < _MS_2100:
        return Form("integer", "(time in ms)")
    if _MS_2001 <= value * 1000 < _MS_2100:
        return Form("integer", "(time in s)")
    return Form("integer", "(negative)" if value < 0 else "")


def _string(key: str, text: str) -> Form:
    if not text:
        return Form("empty string")
    if text in ENUMS.get(key, ()):
        return Form("value", f'"{text}"')
    if key == "version" and version(text):
        return Form("version", text)
    if key in ENUMS and key not in OPEN_ENUMS:
        return Form("undocumented value", f"`{mask(text)}`")
    if found := _DATE_TIME.fullmatch(text):
        zone = found["zone"]
        name = "UTC" if zone == "Z" else "with offset" if zone else "without zone"
        return Form("date-time", f"({name})")
    if key in ID_KEYS:
        return Form("id", f"`{mask(text.rstrip('='))}`")
    if (found := _SCHEME.match(text)) and found[1] in SCHEMES:
        return Form(f"{found[1]} URL")
    if text.startswith("/"):
        return Form("path")
    return _text(text)


def _text(text: str) -> Form:
    if text.removeprefix("+").isdecimal():
        return Form("digits", "after a plus" if text.startswith("+") else "")
    if _ID.fullmatch(text):
        return LIKE_AN_ID
    if "{{sender}}" in text:
        return Form("text", "with {{sender}}")
    if _HTML.search(text):
        return Form("text", "with HTML")
    return Form("text", "with entities" if _ENTITY.search(text) else "")
