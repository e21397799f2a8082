"""A person at the other end is answered, another automatic system only for a while."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.api.models import Reaction
from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import sent
from tests.helpers.listening import message_event, publish
from tests.helpers.servers import add_entry
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM

MENU = {
    "choose": [
        {
            "conditions": "{{ trigger.text == 'Lights on' }}",
            "sequence": {
                "action": "beeper.send_message",
                "data": {"chat_id": "{{ trigger.chat_id }}", "message": "They are on"},
            },
        }
    ],
    "default": {
        "action": "beeper.send_message",
        "data": {"chat_id": "{{ trigger.chat_id }}", "message": "1: on, 2: off"},
    },
}
REPLY = {
    "action": "beeper.send_message",
    "data": {"chat_id": "{{ trigger.chat_id }}", "message": "I am away"},
}


async def automate(
    hass: HomeAssistant, *actions: dict[str, Any], trigger: str = "message_received"
) -> None:
    config = {
        "alias": "Answer",
        "triggers": {"trigger": f"beeper.{trigger}"},
        "actions": [*actions],
        "mode": "queued",
        "max": 100,
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


async def write(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    chat_id: str = KIM,
    **changes: Any,
) -> None:
    """Let somebody write, react or edit; automations have run when it returns."""
    await publish(hass, message_event(entry, simulator, chat_id, **changes))
    await hass.async_block_till_done()


def issue(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"reply_loop_{entry.entry_id}")


async def confirm(hass_client: ClientSessionGenerator, issue_id: str) -> str:
    """Carry out the repair; return its text."""
    client = await hass_client()
    data = {"handler": DOMAIN, "issue_id": issue_id}
    response = await client.post("/api/repairs/issues/fix", json=data)
    assert response.status == HTTPStatus.OK
    flow = await response.json()
    response = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    assert (await response.json())["type"] == "create_entry"
    return str(flow["description_placeholders"]["automations"])


# People


@pytest.mark.parametrize(
    ("seconds", "messages"),
    [
        pytest.param(3, 8, id="eight_in_24_seconds"),
        pytest.param(3.1, 20, id="a_minute_of_menus"),
        pytest.param(10, 100, id="a_long_talk"),
        pytest.param(2.1, 15, id="hasty"),
    ],
)
async def test_a_person_is_answered_each_time(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    seconds: float,
    messages: int,
) -> None:
    await automate(hass, MENU)

    for number in range(messages):
        text = "Lights on" if number % 2 else "Menu"
        await write(hass, loaded, simulator, text=text)
        skip_time(seconds)

    assert sent(simulator) == messages
    assert issue(hass, loaded) is None


async def test_a_person_may_be_quick_now_and_then(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await automate(hass, REPLY)

    for _ in range(3):
        for _ in range(4):
            await write(hass, loaded, simulator)
            skip_time(1)
        skip_time(20)

    assert sent(simulator) == 12
    assert issue(hass, loaded) is None


async def test_several_lines_at_once_are_one_reaction(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An announcement that many members of a group react to at the same time."""
    await automate(hass, {"if": "{{ trigger.text == 'Ask' }}", "then": REPLY})

    for _ in range(2):
        await write(hass, loaded, simulator, FAMILY, text="Ask")
        for _ in range(8):
            await write(hass, loaded, simulator, FAMILY)
        skip_time(5)

    assert sent(simulator) == 2
    await write(hass, loaded, simulator, FAMILY, text="Ask")
    assert sent(simulator) == 3
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


# Automatic systems


@pytest.mark.parametrize("seconds", [0, 0.5, 1.5])
async def test_quick_system_is_stopped_early(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    seconds: float,
) -> None:
    await automate(hass, REPLY)

    for _ in range(12):
        await write(hass, loaded, simulator)
        skip_time(seconds)

    assert sent(simulator) == 5
    stopped = issue(hass, loaded)
    assert stopped
    assert stopped.translation_placeholders == {
        "automations": "Answer",
        "network": "WhatsApp",
    }


@pytest.mark.parametrize(
    ("options", "answers"),
    [({}, 60), ({"answers_per_minute": 4}, 4), ({"answers_per_minute": 0}, 100)],
)
async def test_slow_system_is_stopped_by_numbers(
    hass: HomeAssistant,
    simulator: Simulator,
    skip_time: Callable[[float], None],
    options: dict[str, Any],
    answers: int,
) -> None:
    entry = add_entry(hass, simulator.url, **options)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await automate(hass, REPLY)

    # It only answers.
    while sent(simulator) < 100:
        before = sent(simulator)
        await write(hass, entry, simulator)
        if sent(simulator) == before:
            break
        skip_time(5)

    assert sent(simulator) == answers
    assert bool(issue(hass, entry)) is (answers < 100)


