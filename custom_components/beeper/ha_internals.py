"""Home Assistant internals that have no public equivalent.

The only module that uses them. `tests/test_ha_internals.py` fails when Home Assistant
changes one of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.event import EventEntity
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers import chat_session, restore_state
from homeassistant.helpers.restore_state import RestoreEntity
from homeassistant.util.hass_dict import HassKey

if TYPE_CHECKING:
    # Their requirements are missing on systems without voice.
    from homeassistant.components.assist_pipeline import Pipeline
    from homeassistant.components.assist_satellite import AssistSatelliteEntity
    from homeassistant.components.conversation import ConversationInput
    from homeassistant.helpers.entity_component import EntityComponent

# `assist_satellite.const.DATA_COMPONENT`.
SATELLITES: Final[HassKey[EntityComponent[AssistSatelliteEntity]]] = HassKey(
    "assist_satellite"
)


type TurnHandler = Callable[[ConversationInput], Awaitable[str]]
"""Takes a user's turn of a conversation; returns the response."""


@callback
def async_claim_turns(
    hass: HomeAssistant, claim: Callable[[str, str], TurnHandler | None]
) -> CALLBACK_TYPE:
    """Let `claim` decide who handles each turn of a conversation; return a stop function.

    It takes the conversation id and the text. If it returns None, everything is as if
    the integration did not exist. Sentence triggers alone cannot do that: they match in
    all conversations, and a matched text reaches no other handler.

    Home Assistant publishes a user's text immediately before it matches it with the
    sentence triggers. So a trigger that matches any text exists just for that step of
    the event loop. Requires the conversation integration.
    """
    # Its requirements are missing on systems without voice.
    from homeassistant.components.conversation.agent_manager import get_agent_manager  # noqa: PLC0415
    from homeassistant.components.conversation.chat_log import async_subscribe_chat_logs  # noqa: PLC0415
    from homeassistant.components.conversation.const import ChatLogEventType  # noqa: PLC0415

    registered: list[CALLBACK_TYPE] = []

    @callback
    def unregister() -> None:
        while registered:
            registered.pop()()

    @callback
    def check(
        conversation_id: str, kind: ChatLogEventType, data: dict[str, Any]
    ) -> None:
        if kind is not ChatLogEventType.CONTENT_ADDED:
            return
        content = data["content"]
        if content["role"] != "user" or not content["content"]:
            return
        unregister()  # Another conversation may have its turn in the same iteration.
        if (handler := claim(conversation_id, content["content"])) is None:
            return

        async def run(user_input: ConversationInput, _: object) -> str:
            return await handler(user_input)

        registered.append(get_agent_manager(hass).register_trigger(["{text}"], run))
        hass.loop.call_soon(unregister)

    return async_subscribe_chat_logs(hass, check)


@callback
def async_get_satellite(
    hass: HomeAssistant, entity_id: str
) -> AssistSatelliteEntity | None:
    """Return a voice satellite, None if the entity does not exist."""
    component = hass.data.get(SATELLITES)
    return component.get_entity(entity_id) if component else None


async def async_ask_question(
    satellite: AssistSatelliteEntity, question: str
) -> str | None:
    """Speak a question and return the answer, None if nothing was understood.

    The action `assist_satellite.ask_question` would have the question recorded. Raises
    HomeAssistantError.
    """
    answer = await satellite.async_internal_ask_question(question)
    return answer.sentence if answer else None


async def async_announce(satellite: AssistSatelliteEntity, text: str) -> None:
    """Speak a text.

    The action `assist_satellite.announce` would have the text recorded. Raises
    HomeAssistantError.
    """
    await satellite.async_internal_announce(text, preannounce=False)


@dataclass(frozen=True, kw_only=True, repr=False)
class PipelineAnswer:
    """What the agent of an Assist pipeline answers, empty if nothing.

    `asks`: it wants to hear what the user says next.
    """

    text: str
    asks: bool


@callback
def async_get_pipeline(hass: HomeAssistant, pipeline_id: str | None) -> Pipeline:
    """Return an Assist pipeline, None for the preferred one.

    Raises HomeAssistantError if it does not exist.
    """
    from homeassistant.components.assist_pipeline.pipeline import async_get_pipeline  # noqa: PLC0415

    return async_get_pipeline(hass, pipeline_id)


async def async_run_pipeline(
    hass: HomeAssistant,
    pipeline: Pipeline,
    text: str,
    *,
    context: Context,
    conversation_id: str,
    extra_system_prompt: str,
) -> PipelineAnswer | None:
    """Let a pipeline process a text as if it was said; None if the agent failed.

    Pipelines have a public door for sound only. The action `conversation.process` knows
    no pipelines, so no sentence triggers or local intents before a language model, and
    Home Assistant records its data.
    """
    from homeassistant.components.assist_pipeline.pipeline import (  # noqa: PLC0415
        PipelineEvent,
        PipelineEventType,
        PipelineInput,
        PipelineRun,
        PipelineStage,
    )

    events: list[PipelineEvent] = []
    with chat_session.async_get_chat_session(hass, conversation_id) as session:
        await PipelineInput(
            run=PipelineRun(
                hass,
                context=context,
                pipeline=pipeline,
                start_stage=PipelineStage.INTENT,
                end_stage=PipelineStage.INTENT,
                event_callback=events.append,
            ),
            session=session,
            intent_input=text,
            conversation_extra_system_prompt=extra_system_prompt,
        ).execute(validate=True)
    for event in events:
        if event.type is PipelineEventType.INTENT_END and event.data:
            return _pipeline_answer(event.data["intent_output"])
    return None


def _pipeline_answer(output: dict[str, Any]) -> PipelineAnswer | None:
    """Return the answer in the output of a pipeline's agent, None for a failure."""
    response = output["response"]
    # The text of an unexpected error is not for people.
    if response["data"].get("code") == "unknown":
        return None
    speech = response["speech"].get("plain") or {}
    return PipelineAnswer(
        text=str(speech.get("speech") or ""), asks=output["continue_conversation"]
    )


class UnstoredEventEntity(EventEntity):
    """An event entity whose state is not written to storage.

    Event entities are stored in order to be restored after a restart, which would write
    texts and names to disk.
    """

    _EventEntity__last_event_triggered: datetime | None
    _EventEntity__last_event_type: str | None
    _EventEntity__last_event_attributes: dict[str, Any] | None

    @property
    def last_event_time(self) -> datetime | None:
        """When the last event happened."""
        return self._EventEntity__last_event_triggered

    @callback
    def restore_event_time(self, time: datetime) -> None:
        """Show when an event happened, without its content."""
        self._EventEntity__last_event_triggered = time

    @callback
    def forget_event_content(self) -> None:
        """Keep only the time of the last event."""
        self._EventEntity__last_event_type = None
        self._EventEntity__last_event_attributes = None

    @override
    async def async_added_to_hass(self) -> None:
        """Exclude the entity from the next dump of states."""
        await super().async_added_to_hass()
        restore_state.async_get(self.hass).async_restore_entity_removed(
            self.entity_id, None, None
        )

    @override
    async def async_internal_will_remove_from_hass(self) -> None:
        """Skip RestoreEntity, which keeps the last state for the next dump."""
        await super(RestoreEntity, self).async_internal_will_remove_from_hass()
