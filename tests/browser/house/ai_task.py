"""A language model that always writes the same."""

from typing import override

from homeassistant.components.ai_task import (
    AITaskEntity,
    AITaskEntityFeature,
    GenDataTask,
    GenDataTaskResult,
)
from homeassistant.components.conversation import ChatLog
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


class Model(AITaskEntity):
    """Writes a briefing."""

    _attr_name = "Language model"
    _attr_unique_id = "ai_task"
    _attr_supported_features = AITaskEntityFeature.GENERATE_DATA

    @override
    async def _async_generate_data(
        self, task: GenDataTask, chat_log: ChatLog
    ) -> GenDataTaskResult:
        return GenDataTaskResult(
            conversation_id=chat_log.conversation_id,
            data="Good morning! Everything is closed. Kim is late.",
        )


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, add: AddConfigEntryEntitiesCallback
) -> None:
    """Add the model."""
    add([Model()])
