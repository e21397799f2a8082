"""Chats and shortcuts with their entities and devices."""

from types import MappingProxyType
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.device_identifiers import (
    account_identifier,
    server_identifier,
    subentry_key,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.helpers.world import KIM

CHAT_DATA = {"chat_id": KIM, "account_id": "whatsapp", "network": "WhatsApp"}
BUTTON = "button.shortcut"
SENSOR = "sensor.shortcut_last_result"
MIA = "15550101004"
MESSAGE_SHORTCUT = {
    "kind": "send_message",
    "search": "Kim",
    "account_id": "whatsapp",
    "chat_id": KIM,
    "message": "Good night *all*",
}
CHAT_SHORTCUT = {
    "kind": "start_chat",
    "recipient": "Kim",
    "account_id": "whatsapp",
    "user": {"phone_number": "+15550101002"},
    "message": "Good night *all*",
}
GROUP_SHORTCUT = {
    "kind": "create_group",
    "participants": ["Kim", "Mia"],
    "account_id": "whatsapp",
    "people": [
        {"id": "15550101002", "phone_number": "+15550101002"},
        {"id": MIA, "phone_number": None},
    ],
    "title": "Dinner",
    "message": "Good night *all*",
}


async def add_chat(
    hass: HomeAssistant, entry: MockConfigEntry, chat_id: str = KIM, title: str = "Kim"
) -> str:
    """Add a chat as its flow does, and return its notify entity."""
    subentry = ConfigSubentry(
        data=MappingProxyType({**CHAT_DATA, "chat_id": chat_id}),
        subentry_type="chat",
        title=title,
        unique_id=chat_id,
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    entity_id = er.async_get(hass).async_get_entity_id(
        "notify", DOMAIN, subentry_key(entry, subentry)
    )
    assert entity_id
    return entity_id


async def add_shortcut(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any], **other: Any
) -> str:
    """Make a shortcut as its flow does; return its id."""
    subentry = ConfigSubentry(
        data=MappingProxyType({**data, **other}),
        subentry_type="shortcut",
        title="Shortcut",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    await hass.async_block_till_done()
    return subentry.subentry_id


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call(
        "button", "press", {"entity_id": BUTTON}, blocking=True
    )


def state(hass: HomeAssistant, entity_id: str = SENSOR) -> str:
    found = hass.states.get(entity_id)
    assert found
    return found.state


async def device_of(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> str:
    """Return the device of a server, of an account or, adding it, of a chat."""
    devices = dr.async_get(hass)
    device: dr.DeviceEntry | dr.ChildDeviceEntry | None
    if name == "server":
        device = devices.async_get_device_by_identifier(
            server_identifier(entry), entry.entry_id
        )
    elif name.startswith("!"):
        entity = er.async_get(hass).async_get(await add_chat(hass, entry, name, name))
        assert entity
        assert entity.device_id
        return entity.device_id
    else:
        device = devices.async_get_child_device_by_identifier(
            account_identifier(entry, name), entry.entry_id
        )
    assert device
    return device.id
