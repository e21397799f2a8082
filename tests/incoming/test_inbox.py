"""Every message is published once and in order, from any source."""

import asyncio
from collections.abc import Callable
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
from tests.helpers.actions import searches
from tests.helpers.listening import collect, texts
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, group, write

pytestmark = pytest.mark.usefixtures("impatient")


async def test_message_is_published_once(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    sent = simulator.incoming(KIM, None, "Is anybody home?")
    await until(lambda: events)
    simulator.faults.add("ws_flood", count=50)
    await quiet(simulator)

    assert [event.as_dict() for event in events] == [
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
            "timestamp": events[0].as_dict()["timestamp"],
            "message_type": "text",
            "text": "Is anybody home?",
            "answers_question": False,
            "rich_text": "Is anybody home?",
            "transcript": None,
            "reply_to": None,
            "attachments": [],
            "reaction": None,
        }
    ]


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "4.2.808", "easymatrix"])
async def test_messages_are_published_on_each_generation(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    write(simulator, "1 < 2 & <b>")
    await poll(hass, loaded)
    await until(lambda: events)
    write(simulator, "again")
    await poll(hass, loaded)
    await until(lambda: len(events) > 1)
    assert texts(events) == ["1 < 2 & <b>", "again"]
    assert events[0].sender.id.startswith("@whatsapp_15550101002")
    assert events[0].chat.title == "Kim"


async def test_rich_text_is_published_with_plain_text(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    html = (
        "<mx-reply><blockquote>old</blockquote></mx-reply><p>Hi <b>Alex</b>,<br>1 &lt; 2"
        "</p><ul><li>one</li><li>two</li></ul><img alt=':-)' src='mxc://x'>"
    )
    chat = simulator.world.chat(KIM)
    with_html(simulator, html)
    await until(lambda: events)
    assert chat.messages[-1].html == events[0].rich_text == html
    assert events[0].text == "Hi Alex,\n1 < 2\none\ntwo\n:-)"


def with_html(simulator: Simulator, html: str) -> None:
    """Let Kim write rich text."""
    chat = simulator.world.chat(KIM)
    message = simulator.world.new_message(chat, chat.participants[0], None)
    message.html = message.text = html
    simulator.world.add_message(chat, message)


async def test_messages_before_first_setup_are_ignored(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    events: list[MessageEvent],
) -> None:
    write(simulator, "before", ago=60)
    write(simulator, "just before")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    write(simulator, "after")
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["after"]


async def test_failed_read_at_first_setup_is_retried(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    events: list[MessageEvent],
) -> None:
    write(simulator, "before")
    simulator.faults.add("status_before", path="/v1/chats/*/messages", status=500)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert await hass.config_entries.async_reload(entry.entry_id)
    await quiet(simulator)
    assert events == []


async def test_messages_during_an_outage_are_published_in_order(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    await simulator.stop()
    for number in range(65):
        write(simulator, str(number), ago=100 - number)
    write(simulator, "another chat", chat_id=group(simulator))
    await simulator.start()
    await until(lambda: len(events) >= 66)
    await quiet(simulator)
    assert len(events) == 66
    of_kim = [event.text for event in events if event.chat.id == KIM]
    assert of_kim == [*map(str, range(65))]


async def test_changes_of_older_messages_during_an_outage_are_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Neither the activity nor the preview of the chat shows them."""
    older = write(simulator, "older")
    write(simulator, "newest")
    await until(lambda: len(events) == 2)
    await poll(hass, listening)
    await quiet(simulator)
    await simulator.stop()
    chat = simulator.world.chat(KIM)
    simulator.world.react(chat, older, chat.participants[0], "👍")
    await simulator.start()
    await until(lambda: len(events) == 3)
    assert events[-1].type == "reaction_added"


async def test_incomplete_reads_publish_nothing(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
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
    await until(lambda: len(events) >= 50)
    await quiet(simulator)
    assert texts(events) == [*map(str, range(50))]
    assert not simulator.faults.waiting


async def test_failed_chat_list_is_retried(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Some servers answer 400 now and then while they page."""
    await simulator.stop()
    write(simulator, "missed")
    simulator.faults.add("status_before", path="/v1/chats", status=400, times=2)
    await simulator.start()
    await until(lambda: events)
    assert texts(events) == ["missed"]


async def test_failure_and_recovery_are_logged_once(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = simulator.faults.add(
        "status_before", path="/v1/chats/*/messages", status=500, times=None
    )
    write(simulator, "late")
    await until(lambda: fault.hits > 8)
    simulator.faults.clear()
    await until(lambda: events)
    await quiet(simulator)
    assert caplog.text.count("Messages cannot be read") == 1
    assert caplog.text.count("Messages can be read again") == 1


async def test_two_failures_are_not_logged(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = simulator.faults.add(
        "status_before", path="/v1/chats/*/messages", status=500, times=2
    )
    write(simulator, "late")
    await until(lambda: events)
    assert fault.hits == 2
    assert "Messages can" not in caplog.text


async def test_offline_server_is_logged_once(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await simulator.stop()
    write(simulator, "missed")
    await until(lambda: "Error fetching beeper data" in caplog.text)
    await asyncio.sleep(0.5)
    assert caplog.text.count("Error fetching beeper data") == 1
    await simulator.start()
    await until(lambda: events)
    assert caplog.text.count("Fetching beeper data recovered") == 1
    assert "Messages can" not in caplog.text


async def test_deleted_chat_does_not_delay_others(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
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
    await until(lambda: events)
    assert texts(events) == ["hi"]


async def test_network_without_events_is_polled(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.world.accounts["whatsapp"].emits_events = False
    write(simulator, "silent")
    await quiet(simulator)
    assert events == []
    await poll(hass, listening)
    await until(lambda: events)
    simulator.requests.clear()
    await poll(hass, listening)
    await quiet(simulator)
    assert texts(events) == ["silent"]
    # A chat that is as it was is not read again.
    assert not [
        request for request in simulator.requests if "/messages" in request.path
    ]


async def test_old_messages_are_skipped(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    write(simulator, "16 minutes", ago=16 * 60)
    write(simulator, "a minute", ago=60, chat_id=group(simulator))
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["a minute"]


async def test_maximum_age_is_an_option(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    hass.config_entries.async_update_entry(listening, options={"backlog_minutes": 60})
    await hass.async_block_till_done()
    await quiet(simulator)
    # The time before was given up already.
    write(simulator, "half an hour", ago=30 * 60)
    write(simulator, "10 minutes", ago=10 * 60)
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["10 minutes"]


@pytest.mark.parametrize("hours", [-5, 5])
async def test_server_clock_is_used(
    simulator: Simulator,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    events: list[MessageEvent],
    hours: int,
) -> None:
    simulator.clock_skew = timedelta(hours=hours)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: simulator.hub.connections)
    write(simulator, "hi")
    await until(lambda: events)
    assert texts(events) == ["hi"]


async def test_corrected_server_clock(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.clock_skew = timedelta(hours=3)
    write(simulator, "early")
    await until(lambda: events)
    await poll(hass, listening)
    await quiet(simulator)
    simulator.clock_skew = timedelta()
    await poll(hass, listening)
    await quiet(simulator)
    write(simulator, "right")
    await until(lambda: len(events) > 1)
    assert texts(events) == ["early", "right"]


async def test_reload_and_restart_keep_each_message_exactly_once(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    hass_storage: dict[str, Any],
) -> None:
    write(simulator, "before")
    await until(lambda: events)
    assert await hass.config_entries.async_unload(listening.entry_id)
    write(simulator, "meanwhile")
    assert await hass.config_entries.async_setup(listening.entry_id)
    await until(lambda: len(events) > 1)
    await quiet(simulator)
    assert texts(events) == ["before", "meanwhile"]

    stored = hass_storage[f"{DOMAIN}.{listening.entry_id}.messages"]["data"]
    assert stored.keys() == {
        *("floor", "read_until", "server_off_by"),
        *("seen", "marks", "accounts"),
    }
    assert len(stored["seen"]) >= 1
    assert "before" not in repr(stored)
    assert "1555" not in repr(stored)


async def test_removal_deletes_stored_state(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    assert await hass.config_entries.async_remove(listening.entry_id)
    assert f"{DOMAIN}.{listening.entry_id}.messages" not in hass_storage


async def test_inbox_waits_for_home_assistant_to_start(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    hass.set_state(CoreState.not_running)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: simulator.hub.connections)
    write(simulator, "early bird")
    await quiet(simulator)
    assert events == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: events)
    assert texts(events) == ["early bird"]


async def test_all_chats_are_listed_after_the_setup_and_before_messages_are_read(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Listing thousands of chats takes long; which are new is only known then."""
    hass.set_state(CoreState.not_running)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: simulator.hub.connections)
    write(simulator, "early bird")
    await quiet(simulator)
    assert searches(simulator) == 0
    simulator.requests.clear()
    simulator.faults.add("delay", path="/v1/chats/search", seconds=0.3, times=None)
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: searches(simulator))
    await asyncio.sleep(0.15)
    assert not any("/messages" in request.path for request in simulator.requests)
    await until(lambda: events)
    assert texts(events) == ["early bird"]
    assert searches(simulator) == 1


@pytest.mark.parametrize("marks_own", [True, False])
async def test_own_message_from_another_device(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    marks_own: bool,
) -> None:
    account = simulator.world.accounts["whatsapp"]
    account.marks_own = marks_own
    write(simulator, "from my phone", sender=account.user)
    await until(lambda: events)
    assert [(event.type, event.is_self) for event in events] == [("message_sent", True)]


async def test_own_message_is_published_when_confirmed(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    """The user writes in Beeper itself, and the network takes its time."""
    chat = simulator.world.chat(KIM)
    simulator.confirm_after = 0.3
    simulator.world.send(chat, "done")
    await quiet(simulator)
    await until(lambda: events)
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    simulator.world.send(chat, "never")
    await quiet(simulator)
    await asyncio.sleep(0.4)
    await quiet(simulator)
    assert texts(events) == ["done"]


async def test_edits_deletions_and_reactions_are_published(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    message = write(simulator, "first")
    await until(lambda: events)
    simulator.edit(KIM, message.id, "second")
    await until(lambda: len(events) == 2)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(events) == 3)
    simulator.react(KIM, message.id, None, "❤️")
    await until(lambda: len(events) == 5)
    simulator.react(KIM, message.id, None, None)
    await until(lambda: len(events) == 6)
    simulator.delete(KIM, message.id)
    await until(lambda: len(events) == 7)
    simulator.faults.add("ws_flood", count=5)
    await quiet(simulator)

    assert [(event.type, event.text) for event in events] == [
        ("message_received", "first"),
        ("message_edited", "second"),
        ("reaction_added", None),
        ("reaction_removed", None),
        ("reaction_added", None),
        ("reaction_removed", None),
        ("message_deleted", None),
    ]
    reactions = [event.as_dict()["reaction"] for event in events[2:6]]
    assert reactions == ["👍", "👍", "❤️", "❤️"]
    assert {event.sender.name for event in events} == {"Kim"}
    assert {event.message.id for event in events} == {message.id}


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_deleted_message_missing_from_the_list(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    message = write(simulator, "oops")
    await until(lambda: events)
    simulator.delete(KIM, message.id)
    await until(lambda: len(events) > 1)
    simulator.faults.add("ws_flood", count=5)
    await quiet(simulator)
    assert [event.type for event in events] == ["message_received", "message_deleted"]


async def test_change_to_an_old_message(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    """A message is followed that is on the newest page no more."""
    message = write(simulator, "first")
    await until(lambda: events)
    for number in range(30):
        write(simulator, str(number))
    await until(lambda: len(events) == 31)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(events) == 32)
    assert (events[31].type, events[31].message.id) == ("reaction_added", message.id)


async def test_deleted_before_it_was_read(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    simulator.faults.add("delay", seconds=0.2, path="/v1/chats/*/messages")
    message = write(simulator, "oops")
    simulator.delete(KIM, message.id)
    await quiet(simulator)
    await asyncio.sleep(0.2)
    await quiet(simulator)
    assert events == []


@pytest.mark.parametrize(
    "change", [{"type": "NOTICE"}, {"type": "REACTION"}, {"is_hidden": True}]
)
async def test_non_message_rows_are_ignored(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    change: dict[str, Any],
) -> None:
    chat = simulator.world.chat(KIM)
    message = write(simulator, "{{sender}} reacted")
    for name, value in change.items():
        setattr(message, name, value)
    write(simulator, "real")
    await until(lambda: events)
    simulator.react(KIM, message.id, None, "👍")
    await quiet(simulator)
    assert texts(events) == ["real"]
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
async def test_only_allowed_senders_are_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    allowed: list[str],
    heard: bool,
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": allowed}
    )
    await hass.async_block_till_done()
    message = write(simulator, "open the garage")
    write(simulator, "own", sender=simulator.world.accounts["whatsapp"].user)
    await until(lambda: "own" in texts(events))
    assert ("open the garage" in texts(events)) is heard
    simulator.react(KIM, message.id, None, "👍")
    await quiet(simulator)
    assert (events[-1].type == "reaction_added") is heard


async def test_allowed_sender_among_hundreds(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Servers list at most 500 people unless they are asked for all."""
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": ["+15557770600"]}
    )
    await hass.async_block_till_done()
    people = [
        Person(
            id=f"@whatsapp_lid-{number}:beeper.com",
            full_name=f"Neighbor {number}",
            phone_number=f"+1555777{number:04}",
        )
        for number in range(601)
    ]
    account = simulator.world.accounts["whatsapp"]
    chat = simulator.world.add_chat(account, people, kind="group", title="Village")
    write(simulator, "first", chat_id=chat.id, sender=people[0])
    write(simulator, "last", chat_id=chat.id, sender=people[600])
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["last"]


async def test_number_that_becomes_known_counts_from_then_on(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": ["+15550101002"]}
    )
    await hass.async_block_till_done()
    kim = simulator.world.chats[KIM].participants[0]
    kim.phone_number = None
    write(simulator, "unknown")
    await quiet(simulator)
    assert texts(events) == []

    kim.phone_number = "+15550101002"
    skip_time(11)
    write(simulator, "known")
    await until(lambda: events)
    assert texts(events) == ["known"]


async def test_sender_who_is_listed_late_counts_from_then_on(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    """Servers learn of new members after their first messages, at times."""
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": ["+15557770600"]}
    )
    await hass.async_block_till_done()
    ann = Person(
        id="@whatsapp_lid-9:beeper.com", full_name="Ann", phone_number="+15557770600"
    )
    write(simulator, "unknown", chat_id=FAMILY, sender=ann)
    await quiet(simulator)
    assert texts(events) == []

    simulator.world.chats[FAMILY].participants.append(ann)
    skip_time(11)
    write(simulator, "known", chat_id=FAMILY, sender=ann)
    await until(lambda: events)
    assert texts(events) == ["known"]


async def test_sender_outside_the_participants(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    """The message identifies a sender who has left the group."""
    gone = Person(id="@gone:beeper.com", full_name="Gone")
    write(simulator, "bye", chat_id=group(simulator), sender=gone)
    await until(lambda: events)
    assert events[0].sender.id == "@gone:beeper.com"
    assert events[0].as_dict()["sender_name"] == "Gone"
    assert events[0].as_dict()["chat_type"] == "group"


async def test_disconnected_account_is_published_once(
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
    assert [failure.as_dict() for failure in lost] == [
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
    events: list[MessageEvent],
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
    await until(lambda: events)
    assert [(event.type, event.message.id) for event in events] == [
        ("reaction_added", message.id)
    ]


async def test_unplaceable_rows_are_skipped(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
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
    await until(lambda: events)
    write(simulator, "also real")
    await until(lambda: len(events) > 2)
    # The event named the real one, so it was read as well.
    assert texts(events) == ["real", "to come", "also real"]
    assert events[1].sender.id == ""


async def test_changes_to_deleted_messages_are_ignored(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    message = write(simulator, "oops")
    await until(lambda: events)
    simulator.delete(KIM, message.id)
    await until(lambda: len(events) > 1)
    simulator.react(KIM, message.id, None, "👍")
    simulator.delete(KIM, message.id)
    await quiet(simulator)
    assert [event.type for event in events] == ["message_received", "message_deleted"]


async def test_many_chats_at_once(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    account = simulator.world.accounts["whatsapp"]
    kim = simulator.world.chat(KIM).participants[0]
    for number in range(150):
        chat = simulator.world.add_chat(account, [kim], kind="group", title="Many")
        write(simulator, str(number), chat_id=chat.id)
    await until(lambda: len(events) >= 150)
    await quiet(simulator)
    assert sorted(int(text or "") for text in texts(events)) == [*range(150)]


async def test_backfilled_history_is_ignored(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    """Beeper may report messages of years ago; they cause no lookup of a chat."""
    account = simulator.world.accounts["whatsapp"]
    kim = simulator.world.chat(KIM).participants[0]
    long_ago = simulator.world.now() - timedelta(days=40)
    chat = simulator.world.add_chat(account, [kim], when=long_ago)
    simulator.requests.clear()
    for days in range(30):
        write(simulator, "old", chat_id=chat.id, ago=(32 - days) * 24 * 3600)
    await quiet(simulator)
    assert events == []
    assert any(request.path.endswith("/messages") for request in simulator.requests)
    assert not [
        request
        for request in simulator.requests
        if request.path.endswith(":beeper.com")
    ]


async def test_equal_texts_at_one_time_are_two_messages(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """One comes in a chat that is new, as on New Year's Eve."""
    world = simulator.world
    account = world.accounts["whatsapp"]
    midnight = world.now().replace(microsecond=0)
    known = world.chats[KIM]
    world.incoming(known, known.participants[0], "Happy New Year!", when=midnight)
    await until(lambda: events)
    person = Person(id="@whatsapp_15550109090:beeper.com", full_name="Noor")
    account.contacts[person.id] = person
    chat = world.add_chat(account, [person])
    world.incoming(chat, person, "Happy New Year!", when=midnight)

    await until(lambda: len(events) == 2)
    assert {event.chat.id for event in events} == {KIM, chat.id}


@pytest.mark.parametrize("status", [401, 408, 429, 503])
async def test_an_edit_is_published_after_a_passing_refusal(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    status: int,
) -> None:
    """The edited message is not among the newest, so it is read alone."""
    for number in range(45):
        write(simulator, str(number))
    await until(lambda: len(events) == 45)
    await quiet(simulator)
    chat = simulator.world.chats[KIM]
    oldest = next(message for message in chat.messages if message.text == "0")
    simulator.faults.add("status_before", path="*/messages/*", status=status)

    simulator.world.edit(chat, oldest, "Edited")

    await until(lambda: len(events) == 46)
    assert events[-1].type == "message_edited"
