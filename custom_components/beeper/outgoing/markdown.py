"""Escapes for texts that must arrive as written: Beeper reads every text as Markdown."""

import re
from typing import Final

FORMAT_MARKDOWN: Final = "markdown"
FORMAT_TEXT: Final = "text"

# CommonMark, with the tables and the struck-out text of its usual extension. Only
# characters that can be syntax at their position are escaped.
_INLINE: Final = r"""
      [\\`*\[~]                             # escapes, code, emphasis, links
    | _ (?! (?<=[^\W_]_) [^\W_] )           # emphasis, but not inside_a_word
    | < (?= [A-Za-z/!?] )                   # tags, comments, addresses
    | & (?= \#? \w+ ; )                     # entities
    | \A /                                 # commands of EasyMatrix
"""
_AT_START_OF_LINE: Final = r"""
      \# (?= \#{0,5} (?: \s | $ ) )         # headings
    | > | = (?= =* [ \t]* $ )               # quotes, underlined headings
    | [-+] (?= [ \t] | $ )                  # lists
    | [-:|] (?= [-:|\ \t]* $ )              # rules, and the second line of tables
    | / (?= [a-z]+ (?: \s | $ ) )           # commands of chat programs
    | "                                     # a JSON string is taken for HTML
"""
_SYNTAX: Final = re.compile(
    rf"{_INLINE} | ^ (?: {_AT_START_OF_LINE} )", re.MULTILINE | re.VERBOSE
)
_NUMBERED: Final = re.compile(r"^(\d{1,9})([.)])(?=[ \t]|$)", re.MULTILINE)
_INDENT: Final = re.compile(r"^[ \t]+(?=\S)", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\A(?:[ \t]*\n)+|(?<=\n)(?:[ \t]*\n){2,}")
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"
_START: Final = "\N{ZERO WIDTH SPACE}"
"""Keeps spaces at the beginning of a text: servers and networks remove those."""

_LINE_END: Final = re.compile(r"\r\n?")
_NOT_MARKDOWN: Final = re.compile(r'^\s*(?=["/])')


def escape(text: str) -> str:
    """Return the Markdown for a text as it is.

    Spaces at the beginning of a line are made unbreakable, as they would be dropped,
    or four of them make the line code. So are blank lines: several would become one.
    """
    if not text.strip():
        return text
    text = _LINE_END.sub("\n", text)
    text = _BLANK_LINES.sub(
        lambda match: f"{_NO_BREAK_SPACE}\n" * match[0].count("\n"), text
    )
    text = _INDENT.sub(
        lambda match: match[0].expandtabs(4).replace(" ", _NO_BREAK_SPACE), text
    )
    if text.startswith(_NO_BREAK_SPACE):
        text = f"{_START}{text}"
    return _NUMBERED.sub(r"\1\\\2", _SYNTAX.sub(r"\\\g<0>", text))


def verbatim(markdown: str) -> str:
    r"""Return Markdown that is not taken for a JSON string of HTML, or for a command.

    `"Hello"` would lose its quotes. EasyMatrix carries out commands: `/unencrypted` shows
    the homeserver a text of an encrypted chat, and most others send nothing.
    """
    return _NOT_MARKDOWN.sub(r"\g<0>\\", markdown)


def from_format(text: str, text_format: str = FORMAT_TEXT) -> str:
    """Return the Markdown for a text of one of the two formats."""
    return verbatim(text) if text_format == FORMAT_MARKDOWN else escape(text)


def with_title(title: str, text: str) -> str:
    """Return a text, as it is, under a bold line."""
    return f"**{escape(' '.join(title.split()))}**\n{escape(text)}"
