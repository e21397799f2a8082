"""A voice satellite that asks: a real one, but for its microphone and loudspeaker."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, override

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    async_capture_events,
    mock_config_flow,
    mock_integration,
    mock_platform,
    setup_test_component_platform,
)

from homeassistant.components.assist_pipeline import PipelineEvent, PipelineEventType
from homeassistant.components.assist_pipeline.pipeline import (
    async_get_pipeline,
    async_update_pipeline,
)
from homeassistant.components.assist_satellite import (
    AssistSatelliteAnnouncement,
    AssistSatelliteConfiguration,
    AssistSatelliteEntity,
    AssistSatelliteEntityFeature as Feature,
)
from homeassistant.components.conversation import async_converse
from homeassistant.config_entries import ConfigFlow
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.assist import Ear
from tests.helpers.media import Voice
from tests.helpers.talking import NOTHING_ASKED, Echo, add_agent
from tests.helpers.waiting import until
from tests.helpers.world import ALEX, contact, last

SATELLITE = "assist_satellite.kitchen"
MIA_IS_NEW = "You have no chat with Mia 🌻 on WhatsApp yet. Should I send “Hello”?"


class Satellite(AssistSatelliteEntity):
    """Stands in the kitchen."""

    _attr_name = "Kitchen"
    _attr_unique_id = "kitchen"

    def __init__(self, ear: Ear, features: Feature) -> None:
        self.ear = ear
        self._attr_supported_features = features
        self.said: list[str] = []
        self.asked = 0
        self.conversation_id = ""
        self.loses_start_conversation = False

    @override
    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        return AssistSatelliteConfiguration([], [], 1)

    @override
    async def async_set_configuration(
        self, config: AssistSatelliteConfiguration
    ) -> None:
        """Have none."""

    @override
    def on_pipeline_event(self, event: PipelineEvent) -> None:
        if event.type is PipelineEventType.RUN_START and event.data:
            self.conversation_id = event.data["conversation_id"]
        if event.type is PipelineEventType.INTENT_END and self.loses_start_conversation:
            self._attr_supported_features = Feature.ANNOUNCE
        if event.type is PipelineEventType.TTS_START and event.data:
            self.said.append(event.data["tts_input"])
        if event.type is PipelineEventType.TTS_END:
            self.tts_response_finished()

    @override
    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        self.said.append(announcement.message)

    @override
    async def async_start_conversation(
        self, start_announcement: AssistSatelliteAnnouncement
    ) -> None:
        self.said.append(start_announcement.message)
        self.asked += 1

    async def hear(self, text: str) -> None:
        """Hear somebody say something, and do what follows."""

        async def sound() -> AsyncIterator[bytes]:
            yield bytes(2**14)

        self.ear.text = text
        await self.async_accept_pipeline_from_satellite(sound())

    async def answer(self, text: str, *, question: int = 1) -> None:
        """Wait until a question has been asked, and hear somebody answer."""
        await until(lambda: self.asked == question)
        await self.hear(text)


@pytest.fixture
def features() -> Feature:
    return Feature.ANNOUNCE | Feature.START_CONVERSATION


@pytest.fixture
async def satellite(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    tmp_path: Path,
    features: Feature,
) -> Satellite:
    hass.config.config_dir = str(tmp_path)  # It keeps what was spoken.
    mock_integration(hass, MockModule("ffmpeg"))
    assert await async_setup_component(hass, "homeassistant", {})
    for component in "media_source", "assist_satellite":
        assert await async_setup_component(hass, component, {})
    await hass.config.async_update(internal_url="http://127.0.0.1:8123")

    async def forward(hass: HomeAssistant, entry: Any) -> bool:
        platforms = ["assist_satellite", "stt", "tts"]
        await hass.config_entries.async_forward_entry_setups(entry, platforms)
        return True

    ear = Ear()
    kitchen = Satellite(ear, features)
    mock_integration(hass, MockModule("test", async_setup_entry=forward))
    mock_platform(hass, "test.config_flow")
    for domain, entity in (
        ("assist_satellite", kitchen),
        ("stt", ear),
        ("tts", Voice()),
    ):
        setup_test_component_platform(hass, domain, [entity], from_config_entry=True)
    entry = MockConfigEntry(domain="test")
    entry.add_to_hass(hass)
    with mock_config_flow("test", ConfigFlow):
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await async_update_pipeline(
        hass,
        async_get_pipeline(hass),
        stt_engine="stt.ear",
        stt_language="en",
        tts_engine="tts.voice",
        tts_language="en",
    )
    return kitchen


async def test_clear_request_needs_no_question(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    await satellite.hear("Message family on WhatsApp hello")

    assert satellite.said == ["Sent to Family 🏡 on WhatsApp."]
    assert not satellite.asked


@pytest.mark.parametrize("yes", ["Yes, send it.", "Yes", "OK"])
async def test_it_asks_and_sends_after_a_yes(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite, yes: str
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    assert not simulator.executed
    await satellite.answer(yes)
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said == [MIA_IS_NEW, "Sent to Mia 🌻 on WhatsApp."]
    assert [request.json["messageText"] for request in simulator.executed] == ["Hello"]


@pytest.mark.parametrize(
    ("answer", "spoken"),
    [
        ("No, don't send it.", "OK, nothing was sent."),
        ("No", "OK, nothing was sent."),
        ("Never mind.", "OK, nothing was sent."),
        ("What a nice day", "Nothing was sent."),
    ],
)
async def test_only_a_yes_sends(
    hass: HomeAssistant,
    simulator: Simulator,
    satellite: Satellite,
    answer: str,
    spoken: str,
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await satellite.answer(answer)
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said[1] == spoken
    # The question is gone.
    await satellite.hear("yes, send it")
    assert satellite.said[2].startswith("Sorry")
    assert not simulator.executed


async def test_choice_is_followed_by_confirmation(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    contact(simulator, "@telegram_9:beeper.com", "telegram", full_name="Jordan Lee")

    await satellite.hear("Message Jordan Lee on Beeper Hello")
    await satellite.answer("the one on Telegram")
    await satellite.answer("yes, send it", question=2)
    await until(lambda: len(satellite.said) == 3)

    assert satellite.said[0].startswith("I found two: first, Jordan Lee")
    assert satellite.said[1].startswith(
        "You have no chat with Jordan Lee on Telegram yet"
    )
    assert satellite.said[2] == "Sent to Jordan Lee on Telegram."
    assert len(simulator.executed) == 1


async def test_choose_recipient(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    await satellite.hear("Message Alex Rivera on Beeper Hello")
    await satellite.answer("the one on Telegram")
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said[1] == "Sent to Alex Rivera on Telegram."
    assert last(simulator, ALEX) == "Hello"


@pytest.mark.parametrize("features", [Feature.ANNOUNCE, Feature(0)])
async def test_satellite_without_start_conversation_gets_the_question(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    assert satellite.said == [MIA_IS_NEW]

    await satellite.hear("yes, send it")

    assert satellite.said[1] == "Sent to Mia 🌻 on WhatsApp."
    assert len(simulator.executed) == 1


@pytest.mark.parametrize("features", [Feature(0)])
@pytest.mark.parametrize("answer", ["yes", "yes, send it"])
async def test_in_front_of_another_agent(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite, answer: str
) -> None:
    """A pipeline's language model gets all its texts, including replies elsewhere."""
    await add_agent(hass, Echo())
    await async_update_pipeline(
        hass, async_get_pipeline(hass), conversation_engine="conversation.echo"
    )

    await satellite.hear(answer)
    await satellite.hear("Message Mia on WhatsApp Hello")
    await satellite.hear(answer)
    await satellite.hear(answer)

    assert satellite.said == [
        f"You said {answer}",
        MIA_IS_NEW,
        "Sent to Mia 🌻 on WhatsApp.",
        f"You said {answer}",
    ]
    assert len(simulator.executed) == 1


