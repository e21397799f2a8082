"""The answers that a question accepts: by number, by sentence or by reaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import re
from typing import Any, Final
import unicodedata

from ..api.folding import fold, fold_reaction, without_symbols

MAX_LENGTH: Final = 500
"""Characters of a text that is compared with sentences."""

_MAX_COMBINATIONS: Final = 100_000
"""How many ways to divide a text among the slots of a sentence are tried."""

_KEYCAP: Final = "\N{COMBINING ENCLOSING KEYCAP}"
_TEN: Final = "\N{KEYCAP TEN}"
_THUMBS: Final = {
    "yes": ("👍", "+1", "thumbsup"),
    "no": ("👎", "-1", "thumbsdown"),
}
_NUMBER: Final = re.compile(r"#?\s*(\d{1,3})\s*[.):]?")
_INTENT: Final = "answer"
_REFERENCE: Final = re.compile(r"(?<!\\)(\{[^{}]*\})")
_RULE: Final = re.compile(r"(?<!\\)<")
_TEMPLATE: Final = re.compile(r"[\\\[\](){}|;]")
# Not semicolons, which separate permutations.
_MARKS: Final = r"[.。,，?¿？؟!¡！:：’…—–-]+"
_PUNCTUATION: Final = re.compile(
    rf"^{_MARKS}|{_MARKS}$|(?<=[^\w']){_MARKS}|(?<=\w){_MARKS}(?=[^\w'])"
)


_AROUND: Final = "\"'„‚*_।॥؟،؛۔።။"
"""Besides closing quotes; dashes belong to numbers."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class PossibleAnswer:
    """One possible answer: its ID and its sentences as hassil templates."""

    id: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class Match:
    """What a text or a reaction means; `id` is None if any text is an answer."""

    id: str | None
    slots: Mapping[str, str] = field(default_factory=dict)


class PossibleAnswers:
    """The possible answers to one question; any text if there are none."""

    def __init__(self, answers: Sequence[PossibleAnswer], language: str) -> None:
        """Parse the sentences; raises ValueError for an invalid one.

        Requires the conversation integration if there are answers.
        """
        self._answers = answers
        self._intents = _parse(answers, language) if answers else None
        self._slots = max(
            (
                len([*sentence.list_names()])
                for data in (
                    self._intents.intents[_INTENT].data if self._intents else ()
                )
                for sentence in data.sentences
            ),
            default=0,
        )
        ids = {answer.id.casefold(): answer.id for answer in answers}
        self._reactions = {
            key: ids[word]
            for word, keys in _THUMBS.items()
            for key in keys
            if ids.keys() == _THUMBS.keys()
        }
        # Emoji are not words.
        self._reactions |= {
            fold_reaction(sentence): answer.id
            for answer in reversed(answers)
            for sentence in map(str.strip, answer.sentences)
            if not any(map(str.isalnum, sentence))
        }

    @property
    def labels(self) -> list[str]:
        """The first sentence of each answer, in its shortest form."""
        return [_label(answer) for answer in self._answers]

    def match_text(self, text: str) -> Match | None:
        """Return what a text means, None if it is not an answer."""
        text = text.strip()
        if self._intents is None:
            return Match(id=None) if text else None
        if not 0 < len(text) <= MAX_LENGTH:
            return None
        if len(text.split()) ** self._slots > _MAX_COMBINATIONS:
            return None
        from hassil.recognize import recognize  # noqa: PLC0415

        # People decorate a yes with emojis.
        words = without_symbols(text)
        for form in dict.fromkeys((words, fold(words), _inside(fold(words)))):
            if form and (result := recognize(form, self._intents)):
                metadata = result.intent_metadata or {}
                return Match(
                    id=metadata["id"],
                    slots={
                        name: str(entity.value)
                        for name, entity in result.entities.items()
                    },
                )
        return self.match_reaction(text)

    def match_reaction(self, key: str) -> Match | None:
        """Return what a reaction means, None if it is not an answer."""
        key = fold_reaction(key.strip()).strip(":")
        if answer_id := self._reactions.get(key):
            return Match(id=answer_id)
        number = 10 if key == _TEN else _number(key.replace(_KEYCAP, ""))
        if 0 < number <= len(self._answers):
            return Match(id=self._answers[number - 1].id)
        return None


def _label(answer: PossibleAnswer) -> str:
    """Return the first sentence of an answer, a slot as an ellipsis."""
    text = answer.sentences[0]
    if _TEMPLATE.search(text):
        from hassil.parse_expression import parse_sentence  # noqa: PLC0415
        from hassil.sample import sample_sentence  # noqa: PLC0415

        samples = sample_sentence(
            parse_sentence(text), expand_lists=False, skip_optionals=True
        )
        text = _REFERENCE.sub("…", next(iter(samples)))
    return " ".join(text.split()) or answer.id


def _inside(text: str) -> str:
    """Return a text without quotes and other punctuation around it."""
    around = {
        char
        for char in text
        if char in _AROUND or unicodedata.category(char) in ("Pi", "Pf")
    }
    return text.strip("".join(around) + " ")


def _number(text: str) -> int:
    """Return a number, in the digits of any script; 0 for other texts."""
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return int(found[1]) if found else 0


def _parse(answers: Sequence[PossibleAnswer], language: str) -> Any:
    # Installed together with the conversation integration, which is optional.
    from hassil.errors import HassilError  # noqa: PLC0415
    from hassil.intents import Intents  # noqa: PLC0415
    from hassil.parser import ParseError  # noqa: PLC0415

    if any(_RULE.search(text) for answer in answers for text in answer.sentences):
        raise ValueError("expansion rule")
    data = [
        {
            "sentences": [
                form
                for sentence in map(_without_punctuation, answer.sentences)
                for form in dict.fromkeys(
                    # What a slot captures stays as it was written.
                    (sentence,) if "{" in sentence else (sentence, fold(sentence))
                )
            ],
            "metadata": {"id": answer.id},
        }
        for answer in answers
    ]
    source = {"language": language, "intents": {_INTENT: {"data": data}}}
    try:
        intents = Intents.from_dict(source)
        names = {
            name
            for parsed in intents.intents[_INTENT].data
            for sentence in parsed.sentences
            for name in sentence.list_names()
        }
        lists = {name: {"wildcard": True} for name in names}
        return Intents.from_dict({**source, "lists": lists})
    except (HassilError, ParseError, AssertionError) as err:
        raise ValueError("template") from err


def _without_punctuation(template: str) -> str:
    """Return a template without punctuation, which is ignored in texts, too."""
    return "".join(
        part if index % 2 else _PUNCTUATION.sub("", part)
        for index, part in enumerate(_REFERENCE.split(template))
    )
