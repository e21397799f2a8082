"""A notify entity for each added chat."""

from typing import override

from homeassistant.components.notify import NotifyEntity
from homeassistant.components.notify.const import NotifyEntityFeature
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import errors
from .api.folding import is_blank
from .const import CONF_CHAT_ID, SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry
from .data import get_outbox
from .device_identifiers import subentry_key
from .entity import async_add_for_subentries, chat_device, network_icon
from .outgoing import markdown
from .outgoing.message_request import MessageRequest
from .outgoing.send_message_job import SendMessageJob

PARALLEL_UPDATES = 0  # The outbox keeps the order.


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BeeperConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the entity of each added chat."""
    async_add_for_subentries(
        hass,
        entry,
        SUBENTRY_CHAT,
        async_add_entities,
        lambda subentry: [ChatNotifyEntity(hass, entry, subentry)],
    )


class ChatNotifyEntity(NotifyEntity):
    """Sends messages to one chat, as plain text.

    Stays available while the server is offline: Home Assistant silently skips
    unavailable entities, and the message would be lost without an error.
    """

    _attr_has_entity_name = True
    _attr_name = None
    _attr_supported_features = NotifyEntityFeature.TITLE
    _attr_translation_key = "chat"

    def __init__(
        self, hass: HomeAssistant, entry: BeeperConfigEntry, subentry: ConfigSubentry
    ) -> None:
        """Initialize from a subentry."""
        self._entry = entry
        self._chat_id: str = subentry.data[CONF_CHAT_ID]
        self._attr_unique_id = subentry_key(entry, subentry)
        self._attr_device_info = chat_device(hass, entry, subentry)
        self._attr_icon = network_icon(self._attr_device_info.get("model"))

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Send a message, with the title as its first line in bold."""
        title = "" if is_blank(title or "") else (title or "").strip()
        if is_blank(message) and not title:
            raise errors.invalid("nothing_to_send")
        if title:
            text, length = markdown.with_title(title, message), len(title) + 1
        else:
            text, length = markdown.escape(message), 0
        outbox = get_outbox(self.hass, self._entry)
        await outbox.run(
            SendMessageJob(
                context=outbox.context,
                message=MessageRequest(
                    chat_id=self._chat_id, text=text, length=length + len(message)
                ),
                # Calls without a context are never joined.
                call_context=self._context or Context(),
            )
        )
