"""Home Assistant's own sentences, as people would say them."""

from collections.abc import Iterator, Mapping
from random import Random

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import Intents, RangeSlotList, SlotList, TextSlotList
from home_assistant_intents import get_intents

NAMES = ["Signal light", "Kitchen lamp", "Message board", "Kim"]
"""Of areas, floors, entities and whatever else people name."""


def built_in_sentences(language: str, *, each: int) -> Iterator[str]:
    """Yield `each` random forms of every sentence; always the same ones."""
    data = get_intents(language)
    assert data
    intents = Intents.from_dict(data)
    random = Random(0)  # noqa: S311
    for intent in intents.intents.values():
        for group in intent.data:
            say = _Speaker(
                random,
                {**intents.slot_lists, **group.slot_lists},
                {**intents.expansion_rules, **group.expansion_rules},
            )
            for sentence in group.sentences:
                for _ in range(each):
                    yield " ".join(say(sentence.expression).split())


class _Speaker:
    def __init__(
        self,
        random: Random,
        lists: Mapping[str, SlotList],
        rules: Mapping[str, Sentence],
    ) -> None:
        self.random, self.lists, self.rules = random, lists, rules

    def __call__(self, expression: Expression) -> str:
        match expression:
            case TextChunk():
                return expression.original_text
            case Alternative():
                return self(self.random.choice(expression.items))
            case Permutation():
                items = [*expression.items]
                self.random.shuffle(items)
                return " ".join(map(self, items))
            case Group():
                return "".join(map(self, expression.items))
            case RuleReference():
                return self(self.rules[expression.rule_name].expression)
            case ListReference():
                return self.slot(expression.list_name)
        raise TypeError(expression)

    def slot(self, name: str) -> str:
        match self.lists.get(name):
            case TextSlotList(values=values):
                return self(self.random.choice(values).text_in)
            case RangeSlotList(start=start, stop=stop):
                return str(self.random.randint(int(start), int(stop)))
        return self.random.choice(NAMES)
