"""Added chats that Beeper gives another ID, and that are removed and added again."""

from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper import chat_id_changes
from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Chat
from tests.helpers.actions import call_action, posts
from tests.helpers.entities import MESSAGE_SHORTCUT, add_chat, add_shortcut, press
from tests.helpers.waiting import poll, until
from tests.helpers.world import FAMILY, KIM, PROFILES, texts, write

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_id_changes, "_FIRST_CHECK_DELAY", 0.05)
    monkeypatch.setattr(chat_id_changes, "_CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(chat_id_changes, "_GONE_AFTER", 0.2)
    monkeypatch.setattr(chat_id_changes, "_SAVE_DELAY", 0)


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return next(
        (
            issue
            for issue in ir.async_get(hass).issues.values()
            if issue.translation_key in ("chat_moved", "chat_gone")
        ),
        None,
    )


async def noted(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """Wait until the people of the added chats are known."""
    key = f"beeper.{entry.entry_id}.added_chats"
    await until(lambda: hass_storage.get(key, {}).get("data"))


async def fix(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> None:
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    found = issue(hass)
    assert found
    answer = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": found.issue_id}
    )
    assert answer.status == HTTPStatus.OK
    flow = await answer.json()
    assert flow["step_id"] == "confirm"
    answer = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    assert (await answer.json())["type"] == "create_entry"
    await hass.async_block_till_done()


async def moved(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    chat_id: str,
) -> Chat:
    """Let Beeper create a chat anew; return it once the issue is there."""
    await noted(hass, entry, hass_storage)
    new = simulator.world.recreate_chat(simulator.world.chats[chat_id])
    await until(lambda: issue(hass))
    return new


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("chat_id", [KIM, FAMILY])
async def test_successor_is_used_once_confirmed(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
    chat_id: str,
) -> None:
    account_id = simulator.world.chats[chat_id].account_id
    notify_id = await add_chat(hass, loaded, chat_id)
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT, chat_id=chat_id)
    registered = er.async_get(hass).async_get(notify_id)
    assert registered
    calls = async_mock_service(hass, "test", "run")
    config = {
        "automation": {
            "triggers": {
                "trigger": "beeper.message_received",
                "options": {"chat_id": chat_id},
            },
            "actions": {"action": "test.run"},
        }
    }
    assert await async_setup_component(hass, "automation", config)

    new = await moved(hass, loaded, simulator, hass_storage, chat_id)
    found = issue(hass)
    assert found
    assert found.translation_key == "chat_moved"
    assert found.translation_placeholders
    assert found.translation_placeholders["successor"] == new.title
    assert chat_id not in str(found.translation_placeholders)

    await fix(hass, hass_client)

    assert issue(hass) is None
    # The device and the entities stay.
    after = er.async_get(hass).async_get(notify_id)
    assert after
    assert (after.id, after.device_id) == (registered.id, registered.device_id)
    await hass.services.async_call(
        "notify",
        "send_message",
        {"entity_id": notify_id, "message": "to the entity"},
        blocking=True,
    )
    await press(hass)
    await call_action(hass, "send_message", chat_id=chat_id, message="to the former ID")
    sent = texts(simulator, new.id)[-3:]
    assert sent[0] == "to the entity"
    assert sent[1].replace("\\", "") == "Good night *all*"
    assert sent[2] == "to the former ID"
    calls.clear()
    write(simulator, "hello", chat_id=new.id)
    await poll(hass, loaded)
    await until(lambda: calls)
    subentries = [*loaded.subentries.values()]
    assert {subentry.data["chat_id"] for subentry in subentries} == {new.id}
    assert {subentry.data["account_id"] for subentry in subentries} == {account_id}


async def test_a_check_during_the_repair_brings_no_issue_back(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """The reload waits for a message, and meanwhile the check for its answer."""
    await add_chat(hass, loaded)
    await moved(hass, loaded, simulator, hass_storage, KIM)
    assert await async_setup_component(hass, "repairs", {})
    await hass_client()
    simulator.faults.add("delay", method="POST", path="*/messages", seconds=1)
    sending = hass.async_create_task(
        call_action(hass, "send_message", chat_id=FAMILY, message="hi")
    )
    await until(lambda: posts(simulator))
    listing = simulator.faults.add(
        "delay", method="GET", path="/v1/chats/search", seconds=0.5
    )
    await until(lambda: listing.hits)

    await fix(hass, hass_client)
    await sending

    assert issue(hass) is None


async def test_successor_after_a_restart(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    """The people are known although the chat went away while nobody looked."""
    await add_chat(hass, loaded)
    await noted(hass, loaded, hass_storage)
    await hass.config_entries.async_unload(loaded.entry_id)
    new = simulator.world.recreate_chat(simulator.world.chats[KIM])
    await hass.config_entries.async_setup(loaded.entry_id)
    await until(lambda: issue(hass))
    found = issue(hass)
    assert found
    assert found.translation_key == "chat_moved"
    assert found.data
    assert found.data["successor_id"] == new.id
    stored = str(hass_storage[f"beeper.{loaded.entry_id}.added_chats"]["data"])
    for private in (KIM, "Kim", "15550101002"):
        assert private not in stored


async def test_chat_of_other_people_is_not_a_successor(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    world = simulator.world
    await add_chat(hass, loaded, FAMILY)
    await noted(hass, loaded, hass_storage)
    family = world.chats[FAMILY]
    others = [person for person in family.participants if not person.is_self]
    account = world.accounts[family.account_id]
    world.add_chat(account, others[:-1], kind="group", title=family.title)
    world.add_chat(account, others, kind="group", title="Surprise party")
    world.delete_chat(family)
    await until(lambda: issue(hass))
    found = issue(hass)
    assert found
    assert found.translation_key == "chat_gone"
    assert not found.is_fixable


async def test_chat_that_everybody_left_for_a_new_one(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    world = simulator.world
    await add_chat(hass, loaded)
    await noted(hass, loaded, hass_storage)
    kim = world.chats[KIM]
    person = kim.participants[0]
    new = world.add_chat(world.accounts["whatsapp"], [person])
    world.leave(kim, person)
    await until(lambda: issue(hass))
    found = issue(hass)
    assert found
    assert found.data
    assert found.data["successor_id"] == new.id


async def test_chats_that_are_not_loaded_are_not_gone(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    await add_chat(hass, loaded)
    await noted(hass, loaded, hass_storage)
    fault = simulator.faults.add(
        "status_before", method="GET", path="/v1/chats/*", status=500, times=20
    )
    await until(lambda: fault.hits > 10)
    simulator.faults.clear()
    gone, simulator.world.chats = simulator.world.chats, {}
    simulator.world.sort()
    before = len(simulator.requests)
    await until(lambda: len(simulator.requests) > before + 20)
    assert issue(hass) is None
    simulator.world.chats = gone
    simulator.world.sort()


async def test_issue_goes_away_with_the_chat_and_the_entry(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    await add_chat(hass, loaded)
    await noted(hass, loaded, hass_storage)
    world = simulator.world
    kim = world.chats[KIM]
    world.delete_chat(kim)
    await until(lambda: issue(hass))
    world.chats[KIM] = world._local_ids[kim.local_id] = kim
    await until(lambda: issue(hass) is None)
    world.delete_chat(kim)
    await until(lambda: issue(hass))
    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert issue(hass) is None
    assert f"beeper.{loaded.entry_id}.added_chats" not in hass_storage


async def test_chat_that_is_missing_for_a_moment_is_not_gone(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat_id_changes, "_GONE_AFTER", 600)
    await add_chat(hass, loaded)
    await noted(hass, loaded, hass_storage)
    simulator.world.delete_chat(simulator.world.chats[KIM])
    before = len(simulator.requests)

    def checks() -> int:
        requests = simulator.requests[before:]
        return sum(request.path.startswith("/v1/chats/") for request in requests)

    await until(lambda: checks() >= 3)
    assert issue(hass) is None


async def test_account_of_an_added_chat_is_followed(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    await add_chat(hass, loaded)
    world = simulator.world
    world.rename_account(world.accounts["whatsapp"], "whatsapp_2")
    await poll(hass, loaded)
    (subentry,) = loaded.subentries.values()
    await until(lambda: subentry.data["account_id"] == "whatsapp_2")


@pytest.mark.parametrize("reconfigured", [False, True])
async def test_chat_that_is_removed_and_added_again_keeps_its_ids(
    hass: HomeAssistant, loaded: MockConfigEntry, reconfigured: bool
) -> None:
    entities, devices = er.async_get(hass), dr.async_get(hass)
    chat_id = FAMILY if reconfigured else KIM
    notify_id = await add_chat(hass, loaded)
    entities.async_update_entity(notify_id, new_entity_id="notify.my_own_name")
    before = er.async_entries_for_config_entry(entities, loaded.entry_id)
    chat_entities = {
        entity.entity_id: (entity.id, entity.device_id)
        for entity in before
        if entity.config_subentry_id
    }
    assert len(chat_entities) > 2
    (subentry,) = loaded.subentries.values()
    if reconfigured:
        hass.config_entries.async_update_subentry(
            loaded,
            subentry,
            data={**subentry.data, "chat_id": FAMILY},
            unique_id=FAMILY,
        )
        await hass.async_block_till_done()
        assert {
            entity.entity_id: (entity.id, entity.device_id)
            for entity in er.async_entries_for_config_entry(entities, loaded.entry_id)
            if entity.config_subentry_id
        } == chat_entities
    hass.config_entries.async_remove_subentry(loaded, subentry.subentry_id)
    await hass.async_block_till_done()
    assert not entities.async_get("notify.my_own_name")
    await add_chat(hass, loaded, chat_id)
    assert {
        entity.entity_id: (entity.id, entity.device_id)
        for entity in er.async_entries_for_config_entry(entities, loaded.entry_id)
        if entity.config_subentry_id
    } == chat_entities
    for _, device_id in chat_entities.values():
        assert device_id
        assert devices.async_get(device_id)
