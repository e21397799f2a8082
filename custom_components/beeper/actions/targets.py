"""The chats that a call selects by entity, device, area, floor or label."""

from dataclasses import dataclass
from typing import Final

import voluptuous as vol

from homeassistant.const import (
    ATTR_AREA_ID,
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
    Platform,
)
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.group import expand_entity_ids
from homeassistant.helpers.service import async_get_config_entry
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)

from .. import errors
from ..const import CONF_CHAT_ID, DOMAIN
from ..coordinator import BeeperConfigEntry
from ..validation import target_ids

TARGET_FIELDS: Final = (
    ATTR_ENTITY_ID,
    ATTR_DEVICE_ID,
    ATTR_AREA_ID,
    ATTR_FLOOR_ID,
    ATTR_LABEL_ID,
)
TARGET_SCHEMA: Final = {vol.Optional(field): target_ids for field in TARGET_FIELDS}


@dataclass(frozen=True, kw_only=True, repr=False)
class ChatTarget:
    """An added chat, by its notify entity."""

    entry_id: str
    chat_id: str
    entity_id: str

    def entry(self, hass: HomeAssistant) -> BeeperConfigEntry:
        """Return the loaded config entry; raises ServiceValidationError."""
        entry: BeeperConfigEntry = async_get_config_entry(hass, DOMAIN, self.entry_id)
        return entry


def chat_target(
    hass: HomeAssistant, entity_id: str, config_entry_id: str | None = None
) -> ChatTarget:
    """Return the added chat of a notify entity, on a server if one is named.

    Raises a translated ServiceValidationError.
    """
    if (target := _find(hass, entity_id)) is None:
        raise errors.invalid("not_our_entity", field=ATTR_ENTITY_ID)
    if config_entry_id not in (None, target.entry_id):
        raise errors.invalid("entity_of_other_server")
    return target


def _find(hass: HomeAssistant, entity_id: str) -> ChatTarget | None:
    entity = er.async_get(hass).async_get(entity_id)
    if (
        entity is None
        or entity.platform != DOMAIN
        or entity.domain != Platform.NOTIFY
        or entity.config_entry_id is None
        or entity.config_subentry_id is None
        or (entry := hass.config_entries.async_get_entry(entity.config_entry_id))
        is None
    ):
        return None
    subentry = entry.subentries[entity.config_subentry_id]
    return ChatTarget(
        entry_id=entry.entry_id,
        chat_id=subentry.data[CONF_CHAT_ID],
        entity_id=entity.entity_id,
    )


def targeted_entity_ids(call: ServiceCall) -> list[str]:
    """Return the notify entities that a call selects, those that it names first.

    Groups are replaced by their members.
    """
    named_ids = [
        member
        for entity_id in call.data.get(ATTR_ENTITY_ID, ())
        for member in expand_entity_ids(call.hass, [entity_id]) or [entity_id]
    ]
    selected = async_extract_referenced_entity_ids(
        call.hass, TargetSelection({**call.data, ATTR_ENTITY_ID: None})
    )
    entities = er.async_get(call.hass)
    return named_ids + [
        entity_id
        for entity_id in sorted(selected.indirectly_referenced)
        if _find(call.hass, entity_id)
        and (entity := entities.async_get(entity_id))
        and not entity.disabled
    ]


def chat_targets(call: ServiceCall) -> list[ChatTarget]:
    """Return the added chats that a call selects, each once.

    Raises a translated ServiceValidationError, also without a chat.
    """
    entry_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    targets: dict[tuple[str, str], ChatTarget] = {}
    for entity_id in targeted_entity_ids(call):
        target = chat_target(call.hass, entity_id, entry_id)
        targets.setdefault((target.entry_id, target.chat_id), target)
    if not targets:
        raise errors.invalid("target_without_chats")
    return [*targets.values()]
