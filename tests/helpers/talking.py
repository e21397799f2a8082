"""Talk to Assist, and return its answers."""

from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import Context, HomeAssistant


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


async def set_options(
    hass: HomeAssistant, entry: MockConfigEntry, **options: Any
) -> None:
    hass.config_entries.async_update_entry(entry, options=options)
    await hass.async_block_till_done()
