"""Clocks that disagree: messages are published, and an issue explains it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self, override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import server
from custom_components.beeper.api import transport
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.incoming import (
    message_records,
    seen_messages,
    server_clock,
)
from custom_components.beeper.signals import MessageEvent
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from simulator import Simulator
from simulator.model import Message, Person
from tests.helpers.actions import PATH, call_action, send
from tests.helpers.listening import texts
from tests.helpers.outcomes import outcome_of
from tests.helpers.waiting import poll, quiet, settled, until
from tests.helpers.world import INSTAGRAM, KIM, write

pytestmark = pytest.mark.usefixtures("impatient")
TWENTY_MINUTES = timedelta(minutes=20)


def write_at_network_time(
    simulator: Simulator, text: str, chat_id: str = KIM
) -> Message:
    """Let somebody write; the network's clock is right, and so is Home Assistant's."""
    chat = simulator.world.chat(chat_id)
    now = datetime.now(UTC)
    return simulator.world.incoming(chat, chat.participants[0], text, when=now)


@pytest.mark.parametrize("has_events", [True, False])
@pytest.mark.parametrize("ahead", [TWENTY_MINUTES, -TWENTY_MINUTES, timedelta(hours=5)])
async def test_messages_with_right_times_are_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    ahead: timedelta,
    has_events: bool,
) -> None:
    simulator.world.accounts["whatsapp"].emits_events = has_events
    await poll(hass, listening)
    simulator.clock_skew = ahead
    for _ in range(2):
        await poll(hass, listening)
        await quiet(simulator)
    for number in range(3):
        write_at_network_time(simulator, f"smoke {number}")
        if not has_events:
            await poll(hass, listening)
        await until(lambda: len(events) > number)  # noqa: B023
        await poll(hass, listening)
    await quiet(simulator)
    assert texts(events) == ["smoke 0", "smoke 1", "smoke 2"]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return a function that sets the clock of Home Assistant only."""
    off = timedelta()
    utcnow = dt_util.utcnow

    class Clock(datetime):
        @classmethod
        @override
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp((datetime.now(UTC) + off).timestamp(), tz)

    for module in (
        transport,
        server,
        server_clock,
        seen_messages,
        message_records,
    ):
        monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(dt_util, "utcnow", lambda: utcnow() + off)

    def set_to(ahead: timedelta) -> None:
        nonlocal off
        off = ahead

    return set_to


@pytest.mark.parametrize("is_disconnected", [False, True])
@pytest.mark.parametrize(
    "jump",
    [
        TWENTY_MINUTES,
        -TWENTY_MINUTES,
        timedelta(hours=5),
        timedelta(hours=-5),
        timedelta(days=-400),
    ],
)
async def test_home_assistants_clock_jumps(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    set_clock: Callable[[timedelta], None],
    jump: timedelta,
    is_disconnected: bool,
) -> None:
    """As when it is set after the start of a computer that keeps no time."""
    write(simulator, "before")
    await until(lambda: events)
    await poll(hass, listening)
    if is_disconnected:
        await simulator.stop()
    set_clock(jump)
    write(simulator, "after")
    if is_disconnected:
        await simulator.start()
    await until(lambda: len(events) > 1)
    write(simulator, "later")
    await until(lambda: len(events) > 2)
    set_clock(timedelta())
    write(simulator, "last")
    await until(lambda: len(events) > 3)
    await settled(hass, listening, simulator)
    assert texts(events) == ["before", "after", "later", "last"]


WRONG = pytest.mark.parametrize("skew", [TWENTY_MINUTES, -TWENTY_MINUTES])
OWN_CLOCK = pytest.mark.parametrize(
    "network_skew", [None, timedelta()], ids=["own by Beeper", "own by the network"]
)
OLD_AND_NEW = pytest.mark.parametrize("profile", ["4.2.557", "latest"])


async def let_clock_be_wrong(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    skew: timedelta,
    network_skew: timedelta | None,
) -> None:
    """Set the clock of Beeper's computer; a message has shown that it is wrong."""
    simulator.clock_skew, simulator.world.network_skew = skew, network_skew
    await poll(hass, entry)
    write_at_network_time(simulator, "before")
    await quiet(simulator)


@OLD_AND_NEW
@WRONG
@OWN_CLOCK
async def test_own_messages_are_recognized(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skew: timedelta,
    network_skew: timedelta | None,
) -> None:
    """Otherwise they would look like ones that the user wrote elsewhere."""
    await let_clock_be_wrong(hass, simulator, listening, skew, network_skew)
    await send(hass, KIM, "mine")
    simulator.world.settle()
    await settled(hass, listening, simulator)
    assert texts(events) == ["before"]


