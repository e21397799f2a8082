"""The intents, for our sentences and for those that users write themselves."""

from typing import Any, override

import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent

from .voice.assistant import (
    ASKED,
    DONE,
    INTENT_CREATE,
    INTENT_READ,
    INTENT_SEND,
    Answer,
    Asker,
    async_asker,
    async_get_voice,
)


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents; they say themselves if there is no server yet."""
    for handler in (SendMessage(), CreateChat(), ReadUnread()):
        intent.async_register(hass, handler)


class _Handler(intent.IntentHandler):
    """What the intents have in common: slots with texts in them, and the answer."""

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
        said = {
            slot: slots[slot]["value"] if slot in slots else None
            for slot in (*self.required, *self.optional)
        }
        asker = async_asker(
            intent_obj.context,
            intent_obj.language,
            device_id=intent_obj.device_id,
            satellite_id=intent_obj.satellite_id,
        )
        response = intent_obj.create_response()
        answer = await self.answer(intent_obj.hass, asker, said)
        if answer.status in DONE | ASKED:
            response.async_set_speech(answer.speech)
        else:
            response.async_set_error(
                intent.IntentResponseErrorCode.FAILED_TO_HANDLE, answer.speech
            )
        return response

    async def answer(
        self, hass: HomeAssistant, asker: Asker, said: dict[str, Any]
    ) -> Answer:
        """Carry out what was said; None stands for what was not."""
        return await async_get_voice(hass).async_send(asker, **said)


class SendMessage(_Handler):
    """Send a message to a person or a chat."""

    intent_type = INTENT_SEND
    description = "Sends a message to a person or a group"
    required = ("recipient", "message")
    optional = ("network",)


class CreateChat(_Handler):
    """Start a chat with a person, with or without a message."""

    intent_type = INTENT_CREATE
    description = "Starts a chat with a person"
    required = ("recipient",)
    optional = ("message", "network")


class ReadUnread(_Handler):
    """Read out what is unread, of everybody or of somebody."""

    intent_type = INTENT_READ
    description = "Reads out unread messages"
    optional = ("recipient", "network")

    @override
    async def answer(
        self, hass: HomeAssistant, asker: Asker, said: dict[str, Any]
    ) -> Answer:
        return await async_get_voice(hass).async_read_out(asker, **said)
