"""The event entities of accounts and chosen chats, and their unrecorded attributes."""

import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from custom_components.beeper.api.models import Chat, Message, Reaction, User
from custom_components.beeper.signals import (
    PRIVATE,
    SIGNAL_MESSAGE,
    MessageEvent,
    MessageEventType,
)
from homeassistant.components.recorder.history import get_significant_states
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er, restore_state
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.entities import add_chat
from tests.helpers.repository import ENGLISH
from tests.helpers.world import FAMILY, KIM

WHATSAPP = "event.beeper_whatsapp_message"
TELEGRAM = "event.beeper_telegram_message"
SENDER = "@whatsapp_15550101002:beeper.com"
SECRETS = ["The key is under the mat", "Kim Sample", "15550101002", "🔑"]


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest) -> None:
    """Start the recorder, where it is wanted, before Home Assistant."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    for fixture in ("enable_custom_integrations", "socket_enabled"):
        request.getfixturevalue(fixture)


def event(
    entry: MockConfigEntry,
    kind: MessageEventType = "message_received",
    *,
    account_id: str = "whatsapp",
    entry_id: str | None = None,
    number: int = 1,
    **chat: Any,
) -> MessageEvent:
    """Return what the inbox makes of a message."""
    message = Message.from_dict(
        {
            "id": str(number),
            "accountID": account_id,
            "chatID": KIM,
            "senderID": SENDER,
            "senderName": "Kim Sample",
            "timestamp": "2026-11-22T10:00:00.000Z",
            "text": SECRETS[0],
            "linkedMessageID": "76",
            "attachments": [{"type": "img", "fileName": "key.jpg"}],
        }
    )
    return MessageEvent(
        entry_id=entry_id or entry.entry_id,
        type=kind,
        chat=Chat.from_dict(
            {
                "id": KIM,
                "localChatID": "5601",
                "accountID": account_id,
                "network": "WhatsApp",
                "title": "Kim Sample",
                "type": "single",
            }
            | chat
        ),
        account_id=account_id,
        message=message,
        sender=User.from_dict({"id": SENDER, "fullName": "Kim Sample"}),
        is_self=kind == "message_sent",
        text=SECRETS[0],
        rich_text=f"<b>{SECRETS[0]}</b>",
        reaction=Reaction(key="🔑", participant_id=SENDER),
    )


def tell(hass: HomeAssistant, event: MessageEvent) -> None:
    async_dispatcher_send(hass, SIGNAL_MESSAGE, event)


def state(hass: HomeAssistant, entity_id: str) -> State:
    found = hass.states.get(entity_id)
    assert found
    return found


def unknown(hass: HomeAssistant, *entity_ids: str) -> bool:
    return all(
        state(hass, entity_id).state == STATE_UNKNOWN for entity_id in entity_ids
    )


# Recipients of events


async def test_a_message_is_the_state_of_its_account_and_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    await add_chat(hass, loaded, FAMILY, "Family")
    before = dt_util.utcnow()

    tell(hass, event(loaded))

    for entity_id in (WHATSAPP, "event.kim_message"):
        shown = state(hass, entity_id)
        happened = dt_util.parse_datetime(shown.state, raise_on_error=True)
        assert abs((happened - before).total_seconds()) < 5
        attributes = dict(shown.attributes)
        assert attributes.pop("friendly_name").endswith(" Message")
        assert attributes.pop("icon") == "mdi:whatsapp"
        assert attributes.pop("event_types") == [
            "message_received",
            "message_sent",
            "message_edited",
            "message_deleted",
            "reaction_added",
            "reaction_removed",
        ]
        assert attributes == {
            "answers_question": False,
            "event_type": "message_received",
            "chat_id": KIM,
            "chat_name": "Kim Sample",
            "chat_type": "single",
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "sender_id": SENDER,
            "sender_name": "Kim Sample",
            "is_self": False,
            "message_id": "1",
            "pending_message_id": None,
            "timestamp": "2026-11-22T10:00:00+00:00",
            "message_type": "image",
            "text": SECRETS[0],
            "transcript": None,
            "rich_text": f"<b>{SECRETS[0]}</b>",
            "reply_to": "76",
            "attachments": ["image"],
            "reaction": "🔑",
        }
    assert unknown(hass, TELEGRAM, "event.family_message")


@pytest.mark.parametrize(
    "kind",
    ENGLISH["entity"]["event"]["message"]["state_attributes"]["event_type"]["state"],
)
async def test_each_type(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: MessageEventType
) -> None:
    tell(hass, event(loaded, kind))

    assert state(hass, WHATSAPP).attributes["event_type"] == kind


async def test_a_burst_is_as_many_states(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    seen: list[tuple[str, str]] = []

    @callback
    def see(changed: Any) -> None:
        new = changed.data["new_state"]
        if new.entity_id == WHATSAPP:
            seen.append((new.state, new.attributes["message_id"]))

    hass.bus.async_listen("state_changed", see)
    for number in range(20):
        tell(hass, event(loaded, number=number))
    await hass.async_block_till_done()

    assert [message_id for _, message_id in seen] == [str(n) for n in range(20)]
    times = [time for time, _ in seen]
    assert times == sorted({*times})


@pytest.mark.parametrize(
    ("chat", "shown"),
    [
        ({}, True),
        ({"id": "!member:beeper.com", "mergedIntoChatID": KIM}, True),
        ({"id": "!other:beeper.com", "localChatID": KIM}, True),
        ({"id": "!other:beeper.com"}, False),
        ({"id": KIM.lower()}, False),
    ],
)
async def test_chat_receives_messages_by_both_ids(
    hass: HomeAssistant, loaded: MockConfigEntry, chat: dict[str, Any], shown: bool
) -> None:
    await add_chat(hass, loaded)
    tell(hass, event(loaded, **chat))

    assert unknown(hass, "event.kim_message") is not shown
    assert not unknown(hass, WHATSAPP)


async def test_messages_of_other_servers_are_ignored(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    tell(hass, event(loaded, entry_id="another"))

    assert unknown(hass, WHATSAPP, "event.kim_message")


async def test_chat_receives_messages_of_any_account(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    tell(hass, event(loaded, account_id="telegram"))

    assert unknown(hass, WHATSAPP)
    assert not unknown(hass, TELEGRAM)
    assert not unknown(hass, "event.kim_message")


async def test_two_accounts_of_one_network_are_distinguished(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    tell(hass, event(loaded, account_id="local-whatsapp_ba_Sample"))

    assert unknown(hass, WHATSAPP)
    assert not unknown(hass, "event.beeper_whatsapp_2_message")


# In an automation


async def test_automation_runs_per_message_but_not_on_reload(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    """By the trigger that Home Assistant has for event entities."""
    await add_chat(hass, loaded)
    automation = {
        "mode": "queued",
        "triggers": {
            "trigger": "event.received",
            "target": {"entity_id": "event.kim_message"},
            "options": {"event_type": ["message_received"]},
        },
        "actions": {
            "action": "test.heard",
            "data": {"text": "{{ trigger.to_state.attributes.text }}"},
        },
    }
    heard = async_mock_service(hass, "test", "heard")
    assert await async_setup_component(hass, "automation", {"automation": automation})

    # The very first counts too, although the state was unknown before.
    tell(hass, event(loaded))
    tell(hass, event(loaded, "message_sent"))
    tell(hass, event(loaded, number=2))
    await hass.async_block_till_done()
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()

    assert [call.data for call in heard] == [{"text": SECRETS[0]}] * 2


# Coming and going


async def test_unavailable_with_the_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    tell(hass, event(loaded))
    then = state(hass, WHATSAPP).state
    await simulator.stop()
    await loaded.runtime_data.async_refresh()
    for entity_id in (WHATSAPP, "event.kim_message"):
        assert state(hass, entity_id).state == STATE_UNAVAILABLE

    await simulator.start()
    await loaded.runtime_data.async_refresh()
    assert state(hass, WHATSAPP).state == then


@pytest.mark.parametrize("lost", ["server", "account"])
@pytest.mark.parametrize("is_chat", [False, True])
@pytest.mark.parametrize(
    "kind", ["message_received", "message_edited", "reaction_added"]
)
async def test_old_event_does_not_run_again_when_beeper_returns(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    lost: str,
    is_chat: bool,
    kind: MessageEventType,
) -> None:
    await add_chat(hass, loaded)
    entity_id = "event.kim_message" if is_chat else WHATSAPP
    heard = async_mock_service(hass, "test", "heard")
    automation = {
        "mode": "queued",
        "triggers": {"trigger": "state", "entity_id": entity_id},
        "conditions": "{{ trigger.to_state.attributes.get('event_type') != none }}",
        "actions": {
            "action": "test.heard",
            "data": {"text": "{{ trigger.to_state.attributes.text }}"},
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    tell(hass, event(loaded, kind))
    await hass.async_block_till_done()
    then = state(hass, entity_id).state

    for _ in range(2):
        if lost == "server":
            await simulator.stop()
        else:
            account = simulator.world.accounts.pop("whatsapp")
        await loaded.runtime_data.async_refresh()
        await hass.async_block_till_done()
        if lost == "server":
            await simulator.start()
        else:
            simulator.world.accounts["whatsapp"] = account
        await loaded.runtime_data.async_refresh()
        await hass.async_block_till_done()

    assert state(hass, entity_id).state == then
    assert len(heard) == 1
    tell(hass, event(loaded, kind, number=2))
    await hass.async_block_till_done()
    assert len(heard) == 2


async def test_event_that_arrives_before_the_first_poll_counts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Home Assistant's trigger ignores changes from unavailable."""
    heard = async_mock_service(hass, "test", "heard")
    automation = {
        "triggers": {
            "trigger": "event.received",
            "target": {"entity_id": WHATSAPP},
            "options": {"event_type": ["message_received"]},
        },
        "actions": {"action": "test.heard"},
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await simulator.stop()
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    tell(hass, event(loaded))
    await hass.async_block_till_done()
    assert len(heard) == 1
    assert state(hass, WHATSAPP).attributes["text"] == SECRETS[0]


async def test_returning_account(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    telegram = simulator.world.accounts.pop("telegram")
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    # It may be listed again soon.
    assert state(hass, TELEGRAM).state == STATE_UNAVAILABLE
    assert entity_registry.async_get(TELEGRAM)

    simulator.world.accounts["telegram"] = telegram
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    tell(hass, event(loaded, account_id="telegram"))
    assert not unknown(hass, TELEGRAM)


async def test_unloaded_entities_receive_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)
    tell(hass, event(loaded))

    assert state(hass, WHATSAPP).state == STATE_UNAVAILABLE


# Stored state


async def clean(hass: HomeAssistant, storage: dict[str, Any]) -> bool:
    """Tell whether nothing of a message is in what a restart would find."""
    await restore_state.async_get(hass).async_dump_states()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert storage.keys() >= {"core.restore_state", "core.entity_registry"}
    kept = restore_state.async_get(hass)
    states = json.dumps(storage["core.restore_state"], default=str)
    # Other restored entities prove that this is the right place.
    assert ("notify.chat" in states) is (hass.states.get("notify.chat") is not None)
    return (
        '"event.' not in states
        and not [
            state for state in {*kept.entities, *kept.last_states} if "event." in state
        ]
        and not secrets_in(json.dumps(storage, ensure_ascii=False, default=str))
    )


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


async def test_no_message_is_stored(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """While it is shown, after a reload, after a new name and after removal."""
    await add_chat(hass, loaded, title="Chat")
    tell(hass, event(loaded))
    assert secrets_in(json.dumps(state(hass, WHATSAPP).as_dict(), ensure_ascii=False))
    assert await clean(hass, hass_storage)

    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    assert not secrets_in(json.dumps(state(hass, WHATSAPP).as_dict()))
    assert await clean(hass, hass_storage)

    tell(hass, event(loaded))
    er.async_get(hass).async_update_entity(WHATSAPP, new_entity_id="event.renamed")
    await hass.async_block_till_done()
    tell(hass, event(loaded, number=2))
    assert state(hass, "event.renamed").attributes["message_id"] == "2"
    assert await clean(hass, hass_storage)

    await hass.config_entries.async_unload(loaded.entry_id)
    assert await clean(hass, hass_storage)
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()

    tell(hass, event(loaded))
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    assert hass.states.get("event.chat_message") is None
    assert "event." not in str({*restore_state.async_get(hass).last_states})

    tell(hass, event(loaded))
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert hass.states.get("event.renamed") is None
    await restore_state.async_get(hass).async_dump_states()
    assert not secrets_in(json.dumps(hass_storage, ensure_ascii=False, default=str))
    assert '"event.' not in json.dumps(hass_storage["core.restore_state"], default=str)


async def test_no_message_is_recorded(
    recorder_mock: Any, hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await add_chat(hass, entry, title="Chat")
    start = dt_util.utcnow()
    tell(hass, event(entry))
    await hass.async_block_till_done()
    await get_instance(hass).async_block_till_done()

    history = await get_instance(hass).async_add_executor_job(
        lambda: get_significant_states(
            hass,
            start,
            entity_ids=[WHATSAPP, "event.chat_message"],
            include_start_time_state=False,
        )
    )
    assert history.keys() == {WHATSAPP, "event.chat_message"}
    for states in history.values():
        recorded = states[-1]
        assert isinstance(recorded, State)
        assert recorded.attributes["event_type"] == "message_received"
        assert recorded.attributes["message_id"] == "1"
        assert not recorded.attributes.keys() & PRIVATE
        assert not secrets_in(repr(recorded.as_dict()))


async def test_a_reload_keeps_the_time_of_the_last_event(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Without its content: the change back to it must not look like a new event."""
    await add_chat(hass, loaded)
    tell(hass, event(loaded))
    before = {key: state(hass, key).state for key in (WHATSAPP, "event.kim_message")}

    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()

    for entity_id, time in before.items():
        shown = state(hass, entity_id)
        assert shown.state == time
        assert shown.attributes["event_type"] is None
        assert not shown.attributes.keys() & PRIVATE
    assert unknown(hass, TELEGRAM)
