"""Scopes of devices."""

from dataclasses import replace
from datetime import timedelta
import re
from types import MappingProxyType

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import account_devices
from custom_components.beeper.device_identifiers import (
    DeviceScope,
    resolve_device,
    server_identifier,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.helpers.entities import CHAT_DATA, MESSAGE_SHORTCUT, add_chat
from tests.helpers.servers import add_entry
from tests.helpers.world import ALEX, FAMILY, KIM


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
    assert resolve_device(hass, "device does not exist") is None


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


# Names


def server_name(hass: HomeAssistant, entry: MockConfigEntry) -> str | None:
    device = dr.async_get(hass).async_get_device_by_identifier(
        server_identifier(entry), entry.entry_id
    )
    assert device
    return device.name


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("4.1.294", "Beeper"),
        ("4.2.557", "Beeper Desktop"),
        ("latest", "Beeper Desktop"),
        ("easymatrix", "EasyMatrix"),
    ],
)
async def test_server_is_named_after_its_kind(
    hass: HomeAssistant, loaded: MockConfigEntry, name: str
) -> None:
    assert server_name(hass, loaded) == name


async def test_a_beeper_server_is_called_so(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.profile = replace(
        simulator.profile, bundle_id="com.automattic.beeper.server"
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert server_name(hass, entry) == "Beeper Server"


async def test_two_servers_are_distinguished_by_their_hosts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """And one alone has its plain name again."""
    other = add_entry(hass, simulator.url.replace("127.0.0.1", "localhost"))
    await hass.config_entries.async_setup(other.entry_id)
    assert server_name(hass, loaded) == "Beeper Desktop (127.0.0.1)"


async def test_a_server_that_is_away_keeps_its_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()
    await hass.config_entries.async_reload(loaded.entry_id)
    assert server_name(hass, loaded) == "Beeper Desktop"


async def test_earlier_names_are_replaced_unless_the_user_chose_them(
    hass: HomeAssistant, loaded: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    server = device_of(hass, "binary_sensor.beeper_connected")
    matrix = device_of(hass, "sensor.beeper_beeper_chats_status")
    device_registry.async_update_device(server, name="Beeper", name_by_user="Mine")
    device_registry.async_update_child_device(matrix, name="Beeper")

    await hass.config_entries.async_reload(loaded.entry_id)

    device = device_registry.async_get(server)
    assert device
    assert (device.name, device.name_by_user) == ("Beeper Desktop", "Mine")
    child = device_registry.async_get(matrix)
    assert child
    assert child.name == "Beeper chats"


# IDs of entities


@pytest.mark.parametrize("title", ["🏡", "🔥🔥", "!!!", "…"])
async def test_titles_without_letters_give_usable_ids(
    hass: HomeAssistant, loaded: MockConfigEntry, title: str
) -> None:
    ids = [
        await add_chat(hass, loaded, KIM, title),
        await add_chat(hass, loaded, FAMILY, title),
        await add_chat(hass, loaded, ALEX, "Alex 🏡"),
    ]
    assert ids[2] == "notify.alex"
    keys = []
    for entity_id in ids[:2]:
        found = re.fullmatch(r"notify\.beeper_whatsapp_chat_([0-9a-f]{6})", entity_id)
        assert found
        keys.append(found[1])
    assert len({*keys}) == 2
    for key in keys:
        for own in ("event.{}_message", "sensor.{}_unread_messages"):
            assert hass.states.get(own.format(f"beeper_whatsapp_chat_{key}"))
    # An ID that was given stays.
    await hass.config_entries.async_reload(loaded.entry_id)
    assert all(hass.states.get(entity_id) for entity_id in ids)
    assert not [e for e in hass.states.async_entity_ids() if ".unknown" in e]


async def test_a_shortcut_without_letters_has_a_usable_id(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    subentry = ConfigSubentry(
        data=MappingProxyType(MESSAGE_SHORTCUT),
        subentry_type="shortcut",
        title="🌙",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(loaded, subentry)
    await hass.async_block_till_done()
    name = f"beeper_shortcut_{subentry.subentry_id.lower()[-6:]}"
    assert hass.states.get(f"button.{name}")
    assert hass.states.get(f"sensor.{name}_last_result")


# Icons


@pytest.mark.parametrize(
    ("network", "icon"),
    [
        ("WhatsApp", "mdi:whatsapp"),
        ("Telegram", "mdi:send-circle"),
        ("iMessage", "mdi:apple"),
        ("Facebook Messenger", "mdi:facebook-messenger"),
        ("Messenger", "mdi:facebook-messenger"),
        ("X (Twitter)", "mdi:twitter"),
        ("Beeper (Matrix)", "mdi:matrix"),
        ("Google Messages", "mdi:message-badge"),
        ("Carrier Pigeon", None),
        (None, None),
    ],
)
async def test_chats_have_the_icon_of_their_network(
    hass: HomeAssistant, loaded: MockConfigEntry, network: str | None, icon: str | None
) -> None:
    subentry = ConfigSubentry(
        data=MappingProxyType({**CHAT_DATA, "network": network}),
        subentry_type="chat",
        title="Kim",
        unique_id=KIM,
    )
    hass.config_entries.async_add_subentry(loaded, subentry)
    await hass.async_block_till_done()
    for entity_id in ("notify.kim", "event.kim_message"):
        state = hass.states.get(entity_id)
        assert state
        assert state.attributes.get("icon") == icon
    state = hass.states.get("event.beeper_instagram_message")
    assert state
    assert state.attributes["icon"] == "mdi:instagram"