@OLD_AND_NEW
@WRONG
@OWN_CLOCK
async def test_lost_messages_are_found(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    skew: timedelta,
    network_skew: timedelta | None,
) -> None:
    await let_clock_be_wrong(hass, simulator, listening, skew, network_skew)
    simulator.faults.add("drop_after", method="POST", path=PATH)
    assert await outcome_of(send(hass, KIM, "mine")) == "recovered"


@OLD_AND_NEW
@WRONG
@OWN_CLOCK
async def test_questions_are_answered(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    skew: timedelta,
    network_skew: timedelta | None,
) -> None:
    await let_clock_be_wrong(hass, simulator, listening, skew, network_skew)
    messages = simulator.world.chats[KIM].messages
    before = len(messages)
    asking = asyncio.create_task(
        call_action(
            hass,
            "ask_question",
            chat_id=KIM,
            message="Heating on?",
            answers=[{"id": "yes", "sentences": ["yes"]}],
            show_choices=False,
            timeout=20,
        )
    )
    await until(lambda: len(messages) > before)
    simulator.world.settle()
    await quiet(simulator)

    write_at_network_time(simulator, "yes")

    assert (await asking)["id"] == "yes"


@pytest.mark.parametrize(
    "back", [TWENTY_MINUTES, timedelta(hours=3), timedelta(days=2)]
)
async def test_a_clock_that_is_set_back_makes_nothing_new_again(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    back: timedelta,
) -> None:
    """Many computers confuse local time and UTC after another system ran on them."""
    await poll(hass, loaded)
    simulator.clock_skew = -back
    for _ in range(2):
        simulator.hub.hang_up()
        await poll(hass, loaded)
        await until(
            lambda: any(
                connection.is_followed for connection in simulator.hub.connections
            )
        )
        await quiet(simulator)
    assert not events
    write_at_network_time(simulator, "smoke")
    await until(lambda: events)
    await poll(hass, loaded)
    await quiet(simulator)
    assert texts(events) == ["smoke"]


@pytest.mark.parametrize(
    ("chat_id", "reused_id"),
    [(KIM, False), (KIM, True), (INSTAGRAM, False)],
    ids=["chat that was read", "reused ID", "chat that was never read"],
)
async def test_a_message_that_is_read_before_its_event_is_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    chat_id: str,
    reused_id: bool,
) -> None:
    """Something else happened in the chat, and the read for it finds the message."""
    chat = simulator.world.chat(chat_id)
    account = simulator.world.accounts[chat.account_id]
    reacted = chat.messages[-1]
    if chat_id == KIM:
        late = write(simulator, "late", ago=10 * 60)
        reacted = write_at_network_time(simulator, "hello")
        await until(lambda: len(events) == 2)
        await quiet(simulator)
    if reused_id:  # Beeper has moved to another computer.
        chat.messages.remove(late)
        chat.next_message = int(late.id)
    simulator.clock_skew = TWENTY_MINUTES
    for _ in range(2):
        await poll(hass, listening)
        await quiet(simulator)

    account.emits_events = False
    write_at_network_time(simulator, "smoke", chat_id)
    account.emits_events = True
    simulator.world.react(chat, reacted, chat.participants[0], "👍")

    await until(lambda: "smoke" in texts(events))


async def test_first_message_of_a_new_chat_is_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.clock_skew = TWENTY_MINUTES
    for _ in range(2):
        await poll(hass, listening)
        await quiet(simulator)
    account = simulator.world.accounts["whatsapp"]
    chat = simulator.world.add_chat(
        account, [Person(id="@x:y", full_name="X")], when=datetime.now(UTC)
    )
    write_at_network_time(simulator, "hello", chat.id)
    await until(lambda: events)
    assert texts(events) == ["hello"]


