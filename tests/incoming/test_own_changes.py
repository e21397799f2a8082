"""Reactions, edits and deletions: those of Home Assistant are not published."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import send
from tests.helpers.waiting import quiet, settled, until
from tests.helpers.world import KIM, write

pytestmark = pytest.mark.usefixtures("impatient")


async def act(hass: HomeAssistant, action: str, **data: Any) -> None:
    await hass.services.async_call(
        DOMAIN, action, {"chat_id": KIM} | data, blocking=True, return_response=True
    )


@pytest.fixture
async def runs(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return the data of each call of `test.run`."""
    found: list[dict[str, Any]] = []

    def run(call: ServiceCall) -> None:
        found.append(dict(call.data))

    hass.services.async_register("test", "run", run)
    return found


async def automate(
    hass: HomeAssistant, trigger: str, *actions: dict[str, Any], **options: Any
) -> None:
    """Set up an automation with one trigger; by default it calls `test.run`."""
    run = {
        "action": "test.run",
        "data": {
            "message_id": "{{ trigger.message_id }}",
            "reaction": "{{ trigger.reaction }}",
            "is_self": "{{ trigger.is_self }}",
            "type": "{{ trigger.message_type }}",
        },
    }
    automation = {
        "alias": "test",
        "mode": "parallel",
        "max": 100,
        "triggers": [{"trigger": f"beeper.{trigger}", "options": options}],
        "actions": [*actions] or [run],
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()


@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix"])
async def test_own_changes_are_not_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    message = write(simulator, "hello")
    await until(lambda: events)
    await quiet(simulator)
    await act(hass, "add_reaction", message_id=message.id, reaction="👍🏽")
    await quiet(simulator)
    await act(hass, "add_reaction", message_id=message.id, reaction="❤️")
    await quiet(simulator)
    await act(hass, "remove_reaction", message_id=message.id, reaction="❤️")
    await quiet(simulator)
    own = write(simulator, "my own", sender=simulator.world.accounts["whatsapp"].user)
    await until(lambda: len(events) == 2)
    await act(hass, "edit_message", message_id=own.id, message="better")
    await quiet(simulator)
    assert [event.type for event in events] == ["message_received", "message_sent"]

    # What the user does elsewhere still is.
    me = simulator.world.accounts["whatsapp"].user
    simulator.world.react(simulator.world.chat(KIM), message, me, "👍")
    await until(lambda: len(events) == 3)
    assert (events[2].type, events[2].is_self) == ("reaction_added", True)


async def test_own_deletion_is_not_published(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    own = write(simulator, "oops", sender=simulator.world.accounts["whatsapp"].user)
    await until(lambda: events)
    await quiet(simulator)
    await act(hass, "delete_message", message_id=own.id, for_everyone=True)
    await quiet(simulator)
    assert [event.type for event in events] == ["message_sent"]


@pytest.mark.parametrize(
    ("options", "triggers"),
    [
        ({}, True),
        ({"reaction": "👍"}, True),
        ({"reaction": ["👎", "👍🏿"]}, True),
        ({"reaction": "👍🏽", "match_skin_tone": True}, True),
        ({"reaction": "👍", "match_skin_tone": True}, False),
        ({"reaction": "❤️"}, False),
        ({"sender": "+1 555 010 1002"}, True),
        ({"sender": "Mia"}, False),
        ({"message_id": ["nothing", "{id}"]}, True),
        ({"message_id": "nothing"}, False),
        ({"chat_id": KIM}, True),
        ({"chat_id": "!other:beeper.com"}, False),
    ],
)
async def test_reaction_trigger(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    runs: list[dict[str, Any]],
    options: dict[str, Any],
    triggers: bool,
) -> None:
    message = write(simulator, "hello")
    await until(lambda: events)
    if "message_id" in options:
        wanted = options["message_id"]
        options = {
            "message_id": [text.format(id=message.id) for text in wanted]
            if isinstance(wanted, list)
            else wanted
        }
    await automate(hass, "reaction_added", **options)
    simulator.react(KIM, message.id, None, "👍🏽")
    await until(lambda: len(events) > 1)
    await hass.async_block_till_done()
    assert bool(runs) is triggers


@pytest.mark.parametrize("include_own", [False, True])
async def test_reactions_of_the_user_need_include_own(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    runs: list[dict[str, Any]],
    include_own: bool,
) -> None:
    message = write(simulator, "hello")
    await until(lambda: events)
    await automate(hass, "reaction_added", include_own=include_own)
    me = simulator.world.accounts["whatsapp"].user
    simulator.world.react(simulator.world.chat(KIM), message, me, "👍")
    await until(lambda: len(events) > 1)
    await hass.async_block_till_done()
    assert len(runs) == include_own


async def test_edit_trigger(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    runs: list[dict[str, Any]],
) -> None:
    message = write(simulator, "hello")
    await until(lambda: events)
    await automate(hass, "message_edited", sender="Kim")
    simulator.edit(KIM, message.id, "hello there")
    await until(lambda: len(events) > 1)
    await hass.async_block_till_done()
    assert [run["message_id"] for run in runs] == [int(message.id)]
    assert "hello there" not in repr(runs)


async def test_loop_of_reactions_is_stopped(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Each reaction of the other end is answered by an edit."""
    sent = await send(hass)
    await settled(hass, listening, simulator)
    message = write(simulator, "hello")
    await until(lambda: events)
    await automate(
        hass,
        "reaction_added",
        {
            "action": "beeper.edit_message",
            "data": {
                "chat_id": KIM,
                "message_id": sent["message_id"],
                "message": "{{ now() }}",
            },
        },
    )
    for number in range(12):
        simulator.react(KIM, message.id, None, "👍" if number % 2 else "❤️")
        await quiet(simulator)
    await hass.async_block_till_done()
    edits = [request for request in simulator.requests if request.method == "PUT"]
    assert 0 < len(edits) <= 5
    assert [
        issue.translation_key
        for issue in ir.async_get(hass).issues.values()
        if issue.translation_key == "reply_loop"
    ]


@pytest.mark.parametrize(
    ("kind", "attachments", "expected"),
    [
        ("TEXT", [], "text"),
        ("IMAGE", [{"type": "img"}], "image"),
        ("IMAGE", [{"type": "img", "isGif": True}], "image"),
        ("VIDEO", [{"type": "video"}], "video"),
        ("VOICE", [{"type": "audio", "isVoiceNote": True}], "voice_note"),
        ("AUDIO", [{"type": "audio"}], "file"),
        ("FILE", [{"type": "unknown"}], "file"),
        ("STICKER", [{"type": "img", "isSticker": True}], "sticker"),
        ("LOCATION", [], "location"),
        ("CONTACT", [], "contact"),
        ("POLL", [], "poll"),
        ("CALL", [], "call"),
        ("HOLOGRAM", [], "unknown"),
    ],
)
async def test_message_type(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    runs: list[dict[str, Any]],
    kind: str,
    attachments: list[dict[str, Any]],
    expected: str,
) -> None:
    await automate(hass, "message_received", message_type=[expected])
    world = simulator.world
    chat = world.chat(KIM)
    message = world.new_message(chat, chat.participants[0], None)
    message.type, message.attachments = kind, attachments
    message.text = message.html = "Missed call"
    world.add_message(chat, message)
    write(simulator, "another", chat_id="!fAmiLyGroUp:beeper.com")
    await until(lambda: len(events) > 1)
    await hass.async_block_till_done()
    assert [run["type"] for run in runs] == [expected] * (2 if kind == "TEXT" else 1)
    event = next(event for event in events if event.chat.id == KIM)
    assert event.text == (None if expected == "call" else "Missed call")
    types = {
        state.attributes.get("message_type") for state in hass.states.async_all("event")
    }
    assert types - {None} <= {expected, "text"}
    assert types - {None}
