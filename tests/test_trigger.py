"""Triggers, as automations use them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
import unicodedata

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_mock_service,
)
import voluptuous as vol

from custom_components.beeper import trigger
from custom_components.beeper.api.models import Chat, Reaction, User
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import (
    SIGNAL_MESSAGE,
    AccountDisconnected,
    SendFailed,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
)
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.trigger import async_validate_trigger_config
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat, add_shortcut, device_of
from tests.helpers.listening import message_event, publish
from tests.helpers.servers import add_entry
from tests.helpers.waiting import poll
from tests.helpers.world import ALEX, FAMILY, KIM

ALL = ["message_received", "account_disconnected", "send_failed"]


def disconnected(entry: MockConfigEntry, account_id: str) -> AccountDisconnected:
    return AccountDisconnected(
        entry_id=entry.entry_id,
        account_id=account_id,
        network=account_id.title(),
        status="disconnected",
        previous_status="connected",
    )


def failed(entry: MockConfigEntry, simulator: Simulator, chat_id: str) -> SendFailed:
    world = simulator.world
    return SendFailed(
        entry_id=entry.entry_id,
        chat=Chat.from_dict(simulator.wire.chat(world, world.chats[chat_id], 0)),
        message_id="12345",
        reason="bridge_unavailable",
        retriable=True,
    )


async def automate(
    hass: HomeAssistant, key: str = "message_received", **options: Any
) -> list[ServiceCall]:
    """Set an automation up and return where its runs will be."""
    calls: list[ServiceCall] = async_mock_service(hass, "test", "run")
    config = {
        "alias": "Test",
        "triggers": {
            "trigger": f"{DOMAIN}.{key}",
            "options": {name: value for name, value in options.items() if value != []},
        },
        "actions": {"action": "test.run", "data": {"trigger": "{{ trigger }}"}},
        "mode": "parallel",
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.test")
    assert state
    assert state.state == "on"
    return calls


# Message trigger variables


async def test_message_trigger_fires(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls = await automate(hass)
    triggered = async_capture_events(hass, "automation_triggered")
    event = message_event(loaded, simulator)

    await publish(hass, event)

    (call,) = calls
    variables = call.data["trigger"]
    assert event.as_dict() | {"config_entry_id": loaded.entry_id} == {
        key: variables[key] for key in (*event.as_dict(), "config_entry_id")
    }
    assert (variables["sender_name"], variables["text"]) == ("Kim", "Good night")
    assert variables["platform"] == "beeper.message_received"
    # The logbook keeps this.
    assert triggered[0].data["source"] == "message on WhatsApp"


@pytest.mark.parametrize("hours", [-3, 0, 3])
async def test_age_of_a_message_on_the_servers_clock(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, hours: int
) -> None:
    simulator.world.clock_skew = timedelta(hours=hours)
    await poll(hass, loaded)
    calls = await automate(hass)
    event = message_event(loaded, simulator)

    for seconds in (90, -30):
        written = simulator.world.now() - timedelta(seconds=seconds)
        message = replace(event.message, timestamp=written)
        await publish(hass, replace(event, message=message))
    await publish(hass, replace(event, message=replace(event.message, timestamp=None)))

    ages = [call.data["trigger"]["age"] for call in calls]
    assert 88 <= ages[0] <= 95
    assert ages[1:] == [0, None]


async def test_message_without_a_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls = await automate(hass)
    event = message_event(loaded, simulator)

    await publish(hass, replace(event, chat=replace(event.chat, network=None)))

    assert calls[0].data["trigger"]["description"] == "message on Beeper"


async def test_each_message_starts_a_separate_run(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls = await automate(hass)

    for _ in range(2):
        await publish(hass, message_event(loaded, simulator))

    parents = {call.context.parent_id for call in calls}
    assert len(parents) == 2
    assert None not in parents


# Which messages


@pytest.mark.parametrize(
    ("options", "fires"),
    [
        ({"account_id": "whatsapp"}, True),
        ({"account_id": "telegram"}, False),
        ({"chat_id": KIM}, True),
        ({"chat_id": FAMILY}, False),
        ({"chat_type": "single"}, True),
        ({"chat_type": "group"}, False),
        ({"sender": "15550101002"}, True),
        ({"sender": 15550101002}, True),
        ({"sender": "@whatsapp_15550101002:beeper.com"}, True),
        ({"sender": "@whatsapp_15550101002:evil.example"}, False),
        ({"sender": "+15550101002"}, True),
        ({"sender": ["+1 (555) 010-1002"]}, True),
        ({"sender": "tel:+1-555-010-1002"}, True),
        ({"sender": "001 555 010 1002"}, True),
        ({"sender": "+15550101003"}, False),
        ({"sender": "kim"}, True),
        ({"sender": " KIM "}, True),
        ({"sender": "Ki"}, False),
        ({"sender": ["Mia", "Kim"]}, True),
        ({"sender": ["Mia", "Lena"]}, False),
        ({"phrase": "night"}, True),
        ({"phrase": "GOOD \n  NIGHT"}, True),
        ({"phrase": ["morning", "good"]}, True),
        ({"phrase": ["morning"]}, False),
        ({"phrase": "good night", "phrase_match": "contains"}, True),
        ({"phrase": "good night", "phrase_match": "whole"}, True),
        ({"phrase": "night", "phrase_match": "whole"}, False),
        ({"phrase": ["night", "Good Night"], "phrase_match": "whole"}, True),
        ({"phrase_match": "whole"}, True),
        ({"include_own": True}, True),
        # All that is named has to fit.
        ({"sender": "Kim", "phrase": "night", "chat_type": "single"}, True),
        ({"sender": "Mia", "phrase": "night", "chat_type": "single"}, False),
        ({"sender": "Kim", "phrase": "day", "chat_type": "single"}, False),
        ({"sender": "Kim", "phrase": "night", "account_id": "telegram"}, False),
        ({"chat_id": KIM, "account_id": "telegram"}, False),
    ],
)
async def test_options(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    options: dict[str, Any],
    fires: bool,
) -> None:
    calls = await automate(hass, **options)

    await publish(hass, message_event(loaded, simulator, text="Good\tNight"))

    assert len(calls) == fires


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("it's open", "It’s\u00a0open"),
        ("it’s open", "it`s open"),
        ("öffne das Tor", unicodedata.normalize("NFD", "Öffne das Tor")),
        ("offne das tor", "ÖFFNE DAS TOR"),
        ("åbn døren", "Abn doren"),
        ("STRASSE", "Straße"),
        ("❤", "❤️"),
        ("wait...", "wait…"),
        ("9-17", "9–17"),
        ('say "hi"', "say „hi“"),
        ("gate", "ga\u200bte"),
        ("a -- b", "a — b"),
    ],
)
@pytest.mark.parametrize("match", ["contains", "whole"])
async def test_a_phrase_in_another_form(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    phrase: str,
    text: str,
    match: str,
) -> None:
    calls = await automate(hass, phrase=phrase, phrase_match=match)

    await publish(hass, message_event(loaded, simulator, text=text))

    assert len(calls) == 1


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Søren Ærø", "soren aero"),
        ("Dorde", "Đorđe"),
        ("O'Brien", "O’Brien"),
        ("Mia–Lou", "mia-lou"),
        ("Kim ❤", "Kim ❤️\u200f"),
        (unicodedata.normalize("NFD", "José"), "JOSÉ"),
    ],
)
async def test_a_sender_in_another_form(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    sender: str,
    name: str,
) -> None:
    calls = await automate(hass, sender=sender)
    event = message_event(loaded, simulator)

    await publish(hass, replace(event, sender=replace(event.sender, full_name=name)))

    assert len(calls) == 1


@pytest.mark.parametrize(
    ("sender", "fires"),
    [("alex_r", True), ("@Alex_R", True), ("ALEX  rivera", True), ("alex", False)],
)
async def test_sender_without_a_number(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    sender: str,
    fires: bool,
) -> None:
    calls = await automate(hass, sender=sender)

    await publish(hass, message_event(loaded, simulator, ALEX))

    assert len(calls) == fires


async def test_chat_by_each_of_its_ids(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = int(simulator.world.chats[KIM].local_id)
    calls = await automate(hass, chat_id=number)
    event = message_event(loaded, simulator)

    await publish(hass, event)
    await publish(hass, message_event(loaded, simulator, FAMILY))
    merged = replace(event.chat, local_id=None, merged_into_id=str(number))
    await publish(hass, replace(event, chat=merged))

    assert len(calls) == 2


@pytest.mark.parametrize(
    ("changes", "options", "fires"),
    [
        ({"type": "message_sent", "is_self": True}, {}, False),
        ({"type": "message_sent", "is_self": True}, {"include_own": True}, True),
        ({"type": "message_edited"}, {"include_own": True}, False),
        ({"type": "message_deleted", "text": None}, {"include_own": True}, False),
        (
            {
                "type": "reaction_added",
                "text": None,
                "reaction": Reaction(key="👍", participant_id="15550101002"),
            },
            {"include_own": True},
            False,
        ),
        ({"text": None}, {}, True),
        ({"text": None}, {"phrase": "hi"}, False),
        ({"text": None}, {"phrase": "hi", "phrase_match": "whole"}, False),
    ],
)
async def test_trigger_by_event_type(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    changes: dict[str, Any],
    options: dict[str, Any],
    fires: bool,
) -> None:
    calls = await automate(hass, **options)

    await publish(hass, message_event(loaded, simulator, **changes))

    assert len(calls) == fires


@pytest.mark.parametrize("chat_type", ["single", "group"])
async def test_chat_without_a_type(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, chat_type: str
) -> None:
    calls = await automate(hass, chat_type=chat_type)
    event = message_event(loaded, simulator)

    await publish(hass, replace(event, chat=replace(event.chat, type=None)))

    assert calls == []


@pytest.mark.parametrize(
    ("names", "fires"),
    [
        (["server"], [KIM, FAMILY, ALEX]),
        (["whatsapp"], [KIM, FAMILY]),
        (["telegram"], [ALEX]),
        ([FAMILY], [FAMILY]),
        ([FAMILY, "telegram"], [FAMILY, ALEX]),
        ([KIM, "server"], [KIM, FAMILY, ALEX]),
    ],
)
async def test_devices(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    names: list[str],
    fires: list[str],
) -> None:
    device_ids = [await device_of(hass, loaded, name) for name in names]
    calls = await automate(hass, device_id=device_ids)

    for chat_id in (KIM, FAMILY, ALEX):
        await publish(hass, message_event(loaded, simulator, chat_id))

    assert [call.data["trigger"]["chat_id"] for call in calls] == fires


async def test_device_scope_excludes_other_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    telegram = await device_of(hass, loaded, "telegram")
    calls = await automate(hass, device_id=telegram, account_id="whatsapp")

    for chat_id in (KIM, ALEX):
        await publish(hass, message_event(loaded, simulator, chat_id))

    assert calls == []


@pytest.mark.parametrize("key", ALL)
async def test_removed_device_matches_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, key: str
) -> None:
    """Not everything: it may have been the only chat that was to open the door."""
    device_id = await device_of(hass, loaded, FAMILY)
    calls = await automate(hass, key, device_id=device_id)
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()

    await publish(hass, message_event(loaded, simulator, FAMILY))
    await publish(hass, failed(loaded, simulator, FAMILY))
    await publish(hass, disconnected(loaded, "whatsapp"))

    assert calls == []


async def test_targets(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """An entity, device, area, floor or label; what they contain can change."""
    family = await device_of(hass, loaded, FAMILY)
    telegram = await device_of(hass, loaded, "telegram")
    kim = await add_chat(hass, loaded, KIM, "Kim")
    entity_registry.async_update_entity(kim, labels={"entity"})
    device_registry.async_update_device(family, labels={"device"})
    fr.async_get(hass).async_create("Ground")
    ar.async_get(hass).async_create("Hall", floor_id="ground")
    device_registry.async_update_child_device(telegram, area_id="hall")
    targets: dict[str, tuple[dict[str, Any], list[str]]] = {
        "chat": ({"entity_id": kim}, [KIM]),
        "account": ({"entity_id": ["event.beeper_telegram_message"]}, [ALEX]),
        "server": ({"entity_id": "binary_sensor.beeper_connected"}, ANY),
        "several": (
            {"entity_id": [kim, "sensor.beeper_telegram_status"]},
            [KIM, ALEX],
        ),
        "device": ({"device_id": family}, [FAMILY]),
        "either": ({"device_id": [family], "entity_id": [kim]}, [KIM, FAMILY]),
        "area": ({"area_id": "hall"}, [ALEX]),
        "floor": ({"floor_id": ["ground"]}, [ALEX]),
        "entity_label": ({"label_id": "entity"}, [KIM]),
        "device_label": ({"label_id": ["device"]}, [FAMILY]),
        "no_label": ({"label_id": "gone"}, []),
    }
    calls: list[ServiceCall] = async_mock_service(hass, "test", "run")
    config = [
        {
            "alias": name,
            "triggers": {"trigger": "beeper.message_received", "target": target},
            "actions": {
                "action": "test.run",
                "data": {"name": name, "chat_id": "{{ trigger.chat_id }}"},
            },
            "mode": "parallel",
        }
        for name, (target, _) in targets.items()
    ]
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()

    async def reached() -> dict[str, list[str]]:
        calls.clear()
        for chat_id in ANY:
            await publish(hass, message_event(loaded, simulator, chat_id))
        return {
            name: [call.data["chat_id"] for call in calls if call.data["name"] == name]
            for name in targets
        }

    assert await reached() == {name: chats for name, (_, chats) in targets.items()}

    device_registry.async_update_child_device(telegram, area_id=None, labels={"device"})
    entity_registry.async_update_entity(kim, new_entity_id="notify.kimberly")
    now = await reached()
    assert (now["area"], now["device_label"]) == ([], [FAMILY, ALEX])
    assert now["entity_label"] == [KIM]


ANY = [KIM, FAMILY, ALEX]


@cells
@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        # It would be passed over, and the automation would run for everything.
        ({}, "target is blank"),
        ({"entity_id": []}, "target is blank"),
        (
            {"entity_id": "notify.kim"},
            "This entity does not exist (target.entity_id #1)",
        ),
        ({"device_id": ["gone"]}, "This device does not exist (target.device_id #1)"),
        ({"entity_id": "sun.sun"}, "This entity does not exist (target.entity_id #1)"),
    ],
)
async def test_targets_that_never_match_are_refused(
    hass: HomeAssistant, key: str, target: Any, reason: str
) -> None:
    config = {"platform": f"beeper.{key}", "target": target}
    with pytest.raises(vol.Invalid) as refused:
        await async_validate_trigger_config(hass, [config])

    assert refused.value.msg.startswith(reason)


# Names that can never match


async def refusal(hass: HomeAssistant, key: str, **options: Any) -> str:
    """Return why a trigger is refused when it is loaded."""
    config = {"platform": f"beeper.{key}", "options": options}
    with pytest.raises(vol.Invalid) as refused:
        await async_validate_trigger_config(hass, [config])
    return refused.value.msg


@cells
@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("of", ["other", "gone", "shortcut"])
async def test_device_that_never_matches_is_refused(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    key: str,
    of: str,
) -> None:
    if of == "shortcut":
        data = {"action": "send_message", "chat_id": KIM, "message": "hi"}
        shortcut = await add_shortcut(hass, loaded, data)
        found = device_registry.async_get_device_by_identifier(
            (DOMAIN, shortcut), loaded.entry_id
        )
        assert found
        device_id, reason = found.id, "The device of a shortcut receives no messages"
    else:
        other = MockConfigEntry(domain="other")
        other.add_to_hass(hass)
        device_id = device_registry.async_get_or_create(
            config_entry_id=other.entry_id, identifiers={("other", loaded.entry_id)}
        ).id
        if of == "gone":
            device_registry.async_remove_device(device_id)
        reason = "This device does not exist"

    refused = await refusal(hass, key, device_id=device_id)

    assert refused.startswith(f"{reason} (device_id #1)")
    assert "server, account or chat" in refused


@pytest.mark.parametrize(
    "name", ["Telegram", "telegram", " TELEGRAM ", "Tele\u00adgram"]
)
async def test_account_by_the_name_of_its_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, name: str
) -> None:
    calls = await automate(hass, account_id=name)

    await publish(hass, message_event(loaded, simulator))
    await publish(hass, message_event(loaded, simulator, ALEX))

    assert len(calls) == 1


@pytest.mark.parametrize("key", ALL)
async def test_unknown_account_is_refused_with_the_choices(
    hass: HomeAssistant, loaded: MockConfigEntry, key: str
) -> None:
    assert await refusal(hass, key, account_id="Whatsup") == (
        "account_id is not one of your accounts. Your accounts are: Beeper, Instagram,"
        " Signal, Slack, Telegram, WhatsApp"
    )


async def test_account_name_of_two_accounts_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    event = message_event(loaded, simulator, ALEX)
    telegram = simulator.world.accounts["telegram"]
    second = replace(telegram, id="telegram_2")
    simulator.world.accounts["telegram_2"] = second
    simulator.world.accounts["tg"] = replace(telegram, id="tg")
    del simulator.world.accounts["telegram"]
    await poll(hass, loaded)

    refused = await refusal(hass, "message_received", account_id="Telegram")

    assert refused.startswith("account_id matches several of your accounts")
    assert "Your accounts are: " in refused
    calls = await automate(hass, account_id="tg")
    await publish(hass, replace(event, account_id="telegram_2"))
    assert not calls
    await publish(hass, replace(event, account_id="tg"))
    assert len(calls) == 1


async def test_account_that_works_without_being_listed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls = await automate(hass, account_id="imessage")

    event = message_event(loaded, simulator)
    await publish(hass, replace(event, account_id="imessage"))

    assert len(calls) == 1


@pytest.mark.parametrize("is_added", [True, False])
@pytest.mark.parametrize("title", ["Family", " fámily\u200b", "FAMILY 🏡"])
async def test_chat_by_its_title(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    title: str,
    is_added: bool,
) -> None:
    if is_added:
        await add_chat(hass, loaded, FAMILY, "Family 🏡")
    calls = await automate(hass, chat_id=title)
    # The ID was resolved: who names another group like that starts nothing.
    event = message_event(loaded, simulator)
    await publish(hass, replace(event, chat=replace(event.chat, title="Family")))
    assert not calls

    await publish(hass, message_event(loaded, simulator, FAMILY))

    assert len(calls) == 1


@cells
@pytest.mark.parametrize("key", ["message_received", "send_failed"])
@pytest.mark.parametrize("chat_id", ["Famly", "🏡", "!nowhere:beeper.com", "99999"])
async def test_unknown_chat_is_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, key: str, chat_id: str
) -> None:
    assert await refusal(hass, key, chat_id=chat_id) == (
        "chat_id is neither the ID nor the whole title of a chat. Add the chat and"
        " choose its device, or use the chat ID that beeper.find returns"
    )


async def test_title_of_several_chats_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[FAMILY].title = "Team"
    another = next(
        chat
        for chat in simulator.world.chats.values()
        if chat.type == "group" and chat.id != FAMILY
    )
    another.title = "team"

    refused = await refusal(hass, "message_received", chat_id="Team")

    assert refused.startswith("chat_id matches several chats")


async def test_nothing_is_refused_while_the_server_is_away(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Automations load before servers; titles and networks match by then."""
    assert await hass.config_entries.async_unload(loaded.entry_id)
    calls = await automate(hass, account_id="WhatsApp", chat_id="Family")
    await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()

    await publish(hass, message_event(loaded, simulator))
    await publish(hass, message_event(loaded, simulator, FAMILY))

    assert len(calls) == 1


