"""Where reading ends: late and inserted messages, new accounts and chats, bounds."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.incoming import chat_reader, history
from custom_components.beeper.signals import SIGNAL_MESSAGE, MessageEvent
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from simulator import Simulator
from simulator.model import Account, Chat, Message, Person
from tests.helpers.actions import call_action
from tests.helpers.listening import texts
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, write

pytestmark = pytest.mark.usefixtures("impatient")


def live(simulator: Simulator, number: int) -> Message:
    """Let Kim write messages with gaps between their sort keys; return the first one."""
    world = simulator.world
    world._sort_keys = count(next(world._sort_keys) + 1000)
    messages = [write(simulator, f"live {index}") for index in range(number)]
    return messages[0]


def insert(simulator: Simulator, text: str, below: Message, *, ago: float) -> None:
    """Insert a missed message of Kim below another one, in the server's order."""
    world = simulator.world
    chat = world.chat(KIM)
    when = world.now() - timedelta(seconds=ago)
    message = world.new_message(chat, chat.participants[0], when)
    message.text = message.html = text
    message.sort_key = below.sort_key - 1 - round(ago)
    world.add_message(chat, message)
    chat.messages.sort(key=lambda message: message.sort_key)


async def numbers(
    hass: HomeAssistant, entry: MockConfigEntry, network: str = "WhatsApp"
) -> dict[str, Any]:
    accounts: list[dict[str, Any]] = entry.runtime_data.inbox.statistics["accounts"]
    return next(key for key in accounts if key["network"] in (None, network))


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "latest", "easymatrix"])
@pytest.mark.parametrize("was_read", [False, True])
async def test_old_time_does_not_end_the_reading(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    was_read: bool,
) -> None:
    """A network that was offline for hours delivers old messages among new ones."""
    await quiet(simulator)
    if was_read:
        write(simulator, "before")
        await poll(hass, loaded)
        await until(lambda: events)
        await quiet(simulator)
    await simulator.stop()
    for number in range(19):
        write(simulator, str(number))
    for number in range(25):
        write(simulator, f"late {number}", ago=3 * 3600 + number)
    for number in range(19, 24):
        write(simulator, str(number))
    await simulator.start()
    await poll(hass, loaded)
    await until(lambda: len(events) >= 24 + was_read)
    await quiet(simulator)
    assert texts(events)[was_read:] == [*map(str, range(24))]
    if was_read:
        assert (await numbers(hass, loaded))["skipped_as_old"] == 25


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest", "easymatrix"])
async def test_messages_inserted_before_others(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    first = live(simulator, 30)
    await until(lambda: len(events) == 30)
    await quiet(simulator)
    for number in range(10):
        insert(simulator, f"missed {number}", first, ago=600 - number)
        await asyncio.sleep(0.01)
    await until(lambda: len(events) == 40)
    await quiet(simulator)
    assert sorted(text or "" for text in texts(events)[30:]) == [
        f"missed {number}" for number in range(10)
    ]


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_every_named_message_is_read(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    first = live(simulator, 25)
    await until(lambda: len(events) == 25)
    await quiet(simulator)
    for number in range(120):
        insert(simulator, f"missed {number}", first, ago=600 - number)
    await until(lambda: len(events) == 145)
    assert len(set(texts(events))) == 145
    assert not listening.runtime_data.inbox.statistics["accounts"][0][
        "skipped_as_too_many"
    ]


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_bounds_are_reported(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "_MAX_SEARCHED_PAGES", 0)
    monkeypatch.setattr(chat_reader, "_MAX_NAMED", 1)
    first = live(simulator, 25)
    await until(lambda: len(events) == 25)
    await quiet(simulator)
    for number in range(30):
        insert(simulator, f"missed {number}", first, ago=600 - number)
    await quiet(simulator)
    assert (await numbers(hass, listening))["skipped_as_lost"] >= 1


def add_account(simulator: Simulator) -> Chat:
    """Add a Signal account with a chat of the last 20 minutes."""
    world = simulator.world
    world.accounts["second"] = Account(
        id="second",
        network="Signal",
        bridge=("signal", "signal", "cloud"),
        user=Person(id="@second_me:beeper.com", full_name="Sam", is_self=True),
    )
    robin = Person(id="@second_robin:beeper.com", full_name="Robin")
    chat = world.add_chat(world.accounts["second"], [robin])
    for minutes in (20, 8, 5, 2, 1):
        write(simulator, "open the gate", chat_id=chat.id, ago=60 * minutes)
    return chat


async def test_history_of_a_new_account_is_not_new(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    chat = add_account(simulator)
    await poll(hass, listening)
    await quiet(simulator)
    write(simulator, "more history", chat_id=chat.id, ago=8 * 60)
    await quiet(simulator)
    assert events == []
    write(simulator, "new", chat_id=chat.id)
    await until(lambda: events)
    assert texts(events) == ["new"]
    assert (await numbers(hass, listening, "Signal"))["skipped_as_old"] >= 4

    # It is remembered beyond a restart.
    assert await hass.config_entries.async_reload(listening.entry_id)
    write(simulator, "again history", chat_id=chat.id, ago=8 * 60)
    await quiet(simulator)
    assert texts(events) == ["new"]


async def test_chat_that_appears_with_history(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    account = simulator.world.accounts["whatsapp"]
    chat = simulator.world.add_chat(account, [Person(id="@x:y", full_name="X")])
    write(simulator, "open the gate", chat_id=chat.id, ago=8 * 60)
    await quiet(simulator)
    write(simulator, "hello", chat_id=chat.id)
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["hello"]


async def test_first_message_of_a_new_chat_may_be_seconds_old(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Networks take a while, and the list was read in between."""
    await poll(hass, listening)
    await quiet(simulator)
    account = simulator.world.accounts["whatsapp"]
    chat = simulator.world.add_chat(account, [Person(id="@x:y", full_name="X")])
    write(simulator, "hello", chat_id=chat.id, ago=15)
    await until(lambda: events)
    assert texts(events) == ["hello"]


async def test_first_message_of_a_new_chat_during_a_gap(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Nothing was read for ten minutes, so the chat may have come in between."""
    await quiet(simulator)
    await simulator.stop()
    listening.runtime_data.inbox._caught_up -= 600
    account = simulator.world.accounts["whatsapp"]
    chat = simulator.world.add_chat(account, [Person(id="@x:y", full_name="X")])
    write(simulator, "hello", chat_id=chat.id, ago=300)
    await simulator.start()
    await until(lambda: events)
    assert texts(events) == ["hello"]


async def test_history_of_an_account_that_is_added_during_a_gap(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Nothing was read for ten minutes, but the account's history is older than it."""
    await quiet(simulator)
    await simulator.stop()
    listening.runtime_data.inbox._caught_up -= 600
    chat = add_account(simulator)
    await simulator.start()
    await poll(hass, listening)
    await quiet(simulator)
    assert events == []
    write(simulator, "new", chat_id=chat.id)
    await until(lambda: events)
    assert texts(events) == ["new"]


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_restarted_ids_are_new_messages(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beeper has moved to another computer: messages are numbered from one again."""
    for number in range(6):
        write(simulator, f"before {number}", chat_id=FAMILY, ago=6 - number)
    await until(lambda: len(events) == 6)
    await quiet(simulator)
    chat = simulator.world.chat(FAMILY)
    chat.messages = chat.messages[-6:]
    for number, message in enumerate(chat.messages):
        message.id = str(number + 3)
    chat.next_message = 9
    await simulator.stop()
    await simulator.start()
    for number in range(6):
        write(simulator, f"after {number}", chat_id=FAMILY)
    await until(lambda: len(events) >= 12)
    await quiet(simulator)
    assert texts(events)[6:] == [f"after {number}" for number in range(6)]


@pytest.mark.parametrize("moved_by", [-2, 2])
async def test_restarted_ids_of_messages_of_one_second(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    moved_by: int,
) -> None:
    """Networks time messages in whole seconds: another text is not an edit then."""
    when = simulator.world.now().replace(microsecond=0)
    chat = simulator.world.chat(FAMILY)
    for number in range(6):
        simulator.world.incoming(
            chat, chat.participants[0], f"before {number}", when=when
        )
    await until(lambda: len(events) == 6)
    await quiet(simulator)
    await simulator.stop()
    for message in chat.messages:
        message.id = str(int(message.id) + moved_by)
    chat.next_message += moved_by
    await simulator.start()
    write(simulator, "after", chat_id=FAMILY)
    await until(lambda: len(events) >= 7)
    await quiet(simulator)
    assert texts(events)[6:] == ["after"]
    assert {event.type for event in events} == {"message_received"}


async def test_ids_that_own_messages_had_before(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """What somebody else's message is called now is not what Home Assistant sent."""
    sent = await call_action(
        hass, "send_message", chat_id=FAMILY, message="by Home Assistant", wait=True
    )
    write(simulator, "before", chat_id=FAMILY)
    await until(lambda: events)
    await quiet(simulator)
    chat = simulator.world.chat(FAMILY)
    del chat.messages[-2:]
    chat.next_message = int(sent["message_id"])
    me = simulator.world.accounts[chat.account_id].user
    write(simulator, "on my phone", chat_id=FAMILY, sender=me)
    await until(lambda: len(events) > 1)
    await quiet(simulator)
    assert chat.messages[-1].id == sent["message_id"]
    assert [event.type for event in events] == ["message_received", "message_sent"]
    # The ID that the action returned leads to no other message.
    with pytest.raises(HomeAssistantError):
        await call_action(
            hass,
            "edit_message",
            chat_id=FAMILY,
            message_id=sent["pending_message_id"],
            message="edited",
        )
    assert chat.messages[-1].text == "on my phone"


async def test_known_ids_of_other_messages(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(6):
        write(simulator, f"before {number}", chat_id=FAMILY, ago=6 - number)
    await until(lambda: len(events) == 6)
    await quiet(simulator)
    chat = simulator.world.chat(FAMILY)
    first = int(chat.messages[-6].id)
    del chat.messages[-6:]
    chat.next_message = first
    for number in range(6):
        write(simulator, f"after {number}", chat_id=FAMILY)
    await until(lambda: len(events) >= 12)
    await quiet(simulator)
    assert texts(events)[6:] == [f"after {number}" for number in range(6)]
    assert caplog.text.count("Message IDs in Beeper restarted") == 1


async def test_chat_that_returns_with_another_id(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    write(simulator, "open the gate")
    await until(lambda: events)
    world = simulator.world
    old = world.chat(KIM)
    new = world.add_chat(world.accounts["whatsapp"], [old.participants[0]])
    message = world.new_message(new, old.participants[0], old.messages[-1].timestamp)
    message.text = message.html = "open the gate"
    world.add_message(new, message)
    world.delete_chat(old)
    write(simulator, "close the gate", chat_id=new.id)
    await until(lambda: len(events) > 1)
    await quiet(simulator)
    assert texts(events) == ["open the gate", "close the gate"]


@pytest.mark.parametrize("path", ["/v1/chats/search", "/v1/chats"])
async def test_chat_that_returns_while_the_chats_cannot_be_listed(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    path: str,
) -> None:
    """Home Assistant restarts, and does not know yet which chats there are, or changed."""
    write(simulator, "open the gate")
    await until(lambda: events)
    await quiet(simulator)
    await hass.config_entries.async_unload(listening.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    del hass.data[DOMAIN]
    simulator.faults.add("status_before", path=path, status=500, times=None)
    assert await hass.config_entries.async_setup(listening.entry_id)
    if path == "/v1/chats":
        await until(
            lambda: listening.runtime_data.inbox._seen.history_cutoffs.has_chats
        )
    new = simulator.world.recreate_chat(simulator.world.chat(KIM))
    await until(
        lambda: any(connection.is_followed for connection in simulator.hub.connections)
    )
    write(simulator, "close the gate", chat_id=new.id)
    await until(lambda: len(events) > 1)
    await quiet(simulator)
    assert texts(events) == ["open the gate", "close the gate"]


async def test_a_reading_that_was_stopped_is_read_again(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """The row at the end of a page was compared, but not those below: it has an old time."""
    await quiet(simulator)
    await simulator.stop()
    for number in range(60):
        write(simulator, f"{number}")
    write(simulator, "late", ago=3 * 3600)
    for number in range(60, 79):
        write(simulator, f"{number}")
    reloads: list[asyncio.Task[bool]] = []

    @callback
    def reload(_: MessageEvent) -> None:
        if not reloads:
            entry_id = listening.entry_id
            reloading = hass.config_entries.async_reload(entry_id)
            reloads.append(hass.async_create_task(reloading))

    async_dispatcher_connect(hass, SIGNAL_MESSAGE, reload)
    await simulator.start()
    await poll(hass, listening)
    await until(lambda: len(events) >= 79)
    await quiet(simulator)
    assert sorted(map(str, texts(events)), key=int) == [f"{n}" for n in range(79)]


async def test_ids_that_restart_again_after_a_restart(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Other messages have taken the IDs with which the first ones are remembered."""
    for number in range(45):
        write(simulator, f"{number}")
    await until(lambda: len(events) == 45)
    await quiet(simulator)
    chat = simulator.world.chat(KIM)
    await simulator.stop()
    for index, message in enumerate(chat.messages[3:8]):
        message.id = str(901 + index)
    chat.next_message = 4
    await simulator.start()
    new = [f"new {number}" for number in range(5)]
    for text in new:
        write(simulator, text)
    await until(lambda: len(events) == 50)
    await quiet(simulator)
    await hass.config_entries.async_unload(listening.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    del hass.data[DOMAIN]
    await simulator.stop()
    for index, message in enumerate(chat.messages):
        message.id = str(2001 + index)
    chat.next_message = 3000
    await simulator.start()
    assert await hass.config_entries.async_setup(listening.entry_id)
    write(simulator, "after")
    await until(lambda: "after" in texts(events))
    await quiet(simulator)
    assert texts(events)[45:] == [*new, "after"]
