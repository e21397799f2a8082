"""The intents, as users' own sentences and the REST API call them."""

from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.talking import SENT_TO_MIA, say, talk
from tests.helpers.world import FAMILY, last

OWN = """
language: en
intents:
  BeeperSendMessage:
    data:
      - sentences: ["let {recipient} know [that] {message}"]
  BeeperCreateChat:
    data:
      - sentences: ["get me {recipient}"]
  BeeperReadUnread:
    data:
      - sentences: ["any post", "any post from {recipient}"]
lists:
  recipient: {wildcard: true}
  message: {wildcard: true}
"""


@pytest.fixture
async def own_sentences(hass: HomeAssistant, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / "custom_sentences/en"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(OWN)


@pytest.mark.usefixtures("signed_in", "own_sentences", "assist")
async def test_custom_sentences(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"sentences": False})
    await hass.async_block_till_done()

    answer = await say(hass, "Let family know that dinner is ready")
    assert answer == "Sent to Family 🏡 on WhatsApp."
    assert last(simulator, FAMILY) == "dinner is ready"
    assert await say(hass, "Get me Lena Park") == (
        "You already have a chat with Lena Park on Instagram."
    )
    assert await say(hass, "Any post?") == (
        "Kim in Family 🏡 on WhatsApp: See you all on Sunday."
    )
    assert await say(hass, "Any post from Lena Park?") == "You have no unread messages."
    # Questions and answers also work without the integration's sentences.
    question, conversation_id = await talk(hass, "Let Mia know that I am late")
    assert question.startswith("You have no chat with Mia 🌻 on WhatsApp yet")
    assert await say(hass, "yes, send it", conversation_id) == SENT_TO_MIA


async def handle(
    client: ClientSessionGenerator, name: str, **data: str
) -> tuple[str, str]:
    response = await (await client()).post(
        "/api/intent/handle", json={"name": name, "data": data}
    )
    result: Any = await response.json()
    return result["response_type"], result["speech"]["plain"]["speech"]


@pytest.fixture
async def rest(hass: HomeAssistant) -> None:
    """Set up intents without a conversation agent."""
    assert await async_setup_component(hass, "intent", {})
    assert await async_setup_component(hass, "api", {})


@pytest.mark.usefixtures("signed_in", "rest")
async def test_over_rest(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    answer = await handle(
        hass_client, "BeeperSendMessage", recipient="family", message="Hello"
    )
    assert answer == ("action_done", "Sent to Family 🏡 on WhatsApp.")
    answer = await handle(hass_client, "BeeperReadUnread", network="signal")
    assert answer == ("action_done", "You have no unread messages.")
    answer = await handle(hass_client, "BeeperReadUnread", network="Beeper")
    assert answer[1].startswith("Kim in Family")
    answer = await handle(hass_client, "BeeperCreateChat", recipient="nobody")
    assert answer == ("error", "I couldn't find nobody, so nothing was sent.")
    answer = await handle(hass_client, "BeeperSendMessage", recipient="family")
    assert answer == ("error", "There was no text, so nothing was sent.")
    answer = await handle(hass_client, "BeeperCountUnread")
    assert answer == ("action_done", "You have one unread message on WhatsApp.")
    answer = await handle(hass_client, "BeeperMarkRead", recipient="family")
    assert answer == (
        "action_done",
        "The chat with Family 🏡 on WhatsApp is marked as read.",
    )
    assert simulator.world.chats[FAMILY].unread_count == 0


@pytest.mark.usefixtures("rest")
async def test_request_without_conversation_asks_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    for recipient in "Mia", "Alex Rivera":
        answer = await handle(
            hass_client, "BeeperSendMessage", recipient=recipient, message="Hello"
        )
        assert answer == (
            "error",
            (
                "This needs your confirmation, and you can't answer here, so nothing was sent."
            ),
        )
    assert not simulator.executed


@pytest.mark.usefixtures("rest")
async def test_without_a_server(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    assert await hass.config_entries.async_unload(loaded.entry_id)

    for name, data in (
        ("BeeperSendMessage", {"recipient": "Kim", "message": "Hello"}),
        ("BeeperCreateChat", {"recipient": "Kim"}),
        ("BeeperReadUnread", {}),
    ):
        assert await handle(hass_client, name, **data) == (
            "error",
            "Beeper is not connected at the moment, so nothing was done.",
        )


@pytest.mark.usefixtures("rest", "loaded")
@pytest.mark.parametrize("slots", [{}, {"message": "Hello"}])
async def test_missing_slots(hass: HomeAssistant, slots: dict[str, str]) -> None:
    with pytest.raises(intent.InvalidSlotInfo):
        await intent.async_handle(
            hass,
            "test",
            "BeeperSendMessage",
            {name: {"value": value} for name, value in slots.items()},
        )
