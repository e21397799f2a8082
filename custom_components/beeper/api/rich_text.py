"""Conversion of message texts, which Beeper stores as Matrix HTML, to plain text."""

from html import unescape
from html.parser import HTMLParser
import re
from typing import Final, override

_BLOCKS: Final = frozenset(
    [
        "blockquote",
        "div",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "table",
        "tr",
        "ul",
    ]
)
_MAX_PARSED: Final = 50_000
"""Characters."""

_MAX_LENGTH: Final = 400_000
"""Characters: 65,536 are the longest message, and HTML needs up to six for one."""

# Linear, however many `<` have no end.
_BLOCK: Final = re.compile(
    rf"<(?:br|/?(?:{'|'.join(sorted(_BLOCKS))}))\b[^<>]*>", re.IGNORECASE
)
_TAG: Final = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_LINES: Final = re.compile(r"\n{2,}")
# `mx-reply` quotes the message replied to and is not part of the reply.
_SKIPPED: Final = frozenset(("mx-reply", "script", "style"))
_SKIPPED_TAG: Final = re.compile(
    rf"<(/?)(?:{'|'.join(sorted(_SKIPPED))})\b[^<>]*>", re.IGNORECASE
)


def plain(html: str) -> str:
    """Return Matrix HTML as plain text, with a line for each block.

    Time is bounded, whatever a person sends: a long text is read without a parser, and
    what no network carries is cut off.
    """
    if len(html) > _MAX_PARSED:
        text = _TAG.sub("", _BLOCK.sub("\n", _without_skipped(html[:_MAX_LENGTH])))
        return _LINES.sub("\n", unescape(text)).strip("\n")
    extractor = _TextExtractor()
    extractor.feed(html)
    extractor.close()
    return "".join(extractor.parts).strip("\n")


def _without_skipped(html: str) -> str:
    parts, depth = [], 0
    # Texts alternate with what their tags begin with: a slash if they close.
    texts = iter(_SKIPPED_TAG.split(html))
    for text in texts:
        if not depth:
            parts.append(text)
        depth = max(0, depth + (-1 if next(texts, "/") else 1))
    return "".join(parts)


class _TextExtractor(HTMLParser):
    """Collects the visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skip_depth = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skip_depth += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._end_line()
        elif tag == "img":  # a custom emoji
            self.parts.append(dict(attrs).get("alt") or "")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skip_depth = max(0, self._skip_depth - 1)
        elif tag in _BLOCKS:
            self._end_line()

    @override
    def handle_data(self, data: str) -> None:
        if not self._skip_depth:
            self.parts.append(data)

    def _end_line(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
