"""The text of a message as it is read: Beeper keeps Matrix HTML."""

from html.parser import HTMLParser
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
# What is quoted of the message replied to is no part of the reply.
_LEFT_OUT: Final = frozenset(("mx-reply", "script", "style"))


def plain(html: str) -> str:
    """Return Matrix HTML as text, with a line for each block."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts).strip("\n")


class _Reader(HTMLParser):
    """Collects what a person would read."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._left_out = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _LEFT_OUT:
            self._left_out += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._end_line()
        elif tag == "img":  # a custom emoji
            self.parts.append(dict(attrs).get("alt") or "")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _LEFT_OUT:
            self._left_out = max(0, self._left_out - 1)
        elif tag in _BLOCKS:
            self._end_line()

    @override
    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self.parts.append(data)

    def _end_line(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