async def test_the_text_is_asked_for(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    await satellite.hear("Message Alex on Telegram")
    await satellite.answer("I'm late.")
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said == [
        "What should I send to Alex Rivera on Telegram?",
        "Sent to Alex Rivera on Telegram.",
    ]
    assert last(simulator, ALEX) == "I'm late."


@pytest.mark.parametrize("features", [Feature.START_CONVERSATION])
async def test_satellite_without_announce_still_sends(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await satellite.answer("yes, send it")
    await until(lambda: simulator.executed)

    assert satellite.said == [MIA_IS_NEW]


async def test_unanswered_question(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite, skip_time: Any
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.asked)

    skip_time(55)
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said[1] == "Nothing was sent."
    assert not simulator.executed


@pytest.mark.parametrize(
    ("answer", "spoken"), [("yes, send it", [NOTHING_ASKED]), ("What a nice day", [])]
)
async def test_second_answer(
    hass: HomeAssistant,
    simulator: Simulator,
    satellite: Satellite,
    answer: str,
    spoken: list[str],
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.asked)
    await async_converse(
        hass,
        "no, don't send it",
        satellite.conversation_id,
        Context(),
        language="en",
        satellite_id=SATELLITE,
    )

    await satellite.answer(answer)
    await until(lambda: len(satellite.said) == 1 + len(spoken))
    await hass.async_block_till_done()

    assert satellite.said[1:] == spoken
    assert not simulator.executed


async def test_server_unloaded_during_the_question(
    hass: HomeAssistant,
    simulator: Simulator,
    satellite: Satellite,
    loaded: MockConfigEntry,
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.asked)

    assert await hass.config_entries.async_unload(loaded.entry_id)
    await satellite.hear("yes, send it")

    assert satellite.said[0] == MIA_IS_NEW
    assert not simulator.executed


async def test_answer_belongs_to_its_question(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    contact(simulator, "@zoe:beeper.com", full_name="Zoe")
    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.asked)
    await async_converse(
        hass,
        "Message Zoe on WhatsApp Not for Mia",
        satellite.conversation_id,
        Context(),
        language="en",
        satellite_id=SATELLITE,
    )

    await satellite.answer("yes, send it")
    await until(lambda: satellite.asked == 2)

    assert satellite.said[1] == NOTHING_ASKED
    assert satellite.said[2].startswith("You have no chat with Zoe on WhatsApp yet")
    assert not simulator.executed


async def test_questions_and_answers_are_not_recorded(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    """Home Assistant's recorder keeps what actions are called with."""
    calls = async_capture_events(hass, EVENT_CALL_SERVICE)

    await satellite.hear("Message Mia on WhatsApp Hello")
    await satellite.answer("yes, send it")
    await until(lambda: len(satellite.said) == 2)

    assert satellite.said[1] == "Sent to Mia 🌻 on WhatsApp."
    assert not calls


async def test_removed_satellite(
    hass: HomeAssistant,
    simulator: Simulator,
    satellite: Satellite,
    entity_registry: er.EntityRegistry,
    skip_time: Any,
) -> None:
    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.asked)
    entity_registry.async_remove(SATELLITE)
    await hass.async_block_till_done()

    skip_time(55)
    await asyncio.sleep(0.05)

    assert satellite.said == [MIA_IS_NEW]
    assert not simulator.executed


async def test_satellite_that_loses_the_feature_while_it_is_busy(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite
) -> None:
    """An update of its firmware can change its features."""
    satellite.loses_start_conversation = True

    await satellite.hear("Message Mia on WhatsApp Hello")
    await until(lambda: satellite.said)

    assert not satellite.asked
    assert satellite.said == ["Nothing was sent."]
    assert not simulator.executed
