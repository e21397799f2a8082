"""A chat that gets entities."""

import pytest

from .frontend import Frontend


@pytest.mark.usefixtures("beeper")
async def test_chat_is_searched_and_chosen(frontend: Frontend) -> None:
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Add chat").click()
    await frontend.fill(Name_or_number="nobody at all")
    await form.get_by_text("No chat that Beeper lists now has this").wait_for()
    await frontend.look("chat-1-search")
    await frontend.fill(Name_or_number="kim")

    await form.get_by_text("Family").click()
    await frontend.look("chat-2-choose")
    await frontend.submit()

    await form.get_by_text("Created configuration for Family").wait_for()
    await frontend.look("chat-3-done")
    await frontend.finish()
    await page.get_by_text("Devices that don't belong").wait_for()
    await frontend.look("chat-4-integration", height=1500)
    await frontend.illustrate("integration", 1120, 1240)

    await page.get_by_text("Family").last.click()
    await page.get_by_text("Unread messages").wait_for()
    await frontend.look("chat-5-device")
