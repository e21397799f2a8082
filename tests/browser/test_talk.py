"""A chat in which Assist answers, set up by clicks."""

import asyncio

import pytest

from demo.automation import KIM_CHAT
from simulator import Simulator
from tests.helpers.world import texts

from .frontend import PATIENCE, Frontend


@pytest.mark.usefixtures("beeper")
async def test_a_question_is_answered_in_a_chat(
    frontend: Frontend, simulator: Simulator
) -> None:
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Add chat").click()
    await form.locator("ha-selector-select").click()
    await page.get_by_text("Kim (+1 555 010 1002) · WhatsApp").first.click()
    await form.locator("ha-selector-boolean").click()
    await frontend.submit()
    await form.get_by_text("Assist in Kim").wait_for()
    await frontend.look("talk-1-assist", height=1300)

    # The person of a direct chat is chosen already.
    await form.locator("ha-selector-select").first.click()
    await page.get_by_text("The preferred assistant").first.click()
    await frontend.submit()
    await form.get_by_text("Choose the Home Assistant user").wait_for()
    await frontend.look("talk-2-no-user", height=1300)
    await form.locator("ha-selector-select").last.click()
    await page.get_by_text("Demo", exact=True).last.click()
    await frontend.keep("talk-3-filled")
    await frontend.submit()
    await form.get_by_text("Created configuration for Kim").wait_for()
    await frontend.finish()

    before = len(texts(simulator, KIM_CHAT))
    simulator.incoming(KIM_CHAT, None, "What time is it?")
    async with asyncio.timeout(PATIENCE):
        while len(texts(simulator, KIM_CHAT)) < before + 2:
            await asyncio.sleep(0.1)
    assert ":" in texts(simulator, KIM_CHAT)[-1]

    await frontend.button("Change chat").click()
    await form.get_by_text("Assist in this chat").wait_for()
    await frontend.look("talk-4-change")
    await form.get_by_text("Assist in this chat").click()
    await form.get_by_text("Assist in Kim").wait_for()
    await frontend.look("talk-5-again", height=1300)
    await frontend.illustrate("assist", 700, 1120)
