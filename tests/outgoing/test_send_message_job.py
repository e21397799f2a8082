"""Messages: sent once, in order, and reported truthfully."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.data import get_outbox
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator, faults, wire
from simulator.faults import Fault, Run, hang_up
from tests.helpers.actions import PATH, call_action, send, sent, tried
from tests.helpers.media import Door
from tests.helpers.outcomes import outcome_of
from tests.helpers.servers import add_entry
from tests.helpers.waiting import poll, until
from tests.helpers.world import FAMILY, INSTAGRAM, KIM, PROFILES, texts

pytestmark = pytest.mark.usefixtures("quick_recovery")


UNKNOWN = "It is unknown whether the message was sent"


# Unknown outcomes: all of them are in test_fault_matrix


@pytest.mark.parametrize("profile", PROFILES)
async def test_any_text_is_recovered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST", path=PATH)

    response = await send(hass, message="**Dinner** at <7>?\n_Yes_ & 'no'\n1. \\o/")

    assert response["recovered"] is True
    assert response["duplicate"] is False
    assert response["chat_id"] == KIM
    last = simulator.world.chats[KIM].messages[-1]
    assert response["message_id"] in (last.id, last.pending_id)
    assert sent(simulator) == 1


async def test_untraceable_outcome_is_unknown_and_not_repeated(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    with pytest.raises(HomeAssistantError, match="Not repeated: the same message"):
        await send(hass)

    assert tried(simulator) == 1
    assert sent(simulator) == 0
    # Another text is another message.
    assert (await send(hass, message="Other"))["recovered"] is False
    assert (await send(hass, allow_repeat=True))["recovered"] is False
    assert sent(simulator) == 2


async def test_both_ids_name_the_same_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)

    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await send(hass, simulator.world.chats[KIM].local_id)


async def test_a_lost_message_is_known_in_other_words(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
) -> None:
    """The file, a person or the message replied to is written in another way."""
    world = simulator.world
    question = await send(hass, message="Coffee?")
    world.settle()
    final_id = world.chats[KIM].messages[-1].id
    await poll(hass, loaded)
    await until(lambda: get_outbox(hass, loaded).sent.has(final_id))
    [kim, *_] = world.chats[FAMILY].participants
    pairs: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        (KIM, {"reply_to": question["message_id"]}, {"reply_to": final_id}),
        (FAMILY, {"mentions": "Kim"}, {"mentions": kim.id}),
        (FAMILY, {"link_preview": False}, {}),
        (
            FAMILY,
            {"attachment": "camera.door"},
            {"attachment": "media-source://camera/camera.door"},
        ),
    ]
    pairs += [(chat_id, second, first) for chat_id, first, second in pairs]
    before = sent(simulator)

    for number, (chat_id, first, second) in enumerate(pairs):
        simulator.faults.add("drop_before", method="POST", path=PATH)
        for data in (first, second):
            call = send(hass, chat_id, f"message {number}", Context(), **data)
            assert await outcome_of(call) == "unknown", data
    assert sent(simulator) == before


async def test_unknown_outcome_expires_after_ten_minutes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    skip_time(10 * 60)

    assert (await send(hass))["recovered"] is False


async def test_offline_server_leaves_the_outcome_unknown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await send(hass, message="first")
    simulator.faults.add("drop_after", method="POST", path=PATH)
    simulator.faults.add("status_before", method="GET", times=None, status=503)
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    simulator.faults.clear()

    assert (await send(hass))["recovered"] is True
    assert sent(simulator) == 2


async def test_equal_earlier_message_confirms_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await send(hass)
    simulator.faults.add("drop_before", method="POST", path=PATH)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    assert sent(simulator) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"sender": "kim"},
        {"text": "hello"},
        {"age": timedelta(minutes=1)},
    ],
    ids=["of somebody else", "another text", "older"],
)
async def test_mismatching_message_is_not_recovered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    other: dict[str, Any],
) -> None:
    chat = simulator.world.chats[KIM]
    kim, me = chat.participants
    later = simulator.world.now() + timedelta(seconds=1)
    simulator.world.incoming(
        chat,
        kim if "sender" in other else me,
        other.get("text", "hi"),
        when=later - other.get("age", timedelta()),
    )
    simulator.faults.add("drop_before", method="POST", path=PATH)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)


async def test_two_matches_recover_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody writes the same on the phone, in the same moment."""
    chat = simulator.world.chats[KIM]

    async def write_too(_: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        simulator.world.incoming(chat, chat.participants[1], "hi")
        await run()
        return hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "drop_after", write_too)
    simulator.faults.add("drop_after", method="POST", path=PATH)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    assert sent(simulator) == 1


