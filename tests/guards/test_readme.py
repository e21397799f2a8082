"""What README tells people to paste works, and what it says of answers is so."""

from datetime import timedelta
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)
import yaml

from homeassistant.components import conversation
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.waiting import until

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXCEPTIONS = json.loads(
    (ROOT / "custom_components/beeper/translations/en.json").read_text("utf-8")
)["exceptions"]


def example(heading: str) -> Any:
    (text,) = re.findall(rf"##+ {heading}\n.*?```yaml\n(.*?)```", README, re.DOTALL)
    return yaml.safe_load(text)


def table(heading: str) -> list[str]:
    """Return the first cells of the first table after a text."""
    rows = README.split(heading, 1)[1].split("|---", 1)[1].split("\n\n")[0]
    return [row.split("|")[1].strip() for row in rows.splitlines()[1:]]


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[ServiceCall]:
    calls: list[ServiceCall] = async_mock_service(
        hass, "persistent_notification", "create"
    )
    return calls


async def test_automation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notifications: list[ServiceCall],
) -> None:
    config = {"automation": [example("In an automation")]}
    assert await async_setup_component(hass, "automation", config)
    hass.states.async_set("binary_sensor.cellar_leak", "off")

    hass.states.async_set("binary_sensor.cellar_leak", "on")
    await hass.async_block_till_done()

    (sent,) = simulator.executed
    assert sent.json["messageText"] == "There is water in the cellar!"
    (notification,) = notifications
    assert notification.data["message"].startswith("Handed over to Beeper, chat !")


async def test_script(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notifications: list[ServiceCall],
) -> None:
    config = {"script": example("In a script")}
    assert await async_setup_component(hass, "script", config)

    response = await hass.services.async_call(
        "script", "babysitter_group", blocking=True, return_response=True
    )

    (sent,) = simulator.executed
    assert sent.json["title"].startswith("Babysitter ")
    assert response is not None
    assert response["chat_id"] in simulator.world.chats
    assert not notifications


async def test_script_tells_who_is_missing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notifications: list[ServiceCall],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add = simulator.world.add_chat
    monkeypatch.setattr(
        simulator.world, "add_chat", lambda by, who, **more: add(by, who[:1], **more)
    )
    config = {"script": example("In a script")}
    assert await async_setup_component(hass, "script", config)

    await hass.services.async_call("script", "babysitter_group", blocking=True)

    (notification,) = notifications
    assert notification.data["message"] == (
        "Not in the group: @whatsapp_15550101004:beeper.com"
    )


async def test_dashboard_button(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tap = example("On a dashboard")["tap_action"]
    domain, _, action = tap["perform_action"].partition(".")
    for _ in range(2):
        await hass.services.async_call(domain, action, tap["data"], blocking=True)

    assert len(simulator.executed) == 1


async def test_spoken_sentence(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    config = {"automation": [example("Behind a spoken sentence")]}
    assert await async_setup_component(hass, "automation", config)

    async def answer(sentence: str) -> str:
        result = await conversation.async_converse(
            hass, sentence, None, Context(), language="en"
        )
        await hass.async_block_till_done()
        speech: str = result.response.speech["plain"]["speech"]
        return speech

    assert await answer("Start a chat with Kim") == "The chat with kim is open."
    assert len(simulator.executed) == 1
    assert await answer("Start a chat with Bob") == "I have no number for bob."
    await simulator.stop()
    assert await answer("Start a chat with Mia") == (
        "That did not work. The trace says why."
    )
    assert len(simulator.executed) == 1


async def test_account_that_logs_out(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notifications: list[ServiceCall],
) -> None:
    config = {"automation": [example("Sensors")]}
    assert await async_setup_component(hass, "automation", config)
    simulator.set_account_status("whatsapp", "reconnect_required")
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=5, seconds=1))
    await until(lambda: notifications)

    assert "reconnect_required" in notifications[0].data["message"]


@pytest.mark.parametrize(
    "data",
    [
        {"user": {"phone_number": "+1 555 010 1002"}},
        {"participant_ids": ["15550101002"], "type": "group"},
        {"recipient": "Kim"},
    ],
    ids=["start", "create", "name"],
)
async def test_table_of_the_response(
    hass: HomeAssistant, loaded: MockConfigEntry, data: dict[str, Any]
) -> None:
    response = await hass.services.async_call(
        "beeper", "create_chat", data, blocking=True, return_response=True
    )

    keys = set(re.findall(r"`(\w+)`", " ".join(table("The response, with"))))
    assert keys >= set(response or ())
    assert response is not None
    some = {"missing", "recipients"}
    assert keys - some == set(response) - some


def test_table_of_fields() -> None:
    action = yaml.safe_load(
        (ROOT / "custom_components/beeper/services.yaml").read_text("utf-8")
    )["create_chat"]
    fields = set()
    for name, field in action["fields"].items():
        fields |= set(field["fields"]) if "fields" in field else {name}

    assert {cell.strip("`") for cell in table("## Create chats")} == fields


@pytest.mark.parametrize("quote", table("## What errors mean"))
def test_table_of_errors(quote: str) -> None:
    texts = [exception["message"] for exception in EXCEPTIONS.values()]
    assert any(quote.strip('"') in text for text in texts)
