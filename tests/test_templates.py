"""Messages that templates write: Home Assistant turns some into numbers and lists."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.labels import refused
from tests.helpers.world import KIM, KIM_BY_NUMBER

CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("send_message", {"chat_id": KIM}, "message"),
    ("create_chat", KIM_BY_NUMBER, "message_text"),
]


async def run(hass: HomeAssistant, action: str, data: dict[str, Any]) -> None:
    step = {"action": f"beeper.{action}", "data": data}
    script = {"script": {"test": {"sequence": [step]}}}
    assert await async_setup_component(hass, "script", script)
    await hass.services.async_call("script", "test", blocking=True)


@pytest.mark.parametrize(("action", "to", "field"), CALLS)
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 1 + 1 }}", "2"),
        ("{{ 43 / 2 }}", "21.5"),
        ("{{ '21,5' }}", "21,5"),
        ("{{ '1.234,56' }}", "1.234,56"),
        ("{{ '1,234.50' }}", "1,234.50"),
        ("{{ '-3,0' }}", "-3,0"),
        ("{{ '007' }}", "007"),
        ("State: {{ true }}", "State: True"),
        ("{{ [1, 2] | join(', ') }}.", "1, 2."),
        ("on", "on"),
    ],
)
async def test_numbers_are_sent_as_they_were_written(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    to: dict[str, Any],
    field: str,
    template: str,
    text: str,
) -> None:
    await run(hass, action, {**to, field: template})

    assert simulator.world.chats[KIM].messages[-1].text.replace("\\", "") == text


@pytest.mark.parametrize(("action", "to", "field"), CALLS)
@pytest.mark.parametrize(
    "template",
    [
        "{{ [1, 2] }}",
        "{{ ['Kitchen', 'Hall'] }}",
        "{{ 'Kitchen', 'Hall' }}",
        "{{ {'a': 1} }}",
        "{{ true }}",
        "{{ 1 > 2 }}",
        True,
        ["a"],
    ],
)
async def test_other_values_explain_themselves(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    to: dict[str, Any],
    field: str,
    template: Any,
) -> None:
    with refused(
        ServiceValidationError,
        match=f"^{field} must be text.*in quotes.*template.*add a word.*join",
    ):
        await run(hass, action, {**to, field: template})

    assert not simulator.executed


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, True, 21.5, "21,5", "21.50"])
async def test_all_data_as_one_template_stays_text(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, value: Any
) -> None:
    """As docs/actions.md says."""
    data = f"{{{{ {{'chat_id': '{KIM}', 'message': ({value!r}) | string}} }}}}"
    step = {"action": "beeper.send_message", "data": data}
    script = {"script": {"test": {"sequence": [step]}}}
    assert await async_setup_component(hass, "script", script)
    await hass.services.async_call("script", "test", blocking=True)

    assert simulator.world.chats[KIM].messages[-1].text.replace("\\", "") == str(value)