REACT = {
    "action": "beeper.add_reaction",
    "data": {
        "chat_id": "{{ trigger.chat_id }}",
        "message_id": "{{ state_attr('sensor.message', 'id') }}",
        "reaction": "👍",
    },
}
START = {
    "action": "beeper.create_chat",
    "data": {
        "user": {"phone_number": "tel:+1 555 010 1002"},
        "message_text": "{{ now() }}",
        "allow_repeat": True,
    },
}


@pytest.mark.parametrize(
    ("trigger", "action"),
    [
        ("message_received", REACT),
        ("message_received", START),
        ("message_edited", REPLY),
        ("reaction_added", REPLY),
        ("reaction_added", REACT),
    ],
)
async def test_every_visible_action_counts_whatever_started_it(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    trigger: str,
    action: dict[str, Any],
) -> None:
    message = simulator.world.chats[KIM].messages[-1]
    hass.states.async_set("sensor.message", "", {"id": message.id})
    await automate(hass, action, trigger=trigger)
    reaction = Reaction(key="👍", participant_id=message.sender.id)
    changed: dict[str, Any] = {
        "type": trigger,
        "reaction": reaction if trigger == "reaction_added" else None,
    }
    for _ in range(9):
        await write(hass, loaded, simulator, **changed)

    assert (
        len([request for request in simulator.executed if request.method != "GET"]) == 5
    )
    assert issue(hass, loaded)


async def test_automations_started_by_automations_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    first = {"alias": "First", "triggers": {"trigger": "beeper.message_received"}}
    second = {"alias": "Second", "triggers": {"trigger": "event", "event_type": "next"}}
    answering = {"chat_id": KIM, "message": "hi"}
    config = [
        {**first, "actions": {"event": "next"}, "mode": "queued"},
        {
            **second,
            "actions": {"action": "beeper.send_message", "data": answering},
            "mode": "queued",
        },
    ]
    assert await async_setup_component(hass, "automation", {"automation": config})
    for _ in range(8):
        await write(hass, loaded, simulator)

    assert sent(simulator) == 5
    stopped = issue(hass, loaded)
    assert stopped
    assert stopped.translation_placeholders
    assert stopped.translation_placeholders["automations"] == "Second"


# Once stopped


async def test_triggers_still_fire_and_other_chats_are_written_to(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    fired: list[Any] = []
    hass.bus.async_listen("seen", fired.append)
    forward = {
        "action": "beeper.send_message",
        "data": {"chat_id": FAMILY, "message": "Kim wrote"},
    }
    await automate(
        hass, {"event": "seen"}, forward, {**REPLY, "continue_on_error": True}
    )

    for _ in range(10):
        await write(hass, loaded, simulator)

    assert len(fired) == 10
    assert sent(simulator) == 10 + 5
    texts = [message.text for message in simulator.world.chats[KIM].messages]
    assert texts.count("I am away") == 5, "and nothing else, no notice either"


async def test_repair_lets_the_automation_answer_again(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    await automate(hass, REPLY)
    for _ in range(8):
        await write(hass, loaded, simulator)
    stopped = issue(hass, loaded)
    assert stopped

    assert await confirm(hass_client, stopped.issue_id) == "Answer"

    assert issue(hass, loaded) is None
    await write(hass, loaded, simulator)
    assert sent(simulator) == 6
    for _ in range(8):
        await write(hass, loaded, simulator)
    assert sent(simulator) == 10
    assert issue(hass, loaded)


async def test_it_goes_on_by_itself_after_ten_minutes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await automate(hass, REPLY)
    for _ in range(8):
        await write(hass, loaded, simulator)
    skip_time(9 * 60)
    await write(hass, loaded, simulator)
    assert sent(simulator) == 5

    skip_time(61)
    await write(hass, loaded, simulator)

    assert sent(simulator) == 6
    assert issue(hass, loaded), "somebody should still see what happened"


# Two Home Assistants, through a server


async def test_system_that_answers_at_once_through_the_server(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    impatient: None,
) -> None:
    await automate(hass, REPLY)
    simulator.incoming(KIM, None, "Hello")
    answered = 0
    for _ in range(5):
        await until(lambda: sent(simulator) > answered)  # noqa: B023
        answered = sent(simulator)
        simulator.incoming(KIM, None, "I am away, too")

    await until(lambda: issue(hass, listening))
    await hass.async_block_till_done()
    assert sent(simulator) == 5
