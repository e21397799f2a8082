"""Pictures for the docs, of what other tests do not show; made with --readme only."""

from pathlib import Path
from typing import Any

import pytest

from demo.automation import KIM_CHAT
from demo.home_assistant import ROOT, HomeAssistant
from simulator import Simulator

from .frontend import Frontend

pytestmark = [pytest.mark.readme, pytest.mark.usefixtures("kim")]

NUMBER = "+1 555 010 1002"
CHAT = "CHAT"
NOT_HOME = {"condition": "state", "entity_id": "person.demo", "state": "not_home"}
AT_TEN = {"trigger": "time", "at": "22:00:00"}
LIGHT_OFF = {
    "action": "light.turn_off",
    "target": {"entity_id": "light.kitchen_light"},
}
INPUTS: dict[str, dict[str, Any]] = {
    "alarm": {
        "sensors": ["binary_sensor.water_in_the_cellar"],
        "people": [NUMBER, "+1 555 010 1004"],
    },
    "away": {
        "circumstances": [NOT_HOME],
        "senders": [NUMBER],
        "answer": "I am on holiday until Monday.",
    },
    "briefing": {"chat": CHAT, "task": "ai_task.language_model", "senders": [NUMBER]},
    "confirm": {
        "occasions": [AT_TEN],
        "chat": CHAT,
        "senders": [NUMBER],
        "question": "Turn off the kitchen light?",
        "action": [LIGHT_OFF],
    },
    "doorbell": {
        "doorbell": ["binary_sensor.doorbell"],
        "camera": "camera.door",
        "chat": CHAT,
    },
    "leave_home": {"person": ["person.demo"], "chat": CHAT},
    "read_aloud": {
        "senders": [NUMBER],
        "satellites": ["assist_satellite.kitchen_satellite"],
    },
    "shopping": {"chat": CHAT, "senders": [NUMBER], "list": "todo.shopping_list"},
    "status": {"senders": [NUMBER], "answer": "The kitchen light is off."},
    "talk": {"senders": [NUMBER]},
}


@pytest.fixture(scope="session")
async def house(home: HomeAssistant) -> None:
    """Add what the forms of blueprints offer to choose."""
    path = "/api/config/config_entries/flow"
    for domain in "house", "shopping_list":
        flow = await home.post(path, {"handler": domain})
        if flow["type"] == "form":
            await home.post(f"{path}/{flow['flow_id']}", {})


async def chat_device(frontend: Frontend) -> str:
    device: str = await frontend.page.evaluate(
        "document.querySelector('home-assistant').hass.entities['notify.kim'].device_id"
    )
    return device


@pytest.mark.usefixtures("house", "camera")
@pytest.mark.parametrize("name", INPUTS)
async def test_form_of_a_blueprint(
    frontend: Frontend, home: HomeAssistant, name: str
) -> None:
    await frontend.open("/profile")
    device = await chat_device(frontend)
    inputs = {
        key: device if value == CHAT else value for key, value in INPUTS[name].items()
    }
    blueprint = {"path": f"beeper/{name}.yaml", "input": inputs}
    title = (ROOT / f"blueprints/automation/beeper/{name}.yaml").read_text("utf-8")
    alias = title.split('name: "Beeper: ')[1].split('"')[0].capitalize()
    await home.post(
        f"/api/config/automation/config/{name}",
        {"alias": alias, "use_blueprint": blueprint},
    )
    await frontend.open(f"/config/automation/edit/{name}")
    await frontend.page.get_by_text("Blueprint to use").wait_for()
    await frontend.illustrate(
        f"blueprint-{name.replace('_', '-')}",
        760,
        1800,
        only=frontend.page.locator("blueprint-automation-editor ha-card").first,
    )


async def test_device_of_a_chat(frontend: Frontend, simulator: Simulator) -> None:
    simulator.incoming(KIM_CHAT, None, "I am on my way")
    await frontend.open("/profile")
    await frontend.open(f"/config/devices/device/{await chat_device(frontend)}")
    await frontend.page.get_by_text("Unread messages").wait_for()
    await frontend.illustrate("device", 1100, 800)


async def test_assist_sends_a_message(
    frontend: Frontend, home: HomeAssistant, simulator: Simulator
) -> None:
    page = frontend.page
    await frontend.open("/beeper-demo")
    await page.get_by_role("button", name="Assist (A)").click()
    assist = page.locator("ha-voice-command-dialog")
    field = assist.get_by_role("textbox")
    for number, text in enumerate(("Message Mia saying dinner is ready", "yes")):
        await field.fill(text)
        await field.press("Enter")
        await assist.get_by_text("Mia 🌻").nth(number).wait_for()
    await frontend.illustrate("assist-dialog", 640, 620)


async def test_actions_that_read_and_change(frontend: Frontend) -> None:
    await frontend.open("/config/tools/action?service=beeper.list_messages")
    recipient = await frontend.tick("Recipient")
    await recipient.get_by_role("textbox").fill("Lena")
    await frontend.perform()
    assert "Love the new pictures" in await frontend.response()
    last = frontend.page.get_by_text("Copy to clipboard")
    await frontend.illustrate("list-messages", 1000, 1500, show=last)

    await frontend.open("/config/tools/action?service=beeper.update_chat")
    recipient = await frontend.tick("Recipient")
    await recipient.get_by_role("textbox").fill("Lena")
    await frontend.illustrate("update-chat", 1000, 1000)


def test_pictures_are_small() -> None:
    for file in Path(ROOT / "docs/images").glob("*.png"):
        assert file.stat().st_size < 160_000, file.name
