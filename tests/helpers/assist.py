"""A real Assist pipeline with a test agent, speech-to-text, text-to-speech and ffmpeg."""

import asyncio
from collections.abc import AsyncIterable
from pathlib import Path
import sys
from types import MappingProxyType
from typing import Any, Literal, override

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_config_flow,
    mock_integration,
    mock_platform,
    setup_test_component_platform,
)

from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import User
from homeassistant.components import conversation
from homeassistant.components.assist_pipeline.pipeline import (
    KEY_ASSIST_PIPELINE,
    Pipeline,
)
from homeassistant.components.stt import (
    AudioBitRates,
    AudioChannels,
    AudioCodecs,
    AudioFormats,
    AudioSampleRates,
    SpeechMetadata,
    SpeechResult,
    SpeechResultState,
    SpeechToTextEntity,
)
from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
from tests.helpers.world import KIM

KIMS_ID = "@whatsapp_15550101002:beeper.com"
SAMPLES_A_SECOND = 16_000

# Returns the audio as text; the first word selects a failure.
_FFMPEG = f"""#!{sys.executable}
import sys, time
arguments = sys.argv[1:]
if "-version" in arguments:
    print("ffmpeg version 7.1")
    raise SystemExit
source = arguments[arguments.index("-i") + 1]
if source == "pipe:0":
    content = sys.stdin.buffer.read()
else:
    assert source.startswith("file:")
    assert "-protocol_whitelist" in arguments and "-format_whitelist" in arguments
    content = open(source.removeprefix("file:"), "rb").read()
if content.startswith(b"broken"):
    raise SystemExit(1)
if content.startswith(b"slow"):
    time.sleep(600)
if "opus" in arguments:
    content = b"OggS " + content
sys.stdout.buffer.write(content * (100_000 if content.startswith(b"long") else 1))
"""


class Agent(conversation.ConversationEntity):
    """Repeats a text, or follows the instruction in it."""

    _attr_name = "Agent"
    _attr_unique_id = "agent"

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.inputs: list[conversation.ConversationInput] = []
        self.speech: str | None = None
        self.asks = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    @override
    def supported_languages(self) -> Literal["*"]:
        return "*"

    @override
    async def _async_handle_message(
        self,
        user_input: conversation.ConversationInput,
        chat_log: conversation.ChatLog,
    ) -> conversation.ConversationResult:
        self.heard.append(user_input.text)
        self.inputs.append(user_input)
        await self.go_on.wait()
        match user_input.text:
            case "fail":
                raise HomeAssistantError("No: secret")
            case "crash":
                raise RuntimeError("secret")
            case "hang":
                await asyncio.sleep(3600)
        response = intent.IntentResponse(language=user_input.language)
        speech = f"You said: {user_input.text}" if self.speech is None else self.speech
        response.async_set_speech(speech)
        return conversation.ConversationResult(
            response=response,
            conversation_id=chat_log.conversation_id,
            continue_conversation=self.asks,
        )


class Ear(SpeechToTextEntity):
    """Understands a given text, or fails."""

    _attr_name = "Ear"
    _attr_unique_id = "ear"
    supported_languages = ["en", "de"]  # noqa: RUF012
    supported_formats = [*AudioFormats]  # noqa: RUF012
    supported_codecs = [*AudioCodecs]  # noqa: RUF012
    supported_bit_rates = [*AudioBitRates]  # noqa: RUF012
    supported_sample_rates = [*AudioSampleRates]  # noqa: RUF012
    supported_channels = [*AudioChannels]  # noqa: RUF012

    def __init__(self) -> None:
        self.text: str | None = "turn on the light"
        self.heard: list[bytes] = []

    @override
    async def async_process_audio_stream(
        self, metadata: SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> SpeechResult:
        self.heard.append(b"".join([chunk async for chunk in stream]))
        state = SpeechResultState.SUCCESS if self.text else SpeechResultState.ERROR
        return SpeechResult(self.text, state)


class Mouth(TextToSpeechEntity):
    """Speaks any text but one."""

    _attr_name = "Mouth"
    _attr_unique_id = "mouth"
    _attr_default_language = "en"
    _attr_supported_languages = ["en"]  # noqa: RUF012

    @override
    async def async_get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        if message == "unspeakable":
            return None, None
        return "wav", message.encode()


async def set_up_assist(hass: HomeAssistant, folder: Path) -> tuple[Agent, Ear]:
    """Set up Assist with a test agent and a test speech-to-text and text-to-speech."""
    hass.config.config_dir = str(folder)  # Speech may be kept there.
    ffmpeg = folder / "ffmpeg"
    ffmpeg.write_text(_FFMPEG)
    ffmpeg.chmod(0o700)
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(
        hass, "ffmpeg", {"ffmpeg": {"ffmpeg_bin": str(ffmpeg)}}
    )
    assert await async_setup_component(hass, "assist_pipeline", {})

    async def forward(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await hass.config_entries.async_forward_entry_setups(
            entry, ["conversation", "stt", "tts"]
        )
        return True

    agent, ear = Agent(), Ear()
    mock_integration(hass, MockModule("test", async_setup_entry=forward))
    mock_platform(hass, "test.config_flow")
    for domain, entity in ("conversation", agent), ("stt", ear), ("tts", Mouth()):
        setup_test_component_platform(hass, domain, [entity], from_config_entry=True)
    entry = MockConfigEntry(domain="test")
    entry.add_to_hass(hass)
    with mock_config_flow("test", ConfigFlow):
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return agent, ear


async def add_pipeline(hass: HomeAssistant, **options: Any) -> Pipeline:
    """Add an Assist pipeline with the test agent."""
    pipeline: Pipeline = await hass.data[
        KEY_ASSIST_PIPELINE
    ].pipeline_store.async_create_item(
        {
            "name": "House",
            "language": "en",
            "conversation_engine": "conversation.agent",
            "conversation_language": "en",
            "stt_engine": "stt.ear",
            "stt_language": "en",
            "tts_engine": "tts.mouth",
            "tts_language": "en",
            "tts_voice": None,
            "wake_word_entity": None,
            "wake_word_id": None,
        }
        | options
    )
    return pipeline


async def add_user(
    hass: HomeAssistant, name: str = "Guest", group: str = GROUP_ID_ADMIN
) -> User:
    if all(user.system_generated for user in await hass.auth.async_get_users()):
        await hass.auth.async_create_user("Owner")  # The first user may do anything.
    return await hass.auth.async_create_user(name, group_ids=[group])


async def let_talk(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    pipeline: Pipeline | str | None,
    user: User | None,
    *people: str,
    chat_id: str = KIM,
    **options: Any,
) -> str:
    """Add a chat in which people may talk to Assist; return the subentry's ID."""
    assist = {
        "pipeline": pipeline.id if isinstance(pipeline, Pipeline) else pipeline,
        "people": [
            {"id": person, "phone_number": None} for person in people or (KIMS_ID,)
        ],
        "start_word": "",
        "user_id": user.id if user else None,
        "voice_notes": False,
        "voice_answers": False,
    } | options
    subentry = ConfigSubentry(
        data=MappingProxyType(
            {
                "chat_id": chat_id,
                "account_id": "whatsapp",
                "network": "WhatsApp",
                "assist": assist,
            }
        ),
        subentry_type="chat",
        title="Chat",
        unique_id=chat_id,
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    return subentry.subentry_id


def context_of(agent: Agent) -> Context:
    return agent.inputs[-1].context
