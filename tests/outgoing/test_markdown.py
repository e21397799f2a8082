"""A text arrives as it is written, through what Markdown would make of it."""

import html
import json
import re

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing.markdown import escape, verbatim, with_title
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.text import markdown_to_html
from tests.helpers.actions import create_chat, send
from tests.helpers.cells import cells
from tests.helpers.world import KIM, KIM_BY_NUMBER


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest) -> None:
    """Start Home Assistant only where it is needed."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")
        request.getfixturevalue("socket_enabled")


def shown(stored: str) -> str:
    """Return what a person sees of Matrix HTML that has no markup but lines."""
    assert not re.search(r"<(?!/?p>|br>)", stored)
    text = stored.removeprefix("<p>").removesuffix("</p>").replace("</p><p>", "\n\n")
    return html.unescape(text.replace("<br>", "\n"))


# Comments explain the Markdown where it is not obvious.
TEXTS = [
    "plain",
    "The door is open!",
    "two\nlines",
    "two\n\nparagraphs",
    "*emphasis* and **bold**, ***both***",
    "_emphasis_ and __bold__",
    "snake_case_name and snake__case__name",
    "~~gone~~ and ~5 minutes",
    "`code` and ```\nfence\n```",
    "~~~\nfence\n~~~",
    "5 * 3 * 2 = 30",
    "* a\n* list",
    "- a\n- list",
    "+ a\n+ list",
    "-",
    "1. a\n2. numbered list",
    "1) a\n12345678) list",
    "2026. What a year",
    "# heading",
    "###### heading",
    "#",
    "#hashtag",
    "> quote",
    ">quote",
    "heading\n===",
    "heading\n---",
    "***\n---\n___\n- - -",
    "|a|b|\n|-|-|\n|1|2|",
    "a|b\n:-|-:\n1|2",
    "[link](https://example.com) and ![image](x.png)",
    "[reference]: https://example.com",
    "[ ] to do, [x] done",
    "<b>tag</b>, <!-- comment --> and <https://example.com>",
    "a < b > c",
    "&amp; &lt; &#65; &nbsp; AT&T R&D;",
    r"C:\new\_folder \* \\",
    "line\\\nbreak",
    "https://example.com/a_b?c=1&d=2#e",
    '"Hello"',
    '"<b>Hello</b>"',
    '"He said \\"<i>hi</i>\\""',
    json.dumps("<p>verbatim</p>"),
    "/me waves",
    "/plain text",
    "/config/www/door.png",
    "/",
    "//two",
    "/Me 1\n/me 2",
    "-5 °C, +20 %, =7, 1.5",
    "👩‍👩‍👧 שלום 你好 e\u0301 \u202eright to left",
    "{{ no_template }} {% raw %} $1^2$",
    "@room :smile: ||spoiler|| ==mark==",
]


@cells
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("profile", ["latest"])
async def test_text_arrives_literally(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, text: str
) -> None:
    await send(hass, message=text)

    (stored,) = [m.html for m in simulator.world.chats[KIM].messages[3:]]
    assert shown(stored) == text


@pytest.mark.parametrize(
    "text",
    [
        "one\n\n\ntwo",
        "one\n\n\n\n\ntwo\n\nthree",
        "one\r\n\r\n\r\ntwo",
        "one\n  \n\t\ntwo",
        "\nleading",
        "\n\n\nleading",
        "  indented\n\n\n\n  two",
        "\n  both",
    ],
)
@pytest.mark.parametrize("profile", ["latest", "4.1.294"])
@pytest.mark.parametrize("action", ["send_message", "create_chat"])
async def test_blank_lines_arrive(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    text: str,
) -> None:
    chat_id = KIM
    if action == "send_message":
        await send(hass, message=text)
    else:
        response = await create_chat(hass, **KIM_BY_NUMBER, message_text=text)
        chat_id = response["chat_id"]

    stored = simulator.world.chats[chat_id].messages[-1]
    lines = shown(stored.html).replace("\u200b", "").replace("\xa0", " ").split("\n")
    assert [line.rstrip() for line in lines] == [
        line.rstrip() for line in text.splitlines()
    ]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        # Characters that are not syntax at their position need no backslash.
        ("plain", "plain"),
        ("a_b, 5 - 3, a # b, (x), 1.5, AT&T, a > b", None),
        ("https://example.com/a_b?c=1&d=2#e", None),
        ("-5 °C", None),
        # What the simulator's little Markdown does not know.
        ("# a", r"\# a"),
        ("1. a", r"1\. a"),
        ("12) a", r"12\) a"),
        ("- a", r"\- a"),
        ("> a", r"\> a"),
        ("a\n===", "a\n\\==="),
        ("a\n---", "a\n\\---"),
        ("- - -", r"\- - -"),
        ("|a|\n|-|", "|a|\n\\|-|"),
        ("a|b\n:-|-:", "a|b\n\\:-|-:"),
        ("[a](b)", r"\[a](b)"),
        ("![a](b)", r"!\[a](b)"),
        ("~~a~~", r"\~\~a\~\~"),
        ("<a>", r"\<a>"),
        ("&lt;", r"\&lt;"),
        ("/me waves", r"\/me waves"),
        ("/config/a\n/b/c", "\\/config/a\n/b/c"),
        ("//a", r"\//a"),
        ('"a"\n"b"', '\\"a"\n\\"b"'),
        # A line that begins with spaces would be code, or lose them.
        (
            "    a\n\tb\n  - c",
            "\u200b\xa0\xa0\xa0\xa0a\n\xa0\xa0\xa0\xa0b\n\xa0\xa0- c",
        ),
        ("a\r\nb\rc\r\n# d", "a\nb\nc\n\\# d"),
        ("===\r\n", "\\===\n"),
        ("a\n\nb", None),
        ("a\n\n\nb", "a\n\xa0\n\xa0\nb"),
        ("\na", "\u200b\xa0\na"),
        (" a", "\u200b\xa0a"),
        ("", ""),
        ("\n \n", "\n \n"),
    ],
)
def test_only_markdown_syntax_is_escaped(text: str, markdown: str | None) -> None:
    assert escape(text) == (text if markdown is None else markdown)


# Controls, private use and what strips differ between any two implementations.
characters = st.characters(codec="utf-8", exclude_categories=["Cc", "Co", "Z"])


@given(
    st.text(st.one_of(st.sampled_from(r"""*_`~[]()<>&#+-=.!|\/":;1a """), characters))
)
def test_any_line_arrives_literally(text: str) -> None:
    text = text.strip()
    assert shown(markdown_to_html(escape(text))) == text


def is_json_string(text: str) -> bool:
    try:
        return isinstance(json.loads(text), str)
    except ValueError:
        return False


@pytest.mark.parametrize("text", [*TEXTS, " ", '  "x"', '\t"x"', '\n"x"'])
def test_nothing_is_a_json_string(text: str) -> None:
    """Beeper takes one for HTML, which is then sent as it is."""
    assert not any(map(is_json_string, (escape(text), verbatim(text))))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("**bold** <b>", "**bold** <b>"),
        ('"Hello"', '\\"Hello"'),
        ('\n "<b>"', '\n \\"<b>"'),
        ('say "Hello"', 'say "Hello"'),
        ("/unencrypted **bold**", "\\/unencrypted **bold**"),
        (" /me waves", " \\/me waves"),
        ("2/3", "2/3"),
    ],
)
def test_markdown_is_unchanged(text: str, sent: str) -> None:
    assert verbatim(text) == sent


@pytest.mark.parametrize(
    ("title", "text", "stored"),
    [
        ("Door", "is *open*", "<p><strong>Door</strong><br>is *open*</p>"),
        ("2 * 3", "x", "<p><strong>2 * 3</strong><br>x</p>"),
        ("**", "x", "<p><strong>**</strong><br>x</p>"),
        ("two\n lines", "x", "<p><strong>two lines</strong><br>x</p>"),
        ("<b>", "# x", "<p><strong>&lt;b&gt;</strong><br># x</p>"),
    ],
)
def test_title_is_the_first_line_in_bold(title: str, text: str, stored: str) -> None:
    assert markdown_to_html(with_title(title, text)) == stored
