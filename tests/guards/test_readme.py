"""The examples and tables of the README are correct."""

from datetime import timedelta
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from homeassistant.components import conversation
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import sent
from tests.helpers.entities import add_chat
from tests.helpers.media import Door
from tests.helpers.repository import ENGLISH
from tests.helpers.waiting import until
from tests.helpers.world import KIM
from tests.helpers.yaml_examples import README, call, example, fields_of, load, run


def first_column(heading: str) -> list[str]:
    """Return the first cells of the first table after a text."""
    rows = README.split(heading, 1)[1].split("|---", 1)[1].split("\n\n")[0]
    return [row.split("|")[1].strip() for row in rows.splitlines()[1:]]


async def test_automation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await run(hass, example("In an automation"), "binary_sensor.cellar_leak")

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
    config = {"script": example("In a script")}
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
    config = {"script": example("In a script")}
    assert await async_setup_component(hass, "script", config)

    await hass.services.async_call("script", "babysitter_group", blocking=True)

    (notification,) = notices
    assert notification.data["message"] == (
        "Not in the group: @whatsapp_15550101004:beeper.com"
    )


async def test_dashboard_button(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tap = example("On a dashboard")["tap_action"]
    for _ in range(2):
        await call(hass, tap["perform_action"], tap["data"])

    assert len(simulator.executed) == 1


async def test_spoken_sentence(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    await load(hass, example("Behind a spoken sentence"))

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


async def test_send_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
) -> None:
    step = example("Send messages")
    await add_chat(hass, loaded)

    await call(hass, step["action"], step["data"])
    assert sent(simulator) == 1


async def test_message_trigger(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    config = example("Act on messages")
    opened = async_mock_service(hass, "cover", "open_cover")
    await load(hass, config)

    simulator.incoming(KIM, None, "Do not open the gate!")
    simulator.incoming(KIM, None, "Open the gate")
    await until(lambda: sent(simulator))

    assert len(opened) == 1
    assert simulator.world.chats[KIM].messages[-1].text == "It opens."


async def test_read_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    step = example("Read chats")

    response = await call(hass, step["action"], step["data"], response=True)
    assert response
    assert response["chats"]


async def test_disconnected_account_automation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await load(hass, example("Sensors"))
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

    keys = set(re.findall(r"`(\w+)`", " ".join(first_column("The response, with"))))
    assert keys >= set(response or ())
    assert response is not None
    some = {"missing", "recipients"}
    assert keys - some == set(response) - some


def test_table_of_fields() -> None:
    assert {cell.strip("`") for cell in first_column("## Create chats")} == fields_of(
        "create_chat"
    )


@pytest.mark.parametrize("quote", first_column("## What errors mean"))
def test_table_of_errors(quote: str) -> None:
    texts = [exception["message"] for exception in ENGLISH["exceptions"].values()]
    assert any(quote.strip('"') in text for text in texts)
