"""The intents, for the included sentences and for custom ones."""

from typing import Any, override

import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent

from .voice.assistant import (
    INTENT_COUNT,
    INTENT_CREATE,
    INTENT_MARK_READ,
    INTENT_READ,
    INTENT_SEND,
    async_get_assistant,
)
from .voice.questions import Requester
from .voice.spoken_responses import ASKED, DONE


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents; without a server, they respond with an error."""
    for handler in (
        SendMessageHandler(),
        CreateChatHandler(),
        ReadUnreadHandler(),
        CountUnreadHandler(),
        MarkReadHandler(),
    ):
        intent.async_register(hass, handler)


class _BeeperHandler(intent.IntentHandler):
    """Base of the intents: text slots, and the response."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    @override
    def slot_schema(self) -> dict[Any, Any]:
        return {
            **{vol.Required(slot): intent.non_empty_string for slot in self.required},
            **{vol.Optional(slot): intent.non_empty_string for slot in self.optional},
        }

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        slots = self.async_validate_slots(intent_obj.slots)
        values = {
            slot: slots[slot]["value"] if slot in slots else None
            for slot in (*self.required, *self.optional)
        }
        requester = Requester.from_conversation(
            intent_obj.context,
            intent_obj.language,
            satellite_id=intent_obj.satellite_id,
        )
        result = await async_get_assistant(intent_obj.hass).async_run(
            requester, self.intent_type, values
        )
        response = intent_obj.create_response()
        if result.status in DONE | ASKED:
            response.async_set_speech(result.speech)
        else:
            response.async_set_error(
                intent.IntentResponseErrorCode.FAILED_TO_HANDLE, result.speech
            )
        return response


class SendMessageHandler(_BeeperHandler):
    """Send a message to a person or a chat; without a message, ask for it."""

    intent_type = INTENT_SEND
    description = "Sends a message to a person or a group"
    required = ("recipient",)
    optional = ("message", "network")


class CreateChatHandler(_BeeperHandler):
    """Start a chat with a person, with or without a message."""

    intent_type = INTENT_CREATE
    description = "Starts a chat with a person"
    required = ("recipient",)
    optional = ("message", "network")


class ReadUnreadHandler(_BeeperHandler):
    """Read out unread messages, from everybody or from one person or group."""

    intent_type = INTENT_READ
    description = "Reads out unread messages"
    optional = ("recipient", "network")


class CountUnreadHandler(_BeeperHandler):
    """Say how many unread messages there are."""

    intent_type = INTENT_COUNT
    description = "Counts unread messages"
    optional = ("recipient", "network")


class MarkReadHandler(_BeeperHandler):
    """Mark a chat as read."""

    intent_type = INTENT_MARK_READ
    description = "Marks the chat with a person or a group as read"
    required = ("recipient",)
    optional = ("network",)