@pytest.mark.parametrize("status", [404, 503])
async def test_names_that_cannot_be_checked(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, status: int
) -> None:
    """A server that fails proves nothing; one that knows no such account does."""
    for path in "/v1/chats", "/v1/chats/*":
        simulator.faults.add("status_before", path=path, status=status, times=None)

    if status == 404:
        refused = await refusal(hass, "message_received", account_id="Whatsup")
        assert refused.startswith("account_id is not one of your accounts")
    else:
        await automate(hass, account_id="Whatsup", chat_id="Famly")
    simulator.faults.clear()
    assert await hass.config_entries.async_unload(loaded.entry_id)
    await automate(hass, account_id="Whatsup", chat_id="Famly")


async def test_a_title_in_the_form_of_an_id_is_not_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(loaded.entry_id)
    calls = await automate(hass, chat_id="!other:beeper.com")
    await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()
    event = message_event(loaded, simulator)

    chat = replace(event.chat, title="!other:beeper.com")
    await publish(hass, replace(event, chat=chat))

    assert not calls


# Servers that come, go and are several


async def test_triggers_are_separate_per_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        await hass.async_block_till_done()
        device_id = await device_of(hass, second, "whatsapp")
        calls = await automate(hass, device_id=device_id)

        await publish(hass, message_event(loaded, simulator))
        await publish(hass, message_event(second, other))

        (call,) = calls
        assert call.data["trigger"]["config_entry_id"] == second.entry_id
        await hass.config_entries.async_unload(second.entry_id)


