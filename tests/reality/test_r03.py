"""R3: accounts without a network, with an address in their ID."""

from collections.abc import AsyncIterator
import json

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.device_identifiers import devices_by_account
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from tests.helpers.actions import find
from tests.helpers.entities import add_chat
from tests.helpers.servers import TOKEN
from tests.helpers.world import PROFILES

EMAIL = "sh-email_email:me@example.com"
SLACK = "sh-slack_T0-U0"
SECRETS = ("example", "me@", "T0-U0", "t0_u0")
MODERN = ["4.2.808", "latest"]


@pytest.fixture
async def simulator(profile: str, socket_enabled: None) -> AsyncIterator[Simulator]:
    """Return a server with the self-hosted accounts."""
    async with Simulator(profile, TOKEN, traits=["self_hosted_accounts"]) as server:
        yield server


def names(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, str | None]:
    return {
        account_id: device.name
        for account_id, device in devices_by_account(hass, entry).items()
        if account_id.startswith("sh-")
    }


def reveals(hass: HomeAssistant) -> list[str]:
    """Return the parts of account IDs in anything the registries and states show."""
    shown = json.dumps(
        [
            [state.as_dict() for state in hass.states.async_all()],
            [
                [entity_id.entity_id, entity_id.original_name]
                for entity_id in er.async_get(hass).entities.values()
            ],
            [
                device.name
                for entry in hass.config_entries.async_entries("beeper")
                for device in devices_by_account(hass, entry).values()
            ],
        ],
        default=str,
    )
    return [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("profile", MODERN)
async def test_r3_a_network_is_named_after_its_bridge(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert names(hass, loaded) == {EMAIL: "email", SLACK: "slack 2"}
    assert not reveals(hass)


@pytest.mark.parametrize("profile", ["4.2.557", "easymatrix", "4.1.294"])
async def test_r3_without_a_bridge_by_the_start_of_the_account_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for name in names(hass, loaded).values():
        assert name
        assert name.casefold() in ("email", "slack", "slack 2")
    assert not reveals(hass)


@pytest.mark.parametrize("profile", PROFILES)
async def test_r3_accounts_without_network_are_named_after_their_bridge(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.traits.add("accounts_without_network")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    devices = devices_by_account(hass, entry)
    assert {device.name.casefold() for device in devices.values() if device.name} >= {
        "whatsapp",
        "telegram",
        "local-whatsapp",
        "slackgo",
    }
    assert not reveals(hass)


async def test_r3_devices_and_entities_named_after_an_address_are_renamed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Unless the user has renamed them."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    slack = devices_by_account(hass, loaded)[SLACK].id
    email = devices_by_account(hass, loaded)[EMAIL].id
    devices.async_update_child_device(slack, name=SLACK, name_by_user="Work")
    devices.async_update_child_device(email, name="sh-email_email:me@example")
    entities.async_update_entity(
        "sensor.beeper_email_unread_messages",
        new_entity_id="sensor.beeper_sh_email_email_me_example_unread_messages",
    )
    entities.async_update_entity(
        "sensor.beeper_email_status", new_entity_id="sensor.post_of_me"
    )
    entities.async_update_entity(
        "sensor.beeper_slack_2_status",
        new_entity_id="sensor.beeper_sh_slack_t0_u0_status",
    )
    await hass.async_block_till_done()
    assert reveals(hass)

    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()

    assert names(hass, loaded) == {EMAIL: "email", SLACK: "slack 2"}
    named = {entity_id.entity_id for entity_id in entities.entities.values()}
    assert named >= {"sensor.beeper_email_unread_messages", "sensor.post_of_me"}
    assert not reveals(hass)
    device = devices.async_get(slack)
    assert device
    assert device.name_by_user == "Work"
    assert hass.states.get("sensor.beeper_email_unread_messages")


@pytest.mark.parametrize("profile", ["4.2.808", "latest", "easymatrix"])
async def test_r3_chats_whose_network_is_bridgev2(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("chat_network_bridgev2")
    found = await find(hass, query="Kim")
    assert "bridgev2" not in json.dumps(found)
    networks = {match["network"].casefold() for match in found["matches"]}
    assert networks >= {"whatsapp"}
    response = await hass.services.async_call(
        "beeper", "list_chats", {}, blocking=True, return_response=True
    )
    assert response
    assert "bridgev2" not in json.dumps(response)
    await add_chat(hass, loaded)
