"""What survives a restart, a killed process and a power failure."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object
from simulator import Simulator, faults
from simulator.faults import Fault, Run, hang_up
from tests.helpers.actions import create_chat, posts
from tests.helpers.servers import attempts_file, restart
from tests.helpers.waiting import until
from tests.helpers.world import GROUP_OF_TWO

pytestmark = pytest.mark.usefixtures("quick_recovery")

NEW_PERSON = {"user": {"phone_number": "+1 555 010 7777", "full_name": "Robin"}}


async def start_again(
    hass: HomeAssistant, entry: MockConfigEntry, on_disk: bytes
) -> None:
    """Start from what was on the disk when the process was killed."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    del hass.data[DOMAIN]
    file = attempts_file(hass, entry)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(on_disk)
    assert await hass.config_entries.async_setup(entry.entry_id)


async def test_a_result_survives_a_restart(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """An automation that runs when Home Assistant starts makes no second group."""
    first = await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)
    stored = attempts_file(hass, loaded).read_text()

    again = await create_chat(hass, **GROUP_OF_TWO)

    assert again["chat_id"] == first["chat_id"]
    assert again["recovered"] is True
    assert len(simulator.executed) == 1
    assert stored
    assert "15550101002" not in stored


async def test_old_results_are_forgotten_at_a_restart(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)
    file = attempts_file(hass, loaded)
    records = [json_loads_object(line) for line in file.read_bytes().splitlines()[1:]]
    assert records
    old = [{**record, "at": record["at"] - 24 * 3600} for record in records]  # type: ignore[operator]
    await start_again(hass, loaded, b"\n".join(json_bytes(record) for record in old))

    assert (await create_chat(hass, **GROUP_OF_TWO))["duplicate"] is False

    assert len(simulator.executed) == 2


@pytest.mark.parametrize(
    "call",
    [NEW_PERSON, {**NEW_PERSON, "message_text": "hi"}, GROUP_OF_TWO],
    ids=["start", "start with a text", "create"],
)
@pytest.mark.parametrize("ran", [True, False], ids=["ran", "did not run"])
@pytest.mark.parametrize("cut_off", [False, True], ids=["", "while it wrote"])
async def test_a_killed_process_repeats_no_new_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    call: dict[str, Any],
    ran: bool,
    cut_off: bool,
) -> None:
    """It dies when the server has the request, and starts again from the disk."""
    on_disk = b""

    async def die(_: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        nonlocal on_disk
        on_disk = attempts_file(hass, loaded).read_bytes()
        if ran:
            await run()
        return hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "drop_after", die)
    simulator.faults.add("drop_after", method="POST", path="/v1/chats*")
    chats = len(simulator.world.chats)
    with suppress(HomeAssistantError):
        await create_chat(hass, **call)
    written = on_disk + b'\n{"id":2,"keys":["0123' if cut_off else on_disk
    await start_again(hass, loaded, written)

    if ran:
        again = await create_chat(hass, **call)
        assert again["recovered"] is True
    else:
        with pytest.raises(HomeAssistantError, match="Not repeated"):
            await create_chat(hass, **call)

    assert len(simulator.world.chats) == chats + ran
    assert posts(simulator) == 1
    assert b"5550101" not in on_disk
    assert b"hi" not in on_disk


