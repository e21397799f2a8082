"""Tokens, texts, numbers and names stay out of logs and errors, whatever goes wrong."""

import logging
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import outbox
from custom_components.beeper.api import client
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from simulator import Simulator

from .conftest import TOKEN
from .test_services import PROFILES, create_chat

SECRETS = [
    TOKEN,
    "5550107777",
    "Robin Sample",
    "The key is under the mat",
    "kim.secret",
]
CALL = {
    "user": {"phone_number": "+1 555 010 7777", "full_name": "Robin Sample"},
    "message_text": "The key is under the mat",
}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("delay", {"seconds": 1}),
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
    """Home Assistant itself logs what is called at debug level: at info, it must not."""
    caplog.set_level(logging.INFO)
    for name in ("custom_components.beeper", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.setattr(outbox, "_LOOK_AFTER", (0, 0))
    monkeypatch.setattr(client, "REQUEST_TIMEOUT", 0.3)


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_goes_well_tells_nothing(
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
async def test_what_goes_wrong_tells_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    fault: tuple[str, dict[str, Any]],
) -> None:
    """An automation that fails is logged with its error, and where it came from."""
    kind, options = fault
    simulator.faults.add(kind, method="POST", times=None, **options)
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "triggers": {"trigger": "event", "event_type": "go"},
                "actions": {"action": "beeper.create_chat", "data": CALL},
            }
        },
    )
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    told = ""
    try:
        await create_chat(hass, **CALL, allow_repeat=True)
    except HomeAssistantError as err:
        logging.getLogger(__name__).exception("Failed as expected")
        told = f"{err!r} {err.translation_placeholders}"

    assert secrets_in(told) == []
    assert secrets_in(caplog.text) == []


@pytest.mark.parametrize(
    "call",
    [
        {"user": {"phone_number": 15550107777}},
        {"user": {"phone_number": "5550107777"}},
        {"user": {"phone_number": "+1 5550107777 Robin Sample"}},
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


async def test_set_up_that_fails_tells_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for fault in ({"status": 401, "body": TOKEN}, {"status": 500, "body": TOKEN}):
        simulator.faults.add("status_before", path="/v1/accounts", **fault)
        await hass.config_entries.async_reload(entry.entry_id)

    assert secrets_in(caplog.text) == []


async def test_states_hold_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **CALL)

    assert secrets_in(str(hass.states.async_all())) == []
