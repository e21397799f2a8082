"""Entities that send exist while Beeper is away: Home Assistant skips missing ones."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.beeper.api import transport
from homeassistant.config_entries import (
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigSubentry,
)
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import tried
from tests.helpers.entities import (
    BUTTON,
    CHAT_DATA,
    MESSAGE_SHORTCUT,
    add_chat,
    add_shortcut,
)
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, texts

pytestmark = pytest.mark.usefixtures("impatient")

NOTIFY = "notify.kim"
GROUP = "notify.everybody"
CONNECTED = "binary_sensor.beeper_connected"


@pytest.fixture
def remembered(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Return an entry with a chat and a shortcut, not set up since the start."""
    for kind, title, data in (
        ("chat", "Kim", CHAT_DATA),
        ("shortcut", "Shortcut", MESSAGE_SHORTCUT),
    ):
        subentry = ConfigSubentry(
            data=MappingProxyType(data),
            subentry_type=kind,
            title=title,
            unique_id=KIM if kind == "chat" else None,
        )
        hass.config_entries.async_add_subentry(entry, subentry)
    return entry


async def notify(hass: HomeAssistant, entity_id: str = NOTIFY) -> None:
    data = {"entity_id": entity_id, "message": "Fire"}
    await hass.services.async_call("notify", "send_message", data, blocking=True)


async def notify_group(hass: HomeAssistant) -> None:
    await notify(hass, GROUP)


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call(
        "button", "press", {"entity_id": BUTTON}, blocking=True
    )


SENDING: list[Callable[[HomeAssistant], Awaitable[None]]] = [
    notify,
    notify_group,
    press,
]


async def add_group(hass: HomeAssistant) -> None:
    config = {"platform": "group", "name": "Everybody", "entities": [NOTIFY]}
    assert await async_setup_component(hass, "notify", {"notify": [config]})
    group = MockConfigEntry(
        domain="group",
        title="Everybody",
        options={
            "group_type": "notify",
            "name": "Everybody",
            "entities": [NOTIFY],
            "hide_members": False,
        },
    )
    group.add_to_hass(hass)
    assert await hass.config_entries.async_setup(group.entry_id)
    await hass.async_block_till_done()


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found
    return found.state


async def retry(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=15))
    await until(lambda: entry.state is not ConfigEntryState.SETUP_IN_PROGRESS)
    await hass.async_block_till_done()


async def leave(simulator: Simulator, how: str) -> str:
    """Make Beeper fail; return what the error says."""
    if how == "away":
        await simulator.stop()
        return "could not be reached"
    simulator.tokens.clear()
    return "access token"


async def come_back(simulator: Simulator, how: str, tokens: dict[str, Any]) -> None:
    if how == "away":
        await simulator.start()
    else:
        simulator.tokens.update(tokens)


@pytest.mark.parametrize("when", ["start", "reload"])
@pytest.mark.parametrize("how", ["away", "token"])
@pytest.mark.parametrize("send", SENDING)
async def test_nothing_pretends_to_be_sent(
    hass: HomeAssistant,
    simulator: Simulator,
    remembered: MockConfigEntry,
    how: str,
    when: str,
    send: Callable[[HomeAssistant], Awaitable[None]],
) -> None:
    """The call fails, the entry shows why, and everything recovers automatically."""
    tokens = dict(simulator.tokens)
    if when == "reload":
        assert await hass.config_entries.async_setup(remembered.entry_id)
        await hass.async_block_till_done()
        said = await leave(simulator, how)
        await hass.config_entries.async_reload(remembered.entry_id)
    else:
        said = await leave(simulator, how)
        await hass.config_entries.async_setup(remembered.entry_id)
    await add_group(hass)

    for _ in range(2):
        assert remembered.state is ConfigEntryState.SETUP_RETRY
        assert remembered.reason
        assert state(hass, CONNECTED) == "off"
        for entity_id in (NOTIFY, GROUP, BUTTON):
            assert state(hass, entity_id) != STATE_UNAVAILABLE
        with pytest.raises(HomeAssistantError, match=said) as error:
            await send(hass)
        assert "unknown whether" not in str(error.value)
        assert "Fire" not in texts(simulator)
        await retry(hass, remembered)
    if when == "reload":
        assert state(hass, "sensor.kim_unread_messages") == STATE_UNAVAILABLE

    await come_back(simulator, how, tokens)
    await retry(hass, remembered)
    await until(lambda: remembered.state is ConfigEntryState.LOADED)
    await hass.async_block_till_done()
    before = len(texts(simulator))
    await send(hass)
    assert len(texts(simulator)) == before + 1
    assert state(hass, CONNECTED) == "on"
    assert state(hass, "sensor.kim_unread_messages") != STATE_UNAVAILABLE


async def test_an_outage_shows_in_the_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert state(hass, CONNECTED) == "on"
    await simulator.stop()
    await poll(hass, loaded)
    assert state(hass, CONNECTED) == "off"
    await simulator.start()
    await poll(hass, loaded)
    assert state(hass, CONNECTED) == "on"


