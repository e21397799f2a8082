"""What a device stands for."""

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.devices import Place, place_of
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator

from .test_message_sending import KIM
from .test_send_message import add_chat


def device_of(hass: HomeAssistant, entity_id: str) -> str:
    entity = er.async_get(hass).async_get(entity_id)
    assert entity
    assert entity.device_id
    return entity.device_id


async def test_place_of_each_of_our_devices(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    entry_id = loaded.entry_id
    chat = device_of(hass, await add_chat(hass, loaded))
    account = device_of(hass, "sensor.beeper_slack_status")
    server = device_registry.async_get_device_by_identifier(
        ("beeper", entry_id), entry_id
    )
    assert server

    assert place_of(hass, server.id) == Place(entry_id=entry_id)
    assert place_of(hass, account) == Place(
        entry_id=entry_id, account_id="slackgo.TEAM-USER"
    )
    assert place_of(hass, chat) == Place(
        entry_id=entry_id, account_id="whatsapp", chat_id=KIM
    )
    for platform in ("event", "sensor"):
        suffix = {"event": "message", "sensor": "unread_messages"}[platform]
        assert device_of(hass, f"{platform}.kim_{suffix}") == chat

    # What automations name outlives a server that is away, not what is removed.
    await hass.config_entries.async_unload(entry_id)
    assert place_of(hass, chat) == Place(
        entry_id=entry_id, account_id="whatsapp", chat_id=KIM
    )
    assert await hass.config_entries.async_setup(entry_id)
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    assert place_of(hass, chat) is None
    await hass.config_entries.async_remove(entry_id)
    await hass.async_block_till_done()
    for gone in (server.id, account):
        assert place_of(hass, gone) is None


async def test_place_of_what_is_not_ours(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    foreign = device_registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("other", loaded.entry_id)}
    )
    odd = device_registry.async_get_or_create(
        config_entry_id=loaded.entry_id, identifiers={("beeper", "unheard of")}
    )
    assert place_of(hass, foreign.id) is None
    assert place_of(hass, odd.id) is None
    assert place_of(hass, "no such device") is None
