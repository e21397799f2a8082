"""The examples of the README work, and so do those of creating chats."""

from datetime import timedelta
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import sent
from tests.helpers.entities import add_chat
from tests.helpers.media import Door
from tests.helpers.repository import ENGLISH
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM
from tests.helpers.yaml_examples import PAGES, call, example, fields_of, load, run

CHATS = PAGES["create-chats"]


def first_column(heading: str, text: str = CHATS) -> list[str]:
    """Return the first cells of the first table after a heading."""
    rows = text.split(heading, 1)[1].split("|---", 1)[1].split("\n\n", maxsplit=1)[0]
    return [row.split("|")[1].strip() for row in rows.splitlines()[1:]]


async def test_automation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await run(hass, "Water in the cellar", "binary_sensor.cellar_leak")

    (sent,) = simulator.executed
    assert sent.json["messageText"] == "There is water in the cellar!"
    (notification,) = notices
    assert notification.data["message"].startswith("Handed over to Beeper, chat !")


async def test_script(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    config = {"script": example("In a script", CHATS)}
    assert await async_setup_component(hass, "script", config)

    response = await hass.services.async_call(
        "script", "babysitter_group", blocking=True, return_response=True
    )

    (sent,) = simulator.executed
    assert sent.json["title"].startswith("Babysitter ")
    assert response is not None
    assert response["chat_id"] in simulator.world.chats
    assert not notices


async def test_script_reports_missing_people(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add = simulator.world.add_chat
    monkeypatch.setattr(
        simulator.world, "add_chat", lambda by, who, **more: add(by, who[:1], **more)
    )
    config = {"script": example("In a script", CHATS)}
    assert await async_setup_component(hass, "script", config)

    await hass.services.async_call("script", "babysitter_group", blocking=True)

    (notification,) = notices
    assert notification.data["message"] == (
        "Not in the group: @whatsapp_15550101004:beeper.com"
    )


async def test_dashboard_button(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tap = example("On a dashboard", CHATS)["tap_action"]
    for _ in range(2):
        await call(hass, tap["perform_action"], tap["data"])

    assert len(simulator.executed) == 1


async def test_send_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
) -> None:
    step = example("Send a picture")
    await add_chat(hass, loaded)

    await call(hass, step["action"], step["data"])
    assert sent(simulator) == 1


async def test_message_trigger(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    config = example("Receive")
    opened = async_mock_service(hass, "cover", "open_cover")
    await load(hass, config)

    simulator.incoming(KIM, None, "Do not open the gate!")
    simulator.incoming(KIM, None, "Open the gate")
    await until(lambda: sent(simulator))

    assert len(opened) == 1
    assert simulator.world.chats[KIM].messages[-1].text == "The gate opens."


async def test_send(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    step = example("Send\n")

    await call(hass, step["action"], step["data"])
    assert simulator.world.chats[FAMILY].messages[-1].text == "Dinner is ready."


async def test_start_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    step = example("Start a chat or a group")

    response = await call(hass, step["action"], step["data"], response=True)
    assert response
    assert response["chat_id"] == KIM
    assert simulator.world.chats[KIM].messages[-1].text == (
        "There is water in the cellar!"
    )


async def test_question(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded)
    turned_on = async_mock_service(hass, "switch", "turn_on")
    config = {"script": {"garden": {"sequence": example("Ask\n")}}}
    assert await async_setup_component(hass, "script", config)
    await hass.services.async_call("script", "garden")
    await until(lambda: sent(simulator))

    simulator.incoming(KIM, None, "Sure")
    await until(lambda: turned_on)


async def test_questions_and_answers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    faq = PAGES["faq"]
    step = example("How do I find the ID", faq)
    found = await call(hass, step["action"], step["data"], response=True)
    assert found
    matches: Any = found["matches"]
    assert matches[0]["chat_id"] == FAMILY

    step = example("How do I write to a group", faq)
    await call(hass, step["action"], step["data"])
    assert sent(simulator) == 1


async def test_disconnected_account_automation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await load(hass, "A network has logged out")
    simulator.set_account_status("whatsapp", "reconnect_required")
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=5, seconds=1))
    await until(lambda: notices)

    assert "reconnect_required" in notices[0].data["message"]


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

    keys = set(re.findall(r"`(\w+)`", " ".join(first_column("The response, in"))))
    assert keys >= set(response or ())
    assert response is not None
    some = {"missing", "recipients"}
    assert keys - some == set(response) - some


def test_table_of_fields() -> None:
    assert {
        cell.strip("`") for cell in first_column("# Start chats and groups")
    } == fields_of("create_chat")


@pytest.mark.parametrize("quote", first_column("# What errors mean", PAGES["errors"]))
def test_table_of_errors(quote: str) -> None:
    texts = [exception["message"] for exception in ENGLISH["exceptions"].values()]
    assert any(quote.strip('"') in text for text in texts)
