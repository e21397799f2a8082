"""Networks that change the text of a first message: it is sent once all the same."""

import asyncio
from collections.abc import Callable
from typing import Any
import unicodedata

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Chat, Message
from simulator.text import markdown_to_html
from tests.helpers.actions import create_chat
from tests.helpers.outcomes import outcome_of
from tests.helpers.waiting import until
from tests.helpers.world import contact

pytestmark = pytest.mark.usefixtures("skipped_waits", "quick_recovery")

CHANGED: list[tuple[str, Callable[[str], str]]] = [
    ("Cafe\u0301 at 5", lambda text: unicodedata.normalize("NFC", text)),
    ("Love \u2764\ufe0f", lambda text: text.replace("\ufe0f", "")),
    ("It's here", lambda text: text.replace("'", "\u2019")),
    ("Well...", lambda text: text.replace("...", "\u2026")),
    ("Hello :)", lambda text: text.replace(":)", "\U0001f642")),
    ("\U0001f642", lambda text: text.replace("\U0001f642", ":smile:")),
    ("A long text that is cut off", lambda text: text[:10]),
    ("Hello", lambda text: f"{text}\n--\nSent from Home"),
    ("hello", str.capitalize),
    ("Shortened", lambda _: "https://example.com/1"),
]
"""Texts, and how a network stores them."""


def change_texts(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]
) -> None:
    """Let the network change each text that is sent."""
    send = simulator.world.send

    def sent(chat: Chat, text: str, **more: Any) -> Message:
        message = send(chat, text, **more)
        message.text = change(text)
        message.html = markdown_to_html(message.text)
        return message

    monkeypatch.setattr(simulator.world, "send", sent)


def written(simulator: Simulator, *people: str) -> list[str]:
    """Return what the user wrote to these people, in all chats with them."""
    return [
        message.text
        for chat in simulator.world.chats.values()
        if {*people} <= {person.id for person in chat.participants}
        for message in chat.messages
        if message.sender.is_self
    ]


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_a_changed_text_is_not_sent_again(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    for number, (text, change) in enumerate(CHANGED):
        people = [
            contact(simulator, f"@telegram_{kind}{number}:beeper.com", "telegram").id
            for kind in range(4)
        ]
        calls: list[dict[str, Any]] = [
            {"user": {"id": people[0]}},
            {"participant_ids": [people[1]], "type": "single"},
            {"participant_ids": people[2:], "type": "group"},
        ]
        with monkeypatch.context() as patch:
            change_texts(simulator, patch, change)
            for data in calls:
                data |= {"account_id": "telegram", "message_text": text}
                outcome = await outcome_of(create_chat(hass, **data))
                assert outcome == "unknown", (text, data)
        for ids in ([people[0]], [people[1]], people[2:]):
            assert len(written(simulator, *ids)) == 1, (text, ids)


@pytest.mark.parametrize(
    ("own", "outcome"), [("On my way", "done"), ("Hello \U0001f642", "unknown")]
)
async def test_an_own_text_in_an_existing_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    own: str,
    outcome: str,
) -> None:
    """What was just written on the phone is another text, unless it may be this one."""
    simulator.traits.add("existing_chat_drops_text")
    kim = contact(simulator, "@telegram_7:beeper.com", "telegram")
    account = simulator.world.accounts["telegram"]
    chat = simulator.world.add_chat(account, [kim])
    gate = simulator.faults.add("delay", path=f"*/{chat.id}/messages", seconds=0.2)
    call = create_chat(
        hass, account_id="telegram", user={"id": kim.id}, message_text="Hello"
    )
    outcome_task = asyncio.create_task(outcome_of(call))
    await until(lambda: gate.hits)
    simulator.world.incoming(chat, account.user, own)

    assert await outcome_task == outcome
    assert written(simulator, kim.id) == [own, *["Hello"] * (outcome == "done")]
