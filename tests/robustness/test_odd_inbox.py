"""Unusual server behaviour: messages are published once, and none is lost."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import json
import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import CONF_USER_ID, DOMAIN
from custom_components.beeper.incoming import publisher, read_queue, seen_messages
from custom_components.beeper.outgoing import outbox
from custom_components.beeper.signals import MessageEvent, SendFailed
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.model import Event, Person
from simulator.scenes import MERGED
from tests.helpers.actions import create_chat, send
from tests.helpers.listening import texts
from tests.helpers.servers import add_entry
from tests.helpers.waiting import poll, quiet, settled, until
from tests.helpers.world import KIM, group, write

pytestmark = pytest.mark.usefixtures("impatient")

MESSAGES_OF_KIM = "/v1/chats/*NCdzlIaMjZUmvmvyHU*/messages"


@pytest.mark.parametrize(
    "body",
    [
        '{"type": "message.upserted", "chatID": "!\\ud83d:x", "ids": []}',
        f'{{"type": "message.upserted", "chatID": "{KIM}", "ids": ["\\ud83d"]}}',
        '{"type": "message.upserted", "chatID": "..", "ids": []}',
        '{"type": "message.upserted", "chatID": "", "ids": []}',
        f'{{"type": "message.deleted", "chatID": "{KIM}", "ids": [".."]}}',
    ],
)
async def test_half_a_surrogate_in_an_event(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    body: str,
) -> None:
    simulator.faults.add("ws_garbage", body=body)
    await quiet(simulator)
    write(simulator, "hi")
    await until(lambda: events)


async def test_event_before_the_poll_after_a_long_outage(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """The stream is back before the poll has raised the floor."""
    await simulator.stop()
    simulator.clock_skew = timedelta(hours=8)  # It is the next morning.
    simulator.faults.add("delay", path="/v1/accounts", seconds=0.5, times=None)
    await simulator.start()
    await until(lambda: simulator.hub.connections)
    await asyncio.sleep(0.05)
    write(simulator, "open the garage", ago=6 * 3600)  # Synced only now.
    await asyncio.sleep(1)
    await quiet(simulator)
    simulator.faults.clear()
    assert texts(events) == []


async def test_restart_with_a_clock_three_days_behind(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """No battery: after a power cut Home Assistant's clock shows when it went off."""
    assert await hass.config_entries.async_unload(listening.entry_id)
    simulator.clock_skew = timedelta(days=3)
    write(simulator, "open the garage", ago=2 * 24 * 3600)
    write(simulator, "now")
    assert await hass.config_entries.async_setup(listening.entry_id)
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["now"]


