"""Pressing shortcuts: run once, with a truthful result."""

import asyncio
from collections.abc import Callable
from fnmatch import fnmatch
import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.outgoing import outbox
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_CALL_SERVICE, STATE_UNKNOWN, EntityCategory
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.actions import PATH, sent, tried
from tests.helpers.entities import (
    BUTTON,
    CHAT_SHORTCUT,
    GROUP_SHORTCUT,
    MESSAGE_SHORTCUT,
    MIA,
    SENSOR,
    add_shortcut,
    press,
    state,
)
from tests.helpers.faults import DID_NOT_RUN, RAN, faults
from tests.helpers.media import Door
from tests.helpers.servers import add_entry
from tests.helpers.waiting import quiet, until
from tests.helpers.world import FAMILY, KIM, PROFILES, texts

KINDS = pytest.mark.parametrize(
    "data",
    [MESSAGE_SHORTCUT, CHAT_SHORTCUT, GROUP_SHORTCUT],
    ids=lambda data: data["kind"],
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after fractions of a second where life waits for seconds."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0, 0.05, 0.1, 0.2))


def written(simulator: Simulator) -> list[str]:
    """Return all that Home Assistant has written, wherever."""
    return [
        message.html or message.text or ""
        for chat in simulator.world.chats.values()
        for message in chat.messages
        if "Good night" in (message.text or "")
    ]


# Effects of a press


@pytest.mark.parametrize("profile", PROFILES)
@KINDS
async def test_press_sends(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    profile: str,
    data: dict[str, Any],
) -> None:
    await add_shortcut(hass, loaded, data)
    assert state(hass) == state(hass, BUTTON) == STATE_UNKNOWN
    chats = {*simulator.world.chats}

    await press(hass)

    assert len(simulator.executed) == 1
    assert written(simulator) == ["<p>Good night *all*</p>"]
    made = {*simulator.world.chats} - chats
    # The oldest servers only create.
    assert len(made) == (
        data is GROUP_SHORTCUT or (data is CHAT_SHORTCUT and profile == "4.1.294")
    )
    if data is GROUP_SHORTCUT:
        assert simulator.world.chats[made.pop()].title == "Dinner"
    assert state(hass) == "done"
    assert state(hass, BUTTON).startswith("20")


@pytest.mark.parametrize(
    "data", [CHAT_SHORTCUT, GROUP_SHORTCUT], ids=lambda data: data["kind"]
)
@pytest.mark.parametrize("message", [{}, {"message": "{{ '' }}"}])
async def test_without_a_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: dict[str, Any],
) -> None:
    data = {key: value for key, value in data.items() if key != "message"}
    await add_shortcut(hass, loaded, data, **message)

    await press(hass)

    (made,) = simulator.executed
    assert "messageText" not in made.json
    assert state(hass) == "done"


