"""Plain text of Matrix HTML, whatever a person writes."""

import pytest

from custom_components.beeper.api.rich_text import plain
from tests.helpers.resources import counted_steps


@pytest.mark.parametrize(
    "unit",
    [
        *("<p>", "<", "&", "<p>x</p>", "<!--", "<p a", "</", "&lt;", "x <b>y</b> "),
        *("<mx-reply>", "</mx-reply>", "<mx-reply", "<style>a</style>b"),
    ],
)
def test_long_texts_take_little_work(unit: str) -> None:
    """4 MB in one message."""
    with counted_steps() as steps:
        plain(unit * (4_000_000 // len(unit)))
    assert steps.count < 200_000


@pytest.mark.parametrize("length", [1, 50_000])
def test_long_texts_read_like_short_ones(length: int) -> None:
    html = "<p>a &lt; <b>b</b></p><ul><li>c<br/>d</li></ul>" + "x" * length
    assert plain(html) == "a < b\nc\nd\n" + "x" * length


@pytest.mark.parametrize("length", [1, 50_000])
def test_quoted_words_are_never_the_senders(length: int) -> None:
    """The quoted person determines the length and the beginning of the quote."""
    title = "x" * length
    quote = f'<blockquote><b title="{title}">House, open it</b></blockquote>'
    html = f"<mx-reply>{quote}</mx-reply>Thanks<style>no</style> <STYLE>no</Style >you"
    assert plain(html) == "Thanks you"
