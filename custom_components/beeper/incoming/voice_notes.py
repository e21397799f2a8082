"""The words of voice notes: downloaded, decoded and given to speech-to-text.

Everything is limited, because anybody in the chat can send voice notes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
import tempfile
from typing import IO, Final, cast

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Chat, Message
from ..const import DOMAIN
from ..server import Server
from .assist_settings import AssistSettings
from .minute_limit import MinuteLimit

MAX_VOICE_NOTE_BYTES: Final = 10 * 1024 * 1024
"""Of a file; an hour of speech in the quality of messengers."""

MAX_SECONDS: Final = 120
"""Of speech. Less than the whole could mean something else, so longer ones are left."""

MAX_TRANSCRIPT: Final = 2000
"""Characters."""

_MAX_AGE: Final = timedelta(minutes=2)
"""Older voice notes are read after an outage, and would hold up what follows."""

_MAX_A_MINUTE: Final = 10
"""Voice notes of one chat; speech-to-text can cost money."""

_TIMEOUT: Final = 30.0
"""Seconds for one voice note: the messages after it wait."""

_SAMPLE_RATE: Final = 16_000
"""Hertz."""

_BYTES_A_SECOND: Final = _SAMPLE_RATE * 2
_CHUNK: Final = 4096
"""Bytes."""

# Never formats that refer to other files, such as playlists.
_FORMATS: Final = "aac,amr,caf,flac,matroska,mov,mp3,ogg,wav,webm"


class VoiceNoteError(Exception):
    """A voice note cannot be understood."""


class VoiceNotes:
    """Transcribes the voice notes of chats whose settings ask for it."""

    def __init__(self, server: Server) -> None:
        """Start with nothing transcribed."""
        self._hass = server.hass
        self._entry = server.entry
        self._server = server
        self._limits: dict[str, MinuteLimit] = {}
        self.statistics: Counter[str] = Counter()
        """How many were `transcribed`, `failed`, or `refused` as too old or too many."""

    async def async_transcribe(self, chat: Chat, message: Message) -> str | None:
        """Return the words of a voice note, None if they are not needed or not recognized."""
        if message.kind != "voice_note":
            return None
        settings = AssistSettings.of_chat(self._entry, chat.ids)
        if settings is None or not settings.voice_notes:
            return None
        if not self._is_recent(message) or not self._take_turn(settings.subentry_id):
            self.statistics["refused"] += 1
            return None
        try:
            async with asyncio.timeout(_TIMEOUT):
                text = await self._async_understand(message, settings.pipeline_id)
        except BeeperError, HomeAssistantError, OSError, VoiceNoteError:
            # TimeoutError is an OSError.
            self.statistics["failed"] += 1
            return None
        self.statistics["transcribed"] += 1
        return text[:MAX_TRANSCRIPT]

    def _is_recent(self, message: Message) -> bool:
        return (
            message.timestamp is not None
            and self._server.now() - message.timestamp <= _MAX_AGE
        )

    def _take_turn(self, subentry_id: str) -> bool:
        limit = self._limits.setdefault(subentry_id, MinuteLimit(_MAX_A_MINUTE))
        return limit.take(self._hass.loop.time())

    async def _async_understand(self, message: Message, pipeline_id: str | None) -> str:
        if not {"assist_pipeline", "ffmpeg"} <= self._hass.config.components:
            raise VoiceNoteError
        speech = await self._async_decode(message)
        return await _async_speech_to_text(self._hass, speech, pipeline_id)

    async def _async_decode(self, message: Message) -> bytes:
        """Return the sound as samples."""
        attached = next(
            (file for file in message.attachments if file.kind == "voice_note"), None
        )
        if attached is None or attached.url is None:
            raise VoiceNoteError
        # Some formats can be read only in a file: their index is at the end.
        file = await self._hass.async_add_executor_job(_temporary_file)
        try:
            await _async_download(self._hass, self._server.client, attached.url, file)
            return await _async_decode_file(self._hass, file.name)
        finally:
            await self._hass.async_add_executor_job(file.close)


def _temporary_file() -> tempfile._TemporaryFileWrapper[bytes]:
    return tempfile.NamedTemporaryFile(prefix=f"{DOMAIN}_")


async def _async_download(
    hass: HomeAssistant, client: BeeperClient, url: str, file: IO[bytes]
) -> None:
    size = 0
    async with client.asset(url) as asset:
        async for chunk in asset.chunks:
            size += len(chunk)
            if size > MAX_VOICE_NOTE_BYTES:
                raise VoiceNoteError
            await hass.async_add_executor_job(file.write, chunk)
    await hass.async_add_executor_job(file.flush)


async def _async_decode_file(hass: HomeAssistant, path: str) -> bytes:
    from homeassistant.components.ffmpeg import get_ffmpeg_manager  # noqa: PLC0415

    limit = MAX_SECONDS * _BYTES_A_SECOND
    command = (
        *("-hide_banner", "-nostdin", "-loglevel", "quiet", "-threads", "1"),
        *("-protocol_whitelist", "file", "-format_whitelist", _FORMATS),
        *("-i", f"file:{path}", "-vn", "-t", str(MAX_SECONDS + 1)),
        *("-f", "s16le", "-ac", "1", "-ar", str(_SAMPLE_RATE), "pipe:1"),
    )
    process = await asyncio.create_subprocess_exec(
        get_ffmpeg_manager(hass).binary,
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    samples = bytearray()
    try:
        while chunk := await cast("asyncio.StreamReader", process.stdout).read(_CHUNK):
            samples += chunk
            if len(samples) > limit:
                raise VoiceNoteError
        if await process.wait() != 0 or not samples:
            raise VoiceNoteError
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()  # Reads the rest, or the pipe stays open.
    return bytes(samples)


async def _async_speech_to_text(
    hass: HomeAssistant, speech: bytes, pipeline_id: str | None
) -> str:
    from homeassistant.components import stt  # noqa: PLC0415
    from homeassistant.components.assist_pipeline import (  # noqa: PLC0415
        AudioSettings,
        PipelineEvent,
        PipelineEventType,
        async_pipeline_from_audio_stream,
    )
    from homeassistant.components.assist_pipeline.pipeline import PipelineStage  # noqa: PLC0415

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(speech), _CHUNK):
            yield speech[start : start + _CHUNK]

    events: list[PipelineEvent] = []
    await async_pipeline_from_audio_stream(
        hass,
        context=Context(),
        event_callback=events.append,
        stt_metadata=stt.SpeechMetadata(
            language="",  # The pipeline sets it.
            format=stt.AudioFormats.WAV,
            codec=stt.AudioCodecs.PCM,
            bit_rate=stt.AudioBitRates.BITRATE_16,
            sample_rate=stt.AudioSampleRates.SAMPLERATE_16000,
            channel=stt.AudioChannels.CHANNEL_MONO,
        ),
        stt_stream=stream(),
        pipeline_id=pipeline_id,
        # People pause in voice notes, which would end a command.
        audio_settings=AudioSettings(is_vad_enabled=False),
        start_stage=PipelineStage.STT,
        end_stage=PipelineStage.STT,
    )
    for event in events:
        if event.type is PipelineEventType.STT_END and event.data:
            text: str = event.data["stt_output"]["text"]
            return text
    raise VoiceNoteError