async def test_a_group_without_a_title(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_shortcut(
        hass,
        loaded,
        {key: GROUP_SHORTCUT[key] for key in GROUP_SHORTCUT if key != "title"},
    )

    await press(hass)

    assert "title" not in simulator.executed[0].json


async def test_a_template_is_filled_in_at_each_press(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await add_shortcut(
        hass, loaded, MESSAGE_SHORTCUT, message="{{ states('sensor.outside') }} °C"
    )
    for degrees in (-2, 21):
        hass.states.async_set("sensor.outside", str(degrees))
        await press(hass)
        skip_time(3)

    assert texts(simulator)[-2:] == ["-2 °C", "21 °C"]


async def test_daily_group_is_reused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await add_shortcut(hass, loaded, GROUP_SHORTCUT)
    for _ in range(3):
        await press(hass)
        skip_time(24 * 3600)

    groups = [
        [message.html for message in chat.messages]
        for chat in simulator.world.chats.values()
        if chat.title == "Dinner"
    ]
    assert groups == [["<p>Good night *all*</p>"] * 3]


# Once


@KINDS
@pytest.mark.parametrize("at_once", [True, False])
async def test_double_press_runs_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    data: dict[str, Any],
    at_once: bool,
) -> None:
    await add_shortcut(hass, loaded, data)
    if at_once:
        simulator.faults.add("delay", method="POST", path="/v1/chats*", seconds=0.1)
        await asyncio.gather(press(hass), press(hass), press(hass))
    else:
        for seconds in (0.5, 1, 0):
            await press(hass)
            skip_time(seconds)

    assert len(simulator.executed) == 1
    assert state(hass) == "done"


async def test_later_press_runs_again(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    await press(hass)
    skip_time(2)
    await press(hass)

    assert sent(simulator) == 2


async def test_pressed_by_code_without_a_context(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    entity: Any = hass.data[DATA_INSTANCES]["button"].get_entity(BUTTON)
    await entity.async_press()

    assert sent(simulator) == 1


async def test_cancelled_press_completes(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    simulator.faults.add("delay", method="POST", path=PATH, seconds=0.1)
    task = hass.async_create_task(press(hass))
    await until(lambda: state(hass) == "under_way")
    task.cancel()
    await until(lambda: state(hass) == "done")

    assert sent(simulator) == 1


async def test_a_reload_in_the_middle(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    simulator.faults.add("delay", method="POST", path=PATH, seconds=0.2)
    task = hass.async_create_task(press(hass))
    await until(lambda: state(hass) == "under_way")
    await hass.config_entries.async_reload(loaded.entry_id)
    await task

    assert sent(simulator) == 1
    assert state(hass) == "done"


async def test_result_during_a_reload_is_shown(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    """The answer is lost, and the entry is unloaded before the recovery."""
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    post = simulator.faults.add("delay_after", method="POST", path=PATH, seconds=3600)
    pressed = hass.async_create_task(press(hass))
    await until(lambda: simulator.executed and post.hits)
    look = simulator.faults.add(
        "delay", method="GET", path=PATH, seconds=3600, times=None
    )
    begin = simulator.faults.add("delay", path="/v1/accounts", seconds=3600, times=None)
    reload = hass.async_create_task(hass.config_entries.async_reload(loaded.entry_id))
    await until(lambda: loaded.state is ConfigEntryState.UNLOAD_IN_PROGRESS)
    before = len(simulator.requests)
    skip_time(31)

    def looks() -> bool:
        return any(
            request.path.endswith("/messages")
            for request in simulator.requests[before:]
        )

    await until(lambda: looks() and loaded.state is ConfigEntryState.SETUP_IN_PROGRESS)
    look.end()
    await pressed
    assert loaded.state is ConfigEntryState.SETUP_IN_PROGRESS
    begin.end()
    await reload

    assert state(hass) == "done"
    assert sent(simulator) == 1


async def test_reply_loops_are_stopped(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    impatient: None,
    skip_time: Callable[[float], None],
) -> None:
    """A press answers a message as an action does."""
    options = {"answers_per_minute": 5}
    hass.config_entries.async_update_entry(listening, options=options)
    await hass.async_block_till_done()
    await add_shortcut(hass, listening, MESSAGE_SHORTCUT)
    await quiet(simulator)
    config = {
        "triggers": {"trigger": "beeper.message_received"},
        "actions": {"action": "button.press", "target": {"entity_id": BUTTON}},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    for number in range(5):
        simulator.incoming(KIM, None, "Hi")
        await until(lambda number=number: sent(simulator) > number)  # type: ignore[misc]
        await until(lambda: state(hass) == "done")
        await hass.async_block_till_done()
        skip_time(3)
    simulator.incoming(KIM, None, "Hi")
    await until(lambda: state(hass) == "not_done")

    assert sent(simulator) == 5


# How it ended


PATHS = {
    "send_message": PATH,
    "start_chat": "/v1/chats/start",
    "create_group": "/v1/chats",
}


@KINDS
@faults(RAN)
async def test_recovered_result_is_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    data: dict[str, Any],
    fault: tuple[str, dict[str, Any]],
) -> None:
    await add_shortcut(hass, loaded, data)
    kind, options = fault
    add_fault(kind, method="POST", path=PATHS[data["kind"]], **options)

    await press(hass)

    assert state(hass) == "done"
    assert len(simulator.executed) == 1


@KINDS
@faults(DID_NOT_RUN)
async def test_unknown_result_is_not_failed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    data: dict[str, Any],
    fault: tuple[str, dict[str, Any]],
) -> None:
    await add_shortcut(hass, loaded, data)
    kind, options = fault
    simulator.faults.add(kind, method="POST", path=PATHS[data["kind"]], **options)

    errors: list[object] = []
    for _ in range(2):
        presses = (press(hass), press(hass))
        errors += await asyncio.gather(*presses, return_exceptions=True)
    texts_of_errors = {str(err) for err in errors}
    assert len(texts_of_errors) == 1
    assert "t is unknown whether" in texts_of_errors.pop()
    # Each has its own.
    assert len({id(err) for err in errors}) == 4
    assert state(hass) == "uncertain"

    def tried() -> int:
        return sum(
            request.method == "POST" and fnmatch(request.path, PATHS[data["kind"]])
            for request in simulator.requests
        )

    before = tried()
    skip_time(2)
    with pytest.raises(HomeAssistantError, match=r"Not repeated|is unknown whether"):
        await press(hass)
    assert state(hass) == "uncertain"
    assert tried() == before
    assert not simulator.executed


async def test_failed_press_can_be_repeated(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    simulator.faults.add("status_before", method="POST", path=PATH, status=429)
    with pytest.raises(HomeAssistantError, match="Nothing was done"):
        await press(hass)
    assert state(hass) == "not_done"

    await press(hass)
    assert state(hass) == "done"
    assert sent(simulator) == 1


@KINDS
async def test_missing_target_asks_for_reconfiguration(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
) -> None:
    """Of ids, as the text for actions has them, who presses knows nothing."""
    gone = (
        {"chat_id": "!left:beeper.com"}
        if data is MESSAGE_SHORTCUT
        else {"account_id": "gone"}
    )
    await add_shortcut(hass, loaded, {**data, **gone})

    with pytest.raises(HomeAssistantError, match="no longer knows the chat") as error:
        await press(hass)
    assert "_id" not in str(error.value)
    assert state(hass) == "not_done"
    assert not simulator.executed


@KINDS
async def test_beeper_offline(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
) -> None:
    """The button stays available: an unavailable one would be skipped without an error."""
    await add_shortcut(hass, loaded, data)
    await simulator.stop()
    await loaded.runtime_data.async_refresh()

    with pytest.raises(HomeAssistantError, match="could not be reached"):
        await press(hass)
    assert state(hass) == "not_done"


@KINDS
async def test_read_only(
    hass: HomeAssistant, simulator: Simulator, data: dict[str, Any]
) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await add_shortcut(hass, entry, data)

    with pytest.raises(ServiceValidationError, match="reading only"):
        await press(hass)
    assert state(hass) == "not_done"
    assert not simulator.executed


@pytest.mark.parametrize(
    ("data", "message", "error_text"),
    [
        (MESSAGE_SHORTCUT, "{{ unheard_of }}", "cannot be rendered"),
        (MESSAGE_SHORTCUT, "{{ 1 / 0 }}", "cannot be rendered"),
        (CHAT_SHORTCUT, "{{ unheard_of }}", "cannot be rendered"),
        (MESSAGE_SHORTCUT, "{{ '' }}", "nothing to send"),
        (MESSAGE_SHORTCUT, "{{ '\n ' }}", "nothing to send"),
        (MESSAGE_SHORTCUT, "{{ '\u200b\u2800' }}", "nothing to send"),
        (MESSAGE_SHORTCUT, "{{ 'x' * 200000 }}", "longer than 100 kB"),
    ],
)
async def test_failing_template(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    data: dict[str, Any],
    message: str,
    error_text: str,
) -> None:
    await add_shortcut(hass, loaded, data, message=message)
    caplog.clear()
    with pytest.raises(HomeAssistantError, match=error_text) as error:
        await press(hass)

    assert error.value.__cause__ is None
    assert state(hass) == "not_done"
    assert not simulator.executed
    assert "unheard_of" not in caplog.text


# Over a restart


@pytest.mark.parametrize(
    ("before", "after"),
    [("done", "done"), ("uncertain", "uncertain"), ("under_way", "uncertain")],
)
async def test_the_last_result_is_known_after_a_restart(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    before: str,
    after: str,
) -> None:
    stored = {"native_value": before, "native_unit_of_measurement": None}
    mock_restore_cache_with_extra_data(hass, [(State(SENSOR, before), stored)])
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)

    assert state(hass) == after


async def test_each_shortcut_has_its_own_result(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT, chat_id=FAMILY)
    await press(hass)

    assert (state(hass), state(hass, f"{SENSOR}_2")) == ("done", STATE_UNKNOWN)


# States and attributes


async def test_device(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    subentry_id = await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)

    button, sensor = entity_registry.entities[BUTTON], entity_registry.entities[SENSOR]
    assert button.config_subentry_id == button.unique_id == subentry_id
    assert sensor.entity_category is EntityCategory.DIAGNOSTIC
    assert sensor.device_id == button.device_id
    device = device_registry.async_get(button.device_id or "")
    assert isinstance(device, dr.DeviceEntry)
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert (device.name, device.model) == ("Shortcut", "Shortcut")
    found = hass.states.get(SENSOR)
    assert found
    assert found.attributes == {
        "device_class": "enum",
        "friendly_name": "Shortcut Last result",
        "options": ["under_way", "done", "not_done", "uncertain"],
    }


@KINDS
@pytest.mark.parametrize("fault", [None, "drop_before", "status_before"])
async def test_result_contains_nothing_personal(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    caplog: pytest.LogCaptureFixture,
    data: dict[str, Any],
    fault: str | None,
) -> None:
    """Home Assistant records what actions are called with: it hears of none here."""
    caplog.set_level(logging.INFO)
    logging.getLogger("custom_components.beeper").setLevel(logging.DEBUG)
    assert await async_setup_component(hass, "diagnostics", {})
    called = async_capture_events(hass, EVENT_CALL_SERVICE)
    await add_shortcut(hass, loaded, data)
    if fault:
        simulator.faults.add(fault, method="POST", path="/v1/chats*", times=None)
    config = {
        "triggers": {"trigger": "event", "event_type": "go"},
        "actions": {"action": "button.press", "target": {"entity_id": BUTTON}},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    await until(lambda: state(hass) not in (STATE_UNKNOWN, "under_way"))
    await hass.async_block_till_done()

    assert [event.data["service"] for event in called] == ["press"]
    report = await get_diagnostics_for_config_entry(hass, hass_client, loaded)
    devices = dr.async_entries_for_config_entry(device_registry, loaded.entry_id)
    logged = [
        *hass.states.async_all(),
        report,
        devices,
        er.async_entries_for_config_entry(entity_registry, loaded.entry_id),
        caplog.text,
    ]
    for secret in ("Good night", "5550101002", MIA, KIM, "Kim", "Dinner"):
        assert secret not in str(logged)


# A file


CAMERA = {
    "media_content_id": "media-source://camera/camera.door",
    "media_content_type": "image/png",
}


@pytest.mark.parametrize("message", ["Somebody is at the door", None])
async def test_a_picture_is_taken_at_each_press(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
    message: str | None,
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    data = {**MESSAGE_SHORTCUT, "attachment": CAMERA}
    data.pop("message")
    await add_shortcut(hass, loaded, data | ({"message": message} if message else {}))

    await press(hass)

    sent_message = simulator.world.chats[KIM].messages[-1]
    [attached] = sent_message.attachments
    assert isinstance(attached, dict)
    assert attached["type"] == "img"
    assert message in (None, sent_message.text)


async def test_without_the_camera_nothing_is_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, camera: Door
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    camera.picture = None
    await add_shortcut(hass, loaded, {**MESSAGE_SHORTCUT, "attachment": CAMERA})
    with pytest.raises(HomeAssistantError):
        await press(hass)
    assert tried(simulator) == 0
