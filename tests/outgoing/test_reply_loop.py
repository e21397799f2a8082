"""Automations that answer too often into the chat whose messages start them.

Five times a minute is the limit here; `test_quick_reactions` has the other brake.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.outgoing import reply_loop
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)
from homeassistant.setup import async_setup_component
from simulator import Simulator, wire
from tests.helpers.actions import PATH, send, sent, tried
from tests.helpers.entities import add_chat
from tests.helpers.listening import message_event, publish
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY, KIM, PROFILES

REFUSED = "automations have answered in this chat over and over"


@pytest.fixture
def entry(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    return add_entry(hass, simulator.url, answers_per_minute=5)


async def automate(
    hass: HomeAssistant, action: str, data: dict[str, Any], **trigger: Any
) -> None:
    """Set up an automation that reacts to every message."""
    config = {
        "alias": "Test",
        "triggers": trigger or {"trigger": "beeper.message_received"},
        "actions": {"action": action, "data": data},
        "mode": "queued",
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()


async def receive(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    times: int = 1,
    chat_id: str = KIM,
) -> None:
    for _ in range(times):
        await publish(hass, message_event(entry, simulator, chat_id))


def issue(entry: MockConfigEntry, issue_registry: ir.IssueRegistry) -> Any:
    return issue_registry.async_get_issue(DOMAIN, f"reply_loop_{entry.entry_id}")


async def contexts(hass: HomeAssistant) -> list[Context]:
    """Return a list that collects the contexts of runs that messages start."""
    found: list[Context] = []

    async def run(variables: dict[str, Any], context: Context | None = None) -> None:
        assert context
        found.append(context)

    config = [{"platform": "beeper.message_received"}]
    config = await async_validate_trigger_config(hass, config)
    logger = logging.getLogger(__name__)
    assert await async_initialize_triggers(
        hass, config, run, DOMAIN, "test", logger.log
    )
    return found


async def answer(
    hass: HomeAssistant, context: Context, times: int, chat_id: str = KIM
) -> None:
    """Send as a run of an automation with that trigger does."""
    for _ in range(times):
        await send(hass, chat_id, context=Context(parent_id=context.id))


# Refused replies


@pytest.mark.parametrize("profile", PROFILES)
async def test_sixth_reply_within_a_minute_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = {"chat_id": "{{ trigger.chat_id }}", "message": "I am away"}
    await automate(hass, "beeper.send_message", data)

    await receive(hass, loaded, simulator, 5)
    assert sent(simulator) == 5
    assert issue(loaded, issue_registry) is None
    assert REFUSED not in caplog.text
    await receive(hass, loaded, simulator, 3)

    assert tried(simulator) == sent(simulator) == 5
    assert REFUSED in caplog.text
    raised = issue(loaded, issue_registry)
    assert raised.is_fixable
    assert raised.severity is ir.IssueSeverity.WARNING
    assert raised.translation_key == "reply_loop"
    reported = "network" in simulator.profile.chat_keys
    network = "WhatsApp" if reported else "Beeper"
    assert raised.translation_placeholders == {
        "automations": "Test",
        "network": network,
    }


@pytest.mark.parametrize("way", ["entity", "notify", "number", "script"])
async def test_every_way_of_sending_counts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, way: str
) -> None:
    entity_id = await add_chat(hass, loaded)
    number = simulator.world.chats[KIM].local_id
    answering = {"action": "beeper.send_message", "data": {"message": "hi"}}
    chat = {"data": {"chat_id": KIM, "message": "hi"}}
    script = {"script": {"reply": {"sequence": {**answering, **chat}}}}
    assert await async_setup_component(hass, "script", script)
    ways: dict[str, tuple[str, dict[str, Any]]] = {
        "entity": ("beeper.send_message", {"entity_id": entity_id, "message": "hi"}),
        "notify": ("notify.send_message", {"entity_id": entity_id, "message": "hi"}),
        "number": ("beeper.send_message", {"chat_id": number, "message": "hi"}),
        "script": ("script.reply", {}),
    }
    await automate(hass, *ways[way])

    await receive(hass, loaded, simulator, 7)

    assert tried(simulator) == 5


async def test_error_explains_without_names(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 5)

    with pytest.raises(HomeAssistantError, match=REFUSED) as refused:
        await send(hass, context=started[0])

    assert not refused.value.translation_placeholders
    assert sent(simulator) == 5


async def test_concurrent_replies_are_counted_separately(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator, 9)

    outcomes = await asyncio.gather(
        *(send(hass, message=f"{n}", context=of) for n, of in enumerate(started)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, HomeAssistantError) for outcome in outcomes] == (
        [False] * 5 + [True] * 4
    )
    assert tried(simulator) == 5


async def test_merged_chat_shares_the_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    started = await contexts(hass)
    event = message_event(loaded, simulator, FAMILY)
    merged = replace(event.chat, id="!old:beeper.com", merged_into_id=KIM)
    await publish(hass, replace(event, chat=merged))

    await answer(hass, started[0], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)


async def test_chats_that_are_merged_count_together(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    body = simulator.wire.chat(simulator.world, simulator.world.chats[KIM], 0)
    simulator.faults.add(
        "status_before",
        method="GET",
        path=f"/v1/chats/{KIM}",
        status=200,
        body={**body, "mergedIntoChatID": FAMILY},
    )
    started = await contexts(hass)
    await receive(hass, loaded, simulator, chat_id=FAMILY)

    await answer(hass, started[0], 3)
    await answer(hass, started[0], 2, FAMILY)
    for chat_id in (KIM, FAMILY):
        with pytest.raises(HomeAssistantError, match=REFUSED):
            await answer(hass, started[0], 1, chat_id)


async def test_unreadable_chat_counts_by_id(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    simulator.faults.add("status_before", path=f"/v1/chats/{KIM}", times=None)
    started = await contexts(hass)
    await receive(hass, loaded, simulator)

    await answer(hass, started[0], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)

    placeholders = issue(loaded, issue_registry).translation_placeholders
    assert placeholders == {"automations": "Home Assistant", "network": "WhatsApp"}


async def test_reload_keeps_the_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 4)

    assert await hass.config_entries.async_reload(loaded.entry_id)
    await answer(hass, started[0], 1)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)


# Allowed replies


async def test_replies_resume_after_a_minute(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    skip_time: Callable[[float], None],
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 3)
    skip_time(40)
    await answer(hass, started[0], 2)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)

    skip_time(20)  # The first three are a minute ago.
    await answer(hass, started[0], 3)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)

    skip_time(60)
    await answer(hass, started[0], 5)
    # Somebody should still see what happened.
    assert issue(loaded, issue_registry)


async def test_other_chats_are_not_counted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Forwarding what Kim writes to the family, however much it is."""
    await automate(hass, "beeper.send_message", {"chat_id": FAMILY, "message": "x"})

    await receive(hass, loaded, simulator, 8)

    assert sent(simulator) == 8


