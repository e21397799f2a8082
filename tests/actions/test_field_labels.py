"""Errors name fields as the forms do, in the language of Home Assistant."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.translation import async_load_integrations
from tests.helpers.actions import call_action
from tests.helpers.world import KIM

CALLS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "send_message",
        {"recipient": 15550101002, "message": "x"},
        {"en": "Recipient (recipient)", "de": "Empfänger (recipient)"},
    ),
    (
        "ask_question",
        {"chat_id": KIM, "message": " "},
        {"en": "Question (message)", "de": "Frage (message)"},
    ),
    (
        "create_chat",
        {"user": {"phone_number": "1"}},
        {"en": "Person (user.phone_number)", "de": "Person (user.phone_number)"},
    ),
    (
        "create_chat",
        {"recipient": ["Kim", " "]},
        {"en": "Recipient (recipient #2)", "de": "Empfänger (recipient #2)"},
    ),
    (
        "send_message",
        {"recipient": "Nobody", "message": "x"},
        {"en": "Recipient (recipient)", "de": "Empfänger (recipient)"},
    ),
    (
        "mark_read",
        {"entity_id": "light.door"},
        {"en": "Chat (entity_id)", "de": "Chat (entity_id)"},
    ),
    (
        "send_message",
        {"recipient": "Kim", "chat_id": KIM, "message": "x"},
        {"en": "Chat ID (chat_id)", "de": "Chat-ID (chat_id)"},
    ),
    ("send_message", {"message": "x"}, {"en": "Recipient (recipient), Chat ID"}),
]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("action", "data", "labels"), CALLS)
async def test_errors_have_labels(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
    labels: dict[str, str],
    language: str,
) -> None:
    await hass.config.async_update(language=language)
    await async_load_integrations(hass, {"beeper"})
    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, action, **data)
    if language in labels:
        assert labels[language] in str(refused.value)
