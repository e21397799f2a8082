"""Sentences in which nothing stands between the recipient and the text.

"Text Mia Park is closed" can be for Mia or for Mia Park. What is known about people
decides where the name ends, and the user confirms wherever that leaves a doubt.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
import re
from typing import Final

from ..coordinator import BeeperConfigEntry
from ..people.matching import NameQuery, Rank
from .sentences import Language
from .spoken_networks import is_network
from .spoken_recipients import async_find_matches

_MAX_NAME_WORDS: Final = 4
_NUMBER: Final = re.compile(r"\+?\d[\d\s()./-]{5,}\d")
_SEPARATED: Final = re.compile(r"\s*(.{1,60}?)(?:[,;:](?=\s)|\n)\s*(\S.*)", re.DOTALL)
"""In typed sentences: "Mia: I am late"."""


@dataclass(kw_only=True, repr=False, eq=False)
class SplitPhrase:
    """A recipient, and a text if there is one.

    Not `is_clear` if the name may have been meant to be longer or shorter.
    """

    name: str
    message: str | None
    is_clear: bool


async def async_split_phrase(
    entries: Collection[BeeperConfigEntry],
    phrase: str,
    network: str | None,
    language: Language,
) -> SplitPhrase:
    """Return the recipient and the text in a phrase.

    Raises a translated HomeAssistantError.
    """
    if number := _NUMBER.match(phrase):
        return _split(phrase, number.end(), language, is_clear=True)
    if (separated := _SEPARATED.fullmatch(phrase)) and len(
        separated[1].split()
    ) <= _MAX_NAME_WORDS:
        return SplitPhrase(name=separated[1], message=separated[2], is_clear=True)
    words = [*re.finditer(r"\S+", phrase)][:_MAX_NAME_WORDS]
    found = await async_find_matches(entries, words[0][0], limit=None)
    candidates = [
        candidate
        for _, candidate in found.best
        if is_network(network, candidate.network)
    ]
    # The longest name that is known, and whether a shorter one is somebody else's.
    end = 0
    meant: set[int] = set()
    exact: set[int] = set()
    for word in words:
        query = NameQuery.from_text(phrase[: word.end()], spoken=True)
        ranks = {
            index: rank
            for index, candidate in enumerate(candidates)
            if (rank := query.rank(candidate)) is not None and rank.selects
        }
        if ranks:
            end, meant = word.end(), {*ranks}
            exact |= {index for index in ranks if ranks[index] is Rank.EXACT}
    bare = language.without_article(phrase)
    if not end and bare not in (phrase, ""):
        split = await async_split_phrase(entries, bare, network, language)
        return replace(split, is_clear=False)
    split = _split(phrase, end or words[0].end(), language, is_clear=exact <= meant)
    # "The Family group, hello"
    follows = (split.message or "").split(maxsplit=1)[:1]
    is_group = bool(follows) and follows[0].casefold() in language.after_names
    return replace(split, is_clear=split.is_clear and not is_group)


def _split(phrase: str, end: int, language: Language, *, is_clear: bool) -> SplitPhrase:
    name, message = phrase[:end].strip(), phrase[end:].strip()
    if language.is_unfinished(message):
        message = ""
    return SplitPhrase(
        name=name,
        message=message or None,
        is_clear=is_clear and not _may_be_name(name, message),
    )


def _may_be_name(name: str, message: str) -> bool:
    """Return whether the first word of a text may belong to the name.

    Speech recognition writes names with a capital letter, if it writes any.
    """
    first = message.split(maxsplit=1)[0] if message else ""
    if not (name[:1].isalpha() and first[:1].isalpha()) or re.match(r"I\b", first):
        return False
    return first[0].isupper() or not name[:1].isupper()
