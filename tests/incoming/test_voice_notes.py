"""What is said in voice notes: the transcript, its limits, and what cannot be heard."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
import tempfile
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.beeper.incoming import voice_notes
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Message
from tests.helpers.actions import call_action, sent
from tests.helpers.assist import (
    SAMPLES_A_SECOND,
    Ear,
    add_pipeline,
    let_talk,
    set_up_assist,
)
from tests.helpers.media import attach
from tests.helpers.waiting import PATIENCE, quiet, until
from tests.helpers.world import FAMILY, KIM, PROFILES, write

pytestmark = pytest.mark.usefixtures("no_complaints")

SOUND = b"\1\2" * 8000


@pytest.fixture
async def ear(hass: HomeAssistant, listening: MockConfigEntry, tmp_path: Path) -> Ear:
    _, ear = await set_up_assist(hass, tmp_path)
    await let_talk(
        hass, listening, await add_pipeline(hass), None, people=[], voice_notes=True
    )
    return ear


def say(simulator: Simulator, sound: bytes = SOUND, **fields: Any) -> Message:
    """Let Kim send a voice note."""
    kind = {"type": "audio", "isVoiceNote": True, "mimeType": "audio/ogg"}
    attached: dict[str, Any] = kind | fields
    return attach(simulator, sound, **attached)


def left_files(folder: Path) -> list[Path]:
    return [*folder.glob("beeper_*")]


def numbers(entry: MockConfigEntry) -> dict[str, int]:
    found: dict[str, int] = entry.runtime_data.inbox.statistics["voice_notes"]
    return found


@pytest.mark.parametrize("profile", PROFILES[1:])
async def test_automations_get_the_transcript(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    profile: str,
) -> None:
    """Also where Assist answers nobody; and texts have none."""
    heard = async_capture_events(hass, "heard")
    trigger = {"trigger": "beeper.message_received"}
    action = {"event": "heard", "event_data": {"text": "{{ trigger.transcript }}"}}
    config = {"automation": {"triggers": trigger, "actions": action, "mode": "queued"}}
    assert await async_setup_component(hass, "automation", config)
    say(simulator)
    write(simulator, "Did you hear me?")
    await until(lambda: len(heard) == 2)

    assert [event.data["text"] for event in heard] == ["turn on the light", None]
    state = hass.states.get("event.chat_message")
    assert state
    assert state.attributes["transcript"] is None
    assert ear.heard == [SOUND]
    assert numbers(listening) == {"transcribed": 1}


async def test_only_chats_that_ask_for_it(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    tmp_path: Path,
) -> None:
    _, ear = await set_up_assist(hass, tmp_path)
    pipeline = await add_pipeline(hass)
    await let_talk(hass, listening, pipeline, None, people=[], voice_notes=False)
    await let_talk(
        hass, listening, pipeline, None, people=[], voice_notes=True, chat_id=FAMILY
    )
    say(simulator)
    await until(lambda: events)
    assert events[0].transcript is None
    assert not ear.heard


async def test_people_who_are_not_allowed_cost_nothing(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry, ear: Ear
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": ["@somebody:else"]}
    )
    await hass.async_block_till_done()
    await quiet(simulator)
    say(simulator)
    await quiet(simulator)
    assert not ear.heard
    assert numbers(listening) == {}


async def test_other_sounds_are_not_transcribed(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
) -> None:
    say(simulator, isVoiceNote=False)
    say(simulator, type="video", isVoiceNote=False)
    await until(lambda: len(events) == 2)
    assert not ear.heard


@pytest.mark.parametrize(
    ("sound", "fields"),
    [
        (b"broken", {}),
        (b"", {}),
        # 122 seconds.
        (b"long" * (122 * SAMPLES_A_SECOND * 2 // 4 // 100_000 + 1), {}),
        (b"x" * (voice_notes.MAX_VOICE_NOTE_BYTES + 1), {}),
        (b"gone", {"id": "mxc://b/gone"}),
        (b"elsewhere", {"id": "file:///etc/passwd", "srcURL": "file:///etc/passwd"}),
    ],
    ids=["broken", "empty", "long", "large", "gone", "local"],
)
async def test_unrecognized_voice_notes(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sound: bytes,
    fields: dict[str, Any],
) -> None:
    """The message is published all the same, and no file is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    say(simulator, sound, **fields)
    await until(lambda: events)
    assert events[0].transcript is None
    assert events[0].message.kind == "voice_note"
    assert numbers(listening) == {"failed": 1}
    assert not left_files(tmp_path)


async def test_speech_to_text_fails(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
) -> None:
    ear.text = None
    say(simulator)
    await until(lambda: events)
    assert events[0].transcript is None
    assert numbers(listening) == {"failed": 1}


async def test_decoding_times_out(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program is stopped, and what follows is published."""
    assert voice_notes._TIMEOUT == 30
    monkeypatch.setattr(voice_notes, "_TIMEOUT", 0.5)
    say(simulator, b"slow")
    write(simulator, "Next")
    await until(lambda: len(events) == 2)
    assert [event.text for event in events] == [None, "Next"]
    assert numbers(listening) == {"failed": 1}


async def test_a_reload_loses_no_voice_note(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
) -> None:
    say(simulator, b"slow")
    await until(lambda: any("/serve" in request.path for request in simulator.requests))
    assert await hass.config_entries.async_reload(listening.entry_id)
    await until(lambda: events)
    await quiet(simulator)
    assert [(event.message.kind, event.transcript) for event in events] == [
        ("voice_note", None)
    ]


async def test_ten_a_minute(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    for _ in range(12):
        say(simulator)
    await until(lambda: len(events) == 12)
    assert numbers(listening) == {"transcribed": 10, "refused": 2}
    skip_time(61)
    say(simulator)
    await until(lambda: len(events) == 13)
    assert events[-1].transcript


async def test_old_ones_do_not_hold_up_others(
    simulator: Simulator,
    listening: MockConfigEntry,
    ear: Ear,
    events: list[MessageEvent],
) -> None:
    note = say(simulator)
    note.timestamp -= timedelta(minutes=3)
    await until(lambda: events)
    assert numbers(listening) == {"refused": 1}


async def test_without_assist_there_is_no_transcript(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    events: list[MessageEvent],
) -> None:
    await let_talk(hass, listening, None, None, people=[], voice_notes=True)
    say(simulator)
    await until(lambda: events)
    assert events[0].transcript is None


@pytest.mark.usefixtures("ear")
async def test_a_question_is_answered_by_voice(
    hass: HomeAssistant, simulator: Simulator, events: list[MessageEvent]
) -> None:
    question = hass.async_create_task(
        call_action(
            hass,
            "ask_question",
            chat_id=KIM,
            message="What next?",
            answers=[{"id": "light", "sentences": "turn on the {what}"}],
        )
    )
    await until(lambda: sent(simulator))
    await asyncio.sleep(simulator.confirm_after * 2)
    say(simulator)

    response = await asyncio.wait_for(question, PATIENCE)
    assert (response["id"], response["text"]) == ("light", "turn on the light")
    assert response["slots"] == {"what": "light"}
    assert events[-1].answers_question
