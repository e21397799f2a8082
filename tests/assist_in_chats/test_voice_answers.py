"""Talking to Assist by voice notes, and its answers by voice."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.auth.models import User
from homeassistant.components.assist_pipeline.pipeline import Pipeline
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Message
from tests.helpers.actions import PATH, sent, tried
from tests.helpers.assist import Agent, Ear, add_pipeline, let_talk
from tests.helpers.media import attach
from tests.helpers.waiting import quiet, until
from tests.helpers.world import KIM, write

pytestmark = pytest.mark.usefixtures("skipped_waits", "no_complaints")


def say(simulator: Simulator) -> Message:
    return attach(
        simulator, b"\1\2" * 8000, type="audio", isVoiceNote=True, mimeType="audio/ogg"
    )


def replies(simulator: Simulator) -> list[Message]:
    chat = simulator.world.chats[KIM]
    return [message for message in chat.messages if message.pending_id]


async def answered(simulator: Simulator, times: int = 1) -> None:
    await until(lambda: sent(simulator) == times)
    await quiet(simulator)


async def test_a_voice_note_is_answered_in_writing(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    pipeline: Pipeline,
    guest: User,
) -> None:
    await let_talk(hass, listening, pipeline, guest, voice_notes=True)
    note = say(simulator)
    await answered(simulator)
    assert agent.heard == ["turn on the light"]
    [reply] = replies(simulator)
    assert reply.text == "You said: turn on the light"
    assert reply.linked_message_id == note.id


async def test_voice_notes_without_transcript_are_ignored(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    ear: Ear,
    pipeline: Pipeline,
    guest: User,
) -> None:
    await let_talk(hass, listening, pipeline, guest, voice_notes=True)
    ear.text = None
    say(simulator)
    await until(lambda: ear.heard)
    await quiet(simulator)
    assert not agent.heard
    assert tried(simulator) == 0


@pytest.mark.parametrize("profile", ["latest", "4.2.808", "4.2.557"])
async def test_an_answer_by_voice(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    pipeline: Pipeline,
    guest: User,
    profile: str,
) -> None:
    await let_talk(
        hass, listening, pipeline, guest, voice_notes=True, voice_answers=True
    )
    note = say(simulator)
    await answered(simulator)

    [reply] = replies(simulator)
    [attached] = reply.attachments
    assert attached["isVoiceNote"] is True
    assert attached["mimeType"] == "audio/ogg"
    assert simulator.world.assets[attached["id"]].data == (
        b"OggS You said: turn on the light"
    )
    assert reply.linked_message_id == note.id

    # What was written is answered in writing.
    write(simulator, "Hello")
    await answered(simulator, 2)
    assert replies(simulator)[-1].text == "You said: Hello"


@pytest.mark.parametrize(
    ("options", "speech"),
    [
        ({"tts_engine": None, "tts_language": None}, "Hello"),
        ({"tts_engine": "tts.gone"}, "Hello"),
        ({}, "unspeakable"),
        ({}, "long " * 300),
    ],
)
async def test_unspeakable_answers_are_written(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    guest: User,
    options: dict[str, Any],
    speech: str,
) -> None:
    agent.speech = speech
    pipeline = await add_pipeline(hass, **options)
    await let_talk(
        hass, listening, pipeline, guest, voice_notes=True, voice_answers=True
    )
    say(simulator)
    await answered(simulator)
    [reply] = replies(simulator)
    assert not reply.attachments
    assert reply.text == speech.strip()


async def test_a_refused_upload_is_written(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    pipeline: Pipeline,
    guest: User,
) -> None:
    await let_talk(
        hass, listening, pipeline, guest, voice_notes=True, voice_answers=True
    )
    simulator.faults.add(
        "status_before", method="POST", path="/v1/assets/upload", status=413
    )
    say(simulator)
    await answered(simulator)
    assert replies(simulator)[0].text == "You said: turn on the light"


@pytest.mark.usefixtures("quick_recovery")
async def test_a_spoken_answer_with_an_unknown_outcome_is_not_repeated_as_text(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    agent: Agent,
    pipeline: Pipeline,
    guest: User,
) -> None:
    await let_talk(
        hass, listening, pipeline, guest, voice_notes=True, voice_answers=True
    )
    simulator.faults.add("drop_before", method="POST", path=PATH)
    say(simulator)
    await until(lambda: tried(simulator))
    await asyncio.sleep(1)
    await quiet(simulator)
    assert tried(simulator) == 1
    assert not replies(simulator)
