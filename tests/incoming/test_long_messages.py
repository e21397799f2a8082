"""Messages that are too long or too many: nobody else's message is lost for them."""

from collections.abc import Callable
import json
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api import http_responses
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.incoming import (
    chat_reader,
    history,
    lost_messages,
    read_queue,
)
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from simulator import Simulator
from simulator.model import Person
from tests.helpers.actions import call_action
from tests.helpers.listening import texts
from tests.helpers.resources import bounded
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, chat, contact, write

pytestmark = pytest.mark.usefixtures("impatient")

LONG = 64 * 1024
WARNING = "New messages of a chat could not be read: too many, or too long"


def flood(simulator: Simulator, text: str, number: int, chat_id: str = FAMILY) -> None:
    """Let the second participant of a group write long messages."""
    member = simulator.world.chat(chat_id).participants[1]
    for index in range(number):
        write(simulator, f"{index} {text}", chat_id=chat_id, sender=member)


def lost_issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"messages_lost_{entry.entry_id}")


def lost(entry: MockConfigEntry) -> int:
    accounts = entry.runtime_data.inbox.statistics["accounts"]
    return sum(account["skipped_as_lost"] for account in accounts)


@pytest.mark.parametrize(
    ("letter", "profile"),
    [
        ("&", "latest"),
        (",", "latest"),
        ("{[", "4.1.294"),
        ("\N{PILE OF POO}", "4.2.557"),
        ("\x01", "easymatrix"),
    ],
)
async def test_long_messages_silence_nobody(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    letter: str,
) -> None:
    """One page is longer than a body may be, or has more commas than values."""
    await quiet(simulator)
    await simulator.stop()
    write(simulator, "SMOKE", chat_id=FAMILY)
    flood(simulator, letter * (LONG // len(letter.encode())), 18)
    write(simulator, "FIRE", chat_id=FAMILY)
    await simulator.start()
    await poll(hass, loaded)
    await until(lambda: len(events) >= 20)
    assert [text and text[:5] for text in texts(events)][:: len(events) - 1] == [
        "SMOKE",
        "FIRE",
    ]
    assert len(events) == 20
    assert not lost_issue(hass, loaded)
    # Actions read it as well.
    listed = await call_action(hass, "list_messages", chat_id=FAMILY)
    assert listed["messages"][0]["text"] == "FIRE"


async def test_long_previews_hide_no_chat(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Somebody writes long messages into many groups; no events arrive."""
    account = simulator.world.accounts["whatsapp"]
    account.emits_events = False
    write(simulator, "SMOKE")
    member = Person(id="@x:y", full_name="X")
    for number in range(12):
        group = chat(simulator, [member], f"Group {number}")
        write(simulator, f"{number} " + "&" * LONG, chat_id=group.id)
    await poll(hass, loaded)
    await until(lambda: "SMOKE" in texts(events))
    await until(lambda: len(events) == 13)


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_texts_beyond_the_bound_are_read_later(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    profile: str,
) -> None:
    """The bound of one reading costs only the long texts, if they cannot be read alone."""
    monkeypatch.setattr(history, "_MAX_SIZE", 100_000)
    await quiet(simulator)
    await simulator.stop()
    for number in range(3):
        flood(simulator, "x" * LONG, 20)
        write(simulator, f"SMOKE {number}", chat_id=FAMILY)
    await simulator.start()
    expected = 63 if profile == "latest" else 5
    await poll(hass, loaded)
    await until(lambda: len(events) >= expected)
    await quiet(simulator)
    assert len(events) == expected
    smoke = [text for text in texts(events) if text and text.startswith("SMOKE")]
    assert smoke == ["SMOKE 0", "SMOKE 1", "SMOKE 2"]
    assert all(len(text or "") > LONG for text in texts(events) if text not in smoke)
    if profile == "latest":
        assert not lost_issue(hass, loaded)
        return
    assert lost_issue(hass, loaded)
    assert lost(loaded) == 58
    assert caplog.messages.count(WARNING) == 1


@pytest.mark.parametrize("status", [404, 500])
async def test_long_text_that_cannot_be_read_later(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """It is the only one that is lost, at once if it is gone."""
    monkeypatch.setattr(history, "_MAX_SIZE", 100_000)
    await quiet(simulator)
    await simulator.stop()
    flood(simulator, "x" * LONG, 10)
    message_id = simulator.world.chat(FAMILY).messages[-8].id
    simulator.faults.add(
        "status_before", path=f"*/messages/{message_id}", status=status, times=None
    )
    await simulator.start()
    await poll(hass, loaded)
    await until(lambda: lost(loaded) == 1)
    await quiet(simulator)
    assert len(events) == 9
    assert lost_issue(hass, loaded)


async def test_losses_of_a_bounded_number_of_chats_are_remembered(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lost_messages, "_MAX_CHATS", 1)
    page = json.dumps({"items": [{"id": "1", "text": "x" * 5_000_000}]})
    simulator.faults.add("garbage", path="*/chats/*/messages", body=page, times=None)
    for count, chat_id in enumerate((KIM, FAMILY, KIM), 1):
        write(simulator, "SMOKE", chat_id=chat_id)
        await until(lambda count=count: caplog.messages.count(WARNING) == count)  # type: ignore[misc]


async def test_edit_beyond_the_bound_is_read(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newer messages fill the bound of one reading."""
    monkeypatch.setattr(history, "_MAX_SIZE", 100_000)
    flood(simulator, "x" * LONG, 3)
    await until(lambda: len(events) == 3)
    await quiet(simulator)
    family = simulator.world.chat(FAMILY)
    simulator.world.edit(family, family.messages[-3], "y" * LONG)
    await until(lambda: len(events) == 4)
    assert events[-1].type == "message_edited"
    assert events[-1].message.text == "y" * LONG


async def test_losses_are_reported_until_a_day_has_passed(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A page is never readable: what events name is published, the rest is counted."""
    caplog.set_level(logging.DEBUG)
    page = json.dumps({"items": [{"id": "1", "text": "x" * 5_000_000}]})
    fault = simulator.faults.add(
        "garbage", path="*/chats/*/messages", body=page, times=None
    )
    for number in range(3):
        write(simulator, f"SMOKE {number}")
        await until(lambda: len(events) > number)  # noqa: B023
    assert texts(events) == ["SMOKE 0", "SMOKE 1", "SMOKE 2"]
    assert fault.hits >= 3
    assert lost_issue(hass, listening)
    assert caplog.messages.count(WARNING) == 1

    write(simulator, "in another chat", chat_id=FAMILY)
    await until(lambda: caplog.messages.count(WARNING) == 2)
    skip_time(3601)
    write(simulator, "an hour later")
    await until(lambda: caplog.messages.count(WARNING) == 3)
    assert FAMILY not in caplog.text.replace(f"chats/{FAMILY}", "")

    # It outlives a reload, and disappears by itself.
    simulator.faults.clear()
    assert await hass.config_entries.async_reload(listening.entry_id)
    await poll(hass, listening)
    assert lost_issue(hass, listening)
    skip_time(lost_messages._SHOWN_FOR)
    await poll(hass, listening)
    assert not lost_issue(hass, listening)


async def test_burst_beyond_all_pages_is_reported(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "_MAX_PAGES", 3)
    await quiet(simulator)
    await simulator.stop()
    for number in range(100):
        write(simulator, f"{number}")
    await simulator.start()
    await poll(hass, loaded)
    await until(lambda: len(events) == 60)
    await until(lambda: lost_issue(hass, loaded))
    assert texts(events) == [str(number) for number in range(40, 100)]
    assert lost(loaded) >= 1


async def test_more_messages_than_events_may_name_are_read(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chat's list has them all."""
    monkeypatch.setattr(read_queue, "_MAX_IDS", 20)
    for number in range(150):
        write(simulator, f"{number}")
    await until(lambda: len(events) >= 150)
    await quiet(simulator)
    assert texts(events) == [str(number) for number in range(150)]
    assert not lost_issue(hass, listening)


async def test_message_that_cannot_be_read_holds_up_no_other(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was inserted below others, and the server fails to return it."""
    monkeypatch.setattr(chat_reader, "_MAX_NAMED", 50)
    for number in range(25):
        write(simulator, f"{number}")
    await until(lambda: len(events) == 25)
    await quiet(simulator)
    world = simulator.world
    late = world.new_message(
        world.chat(KIM), world.chat(KIM).participants[0], world.now()
    )
    late.text = late.html = "late"
    late.id = str(world.chat(KIM).next_message)
    late.sort_key = world.chat(KIM).messages[-25].sort_key - 1
    simulator.faults.add(
        "status_before", path=f"*/messages/{late.id}", status=500, times=None
    )
    world.add_message(world.chat(KIM), late)
    world.chat(KIM).messages.sort(key=lambda message: message.sort_key)
    write(simulator, "SMOKE")
    await until(lambda: "SMOKE" in texts(events))
    await until(lambda: lost(listening) == 1)
    assert lost_issue(hass, listening)


@pytest.mark.parametrize(
    "row",
    [
        {"text": "&amp;" * 60_000, "attachments": [{"type": "img"}] * 1000},
        {"text": "<p>" * 20_000},
        {"text": "<" * 390_000},
        {"attachments": [{"type": "img"}] * 120_000},
        {"reactions": [{"reactionKey": "x", "participantID": "y"}] * 80_000},
    ],
    ids=" ".join,
)
async def test_odd_content_blocks_nothing(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    row: dict[str, Any],
) -> None:
    template = simulator.wire.message(
        simulator.world, simulator.world.chat(KIM).messages[-1]
    )
    page = {
        "items": [
            {
                **template,
                "id": f"odd {number}",
                "timestamp": dt_util.utcnow().isoformat(),
                "sortKey": str(9_000_000_000 + number),
                "isSender": False,
                "senderID": "@x:y",
                **(row if number else {"text": "SMOKE"}),
            }
            for number in range(2)
        ],
        "hasMore": False,
    }
    simulator.faults.add("garbage", path="*/messages", body=json.dumps(page))
    async with bounded():
        write(simulator, "SMOKE")
        await until(lambda: len(events) >= 2)


def test_bounds_fit_what_people_can_write() -> None:
    """25 previews or 20 messages of 64 kB, each character escaped to six."""
    assert http_responses.MAX_LIST_SIZE > 25 * 6 * LONG


@pytest.mark.parametrize("where", ["text", "title", "name"])
async def test_long_lists_can_be_read(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator, where: str
) -> None:
    """One page of chats or contacts is longer than a body may be."""
    account = simulator.world.accounts["whatsapp"]
    for number in range(40):
        name = f"{number} " + ("(" * LONG if where == "name" else "X")
        member = contact(simulator, f"@x{number}:y", full_name=name)
        title = f"{number} " + ("(" * LONG if where == "title" else "Group")
        group = chat(simulator, [member], title)
        text = f"{number} " + ("&" * LONG if where == "text" else "hi")
        write(simulator, text, chat_id=group.id)
    assert len(account.contacts) >= 40
    await poll(hass, loaded)
    state = hass.states.get("sensor.beeper_whatsapp_unread_messages")
    assert state
    assert int(state.state) >= 40
    async with bounded():
        found = await call_action(hass, "find", query="Kim")
        sent = await call_action(
            hass, "send_message", recipient="Kim", account_id="whatsapp", message="hi"
        )
        with pytest.raises(HomeAssistantError):
            await call_action(hass, "send_message", recipient="((((", message="hi")
    assert "Kim" in str(found)
    assert sent["chat_id"] == KIM
    listed = await call_action(hass, "list_chats", limit=200)
    assert len(listed["chats"]) >= 40