@pytest.mark.parametrize("key", ALL)
async def test_automation_outlives_its_server(
    hass: HomeAssistant, simulator: Simulator, key: str
) -> None:
    calls = await automate(hass, key)
    entry = add_entry(hass, simulator.url)

    async def happen() -> None:
        calls.clear()
        await publish(hass, message_event(entry, simulator))
        await publish(hass, failed(entry, simulator, KIM))
        await publish(hass, disconnected(entry, "whatsapp"))
        assert [call.data["trigger"]["platform"] for call in calls] == [f"beeper.{key}"]

    await happen()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await happen()
    assert await hass.config_entries.async_reload(entry.entry_id)
    await happen()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await happen()


async def test_disabled_automation_does_not_run(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls = await automate(hass)
    for action in ("turn_off", "turn_on", "turn_off"):
        await hass.services.async_call(
            "automation", action, {"entity_id": "automation.test"}, blocking=True
        )

    await publish(hass, message_event(loaded, simulator))

    assert calls == []


async def test_a_script_can_wait_for_an_answer(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    calls: list[ServiceCall] = async_mock_service(hass, "test", "run")
    wait = {"trigger": "beeper.message_received", "options": {"phrase": ["yes"]}}
    sequence = [
        {"wait_for_trigger": wait},
        {"action": "test.run", "data": {"text": "{{ wait.trigger.text }}"}},
    ]
    config = {"script": {"ask": {"sequence": sequence}}}
    assert await async_setup_component(hass, "script", config)
    # Blocking till done would wait for the script.
    await hass.services.async_call("script", "turn_on", {"entity_id": "script.ask"})
    for text in ("no", "Yes!"):
        event = message_event(loaded, simulator, text=text)
        await asyncio.sleep(0.01)
        async_dispatcher_send(hass, SIGNAL_MESSAGE, event)
    await hass.async_block_till_done()

    assert [call.data["text"] for call in calls] == ["Yes!"]


# Accounts that are lost, and messages that could not be delivered


@pytest.mark.parametrize(
    ("names", "options", "fires"),
    [
        ([], {}, ["whatsapp", "telegram"]),
        ([], {"account_id": "telegram"}, ["telegram"]),
        (["server"], {}, ["whatsapp", "telegram"]),
        (["whatsapp"], {}, ["whatsapp"]),
        (["whatsapp"], {"account_id": "telegram"}, []),
        ([KIM], {}, ["whatsapp"]),
    ],
)
async def test_account_disconnected(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    names: list[str],
    options: dict[str, Any],
    fires: list[str],
) -> None:
    device_ids = [await device_of(hass, loaded, name) for name in names]
    calls = await automate(
        hass, "account_disconnected", device_id=device_ids, **options
    )

    for account_id in ("whatsapp", "telegram"):
        await publish(hass, disconnected(loaded, account_id))

    variables = [call.data["trigger"] for call in calls]
    assert [event["account_id"] for event in variables] == fires
    for event in variables:
        assert event["description"] == f"{event['network']} disconnected"
        assert event["status"] == "disconnected"
        assert event["previous_status"] == "connected"
        assert event["config_entry_id"] == loaded.entry_id


@pytest.mark.parametrize(
    ("names", "options", "fires"),
    [
        ([], {}, [KIM, ALEX]),
        ([], {"account_id": "telegram"}, [ALEX]),
        ([], {"chat_id": KIM}, [KIM]),
        ([], {"chat_id": "5601"}, [KIM]),
        (["server"], {}, [KIM, ALEX]),
        (["whatsapp"], {}, [KIM]),
        ([KIM], {}, [KIM]),
        ([KIM], {"account_id": "telegram"}, []),
    ],
)
async def test_sending_failed(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    names: list[str],
    options: dict[str, Any],
    fires: list[str],
) -> None:
    device_ids = [await device_of(hass, loaded, name) for name in names]
    calls = await automate(hass, "send_failed", device_id=device_ids, **options)

    await publish(hass, failed(loaded, simulator, KIM))
    await publish(hass, failed(loaded, simulator, ALEX))

    variables = [call.data["trigger"] for call in calls]
    assert [event["chat_id"] for event in variables] == fires
    for event in variables:
        assert event["description"] == f"sending failed on {event['network']}"
        assert event["message_id"] == "12345"
        assert event["reason"] == "bridge_unavailable"
        assert event["retriable"] is True
        assert event["config_entry_id"] == loaded.entry_id


# Wrong options


@cells
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nonsense": 1}, "There is no field nonsense. The fields are: account_id,"),
        ({"+1 555": 1}, "There is no field …"),
        ({"account_id": ["a"]}, "account_id takes one value, not a list"),
        ({"account_id": " "}, "account_id is blank"),
        ({"chat_id": {"a": 1}}, "chat_id must be text"),
        ({"chat_id": True}, "chat_id must be text"),
        ({"device_id": [["a"]]}, "device_id #1 takes one value, not a list"),
        ({"sender": 1.5}, "sender #1 must be text"),
        ({"sender": ["Kim", ""]}, "sender #2 is blank"),
        ({"sender": {"name": "Kim"}}, "sender #1 must be text"),
        # As if it were left out, everybody would be meant.
        ({"sender": None}, "sender is blank"),
        ({"sender": []}, "sender is blank"),
        ({"phrase": ""}, "phrase is blank"),
        ({"device_id": []}, "device_id is blank"),
        ({"chat_id": None}, "chat_id is blank"),
        ({"sender": "555 010 1002"}, "sender #1 has no country code"),
        ({"sender": ["Kim", "0155 50101002"]}, "sender #2 has no country code"),
        ({"phrase": True}, "phrase #1 must be text"),
        ({"phrase": [" "]}, "phrase #1 is blank"),
        # Compared without its marks, it would be part of every message.
        ({"phrase": ["Kim", "\u00ad"]}, "phrase #2 is blank"),
        ({"phrase": "\ufe0f"}, "phrase #1 is blank"),
        ({"phrase": "\u3164\u2800"}, "phrase #1 is blank"),
        ({"phrase": "\u0301"}, "phrase #1 is blank"),
        ({"phrase": "\u0640"}, "phrase #1 is blank"),
        ({"sender": "\u3164"}, "sender #1 is blank"),
        ({"phrase_match": "exact"}, "phrase_match must be one of: contains, whole"),
        ({"chat_type": "channel"}, "chat_type must be one of: single, group"),
        ({"include_own": "perhaps"}, "include_own must be true or false"),
        ([{"sender": "Kim"}], "The options must be fields with values"),
    ],
)
async def test_invalid_options_are_refused_with_a_reason(
    hass: HomeAssistant, options: Any, message: str
) -> None:
    config = {"platform": "beeper.message_received", "options": options}

    with pytest.raises(vol.Invalid) as refused:
        await async_validate_trigger_config(hass, [config])

    assert refused.value.msg.startswith(message)


