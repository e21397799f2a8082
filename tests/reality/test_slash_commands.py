"""EasyMatrix carries out a text after a slash as a command, and reports it as sent."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat, send
from tests.helpers.world import KIM, KIM_BY_NUMBER, contact, texts

pytestmark = [
    pytest.mark.usefixtures("impatient"),
    pytest.mark.parametrize("profile", ["easymatrix-0.3.0"]),
    pytest.mark.parametrize("text_format", ["text", "markdown"]),
    pytest.mark.parametrize("text", ["/unencrypted code", "/shrug", "//a", "/", " /a"]),
]


@pytest.fixture(autouse=True)
def commands(simulator: Simulator) -> None:
    simulator.traits.add("slash_commands")


async def test_message_is_no_command(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    text: str,
    text_format: str,
) -> None:
    await send(hass, message=text, format=text_format)

    assert texts(simulator)[-1].endswith(text.strip())


@pytest.mark.parametrize("exists", [True, False])
async def test_first_message_is_no_command(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    text: str,
    text_format: str,
    exists: bool,
) -> None:
    person = contact(simulator, "@whatsapp_15550109090:beeper.com")
    user = KIM_BY_NUMBER["user"] if exists else {"id": person.id}

    response = await create_chat(hass, user=user, message_text=text, format=text_format)

    assert texts(simulator, response["chat_id"])[-1].endswith(text.strip())


async def test_edited_text_is_no_command(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    text: str,
    text_format: str,
) -> None:
    sent = await send(hass, message="first")

    await call_action(
        hass,
        "edit_message",
        chat_id=KIM,
        message_id=sent["message_id"],
        message=text,
        format=text_format,
    )

    assert texts(simulator)[-1].endswith(text.strip())
