"""Load and run the YAML examples of the docs and README, and read their tables."""

import re
from typing import Any

import yaml

from homeassistant.core import HomeAssistant, ServiceResponse, State
from homeassistant.setup import async_setup_component
from tests.helpers.repository import ROOT, SERVICES, flat

README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    file.stem: file.read_text("utf-8") for file in sorted((ROOT / "docs").glob("*.md"))
}
"""The pages of docs by name."""


def blocks(text: str) -> list[Any]:
    """Return all YAML examples of a text."""
    return [
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


def example(heading: str, text: str = README) -> Any:
    """Return the only YAML example in the section whose heading starts so."""
    found = re.search(rf"^(#+) {heading}(?:.*\n)?", text, re.MULTILINE)
    assert found
    end = rf"^#{{1,{len(found[1])}}} "
    (block,) = blocks(re.split(end, text[found.end() :], flags=re.MULTILINE)[0])
    return block


AUTOMATIONS: dict[str, dict[str, Any]] = {
    block["alias"]: block
    for text in PAGES.values()
    for block in blocks(text)
    if isinstance(block, dict) and "triggers" in block
}
"""The automations of all pages by alias."""


async def set_up_automation(hass: HomeAssistant, config: dict[str, Any]) -> State:
    """Set up an automation, and return its state: unavailable if it is not valid."""
    assert await async_setup_component(hass, "automation", {"automation": [config]})
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("automation")
    return state


async def load(hass: HomeAssistant, automation: str | dict[str, Any]) -> None:
    """Load a valid automation; a string is the alias of one in the docs."""
    if isinstance(automation, str):
        automation = AUTOMATIONS[automation]
    assert (await set_up_automation(hass, automation)).state == "on"


async def run(
    hass: HomeAssistant, automation: str | dict[str, Any], entity_id: str
) -> None:
    """Load an automation, and turn on the entity that triggers it."""
    await load(hass, automation)
    hass.states.async_set(entity_id, "off")
    await hass.async_block_till_done()
    hass.states.async_set(entity_id, "on")
    await hass.async_block_till_done()


async def call(
    hass: HomeAssistant, action: str, data: dict[str, Any], *, response: bool = False
) -> ServiceResponse:
    """Call an action as a step of a script or a card does."""
    domain, _, name = action.partition(".")
    return await hass.services.async_call(
        domain, name, data, blocking=True, return_response=response
    )


def table(heading: str, page: str = "actions") -> set[str]:
    """Return the names in the first column of the table with this header."""
    rows = (
        PAGES[page]
        .split(f"| {heading} |", 1)[1]
        .split("\n\n", maxsplit=1)[0]
        .splitlines()[2:]
    )
    return {name for row in rows for name in re.findall("`(.+?)`", row.split("|")[1])}


def fields_of(action: str) -> set[str]:
    """Return the fields of an action, including those in sections."""
    return {*flat(SERVICES[action]["fields"])}