@pytest.mark.parametrize(
    ("language", "reason"), [("de", "chat_id ist leer"), ("ja", "chat_id is blank")]
)
async def test_reasons_are_translated(
    hass: HomeAssistant, language: str, reason: str
) -> None:
    hass.config.language = language
    config = {"platform": "beeper.message_received", "options": {"chat_id": " "}}

    with pytest.raises(vol.Invalid, match=reason):
        await async_validate_trigger_config(hass, [config])


@pytest.mark.parametrize("key", ["account_disconnected", "send_failed"])
async def test_message_options_are_rejected_elsewhere(
    hass: HomeAssistant, key: str
) -> None:
    config = {"platform": f"beeper.{key}", "options": {"sender": "Kim"}}

    with pytest.raises(vol.Invalid, match="There is no field sender"):
        await async_validate_trigger_config(hass, [config])


async def test_automation_with_invalid_options_logs_only_the_reason(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"sender": "+1 555 010 1002", "chat_type": "channel"}
    config = {
        "alias": "Test",
        "triggers": {"trigger": "beeper.message_received", "options": options},
        "actions": [],
    }

    assert await async_setup_component(hass, "automation", {"automation": config})

    state = hass.states.get("automation.test")
    assert state
    assert state.state == STATE_UNAVAILABLE
    assert "chat_type must be one of: single, group" in caplog.text
    assert "555 010" not in caplog.text


