"""A button for each shortcut."""

import asyncio
from copy import copy
from typing import Any, Final, override

import voluptuous as vol

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, TemplateError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.template import Template

from . import errors
from .api.folding import is_blank
from .api.requests import CreateChat, StartChat, StartUser
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ATTACHMENT,
    CONF_CHAT_ID,
    CONF_KIND,
    CONF_MESSAGE,
    CONF_PEOPLE,
    CONF_TITLE,
    CONF_USER,
    DOMAIN,
    KIND_SEND_MESSAGE,
    KIND_START_CHAT,
    SUBENTRY_SHORTCUT,
)
from .coordinator import BeeperConfigEntry
from .data import get_data, get_outbox
from .entity import async_add_for_subentries, shortcut_device
from .outgoing import markdown
from .outgoing.attachment_sources import Source
from .outgoing.create_chat_job import CreateChatJob
from .outgoing.job import OutboxContext
from .outgoing.message_request import MessageRequest
from .outgoing.send_message_job import SendMessageJob
from .signals import SIGNAL_SHORTCUT, ShortcutPressed, ShortcutResult
from .validation import attachment, text

PARALLEL_UPDATES = 0  # The outbox keeps the order.

_DOUBLE_PRESS_WINDOW: Final = 2
"""Seconds after a press during which another press is ignored."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button of each shortcut."""
    async_add_for_subentries(
        hass,
        entry,
        SUBENTRY_SHORTCUT,
        async_add_entities,
        lambda subentry: [ShortcutButton(hass, entry, subentry)],
    )


class ShortcutButton(ButtonEntity):
    """Sends a message, starts a chat or creates a group.

    Uses the outbox, not an action: Home Assistant would record the action's data.
    Stays available while the server is offline, so that a press raises an error.
    """

    _attr_has_entity_name = True
    _attr_name = None
    _attr_translation_key = "shortcut"

    _press: asyncio.Task[HomeAssistantError | None] | None = None
    _pressed_until: float = 0
    """Event loop time until which another press is ignored."""

    def __init__(
        self, hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
    ) -> None:
        """Initialize the button of a subentry."""
        self._entry = entry
        self._subentry_id = subentry.subentry_id
        self._data = subentry.data
        self._attr_unique_id = subentry.subentry_id
        self._attr_device_info = shortcut_device(hass, entry, subentry)

    @override
    async def async_press(self) -> None:
        """Run the shortcut once for all presses within a short time.

        Further presses get the same result or error. After an error that proves that
        nothing was done, the next press runs the shortcut again.
        """
        if self._press is None or (
            self._press.done() and self._pressed_until <= self.hass.loop.time()
        ):
            # Presses without a context are never joined.
            self._press = self.hass.async_create_task(
                self._async_run(self._context or Context()), f"{DOMAIN} shortcut"
            )
        # Cancelling the caller does not cancel the run.
        if err := await asyncio.shield(self._press):
            raise copy(err)

    async def _async_run(self, context: Context) -> HomeAssistantError | None:
        """Run the shortcut; return the error, for each caller to raise a copy."""
        self._publish("under_way")
        result: ShortcutResult = "uncertain"
        try:
            await self._async_send(context)
            result = "done"
        except HomeAssistantError as err:
            if not errors.is_unknown(err):
                result = "not_done"
            return errors.shortcut_error(err).with_traceback(None)
        finally:
            if result != "not_done":
                self._pressed_until = self.hass.loop.time() + _DOUBLE_PRESS_WINDOW
            self._publish(result)
        return None

    def _publish(self, result: ShortcutResult) -> None:
        # Kept for entities that are added again by a reload.
        get_data(self.hass).shortcut_results[self._subentry_id] = result
        async_dispatcher_send(
            self.hass,
            SIGNAL_SHORTCUT,
            ShortcutPressed(subentry_id=self._subentry_id, result=result),
        )

    async def _async_send(self, context: Context) -> None:
        """Pass the request to the outbox. Raises a translated HomeAssistantError."""
        outbox = get_outbox(self.hass, self._entry)
        if self._data[CONF_KIND] == KIND_SEND_MESSAGE:
            await outbox.run(self._message_job(outbox.context, context))
        else:
            await outbox.run(self._chat_job(outbox.context, context))

    def _message_job(
        self, outbox_context: OutboxContext, context: Context
    ) -> SendMessageJob:
        """Return the job that sends the message to its chat."""
        message, chosen = self._render(), self._data.get(CONF_ATTACHMENT)
        if not message and not chosen:
            raise errors.invalid("nothing_to_send")
        return SendMessageJob(
            context=outbox_context,
            message=MessageRequest(
                chat_id=self._data[CONF_CHAT_ID],
                text=markdown.escape(message) if message else None,
                length=len(message),
                attachment=Source(location=attachment(chosen)) if chosen else None,
            ),
            call_context=context,
        )

    def _chat_job(
        self, outbox_context: OutboxContext, context: Context
    ) -> CreateChatJob:
        """Return the job that starts the chat or creates the group."""
        data, message = self._data, self._render()
        common: dict[str, Any] = {
            "account_id": data[CONF_ACCOUNT_ID],
            "message_text": markdown.escape(message) if message else None,
        }
        people = data.get(CONF_PEOPLE, ())
        request = (
            StartChat(user=StartUser(**data[CONF_USER]), **common)
            if data[CONF_KIND] == KIND_START_CHAT
            else CreateChat(
                participant_ids=tuple(person["id"] for person in people),
                type="group",
                title=data.get(CONF_TITLE),
                **common,
            )
        )
        return CreateChatJob(
            context=outbox_context,
            request=request,
            # Repeated presses must not create more groups.
            if_exists="reuse",
            phone_numbers={
                person["id"]: person["phone_number"]
                for person in people
                if person["phone_number"]
            },
            call_context=context,
        )

    def _render(self) -> str:
        """Return the rendered message, empty if blank."""
        template = Template(self._data.get(CONF_MESSAGE, ""), self.hass)
        try:
            # Unless strict, Home Assistant logs the template on undefined variables.
            rendered = template.async_render(parse_result=False, strict=True)
            message: str = text(rendered)
        except TemplateError:
            raise errors.failed("template_failed") from None
        except vol.Invalid as err:
            raise errors.invalid(err.msg, field=CONF_MESSAGE) from None
        return "" if is_blank(message) else message