async def test_clock_two_days_ahead(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.clock_skew = timedelta(days=-2)
    await poll(hass, listening)
    await quiet(simulator)
    write(simulator, "now")
    await until(lambda: events)


async def test_allow_list_cannot_be_bypassed(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": ["+15550101002"]}
    )
    await hass.async_block_till_done()
    await until(lambda: simulator.hub.connections)
    evil = Person(id="@15550101002:evil.example", full_name="Evil")
    write(simulator, "open the garage", chat_id=group(simulator), sender=evil)
    await quiet(simulator)
    assert texts(events) == []


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_only_new_message_of_a_chat_is_deleted(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    chat = simulator.world.chat(KIM)
    for message in chat.messages:
        message.timestamp -= timedelta(days=3)
    await hass.config_entries.async_reload(listening.entry_id)
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    message = write(simulator, "oops")
    await until(lambda: events)
    simulator.delete(KIM, message.id)
    await until(lambda: len(events) > 1)


async def test_change_to_an_old_message_during_errors(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    message = write(simulator, "first")
    await until(lambda: events)
    for number in range(30):
        write(simulator, str(number))
    await until(lambda: len(events) == 31)
    await quiet(simulator)
    simulator.faults.add(
        "status_before", path="/v1/chats/*/messages/*", status=503, times=1
    )
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(events) == 32)


async def test_unreadable_change_does_not_block(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    """It is tried a few times; later messages in its chat matter more."""
    fault = simulator.faults.add(
        "garbage", path="/v1/chats/*/messages/*", body="null", times=None
    )
    event = {"type": "message.upserted", "chatID": KIM, "ids": ["odd"]}
    simulator.faults.add("ws_garbage", body=json.dumps(event))
    for number in range(1, 4):
        await until(lambda: fault.hits >= number)  # noqa: B023
        await quiet(simulator)
        skip_time(61)
    write(simulator, "later")
    await until(lambda: events)
    assert texts(events) == ["later"]
    assert fault.hits == 4


async def test_proxy_404_is_not_a_deleted_chat(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Traefik answers like this while the server behind it starts."""
    fault = simulator.faults.add(
        "status_before",
        path=MESSAGES_OF_KIM,
        status=404,
        body="404 page not found",
        times=2,
    )
    write(simulator, "hi")
    await until(lambda: fault.hits)
    await quiet(simulator)
    for _ in range(3):
        await poll(hass, listening)
        await quiet(simulator)
    assert texts(events) == ["hi"]


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_thumb_for_home_assistants_question_on_a_polled_server(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    await send(hass, message="The window is open. Turn the heating off?")
    await asyncio.sleep(0.2)
    message = simulator.world.chat(KIM).messages[-1]
    simulator.react(KIM, message.id, None, "👍")
    await settled(hass, loaded, simulator)
    assert [event.type for event in events] == ["reaction_added"]


async def test_own_send_confirmed_before_its_final_id(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The status comes with the pending id, the network's id follows."""

    def confirm(chat: Any, message: Any, delivery: Any) -> None:
        message.send_status = {"status": "SUCCESS", "timestamp": "2026-01-01T00:00:00Z"}
        emit(chat, message)

        def number() -> None:
            simulator.world.number(chat, message)
            message.confirmed = True
            emit(chat, message)

        asyncio.get_running_loop().call_later(0.5, number)

    def emit(chat: Any, message: Any) -> None:
        simulator.world.emit(Event(type="message.upserted", chat=chat, message=message))

    monkeypatch.setattr(simulator.world._deliveries, "_confirm", confirm)
    await send(hass, message="hello")
    await asyncio.sleep(1)
    await settled(hass, loaded, simulator)
    assert [event.type for event in events] == []


async def test_equal_manual_text_does_not_hide_a_failure(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    failures: list[SendFailed],
) -> None:
    account = simulator.world.accounts["whatsapp"]
    account.delivery = "FAIL_PERMANENT"
    simulator.confirm_after = 1
    await send(hass, message="on my way")
    write(simulator, "on my way", sender=account.user)
    await settled(hass, loaded, simulator)
    await settled(hass, loaded, simulator)
    assert [event.type for event in events] == ["message_sent"]
    assert len(failures) == 1


async def test_late_row_on_the_newest_page_does_not_cut_the_rest_off(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """A row whose time is older than the backlog, listed among the newest."""
    await simulator.stop()
    for number in range(40):
        write(simulator, str(number), ago=60 - number)
        if number == 35:
            simulator.world.chat(KIM).messages[-1].timestamp -= timedelta(hours=1)
    await simulator.start()
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == [str(n) for n in range(40) if n != 35]


async def test_slow_chat_does_not_hold_up_others(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    fault = simulator.faults.add("delay", path=MESSAGES_OF_KIM, seconds=3, times=1)
    write(simulator, "slow")
    await until(lambda: fault.hits)
    await asyncio.sleep(0.1)
    write(simulator, "smoke!", chat_id=group(simulator))
    await asyncio.sleep(1)
    assert texts(events) == ["smoke!"]


async def test_failing_server_is_not_hammered(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_queue, "_RETRY_DELAYS", (0.4, 60.0))
    monkeypatch.setattr(read_queue, "_BATCH_DELAY", 0.05)
    fault = simulator.faults.add(
        "status_before", path=MESSAGES_OF_KIM, status=429, times=None
    )
    write(simulator, "hi")
    for _ in range(40):
        simulator.faults.add("ws_flood", count=1)
        await asyncio.sleep(0.05)
    # 2 seconds; 0.4 + 0.8 + 1.6 s of back-off are 3 or 4 attempts.
    assert fault.hits < 10


async def test_state_is_stored_under_continuous_traffic(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen_messages, "_SAVE_DELAY", 0.4)
    key = f"{DOMAIN}.{listening.entry_id}.messages"
    await hass.config_entries.async_reload(listening.entry_id)
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    await asyncio.sleep(0.6)
    hass_storage[key]["data"]["seen"] = {}
    for number in range(8):
        write(simulator, str(number))
        await asyncio.sleep(0.2)
    assert hass_storage[key]["data"]["seen"]


async def test_deleted_message_has_no_text(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    message = write(simulator, "oops")
    await until(lambda: events)
    message.is_deleted = True  # A server that keeps the text.
    simulator.faults.add("ws_flood", count=1)
    await until(lambda: len(events) > 1)
    assert (events[1].type, events[1].text) == ("message_deleted", None)


async def test_message_without_sender_is_not_own(
    hass: HomeAssistant, simulator: Simulator, events: list[MessageEvent]
) -> None:
    entry = add_entry(hass, simulator.url)
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_USER_ID: None}
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    write(simulator, "who?", sender=Person(id=""))
    await until(lambda: events)
    assert [(event.type, event.is_self) for event in events] == [
        ("message_received", False)
    ]


async def test_reaction_after_a_restart_of_home_assistant(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    message = write(simulator, "first", ago=14 * 60)
    await until(lambda: events)
    # An hour passes.
    simulator.clock_skew = timedelta(hours=1)
    await hass.config_entries.async_reload(listening.entry_id)
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(events) > 1)


async def test_message_hydrated_late_in_a_busy_chat(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    chat = simulator.world.chat(KIM)
    for number in range(30):
        write(simulator, str(number))
    await until(lambda: len(events) == 30)
    late = simulator.world.new_message(
        chat, chat.participants[0], simulator.world.now() - timedelta(seconds=60)
    )
    late.text = late.html = "late"
    late.sort_key = chat.messages[-29].sort_key - 1
    simulator.world.number(chat, late)
    chat.messages.insert(len(chat.messages) - 29, late)
    simulator.world.emit(Event(type="message.upserted", chat=chat, message=late))
    await until(lambda: len(events) == 31)


async def test_own_send_into_a_merged_chat_before_the_answer(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server answers another chat than was asked; the event is faster."""
    simulator.traits.add("merged_chat", "merged_members_hidden")
    await settled(hass, loaded, simulator)
    # The chat cannot be read before, as the server stumbles.
    simulator.faults.add(
        "status_before", path=f"/v1/chats/{MERGED}", status=500, times=1
    )
    simulator.faults.add("delay_after", method="POST", seconds=1)
    await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"chat_id": MERGED, "message": "hello"},
        blocking=True,
        return_response=True,
    )
    await settled(hass, loaded, simulator)
    assert [event.type for event in events] == []


async def test_own_pending_message_without_a_status(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    failures: list[SendFailed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pending message has no sendStatus."""
    simulator.confirm_after = 0.5
    original = simulator.world.send

    def world_send(*args: Any, **kw: Any) -> Any:
        message = original(*args, **kw)
        message.send_status = None
        return message

    monkeypatch.setattr(simulator.world, "send", world_send)
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    await send(hass, message="hello")
    await asyncio.sleep(0.7)
    await settled(hass, loaded, simulator)
    assert [event.type for event in events] == []
    assert len(failures) == 1


async def test_bridge_that_is_down_does_not_cost_a_request_per_message(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.confirm_after = 1000
    for number in range(30):
        await send(hass, message=f"alarm {number}")
    await quiet(simulator)
    simulator.requests.clear()
    await poll(hass, loaded)
    await quiet(simulator)
    asked = [r for r in simulator.requests if "/messages/" in r.path]
    simulator.world.settle()
    assert len(asked) < 5, len(asked)


async def test_unread_search_that_fails_does_not_stop_reading(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.world.accounts["whatsapp"].emits_events = False
    simulator.faults.add("garbage", path="/v1/chats/search", times=None)
    write(simulator, "hi")
    await poll(hass, listening)
    await until(lambda: events)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"message": "ok", "reply_to": "1"}, {"message": "ok"}),
        ({"message": "*ok*", "format": "markdown"}, {"message": "ok"}),
        ({"message": "ok "}, {"message": "ok"}),
    ],
)
async def test_equal_message_except_ignored_fields(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    """The second is never sent, and is taken for the first."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    await send(hass, message="warm up")
    while time.time() % 1 > 0.2:
        await asyncio.sleep(0.01)
    await send(hass, **first)
    simulator.faults.add("drop_before", method="POST", path="*/messages")
    with pytest.raises(HomeAssistantError):
        await send(hass, **second)


async def test_equal_message_created_with_the_chat(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    await send(hass, message="warm up")
    while time.time() % 1 > 0.2:
        await asyncio.sleep(0.01)
    await create_chat(hass, user={"phone_number": "+15550101002"}, message_text="ok")
    simulator.faults.add("drop_before", method="POST", path="*/messages")
    with pytest.raises(HomeAssistantError):
        await send(hass, message="ok")


async def test_unexpected_error_skips_one_message_without_its_text(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def stumble(text: str) -> str:
        raise ValueError(text)

    with monkeypatch.context() as patch:
        patch.setattr(publisher, "plain", stumble)
        write(simulator, "a secret")
        await until(lambda: "Unexpected ValueError" in caplog.text)
    write(simulator, "next")
    await until(lambda: events)
    assert texts(events) == ["next"]
    lines = [
        record.getMessage() for record in caplog.records if "beeper" in record.name
    ]
    assert "a secret" not in "".join(lines)


async def test_ids_with_path_separators_are_not_requested(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    simulator.requests.clear()
    for chat_id in (".", ".."):
        with pytest.raises(HomeAssistantError):
            await send(hass, message="hi", chat_id=chat_id)
    assert not [request for request in simulator.requests if request.method == "POST"]
