"""Actions in the form that Home Assistant makes of them."""

from pathlib import Path

import pytest
import yaml

from simulator import Simulator

from .frontend import Frontend

ROOT = Path(__file__).parents[2]
ACTIONS = yaml.safe_load(
    (ROOT / "custom_components/beeper/services.yaml").read_text("utf-8")
)
pytestmark = pytest.mark.usefixtures("beeper")


async def open_action(frontend: Frontend, action: str) -> None:
    await frontend.open(f"/config/tools/action?service=beeper.{action}")
    await frontend.page.locator("tools-action ha-settings-row").first.wait_for()


async def fill_recipients(frontend: Frontend, *names: str) -> None:
    recipient = await frontend.tick("Recipient")
    for index, name in enumerate(names):
        if index:
            await recipient.get_by_role("button", name="Add").click()
        await recipient.get_by_role("textbox").last.fill(name)


async def test_chat_is_started_with_a_recipient(
    frontend: Frontend, simulator: Simulator
) -> None:
    await open_action(frontend, "create_chat")
    await fill_recipients(frontend, "Kim")
    message = await frontend.tick("Message")
    await message.get_by_role("textbox").fill("Hello from the form 👋")
    await frontend.perform()

    response = await frontend.response()
    await frontend.look("start-1-response", height=2400, code=1)
    last = frontend.page.get_by_text("Copy to clipboard")
    await frontend.illustrate("create-chat", 1000, 1640, show=last)
    assert "status: existing" in response
    assert "given: Kim" in response
    (sent,) = simulator.executed
    assert sent.json["messageText"] == "Hello from the form 👋"


async def test_chat_is_started_with_all_known_identifiers_of_a_person(
    frontend: Frontend, simulator: Simulator
) -> None:
    await open_action(frontend, "create_chat")
    await frontend.expand("By ID (API fields)")
    person = frontend.row("Person")
    await person.get_by_role("button", name="Add").click()
    dialog = frontend.page.locator("dialog-form")
    await dialog.get_by_role("textbox", name="Phone number").fill("555 010 1002")
    await dialog.get_by_role("textbox", name="Full name").fill("Kim")
    await frontend.look("start-2-person")
    await dialog.get_by_role("button", name="Add").click()
    await person.get_by_text("555 010 1002").wait_for()
    await frontend.perform()

    await frontend.actions.get_by_text("has no country code").wait_for()
    await frontend.look("start-3-refused", height=2000)
    assert not simulator.executed


async def test_group_is_created(frontend: Frontend, simulator: Simulator) -> None:
    await open_action(frontend, "create_chat")
    await fill_recipients(frontend, "Kim", "Mia")
    await frontend.expand("More options")
    title = await frontend.tick("Title")
    await title.get_by_role("textbox").fill("Weekend")
    await frontend.look("create-1-form", height=2000)
    await frontend.perform()

    response = await frontend.response()
    await frontend.look("create-2-response", height=2400, code=1)
    assert "title: Weekend" in response
    (sent,) = simulator.executed
    assert len(sent.json["participantIDs"]) == 2


@pytest.mark.timeout(400)
async def test_every_action_has_a_form(frontend: Frontend) -> None:
    for action in ACTIONS:
        await open_action(frontend, action)
        for section in await frontend.actions.locator("ha-expansion-panel").all():
            if await section.get_attribute("expanded") is None:
                await section.get_by_role("button").first.click()
        await frontend.look(f"form-{action}", height=2000)