async def test_they_exist_before_beeper_answers(
    hass: HomeAssistant,
    simulator: Simulator,
    remembered: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    fault = simulator.faults.add("delay", seconds=3600)
    setting_up = asyncio.create_task(
        hass.config_entries.async_setup(remembered.entry_id)
    )
    await until(lambda: fault.hits)

    assert state(hass, NOTIFY) == state(hass, BUTTON) == STATE_UNKNOWN

    skip_time(transport.REQUEST_TIMEOUT + 1)
    await setting_up
    assert state(hass, NOTIFY) == state(hass, BUTTON) == STATE_UNKNOWN


async def test_a_message_leaves_as_soon_as_beeper_is_back(
    hass: HomeAssistant, simulator: Simulator, remembered: MockConfigEntry
) -> None:
    """Before the entry is set up again."""
    await simulator.stop()
    await hass.config_entries.async_setup(remembered.entry_id)
    await simulator.start()

    await notify(hass)

    assert remembered.state is ConfigEntryState.SETUP_RETRY
    assert texts(simulator)[-1] == "Fire"


async def test_a_disabled_entry_comes_back_with_its_entities(
    hass: HomeAssistant, simulator: Simulator, remembered: MockConfigEntry
) -> None:
    await simulator.stop()
    await hass.config_entries.async_setup(remembered.entry_id)
    await hass.config_entries.async_set_disabled_by(
        remembered.entry_id, ConfigEntryDisabler.USER
    )
    await hass.async_block_till_done()
    assert hass.states.get(NOTIFY) is None

    await hass.config_entries.async_set_disabled_by(remembered.entry_id, None)
    await hass.async_block_till_done()
    assert state(hass, NOTIFY) == state(hass, BUTTON) == STATE_UNKNOWN
    assert state(hass, CONNECTED) == "off"
    with pytest.raises(HomeAssistantError, match="could not be reached"):
        await notify(hass)


async def test_a_removed_entry_leaves_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    remembered: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await simulator.stop()
    await hass.config_entries.async_setup(remembered.entry_id)
    await hass.config_entries.async_remove(remembered.entry_id)
    await hass.async_block_till_done()

    assert not hass.states.async_entity_ids(["notify", "button"])
    assert not entity_registry.entities
    assert not device_registry.devices
    assert "ERROR" not in caplog.text


async def test_a_chat_added_while_beeper_is_away_gets_its_entity(
    hass: HomeAssistant, simulator: Simulator, remembered: MockConfigEntry
) -> None:
    await simulator.stop()
    await hass.config_entries.async_setup(remembered.entry_id)
    subentry = ConfigSubentry(
        data=MappingProxyType({**CHAT_DATA, "chat_id": FAMILY}),
        subentry_type="chat",
        title="Family",
        unique_id=FAMILY,
    )
    hass.config_entries.async_add_subentry(remembered, subentry)
    await retry(hass, remembered)

    assert state(hass, "notify.family") == STATE_UNKNOWN


# Adding reloads nothing


async def test_added_chats_and_shortcuts_do_not_reload(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    coordinator = loaded.runtime_data
    changes: list[str] = []
    await add_chat(hass, loaded)
    await quiet(simulator)  # Its last message is read.
    hass.bus.async_listen(
        "state_changed", lambda event: changes.append(event.data["entity_id"])
    )
    asked = len(simulator.requests)

    await add_chat(hass, loaded, FAMILY, "Family")
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)

    assert loaded.runtime_data is coordinator
    assert {state(hass, entity_id) for entity_id in ("notify.family", BUTTON)} == {
        STATE_UNKNOWN
    }
    assert state(hass, "sensor.family_unread_messages").isdecimal()
    assert not [
        entity_id
        for entity_id in changes
        if entity_id.partition(".")[2].startswith("kim")
    ]
    assert not [r for r in simulator.requests[asked:] if r.path == "/v1/ws"]


async def test_removed_chats_do_not_reload(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    coordinator = loaded.runtime_data
    await add_chat(hass, loaded)
    family = await add_chat(hass, loaded, FAMILY, "Family")
    [first, _] = loaded.subentries

    hass.config_entries.async_remove_subentry(loaded, first)
    await hass.async_block_till_done()

    assert loaded.runtime_data is coordinator
    assert not [
        entity_id for entity_id in hass.states.async_entity_ids() if ".kim" in entity_id
    ]
    await notify(hass, family)


async def test_nothing_is_tried_while_beeper_is_away(
    hass: HomeAssistant, simulator: Simulator, remembered: MockConfigEntry
) -> None:
    """What failed is not sent later."""
    await simulator.stop()
    await hass.config_entries.async_setup(remembered.entry_id)
    with pytest.raises(HomeAssistantError):
        await notify(hass)
    await simulator.start()
    await retry(hass, remembered)
    await until(lambda: remembered.state is ConfigEntryState.LOADED)
    assert tried(simulator) == 0
