"""Accounts that get another ID by a new log-in."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from custom_components.beeper import account_id_changes
from custom_components.beeper.device_identifiers import resolve_device
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Person
from tests.helpers.actions import call_action
from tests.helpers.entities import device_of
from tests.helpers.waiting import poll, until
from tests.helpers.world import KIM, KIM_BY_NUMBER, PROFILES, write

pytestmark = pytest.mark.usefixtures("impatient")
OLD, NEW = "whatsapp", "whatsapp_new"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_id_changes, "_GONE_AFTER", 0.1)
    monkeypatch.setattr(account_id_changes, "_SAVE_DELAY", 0)


def issues(hass: HomeAssistant) -> list[str | None]:
    return [issue.translation_key for issue in ir.async_get(hass).issues.values()]


async def log_in_again(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    """Let an account get another ID; return once polls have missed it for long."""
    simulator.world.rename_account(simulator.world.accounts[OLD], NEW)

    async def polled() -> bool:
        await poll(hass, entry)
        return entry.data["account_id"] == NEW or bool(issues(hass))

    for _ in range(200):
        if await polled():
            break
    await hass.async_block_till_done()


@pytest.mark.parametrize("profile", PROFILES)
async def test_everything_follows_the_account(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    device_id = await device_of(hass, loaded, OLD)
    entities = er.async_get(hass)
    before = {
        entity.entity_id: entity.id
        for entity in er.async_entries_for_device(entities, device_id)
    }
    assert before
    calls = async_mock_service(hass, "test", "run")
    config = {
        "automation": [
            {
                "triggers": {
                    "trigger": "beeper.message_received",
                    "options": options,
                },
                "conditions": {
                    "condition": "beeper.account_is_connected",
                    "options": {"account_id": OLD},
                },
                "actions": {"action": "test.run"},
            }
            for options in ({"account_id": OLD}, {"device_id": device_id})
        ]
    }
    assert await async_setup_component(hass, "automation", config)

    await log_in_again(hass, loaded, simulator)

    assert loaded.data["account_id"] == NEW
    scope = resolve_device(hass, device_id)
    assert scope
    assert scope.account_id == NEW
    assert {
        entity.entity_id: entity.id
        for entity in er.async_entries_for_device(entities, device_id)
    } == before
    for entity_id in before:
        assert (state := hass.states.get(entity_id))
        assert state.state != "unavailable"
    write(simulator, "hello", chat_id=KIM)
    await poll(hass, loaded)
    await until(lambda: len(calls) == 2)
    for account in ({}, {"account_id": OLD}):
        answer: dict[str, Any] = await call_action(
            hass, "create_chat", **KIM_BY_NUMBER, **account
        )
        assert answer["account_id"] == NEW
    assert not issues(hass)
    # A further restart finds the device moved already.
    assert await hass.config_entries.async_reload(loaded.entry_id)
    assert await device_of(hass, loaded, NEW) == device_id


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_account_of_another_user_does_not_follow(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    account = simulator.world.accounts[OLD]
    user = account.user
    account.user = Person(id="15559999999", full_name="Else", is_self=True)
    await log_in_again(hass, loaded, simulator)
    assert loaded.data["account_id"] == OLD
    assert issues(hass) == ["default_account_gone"]

    account.user = user
    simulator.world.rename_account(account, OLD)
    await poll(hass, loaded)
    assert not issues(hass)


async def test_only_a_connected_account_is_followed(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    account = simulator.world.accounts[OLD]
    account.status = "reconnect_required"
    await log_in_again(hass, loaded, simulator)
    assert loaded.data["account_id"] == OLD
    assert issues(hass)

    account.status = "connected"
    await poll(hass, loaded)
    await hass.async_block_till_done()
    assert loaded.data["account_id"] == NEW
    assert "default_account_gone" not in issues(hass)


async def test_another_account_may_vanish(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    simulator.world.accounts["telegram"].listed = False
    for _ in range(5):
        await poll(hass, loaded)
    assert loaded.data["account_id"] == OLD
    assert not issues(hass)


async def test_missing_once_is_not_gone(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    hass_storage: dict[str, Any],
) -> None:
    monkeypatch.setattr(account_id_changes, "_GONE_AFTER", 600)
    key = f"beeper.{loaded.entry_id}.accounts"
    await until(lambda: key in hass_storage)
    assert OLD not in str(hass_storage[key]["data"])
    simulator.world.rename_account(simulator.world.accounts[OLD], NEW)
    await poll(hass, loaded)
    await poll(hass, loaded)
    assert loaded.data["account_id"] == OLD
    assert not issues(hass)
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert key not in hass_storage
