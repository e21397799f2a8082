"""reply: the chat and the message come from what started the automation."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import SIGNAL_MESSAGE
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import call_action, sent
from tests.helpers.cells import cells
from tests.helpers.listening import message_event, publish
from tests.helpers.servers import add_entry
from tests.helpers.waiting import until
from tests.helpers.world import ALEX, FAMILY, KIM, PROFILES, write

OUTSIDE = "was not triggered by a message"
REPLY = {"action": "beeper.reply", "data": {"message": "I am away"}}
RECEIVED = {"trigger": "beeper.message_received"}


async def automate(hass: HomeAssistant, trigger: Any, *actions: Any) -> None:
    config = {
        "alias": "Test",
        "mode": "queued",
        "triggers": trigger,
        "actions": [*actions],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


def executed(simulator: Simulator) -> list[tuple[str, Any]]:
    """Return the chat and the body of each message that was sent."""
    return [
        (request.path.split("/")[3], request.json) for request in simulator.executed
    ]


@pytest.mark.parametrize("profile", PROFILES)
async def test_reply_answers_the_message_that_started_the_automation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await automate(
        hass,
        RECEIVED,
        {**REPLY, "response_variable": "response"},
        {"event": "replied", "event_data": {"response": "{{ response }}"}},
    )
    replied = []
    hass.bus.async_listen("replied", lambda event: replied.append(event.data))
    for chat_id in (FAMILY, KIM):
        message = simulator.incoming(chat_id, None, "Is anybody home?")
        await until(lambda: sent(simulator) == len(executed(simulator)) and replied)
        assert executed(simulator)[-1] == (
            chat_id,
            {"text": "I am away", "replyToMessageID": message["id"]},
        )
        (data,) = replied
        assert data["response"]["chat_id"] == chat_id
        assert data["response"].keys() == {
            "chat_id",
            "message_id",
            "pending_message_id",
            "recovered",
            "duplicate",
        }
        replied.clear()
    assert sent(simulator) == 2


async def test_reply_to_a_message_that_is_gone(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The error names the field of this action."""
    contexts: list[Context] = []
    hass.bus.async_listen("came", lambda event: contexts.append(event.context))
    await automate(hass, RECEIVED, {"event": "came"})
    simulator.incoming(FAMILY, None, "Is anybody home?")
    await until(lambda: contexts)
    simulator.world.chats[FAMILY].messages.pop()

    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(
            DOMAIN, "reply", {"message": "hi"}, blocking=True, context=contexts[0]
        )

    assert "no longer in its chat" in str(refused.value)
    assert "Quote the message (quote)" in str(refused.value)
    assert sent(simulator) == 0


