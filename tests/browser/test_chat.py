"""A chat that gets entities."""

import asyncio

import pytest

from simulator import Simulator
from tests.helpers.world import texts

from .frontend import PATIENCE, Frontend


@pytest.mark.usefixtures("beeper")
async def test_chat_is_searched_and_chosen(frontend: Frontend) -> None:
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Add chat").click()
    await form.locator("ha-selector-select").click()
    await page.get_by_text("Kim (+1 555 010 1002) · WhatsApp").first.wait_for()
    await frontend.keep("chat-1-latest")
    await page.keyboard.press("Escape")
    await frontend.illustrate("add-chat", 720, 680)
    await frontend.fill(Or_search="nobody at all")
    await form.get_by_text("No chat that Beeper lists").wait_for()
    await frontend.look("chat-2-search")
    await frontend.fill(Or_search="kim")

    await form.get_by_text("Family").click()
    await frontend.look("chat-3-choose")
    await frontend.submit()

    await form.get_by_text("Created configuration for Family").wait_for()
    await frontend.look("chat-4-done")
    await frontend.finish()
    await page.get_by_text("Devices that don't belong").wait_for()
    await frontend.look("chat-5-integration", height=1500)
    await frontend.illustrate("integration", 1120, 1240)

    await page.get_by_text("Family").last.click()
    await page.get_by_text("Unread messages").wait_for()
    await frontend.look("chat-6-device")


@pytest.mark.usefixtures("beeper")
async def test_a_chat_is_added_and_written_to(
    frontend: Frontend, simulator: Simulator
) -> None:
    """In twelve clicks at most, from the sidebar on."""
    page, form = frontend.page, frontend.form
    await frontend.open("/profile")
    await frontend.count_clicks()
    await page.locator("ha-sidebar").get_by_text("Settings").click()
    await page.get_by_text("Devices & services").click()
    await page.locator("ha-integration-card").get_by_text("Beeper").first.click()
    await frontend.button("Add chat").click()
    await form.locator("ha-selector-select").click()
    await page.get_by_text("Kim (+1 555 010 1002) · WhatsApp").first.click()
    await frontend.submit()
    await form.get_by_text("Created configuration for Kim").wait_for()
    await frontend.look("write-1-added")
    await form.get_by_role("link", name="Write a message").click()
    await page.get_by_role("button", name="Add target").click()
    await page.get_by_text("Entities", exact=True).first.wait_for()
    await page.locator("ha-combo-box-item").filter(has_text="Kim").first.click()
    message = frontend.row("Message").get_by_role("textbox")
    await message.click()
    await message.fill("Good night")
    await frontend.look("write-2-message")
    await frontend.perform()
    async with asyncio.timeout(PATIENCE):
        while texts(simulator)[-1] != "Good night":
            await asyncio.sleep(0.1)
    assert await frontend.clicks() <= 12
