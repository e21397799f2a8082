"""Every message once and in order, whatever brings it."""

import asyncio

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import coordinator, inbox
from custom_components.beeper.signals import SIGNAL_MESSAGE, MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from simulator import Simulator

from .conftest import until

KIM = "!NCdzlIaMjZUmvmvyHU:beeper.com"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read and connect again after fractions of a second."""
    monkeypatch.setattr(coordinator, "_REFRESH_COOLDOWN", 0.02)
    monkeypatch.setattr(coordinator, "_RECONNECT_AFTER", (0.02, 0.05))
    monkeypatch.setattr(inbox, "_RETRY_AFTER", (0.02, 0.05))
    monkeypatch.setattr(inbox, "_PAUSE", 0.01)


@pytest.fixture
def told(hass: HomeAssistant) -> list[MessageEvent]:
    """Return what triggers and entities are told, as it comes."""
    events: list[MessageEvent] = []
    async_dispatcher_connect(hass, SIGNAL_MESSAGE, events.append)
    return events


@pytest.fixture
async def listening(simulator: Simulator, loaded: MockConfigEntry) -> MockConfigEntry:
    """Return the entry once its stream is followed."""
    await until(lambda: simulator.hub.connections)
    await quiet(simulator)
    return loaded


async def quiet(simulator: Simulator) -> None:
    """Wait until nothing is read any more."""
    seen = -1
    while seen != len(simulator.requests):
        seen = len(simulator.requests)
        await asyncio.sleep(0.15)


def texts(told: list[MessageEvent]) -> list[str | None]:
    return [event.text for event in told]


async def test_message_is_told_once(
    listening: MockConfigEntry, simulator: Simulator, told: list[MessageEvent]
) -> None:
    sent = simulator.incoming(KIM, None, "Is anybody home?")
    await until(lambda: told)
    simulator.faults.add("ws_flood", count=50)
    await quiet(simulator)

    assert [event.as_dict() for event in told] == [
        {
            "chat_id": KIM,
            "chat_name": "Kim",
            "chat_type": "single",
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "sender_id": sent["senderID"],
            "sender_name": "Kim",
            "is_self": False,
            "message_id": sent["id"],
            "timestamp": told[0].as_dict()["timestamp"],
            "text": "Is anybody home?",
            "rich_text": "Is anybody home?",
            "reply_to": None,
            "attachments": [],
            "reaction": None,
        }
    ]
