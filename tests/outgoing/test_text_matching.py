"""A lost message is proved by its own text, and by no other."""

import asyncio
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import markdown, outbox
from homeassistant.core import Context, HomeAssistant
from simulator import Simulator, faults
from simulator.faults import Fault, Run, hang_up
from simulator.model import Chat, Person
from tests.helpers.actions import send
from tests.helpers.outcomes import outcome_of
from tests.helpers.world import PROFILES, chat

PAIRS = [
    ("It is 5 degrees", "It is -5 degrees"),
    ("5", "-5"),
    ("-5", "\N{MINUS SIGN}5"),
    ("+5", "5"),
    ("=5", "5"),
    ("- milk", "milk"),
    ("- milk", "* milk"),
    ("1. milk", "milk"),
    ("1. milk", "1) milk"),
    ("[yes]", "yes"),
    ("(yes)", "yes"),
    ("[yes](https://example.com)", "yes"),
    ("<https://example.com>", "https://example.com"),
    ("*yes*", "yes"),
    ("*yes*", "_yes_"),
    ("**yes**", "*yes*"),
    ("__yes__", "yes"),
    ("~~no~~", "no"),
    ("2*3*4", "234"),
    ("`x`", "x"),
    ("```\nx\n```", "x"),
    ("# one", "one"),
    ("> one", "one"),
    ("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", "\N{HEAVY BLACK HEART}"),
    ("\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-5}", "\N{THUMBS UP SIGN}"),
    ("&lt;b&gt;", "<b>"),
    ("&amp;", "&"),
    ("<b>x</b>", "x"),
    ("one\ntwo", "one two"),
    ("one\ntwo", "onetwo"),
    ("one\N{NO-BREAK SPACE}two", "onetwo"),
    ("  one two", "onetwo"),
    ("one|two", "onetwo"),
    ('"yes"', "yes"),
    ("OK?", "OK"),
    ("Ok", "OK"),
    ("1 < 2", "1 2"),
    ("a_b_c", "abc"),
]
# Older servers store the Markdown that was sent: there a backslash can be either.
RICH_PAIRS = [("<br>", "\\<br>"), ("*", "\\*")]
SAME = [
    "one  two",
    "one\N{NO-BREAK SPACE}two ",
    "\n\none\n\n\ntwo\n",
    "one\r\ntwo\rthree",
    "\ttab",
    "    four",
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("typed", [True, False], ids=["typed", "sent"])
async def test_no_other_text_proves_a_lost_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
    typed: bool,
) -> None:
    """While it is lost, another text is written on the phone, or by another program."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    world = simulator.world
    is_rich = profile in ("4.2.808", "latest")
    pairs = [*PAIRS, *(RICH_PAIRS if is_rich else ())]
    ways = [*pairs, *((two, one) for one, two in pairs)]
    texts = [*((one, two, "unknown") for one, two in ways)]
    if not typed:
        own = [*dict.fromkeys(one for one, _ in ways), *SAME]
        texts += [(text, text, "recovered") for text in own]
    chats: list[Chat] = []
    others: dict[str, str] = {}
    for number, (_, other, _) in enumerate(texts):
        person = Person(id=f"@person{number}:beeper.com", full_name=f"P{number}")
        chats.append(chat(simulator, [person]))
        others[chats[-1].id] = other

    async def write(_: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        target = world.chats[request.path.split("/")[3]]
        other = others[target.id]
        if typed:
            world.incoming(target, world.accounts[target.account_id].user, other)
        else:
            world.send(target, markdown.escape(other))
            world.settle()  # Some servers list what the network has confirmed.
        return hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "drop_before", write)
    simulator.faults.add(
        "drop_before", method="POST", path="/v1/chats/*/messages", times=None
    )
    ends = await asyncio.gather(
        *(
            outcome_of(send(hass, chats[number].id, one, Context()))
            for number, (one, _, _) in enumerate(texts)
        )
    )

    wrong = [
        (one, other, end)
        for (one, other, wanted), end in zip(texts, ends, strict=True)
        if end != wanted
    ]
    assert wrong == [], wrong


STORED = [
    ("- 5 degrees", "<p>5 degrees</p>", "unknown"),
    ("5 degrees", "<ul><li>5 degrees</li></ul>", "unknown"),
    ("- 5 degrees", "<ul>\n<li>5 degrees</li>\n</ul>", "recovered"),
    ("- 5 degrees", "<p>- 5 degrees</p>", "recovered"),
    ("2. open", "<ol><li>open</li></ol>", "unknown"),
    ("2. open", '<ol start="2"><li>open</li></ol>', "recovered"),
    ("1. open\n2. close", "<ol><li>open</li><li>close</li></ol>", "recovered"),
    ("# 5", "<p>5</p>", "unknown"),
    ("# 5", "<h1>5</h1>", "recovered"),
    ("> 5", "<p>5</p>", "unknown"),
    ("> 5", "<blockquote><p>5</p></blockquote>", "recovered"),
    ("~~no~~", "<p>no</p>", "unknown"),
    ("~~no~~", "<p><del>no</del></p>", "recovered"),
    ("*5*", "<p>5</p>", "unknown"),
    ("*5*", "<p><strong>5</strong></p>", "unknown"),
    ("*5*", "<p><em>5</em></p>", "recovered"),
    ("*5*", "<p>*5*</p>", "recovered"),
    ("2*3*4", "<p>2*3*4</p>", "recovered"),
    ("5", "<p><em>5</em></p>", "unknown"),
    ("**5** _6_", "<p><strong>5</strong> <em>6</em></p>", "recovered"),
    ("**5**", "<p>5</p>", "unknown"),
    ("5", "<p><b>5</b></p>", "unknown"),
    ("`5`", "<p>5</p>", "unknown"),
    ("`5`", "<p><code>5</code></p>", "recovered"),
    ("```\nx\n```", "<pre><code>x\n</code></pre>", "recovered"),
    ("x", "<pre><code>x\n</code></pre>", "unknown"),
    ("[a](https://x.example/1)", '<a href="https://x.example/2">a</a>', "unknown"),
    ("[a](https://x.example/1)", "<p>a</p>", "unknown"),
    ("a", '<a href="https://x.example/2">a</a>', "unknown"),
    (
        "[a](https://x.example/%7Ek?b=1&c=2)",
        '<a href="https://x.example/~k?b=1&amp;c=2">a</a>',
        "recovered",
    ),
    (
        "https://x.example/",
        '<a href="https://x.example/">https://x.example/</a>',
        "recovered",
    ),
    ("me@x.example", '<a href="mailto:me@x.example">me@x.example</a>', "recovered"),
    ("x.example", '<a href="https://x.example/">x.example</a>', "recovered"),
    ("hi Kim", 'hi <a href="https://matrix.to/#/@kim:b.com">Kim</a>', "recovered"),
    ("x", '<p>x <img src="mxc://b.com/1" alt="y"></p>', "unknown"),
    ("5", "<p>5\N{ZERO WIDTH SPACE}</p>", "unknown"),
    ("5", "<p>\N{RIGHT-TO-LEFT MARK}5</p>", "unknown"),
    ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "<p>cafe\u0301</p>", "unknown"),
]
"""Markdown, what the server stores, and what that proves."""


async def test_markdown_is_proved_by_what_is_made_of_it(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = await lose(
        hass,
        simulator,
        monkeypatch,
        [
            ({"message": sent, "format": "markdown"}, {"html": stored})
            for sent, stored, _ in STORED
        ],
    )

    assert [
        (sent, stored, end)
        for (sent, stored, wanted), end in zip(STORED, ends, strict=True)
        if end != wanted
    ] == []


async def lose(
    hass: HomeAssistant,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    cases: list[tuple[dict[str, Any], dict[str, Any]]],
) -> list[str]:
    """Lose messages to separate chats; another one is written on the phone meanwhile.

    A case has the data of the call, and the attributes of the other message. Returns
    how the calls ended.
    """
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    written: dict[str, dict[str, Any]] = {}
    for number, (_, other) in enumerate(cases):
        person = Person(id=f"@person{number}:beeper.com", full_name=f"P{number}")
        target = chat(simulator, [person])
        for question in ("1", "2"):
            simulator.world.incoming(target, person, "?").id = question
        written[target.id] = other

    async def write(_: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        target = simulator.world.chats[request.path.split("/")[3]]
        user = simulator.world.accounts[target.account_id].user
        message = simulator.world.incoming(target, user, "yes")
        for name, value in written[target.id].items():
            setattr(message, name, value)
        return hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "drop_before", write)
    simulator.faults.add(
        "drop_before", method="POST", path="/v1/chats/*/messages", times=None
    )
    return await asyncio.gather(
        *(
            outcome_of(send(hass, chat_id, context=Context(), **data))
            for (data, _), chat_id in zip(cases, written, strict=True)
        )
    )


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_else_shows_that_it_is_another_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    profile: str,
) -> None:
    """The text is the same: it replies to something else, or it had another one."""
    reply = {"message": "yes", "reply_to": "1"}
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"message": "yes"}, {}),
        (reply, {"linked_message_id": "1"}),
        (reply, {"linked_message_id": "2"}),
        (reply, {}),
        ({"message": "yes"}, {"linked_message_id": "1"}),
        ({"message": "yes"}, {"edited": simulator.world.now()}),
    ]

    ends = await lose(hass, simulator, monkeypatch, cases)

    is_old = profile == "4.1.294"  # It tells neither replies nor edits.
    assert ends == [
        "recovered",
        "recovered",
        "recovered" if is_old else "unknown",
        # What other programs call a version says nothing about it.
        "recovered" if profile in ("4.1.294", "easymatrix") else "unknown",
        "recovered" if is_old else "unknown",
        "unknown" if profile in ("4.2.808", "latest") else "recovered",
    ]
