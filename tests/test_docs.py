"""What docs/actions.md tells people to paste works, and its tables are whole."""

from pathlib import Path
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
import yaml

from custom_components.beeper import delivery
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator

from .test_attachments import PNG, Door, camera, media  # noqa: F401
from .test_message_sending import FAMILY, KIM, send, sent
from .test_send_message import add_chat

ROOT = Path(__file__).parents[1]
ACTIONS = (ROOT / "docs/actions.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str) -> list[Any]:
    return [
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


AUTOMATIONS = {block["alias"]: block for block in blocks(ACTIONS)}


def table(heading: str) -> set[str]:
    """Return the first cells of the table whose header begins so."""
    rows = ACTIONS.split(f"| {heading} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip(" `") for row in rows}


async def run(hass: HomeAssistant, alias: str, entity_id: str) -> None:
    """Load an automation, and let happen what it waits for."""
    config = {"automation": [AUTOMATIONS[alias]]}
    assert await async_setup_component(hass, "automation", config)
    hass.states.async_set(entity_id, "off")
    await hass.async_block_till_done()
    hass.states.async_set(entity_id, "on")
    await hass.async_block_till_done()


async def test_letterbox(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Letterbox", "binary_sensor.letterbox")

    assert simulator.world.chats[FAMILY].messages[-1].html == (
        "<p><strong>Letterbox</strong><br>There is mail! *No* need to run :-)</p>"
    )


async def test_doorbell(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,  # noqa: F811
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Doorbell", "binary_sensor.doorbell")

    (asset,) = simulator.world.uploads.values()
    assert asset.data == PNG
    assert simulator.world.chats[FAMILY].messages[-1].attachments


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("ok", None),
        ("FAIL_RETRIABLE", "The family may not know of the smoke: bridge_unavailable"),
        ("refused", "The family may not know of the smoke: see the trace"),
    ],
)
async def test_smoke(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Any,
    told: str | None,
) -> None:
    monkeypatch.setattr(delivery, "_INTERVAL", 0.02)
    calls: list[ServiceCall] = async_mock_service(
        hass, "persistent_notification", "create"
    )
    await add_chat(hass, loaded, FAMILY, "Family")
    if outcome == "refused":
        simulator.faults.add("status_before", method="POST", status=429)
    else:
        simulator.world.accounts["whatsapp"].delivery = outcome

    await run(hass, "Smoke", "binary_sensor.smoke")

    assert [call.data["message"] for call in calls] == ([told] if told else [])


async def test_report(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,  # noqa: F811
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    (media / "report.pdf").write_bytes(b"%PDF")
    freezer.move_to("2026-12-01T06:59:00+00:00")
    config = {"automation": [AUTOMATIONS["Monthly report"]]}
    assert await async_setup_component(hass, "automation", config)

    freezer.move_to("2026-12-01T07:00:00+00:00")
    async_fire_time_changed(hass, dt_util.utcnow())
    await hass.async_block_till_done()

    message = simulator.world.chats[KIM].messages[-1]
    assert message.text == "Energy in November"
    assert message.attachments[0]["fileName"] == "Energy.pdf"
    # It waits for the next month.
    await hass.services.async_call(
        "automation",
        "turn_off",
        {"entity_id": "automation.monthly_report"},
        blocking=True,
    )


async def test_readme(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,  # noqa: F811
) -> None:
    (call,) = blocks(README.split("## Send messages")[1].split("\n## ")[0])
    await add_chat(hass, loaded)

    domain, _, action = call["action"].partition(".")
    await hass.services.async_call(domain, action, call["data"], blocking=True)
    assert sent(simulator) == 1


def test_no_example_is_left_out() -> None:
    assert AUTOMATIONS.keys() == {"Letterbox", "Doorbell", "Smoke", "Monthly report"}


def test_table_of_fields() -> None:
    services = ROOT / "custom_components/beeper/services.yaml"
    action = yaml.safe_load(services.read_text("utf-8"))["send_message"]
    fields: set[str] = set()
    for name, field in action["fields"].items():
        fields |= set(field["fields"]) if "fields" in field else {name}
    assert table("Field") == fields


async def test_table_of_the_response(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    assert table("Response") == {*await send(hass, wait=True)}
