"""Guard: every trigger and condition is in the editor, with texts and icons."""

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.beeper import condition, trigger
from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import async_validate_condition_config
from homeassistant.helpers.selector import selector
from homeassistant.helpers.trigger import async_validate_trigger_config
from homeassistant.setup import async_setup_component
from tests.helpers.repository import CONDITIONS, ENGLISH, ICONS, TRIGGERS, Json

# Calls with a field that does not exist, whose refusals name all those that do.
UNKNOWN = "nonsense"


async def test_every_trigger_and_condition_is_described(hass: HomeAssistant) -> None:
    for found, kind, described in (
        (await trigger.async_get_triggers(hass), "trigger", TRIGGERS),
        (await condition.async_get_conditions(hass), "condition", CONDITIONS),
    ):
        icons, texts = ICONS[f"{kind}s"], ENGLISH[f"{kind}s"]
        assert found.keys() == described.keys() == icons.keys() == texts.keys()
        assert all(icon.keys() == {kind} for icon in icons.values())


async def check_options(hass: HomeAssistant, kind: str, key: str, given: Json) -> None:
    name, options = f"{DOMAIN}.{key}", {"options": given}
    if kind == "triggers":
        await async_validate_trigger_config(hass, [{"platform": name, **options}])
    else:
        await async_validate_condition_config(hass, {"condition": name, **options})


@pytest.mark.parametrize(
    ("kind", "key"),
    [("triggers", key) for key in TRIGGERS]
    + [("conditions", key) for key in CONDITIONS],
)
async def test_every_option_is_in_its_form_with_its_texts(
    hass: HomeAssistant, kind: str, key: str
) -> None:
    fields = {"triggers": TRIGGERS, "conditions": CONDITIONS}[kind][key]["fields"]
    texts = ENGLISH[kind][key]
    with pytest.raises(vol.Invalid) as refused:
        await check_options(hass, kind, key, {UNKNOWN: 1})
    accepted = refused.value.msg.partition("The fields are: ")[2].split(", ")
    assert fields.keys() == texts["fields"].keys() == {*accepted}
    for field in fields.values():
        [(name, options)] = field["selector"].items()
        selector({name: options})  # raises if Home Assistant knows no such one
    for text in (texts, *texts["fields"].values()):
        assert text["name"]
        assert text["description"].endswith(".")


@pytest.mark.parametrize(
    ("kind", "described"), [("trigger", TRIGGERS), ("condition", CONDITIONS)]
)
async def test_editor_receives_every_description(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    kind: str,
    described: Json,
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": f"{kind}_platforms/subscribe"})
    assert (await client.receive_json())["success"]

    event = (await client.receive_json())["event"]

    for key, description in described.items():
        shown = event[f"{DOMAIN}.{key}"]["fields"]
        assert shown.keys() == description["fields"].keys()
