"""The notify entity of a chat."""

import asyncio
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache,
)

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.device_identifiers import subentry_key
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_component import DATA_INSTANCES
from simulator import Simulator, wire
from tests.helpers.actions import PATH, sent, tried
from tests.helpers.entities import add_chat
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY, KIM, PROFILES, texts

pytestmark = pytest.mark.usefixtures("quick_recovery")


async def notify(
    hass: HomeAssistant,
    entity_id: str | list[str],
    message: str = "hi",
    title: str | None = None,
    context: Context | None = None,
) -> None:
    data = {"message": message} | ({} if title is None else {"title": title})
    await hass.services.async_call(
        "notify",
        "send_message",
        {"entity_id": entity_id, **data},
        blocking=True,
        context=context,
    )


@pytest.mark.parametrize("profile", PROFILES)
async def test_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    entity_id = await add_chat(hass, loaded)
    state = hass.states.get(entity_id)
    assert state
    assert state.state == STATE_UNKNOWN
    assert state.attributes == {
        "friendly_name": "Kim",
        "icon": "mdi:whatsapp",
        "supported_features": 1,
    }

    await notify(hass, entity_id, "It is *21.5* °C")

    message = simulator.world.chats[KIM].messages[-1]
    assert message.html == "<p>It is *21.5* °C</p>"
    state = hass.states.get(entity_id)
    assert state
    assert state.state.startswith("20")


@pytest.mark.parametrize(
    ("title", "message", "html"),
    [
        ("Door", "Open!", "<p><strong>Door</strong><br>Open!</p>"),
        ("*1*", "<b>", "<p><strong>*1*</strong><br>&lt;b&gt;</p>"),
        ("", "Open!", "<p>Open!</p>"),
        ("  ", "Open!", "<p>Open!</p>"),
        ("Door", "", "<p><strong>Door</strong></p>"),
        ("Door\n2", '"Open"', '<p><strong>Door 2</strong><br>"Open"</p>'),
    ],
)
async def test_title(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    title: str,
    message: str,
    html: str,
) -> None:
    await notify(hass, await add_chat(hass, loaded), message, title)

    assert simulator.world.chats[KIM].messages[-1].html == html


async def test_several_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    kim = await add_chat(hass, loaded)
    family = await add_chat(hass, loaded, FAMILY, "Family")

    await notify(hass, [kim, family])

    assert texts(simulator)[-1] == texts(simulator, FAMILY)[-1] == "hi"
    assert sent(simulator) == 2


async def test_order(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Of entity and action alike: it is one way out."""
    entity_id = await add_chat(hass, loaded)
    simulator.faults.add("delay", method="POST", path=PATH, seconds=0.1)
    action = {"chat_id": KIM, "message": "second"}

    await asyncio.gather(
        notify(hass, entity_id, "first"),
        hass.services.async_call(DOMAIN, "send_message", action, blocking=True),
        notify(hass, entity_id, "third"),
    )

    assert texts(simulator)[-3:] == ["first", "second", "third"]


async def test_one_run_may_repeat_a_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    entity_id = await add_chat(hass, loaded)
    context = Context()

    for _ in range(2):
        await notify(hass, entity_id, context=context)

    assert sent(simulator) == 2


async def test_without_a_context(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """As when another integration calls the entity itself."""
    entity_id = await add_chat(hass, loaded)
    entity: Any = hass.data[DATA_INSTANCES]["notify"].get_entity(entity_id)

    await asyncio.gather(
        entity.async_send_message("hi"), entity.async_send_message("hi")
    )

    assert sent(simulator) == 2


@pytest.mark.parametrize(
    ("title", "message"), [(None, ""), (" ", " \n"), ("\u00ad", "\u200b\u2800")]
)
async def test_nothing_to_send(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    title: str | None,
    message: str,
) -> None:
    entity_id = await add_chat(hass, loaded)

    with pytest.raises(ServiceValidationError, match="nothing to send"):
        await notify(hass, entity_id, message, title)
    assert tried(simulator) == 0


async def test_too_long(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(wire.CAPABILITIES, "maxTextLength", 5)
    entity_id = await add_chat(hass, loaded)

    with pytest.raises(ServiceValidationError, match="6 characters"):
        await notify(hass, entity_id, "xxx", "yy")


async def test_failure_is_raised(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Also while Beeper is away: an unavailable entity would be skipped without an error."""
    entity_id = await add_chat(hass, loaded)
    simulator.faults.add("drop_before", method="POST", path="/v1/chats/*")
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await notify(hass, entity_id)
    await simulator.stop()

    with pytest.raises(HomeAssistantError, match="could not be reached"):
        await notify(hass, entity_id, "Other")

    state = hass.states.get(entity_id)
    assert state
    assert state.state == STATE_UNKNOWN


async def test_read_only(hass: HomeAssistant, simulator: Simulator) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)

    with pytest.raises(ServiceValidationError, match="reading only"):
        await notify(hass, await add_chat(hass, entry))


async def test_device(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    entity_id = await add_chat(hass, loaded)
    (subentry,) = loaded.subentries.values()

    entity = entity_registry.entities[entity_id]
    assert entity.config_subentry_id == subentry.subentry_id
    assert entity.unique_id == subentry_key(loaded, subentry)
    assert entity.device_id
    device = device_registry.async_get(entity.device_id)
    assert isinstance(device, dr.DeviceEntry)
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert (device.name, device.manufacturer) == ("Kim", "Beeper")
    assert device.model == "WhatsApp"
    server = device_registry.async_get_device_by_identifier(
        (DOMAIN, loaded.entry_id), loaded.entry_id
    )
    assert server
    assert device.via_device_id == server.id
    assert {
        entity.entity_id
        for entity in er.async_entries_for_device(entity_registry, device.id)
    } == {
        "event.kim_message",
        "notify.kim",
        "sensor.kim_last_message",
        "sensor.kim_unread_messages",
    }
    # An id can hold a phone number; neither registry needs it.
    assert KIM not in f"{device.identifiers}{entity}"


async def test_the_last_message_is_known_after_a_restart(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    then = "2026-11-20T10:00:00+00:00"
    mock_restore_cache(hass, [State("notify.kim", then)])
    data = {"chat_id": KIM, "account_id": "whatsapp", "network": "WhatsApp"}
    hass.config_entries.async_add_subentry(
        entry,
        ConfigSubentry(
            data=MappingProxyType(data),
            subentry_type="chat",
            title="Kim",
            unique_id=KIM,
        ),
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    state = hass.states.get("notify.kim")
    assert state
    assert state.state == then
