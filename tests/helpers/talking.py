"""Talk to Assist, and return its answers."""

from typing import Any, override

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_config_flow,
    mock_integration,
    mock_platform,
    setup_test_component_platform,
)

from homeassistant.components import conversation
from homeassistant.config_entries import ConfigFlow
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.helpers.entity import Entity


async def talk(
    hass: HomeAssistant,
    text: str,
    conversation_id: str | None = None,
    *,
    language: str = "en",
    user_id: str | None = None,
    agent_id: str = "conversation.home_assistant",
) -> tuple[str, str]:
    """Say a sentence; return the answer and the conversation id."""
    data: dict[str, Any] = {
        "text": text,
        "language": language,
        "agent_id": agent_id,
    }
    if conversation_id:
        data["conversation_id"] = conversation_id
    result: Any = await hass.services.async_call(
        "conversation",
        "process",
        data,
        blocking=True,
        return_response=True,
        context=Context(user_id=user_id),
    )
    return result["response"]["speech"]["plain"]["speech"], result["conversation_id"]


async def say(
    hass: HomeAssistant,
    text: str,
    conversation_id: str | None = None,
    **options: Any,
) -> str:
    """Say a sentence; return the answer."""
    return (await talk(hass, text, conversation_id, **options))[0]


NOTHING_ASKED = (
    "I haven't asked you anything here within the last minute, so nothing was sent."
)

SENT_TO_MIA = "Sent to Mia 🌻 on WhatsApp."

TO_MIA = "Message Mia on WhatsApp: Hi, Mia!"


class Echo(conversation.ConversationEntity):
    """An agent of another integration."""

    _attr_name = "Echo"
    supported_languages = "*"

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        response = intent.IntentResponse(language="en")
        response.async_set_speech(f"You said {user_input.text}")
        return conversation.ConversationResult(response, chat_log.conversation_id)


async def set_options(
    hass: HomeAssistant, entry: MockConfigEntry, **options: Any
) -> None:
    hass.config_entries.async_update_entry(entry, options=options)
    await hass.async_block_till_done()


async def add_agent(
    hass: HomeAssistant, agent: Entity, domain: str = "conversation"
) -> None:
    """Add a conversation agent or another entity of another integration."""

    async def forward(hass: HomeAssistant, entry: Any) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, [domain])
        return True

    mock_integration(hass, MockModule("test", async_setup_entry=forward))
    mock_platform(hass, "test.config_flow")
    setup_test_component_platform(hass, domain, [agent], from_config_entry=True)
    entry = MockConfigEntry(domain="test")
    entry.add_to_hass(hass)
    with mock_config_flow("test", ConfigFlow):
        assert await hass.config_entries.async_setup(entry.entry_id)
