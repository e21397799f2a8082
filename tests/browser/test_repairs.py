"""What a person has to put right."""

import asyncio

from demo.automation import AUTOMATION, AUTOMATION_ID, KIM_CHAT, QUESTION
from demo.home_assistant import HomeAssistant
from simulator import Simulator

from .conftest import ENTRIES, TOKEN, until
from .frontend import PATIENCE, Frontend


async def test_token_that_may_not_write(
    beeper: dict[str, str],
    frontend: Frontend,
    home: HomeAssistant,
    simulator: Simulator,
) -> None:
    simulator.tokens[TOKEN] = {"read"}
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Add chat").click()
    await frontend.fill(Name_or_number="kim")
    await form.get_by_text("Kim").first.click()
    await frontend.submit()
    await form.get_by_text("Created configuration for Kim").wait_for()

    await frontend.open("/config/repairs")
    await page.get_by_text("may not send").click()
    dialog = page.locator("dialog-repairs-issue")
    await dialog.get_by_text("This notice then disappears").wait_for()
    await frontend.look("repair")
    await frontend.illustrate("repair", 760, 560)


async def test_automation_that_answers_over_and_over(
    beeper: dict[str, str],
    frontend: Frontend,
    home: HomeAssistant,
    simulator: Simulator,
) -> None:
    page = frontend.page
    each = AUTOMATION | {"mode": "queued"}  # One message comes upon the other.
    await home.post(f"/api/config/automation/config/{AUTOMATION_ID}", each)
    await until(home, f"/api/states/automation.{AUTOMATION_ID}", bool)
    # The other end writes as soon as it is answered.
    for _ in range(5):
        before = len(simulator.executed)
        simulator.incoming(KIM_CHAT, None, QUESTION)
        async with asyncio.timeout(PATIENCE):
            while len(simulator.executed) == before:
                await asyncio.sleep(0.05)
    answers = len(simulator.executed)
    simulator.incoming(KIM_CHAT, None, QUESTION)

    await frontend.open("/config/repairs")
    await page.get_by_text("answers over and over").click()
    assert len(simulator.executed) == answers
    dialog = page.locator("dialog-data-entry-flow")
    await dialog.get_by_text("Submit to let it answer again").wait_for()
    await frontend.look("loop-1-repair")
    await frontend.submit()
    await dialog.get_by_text("The issue is repaired!").wait_for()
    await frontend.look("loop-2-repaired")


async def test_new_token_is_asked_for(
    beeper: dict[str, str],
    frontend: Frontend,
    home: HomeAssistant,
    simulator: Simulator,
) -> None:
    form = frontend.form
    await frontend.open("/config/integrations/dashboard")
    simulator.tokens.clear()
    simulator.tokens["new-token"] = {"read", "write"}
    simulator.faults.add("ws_close")
    await frontend.button("Reconfigure").wait_for()
    await frontend.look("reauth-1-integrations")
    await frontend.button("Reconfigure").click()

    await form.get_by_text("no longer accepts the access token").wait_for()
    await frontend.fill(Access_token="wrong")
    await form.get_by_text("Beeper does not know this token").wait_for()
    await frontend.look("reauth-2-wrong-token")
    await frontend.fill(Access_token="new-token")
    await form.get_by_text("successful").wait_for()
    await frontend.look("reauth-3-done")
    await until(home, ENTRIES, lambda entries: entries[0]["state"] == "loaded")
