"""Whether a stored text is what a server made of the Markdown that was sent.

Servers before 4.2.808 store the Markdown or plain text, later ones Matrix HTML, and
EasyMatrix plain text: each is compared exactly, apart from the width of spaces and
blank lines.
"""

import html
import re
from typing import Final
import unicodedata
from urllib.parse import unquote

from ..api.folding import fold
from .markdown import escape

_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_TAG: Final = re.compile(r"<[^<>]*>")  # Linear, however many `<` have no end.
_BLOCK: Final = re.compile(
    r"^[ ]{0,3}(?:\#{1,6}(?=\s|$)|>[ ]?|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))",
    re.MULTILINE,
)
_KINDS: Final = (
    # In Markdown, and in HTML: headings, quotes, lists, struck-out text.
    (re.compile(r"^[ ]{0,3}\#{1,6}(?=\s|$)", re.MULTILINE), re.compile(r"<h[1-6]\b")),
    (re.compile(r"^[ ]{0,3}>", re.MULTILINE), re.compile(r"<blockquote\b")),
    (re.compile(r"^[ ]{0,3}[-*+](?=[ \t])", re.MULTILINE), re.compile(r"<ul\b")),
    (re.compile(r"^[ ]{0,3}\d{1,9}[.)](?=[ \t])", re.MULTILINE), re.compile(r"<ol\b")),
    (re.compile(r"(?<!\\)~~(?=\S)"), re.compile(r"<(?:del|s|strike)\b")),
)
_NUMBER: Final = re.compile(r"^[ ]{0,3}0{0,8}(\d{1,9})[.)](?=[ \t])", re.MULTILINE)
_REWRITTEN: Final = re.compile(
    r"""^[ \t>]*\d{1,9}[.)](?=[ \t])        # the numbers of a list
    | ^[ \t|:-]+$                          # the lines of a table
    | [-+](?!\d) | [\s*_~`|\#>=<\[\]()!\\\u200b]
    """,
    re.MULTILINE | re.VERBOSE,
)
_START: Final = re.compile(r"<ol\b(?:[^<>]*?\bstart=\"?(\d{1,9}))?")
"""The first number of a list; it is 1 if the list does not state it."""

_IN_HTML: Final = (
    ("code", re.compile(r"<(?:code|pre)\b")),
    ("strong", re.compile(r"<(?:strong|b)\b")),
    ("em", re.compile(r"<(?:em|i)\b")),
    ("image", re.compile(r"<img\b")),
)
_ANCHOR: Final = re.compile(r"<a\b([^<>]*)>([^<>]*)")
_HREF: Final = re.compile(r"\bhref=[\"']([^\"'<>]*)")
_SCHEME: Final = re.compile(r"^(?:https?://|mailto:)|/$")
_AUTOMATIC: Final = ("https://matrix.to/", "tel:")
"""Links of mentions and numbers."""

_FENCE: Final = re.compile(r"^[ ]{0,3}(?:```|~~~)[^\n`]*$", re.MULTILINE)
_CODE: Final = re.compile(r"(`+)(?!`)([^\n]+?)(?<!`)\1(?!`)")
_LINK: Final = re.compile(r"(!?)\[([^\[\]\n]*)\]\(([^()\s]*)(?:[ ]\"[^\"\n]*\")?\)")
_AUTOLINK: Final = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_STRONG: Final = re.compile(r"\*\*(?=\S)([^\n]+?)(?<=\S)\*\*")
_STRUCK: Final = re.compile(r"~~(?=\S)([^\n]+?)(?<=\S)~~")
_STRONG_WORD: Final = re.compile(r"(?<!\w)__(?=\S)([^\n]+?)(?<=\S)__(?!\w)")
_EMPHASIS: Final = re.compile(r"\*(?=[^\s*])([^\n*]+?)(?<=\S)\*")
_EMPHASIS_WORD: Final = re.compile(r"(?<!\w)_(?=[^\s_])([^\n_]+?)(?<=\S)_(?!\w)")
# Escaped characters are kept out of the way of the patterns above.
_PRIVATE: Final = 0xE000
_RESTORE: Final = re.compile(f"[{chr(_PRIVATE)}-{chr(_PRIVATE + 127)}]")
_MAX_RENDERED: Final = 5_000
"""Characters beyond which only exact forms are compared: time stays bounded."""

_UNMARKED: Final = ([False] * len(_KINDS), 0, frozenset[str]())


def same_text(sent: str, stored: str, *, is_rich: bool | None = None) -> bool:
    """Return whether a server may have stored this text for the Markdown sent.

    `is_rich`: the server stores HTML; None if it is not known.
    """
    forms: set[str] = set()
    if is_rich is not True:
        if sent == stored:
            return True
        forms.add(_fold(stored))
    if is_rich is not False:
        marked = _breaks(stored)
        forms.add(_fold(html.unescape(_TAG.sub(" ", marked))))
        # Inline tags may stand within words.
        forms.add(_fold(html.unescape(_TAG.sub("", marked))))
    shown = {_fold(_ESCAPED.sub(r"\1", sent))}
    text, inline = _rendered(sent)
    if is_rich is True:
        # "- 5" is a list and "*5*" is emphasized: neither is the text "5".
        stored_as = (*_marked(stored, in_html=True), _marks_in_html(stored))
        if stored_as == (*_marked(sent), inline):
            shown.add(_fold(text))
        elif stored_as != _UNMARKED:
            return False
    else:
        shown.add(_fold(text))
    if is_rich is not True:
        shown.add(_fold(sent))
    return not forms.isdisjoint(shown)


