"""Times, phone numbers, sort keys and message text in the API's formats."""

from datetime import datetime
import html
import json
import re
import unicodedata

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_INLINE = (
    (re.compile(r"`(.+?)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<!\w)[*_](.+?)[*_](?!\w)"), r"<em>\1</em>"),
)
_REWRITTEN = (
    (re.compile(r"^(.+)\n=+$", re.MULTILINE), r"# \1"),
    (re.compile(r"^(?:\*{3,}|- - -)$", re.MULTILINE), "---"),
    (re.compile(r"^\|[-:|]+\|$\n?", re.MULTILINE), ""),
    (re.compile(r"^\|(.+)\|$\n?", re.MULTILINE), lambda row: row[1].replace("|", "")),
    (re.compile(r"^[-+] ", re.MULTILINE), "* "),
    (re.compile(r"^(\d+)\) ", re.MULTILINE), r"\1. "),
    (re.compile(r"(?<!\\)__(.+?)__"), r"**\1**"),
    (re.compile(r"(?<![\\*])\*(?![* ])([^*\n]+)\*"), r"_\1_"),
    (re.compile(r"\\\n"), "\n"),
)
"""Measured."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTERS = re.compile(r"k[0-9a-z]{8}")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def iso(moment: datetime) -> str:
    """`2026-05-05T20:11:54.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def phone_number(text: str) -> str | None:
    """Normalize to E.164; None unless it is an international number."""
    number = re.sub(r"[\s().-]", "", text.removeprefix("tel:"))
    number = re.sub(r"^00", "+", number)
    return number if _E164.fullmatch(number) else None


def fold(title: str) -> str:
    """Trim a title, collapse its spaces and compose its characters (NFC)."""
    return unicodedata.normalize("NFC", " ".join(title.split()))


def letters(number: int) -> str:
    """Encode a number as a sort key of letters and digits that keeps the order."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return "k" + digits.rjust(8, "0")


def number_of(key: str) -> int | None:
    """Decode a sort key of `letters`; None if it is not one."""
    return int(key[1:], 36) if _LETTERS.fullmatch(key) else None


def plain_to_html(text: str) -> str:
    """Convert plain text, as typed in another app, to Matrix HTML."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def rewritten_markdown(text: str) -> str:
    """Return Markdown as EasyMatrix shows it: other signs, no tables, no escapes."""
    for pattern, replacement in _REWRITTEN:
        text = pattern.sub(replacement, text)
    return _ESCAPED.sub(r"\1", text)


def markdown_to_html(text: str) -> str:
    r"""Convert the text of a send request to Matrix HTML.

    Supports a subset of Markdown: paragraphs, line breaks, bold, emphasis, code,
    backslash escapes. Spaces at both ends are removed. A JSON string that contains HTML
    is used verbatim.
    """
    if text.startswith('"') and "<" in text:
        try:
            return str(json.loads(text))
        except ValueError:
            pass
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        """Replace an escaped character by a private-use one that no pattern matches."""
        kept.append(html.escape(match[1], quote=False))
        return chr(0xE000 + len(kept) - 1)

    shown = html.escape(_ESCAPED.sub(keep, text), quote=False)
    for pattern, replacement in _INLINE:
        shown = pattern.sub(replacement, shown)
    for index, character in enumerate(kept):
        shown = shown.replace(chr(0xE000 + index), character)
    return "".join(
        f"<p>{part.strip().replace('\n', '<br>')}</p>"
        for part in re.split(r"\n\n+", shown)
        if part.strip()
    )
