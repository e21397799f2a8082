"""The forms of config and subentry flows, checked against their translations."""

import re
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import SOURCE_USER, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.helpers.repository import ENGLISH

type Result = Any
TEXTS: dict[str, Any] = {**ENGLISH, **ENGLISH["config_subentries"]}
"""The English texts by kind of flow."""
SHORTCUT_TEXTS = TEXTS["shortcut"]
MESSAGE = {"name": "Good night", "search": "Kim", "message": "Good night!"}


def checked(result: Result) -> Result:
    """Check the texts of a form and of its errors, or the reason for an end."""
    if result["type"] is FlowResultType.FORM:
        placeholders = {**(result["description_placeholders"] or {})}
        placeholders.pop("who", None)  # Only errors use it.
        check_texts({**result, "description_placeholders": placeholders}, "shortcut")
        errors = result["errors"] or {}
        assert errors.keys() <= {"base", *result["data_schema"].schema}
        assert {*errors.values()} <= SHORTCUT_TEXTS["error"].keys()
    elif result["type"] is FlowResultType.MENU:
        step = SHORTCUT_TEXTS["step"][result["step_id"]]
        assert step["menu_options"].keys() == {*result["menu_options"]}
        assert step["menu_option_descriptions"].keys() == {*result["menu_options"]}
    elif result["type"] is FlowResultType.ABORT:
        assert result["reason"] in (*SHORTCUT_TEXTS["abort"], "reconfigure_successful")
    return result


async def begin(hass: HomeAssistant, entry: MockConfigEntry, kind: str) -> Result:
    """Choose what the shortcut does."""
    menu = checked(
        await hass.config_entries.subentries.async_init(
            (entry.entry_id, "shortcut"), context={"source": SOURCE_USER}
        )
    )
    assert menu["type"] is FlowResultType.MENU
    return await submit(hass, menu, next_step_id=kind)


async def submit(hass: HomeAssistant, result: Result, **values: Any) -> Result:
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], values
    )
    await hass.async_block_till_done()
    return checked(result)


def suggested(result: Result) -> dict[str, Any]:
    """Return the values that a form suggests, by field."""
    return {
        str(field): field.description["suggested_value"]
        for field in result["data_schema"].schema
        if field.description and "suggested_value" in field.description
    }


async def add(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    kind: str,
    given: dict[str, Any],
    **chosen: Any,
) -> ConfigSubentry:
    """Add a shortcut through its forms."""
    result = await submit(hass, await begin(hass, entry, kind), **given)
    result = await submit(hass, result, **(chosen or suggested(result)))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added: ConfigSubentry = [*entry.get_subentries_of_type("shortcut")][-1]
    return added


def check_texts(result: Result, flow: str) -> None:
    """Check that the form's texts and fields match."""
    texts = TEXTS[flow]["step"][result["step_id"]]
    sections = texts.get("sections", {})
    schema = result["data_schema"].schema
    for fields, described in [
        ({field for field in schema if field not in sections}, texts),
        *((schema[name].schema.schema, each) for name, each in sections.items()),
    ]:
        names = {str(field) for field in fields}
        # Left out where Home Assistant has no Assist.
        names |= {"assist"} & described.get("data", {}).keys()
        assert described.get("data", {}).keys() == names
        assert described.get("data_description", {}).keys() == names
    placeholders = result["description_placeholders"] or {}
    wanted = {*re.findall(r"{(\w+)}", repr(texts))}
    # Home Assistant adds `name` itself; only errors use `networks`.
    assert wanted == placeholders.keys() - {"name", "networks"}
