"""What a text or a reaction means as the answer to a question."""

import pytest

from custom_components.beeper.incoming.accepted_answers import (
    MAX_LENGTH,
    PossibleAnswer,
    PossibleAnswers,
)
from tests.helpers.resources import MAX_STEPS, counted_steps


def answers(**sentences: str | list[str]) -> PossibleAnswers:
    return PossibleAnswers(
        [
            PossibleAnswer(
                id=key, sentences=(texts,) if isinstance(texts, str) else (*texts,)
            )
            for key, texts in sentences.items()
        ],
        "en",
    )


YES_NO = answers(yes=["Yes!", "(sure|of course) [please]"], no="no [thanks]")
PIZZAS = answers(
    margherita="(the|a) margherita", funghi="funghi [please]", other="I want {pizza}"
)


@pytest.mark.parametrize(
    ("text", "answer_id"),
    [
        # Sentences
        ("yes", "yes"),
        (" YES!! ", "yes"),
        ("Yes 👍", "yes"),
        ("Of course, please.", "yes"),
        ("no thanks", "no"),
        ("No 🙅🏽", "no"),
        # Numbers
        ("1", "yes"),
        ("2.", "no"),
        ("2)", "no"),
        ("# 1", "yes"),
        ("１", "yes"),
        ("٢", "no"),
        ("1️⃣", "yes"),
        ("2⃣", "no"),
        # Thumbs, also as text
        ("👍", "yes"),
        ("👍🏽", "yes"),
        ("👎", "no"),
        # Nothing of it
        ("", None),
        ("  \n ", None),
        ("maybe", None),
        ("yes and no", None),
        ("not yes", None),
        ("yesterday", None),
        ("0", None),
        ("3", None),
        ("1 or 2", None),
        ("1.5", None),
        ("-2", None),
        ("11", None),
        ("👍👎", None),
        ("❤️", None),
        ("{{ 1 }}", None),
        ("[yes]", None),
        ("yes " * 1000, None),
        ("9" * 1000, None),
    ],
)
def test_meaning_of_a_text(text: str, answer_id: str | None) -> None:
    match = YES_NO.match_text(text)

    assert (match.id if match else None) == answer_id


@pytest.mark.parametrize(
    ("reaction", "answer_id"),
    [
        ("👍", "yes"),
        ("👍🏿", "yes"),
        ("+1", "yes"),
        (":thumbsup:", "yes"),
        ("👎", "no"),
        ("-1", "no"),
        ("1️⃣", "yes"),
        ("2️⃣", "no"),
        ("3️⃣", None),
        ("🔟", None),
        ("❤️", None),
        ("", None),
    ],
)
def test_meaning_of_a_reaction(reaction: str, answer_id: str | None) -> None:
    match = YES_NO.match_reaction(reaction)

    assert (match.id if match else None) == answer_id


@pytest.mark.parametrize(
    ("ids", "means"),
    [
        (("yes", "no"), ("yes", "no")),
        (("No", "YES"), ("YES", "No")),
        (("yes", "no", "later"), (None, None)),
        (("open", "close"), (None, None)),
        (("yes",), (None, None)),
    ],
)
def test_thumbs_need_the_answers_yes_and_no(
    ids: tuple[str, ...], means: tuple[str | None, str | None]
) -> None:
    some = answers(**dict.fromkeys(ids, "x"))

    matches = (some.match_reaction("👍"), some.match_reaction("👎"))
    assert tuple(match.id if match else None for match in matches) == means


def test_ten_answers_have_numbers() -> None:
    some = answers(**{f"id{number}": f"word{number}" for number in range(1, 12)})

    for reaction, answer_id in (("🔟", "id10"), ("9️⃣", "id9")):
        match = some.match_reaction(reaction)
        assert match
        assert match.id == answer_id
    match = some.match_text("11")
    assert match
    assert match.id == "id11"


