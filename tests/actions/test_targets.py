"""send_message to added chats: by entity, device, area, floor and label."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.beeper.const import DOMAIN
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import call_action, sent, tried
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY, INSTAGRAM, KIM, texts

type Target = dict[str, Any]


@pytest.fixture
async def chats(hass: HomeAssistant, loaded: MockConfigEntry) -> list[str]:
    """Add three chats, and return their notify entities."""
    return [
        await add_chat(hass, loaded),
        await add_chat(hass, loaded, FAMILY, "Family"),
        await add_chat(hass, loaded, INSTAGRAM, "Lena"),
    ]


@pytest.fixture
def targets(hass: HomeAssistant, chats: list[str]) -> dict[str, Target]:
    """Put Kim and the family into one area, and label the family and Lena."""
    entities, devices = er.async_get(hass), dr.async_get(hass)
    floor = fr.async_get(hass).async_create("Ground floor")
    area = ar.async_get(hass).async_create("Home", floor_id=floor.floor_id)
    label = lr.async_get(hass).async_create("Evening")
    kim, family, lena = (entities.entities[entity_id] for entity_id in chats)
    for entity in (kim, family):
        devices.async_update_device(entity.device_id or "", area_id=area.id)
    for entity in (family, lena):
        entities.async_update_entity(entity.entity_id, labels={label.label_id})
    return {
        "device": {"device_id": kim.device_id},
        "devices": {"device_id": [kim.device_id, family.device_id]},
        "area": {"area_id": area.id},
        "floor": {"floor_id": floor.floor_id},
        "label": {"label_id": [label.label_id]},
        "area and label": {"area_id": area.id, "label_id": label.label_id},
        "entity and device": {"entity_id": lena.entity_id, "device_id": kim.device_id},
        "entities": {"entity_id": f"{lena.entity_id}, {kim.entity_id}"},
    }


REACHED = {
    "device": [KIM],
    "devices": [FAMILY, KIM],
    "area": [FAMILY, KIM],
    "floor": [FAMILY, KIM],
    "label": [FAMILY, INSTAGRAM],
    "area and label": [FAMILY, KIM, INSTAGRAM],
    "entity and device": [INSTAGRAM, KIM],
    "entities": [INSTAGRAM, KIM],
}


def reached(simulator: Simulator) -> list[str]:
    """Return the chats in the order in which they got their messages."""
    return [request.path.split("/")[3] for request in simulator.executed]


@cells
@pytest.mark.parametrize("as_target", [True, False])
@pytest.mark.parametrize("name", REACHED)
async def test_every_chat_of_a_target_gets_one_message(
    hass: HomeAssistant,
    simulator: Simulator,
    targets: dict[str, Target],
    chats: list[str],
    name: str,
    as_target: bool,
) -> None:
    data = {"message": "hi"} | ({} if as_target else targets[name])
    response: Any = await hass.services.async_call(
        DOMAIN,
        "send_message",
        data,
        target=targets[name] if as_target else None,
        blocking=True,
        return_response=True,
    )

    assert reached(simulator) == REACHED[name]
    entities = {KIM: chats[0], FAMILY: chats[1], INSTAGRAM: chats[2]}
    if len(REACHED[name]) == 1:
        assert response["chat_id"] == KIM
    else:
        assert [chat["entity_id"] for chat in response["chats"]] == [
            entities[chat_id] for chat_id in REACHED[name]
        ]
        assert {chat["outcome"] for chat in response["chats"]} == {"done"}
        assert all(chat["pending_message_id"] for chat in response["chats"])


async def test_chats_of_a_group_get_one_message_each(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    assert await async_setup_component(hass, "group", {})
    await hass.services.async_call(
        "group", "set", {"object_id": "all", "entities": chats[:2]}, blocking=True
    )
    await call_action(
        hass, "send_message", entity_id=["group.all", chats[0]], message="hi"
    )
    assert reached(simulator) == [KIM, FAMILY]


@cells
@pytest.mark.parametrize(
    "target",
    [
        {"device_id": "gone"},
        {"area_id": "gone"},
        {"label_id": ["gone"]},
        {"floor_id": "gone", "area_id": ""},
    ],
)
async def test_target_without_chats_is_refused(
    hass: HomeAssistant, simulator: Simulator, chats: list[str], target: Target
) -> None:
    with pytest.raises(ServiceValidationError, match="contain no added chat"):
        await call_action(hass, "send_message", **target, message="hi")
    assert not simulator.executed


async def test_other_entities_are_refused_before_anything_is_sent(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    with pytest.raises(ServiceValidationError, match="is not a notify entity"):
        await call_action(
            hass, "send_message", entity_id=[chats[0], "notify.other"], message="hi"
        )
    assert not simulator.executed


@pytest.mark.parametrize("field", ["recipient", "chat_id"])
async def test_target_and_recipient_exclude_each_other(
    hass: HomeAssistant,
    simulator: Simulator,
    targets: dict[str, Target],
    field: str,
) -> None:
    data = {field: KIM, **targets["area"], "message": "hi"}
    with pytest.raises(ServiceValidationError, match=f"Both .*{field}.* and .*area_id"):
        await call_action(hass, "send_message", **data)
    assert not simulator.executed


async def test_other_actions_are_about_one_chat(
    hass: HomeAssistant, targets: dict[str, Target]
) -> None:
    with pytest.raises(ServiceValidationError, match="exactly one entity"):
        await call_action(
            hass, "mark_read", entity_id=targets["entities"]["entity_id"].split(", ")
        )
    with pytest.raises(ServiceValidationError, match="There is no field device_id"):
        await call_action(hass, "mark_read", chat_id=KIM, **targets["device"])


# Outcomes


async def test_error_lists_sent_messages(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    simulator.faults.add("status_before", method="POST", path=f"*{FAMILY}*", status=403)
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "send_message", entity_id=chats, message="hi")

    text = str(refused.value)
    assert f"was sent to: {chats[0]}, {chats[2]}" in text
    assert f"not sent to: {chats[1]}" in text
    assert "chat may be read-only" in text
    assert reached(simulator) == [KIM, INSTAGRAM]


@pytest.mark.usefixtures("quick_recovery")
async def test_error_lists_unknown_outcomes(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    simulator.faults.add("drop_before", method="POST", path=f"*{FAMILY}*")
    simulator.faults.add(
        "status_before", method="POST", path=f"*{INSTAGRAM}*", status=403
    )
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "send_message", entity_id=chats, message="hi")

    text = str(refused.value)
    assert f"unknown whether the message was sent to: {chats[1]}" in text
    assert f"was sent to: {chats[0]}" in text
    assert f"not sent to: {chats[2]}" in text
    assert tried(simulator) == 3
    assert sent(simulator) == 1


async def test_error_of_all_chats_is_raised_as_it_is(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    simulator.tokens["dev-token"] = {"read"}
    with pytest.raises(HomeAssistantError, match="lacks the scope write"):
        await call_action(hass, "send_message", entity_id=chats, message="hi")
    assert tried(simulator) == 3


async def test_unloaded_server_keeps_no_other_from_its_message(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    async with Simulator("latest", "dev-token") as other:
        entry = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(entry.entry_id)
        there = await add_chat(hass, entry, FAMILY, "There")
        await hass.config_entries.async_unload(entry.entry_id)
        with pytest.raises(HomeAssistantError, match=f"not sent to: {there}"):
            await call_action(
                hass, "send_message", entity_id=[there, chats[0]], message="hi"
            )
        assert reached(simulator) == [KIM]
        assert not other.executed


async def test_wait_is_for_each_chat(
    hass: HomeAssistant, simulator: Simulator, chats: list[str]
) -> None:
    response = await call_action(
        hass, "send_message", entity_id=chats[:2], message="hi", wait=True
    )
    assert [chat["delivery"] for chat in response["chats"]] == ["delivered"] * 2


async def test_user_needs_permission_for_every_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    targets: dict[str, Target],
    chats: list[str],
    local_auth: Any,
) -> None:
    user = MockUser(name="Tablet").add_to_hass(hass)
    user.mock_policy({"entities": {"entity_ids": {chats[0]: {"control": True}}}})
    context = Context(user_id=user.id)
    for name in ("devices", "area", "label", "entities"):
        with pytest.raises(Unauthorized):
            await hass.services.async_call(
                DOMAIN,
                "send_message",
                {"message": "hi", **targets[name]},
                blocking=True,
                context=context,
            )
    assert not simulator.executed
    await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"message": "hi", **targets["device"]},
        blocking=True,
        context=context,
    )
    assert texts(simulator)[-1] == "hi"
