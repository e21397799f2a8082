"""Properties that all entities share."""

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.device_identifiers import subentry_key
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.helpers.entities import add_chat


async def test_every_entity_has_a_unique_id_a_device_and_a_name(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    await add_chat(hass, loaded)
    (subentry,) = loaded.subentries.values()
    chat_key = subentry_key(loaded, subentry)
    entities = er.async_entries_for_config_entry(entity_registry, loaded.entry_id)

    assert len({entity.domain for entity in entities}) > 2
    assert len({(entity.domain, entity.unique_id) for entity in entities}) == len(
        entities
    )
    for entity in entities:
        # Neither the address nor a name: those change.
        assert entity.unique_id.startswith((loaded.entry_id, chat_key))
        assert entity.has_entity_name
        assert entity.translation_key
        assert entity.device_id
        device = device_registry.async_get(entity.device_id)
        assert device
        assert device.name
        assert entity.disabled_by is None
        assert hass.states.get(entity.entity_id)
