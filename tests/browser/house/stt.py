"""Speech-to-text that understands the same in everything."""

from collections.abc import AsyncIterable
from typing import override

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
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


class Ear(SpeechToTextEntity):
    """Hears one sentence."""

    _attr_name = "Speech recognition"
    _attr_unique_id = "stt"
    supported_languages = ["en"]  # noqa: RUF012
    supported_formats = [*AudioFormats]  # noqa: RUF012
    supported_codecs = [*AudioCodecs]  # noqa: RUF012
    supported_bit_rates = [*AudioBitRates]  # noqa: RUF012
    supported_sample_rates = [*AudioSampleRates]  # noqa: RUF012
    supported_channels = [*AudioChannels]  # noqa: RUF012

    @override
    async def async_process_audio_stream(
        self, metadata: SpeechMetadata, stream: AsyncIterable[bytes]
    ) -> SpeechResult:
        """Return the sentence."""
        async for _ in stream:
            pass
        return SpeechResult("Turn off the kitchen light", SpeechResultState.SUCCESS)


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the engine."""
    add([Ear()])
