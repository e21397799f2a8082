"""A question that an automation asks: made in the editor, answered in the chat."""

import asyncio
import re

import pytest

from demo.home_assistant import HomeAssistant
from simulator import Simulator
from tests.helpers.world import INSTAGRAM, texts

from .conftest import until
from .frontend import PATIENCE, Frontend


@pytest.mark.usefixtures("beeper")
async def test_a_question_is_asked_and_answered(
    frontend: Frontend, home: HomeAssistant, simulator: Simulator
) -> None:
    page = frontend.page
    await frontend.open("/config/automation/edit/new")
    await frontend.button("Add action").click()
    dialog = page.locator("add-automation-element-dialog")
    await dialog.get_by_role("textbox").fill("ask")
    await dialog.get_by_text("Beeper: Ask question").click()
    await frontend.row("Recipient").get_by_role("textbox").fill("Lena")
    question = frontend.row("Question").get_by_role("textbox")
    await question.fill("Shall I water the garden?")
    for answer_id, sentence in ("yes", "yes [please]"), ("no", "no [thanks]"):
        await frontend.row("Answers").get_by_role("button", name="Add").click()
        answer = page.locator("dialog-form")
        await answer.get_by_role("textbox", name="ID").fill(answer_id)
        await answer.get_by_role("button", name="Add Sentences").click()
        await answer.get_by_role("textbox").nth(1).fill(sentence)
        await frontend.keep("ask-1-answer")
        await answer.get_by_role("button", name="Add", exact=True).click()
        await answer.get_by_role("textbox").first.wait_for(state="hidden")
    await frontend.row("Response variable").get_by_role("textbox").fill("answer")
    await frontend.look("ask-2-action", height=1500)
    await frontend.illustrate("ask-action", 1100, 1180)

    await frontend.button("Save").click()
    await page.get_by_role("textbox", name="Name").fill("Water the garden")
    await frontend.button("Save").last.click()
    await page.wait_for_url(re.compile(r"/edit/\d+"))
    name = "automation.water_the_garden"
    await until(home, f"/api/states/{name}", bool)
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        service = "/api/services/automation/trigger"
        tasks.create_task(home.post(service, {"entity_id": name}))
        asked = "Shall I water the garden?\n1 yes, 2 no"
        while texts(simulator, INSTAGRAM)[-1] != asked:
            await asyncio.sleep(0.05)
        simulator.incoming(INSTAGRAM, None, "Yes, please!")
    await until(
        home, f"/api/states/{name}", lambda state: not state["attributes"]["current"]
    )

    await frontend.open(page.url.removeprefix(home.url).replace("/edit/", "/trace/"))
    await page.get_by_role("tab", name="Changed variables").click()
    await page.get_by_text("Yes, please!").wait_for()
    await frontend.keep("ask-3-trace")
    await frontend.illustrate("ask-answer", 1200, 1020)
