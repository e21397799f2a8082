"""Every message once and in order, whatever brings it."""

import asyncio
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import SIGNAL_ACCOUNT_DISCONNECTED, MessageEvent
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from simulator import Simulator
from simulator.model import Person
from tests.helpers.listening import collect, texts
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import KIM, group, write

pytestmark = pytest.mark.usefixtures("impatient")


async def test_message_is_told_once(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    sent = simulator.incoming(KIM, None, "Is anybody home?")
    await until(lambda: told)
    simulator.faults.add("ws_flood", count=50)
    await quiet(simulator)

    assert [event.as_dict() for event in told] == [
        {
            "chat_id": KIM,
            "chat_name": "Kim",
            "chat_type": "single",
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "sender_id": sent["senderID"],
            "sender_name": "Kim",
            "is_self": False,
            "message_id": sent["id"],
            "pending_message_id": None,
            "timestamp": told[0].as_dict()["timestamp"],
            "message_type": "text",
            "text": "Is anybody home?",
            "rich_text": "Is anybody home?",
            "reply_to": None,
            "attachments": [],
            "reaction": None,
        }
    ]


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "4.2.808", "easymatrix"])
async def test_every_generation_tells(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    write(simulator, "1 < 2 & <b>")
    await poll(hass, loaded)
    await until(lambda: told)
    write(simulator, "again")
    await poll(hass, loaded)
    await until(lambda: len(told) > 1)
    assert texts(told) == ["1 < 2 & <b>", "again"]
    assert told[0].sender.id.startswith("@whatsapp_15550101002")
    assert told[0].chat.title == "Kim"


async def test_rich_text_is_told_as_plain_text_too(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    html = (
        "<mx-reply><blockquote>old</blockquote></mx-reply><p>Hi <b>Alex</b>,<br>1 &lt; 2"
        "</p><ul><li>one</li><li>two</li></ul><img alt=':-)' src='mxc://x'>"
    )
    chat = simulator.world.chat(KIM)
    with_html(simulator, html)
    await until(lambda: told)
    assert chat.messages[-1].html == told[0].rich_text == html
    assert told[0].text == "Hi Alex,\n1 < 2\none\ntwo\n:-)"


def with_html(simulator: Simulator, html: str) -> None:
    """Let Kim write rich text."""
    chat = simulator.world.chat(KIM)
    message = simulator.world._new_message(chat, chat.participants[0], None)
    message.html = message.text = html
    simulator.world._append(chat, message)


async def test_nothing_from_before_the_first_set_up(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    told: list[MessageEvent],
) -> None:
    write(simulator, "before", ago=60)
    write(simulator, "just before")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    write(simulator, "after")
    await until(lambda: told)
    await quiet(simulator)
    assert texts(told) == ["after"]


async def test_what_cannot_be_read_at_the_first_set_up_is_read_later(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    told: list[MessageEvent],
) -> None:
    write(simulator, "before")
    simulator.faults.add("status_before", path="/v1/chats/*/messages", status=500)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert await hass.config_entries.async_reload(entry.entry_id)
    await quiet(simulator)
    assert told == []


async def test_what_came_during_a_gap_is_told_in_order(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    await simulator.stop()
    for number in range(65):
        write(simulator, str(number), ago=100 - number)
    write(simulator, "another chat", chat_id=group(simulator))
    await simulator.start()
    await until(lambda: len(told) >= 66)
    await quiet(simulator)
    assert len(told) == 66
    of_kim = [event.text for event in told if event.chat.id == KIM]
    assert of_kim == [*map(str, range(65))]


async def test_nothing_is_told_until_all_of_it_could_be_read(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    await simulator.stop()
    for number in range(50):
        write(simulator, str(number))
    # The newest page is read, the one before it is not.
    simulator.faults.add("delay", path="/v1/chats/*/messages")
    for kind in ("status_before", "cut", "garbage", "drop_before"):
        simulator.faults.add(kind, path="/v1/chats/*/messages")
        simulator.faults.add("delay", path="/v1/chats/*/messages")
    await simulator.start()
    await until(lambda: len(told) >= 50)
    await quiet(simulator)
    assert texts(told) == [*map(str, range(50))]
    assert not simulator.faults.waiting


async def test_list_of_chats_that_cannot_be_read_is_read_again(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    """Some servers answer 400 now and then while they page."""
    await simulator.stop()
    write(simulator, "missed")
    simulator.faults.add("status_before", path="/v1/chats", status=400, times=2)
    await simulator.start()
    await until(lambda: told)
    assert texts(told) == ["missed"]


async def test_trouble_is_logged_once_and_so_is_its_end(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = simulator.faults.add(
        "status_before", path="/v1/chats/*/messages", status=500, times=None
    )
    write(simulator, "late")
    await until(lambda: fault.hits > 8)
    simulator.faults.clear()
    await until(lambda: told)
    await quiet(simulator)
    assert caplog.text.count("Messages cannot be read") == 1
    assert caplog.text.count("Messages can be read again") == 1


async def test_server_that_is_away_is_logged_by_one_only(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await simulator.stop()
    write(simulator, "missed")
    await until(lambda: "Error fetching beeper data" in caplog.text)
    await asyncio.sleep(0.5)
    assert caplog.text.count("Error fetching beeper data") == 1
    await simulator.start()
    await until(lambda: told)
    assert caplog.text.count("Fetching beeper data recovered") == 1
    assert "Messages can" not in caplog.text


async def test_chat_that_is_gone_does_not_hold_up_the_others(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    gone = simulator.faults.add(
        "status_before",
        path="/v1/chats/*NCdzlIaMjZUmvmvyHU*/messages",
        times=None,
        status=404,
        body={"message": "Chat not found", "code": "NOT_FOUND"},
    )
    write(simulator, "lost")
    await until(lambda: gone.hits)
    await quiet(simulator)
    write(simulator, "hi", chat_id=group(simulator))
    await until(lambda: told)
    assert texts(told) == ["hi"]


async def test_network_without_events_is_polled(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    simulator.world.accounts["whatsapp"].emits_events = False
    write(simulator, "silent")
    await quiet(simulator)
    assert told == []
    await poll(hass, listening)
    await until(lambda: told)
    simulator.requests.clear()
    await poll(hass, listening)
    await quiet(simulator)
    assert texts(told) == ["silent"]
    # A chat that is as it was is not read again.
    assert not [each for each in simulator.requests if "/messages" in each.path]


async def test_what_is_too_old_is_skipped(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    write(simulator, "16 minutes", ago=16 * 60)
    write(simulator, "a minute", ago=60, chat_id=group(simulator))
    await until(lambda: told)
    await quiet(simulator)
    assert texts(told) == ["a minute"]


async def test_option_says_what_is_too_old(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    hass.config_entries.async_update_entry(listening, options={"backlog_minutes": 60})
    await hass.async_block_till_done()
    await quiet(simulator)
    # The time before was given up already.
    write(simulator, "half an hour", ago=30 * 60)
    write(simulator, "10 minutes", ago=10 * 60)
    await until(lambda: told)
    await quiet(simulator)
    assert texts(told) == ["10 minutes"]


@pytest.mark.parametrize("hours", [-5, 5])
async def test_clock_of_the_server_counts(
    simulator: Simulator,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    told: list[MessageEvent],
    hours: int,
) -> None:
    simulator.clock_skew = timedelta(hours=hours)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: simulator.hub.connections)
    write(simulator, "hi")
    await until(lambda: told)
    assert texts(told) == ["hi"]


async def test_clock_of_the_server_that_is_put_right(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    simulator.clock_skew = timedelta(hours=3)
    write(simulator, "early")
    await until(lambda: told)
    await poll(hass, listening)
    await quiet(simulator)
    simulator.clock_skew = timedelta()
    await poll(hass, listening)
    await quiet(simulator)
    write(simulator, "right")
    await until(lambda: len(told) > 1)
    assert texts(told) == ["early", "right"]


async def test_reload_and_restart_repeat_nothing_and_lose_nothing(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    hass_storage: dict[str, Any],
) -> None:
    write(simulator, "before")
    await until(lambda: told)
    assert await hass.config_entries.async_unload(listening.entry_id)
    write(simulator, "meanwhile")
    assert await hass.config_entries.async_setup(listening.entry_id)
    await until(lambda: len(told) > 1)
    await quiet(simulator)
    assert texts(told) == ["before", "meanwhile"]

    stored = hass_storage[f"{DOMAIN}.{listening.entry_id}.messages"]["data"]
    assert stored.keys() == {"floor", "seen", "marks", "accounts"}
    assert len(stored["seen"]) >= 1
    assert "before" not in repr(stored)
    assert "1555" not in repr(stored)


async def test_removal_forgets(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    assert await hass.config_entries.async_remove(listening.entry_id)
    assert f"{DOMAIN}.{listening.entry_id}.messages" not in hass_storage


async def test_waits_for_automations_to_listen(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    hass.set_state(CoreState.not_running)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: simulator.hub.connections)
    write(simulator, "early bird")
    await quiet(simulator)
    assert told == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: told)
    assert texts(told) == ["early bird"]


@pytest.mark.parametrize("marks_own", [True, False])
async def test_own_message_from_elsewhere(
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    marks_own: bool,
) -> None:
    account = simulator.world.accounts["whatsapp"]
    account.marks_own = marks_own
    write(simulator, "from my phone", sender=account.user)
    await until(lambda: told)
    assert [(each.type, each.is_self) for each in told] == [("message_sent", True)]


async def test_own_message_is_told_when_it_was_sent(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    """The user writes in Beeper itself, and the network takes its time."""
    chat = simulator.world.chat(KIM)
    simulator.confirm_after = 0.3
    simulator.world.send(chat, "done")
    await quiet(simulator)
    await until(lambda: told)
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    simulator.world.send(chat, "never")
    await quiet(simulator)
    await asyncio.sleep(0.4)
    await quiet(simulator)
    assert texts(told) == ["done"]


async def test_what_becomes_of_a_message(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    message = write(simulator, "first")
    await until(lambda: told)
    simulator.edit(KIM, message.id, "second")
    await until(lambda: len(told) == 2)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(told) == 3)
    simulator.react(KIM, message.id, None, "❤️")
    await until(lambda: len(told) == 5)
    simulator.react(KIM, message.id, None, None)
    await until(lambda: len(told) == 6)
    simulator.delete(KIM, message.id)
    await until(lambda: len(told) == 7)
    simulator.faults.add("ws_flood", count=5)
    await quiet(simulator)

    assert [(each.type, each.text) for each in told] == [
        ("message_received", "first"),
        ("message_edited", "second"),
        ("reaction_added", None),
        ("reaction_removed", None),
        ("reaction_added", None),
        ("reaction_removed", None),
        ("message_deleted", None),
    ]
    reactions = [each.as_dict()["reaction"] for each in told[2:6]]
    assert reactions == ["👍", "👍", "❤️", "❤️"]
    assert {each.sender.name for each in told} == {"Kim"}
    assert {each.message.id for each in told} == {message.id}


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_deleted_message_that_is_listed_no_more(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    message = write(simulator, "oops")
    await until(lambda: told)
    simulator.delete(KIM, message.id)
    await until(lambda: len(told) > 1)
    simulator.faults.add("ws_flood", count=5)
    await quiet(simulator)
    assert [each.type for each in told] == ["message_received", "message_deleted"]


async def test_change_far_up_in_the_chat(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    """A message is followed that is on the newest page no more."""
    message = write(simulator, "first")
    await until(lambda: told)
    for number in range(30):
        write(simulator, str(number))
    await until(lambda: len(told) == 31)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(told) == 32)
    assert (told[31].type, told[31].message.id) == ("reaction_added", message.id)


async def test_deleted_before_it_was_read(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    simulator.faults.add("delay", seconds=0.2, path="/v1/chats/*/messages")
    message = write(simulator, "oops")
    simulator.delete(KIM, message.id)
    await quiet(simulator)
    await asyncio.sleep(0.2)
    await quiet(simulator)
    assert told == []


@pytest.mark.parametrize(
    "change", [{"type": "NOTICE"}, {"type": "REACTION"}, {"is_hidden": True}]
)
async def test_rows_that_are_no_messages(
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    change: dict[str, Any],
) -> None:
    chat = simulator.world.chat(KIM)
    message = write(simulator, "{{sender}} reacted")
    for name, value in change.items():
        setattr(message, name, value)
    write(simulator, "real")
    await until(lambda: told)
    simulator.react(KIM, message.id, None, "👍")
    await quiet(simulator)
    assert texts(told) == ["real"]
    assert len(chat.messages) > 2


@pytest.mark.parametrize(
    ("allowed", "heard"),
    [
        ([], True),
        (["+15550101002"], True),
        (["@whatsapp_15550101002:beeper.com"], True),
        (["+15550101003", "@nobody:beeper.com"], False),
        (["Kim"], False),
    ],
)
async def test_only_allowed_senders_are_heard(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
    allowed: list[str],
    heard: bool,
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": allowed}
    )
    await hass.async_block_till_done()
    message = write(simulator, "open the garage")
    write(simulator, "own", sender=simulator.world.accounts["whatsapp"].user)
    await until(lambda: "own" in texts(told))
    assert ("open the garage" in texts(told)) is heard
    simulator.react(KIM, message.id, None, "👍")
    await quiet(simulator)
    assert (told[-1].type == "reaction_added") is heard


async def test_sender_who_is_no_participant(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    """Who has left the group meanwhile is known by the message alone."""
    gone = Person(id="@gone:beeper.com", full_name="Gone")
    write(simulator, "bye", chat_id=group(simulator), sender=gone)
    await until(lambda: told)
    assert told[0].sender.id == "@gone:beeper.com"
    assert told[0].as_dict()["sender_name"] == "Gone"
    assert told[0].as_dict()["chat_type"] == "group"


async def test_lost_network_is_told_once(
    hass: HomeAssistant, listening: MockConfigEntry, simulator: Simulator
) -> None:
    lost = collect(hass, SIGNAL_ACCOUNT_DISCONNECTED)
    for status in (
        "connecting",
        "disconnected",
        "connecting",
        "reconnect_required",
        "connected",
        "backfilling",
        "attention_required",
    ):
        simulator.set_account_status("whatsapp", status)
        await poll(hass, listening)
    assert [each.as_dict() for each in lost] == [
        {
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "status": "disconnected",
            "previous_status": "connecting",
        },
        {
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "status": "attention_required",
            "previous_status": "backfilling",
        },
    ]


async def test_reaction_to_an_old_message_of_a_chosen_chat(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    told: list[MessageEvent],
) -> None:
    """How its newest messages are is read before they change."""
    message = write(simulator, "an hour ago", ago=3600)
    hass.config_entries.async_add_subentry(
        listening,
        ConfigSubentry(
            data=MappingProxyType(
                {"chat_id": KIM, "account_id": "whatsapp", "network": "WhatsApp"}
            ),
            subentry_type="chat",
            title="Kim",
            unique_id=KIM,
        ),
    )
    await hass.async_block_till_done()
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: told)
    assert [(each.type, each.message.id) for each in told] == [
        ("reaction_added", message.id)
    ]


async def test_rows_that_cannot_be_placed_are_passed_over(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    rows = [
        {},
        {"id": "901"},
        {"timestamp": "2026-01-01T00:00:00Z"},
        {"id": "902", "timestamp": "0001-01-01T00:00:00+14:00", "text": "ancient"},
        {
            "id": "903",
            "timestamp": "9999-12-31T23:59:59-12:00",
            "type": "TEXT",
            "text": "to come",
        },
    ]
    simulator.faults.add(
        "garbage",
        path="/v1/chats/*NCdzlIaMjZUmvmvyHU*/messages",
        body={"items": rows, "hasMore": False},
    )
    write(simulator, "real")
    await until(lambda: told)
    write(simulator, "also real")
    await until(lambda: len(told) > 2)
    # The event named the real one, so it was read as well.
    assert texts(told) == ["real", "to come", "also real"]
    assert told[1].sender.id == ""


async def test_what_happens_to_a_deleted_message_is_no_news(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    message = write(simulator, "oops")
    await until(lambda: told)
    simulator.delete(KIM, message.id)
    await until(lambda: len(told) > 1)
    simulator.react(KIM, message.id, None, "👍")
    simulator.delete(KIM, message.id)
    await quiet(simulator)
    assert [each.type for each in told] == ["message_received", "message_deleted"]


async def test_many_chats_at_once(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    account = simulator.world.accounts["whatsapp"]
    kim = simulator.world.chat(KIM).participants[0]
    for number in range(150):
        chat = simulator.world.add_chat(account, [kim], kind="group", title="Many")
        write(simulator, str(number), chat_id=chat.id)
    await until(lambda: len(told) >= 150)
    await quiet(simulator)
    assert sorted(int(text or "") for text in texts(told)) == [*range(150)]


async def test_history_that_is_filled_up_is_no_news(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    """Beeper may tell of messages of years ago; for that, no chat is looked up."""
    account = simulator.world.accounts["whatsapp"]
    kim = simulator.world.chat(KIM).participants[0]
    long_ago = simulator.world.now() - timedelta(days=40)
    chat = simulator.world.add_chat(account, [kim], when=long_ago)
    simulator.requests.clear()
    for days in range(30):
        write(simulator, "old", chat_id=chat.id, ago=(32 - days) * 24 * 3600)
    await quiet(simulator)
    assert told == []
    assert any(each.path.endswith("/messages") for each in simulator.requests)
    assert not [
        each for each in simulator.requests if each.path.endswith(":beeper.com")
    ]
