"""The one way in which texts of people are compared.

Keyboards, networks and apps write one text in several ways: composed or decomposed,
with typographic quotes and dashes, with invisible marks, with or without accents.
"""

import re
from typing import Final
import unicodedata

_QUOTES: Final = '"“”„‟«»″〝〞❝❞״'
_APOSTROPHES: Final = "'‘’‚‛‹›′´`ʹʻʼʽʾʿˈ՚׳❛❜Ꞌꞌ"
_BEFORE: Final = str.maketrans(
    {**dict.fromkeys(_QUOTES, '"'), **dict.fromkeys(_APOSTROPHES, "'")}
)
"""Replaced first, as some would decompose into a space and an accent."""

_SINGLE: Final = dict(
    zip(
        "øđðħıłŋŧƀɓƃƈȼɖɗƌǝəƒǥɠƙƚɨɉɲɵƥɍȿƭʈʉʋⱳƴɏƶȥĸⱥⱡⱦ",
        "oddhilntbbbccdddeefggklijnoprsttuvwyyzzkalt",
        strict=True,
    )
)
_LETTERS: Final = {
    **_SINGLE,
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "\N{FRACTION SLASH}": "/",
    # Keyboards and people write these in either way.
    "\N{ARABIC LETTER FARSI YEH}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER ALEF MAKSURA}": "\N{ARABIC LETTER YEH}",
    "\N{ARABIC LETTER KEHEH}": "\N{ARABIC LETTER KAF}",
    "\N{ARABIC LETTER HEH GOAL}": "\N{ARABIC LETTER HEH}",
    "\N{ARABIC LETTER TEH MARBUTA}": "\N{ARABIC LETTER HEH}",
    "\N{ARABIC TATWEEL}": "",
    "\N{DEVANAGARI SIGN CANDRABINDU}": "\N{DEVANAGARI SIGN ANUSVARA}",
    "\N{WAVE DASH}": "~",
    **dict.fromkeys("‧∙•⋅・", "·"),
    # Decomposing makes them of other characters.
    **dict.fromkeys(_APOSTROPHES, "'"),
}
"""Letters and marks that Unicode does not decompose, in lower case."""

_DASHES: Final = re.compile("--+")
"""Keyboards turn two hyphens into a dash."""

_SPACES: Final = "\N{BRAILLE PATTERN BLANK}"
_IGNORED: Final = frozenset(
    # Without a width, but not of a category for it.
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
)
_VARIATIONS: Final = frozenset(
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
"""Select how a character is drawn; networks add and remove them."""

_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_JOINERS: Final = frozenset(["\u200d", *map(chr, range(0xE0020, 0xE0080))])
"""Invisible parts of an emoji: they make a family of people, or a flag of England."""


class _Characters(dict[int, str]):
    """What becomes of each character; filled as characters appear."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in _LETTERS:
            folded = _LETTERS[char]
        elif char.isdecimal():
            folded = str(unicodedata.decimal(char))
        elif char in _SPACES:
            folded = " "
        elif unicodedata.category(char) == "Pd" or char == "\N{MINUS SIGN}":
            folded = "-"
        else:
            folded = "" if _is_invisible(char) or _is_accent(char) else char
        self[code] = folded
        return folded


_CHARACTERS: Final = _Characters()


def fold(text: str) -> str:
    """Return a text without what does not make it another text.

    Ignored are case, accents, the script of digits, invisible marks, variation selectors,
    the typographic form of quotes, apostrophes, dashes, dots and ellipses, and the amount
    of space.
    """
    if text.isascii():
        plain = text.casefold().replace("`", "'")
        if plain.isprintable():
            return _joined(plain)
    plain = unicodedata.normalize("NFKD", text.translate(_BEFORE)).casefold()
    plain = unicodedata.normalize("NFKD", plain).translate(_CHARACTERS)
    return _joined(unicodedata.normalize("NFC", plain))


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing."""
    return all(
        char.isspace() or char in _SPACES or _is_invisible(char) for char in text
    )


def fold_reaction(reaction: str, *, skin_tone: bool = False) -> str:
    """Return a reaction for comparison; `skin_tone` keeps its skin tone."""
    composed = unicodedata.normalize("NFC", reaction)
    # A skin tone can be all of it.
    return without_marks(composed, skin_tone=skin_tone).casefold().strip() or reaction


def without_marks(text: str, *, skin_tone: bool = False) -> str:
    """Return a text without invisible marks outside of emoji, and without skin tones."""
    return "".join(
        char
        for char in text
        if char in _JOINERS
        or not (_is_invisible(char) or (char in _SKIN_TONES and not skin_tone))
    )


def without_symbols(text: str) -> str:
    """Return a text without emoji and invisible marks."""
    return "".join(
        char
        for char in without_marks(text)
        if char not in _JOINERS and unicodedata.category(char) != "So"
    ).strip()


def _joined(plain: str) -> str:
    return " ".join((_DASHES.sub("-", plain) if "--" in plain else plain).split())


def _is_invisible(char: str) -> bool:
    category = unicodedata.category(char)
    return (
        category == "Cf"
        or (category == "Cc" and not char.isspace())
        or char in _VARIATIONS
        or char in _IGNORED
    )


def _is_accent(char: str) -> bool:
    """Return whether a mark leaves the letter the same.

    Marks that change the letter itself, as in Devanagari or Japanese, are kept.
    """
    mark = unicodedata.combining(char)
    return 10 <= mark <= 35 or mark >= 200
