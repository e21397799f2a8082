"""Scopes of devices."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import account_devices
from custom_components.beeper.devices import DeviceScope, resolve_device
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.helpers.entities import add_chat
from tests.helpers.world import KIM


def device_of(hass: HomeAssistant, entity_id: str) -> str:
    entity = er.async_get(hass).async_get(entity_id)
    assert entity
    assert entity.device_id
    return entity.device_id


async def test_scope_of_own_devices(
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

    assert resolve_device(hass, server.id) == DeviceScope(entry_id=entry_id)
    assert resolve_device(hass, account) == DeviceScope(
        entry_id=entry_id, account_id="slackgo.TEAM-USER"
    )
    assert resolve_device(hass, chat) == DeviceScope(
        entry_id=entry_id, account_id="whatsapp", chat_id=KIM
    )
    for platform in ("event", "sensor"):
        suffix = {"event": "message", "sensor": "unread_messages"}[platform]
        assert device_of(hass, f"{platform}.kim_{suffix}") == chat

    # Devices outlive an offline server, but not their removal.
    await hass.config_entries.async_unload(entry_id)
    assert resolve_device(hass, chat) == DeviceScope(
        entry_id=entry_id, account_id="whatsapp", chat_id=KIM
    )
    assert await hass.config_entries.async_setup(entry_id)
    (subentry_id,) = loaded.subentries
    hass.config_entries.async_remove_subentry(loaded, subentry_id)
    await hass.async_block_till_done()
    assert resolve_device(hass, chat) is None
    await hass.config_entries.async_remove(entry_id)
    await hass.async_block_till_done()
    for gone in (server.id, account):
        assert resolve_device(hass, gone) is None


async def test_scope_of_other_devices(
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
    assert resolve_device(hass, foreign.id) is None
    assert resolve_device(hass, odd.id) is None
    assert resolve_device(hass, "no such device") is None


SECOND = "local-whatsapp_ba_Sample"
THIRD = "local-whatsapp_ba_Third"


def whatsapps(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str | None]:
    """Return what the devices of the accounts of one network are called."""
    names = {}
    children = dr.async_child_entries_for_config_entry(
        dr.async_get(hass), entry.entry_id
    )
    for device in children:
        scope = resolve_device(hass, device.id)
        assert scope
        if scope.account_id in ("whatsapp", SECOND, THIRD):
            names[scope.account_id] = device.name
    return names


async def test_accounts_of_one_network_are_numbered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The number is stable and reveals nothing about the account."""
    apart = {"whatsapp": "WhatsApp", SECOND: "WhatsApp 2"}
    assert whatsapps(hass, loaded) == apart
    state = hass.states.get("sensor.beeper_whatsapp_2_status")
    assert state
    assert state.name == "WhatsApp 2 Status"

    accounts = simulator.world.accounts
    first = accounts.pop("whatsapp")
    await loaded.runtime_data.async_refresh()
    assert whatsapps(hass, loaded) == apart
    await hass.config_entries.async_reload(loaded.entry_id)
    assert whatsapps(hass, loaded) == apart

    accounts["whatsapp"] = first  # Listed last now.
    await loaded.runtime_data.async_refresh()
    assert whatsapps(hass, loaded) == apart
    await hass.config_entries.async_reload(loaded.entry_id)
    assert whatsapps(hass, loaded) == apart


async def test_account_numbers_are_stable(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = simulator.world.accounts
    third = replace(accounts[SECOND], id=THIRD)
    accounts[THIRD] = third
    await loaded.runtime_data.async_refresh()
    apart = {"whatsapp": "WhatsApp", SECOND: "WhatsApp 2", THIRD: "WhatsApp 3"}
    assert whatsapps(hass, loaded) == apart

    others = {**accounts}
    accounts.clear()
    accounts.update({THIRD: third, **others})
    await loaded.runtime_data.async_refresh()
    assert whatsapps(hass, loaded) == apart
    del accounts["whatsapp"], accounts[SECOND]
    await loaded.runtime_data.async_refresh()
    assert whatsapps(hass, loaded) == apart
    monkeypatch.setattr(account_devices, "_REMOVE_AFTER", timedelta())
    await loaded.runtime_data.async_refresh()
    assert whatsapps(hass, loaded) == {THIRD: "WhatsApp 3"}


async def test_devices_of_equal_names_keep_their_entities(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """As they were made before; a name that the user has given is the user's."""
    second = device_of(hass, "sensor.beeper_whatsapp_2_status")
    first = device_of(hass, "sensor.beeper_whatsapp_status")
    device_registry.async_update_child_device(second, name="WhatsApp")
    device_registry.async_update_child_device(first, name_by_user="Mine")

    await hass.config_entries.async_reload(loaded.entry_id)

    assert whatsapps(hass, loaded) == {"whatsapp": "WhatsApp", SECOND: "WhatsApp 2"}
    assert device_of(hass, "sensor.beeper_whatsapp_2_status") == second
    device = device_registry.async_get(first)
    assert device
    assert device.name_by_user == "Mine"
