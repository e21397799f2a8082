"""Tokens, texts, numbers and names never appear in logs or errors."""

from collections.abc import Callable
import logging
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api import transport
from custom_components.beeper.outgoing import delivery_status, outbox
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.faults import Fault
from simulator.model import Person
from tests.helpers.actions import create_chat, run_in_automation
from tests.helpers.cells import cells
from tests.helpers.privacy import SECRETS, secrets_in
from tests.helpers.servers import TOKEN
from tests.helpers.world import PROFILES

CALL = {
    "user": {"phone_number": "+1 555 010 7777", "full_name": "Robin Sample"},
    "message_text": "The key is under the mat",
}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("delay", {}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("status_before", {"status": 400, "body": {"code": "X", "message": SECRETS[1]}}),
    ("status_before", {"status": 404, "body": {"code": "+15550107777", "message": ""}}),
    ("status_before", {"status": 401, "body": TOKEN}),
    ("status_after", {"status": 500, "body": "Robin Sample 5550107777"}),
    ("cut", {}),
    ("garbage", {"body": "<html>Robin Sample</html>"}),
]


@pytest.fixture(autouse=True)
def logging_at_its_loudest(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant itself logs calls at debug level: at info, there must be no content."""
    caplog.set_level(logging.INFO)
    for name in ("custom_components.beeper", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0, 0))
    monkeypatch.setattr(delivery_status, "_READ_INTERVAL", 0.02)


MESSAGE = {
    "chat_id": "!whatsapp_5550107777:beeper.com",
    "message": "The key is under the mat",
}


@pytest.mark.parametrize("profile", PROFILES)
async def test_success_logs_nothing_personal(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await create_chat(
        hass, user={"phone_number": "+15550101002"}, message_text=SECRETS[3]
    )
    await hass.config_entries.async_reload(loaded.entry_id)

    assert secrets_in(caplog.text) == []
    assert "custom_components.beeper" not in {
        record.name for record in caplog.records if record.levelno >= logging.WARNING
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
async def test_failure_logs_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    caplog: pytest.LogCaptureFixture,
    fault: tuple[str, dict[str, Any]],
) -> None:
    """An automation that fails is logged with its error, and where it came from."""
    kind, options = fault
    add_fault(kind, method="POST", times=None, **options)
    await run_in_automation(hass, "create_chat", CALL)
    shown = ""
    try:
        await create_chat(hass, **CALL, allow_repeat=True)
    except HomeAssistantError as err:
        logging.getLogger(__name__).exception("Failed as expected")
        shown = f"{err!r} {err.translation_placeholders}"

    assert secrets_in(shown) == []
    assert secrets_in(caplog.text) == []


@pytest.mark.parametrize("alike", [0, 2])
@pytest.mark.parametrize("fault", [None, *FAULTS], ids=lambda fault: fault and fault[0])
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("create_chat", {"recipient": "Robin Sample"}),
        ("create_chat", {"participants": ["Kim", "Robin Sample"], "type": "group"}),
        ("send_message", {"recipient": "Robin Sample", "message": "hi"}),
    ],
    ids=["start", "create", "send"],
)
async def test_unresolved_name_is_not_logged(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    caplog: pytest.LogCaptureFixture,
    action: str,
    data: dict[str, Any],
    fault: tuple[str, dict[str, Any]] | None,
    alike: int,
) -> None:
    account = simulator.world.accounts["whatsapp"]
    for number in range(alike):
        person = Person(id=f"@whatsapp_{number}:beeper.com", full_name="Robin Sample")
        simulator.world.add_chat(account, [person])
    if fault:
        kind, options = fault
        add_fault(kind, path="*/search", times=None, **options)
    await run_in_automation(hass, action, data)
    with pytest.raises(HomeAssistantError) as error:
        await hass.services.async_call("beeper", action, data, blocking=True)
    logging.getLogger(__name__).error("Failed as expected", exc_info=error.value)

    shown = f"{error.value!r} {error.value.translation_placeholders}"
    assert secrets_in(shown) == []
    assert secrets_in(caplog.text) == []
    assert not simulator.executed


@pytest.mark.parametrize("path", ["*/messages", "*/upload"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
async def test_failed_message_logs_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: tuple[str, dict[str, Any]],
    path: str,
) -> None:
    monkeypatch.setattr(transport, "FILE_TIMEOUT", 30)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / "Robin Sample.txt").write_text("The key is under the mat")
    world = simulator.world
    kim = next(iter(world.accounts["whatsapp"].contacts.values()))
    world.add_chat(world.accounts["whatsapp"], [kim], chat_id=MESSAGE["chat_id"])
    kind, options = fault
    add_fault(kind, method="POST", path=path, times=None, **options)
    call = {
        **MESSAGE,
        "wait": True,
        "attachment": str(tmp_path / "Robin Sample.txt"),
    }
    await run_in_automation(hass, "send_message", call)
    shown = ""
    try:
        await hass.services.async_call(
            "beeper", "send_message", {**call, "allow_repeat": True}, blocking=True
        )
    except HomeAssistantError as failed:
        logging.getLogger(__name__).error("Failed as expected", exc_info=failed)
        shown = f"{failed!r} {failed.translation_placeholders}"
    # Only where the message ran can reading find it afterwards.
    assert shown or kind in ("drop_after", "cut", "garbage", "status_after")
    assert secrets_in(shown) == []
    assert secrets_in(caplog.text) == []


@cells
@pytest.mark.parametrize(
    "call",
    [
        {**MESSAGE, "attachment": "Robin Sample.png"},
        {**MESSAGE, "attachment": "file:///Robin Sample.png"},
        {**MESSAGE, "attachment": "/Robin Sample.png"},
        {**MESSAGE, "attachment": "http://kim.secret/x.png"},
        {**MESSAGE, "attachment": "media-source://tts/x?message=kim.secret"},
        {**MESSAGE, "attachment": "camera.robin", "file_name": "kim.secret/"},
        {**MESSAGE, "format": "kim.secret"},
        {**MESSAGE, "reply_to": ["kim.secret"]},
        {**MESSAGE, "entity_id": "notify.kim.secret"},
        {"message": "The key is under the mat", "entity_id": "kim.secret"},
        MESSAGE,
    ],
)
async def test_a_refused_message_repeats_no_value(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    call: dict[str, Any],
) -> None:
    with pytest.raises(HomeAssistantError) as refused:
        await hass.services.async_call("beeper", "send_message", call, blocking=True)
    logging.getLogger(__name__).error("Refused", exc_info=refused.value)

    assert secrets_in(str(refused.value)) == []
    assert secrets_in(caplog.text) == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_sent_message_logs_nothing_personal(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = {**MESSAGE, "chat_id": "!NCdzlIaMjZUmvmvyHU:beeper.com", "wait": True}
    await hass.services.async_call("beeper", "send_message", data, blocking=True)

    assert secrets_in(caplog.text) == []
    assert secrets_in(str(hass.states.async_all())) == []


@cells
@pytest.mark.parametrize(
    "call",
    [
        {"user": {"phone_number": 15550107777}},
        {"user": {"phone_number": "5550107777"}},
        {"user": {"phone_number": "Robin Sample +1 5550107777"}},
        {"user": {"email": "kim.secret"}},
        {"user": {"full_name": "Robin Sample"}},
        {**CALL, "title": "kim.secret"},
        {**CALL, "message_text": ["The key is under the mat"]},
        {"participant_ids": ["kim.secret", " "], "type": "group"},
        {"participant_ids": ["kim.secret"], "type": "The key is under the mat"},
    ],
)
async def test_a_refusal_repeats_no_value(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    call: dict[str, Any],
) -> None:
    with pytest.raises(HomeAssistantError) as refused:
        await create_chat(hass, **call)
    logging.getLogger(__name__).error("Refused", exc_info=refused.value)

    assert secrets_in(str(refused.value)) == []
    assert secrets_in(caplog.text) == []


async def test_failed_setup_logs_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for fault in ({"status": 401, "body": TOKEN}, {"status": 500, "body": TOKEN}):
        simulator.faults.add("status_before", path="/v1/accounts", **fault)
        await hass.config_entries.async_reload(entry.entry_id)

    assert secrets_in(caplog.text) == []


async def test_states_contain_nothing_personal(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **CALL)

    assert secrets_in(str(hass.states.async_all())) == []
