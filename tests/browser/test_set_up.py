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

    await form.get_by_text("Made in Beeper under").wait_for()
    await frontend.look("set-up-2-connect")
    await frontend.fill(Address=simulator.url, Access_token="wrong")
    await form.get_by_text("Beeper does not know this token").wait_for()
    await frontend.look("set-up-3-wrong-token")
    await frontend.fill(Access_token=TOKEN)

    await form.get_by_text("Choose the account").wait_for()
    await form.locator("ha-selector-select").click()
    await page.get_by_text("must be reconnected").wait_for()
    await frontend.look("set-up-4-accounts")
    await page.locator("ha-combo-box-item").filter(has_text="Telegram").click()
    await frontend.look("set-up-5-account")
    await frontend.submit()

    await form.get_by_text("Name and assign").wait_for()
    await frontend.look("set-up-6-done")
    await frontend.finish()
    await frontend.open("/config/integrations/integration/beeper")
    await page.get_by_text("Instagram").first.wait_for()
    await frontend.look("set-up-7-integration")
    await frontend.button("Configure").click()
    await form.get_by_text("Limits and messages").wait_for()
    await frontend.look("set-up-8-options")
