"""Talking to Assist by voice notes, and its answers by voice."""

import asyncio
from typing import Any

import pytest

from homeassistant.core import HomeAssistant
from tests.helpers.actions import PATH, tried
from tests.helpers.assist import add_pipeline
from tests.helpers.assist_chat import AssistChat
from tests.helpers.waiting import until

pytestmark = pytest.mark.usefixtures("skipped_waits", "no_complaints")


async def test_a_voice_note_is_answered_in_writing(assist: AssistChat) -> None:
    await assist.allow(voice_notes=True)
    note = assist.say()
    await assist.answered()
    assert assist.agent.heard == ["turn on the light"]
    [reply] = assist.replies()
    assert reply.text == "You said: turn on the light"
    assert reply.linked_message_id == note.id


async def test_voice_notes_without_transcript_are_ignored(assist: AssistChat) -> None:
    await assist.allow(voice_notes=True)
    assist.ear.text = None
    assist.say()
    await until(lambda: assist.ear.heard)
    await assist.quiet()
    assert not assist.agent.heard
    assert tried(assist.simulator) == 0


@pytest.mark.parametrize("profile", ["latest", "4.2.808", "4.2.557"])
async def test_an_answer_by_voice(assist: AssistChat, profile: str) -> None:
    await assist.allow(voice_notes=True, voice_answers=True)
    note = assist.say()
    await assist.answered()

    [reply] = assist.replies()
    [attached] = reply.attachments
    assert attached["isVoiceNote"] is True
    assert attached["mimeType"] == "audio/ogg"
    assert assist.simulator.world.assets[attached["id"]].data == (
        b"OggS You said: turn on the light"
    )
    assert reply.linked_message_id == note.id

    # What was written is answered in writing.
    assist.write("Hello")
    await assist.answered(2)
    assert assist.replies()[-1].text == "You said: Hello"


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
    assist: AssistChat,
    options: dict[str, Any],
    speech: str,
) -> None:
    assist.agent.speech = speech
    pipeline = await add_pipeline(hass, **options)
    await assist.allow(pipeline=pipeline, voice_notes=True, voice_answers=True)
    assist.say()
    await assist.answered()
    [reply] = assist.replies()
    assert not reply.attachments
    assert reply.text == speech.strip()


async def test_a_refused_upload_is_written(assist: AssistChat) -> None:
    await assist.allow(voice_notes=True, voice_answers=True)
    assist.simulator.faults.add(
        "status_before", method="POST", path="/v1/assets/upload", status=413
    )
    assist.say()
    await assist.answered()
    assert assist.replies()[0].text == "You said: turn on the light"


@pytest.mark.usefixtures("quick_recovery")
async def test_a_spoken_answer_with_an_unknown_outcome_is_not_repeated_as_text(
    assist: AssistChat,
) -> None:
    await assist.allow(voice_notes=True, voice_answers=True)
    assist.simulator.faults.add("drop_before", method="POST", path=PATH)
    assist.say()
    await until(lambda: tried(assist.simulator))
    await asyncio.sleep(1)
    await assist.quiet()
    assert tried(assist.simulator) == 1
    assert not assist.replies()