async def test_reply_without_a_quote(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = {"message": "**No**", "format": "markdown", "quote": False, "wait": True}
    await automate(hass, RECEIVED, {"action": "beeper.reply", "data": data})
    await publish(hass, message_event(loaded, simulator))
    assert executed(simulator) == [(KIM, {"text": "**No**"})]


@pytest.mark.parametrize(
    ("trigger", "changes", "quoted"),
    [
        ({"trigger": "beeper.message_edited"}, {"type": "message_edited"}, True),
        ({"trigger": "beeper.reaction_added"}, {"type": "reaction_added"}, True),
        (
            {
                "trigger": "event.received",
                "target": {"entity_id": "event.beeper_whatsapp_message"},
                "options": {"event_type": ["message_received", "message_deleted"]},
            },
            {"type": "message_received"},
            True,
        ),
        (
            {
                "trigger": "state",
                "entity_id": "event.beeper_whatsapp_message",
            },
            {"type": "message_deleted"},
            False,
        ),
    ],
)
async def test_every_trigger_about_a_message_can_be_replied_to(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    trigger: dict[str, Any],
    changes: dict[str, Any],
    quoted: bool,
) -> None:
    await automate(hass, trigger, REPLY)
    event = message_event(loaded, simulator, **changes)
    assert event.message.id
    write(simulator, "Hi").id = event.message.id
    await publish(hass, event)

    ((chat_id, body),) = executed(simulator)
    assert chat_id == KIM
    assert ("replyToMessageID" in body) is quoted


async def test_automations_that_a_message_started_indirectly_reply_to_it(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    config = [
        {"alias": "First", "triggers": RECEIVED, "actions": {"event": "next"}},
        {
            "alias": "Second",
            "triggers": {"trigger": "event", "event_type": "next"},
            "actions": {"action": "script.answer"},
        },
    ]
    assert await async_setup_component(hass, "automation", {"automation": config})
    script = {"answer": {"sequence": [{**REPLY, "data": {"message": "x", "quote": 0}}]}}
    assert await async_setup_component(hass, "script", {"script": script})
    await publish(hass, message_event(loaded, simulator, FAMILY))
    assert executed(simulator) == [(FAMILY, {"text": "x"})]


async def test_runs_at_the_same_time_reply_to_their_own_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    go = {"wait_for_trigger": {"trigger": "event", "event_type": "go"}}
    config = {
        "alias": "Test",
        "mode": "parallel",
        "triggers": RECEIVED,
        "actions": [
            go,
            {
                "action": "beeper.reply",
                "data": {"message": "{{ trigger.chat_id }}", "quote": False},
            },
        ],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    chats = [KIM, FAMILY, ALEX]
    for chat_id in chats:
        async_dispatcher_send(
            hass, SIGNAL_MESSAGE, message_event(loaded, simulator, chat_id)
        )
    await asyncio.sleep(0.1)  # They wait now.
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    assert {chat_id: body["text"] for chat_id, body in executed(simulator)} == {
        chat_id: chat_id for chat_id in chats
    }


@pytest.mark.parametrize(("hours", "is_known"), [(0.5, True), (23, True), (25, False)])
async def test_message_is_known_for_a_day(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    hours: float,
    is_known: bool,
) -> None:
    """An automation may wait before it answers."""
    contexts: list[Context] = []
    hass.bus.async_listen(
        "automation_triggered", lambda event: contexts.append(event.context)
    )
    await automate(hass, RECEIVED, {"event": "noted"})
    await publish(hass, message_event(loaded, simulator))
    skip_time(hours * 3600)
    await publish(hass, message_event(loaded, simulator, FAMILY))

    call = hass.services.async_call(
        DOMAIN,
        "reply",
        {"message": "late", "quote": False},
        blocking=True,
        context=contexts[0],
    )
    if is_known:
        await call
        assert executed(simulator) == [(KIM, {"text": "late"})]
    else:
        with pytest.raises(ServiceValidationError, match=OUTSIDE):
            await call


async def test_reply_outside_of_an_automation_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await publish(hass, message_event(loaded, simulator))
    for context in (None, Context(), Context(parent_id="unknown")):
        with pytest.raises(ServiceValidationError, match=OUTSIDE):
            await hass.services.async_call(
                DOMAIN, "reply", {"message": "x"}, blocking=True, context=context
            )
    assert not simulator.executed


@pytest.mark.parametrize(
    "trigger",
    [
        {"trigger": "event", "event_type": "go"},
        {"trigger": "beeper.account_disconnected"},
    ],
)
async def test_reply_where_no_message_triggered_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    trigger: dict[str, Any],
) -> None:
    await automate(hass, [RECEIVED, trigger], REPLY)
    hass.bus.async_fire("go")
    await hass.services.async_call(
        "automation", "trigger", {"entity_id": "automation.test"}, blocking=True
    )
    assert OUTSIDE in caplog.text
    assert not simulator.executed


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "There is nothing to send"),
        ({"message": " "}, "There is nothing to send"),
        ({"message": "x", "chat_id": KIM}, "There is no field chat_id"),
        ({"message": "x", "recipient": "Kim"}, "There is no field recipient"),
        ({"message": "x", "reply_to": "4"}, "There is no field reply_to"),
        ({"message": "x", "quote": "maybe"}, "must be true or false"),
        ({"message": "x", "file_name": "a.png"}, "can be used only with an attachment"),
    ],
)
async def test_invalid_call_is_explained(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, "reply", **data)
    assert message in str(refused.value)


async def test_reply_goes_to_the_server_of_the_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = {"message": "x", "quote": False}
    await automate(hass, RECEIVED, {"action": "beeper.reply", "data": data})
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        await publish(hass, message_event(second, other))
        assert (sent(other), sent(simulator)) == (1, 0)
        assert await hass.config_entries.async_unload(second.entry_id)


async def test_replies_count_for_the_brake(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"answers_per_minute": 2})
    await hass.async_block_till_done()
    data = {"message": "x", "quote": False}
    await automate(hass, RECEIVED, {"action": "beeper.reply", "data": data})
    for _ in range(4):
        await publish(hass, message_event(loaded, simulator))
    assert sent(simulator) == 2
    assert "answered in this chat over and over" in caplog.text