async def test_unflagged_own_messages_are_recovered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST", path=PATH)

    assert (await send(hass, INSTAGRAM))["recovered"] is True


@pytest.mark.parametrize("hours", [-3, 3])
async def test_wrong_server_clock(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, hours: int
) -> None:
    simulator.clock_skew = timedelta(hours=hours)
    simulator.faults.add("drop_after", method="POST", path=PATH)

    assert (await send(hass))["recovered"] is True


async def test_bridge_error_leaves_the_outcome_unknown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """After a 502 it is unknown whether the network got the message."""
    simulator.world.accounts["whatsapp"].delivery = "refuse"

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    assert tried(simulator) == 1


# Certainly not sent


async def test_definite_failure_is_not_remembered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()
    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="Beeper could not be reached"):
            await send(hass)
    await simulator.start()

    response = await send(hass)

    assert (response["recovered"], response["duplicate"]) == (False, False)
    assert sent(simulator) == 1


async def test_refused_repeat_keeps_the_earlier_attempt(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)
    simulator.faults.add("status_before", method="POST", path=PATH, status=429)
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await send(hass)
    with pytest.raises(HomeAssistantError, match="too many requests"):
        await send(hass, allow_repeat=True)

    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await send(hass)


async def test_closed_idle_connection_is_harmless(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_reused", method="POST", times=None)

    for number in range(2):
        await send(hass, message=f"{number}")
        await asyncio.sleep(1.1)
    assert sent(simulator) == 2


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_a_text_longer_than_the_chat_allows_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(wire.CAPABILITIES, "maxTextLength", 10)

    with pytest.raises(ServiceValidationError, match=r"11 characters.* allows 10"):
        await send(hass, message="*" * 11)
    assert tried(simulator) == 0
    # Escape characters do not count.
    await send(hass, message="*" * 10)


@pytest.mark.parametrize("length", [None, -1, "10", [], True])
async def test_without_a_length_there_is_no_limit(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    length: Any,
) -> None:
    monkeypatch.setitem(wire.CAPABILITIES, "maxTextLength", length)

    await send(hass, message="x" * 1000)


async def test_unreadable_chat_still_accepts_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", method="GET", path="/v1/chats/*", status=500, times=None
    )

    await send(hass)
    assert sent(simulator) == 1


# Repeats


async def test_identical_calls_of_one_run_send_one_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    context = Context()
    responses = await asyncio.gather(*(send(hass, context=context) for _ in range(5)))

    assert [response["duplicate"] for response in responses].count(False) == 1
    assert len({response["message_id"] for response in responses}) == 1
    assert sent(simulator) == 1


async def test_identical_calls_of_separate_runs_are_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    responses = await asyncio.gather(*(send(hass, context=Context()) for _ in range(3)))

    assert not any(response["duplicate"] for response in responses)
    assert sent(simulator) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"mentions": ["@whatsapp_15550101002:beeper.com"]}),
        ({}, {"link_preview": False}),
        (
            {"attachment": "camera.door"},
            {"attachment": "camera.door", "attachment_type": "sticker"},
        ),
    ],
    ids=["mentions", "link preview", "attachment type"],
)
@pytest.mark.usefixtures("camera")
async def test_calls_that_differ_in_one_option_are_different(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    context = Context()
    responses = await asyncio.gather(
        send(hass, context=context, **first), send(hass, context=context, **second)
    )

    assert not any(response["duplicate"] for response in responses)
    assert sent(simulator) == 2


async def test_allow_repeat_joins_no_running_call(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    context = Context()
    await asyncio.gather(
        *(send(hass, context=context, allow_repeat=True) for _ in range(3))
    )

    assert sent(simulator) == 3


async def test_sent_message_is_not_remembered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    context = Context()
    for _ in range(2):
        assert (await send(hass, context=context))["duplicate"] is False
    assert sent(simulator) == 2


async def test_shared_failure_raises_separate_errors(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", method="POST", status=429)
    context = Context()

    outcomes = await asyncio.gather(
        *(send(hass, context=context) for _ in range(3)), return_exceptions=True
    )

    assert all("too many requests" in str(outcome) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert tried(simulator) == 1


# Order


async def test_messages_into_a_chat_leave_in_the_order_of_the_calls(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for seconds in (0.15, 0.1, 0.05):
        simulator.faults.add("delay", method="POST", path=PATH, seconds=seconds)

    await asyncio.gather(*(send(hass, message=f"{number}") for number in range(5)))

    assert texts(simulator)[-5:] == ["0", "1", "2", "3", "4"]


async def test_the_order_holds_for_both_ids_of_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    local_id = simulator.world.chats[KIM].local_id
    simulator.faults.add("delay", path=f"/v1/chats/{local_id}", seconds=0.2)

    await asyncio.gather(
        send(hass, local_id, "first"), send(hass, KIM, "second"), send(hass, local_id)
    )

    assert texts(simulator)[-3:] == ["first", "second", "hi"]


async def test_an_unknown_outcome_does_not_hold_up_the_next_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
) -> None:
    monkeypatch.setattr(
        "custom_components.beeper.outgoing.outbox._RECOVERY_DELAYS", (0, 10)
    )
    simulator.faults.add("drop_before", method="POST", path=PATH)
    first = hass.async_create_task(send(hass, message="first"))
    await until(lambda: tried(simulator))

    await send(hass, message="second")

    assert not first.done()
    skip_time(10)
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await first


async def test_different_chats_are_written_into_at_the_same_time(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay", path=f"/v1/chats/{KIM}/messages", seconds=5)
    slow = hass.async_create_task(send(hass, KIM))
    await until(lambda: tried(simulator))

    await send(hass, FAMILY)

    assert not slow.done()
    skip_time(5)
    await slow
    assert sent(simulator) == 2


# Callers that leave


async def test_a_cancelled_caller_does_not_stop_the_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay", method="POST", seconds=5)
    caller = hass.async_create_task(send(hass))
    await until(lambda: tried(simulator))
    caller.cancel()
    await asyncio.wait([caller])
    skip_time(5)

    await until(lambda: sent(simulator))
    await hass.async_block_till_done()
    assert sent(simulator) == 1


@pytest.mark.parametrize(
    "second",
    [{"chat_id": FAMILY}, {"chat_id": None}, {"recipient": "Family"}],
    ids=["chat ID", "number of the chat", "title"],
)
@pytest.mark.parametrize("is_early", [True, False], ids=["while it runs", "after it"])
async def test_the_next_run_joins_the_message_of_a_cancelled_run(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    second: dict[str, Any],
    is_early: bool,
) -> None:
    local_id = simulator.world.chats[FAMILY].local_id
    second = {key: value or local_id for key, value in second.items()}
    simulator.faults.add("delay_after", method="POST", path=PATH, seconds=5)
    caller = hass.async_create_task(send(hass, FAMILY))
    await until(lambda: sent(simulator))
    caller.cancel()
    await asyncio.wait([caller])
    if is_early:
        repeat = hass.async_create_task(
            call_action(hass, "send_message", message="hi", **second)
        )
        await asyncio.sleep(0.2)  # If the machine is slower, it finds the result.
        skip_time(5)
    else:
        skip_time(5)
        await until(lambda: not get_outbox(hass, loaded).statistics["running"])
        repeat = hass.async_create_task(
            call_action(hass, "send_message", message="hi", **second)
        )

    response = await repeat
    again = await call_action(hass, "send_message", message="hi", **second)

    assert response["duplicate"] is True
    first = simulator.world.chats[FAMILY].messages[-2]
    assert response["message_id"] in (first.id, first.pending_id)
    # A finished run got its result: the next run means another message.
    assert again["duplicate"] is False
    assert sent(simulator) == 2


async def test_a_message_of_a_cancelled_run_is_sent_again_later(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay_after", method="POST", path=PATH, seconds=5)
    caller = hass.async_create_task(send(hass))
    await until(lambda: sent(simulator))
    caller.cancel()
    await asyncio.wait([caller])
    skip_time(5)
    await until(lambda: not get_outbox(hass, loaded).statistics["running"])
    skip_time(6)

    assert (await send(hass))["duplicate"] is False
    assert sent(simulator) == 2


@pytest.mark.parametrize(
    ("kind", "end", "messages"),
    [
        ("drop_after", "recovered", 1),
        ("drop_before", "unknown", 0),
        ("status_before", "done", 1),
    ],
)
async def test_a_cancelled_run_ends_as_one_of_three(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    end: str,
    messages: int,
) -> None:
    gate, strike = asyncio.Event(), faults._EFFECTS[kind]

    async def hold(fault: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        await gate.wait()
        return await strike(fault, request, run)

    monkeypatch.setitem(faults._EFFECTS, kind, hold)
    simulator.faults.add(kind, method="POST", path=PATH, status=400)
    caller = hass.async_create_task(send(hass))
    await until(lambda: tried(simulator))
    caller.cancel()
    await asyncio.wait([caller])
    gate.set()
    await until(lambda: not get_outbox(hass, loaded).statistics["running"])

    assert await outcome_of(send(hass)) == end
    assert sent(simulator) == messages


async def test_a_restarted_automation_sends_one_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("delay", method="POST", path=PATH, seconds=0.2)
    action = {
        "action": "beeper.send_message",
        "data": {"chat_id": KIM, "message": "hi"},
        "response_variable": "message",
    }
    told = {"event": "told", "event_data": {"id": "{{ message.message_id }}"}}
    config = {
        "mode": "restart",
        "triggers": {"trigger": "event", "event_type": "go"},
        "actions": [action, told],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    events: list[str] = []
    hass.bus.async_listen("told", lambda event: events.append(event.data["id"]))

    hass.bus.async_fire("go")
    await until(lambda: tried(simulator))
    hass.bus.async_fire("go")
    await until(lambda: events)
    assert sent(simulator) == 1
    hass.bus.async_fire("go")
    await until(lambda: len(events) == 2)

    assert sent(simulator) == 2
    assert len({*events}) == 2


async def test_unloading_waits_for_the_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("delay", method="POST", seconds=0.1)
    caller = hass.async_create_task(send(hass))
    await until(lambda: tried(simulator))

    assert await hass.config_entries.async_unload(loaded.entry_id)

    assert loaded.state is ConfigEntryState.NOT_LOADED
    assert (await caller)["chat_id"] == KIM
    assert sent(simulator) == 1


# Limits


async def test_read_only_refuses(hass: HomeAssistant, simulator: Simulator) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)

    with pytest.raises(ServiceValidationError, match="reading only"):
        await send(hass)
    assert tried(simulator) == 0


async def test_many_messages_raise_a_warning_and_are_sent(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    issue_registry: ir.IssueRegistry,
) -> None:
    warning = (DOMAIN, f"many_messages_{loaded.entry_id}")
    for number in range(60):
        await send(hass, message=f"{number}")
    await send(hass, "!aLexTeLegram:beeper.com", "Another account")
    assert warning not in issue_registry.issues, "60 are not more than 60"

    await send(hass, message="One more")

    issue = issue_registry.issues[warning]
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_placeholders == {"limit": "60", "network": "WhatsApp"}
    # It stays while one account still has too many.
    await send(hass, "!aLexTeLegram:beeper.com")
    assert warning in issue_registry.issues
    assert sent(simulator) == 63

    skip_time(60 * 60)
    await send(hass)
    assert warning not in issue_registry.issues


async def test_removed_server_removes_its_warning(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.beeper.outgoing.limits._MANY_MESSAGES", 0)
    await send(hass)
    assert [domain for domain, _ in issue_registry.issues] == [DOMAIN]

    await hass.config_entries.async_remove(loaded.entry_id)

    assert not issue_registry.issues


async def test_running_jobs_appear_in_statistics(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    outbox = get_outbox(hass, loaded)
    simulator.faults.add("drop_before", method="POST", path=PATH)
    caller = hass.async_create_task(send(hass))
    await until(lambda: tried(simulator))
    assert outbox.statistics == {"running": 1, "remembered": 0, "unknown": 0}

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await caller
    assert outbox.statistics == {"running": 0, "remembered": 0, "unknown": 1}


async def test_a_chat_that_hangs_holds_up_no_other_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Reading it hangs for good; its own messages still leave, in order."""
    fault = simulator.faults.add(
        "delay", method="GET", path=f"/v1/chats/{FAMILY}", seconds=3600, times=None
    )
    hanging = [
        hass.async_create_task(send(hass, FAMILY, f"No. {number}"))
        for number in range(4)
    ]
    await asyncio.sleep(0)

    await send(hass, KIM, "SMOKE")
    assert not any(task.done() for task in hanging)
    await asyncio.gather(*hanging)

    sent_texts = [message.text for message in simulator.world.chats[FAMILY].messages]
    assert sent_texts[-4:] == [f"No. {number}" for number in range(4)]
    reads = fault.hits
    await send(hass, FAMILY, "No. 4")
    assert fault.hits == reads, "later messages do not wait for it again"


async def test_lost_message_is_found_beside_an_equal_one_of_just_before(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    quick_recovery: None,
) -> None:
    """No event has named the final ID of the first one, so the times distinguish them."""
    simulator.world.accounts["whatsapp"].emits_events = False
    await send(hass)
    await asyncio.sleep(2)  # Servers state times in whole seconds.
    simulator.faults.add("drop_after", method="POST", path=PATH)

    response = await send(hass)

    assert response["recovered"]
    assert response["message_id"] == simulator.world.chat(KIM).messages[-1].id
    assert sent(simulator) == 2
