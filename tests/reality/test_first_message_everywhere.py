"""R1: whatever starts a chat, the first message arrives once."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.helpers import llm
from simulator import Simulator
from simulator.model import Chat
from tests.helpers.actions import create_chat
from tests.helpers.entities import CHAT_SHORTCUT, GROUP_SHORTCUT, add_shortcut, press
from tests.helpers.talking import TO_MIA, set_options, talk
from tests.helpers.world import KIM

pytestmark = pytest.mark.usefixtures("skipped_waits", "impatient", "assist")

NEWER = ["4.2.557", "4.2.808", "latest", "easymatrix", "easymatrix-0.3.0"]


def chat_with(simulator: Simulator, *names: str) -> Chat:
    """Return the only chat with just these people."""
    [found] = (
        chat
        for chat in simulator.world.chats.values()
        if {person.full_name for person in chat.participants if not person.is_self}
        == {*names}
        and chat.account_id == "whatsapp"
    )
    return found


@pytest.mark.parametrize("profile", ["4.1.294", *NEWER])
async def test_r1_spoken_message_to_somebody_new(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await hass.async_block_till_done()
    simulator.traits.add("first_text_dropped")

    _, conversation_id = await talk(hass, TO_MIA)
    await talk(hass, "Yes, send it", conversation_id)

    assert len(chat_with(simulator, "Mia 🌻").messages) == 1


@pytest.mark.parametrize("profile", NEWER)
@pytest.mark.parametrize("is_new", [True, False])
async def test_r1_message_of_a_language_model(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, is_new: bool
) -> None:
    simulator.traits.add("first_text_dropped")
    await set_options(hass, loaded, llm_can_send=True, confirm="never")
    context = llm.LLMContext("test", None, "en", "conversation", None)
    api = await llm.async_get_api(hass, llm.LLM_API_ASSIST, context)
    name = "Mia 🌻" if is_new else "Alex Rivera"
    before = 0 if is_new else len(chat_with(simulator, name).messages)
    arguments = {"recipient": name, "network": "WhatsApp", "message": "Hi there"}

    result = await api.async_call_tool(llm.ToolInput("beeper__create_chat", arguments))

    assert result.data["status"] == "sent"
    assert len(chat_with(simulator, name).messages) == before + 1


@pytest.mark.parametrize("profile", NEWER)
@pytest.mark.parametrize("trait", ["existing_chat_drops_text", "first_text_dropped"])
async def test_r1_shortcut_to_an_existing_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, trait: str
) -> None:
    simulator.traits.add(trait)
    before = len(simulator.world.chats[KIM].messages)
    await add_shortcut(hass, loaded, CHAT_SHORTCUT)

    await press(hass)

    assert len(simulator.world.chats[KIM].messages) == before + 1


@pytest.mark.parametrize("profile", ["4.1.294", *NEWER])
async def test_r1_shortcut_that_creates_a_group(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("first_text_dropped")
    await add_shortcut(hass, loaded, GROUP_SHORTCUT)

    await press(hass)

    assert len(chat_with(simulator, "Kim", "Mia 🌻").messages) == 1


@pytest.mark.parametrize("profile", NEWER)
@pytest.mark.parametrize("if_exists", [None, "reuse"])
async def test_r1_create_that_finds_the_existing_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    if_exists: str | None,
) -> None:
    """Some networks always have one direct chat with a person."""
    simulator.traits.add("create_finds_existing", "existing_chat_drops_text")
    chats = len(simulator.world.chats)
    before = len(simulator.world.chats[KIM].messages)

    response = await create_chat(
        hass,
        account_id="whatsapp",
        participants=["Kim"],
        type="single",
        message_text="Hi there",
        **({"if_exists": if_exists} if if_exists else {}),
    )

    assert response["chat_id"] == KIM
    assert response["message_sent"] == "separately"
    assert len(simulator.world.chats) == chats
    assert len(simulator.world.chats[KIM].messages) == before + 1
