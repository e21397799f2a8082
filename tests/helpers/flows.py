"""The forms of config and subentry flows, checked against their translations."""

import re
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.helpers.repository import ENGLISH

type Result = Any
TEXTS: dict[str, Any] = {**ENGLISH, **ENGLISH["config_subentries"]}
"""The English texts by kind of flow."""
MESSAGE = {"name": "Good night", "search": "Kim", "message": "Good night!"}


def checked(result: Result) -> Result:
    """Check the texts of a subentry form and of its errors, or the reason for an end."""
    flow = result["handler"][1]
    texts = TEXTS[flow]
    if result["type"] is FlowResultType.FORM:
        placeholders = {**(result["description_placeholders"] or {})}
        placeholders.pop("who", None)  # Only errors use it.
        check_texts({**result, "description_placeholders": placeholders}, flow)
        errors = result["errors"] or {}
        assert errors.keys() <= {"base", *map(str, result["data_schema"].schema)}
        assert {*errors.values()} <= texts["error"].keys()
    elif result["type"] is FlowResultType.MENU:
        step = texts["step"][result["step_id"]]
        assert step["menu_options"].keys() == {*result["menu_options"]}
        assert step["menu_option_descriptions"].keys() == {*result["menu_options"]}
    elif result["type"] is FlowResultType.ABORT:
        assert result["reason"] in (*texts["abort"], "reconfigure_successful")
    return result


async def begin_chat(hass: HomeAssistant, entry: MockConfigEntry) -> Result:
    """Begin to add a chat."""
    return checked(
        await hass.config_entries.subentries.async_init(
            (entry.entry_id, "chat"), context={"source": SOURCE_USER}
        )
    )


async def reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, subentry: ConfigSubentry
) -> Result:
    """Begin to change an added chat or a shortcut."""
    return checked(
        await hass.config_entries.subentries.async_init(
            (entry.entry_id, subentry.subentry_type),
            context={
                "source": SOURCE_RECONFIGURE,
                "subentry_id": subentry.subentry_id,
            },
        )
    )


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
