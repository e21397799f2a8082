"""A shortcut: a button for a prepared message, here to say good night."""

import re

import pytest
import yaml

from demo.home_assistant import ROOT, HomeAssistant
from simulator import Simulator

from .conftest import until
from .frontend import Frontend

DOCS = (ROOT / "docs/dashboards.md").read_text("utf-8")
CARDS = [
    yaml.safe_load(text)
    for text in re.findall("```yaml\n(.*?)```", DOCS, re.DOTALL)
    if "good_night" in text
]
DASHBOARD = """async cards => {
  const { hass } = document.querySelector('home-assistant');
  await hass.callWS({
    type: 'lovelace/dashboards/create', url_path: 'good-night', title: 'Good night',
    mode: 'storage',
  });
  await hass.callWS({
    type: 'lovelace/config/save', url_path: 'good-night',
    config: { views: [{ title: 'Good night', path: 'all', cards }] },
  });
}"""
pytestmark = pytest.mark.usefixtures("beeper")


async def test_shortcut_is_made_and_pressed_on_a_dashboard(
    frontend: Frontend, home: HomeAssistant, simulator: Simulator
) -> None:
    page, form = frontend.page, frontend.form
    await add_shortcut(frontend)
    await frontend.look("shortcut-1-menu")
    await form.get_by_text("Send a message").click()
    await form.get_by_role("textbox", name="To").wait_for()
    await frontend.look("shortcut-2-message")
    if frontend.for_readme:
        for label, text in (
            ("Name", "Good night"),
            ("To", "Kim"),
            ("Message", "Sleep well 🌙"),
        ):
            await form.get_by_role("textbox", name=label).fill(text)
        await frontend.illustrate("shortcut", 720, 900)
    await frontend.fill(Name="Good night", To="kim", Message="Sleep well 🌙")
    await form.get_by_text("Kim").first.click()
    await frontend.look("shortcut-3-chat")
    await frontend.submit()
    await form.get_by_text("Created configuration for Good night").wait_for()
    await frontend.finish()
    await until(home, "/api/states/button.good_night", bool)
    assert not simulator.executed

    await page.evaluate(DASHBOARD, CARDS)
    await frontend.open("/good-night")
    await page.locator("hui-tile-card").click()
    await page.get_by_text("Say good night to Kim?").wait_for()
    await frontend.look("shortcut-4-confirm")
    await frontend.button("OK").click()
    result = page.locator("hui-sensor-entity-row")
    await result.filter(has_text="Done").wait_for()
    await frontend.look("shortcut-5-pressed")
    (sent,) = simulator.executed
    assert sent.json["text"] == "Sleep well 🌙"


async def test_shortcut_that_starts_a_chat(frontend: Frontend) -> None:
    form = frontend.form
    await add_shortcut(frontend)
    await form.get_by_text("Start a chat with a person").click()
    await form.get_by_role("textbox", name="Person").wait_for()
    await frontend.look("shortcut-6-person")
    await frontend.fill(Name="Mia", Person="Mia")
    await form.get_by_text("Choose the person").wait_for()
    await frontend.look("shortcut-7-choose-person")


async def test_shortcut_that_makes_a_group(frontend: Frontend) -> None:
    form = frontend.form
    await add_shortcut(frontend)
    await form.get_by_text("Create a group").click()
    for number, name in enumerate(("Kim", "Mia"), 1):  # 0 is the shortcut's name
        await form.get_by_role("button", name="Add").click()
        await form.get_by_role("textbox").nth(number).fill(name)
    await frontend.look("shortcut-8-group")
    await frontend.fill(Name="Weekend", Title_of_the_group="Weekend")
    await form.get_by_text("Choose the people").wait_for()
    await frontend.look("shortcut-9-choose-people")


async def add_shortcut(frontend: Frontend) -> None:
    await frontend.open("/config/integrations/integration/beeper")
    await frontend.button("Add shortcut").click()
    await frontend.form.get_by_text("Create a group").wait_for()
