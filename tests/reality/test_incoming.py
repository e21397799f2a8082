"""Rows of real servers: what counts as a message, and what as its text."""

from functools import partial
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.profiles import SEEN_TRAITS
from simulator.scenes import KIM_LOCAL, MERGED
from tests.helpers.entities import add_chat
from tests.helpers.listening import texts
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, write

pytestmark = pytest.mark.usefixtures("impatient")


async def list_texts(hass: HomeAssistant, chat_id: str) -> list[str | None]:
    response = await hass.services.async_call(
        DOMAIN,
        "list_messages",
        {"chat_id": chat_id},
        blocking=True,
        return_response=True,
    )
    assert response
    messages: Any = response["messages"]
    return [message["text"] for message in messages]


def write_file(
    simulator: Simulator, text: str = "", file_name: str = "voice.ogg", **flags: bool
) -> None:
    """Let the first participant of Kim's chat send a file."""
    world = simulator.world
    chat = world.chat(KIM)
    message = world.new_message(chat, chat.participants[0], None)
    message.text = message.html = text
    message.type = "FILE"
    message.attachments = [
        {"type": "unknown", "id": "mxc://x/1", "fileName": file_name, **flags}
    ]
    world.add_message(chat, message)


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest"])
@pytest.mark.parametrize("is_own", [False, True])
async def test_r2_membership_rows_without_type_are_not_messages(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    is_own: bool,
) -> None:
    simulator.traits.add("membership_without_type", "preview_without_type")
    chat = simulator.world.chat(FAMILY)
    person = chat.participants[-1 if is_own else 0]
    simulator.world.membership(chat, person, "Kim joined the chat")
    write(simulator, "real", chat_id=FAMILY)
    await poll(hass, listening)
    await until(lambda: events)
    await quiet(simulator)
    assert texts(events) == ["real"]
    listed = await list_texts(hass, FAMILY)
    assert "real" in listed
    assert not [text for text in listed if text and "joined" in text]


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_r2_messages_of_the_first_servers_have_no_type(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    write(simulator, "real")
    await poll(hass, loaded)
    await until(lambda: events)
    assert texts(events) == ["real"]
    assert "real" in await list_texts(hass, KIM)


async def test_r2_file_without_type_is_a_message(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    world = simulator.world
    chat = world.chat(KIM)
    message = world.new_message(chat, chat.participants[0], None)
    message.text, message.type = "", ""
    message.attachments = [{"type": "img", "id": "mxc://x/1", "fileName": "a.png"}]
    world.add_message(chat, message)
    await until(lambda: events)
    assert events[0].as_dict()["attachments"] == ["image"]


@pytest.mark.parametrize("profile", ["latest", "easymatrix"])
async def test_r26_other_text_is_an_edit(
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    hass_storage: dict[str, Any],
) -> None:
    simulator.traits.add("edits_without_time")
    message = write(simulator, "the first words")
    await until(lambda: events)
    simulator.edit(KIM, message.id, "the second words")
    await until(lambda: len(events) > 1)
    simulator.react(KIM, message.id, None, "👍")
    await until(lambda: len(events) > 2)
    simulator.faults.add("ws_flood", count=5)
    await quiet(simulator)
    assert [(event.type, event.text) for event in events] == [
        ("message_received", "the first words"),
        ("message_edited", "the second words"),
        ("reaction_added", None),
    ]
    await listening.runtime_data.inbox.async_stop()
    assert "words" not in repr(hass_storage)


@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix"])
async def test_r31_file_name_is_not_text(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.traits.add("file_name_as_text")
    write_file(simulator)
    write_file(simulator, "listen to voice.ogg")
    await until(lambda: len(events) > 1)
    assert texts(events) == [None, "listen to voice.ogg"]
    assert (await list_texts(hass, KIM))[:2] == ["listen to voice.ogg", None]


async def test_r31_file_name_in_another_form_is_not_text(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    files = [
        ("salt &amp; pepper.ogg", "salt & pepper.ogg"),
        ("Gr\u00fc\u00dfe.ogg", "Gru\u0308\u00dfe.ogg"),
        ("<p>voice.ogg</p>", "voice.ogg"),
        ("\u200fצליל.ogg\u200f", "צליל.ogg"),
        ("a\u202fb\u00a0c.ogg", "a b c.ogg"),
    ]
    for text, name in files:
        write_file(simulator, text, name)
    write_file(simulator, "voice", "voice.ogg")
    await until(lambda: len(events) > len(files))
    assert texts(events) == [*[None] * len(files), "voice"]
    assert events[0].rich_text is None


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
async def test_r25_r28_missing_sort_keys_and_empty_values(
    listening: MockConfigEntry, simulator: Simulator, events: list[MessageEvent]
) -> None:
    assert {"event_sort_keys_missing", "empty_values"} <= SEEN_TRAITS["easymatrix"]
    for number in range(30):
        write(simulator, str(number))
    await until(lambda: len(events) >= 30)
    assert texts(events) == [*map(str, range(30))]
    assert events[0].as_dict()["reply_to"] is None
    assert events[0].as_dict()["attachments"] == []


def _has(events: list[MessageEvent], count: int) -> bool:
    return len(events) >= count


@pytest.mark.parametrize("emits_events", [True, False])
async def test_r4_members_of_a_merged_chat(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    emits_events: bool,
) -> None:
    """The merged chat lists no messages, and the list of chats hides its members."""
    simulator.traits.add("merged_chat", "merged_members_hidden")
    await add_chat(hass, listening, MERGED, "Kim")
    await until(
        lambda: any(connection.is_followed for connection in simulator.hub.connections)
    )
    await quiet(simulator)
    simulator.world.accounts["whatsapp"].emits_events = emits_events
    for number in range(2):
        for chat_id in (KIM, KIM_LOCAL):
            write(simulator, f"{number} to {chat_id}", chat_id=chat_id)
            # The merged chat is as active as its members.
            merged = simulator.world.chat(MERGED)
            merged.last_activity = simulator.world.now()
            simulator.world.changed(merged)
        await poll(hass, listening)
        await until(partial(_has, events, 2 * number + 2))
        await quiet(simulator)
    assert sorted(text or "" for text in texts(events)) == sorted(
        f"{number} to {chat_id}" for number in range(2) for chat_id in (KIM, KIM_LOCAL)
    )
    assert all(MERGED in event.chat.ids for event in events)
    states = [
        state
        for state in hass.states.async_all("event")
        if state.attributes.get("text") == events[-1].text
    ]
    assert len(states) == 2  # Of the account, and of the added chat.