def may_be_rendered(sent: str, stored: str) -> bool:
    """Return whether a server may show this plain text for the Markdown sent.

    EasyMatrix shows formatted texts as Markdown of its own: "- milk" as "* milk", and
    tables without lines. So the signs of Markdown are not compared. That proves
    nothing, but a text without formatting is stored exactly.
    """
    if escape(_ESCAPED.sub(r"\1", sent)) == sent:
        return False
    return _without_marks(sent) == _without_marks(stored)


def _without_marks(text: str) -> str:
    return _REWRITTEN.sub("", html.unescape(text))


def _marked(text: str, *, in_html: bool = False) -> tuple[list[bool], int]:
    """Return of which kinds parts of a text are, and the first number of its lists."""
    number = (_START if in_html else _NUMBER).search(text)
    return (
        [bool(kind[in_html].search(text)) for kind in _KINDS],
        int(number[1] or 1) if number else 0,
    )


def _marks_in_html(stored: str) -> frozenset[str]:
    """Return which marks a text has within its lines, and where its links lead."""
    links = (
        (html.unescape(href[1]), html.unescape(text))
        for attributes, text in _ANCHOR.findall(stored)
        if (href := _HREF.search(attributes))
    )
    return frozenset(kind for kind, tag in _IN_HTML if tag.search(stored)) | {
        _link(href)
        for href, text in links
        # What only looks like an address becomes a link by itself.
        if not href.startswith(_AUTOMATIC)
        and _SCHEME.sub("", href) != _SCHEME.sub("", text)
    }


def _link(href: str) -> str:
    """Return what identifies the target of a link, in whichever spelling."""
    return f"link {unquote(html.unescape(href)).rstrip('/')}"


def text_key(text: str | None) -> str | None:
    """Return what texts share that differ in spaces and blank lines only."""
    return text and _fold(text)


def same_title(sent: str, stored: str) -> bool:
    """Return whether a network may have stored this title for the one sent.

    Networks trim titles, collapse spaces and normalise characters.
    """
    return _stored_title(sent) == _stored_title(stored)


def _stored_title(title: str) -> str:
    return unicodedata.normalize("NFC", " ".join(title.split()))


def _breaks(stored: str) -> str:
    return re.sub(
        r"<(?:br|/?p|/?li|/?div|/?h[1-6]|/?blockquote|/?tr)\b", r"\n\g<0>", stored
    )


def may_be_changed(sent: str, stored: str) -> bool:
    """Return whether a network may have made this of the text sent, or cut it off.

    It proves nothing, but the text must not be sent again.
    """
    first = _letters_and_digits(_rendered(sent)[0])
    second = _letters_and_digits(html.unescape(_TAG.sub("", _breaks(stored))))
    return first.startswith(second) or second.startswith(first)


def _letters_and_digits(text: str) -> str:
    return "".join(char for char in fold(text[:_MAX_RENDERED]) if char.isalnum())


def _fold(text: str) -> str:
    """Return a text whatever the width of its spaces and the number of blank lines."""
    # It marks the start of a text that begins with spaces.
    lines = text.lstrip().removeprefix("\N{ZERO WIDTH SPACE}").splitlines()
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def _rendered(markdown: str) -> tuple[str, frozenset[str]]:
    """Return the text that people see of Markdown, and its marks within the lines."""
    if len(markdown) > _MAX_RENDERED:
        return _ESCAPED.sub(r"\1", markdown), frozenset()
    marks: set[str] = set()
    text = _ESCAPED.sub(lambda match: chr(_PRIVATE + ord(match[1])), markdown)

    def restored(part: str) -> str:
        # An escaped `&` begins no entity.
        return _RESTORE.sub(
            lambda match: chr(ord(match[0]) - _PRIVATE), html.unescape(part)
        )

    for image, _, href in _LINK.findall(text):
        marks.add("image" if image else _link(restored(href)))
    for mark, pattern, group in (
        ("code", _FENCE, ""),
        ("", _BLOCK, ""),
        ("code", _CODE, r"\2"),
        ("", _LINK, r"\2"),
        ("", _AUTOLINK, r"\1"),
        ("strong", _STRONG, r"\1"),
        ("", _STRUCK, r"\1"),
        ("strong", _STRONG_WORD, r"\1"),
        ("em", _EMPHASIS, r"\1"),
        ("em", _EMPHASIS_WORD, r"\1"),
    ):
        text, count = pattern.subn(group, text)
        if count and mark:
            marks.add(mark)
    return restored(text), frozenset(marks)