async def test_history_does_not_change_the_time(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """The server is right, and Home Assistant's clock is three hours behind."""
    simulator.clock_skew = timedelta(hours=3)
    await poll(hass, listening)
    write(simulator, "now")
    await until(lambda: events)
    write(simulator, "open the garage", ago=2 * 3600)
    await quiet(simulator)
    await poll(hass, listening)
    await quiet(simulator)
    assert texts(events) == ["now"]


async def test_clocks_that_disagree_are_an_issue(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    issue_registry: ir.IssueRegistry,
) -> None:
    key = (DOMAIN, f"wrong_clock_{listening.entry_id}")
    simulator.clock_skew = timedelta(seconds=100)
    for _ in range(3):
        await poll(hass, listening)
    assert key not in issue_registry.issues

    simulator.clock_skew = TWENTY_MINUTES
    await poll(hass, listening)
    assert key not in issue_registry.issues, "one wrong header proves nothing"
    await poll(hass, listening)
    issue = issue_registry.issues[key]
    assert issue.translation_placeholders == {"server": "Beeper", "minutes": "20"}

    simulator.clock_skew = timedelta()
    await poll(hass, listening)
    assert key not in issue_registry.issues


async def test_one_wrong_time_changes_nothing(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    issue_registry: ir.IssueRegistry,
) -> None:
    simulator.clock_skew = timedelta(hours=1)
    await poll(hass, listening)
    simulator.clock_skew = timedelta()
    write(simulator, "smoke")
    await until(lambda: events)
    await poll(hass, listening)
    assert texts(events) == ["smoke"]
    assert (DOMAIN, f"wrong_clock_{listening.entry_id}") not in issue_registry.issues


async def test_messages_of_the_future_do_not_hide_changes_of_others(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_records, "_FOLLOWED", 5)
    message = write(simulator, "before", ago=14 * 60)
    await until(lambda: events)
    for number in range(20):
        write(simulator, f"{number}", ago=-24 * 3600)
    await until(lambda: len(events) == 21)
    # Ten minutes pass.
    listening.runtime_data.inbox._seen.cutoff = (
        datetime.now(UTC) - timedelta(minutes=5)
    ).timestamp()
    listening.runtime_data.inbox._seen.forget_old()
    simulator.edit(KIM, message.id, "after")
    await until(lambda: len(events) > 21)
    assert (events[-1].type, events[-1].message.text) == ("message_edited", "after")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (timedelta(), timedelta(hours=-5)),
        (timedelta(hours=1), timedelta()),
        (timedelta(hours=1), timedelta(hours=-5)),
        (timedelta(hours=-5), timedelta()),
    ],
    ids=str,
)
async def test_clock_that_jumps_around_a_restart_publishes_nothing_twice(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    first: timedelta,
    then: timedelta,
) -> None:
    """What was published before a restart is not all stored, as most of it is old."""
    for number in range(3):
        write_at_network_time(simulator, f"before {number}")
    await until(lambda: len(events) == 3)
    await quiet(simulator)
    old = datetime.now(UTC) - timedelta(hours=2)
    chat = simulator.world.chat(KIM)
    for number in range(3):
        simulator.world.incoming(chat, chat.participants[0], f"old {number}", when=old)
    await quiet(simulator)
    simulator.clock_skew = first
    for _ in range(2):
        await poll(hass, listening)
        await quiet(simulator)
    await hass.config_entries.async_unload(listening.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    del hass.data[DOMAIN]
    simulator.clock_skew = then
    assert await hass.config_entries.async_setup(listening.entry_id)
    for number in range(2):
        for _ in range(2):
            await poll(hass, listening)
            await quiet(simulator)
        write_at_network_time(simulator, f"after {number}")
        await until(lambda: len(events) > 3 + number)  # noqa: B023
    await quiet(simulator)
    assert texts(events) == [
        *("before 0", "before 1", "before 2"),
        *("after 0", "after 1"),
    ]


async def test_late_messages_are_new_after_a_clock_was_put_right(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    for skew in (timedelta(hours=1), timedelta()):
        simulator.clock_skew = skew
        for _ in range(2):
            await poll(hass, listening)
            await quiet(simulator)
    write(simulator, "eight minutes late", ago=8 * 60)
    await until(lambda: events)
    assert texts(events) == ["eight minutes late"]


@pytest.mark.parametrize("ahead", [TWENTY_MINUTES, timedelta(days=1)])
async def test_messages_that_arrive_during_a_restart_are_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    ahead: timedelta,
) -> None:
    """What messages have shown before holds after the restart."""
    simulator.clock_skew = ahead
    for _ in range(2):
        await poll(hass, listening)
        await quiet(simulator)
    write_at_network_time(simulator, "before")
    await until(lambda: events)
    await quiet(simulator)
    await hass.config_entries.async_unload(listening.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    del hass.data[DOMAIN]
    chat = simulator.world.chat(KIM)
    minutes_ago = datetime.now(UTC) - timedelta(minutes=3)
    simulator.world.incoming(chat, chat.participants[0], "smoke", when=minutes_ago)
    assert await hass.config_entries.async_setup(listening.entry_id)
    await until(lambda: "smoke" in texts(events))


async def test_changes_are_noticed_while_home_assistants_clock_is_behind(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All messages are from its future, and the newest are the ones that change."""
    monkeypatch.setattr(message_records, "_FOLLOWED", 5)
    simulator.clock_skew = timedelta(hours=5)
    await poll(hass, listening)
    for number in range(20):
        message = write(simulator, f"{number}")
    await until(lambda: len(events) == 20)
    await poll(hass, listening)
    await quiet(simulator)
    simulator.edit(KIM, message.id, "after")
    await until(lambda: len(events) > 20)
    assert (events[-1].type, events[-1].message.text) == ("message_edited", "after")
