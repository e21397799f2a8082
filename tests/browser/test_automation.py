"""An automation that a message starts, made in the editor."""

import json
import re

import pytest

from demo.automation import KIM_CHAT
from demo.home_assistant import ROOT, HomeAssistant
from simulator import Simulator

from .conftest import until
from .frontend import Frontend

TEXTS = json.loads(
    (ROOT / "custom_components/beeper/translations/en.json").read_text("utf-8")
)
pytestmark = pytest.mark.usefixtures("beeper")


async def test_message_starts_an_automation(
    frontend: Frontend, home: HomeAssistant, simulator: Simulator
) -> None:
    page = frontend.page
    await frontend.open("/config/automation/edit/new")
    await frontend.button("Add trigger").click()
    dialog = page.locator("add-automation-element-dialog")
    await dialog.get_by_role("textbox").fill("beeper")
    await dialog.get_by_text("Message received").wait_for()
    await frontend.look("automation-1-triggers")
    await dialog.get_by_text("Message received").click()
    phrases = await frontend.tick("Phrases")
    await phrases.get_by_role("button", name="Add").click()
    await phrases.get_by_role("textbox").fill("anybody home")
    await frontend.look("automation-2-trigger", height=1500)
    await frontend.illustrate("trigger", 1100, 760)

    await frontend.button("Add action").click()
    await dialog.get_by_role("textbox").fill("beeper")
    await dialog.get_by_text("Beeper: ").first.wait_for()
    await frontend.look("automation-3-actions")
    await dialog.get_by_role("textbox").fill("beeper send message")
    await dialog.get_by_text("Beeper: Send message").click()
    await frontend.expand("Added chats or chat ID")
    chat = await frontend.tick("Chat ID")
    await chat.get_by_role("textbox").fill(KIM_CHAT)
    message = frontend.row("Message")
    await message.get_by_role("textbox").fill("Nobody")
    await frontend.look("automation-4-action", height=1500)

    await frontend.button("Save").click()
    await page.get_by_role("textbox", name="Name").fill("Anybody home")
    await frontend.look("automation-5-save")
    await frontend.button("Save").last.click()
    await page.wait_for_url(re.compile(r"/edit/\d+"))

    state = "/api/states/automation.anybody_home"
    await until(home, state, bool)
    simulator.incoming(KIM_CHAT, None, "Is anybody home?")
    await until(home, state, lambda answer: answer["attributes"]["last_triggered"])
    await frontend.open(page.url.removeprefix(home.url).replace("/edit/", "/trace/"))
    await frontend.look("automation-6-trace", code=1)
    (sent,) = simulator.executed
    assert sent.json["text"] == "Nobody"


async def test_every_trigger_and_condition_has_a_form(frontend: Frontend) -> None:
    dialog = frontend.page.locator("add-automation-element-dialog")
    for kind in ("trigger", "condition"):
        for key, texts in TEXTS[f"{kind}s"].items():
            await frontend.open("/config/automation/edit/new")
            await frontend.button(f"Add {kind}").click()
            await dialog.get_by_role("textbox").fill(texts["name"])
            await dialog.get_by_text(texts["description"]).click()
            await frontend.row("Devices").wait_for()
            await frontend.look(f"{kind}-{key}", height=1500)
