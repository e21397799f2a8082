"""Snapshots of the devices, entities and states of a server with a chat and a shortcut."""

from types import MappingProxyType

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.helpers.entities import CHAT_DATA, MESSAGE_SHORTCUT
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY

ENTRY_ID = "01K0BEEPER0000000000000000"


@pytest.fixture
def entry(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Return an entry with a chat and a shortcut, all with fixed ids."""
    entry = add_entry(hass, simulator.url, entry_id=ENTRY_ID)
    for kind, title, data in (
        ("chat", "Family", {**CHAT_DATA, "chat_id": FAMILY}),
        ("shortcut", "Good night", MESSAGE_SHORTCUT),
    ):
        subentry = ConfigSubentry(
            data=MappingProxyType(data),
            subentry_id=f"{kind}-id",
            subentry_type=kind,
            title=title,
            unique_id=None,
        )
        hass.config_entries.async_add_subentry(entry, subentry)
    return entry


@pytest.mark.usefixtures("loaded")
def test_entities(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
) -> None:
    entities = er.async_entries_for_config_entry(entity_registry, ENTRY_ID)
    assert entities
    for entity in sorted(entities, key=lambda entity: entity.entity_id):
        assert entity == snapshot(name=f"{entity.entity_id}-entry")
        assert hass.states.get(entity.entity_id) == snapshot(
            name=f"{entity.entity_id}-state"
        )


@pytest.mark.usefixtures("loaded")
def test_devices(
    device_registry: dr.DeviceRegistry, snapshot: SnapshotAssertion
) -> None:
    devices = {
        identifier: device
        for device in (
            *dr.async_entries_for_config_entry(device_registry, ENTRY_ID),
            *dr.async_child_entries_for_config_entry(device_registry, ENTRY_ID),
        )
        for _, identifier in device.identifiers
    }
    assert devices
    for identifier in sorted(devices):
        assert devices[identifier] == snapshot(name=identifier)