async def test_each_chat_has_its_own_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = {"chat_id": "{{ trigger.chat_id }}", "message": "I am away"}
    await automate(hass, "beeper.send_message", data)

    await receive(hass, loaded, simulator, 7)
    await receive(hass, loaded, simulator, 4, FAMILY)

    assert sent(simulator) == 9


async def test_each_server_has_its_own_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url, answers_per_minute=5)
        assert await hass.config_entries.async_setup(second.entry_id)
        data = {
            "config_entry_id": "{{ trigger.config_entry_id }}",
            "chat_id": "{{ trigger.chat_id }}",
            "message": "I am away",
        }
        await automate(hass, "beeper.send_message", data)

        await receive(hass, loaded, simulator, 7)
        await receive(hass, second, other, 4)

        assert (sent(simulator), sent(other)) == (5, 4)
        await hass.config_entries.async_unload(second.entry_id)


async def test_runs_without_a_message_are_not_counted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A smoke alarm is sent even while replies are refused."""
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 5)
    smoke = {"trigger": "event", "event_type": "smoke"}
    data = {"chat_id": KIM, "message": "Smoke"}
    await automate(hass, "beeper.send_message", data, **smoke)

    for _ in range(8):
        hass.bus.async_fire("smoke")
        await hass.async_block_till_done()
    await send(hass, message="from a person")

    assert sent(simulator) == 14


async def test_unsent_messages_are_not_counted(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(wire.CAPABILITIES, "maxTextLength", 3)
    started = await contexts(hass)
    await receive(hass, loaded, simulator)

    for _ in range(6):
        with pytest.raises(HomeAssistantError, match="4 characters"):
            await send(hass, message="long", context=started[0])

    await answer(hass, started[0], 5)
    assert sent(simulator) == 5


async def test_recovered_message_counts_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    simulator.faults.add("drop_after", method="POST", path=PATH)

    await answer(hass, started[0], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)
    assert sent(simulator) == 5


async def test_run_expires_after_ten_minutes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    skip_time(9.9 * 60)
    await answer(hass, started[0], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)

    skip_time(10)
    await answer(hass, started[0], 1)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 1)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[1], 1)


async def test_only_the_newest_runs_are_kept(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reply_loop, "_RUNS_KEPT", 20)
    started = await contexts(hass)
    await receive(hass, loaded, simulator, 30)

    await answer(hass, started[0], 6)
    await answer(hass, started[-2], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[-1], 1)


async def test_only_the_chats_of_kept_runs_are_kept(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reply_loop, "_RUNS_KEPT", 2)
    started = await contexts(hass)
    chats = [*simulator.world.chats][:4]
    for chat_id in chats:
        await receive(hass, loaded, simulator, chat_id=chat_id)

    await answer(hass, started[0], 25, chats[0])
    await answer(hass, started[-1], 5, chats[-1])
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[-1], 1, chats[-1])


async def test_offline_server_raises_no_error(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    """It takes its issue along."""
    started = await contexts(hass)
    await receive(hass, loaded, simulator)
    await answer(hass, started[0], 5)
    with pytest.raises(HomeAssistantError, match=REFUSED):
        await answer(hass, started[0], 1)
    assert issue(loaded, issue_registry)

    await hass.config_entries.async_remove(loaded.entry_id)
    await receive(hass, loaded, simulator)

    assert len(started) == 2
    assert issue(loaded, issue_registry) is None


async def test_event_entity_automations_are_limited(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    config = {
        "alias": "Answer",
        "mode": "queued",
        "triggers": {
            "trigger": "event.received",
            "target": {"entity_id": "event.beeper_whatsapp_message"},
            "options": {"event_type": ["message_received"]},
        },
        "actions": {
            "action": "beeper.send_message",
            "data": {"chat_id": KIM, "message": "x"},
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await receive(hass, loaded, simulator, 8)
    assert sent(simulator) == 5
