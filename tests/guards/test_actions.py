"""Guard: every action and each of its fields is in its form, with texts and icons."""

import pytest

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from tests.helpers.labels import plain
from tests.helpers.repository import ENGLISH, ICONS, SERVICES, Json, flat

UNKNOWN = "nonsense"


async def accepted_fields(hass: HomeAssistant, action: str, call: Json) -> set[str]:
    answers = hass.services.supports_response(DOMAIN, action)
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            DOMAIN, action, call, blocking=True, return_response=bool(answers.value)
        )
    assert raised.value.translation_key == "unknown_field"
    assert raised.value.translation_placeholders
    return {*plain(raised.value.translation_placeholders["fields"]).split(", ")}


async def test_every_action_is_described(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN).keys()
    assert actions == SERVICES.keys()
    assert actions == ICONS["services"].keys() == ENGLISH["services"].keys()


def calls(action: str) -> list[Json]:
    """Return a call for each mode, with an unknown field: errors name the known ones."""
    fields = flat(SERVICES[action]["fields"])
    known = {"chat_id": "x"} if "chat_id" in fields else {}
    modes = fields.get("mode", {}).get("selector", {}).get("select", {})
    return [
        {**known, **mode, UNKNOWN: 1}
        for mode in [{"mode": m["value"]} for m in modes.get("options", [])] or [{}]
    ]


@pytest.mark.parametrize("action", SERVICES)
async def test_every_field_of_an_action_is_in_its_form(
    hass: HomeAssistant, action: str
) -> None:
    """One without a selector makes the editor fall back to YAML for all of them."""
    assert await async_setup_component(hass, DOMAIN, {})
    accepted: set[str] = set()
    for call in calls(action):
        accepted |= await accepted_fields(hass, action, call)
    fields = flat(SERVICES[action]["fields"])
    assert fields.keys() == accepted
    assert all(len(field["selector"]) == 1 for field in fields.values())


async def test_every_field_of_a_person_is_in_the_form(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    user = flat(SERVICES["create_chat"]["fields"])["user"]
    accepted = await accepted_fields(hass, "create_chat", {"user": {UNKNOWN: 1}})
    assert user["selector"]["object"]["fields"].keys() == accepted


@pytest.mark.parametrize("action", SERVICES)
def test_every_field_and_section_of_an_action_has_its_texts(action: str) -> None:
    fields, texts = SERVICES[action]["fields"], ENGLISH["services"][action]
    sections = {name: field for name, field in fields.items() if "fields" in field}
    assert texts["fields"].keys() == flat(fields).keys()
    assert texts.get("sections", {}).keys() == sections.keys()
    section_texts = texts.get("sections", {}).values()
    for text in (texts, *texts["fields"].values(), *section_texts):
        assert text["name"]
        assert text["description"].endswith(".")
    assert ICONS["services"][action].get("sections", {}).keys() == sections.keys()
    # The editor would tick a required field in a section that is not meant.
    assert not [
        name
        for section in sections.values()
        for name, field in section["fields"].items()
        if field.get("required")
    ]
