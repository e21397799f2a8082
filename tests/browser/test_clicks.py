"""How a newcomer finds the actions, and how many clicks the first tasks take."""

import asyncio
from collections.abc import Callable
import re

from playwright.async_api import Locator, Page, expect
import pytest

from demo.automation import KIM_CHAT
from demo.home_assistant import HomeAssistant
from simulator import Simulator

from .frontend import PATIENCE, Frontend

pytestmark = pytest.mark.usefixtures("beeper")

WORDS = ("beeper", "message", "whatsapp", "reply", "answer", "send")
"""What newcomers type. Descriptions of other actions avoid these words for it."""
NOTHING = "qqzzxx"
"""What no action is found by."""

FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return ['INPUT', 'TEXTAREA'].includes(element?.tagName);
}"""
"""Whether the cursor is in a field: elsewhere, keys are shortcuts."""


class Clicks:
    """A person who clicks, types where the cursor is, and starts at the sidebar."""

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend
        self.page: Page = frontend.page
        self.count = 0

    async def click(self, what: Locator) -> None:
        await what.click()
        self.count += 1

    async def type(self, text: str) -> None:
        await self.page.wait_for_function(FOCUSED)
        await self.page.keyboard.type(text)

    async def settings(self, *ways: str) -> None:
        """Go through the settings, by the texts of links."""
        await self.frontend.open("/home/overview")
        # The tool shows the last action, but a new user has none.
        await self.page.evaluate(
            "localStorage.removeItem('panel-dev-action-state-service-data')"
        )
        await self.click(self.page.locator("ha-sidebar").get_by_text("Settings"))
        for way in ways:
            await self.click(
                self.page.get_by_role("link", name=way).and_(
                    self.page.locator(":visible")
                )
            )


async def open_actions(clicks: Clicks) -> None:
    await clicks.settings("Tools", "Actions")
    await clicks.click(clicks.frontend.actions.locator("ha-service-picker"))


def results(page: Page) -> Locator:
    return page.locator("ha-combo-box-item:not([compact]):visible")


async def one_of_three(is_wanted: Callable[[str], bool], found: Locator) -> None:
    """Wait until one of the first three results is wanted."""
    names: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while not any(map(is_wanted, names[:3])):
                await asyncio.sleep(0.1)
                names = await found.all_inner_texts()
    except TimeoutError:
        pytest.fail(f"It is not among the first three: {names}")


async def test_send_message_is_found_under_tools(frontend: Frontend) -> None:
    clicks = Clicks(frontend)
    await open_actions(clicks)
    actions = results(frontend.page).filter(has_text=".")
    for word in WORDS:
        # What is shown afterwards was found for the next word.
        for text in (NOTHING, word):
            await frontend.page.keyboard.press("ControlOrMeta+a")
            await clicks.type(text)
            if text == NOTHING:
                await expect(actions).to_have_count(0, timeout=PATIENCE * 1000)
        await one_of_three(lambda name: "beeper.send_message" in name, actions)


async def test_send_message_is_found_in_the_editor(frontend: Frontend) -> None:
    page = frontend.page
    await frontend.open("/config/automation/edit/new")
    await frontend.button("Add action").click()
    dialog = page.locator("add-automation-element-dialog")
    found = dialog.locator("ha-combo-box-item")
    for word in WORDS:
        # What is shown afterwards was found for the next word.
        await dialog.get_by_role("textbox").fill(NOTHING)
        await expect(found).to_have_count(0, timeout=PATIENCE * 1000)
        await dialog.get_by_role("textbox").fill(word)
        await one_of_three(lambda name: name.startswith("Beeper: Send message"), found)


async def test_first_message_by_name(frontend: Frontend, simulator: Simulator) -> None:
    clicks = Clicks(frontend)
    await open_actions(clicks)
    await clicks.type("send message")
    await clicks.click(results(frontend.page).filter(has_text="beeper.send_message"))
    await clicks.click(frontend.row("Recipient").get_by_role("textbox"))
    await clicks.type("Lena")
    await clicks.click(frontend.row("Message").get_by_role("textbox"))
    await clicks.type("Hello")
    await clicks.click(frontend.button("Perform action"))

    assert "chat_id" in await frontend.response()
    await frontend.look("clicks-1-message", height=2000, code=1)
    await frontend.illustrate("send-message", 1000, 1100)
    (sent,) = simulator.executed
    assert sent.json["text"] == "Hello"
    assert clicks.count <= 9


async def test_picture_of_a_camera(
    frontend: Frontend, simulator: Simulator, camera: None
) -> None:
    """Nothing is typed but the name."""
    clicks, page = Clicks(frontend), frontend.page
    await open_actions(clicks)
    action = results(page).filter(has_text="beeper.send_message")
    await page.mouse.move(640, 500)
    while not await action.count():
        await page.mouse.wheel(0, 300)
        await page.wait_for_timeout(100)
    await clicks.click(action)
    await clicks.click(frontend.row("Recipient").get_by_role("textbox"))
    await clicks.type("Lena")
    await clicks.click(page.get_by_role("button", name="Picture or file"))
    await clicks.click(frontend.row("Attachment").locator("ha-selector-media ha-card"))
    media = page.locator("dialog-media-player-browse")
    await clicks.click(media.locator("#grid-camera"))
    await frontend.look("clicks-2-cameras")
    await clicks.click(media.locator(".title").filter(has_text="Door"))
    await frontend.look("clicks-2-attachment", height=2000)
    await frontend.illustrate("send-picture", 1000, 1200)
    await clicks.click(frontend.button("Perform action"))

    assert "chat_id" in await frontend.response()
    assert simulator.executed[-1].json["attachment"]
    assert clicks.count <= 11


async def test_first_automation_that_answers(
    frontend: Frontend, home: HomeAssistant, simulator: Simulator
) -> None:
    clicks, page = Clicks(frontend), frontend.page
    dialog = page.locator("add-automation-element-dialog")
    search = dialog.get_by_role("textbox")
    await clicks.settings("Automations & scenes")
    await clicks.click(frontend.button("Create automation"))
    await clicks.click(page.get_by_text("Create new automation"))
    await clicks.click(frontend.button("Add trigger"))
    await search.wait_for()
    await clicks.type("beeper")
    await clicks.click(dialog.get_by_text("Message received"))
    await clicks.click(frontend.button("Add action"))
    await search.wait_for()
    await clicks.type("reply")
    await clicks.click(dialog.get_by_text("Beeper: Reply"))
    await clicks.click(frontend.row("Message").get_by_role("textbox"))
    await clicks.type("I am away")
    await frontend.look("clicks-3-automation", height=1500)
    await clicks.click(frontend.button("Save"))
    await page.get_by_role("textbox", name="Name").wait_for()
    await clicks.click(frontend.button("Save").last)
    await page.wait_for_url(re.compile(r"/edit/\d+"))

    simulator.incoming(KIM_CHAT, None, "Is anybody home?")
    async with asyncio.timeout(PATIENCE):
        while not simulator.executed:
            await asyncio.sleep(0.1)
    (sent,) = simulator.executed
    assert sent.json["text"] == "I am away"
    assert sent.json["replyToMessageID"]
    assert clicks.count <= 11
