"""How a call ended, by its response or its error."""

from collections.abc import Awaitable
from typing import Any

from homeassistant.exceptions import HomeAssistantError

TOLD = {
    "Nothing was created": "not done",
    "Nothing was sent": "not done",
    "Nothing was changed": "not done",
    "Nothing was done": "not done",
    "It is unknown whether": "unknown",
    "The chat exists": "not done",
    "Not repeated": "unknown",
    # Aloud
    "Sent to Family": "done",
    "Beeper could not be reached, so nothing was done": "not done",
    "I still don't know whether the first attempt was sent": "unknown",
    "That didn't work. Nothing was done": "not done",
    "That didn't work. Nothing was sent": "not done",
    "I don't know whether it was sent": "unknown",
}


async def outcome_of(call: Awaitable[Any]) -> str:
    """Return the outcome for a response or error, or its text if unknown."""
    try:
        response = await call
    except HomeAssistantError as err:
        response = str(err)
    return outcome_of_text(response) if isinstance(response, str) else ended(response)


def outcome_of_text(text: str) -> str:
    """Return the outcome that a text tells, or the text if it is not known."""
    if "it is unknown whether" in text:
        return "unknown"
    return next((TOLD[key] for key in TOLD if text.startswith(key)), text)


def ended(response: Any) -> str:
    """Return the outcome for a response; some actions have none."""
    if response and response["recovered"]:
        return "recovered"
    return "duplicate" if response and response.get("duplicate") else "done"
