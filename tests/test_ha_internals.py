"""Canary: Home Assistant's internals are as `ha_internals` uses them.

If a test fails, Home Assistant has changed: adapt `custom_components/beeper/ha_internals.py`.
"""

import asyncio
from collections.abc import Callable
import inspect
from typing import Any

import pytest

from custom_components.beeper import ha_internals
from homeassistant.components.assist_pipeline.pipeline import (
    PipelineInput,
    PipelineRun,
    async_get_pipeline,
)
from homeassistant.components.assist_satellite import (
    AssistSatelliteAnswer,
    AssistSatelliteEntity,
    AssistSatelliteEntityFeature,
)
from homeassistant.components.assist_satellite.const import DATA_COMPONENT
from homeassistant.components.conversation import ConversationInput
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.restore_state import RestoreEntity, RestoreStateData
from tests.helpers.talking import say


@pytest.mark.parametrize(
    ("function", "arguments", "keywords"),
    [
        (AssistSatelliteEntity.async_internal_ask_question, ["?"], {}),
        (
            AssistSatelliteEntity.async_internal_announce,
            ["Hello"],
            {"preannounce": False},
        ),
        (
            RestoreStateData.async_restore_entity_removed,
            ["event.kim_message", None, None],
            {},
        ),
        (RestoreEntity.async_internal_will_remove_from_hass, [], {}),
    ],
)
def test_signatures(
    function: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]
) -> None:
    inspect.signature(function).bind(None, *arguments, **keywords)


def test_pipelines() -> None:
    """What `tests/assist_in_chats` do not show: the names that are imported only when needed."""
    fields = inspect.signature(PipelineRun).parameters
    assert {
        "hass",
        "context",
        "pipeline",
        "start_stage",
        "end_stage",
        "event_callback",
    } <= fields.keys()
    assert {
        "run",
        "session",
        "intent_input",
        "conversation_extra_system_prompt",
    } <= inspect.signature(PipelineInput).parameters.keys()
    inspect.signature(async_get_pipeline).bind(None, None)


def test_satellites() -> None:
    assert ha_internals.SATELLITES == DATA_COMPONENT
    assert AssistSatelliteEntityFeature.ANNOUNCE == 1
    assert AssistSatelliteEntityFeature.START_CONVERSATION == 2
    assert "sentence" in inspect.get_annotations(AssistSatelliteAnswer)


@pytest.mark.usefixtures("assist")
async def test_turns_are_claimed_before_anybody_else_has_them(
    hass: HomeAssistant,
) -> None:
    seen: list[tuple[str, str]] = []

    async def handle(user_input: ConversationInput) -> str:
        return f"Handled {user_input.text} of {user_input.conversation_id}"

    def claim(conversation_id: str, text: str) -> ha_internals.TurnHandler | None:
        seen.append((conversation_id, text))
        return handle if conversation_id == "mine" else None

    not_understood = await say(hass, "Yes!", "other")
    stop = ha_internals.async_claim_turns(hass, claim)

    assert await say(hass, "Yes!", "mine") == "Handled Yes! of mine"
    assert await say(hass, "Yes!", "other") == not_understood
    answers = [say(hass, "Yes!", each) for each in ("other", "mine", "another")]
    assert await asyncio.gather(*answers) == [
        not_understood,
        "Handled Yes! of mine",
        not_understood,
    ]
    assert seen == [
        (each, "Yes!") for each in ("mine", "other", "other", "mine", "another")
    ]
    stop()
    assert await say(hass, "Yes!", "mine") == not_understood
    assert get_agent_manager(hass).trigger_sentences == []


def test_event_entities_are_restored_by_restore_entity() -> None:
    """Nothing between the two classes is skipped along with RestoreEntity."""
    bases = EventEntity.__mro__
    between = bases[bases.index(EventEntity) + 1 : bases.index(RestoreEntity)]
    assert not [
        base for base in between if "async_internal_will_remove_from_hass" in vars(base)
    ]


def test_event_entities_keep_the_last_event_in_private_attributes() -> None:
    entity = ha_internals.UnstoredEventEntity()
    entity._attr_event_types = ["rang"]
    entity._trigger_event("rang", {"who": "Kim"})
    time = entity.state
    entity.forget_event_content()
    assert entity.state == time
    assert entity.state_attributes == {"event_type": None}
