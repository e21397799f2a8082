"""What a reply to a question means."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
import re
from typing import Final, Literal
import unicodedata

from homeassistant.core import HomeAssistant

from ..api.folding import fold_reaction, without_marks, without_symbols
from ..people.names import Name
from .sentences import (
    Language,
    Languages,
    Recognizer,
    async_get_languages,
    build_recognizer,
    choose_language,
)
from .spoken_networks import by_spoken_name
from .spoken_recipients import Recipient

_DIGITS: Final = re.compile(r"(?<=\d)[\s-]+(?=\d)")
"""Between digits that are read out one by one."""

_DROPS: Final = ("drop", "drop_next")
_THUMBS: Final = {"👍": "confirm_next", "👎": "drop_next"}
_MIN_DIGITS: Final = 2
"""Of the end of a number."""


@dataclass(kw_only=True, repr=False, eq=False)
class Reply:
    """A reply: what to do with the request, and the name or text in it.

    `text` is the recipient in a confirmation, or the text to send. `chosen` is empty if
    the choice fits none of the recipients.
    """

    meaning: Literal["confirm", "drop", "choose", "text"]
    text: str | None = None
    chosen: tuple[Recipient, ...] = ()


class ReplyInterpreter:
    """Understands replies in all languages. Requires the conversation integration."""

    def __init__(
        self,
        languages: Languages,
        recognize: Recognizer,
        networks: Callable[[], Collection[str]],
    ) -> None:
        """Use a recognizer of replies."""
        self._languages = languages
        self._recognize = recognize
        self._networks = networks

    def interpret(
        self,
        text: str,
        language: str,
        recipients: Sequence[Recipient],
        *,
        is_next: bool,
        wants_text: bool,
    ) -> Reply | None:
        """Return the meaning of a reply, None for other texts.

        `recipients` are those that the question names. Immediately after it (`is_next`),
        a plain "yes" is enough; later, it must name the recipient. If the question asks for a
        text (`wants_text`), the next text is it.
        """
        sentence = self._recognize(_without_symbols(text), language)
        meaning = sentence.meaning if sentence else ""
        if not wants_text:
            meaning = _THUMBS.get(fold_reaction(text.strip()), meaning)
        is_drop = meaning in _DROPS
        if wants_text:
            if is_next:
                return (
                    Reply(meaning="drop")
                    if is_drop
                    else Reply(meaning="text", text=text.strip())
                )
            return Reply(meaning="drop") if meaning == "drop" else None
        if meaning and (is_next or not meaning.endswith("_next")):
            return Reply(
                meaning="drop" if meaning in _DROPS else "confirm",
                text=sentence.slots.get("recipient") if sentence else None,
            )
        return self._choice(text, language, recipients)

    def _choice(
        self, text: str, language: str, recipients: Sequence[Recipient]
    ) -> Reply | None:
        """Return the choice that repeats any part of the question."""
        if len(recipients) < 2:
            return None
        preferred = choose_language(self._languages, language)
        for candidate in sorted(
            self._languages.values(), key=lambda other: other is not preferred
        ):
            if reply := self._choice_in(text, candidate, recipients):
                return reply
        return None

    def _choice_in(
        self, text: str, language: Language, recipients: Sequence[Recipient]
    ) -> Reply | None:
        names = by_spoken_name(self._networks())
        words = [
            word
            for word in _words(_replace_names(text, names))
            if word not in language.fillers
        ]
        ordinals = [ordinal.split("|") for ordinal in language.ordinals]
        vocabularies = [
            {*_read_out(recipient), *ordinals[index]}
            for index, recipient in enumerate(recipients)
        ]
        known = {word for ordinal in ordinals for word in ordinal}.union(
            *vocabularies, *map(_words, names.values())
        )
        if not words or not all(_is_among(word, known) for word in words):
            return None
        chosen = tuple(
            recipient
            for recipient, vocabulary in zip(recipients, vocabularies, strict=True)
            if all(_is_among(word, vocabulary) for word in words)
        )
        return Reply(meaning="choose", chosen=chosen)


async def async_get_interpreter(
    hass: HomeAssistant, networks: Callable[[], Collection[str]]
) -> ReplyInterpreter:
    """Return an interpreter for the current networks."""
    languages = await async_get_languages(hass)
    recognize = await hass.async_add_executor_job(
        build_recognizer, languages, "replies", ()
    )
    return ReplyInterpreter(languages, recognize, networks)


def _without_symbols(text: str) -> str:
    """Return a typed text without emoji, and with the usual forms of its letters."""
    return without_symbols(unicodedata.normalize("NFKC", without_marks(text)))


def _words(text: str) -> tuple[str, ...]:
    return Name.from_text(_DIGITS.sub("", text), spoken=True).parts


def _read_out(recipient: Recipient) -> set[str]:
    """Return the words that identify a recipient in a question."""
    return {
        word
        for text in (
            recipient.name,
            recipient.network,
            recipient.detail,
            recipient.account,
        )
        for word in _words(text)
    }


def _replace_names(text: str, names: dict[str, str]) -> str:
    """Replace the spoken names of networks by their own names."""
    text = text.casefold().replace("’", "'")
    for name, network in names.items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", network, text)
    return text


def _is_among(word: str, vocabulary: Collection[str]) -> bool:
    """Return whether a word is known, or digits are the end of a known number."""
    if word in vocabulary:
        return True
    return (
        word.isdecimal()
        and len(word) >= _MIN_DIGITS
        and any(known.isdecimal() and known.endswith(word) for known in vocabulary)
    )
