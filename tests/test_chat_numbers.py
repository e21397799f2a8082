"""Chat numbers, which stand for other chats after Beeper has moved."""

from http import HTTPStatus
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import call_action
from tests.helpers.listening import message_event, publish
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, PROFILES, texts, write

pytestmark = pytest.mark.usefixtures("impatient")
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("send_message", {"message": "Good night"}),
    ("update_chat", {"is_pinned": True}),
    ("add_reaction", {"message_id": "1", "reaction": "\N{THUMBS UP SIGN}"}),
    ("get_chat", {}),
    ("list_messages", {}),
]


def issues(hass: HomeAssistant) -> list[ir.IssueEntry]:
    return [
        issue
        for issue in ir.async_get(hass).issues.values()
        if issue.translation_key == "chat_number_changed"
    ]


def writes(simulator: Simulator) -> list[str]:
    return [request.path for request in simulator.executed]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("restart", [False, True])
async def test_number_of_another_chat_is_refused(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    profile: str,
    restart: bool,
    hass_storage: dict[str, Any],
) -> None:
    number = simulator.world.chats[KIM].local_id
    await call_action(hass, "send_message", chat_id=number, message="first")
    assert texts(simulator)[-1] == "first"

    simulator.world.renumber_chats()
    assert simulator.world.chat(number).id != KIM
    if restart:
        await hass.config_entries.async_unload(loaded.entry_id)
        await until(lambda: f"beeper.{loaded.entry_id}.chat_numbers" in hass_storage)
        del hass.data[DOMAIN]
        await hass.config_entries.async_setup(loaded.entry_id)
        await hass.async_block_till_done()
    before = len(simulator.executed)
    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, "send_message", chat_id=number, message="second")

    assert refused.value.translation_key == "chat_number_changed"
    assert len(simulator.executed) == before
    [issue] = issues(hass)
    assert issue.is_fixable
    title = simulator.world.chat(number).title
    assert issue.translation_placeholders == {"number": number, "chat": title}
    # Names and IDs go on working.
    await call_action(hass, "send_message", chat_id=KIM, message="third")
    assert texts(simulator)[-1] == "third"


@pytest.mark.parametrize(("action", "data"), CALLS)
async def test_every_action_refuses_it(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    action: str,
    data: dict[str, Any],
) -> None:
    chat = simulator.world.chats[KIM]
    if "message_id" in data:
        data = {**data, "message_id": chat.messages[-1].id}
    number = chat.local_id
    await call_action(hass, action, chat_id=number, **data)
    simulator.world.renumber_chats()
    before = writes(simulator)

    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, action, chat_id=number, **data)

    assert refused.value.translation_key == "chat_number_changed"
    assert writes(simulator) == before
    assert issues(hass)


async def test_recipients_and_searches_refuse_it(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    number = simulator.world.chats[KIM].local_id
    calls: list[tuple[str, dict[str, Any]]] = [
        ("send_message", {"recipient": number, "message": "Good night"}),
        ("create_chat", {"recipient": number, "account_id": "whatsapp"}),
        ("search_messages", {"chat_ids": [number], "query": "a"}),
    ]
    await call_action(hass, "get_chat", chat_id=number)
    simulator.world.renumber_chats()
    # Find a number of a direct chat, as a new chat is with a person.
    loaded.runtime_data.directory.index.invalidate()
    for action, data in calls:
        before = writes(simulator)
        with pytest.raises(HomeAssistantError):
            await call_action(hass, action, **data)
        assert writes(simulator) == before


async def test_number_that_cannot_be_read_is_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    number = simulator.world.chats[KIM].local_id
    simulator.faults.add(
        "status_before", method="GET", path=f"/v1/chats/{number}", status=500
    )
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "send_message", chat_id=number, message="Good night")
    assert refused.value.translation_key == "chat_number_unread"
    assert not simulator.executed


async def test_trigger_with_the_number_of_another_chat(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    number = simulator.world.chats[KIM].local_id
    calls = async_mock_service(hass, "test", "run")
    trigger = {
        "trigger": "beeper.message_received",
        "options": {"chat_id": number},
    }
    config = {"automation": {"triggers": trigger, "actions": {"action": "test.run"}}}
    assert await async_setup_component(hass, "automation", config)
    await publish(hass, message_event(loaded, simulator))
    assert len(calls) == 1

    simulator.world.renumber_chats()
    other = simulator.world.chat(number)
    await publish(hass, message_event(loaded, simulator, other.id))

    assert len(calls) == 1
    assert issues(hass)


async def test_repair_assigns_the_number_to_the_new_chat(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_client: ClientSessionGenerator,
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    number = simulator.world.chats[KIM].local_id
    await call_action(hass, "send_message", chat_id=number, message="first")
    simulator.world.renumber_chats()
    with pytest.raises(ServiceValidationError):
        await call_action(hass, "send_message", chat_id=number, message="second")
    [issue] = issues(hass)
    client = await hass_client()
    answer = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue.issue_id}
    )
    flow = await answer.json()
    assert answer.status == HTTPStatus.OK
    assert flow["step_id"] == "confirm"
    answer = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    assert (await answer.json())["type"] == "create_entry"
    assert not issues(hass)

    await call_action(hass, "send_message", chat_id=number, message="third")
    assert texts(simulator, simulator.world.chat(number).id)[-1] == "third"


async def test_issue_is_deleted_with_the_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    number = simulator.world.chats[KIM].local_id
    await call_action(hass, "get_chat", chat_id=number)
    simulator.world.renumber_chats()
    with pytest.raises(ServiceValidationError):
        await call_action(hass, "get_chat", chat_id=number)
    assert issues(hass)
    ir.async_create_issue(
        hass,
        DOMAIN,
        "other",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="other",
    )

    await hass.config_entries.async_remove(loaded.entry_id)

    assert not issues(hass)
    assert ir.async_get(hass).async_get_issue(DOMAIN, "other")


async def test_only_fingerprints_are_stored(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    hass_storage: dict[str, Any],
) -> None:
    number = simulator.world.chats[FAMILY].local_id
    key = f"beeper.{loaded.entry_id}.chat_numbers"
    write(simulator, "hello")
    await call_action(hass, "get_chat", chat_id=number)
    await until(lambda: key in hass_storage)
    stored = str(hass_storage[key]["data"])
    assert stored != "{}"
    assert FAMILY not in stored
    assert f"'{number}'" not in stored

    assert await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()
    assert key not in hass_storage
