"""What tests of voice share: somebody who talks to Assist, and what comes back."""

from typing import Any

import pytest

from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component


@pytest.fixture
async def assist(hass: HomeAssistant) -> None:
    """Have Home Assistant's own agent."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})


async def talk(
    hass: HomeAssistant,
    text: str,
    conversation_id: str | None = None,
    *,
    language: str = "en",
    user_id: str | None = None,
    agent_id: str = "conversation.home_assistant",
) -> tuple[str, str]:
    """Say something, and return what is answered, and the conversation's id."""
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
    """Say something, and return what is answered."""
    return (await talk(hass, text, conversation_id, **options))[0]
