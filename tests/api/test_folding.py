"""Texts that count as equal, from all kinds of keyboards."""

import unicodedata

import pytest

from custom_components.beeper.api.folding import fold, fold_reaction


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Søren Ærø", "soren aero"),
        ("Đorđe Ŧ", "dorde t"),
        ("Þór", "Thor"),
        ("Sœur", "soeur"),
        ("STRASSE", "Straße"),
        ("STRAẞE", "strasse"),
        ("Łódź", "Lodz"),
        ("Ħal Għargħur", "hal ghargħur"),
        ("ISTANBUL", "ıstanbul"),
        ("İstanbul", "istanbul"),
        (unicodedata.normalize("NFD", "Müller"), "muller"),
        ("“Hi”, «yes», „no‟", '"Hi", "yes", "no"'),
        ("it´s, it`s, itʼs, it’s", "it's, it's, it's, it's"),
        ("5″", '5"'),
        ("wait… what", "wait... what"),
        ("A – B — C ‑ D − E", "a - b - c - d - e"),
        ("A -- B", "A — B"),
        ("gate\u200bway so\u00adft\u2060", "gateway soft"),
        ("\u202aKim\u202c\ufeff", "Kim"),
        ("a\N{HANGUL FILLER}b", "ab"),
        ("❤️ ☎︎", "❤ ☎"),
        ("葛󠄀", "葛"),
        ("  a\t\n b\u00a0\u3000c ", "a b c"),
        ("a\x07b", "ab"),
        ("a\u2800b", "a b"),
        ("ﬁne Ｋｉｍ", "fine kim"),
        ("1⁄2", "1/2"),
        ("محـــمد", "محمد"),
        ("مُحَمَّد أحمد", "محمد احمد"),
        ("علی کریم", "علي كريم"),
        ("مصطفى وفاطمة", "مصطفي وفاطمه"),
        ("צה״ל שָׁלוֹם", 'צה"ל שלום'),
        ("Γιώργος", "ΓΙΩΡΓΟΣ"),
        ("कार्‍य", "कार्य"),
        ("غرفة ٢، ۲۰۲۶, २५, ๒๕, ２", "غرفة 2، 2026, 25, 25, 2"),
        ("ｶﾞｽ〜", "ガス～"),
        ("ジョン・スミス", "ジョン･スミス"),
        ("约翰·史密斯", "约翰•史密斯"),
        ("ŉ x‴ O｀Brien Niꞌihau", "'n x''' o'brien ni'ihau"),
    ],
)
def test_one_text_in_two_forms(first: str, second: str) -> None:
    assert fold(first) == fold(second)
    assert fold(fold(first)) == fold(first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Flat 1/2", "Flat 12"),
        ("か", "が"),
        ("AB", "A B"),
        ("A-B", "A B"),
        ("Kim.", "Kim"),
        ("Kim!", "Kim"),
        ("👍", "👎"),
        ("👍", "👍🏽"),
        ("कि", "क"),
    ],
)
def test_different_texts(first: str, second: str) -> None:
    assert fold(first) != fold(second)


@pytest.mark.parametrize(
    ("first", "second", "same", "same_with_skin_tone"),
    [
        ("❤️", "❤", True, True),
        ("❤︎", "❤️", True, True),
        ("👍🏽", "👍", True, False),
        ("👍🏽", "👍🏿", True, False),
        ("👋🏽\u200b", "👋🏽", True, True),
        (":ThumbsUp:", ":thumbsup:", True, True),
        ("👨‍👩‍👧", "👨👩👧", False, False),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", False, False),
        ("👩🏽‍🚀", "👩‍🚀", True, False),
        ("1️⃣", "1⃣", True, True),
        ("🏽", "🏿", False, False),
    ],
)
def test_reactions(
    first: str, second: str, same: bool, same_with_skin_tone: bool
) -> None:
    assert (fold_reaction(first) == fold_reaction(second)) is same
    assert (
        fold_reaction(first, skin_tone=True) == fold_reaction(second, skin_tone=True)
    ) is same_with_skin_tone


def test_folding_twice_changes_nothing() -> None:
    """Both a phrase and a message may have been folded before, by a network."""
    characters = [*map(chr, range(0x3400)), *map(chr, range(0xA640, 0xAC00))]
    characters += map(chr, range(0xF900, 0x10000))

    assert [char for char in characters if fold(fold(char)) != fold(char)] == []