@pytest.mark.parametrize(
    ("text", "answer_id", "slots"),
    [
        ("A margherita", "margherita", {}),
        ("I want Quattro Formaggi!", "other", {"pizza": "Quattro Formaggi"}),
        ("i want {{ states('x') }}", "other", {"pizza": "{{ states('x') }}"}),
        ("3", "other", {}),
    ],
)
def test_slots(text: str, answer_id: str, slots: dict[str, str]) -> None:
    match = PIZZAS.match_text(text)

    assert match
    assert (match.id, match.slots) == (answer_id, slots)


@pytest.mark.parametrize(
    ("template", "label"),
    [
        ("Yes, please!", "Yes, please!"),
        ("(sure|of course) [please]", "sure"),
        ("I want {pizza}", "I want …"),
        ("wait {1-30:minutes} minutes", "wait … minutes"),
        ("[x]", "a"),
    ],
)
def test_labels(template: str, label: str) -> None:
    assert answers(a=template).labels == [label]


@pytest.mark.parametrize(
    "template", ["(open", "[x", "{", "{}", "((", "<rule>", "a (b", "a}", "()"]
)
def test_invalid_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"template|rule"):
        answers(a=template)


@pytest.mark.parametrize("text", ["tea", "1", "👍", "{{ 1 }}", "x" * 100_000])
def test_every_text_is_an_answer_without_choices(text: str) -> None:
    match = answers().match_text(text)

    assert match
    assert match.id is None
    assert answers().match_reaction(text) is None
    assert answers().match_text(" \n") is None


@pytest.mark.parametrize(
    "text",
    ["and " * 200, "x" * MAX_LENGTH, "((((" * 100, "\N{COMBINING ACUTE ACCENT}" * 400],
)
def test_hostile_texts_are_matched_with_little_work(text: str) -> None:
    some = answers(
        a="[the] {a} [and] {b} [or] {c} [then] {d} {e}", b="{a} and {b} and {c} and {d}"
    )
    with counted_steps() as steps:
        some.match_text(text[:MAX_LENGTH])

    assert steps.count < MAX_STEPS


@pytest.mark.parametrize(
    ("sentences", "said", "answer_id"),
    [
        # Emoji alone, as a text and as a reaction
        (["👍", "👎"], "👍🏽", "a"),
        (["👍🏽", "👎"], "👎🏿", "b"),
        (["❤️", "🎂"], "❤", "a"),
        (["❤", "🎂"], "❤️", "a"),
        (["👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"], "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "b"),
        (["👍", "👎"], "🎂", None),
        (["👨‍👩‍👧", "🎂"], "👨", None),
        # Other scripts, with their punctuation and digits
        (["نعم", "لا"], "نَعَم.", "a"),
        (["نعم", "لا"], "\u200fلا!\u200f", "b"),
        (["نعم", "لا"], "٢", "b"),
        (["はい", "いいえ"], "いいえ。", "b"),
        (["हाँ", "नहीं"], "हां", "a"),
        (["हाँ", "नहीं"], "नहीं।", "b"),
        (["ใช่", "ไม่"], "๑", "a"),
        (["כן", "לא"], "„לא”", "b"),
        # Quotes, brackets and the marks of other programs' formats
        (["oui", "non"], "« Oui »", "a"),
        (["oui", "non"], "*non*", "b"),
        (["Straße", "zu Hause"], "_STRASSE_", "a"),
        # A number is not another one.
        (["5", "10"], "-5", None),
        (["5", "10"], "10 %", None),
    ],
)
def test_answers_as_people_write_them(
    sentences: list[str], said: str, answer_id: str | None
) -> None:
    choices = PossibleAnswers(
        [
            PossibleAnswer(id=answer_id, sentences=(sentence,))
            for answer_id, sentence in zip("ab", sentences, strict=True)
        ],
        "en",
    )

    match = choices.match_text(said)

    assert (match and match.id) == answer_id
    if not any(char.isalnum() for char in said):
        reaction = choices.match_reaction(said)
        assert (reaction and reaction.id) == answer_id