@pytest.mark.parametrize(
    "wanted", ["+1 555 010 1002", "@kim:beeper.com", "kim@example.com"]
)
async def test_names_cannot_impersonate_identifiers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, wanted: str
) -> None:
    calls = await automate(hass, sender=wanted)
    for name in (wanted, "+15550101002"):
        sender = User(id="@evil:evil.example", full_name=name, username=name)
        await publish(hass, message_event(loaded, simulator, sender=sender))
    assert calls == []


async def test_a_message_is_normalised_once_for_all_phrases(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    """A hundred automations with phrases do not normalise 64 kB a hundred times."""
    calls = async_mock_service(hass, "test", "run")
    automations = [
        {
            "alias": f"Gate {number}",
            "triggers": {
                "trigger": f"{DOMAIN}.message_received",
                "options": {"phrase": ["open the GATE", f"word {number}"]},
            },
            "actions": {"action": "test.run"},
        }
        for number in range(100)
    ]
    assert await async_setup_component(hass, "automation", {"automation": automations})
    await hass.async_block_till_done()
    text = "Wörter  und mehr\n" * 3700 + "Open the  gate"
    before = trigger._fold_message.cache_info()

    await publish(hass, message_event(loaded, simulator, text=text))
    await hass.async_block_till_done()

    after = trigger._fold_message.cache_info()
    assert len(calls) == 100
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 99)
