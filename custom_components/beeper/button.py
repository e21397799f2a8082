"""A button for each shortcut: what was made ready, done at a press."""

import asyncio
from copy import copy
from typing import Any, Final, override

import voluptuous as vol

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, TemplateError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.template import Template

from . import errors
from .api.models import CreateChat, StartChat, StartUser
from .const import (
    CONF_ACCOUNT_ID,
    CONF_CHAT_ID,
    CONF_KIND,
    CONF_MESSAGE,
    CONF_PEOPLE,
    CONF_TITLE,
    CONF_USER,
    DOMAIN,
    SEND_MESSAGE,
    START_CHAT,
)
from .coordinator import BeeperConfigEntry
from .entity import async_add_for_shortcuts, shortcut_device
from .outgoing import markdown
from .outgoing.chat_job import ChatJob
from .outgoing.message_job import MessageJob, MessageRequest
from .outgoing.outbox import get_outbox
from .signals import ShortcutPressed, ShortcutResult, tell_of_shortcut
from .validation import text

PARALLEL_UPDATES = 0  # The outbox knows what has to wait for what.

_MOMENT: Final = 2
"""Seconds after a press for which another one is taken for the same."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button of each shortcut."""
    async_add_for_shortcuts(
        entry,
        async_add_entities,
        lambda subentry: [ShortcutButton(hass, entry, subentry)],
    )


class ShortcutButton(ButtonEntity):
    """Sends a message, starts a chat or makes a group.

    It goes to the outbox and not through an action: Home Assistant records what
    actions are called with, and here nobody has written that into an automation.

    Like the notify entity of a chat it stays available while Beeper is away.
    """

    _attr_has_entity_name = True
    _attr_name = None
    _attr_translation_key = "shortcut"

    _press: asyncio.Task[HomeAssistantError | None] | None = None
    _pressed_until: float = 0
    """Until when a press is taken for the last one, by the event loop's clock."""

    def __init__(
        self, hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
    ) -> None:
        """Do what the shortcut says."""
        self._entry = entry
        self._subentry_id = subentry.subentry_id
        self._data = subentry.data
        self._attr_unique_id = subentry.subentry_id
        self._attr_device_info = shortcut_device(hass, entry, subentry)

    @override
    async def async_press(self) -> None:
        """Do it once, however often it is pressed within a moment.

        Who presses again meanwhile gets the same result, an error too. What was not
        done is done at the next press.
        """
        if self._press is None or (
            self._press.done() and self._pressed_until <= self.hass.loop.time()
        ):
            # Whoever presses a button without a context means each press for itself.
            self._press = self.hass.async_create_task(
                self._async_do(self._context or Context()), f"{DOMAIN} shortcut"
            )
        # The caller may be cancelled, what it has begun is not.
        if err := await asyncio.shield(self._press):
            raise copy(err)

    async def _async_do(self, context: Context) -> HomeAssistantError | None:
        """Do it; return what went wrong, for each who waits to raise it anew."""
        self._tell("under_way")
        result: ShortcutResult = "uncertain"
        try:
            await self._async_reach_out(context)
            result = "done"
        except HomeAssistantError as err:
            if not errors.is_unknown(err):
                result = "not_done"
            return errors.of_shortcut(err).with_traceback(None)
        finally:
            if result != "not_done":
                self._pressed_until = self.hass.loop.time() + _MOMENT
            self._tell(result)
        return None

    def _tell(self, result: ShortcutResult) -> None:
        tell_of_shortcut(
            self.hass, ShortcutPressed(subentry_id=self._subentry_id, result=result)
        )

    async def _async_reach_out(self, context: Context) -> None:
        """Raises a translated HomeAssistantError, as the outbox does."""
        data = self._data
        outbox = get_outbox(self.hass, self._entry)
        message = self._render()
        if data[CONF_KIND] == SEND_MESSAGE:
            if not message:
                raise errors.invalid("nothing_to_send")
            await outbox.run(
                MessageJob(
                    context=outbox.context,
                    message=MessageRequest(
                        chat_id=data[CONF_CHAT_ID],
                        text=markdown.escape(message),
                        length=len(message),
                    ),
                    call_context=context,
                )
            )
            return
        common: dict[str, Any] = {
            "account_id": data[CONF_ACCOUNT_ID],
            "message_text": markdown.escape(message) if message else None,
        }
        people = data.get(CONF_PEOPLE, ())
        request = (
            StartChat(user=StartUser(**data[CONF_USER]), **common)
            if data[CONF_KIND] == START_CHAT
            else CreateChat(
                participant_ids=tuple(person["id"] for person in people),
                type="group",
                title=data.get(CONF_TITLE),
                **common,
            )
        )
        await outbox.run(
            ChatJob(
                context=outbox.context,
                request=request,
                # Pressed every day, it must not create a group a day.
                if_exists="reuse",
                phone_numbers={
                    person["id"]: person["phone_number"]
                    for person in people
                    if person["phone_number"]
                },
            )
        )

    def _render(self) -> str:
        """Return the message as its template makes it now."""
        template = Template(self._data.get(CONF_MESSAGE, ""), self.hass)
        try:
            # Not strict, Home Assistant logs the text of what it cannot fill in.
            rendered = template.async_render(parse_result=False, strict=True)
            message: str = text(rendered)
        except TemplateError:
            raise errors.failed("template_failed") from None
        except vol.Invalid as err:
            raise errors.invalid(err.msg, field=CONF_MESSAGE) from None
        return message if message.strip() else ""
