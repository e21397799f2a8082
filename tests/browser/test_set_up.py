"""The way from nothing to a Beeper that is connected."""

import pytest

from simulator import Simulator

from .conftest import TOKEN
from .frontend import Frontend


@pytest.mark.usefixtures("without_beeper")
async def test_wrong_token_then_the_right_one_then_an_account(
    frontend: Frontend, simulator: Simulator
) -> None:
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/dashboard")
    await frontend.button("Add integration").click()
    brands = page.locator("dialog-add-integration")
    await brands.get_by_role("textbox").fill("beeper")
    await brands.get_by_text("Beeper", exact=True).wait_for()
    await frontend.look("set-up-1-brand")
    await brands.get_by_text("Beeper", exact=True).click()

    await form.get_by_text("Get Beeper").wait_for()
    await frontend.look("set-up-2-connect")
    await frontend.illustrate("connect", 720, 920)
    await frontend.fill(Address=simulator.url, Access_token="wrong")
    await form.get_by_text("Beeper does not know this token").wait_for()
    await frontend.look("set-up-3-wrong-token")
    await frontend.fill(Access_token=TOKEN)

    await form.get_by_text("All accounts of this Beeper").wait_for()
    await form.locator("ha-selector-select").click()
    await page.get_by_text("must be reconnected").wait_for()
    await frontend.look("set-up-4-accounts")
    await page.locator("ha-combo-box-item").filter(has_text="Telegram").click()
    await frontend.look("set-up-5-account")
    await frontend.submit()

    await form.get_by_text("Add a chat").wait_for()
    await frontend.look("set-up-6-chat")
    await form.get_by_role("button", name="Close").click()
    await form.get_by_text("Add a chat").wait_for(state="hidden")
    await frontend.open("/config/integrations/integration/beeper")
    await page.get_by_text("Instagram").first.wait_for()
    await frontend.look("set-up-7-integration")
    await frontend.button("Configure").click()
    await form.get_by_text("Voice and AI").wait_for()
    await frontend.look("set-up-8-options", height=1200)


async def test_read_only_token_is_reported_and_replaced(
    without_beeper: None, frontend: Frontend, simulator: Simulator
) -> None:
    page, form = frontend.page, frontend.form
    simulator.tokens["reading"] = {"read"}
    await frontend.open("/config/integrations/dashboard/add?domain=beeper")
    await frontend.button("OK").click()
    await frontend.fill(Address=simulator.url, Access_token="reading")
    await form.get_by_text("This token may only read").wait_for()
    await frontend.look("read-only-1-account")
    await frontend.submit()
    await form.get_by_text("Choose an account, or type").wait_for()
    await frontend.look("read-only-2-no-account")
    await form.locator("ha-selector-select").click()
    await page.locator("ha-combo-box-item").filter(has_text="Telegram").click()
    await frontend.submit()
    await form.get_by_text("Add a chat").wait_for()

    await frontend.open("/config/integrations/integration/beeper")
    row = page.locator("ha-config-entry-row")
    await row.get_by_role("button", name="Menu").first.click()
    await page.get_by_role("menuitem", name="Reconfigure").click()
    await form.get_by_text("Leave it empty to keep").wait_for()
    await frontend.look("read-only-3-reconfigure")
    await frontend.fill(New_access_token=TOKEN)
    await form.get_by_text("All accounts of this Beeper").wait_for()
    await frontend.submit()
    await form.get_by_text("successful").wait_for()
    await frontend.look("read-only-4-done")


@pytest.mark.usefixtures("beeper")
async def test_options_are_in_sections(frontend: Frontend) -> None:
    page, form = frontend.page, frontend.form
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Configure").click()
    await form.get_by_text("Safety").wait_for()
    for section in ("Incoming messages", "Voice and AI"):
        await form.get_by_text(section).wait_for()
    await form.get_by_role("button", name="Add").click()
    await form.get_by_role("textbox").last.fill("Kim")
    await frontend.submit()
    await form.get_by_text("Names are not accepted").wait_for()
    await frontend.look("options-1-sender", height=1600)
    await page.keyboard.press("Escape")