async def test_a_process_killed_after_the_answer_repeats_no_new_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The result is not on the disk yet."""
    first = await create_chat(hass, **GROUP_OF_TWO)
    await start_again(hass, loaded, attempts_file(hass, loaded).read_bytes())

    again = await create_chat(hass, **GROUP_OF_TWO)

    assert again["chat_id"] == first["chat_id"]
    assert again["recovered"] is True
    assert len(simulator.executed) == 1


async def test_a_restart_after_a_refusal_does_not_look_for_a_result(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", method="POST", status=429)
    with pytest.raises(HomeAssistantError, match="too many requests"):
        await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)

    response = await create_chat(hass, **GROUP_OF_TWO)

    assert response["recovered"] is False
    assert len(simulator.executed) == 1


async def test_an_attempt_from_before_two_restarts_is_known(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", method="POST", times=1)
    with pytest.raises(HomeAssistantError):
        await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)
    await create_chat(hass, **NEW_PERSON)
    await restart(hass, loaded)

    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await create_chat(hass, **GROUP_OF_TWO)


@pytest.mark.parametrize(
    "content",
    [
        b'{"version": 1, "data": []}',
        b"\0" * 64,
        b"[]",
        b"\xff\n{",
        b'{}\n\n{"id":1}\n{"id":[],"keys":[]}\n{"id":3,"keys":[7],"at":0,"window":9}',
        b'{"id":2,"keys":"x","at":0,"window":9}\n{"id":4,"keys":["x"],"at":"","window":9}',
    ],
    ids=["storage", "zeros", "list", "no text", "no fields", "other fields"],
)
async def test_a_file_of_something_else_is_no_attempt(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, content: bytes
) -> None:
    await start_again(hass, loaded, content)
    first = await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)

    again = await create_chat(hass, **GROUP_OF_TWO)

    assert again["chat_id"] == first["chat_id"]
    assert again["recovered"] is True
    assert len(simulator.executed) == 1


async def test_the_file_does_not_grow(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    file = attempts_file(hass, loaded)
    await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)
    assert file.stat().st_size
    skip_time(3600)
    simulator.faults.add("status_before", method="POST", status=429)
    with pytest.raises(HomeAssistantError, match="too many requests"):
        await create_chat(hass, **GROUP_OF_TWO)

    skip_time(2)

    await until(lambda: not file.stat().st_size)


async def test_each_of_many_calls_is_on_the_disk_before_its_request(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Calls in flight share a write."""
    on_disk: list[int] = []

    async def look(_: Fault, request: web.Request, run: Run) -> web.StreamResponse:
        records = attempts_file(hass, loaded).read_bytes().splitlines()[1:]
        on_disk.append(len({json_loads_object(record)["id"] for record in records}))
        return await run()

    monkeypatch.setitem(faults._EFFECTS, "drop_after", look)
    simulator.faults.add("drop_after", method="POST", path="/v1/chats*", times=None)
    titles = ("first", "second", "third", "fourth", "fifth")

    await asyncio.gather(
        *(create_chat(hass, **{**GROUP_OF_TWO, "title": title}) for title in titles)
    )

    assert len(on_disk) == len(titles)
    assert all(count >= number for number, count in enumerate(on_disk, 1))


async def test_a_removed_entry_leaves_no_file(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **GROUP_OF_TWO)
    assert attempts_file(hass, loaded).exists()

    await hass.config_entries.async_remove(loaded.entry_id)

    assert not attempts_file(hass, loaded).exists()


@pytest.mark.usefixtures("loaded")
async def test_a_disk_that_fails_does_not_stop_a_call(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As with Home Assistant's own storage; a folder cannot be read and written."""
    file = attempts_file(hass, loaded)
    file.mkdir(parents=True)
    await create_chat(hass, **GROUP_OF_TWO)
    assert f"{file.name} cannot be written: Is a directory" in caplog.text
    await hass.config_entries.async_unload(loaded.entry_id)
    del hass.data[DOMAIN]

    assert await hass.config_entries.async_setup(loaded.entry_id)

    assert f"{file.name} cannot be read: Is a directory" in caplog.text
    assert len(simulator.executed) == 1


async def test_calls_on_a_full_disk_are_made_and_later_ones_stored(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = attempts_file(hass, loaded)
    file.parent.mkdir(exist_ok=True)
    file.symlink_to("/dev/full")
    await create_chat(hass, **NEW_PERSON)
    assert f"{file.name} cannot be written: No space left on device" in caplog.text
    file.unlink()
    first = await create_chat(hass, **GROUP_OF_TWO)
    await start_again(hass, loaded, file.read_bytes())

    again = await create_chat(hass, **GROUP_OF_TWO)

    assert again["chat_id"] == first["chat_id"]
    assert again["recovered"] is True
    assert len(simulator.executed) == 2


async def test_a_file_that_was_deleted_is_written_again(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    file = attempts_file(hass, loaded)
    await create_chat(hass, **NEW_PERSON)
    file.unlink()
    first = await create_chat(hass, **GROUP_OF_TWO)
    await start_again(hass, loaded, file.read_bytes())

    again = await create_chat(hass, **GROUP_OF_TWO)

    assert again["chat_id"] == first["chat_id"]
    assert again["recovered"] is True
    assert len(simulator.executed) == 2
