"""Comparison of names: whole names, whole words of a name, or parts of words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import re
from typing import Final
import unicodedata

from ..api.folding import fold

_MAX_LENGTH: Final = 1000
"""Characters of a name that are compared: people can give themselves names of 64 kB."""

_NOT_LETTERS: Final = re.compile("[^0-9a-z]+")
_DOTS: Final = re.compile(r"(?<=\d)(\.)\.*(?=\d)|\.+")
_INITIALS: Final = re.compile(
    r"(?<!\w)(?:[^\W\d_]\.){2,}(?!\w)|(?<!\w)(?:[^\W\d_]\.)+[^\W\d_](?!\w)"
)
"""Letters with dots between them, such as "J.R.": one word."""
_SPACED_INITIALS: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\.\s?){2,}(?!\w)")
"""The same, also with spaces: "J. R." is two words, and one as well."""
_JOINER: Final = "\u200d"
"""Between two emoji, it makes one of them; it is invisible, so folding removes it."""

_GLUE: Final = "\ue000"
"""Stands for a joiner between emoji."""

_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_FLAG_LETTERS: Final = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
"""Two of them are a flag."""

# Scripts written without spaces between words: a run of such characters is one word,
# and a space inside a name is optional. As NFKD leaves them.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Name:
    """A name in the forms that are compared.

    `exact` ignores case, accents and the amount of space; `words` has no punctuation
    and symbols; `joined` is the same with initials such as "J. R." as one word; `parts`
    has words and symbols such as emoji; `folded` has no spaces.
    """

    exact: str
    words: tuple[str, ...]
    joined: tuple[str, ...]
    parts: tuple[str, ...]
    folded: str

    @classmethod
    def from_text(cls, text: str, *, spoken: bool = False) -> Name:
        """Prepare a text; `spoken` also ignores punctuation, except between digits."""
        plain = _fold(text)
        glued = _fold(_glued(text)) if _JOINER in text else plain
        parts = _split(glued, spoken=spoken)
        exact = _join(" ".join(parts).replace(_GLUE, "") if spoken and parts else plain)
        folded = "".join(plain.split())
        words = joined = _words(parts)
        if _SPACED_INITIALS.search(glued):
            joined = _words(_split(_joined_initials(glued), spoken=spoken))
        return cls(
            exact=exact,
            words=words,
            joined=joined,
            parts=parts,
            folded=(_without_punctuation(folded) or folded) if spoken else folded,
        )

    def has_words_of(self, query: Name) -> bool:
        """Return whether the query is a sequence of whole words of this name.

        Symbols of the query must be part of the name. Digits alone are a part of
        something else, such as a phone number, and an address has no words.
        """
        if not any(char.isalpha() for word in query.words for char in word):
            return False
        if len(query.parts) > len(query.words):
            return _contains(self.parts, query.parts)
        return _contains(self.words, query.words) or _contains(
            self.joined, query.joined
        )


def _fold(text: str) -> str:
    return fold(text[:_MAX_LENGTH])


def without_spaces(text: str) -> str:
    """Return a folded text without spaces."""
    return "".join(_fold(text).split())


def letters(text: str) -> str:
    """Return only the letters and digits of a text, without case and accents.

    A name that matches a query contains the letters of the query.
    """
    plain = _fold(text)
    if plain.isascii():
        return _NOT_LETTERS.sub("", plain)
    return "".join(char for char in plain if _is_word(char))


def _split(plain: str, *, spoken: bool) -> tuple[str, ...]:
    """Return words, symbols and addresses.

    Digits with punctuation between them are one word, and so is an address.
    """
    return tuple(
        part
        for chunk in plain.split()
        for part in (
            [chunk]
            if "@" in chunk and len(chunk) > 1
            else _split_chunk(chunk, spoken=spoken)
        )
    )


def _words(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part for part in parts if _is_word(part[0]) and "@" not in part)


def _joined_initials(plain: str) -> str:
    return _SPACED_INITIALS.sub(
        lambda match: "".join(filter(_is_word, match[0])) + " ", plain
    )


def _split_chunk(chunk: str, *, spoken: bool) -> list[str]:
    parts: list[str] = []
    word = ""
    chunk = _INITIALS.sub(lambda match: match[0].replace(".", ""), chunk)
    for index, char in enumerate(chunk):
        after = chunk[index + 1 : index + 2]
        # Usernames contain underscores.
        if _is_word(char) or (char == "_" and not spoken):
            word += char
            continue
        if word and after and _is_word(after):
            if char == "'":
                continue
            if word[-1].isdigit() and after.isdigit():
                word += "." if spoken else char
                continue
        if word:
            parts.append(word)
            word = ""
        if _continues_symbol(chunk[:index], parts, char):
            parts[-1] += char
        elif not (
            unicodedata.category(char)[0] == "P" or char in _SKIN_TONES or char == _GLUE
        ):
            parts.append(char)
    if word:
        parts.append(word)
    return parts


def _glued(text: str) -> str:
    """Return a text with the joiners of emoji as characters that folding keeps."""
    return "".join(
        _GLUE
        if char == _JOINER
        and (_is_symbol(text[index - 1 : index]) or text[index - 1] == "\ufe0f")
        and _is_symbol(text[index + 1 : index + 2])
        else char
        for index, char in enumerate(text)
    )


def _is_symbol(char: str) -> bool:
    return char != "" and unicodedata.category(char)[0] == "S"


def _continues_symbol(before: str, parts: list[str], char: str) -> bool:
    """Return whether a character is another part of the same emoji."""
    if not parts or not before or _is_word(before[-1]) or _is_word(parts[-1][-1]):
        return False
    return _GLUE in (char, before[-1]) or (
        char in _FLAG_LETTERS and before[-1] in _FLAG_LETTERS and len(parts[-1]) == 1
    )


def _join(text: str) -> str:
    """Return a text with spaces only where they separate words."""
    characters: list[str] = []
    for index, char in enumerate(text):
        if char == " " and not (
            _needs_space(text[index - 1]) and _needs_space(text[index + 1])
        ):
            continue
        characters.append(char)
    return "".join(characters)


def _needs_space(char: str) -> bool:
    return _is_word(char) and not _UNSPACED.match(char)


def _contains(parts: Sequence[str], searched: Sequence[str]) -> bool:
    size = len(searched)
    return any(
        parts[index : index + size] == searched
        for index in range(len(parts) - size + 1)
    )


def _without_punctuation(folded: str) -> str:
    """Return a folded text without punctuation, which speech does not carry.

    Any punctuation between digits becomes a dot: "Flat 1/2" is not "Flat 12".
    """
    dotted = "".join(
        "." if unicodedata.category(char)[0] == "P" or char in "`ʼ" else char
        for char in folded
    )
    return _DOTS.sub(lambda dots: "." if dots[1] else "", dotted)


def _is_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"
