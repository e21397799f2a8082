"""Delivery reports of the network."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import delivery_status
from homeassistant.core import Context, HomeAssistant
from simulator import Simulator, deliveries
from tests.helpers.actions import PATH, send, sent
from tests.helpers.waiting import until
from tests.helpers.world import KIM, PROFILES

pytestmark = pytest.mark.usefixtures("quick_recovery")


SIGNAL = "!jOrdanSignaL:beeper.com"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask often, and wait for a second at most."""
    monkeypatch.setattr(delivery_status, "_READ_INTERVAL", 0.02)
    monkeypatch.setattr(delivery_status, "_DELIVERY_TIMEOUT", 1)


def looks(simulator: Simulator) -> list[str]:
    """Return the requests that read the status."""
    return [
        request.path.removeprefix(f"/v1/chats/{KIM}/")
        for request in simulator.requests
        if request.method == "GET" and "/messages" in request.path
    ]


async def delivery_of(hass: HomeAssistant, chat_id: str = KIM, **data: Any) -> Any:
    response = await send(hass, chat_id, wait=True, **data)
    assert response["recovered"] is False
    return response["delivery"], response["reason"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_delivered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await delivery_of(hass) == ("delivered", None)
    assert sent(simulator) == 1


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("FAIL_PERMANENT", "not_allowed"), ("FAIL_RETRIABLE", "bridge_unavailable")],
)
async def test_failed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    outcome: Any,
    reason: str,
) -> None:
    """The failure is reported, and the message is not repeated."""
    simulator.world.accounts["whatsapp"].delivery = outcome

    assert await delivery_of(hass) == ("failed", reason)
    assert sent(simulator) == 1


async def test_signed_out_account(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await delivery_of(hass, SIGNAL) == ("failed", "bridge_unavailable")


@pytest.mark.parametrize(
    "reason",
    ["+15550101002", "Kim is not here", "kim@example.com", "m15550101002", "", None, 7],
)
async def test_free_text_reason_is_not_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    reason: Any,
) -> None:
    monkeypatch.setitem(deliveries._FAILURES, "FAIL_PERMANENT", {"reason": reason})
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"

    assert await delivery_of(hass) == ("failed", "unknown")


@pytest.mark.parametrize("profile", PROFILES)
async def test_late_delivery_is_pending(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_status, "_DELIVERY_TIMEOUT", 0.2)
    simulator.confirm_after = 3600

    assert await delivery_of(hass) == ("pending", None)
    assert sent(simulator) == 1


@pytest.mark.parametrize("profile", ["4.2.557", "easymatrix"])
async def test_old_server_reports_no_failures(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the list is read there."""
    monkeypatch.setattr(delivery_status, "_DELIVERY_TIMEOUT", 0.3)
    simulator.confirm_after = 0.15

    await delivery_of(hass)
    seen = looks(simulator)
    assert len(seen) > 3
    assert {*seen} == {"messages"}


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_errors_while_waiting_are_retried(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    gets = {"method": "GET", "path": f"{PATH}*"}
    simulator.faults.add("status_before", **gets, status=503)
    simulator.faults.add("status_before", **gets, status=404, body={"code": "X"})
    simulator.faults.add("drop_before", **gets)
    simulator.faults.add("garbage", **gets, body="[]")
    simulator.faults.add("cut", **gets)

    assert await delivery_of(hass) == ("delivered", None)


async def test_server_restart(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.confirm_after = 3600
    caller = hass.async_create_task(delivery_of(hass))
    await until(lambda: looks(simulator))
    await simulator.stop()
    await asyncio.sleep(0.1)
    await simulator.start()

    assert await caller == ("delivered", None)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"id": "77"}, "delivered"),
        ({"id": "77", "sendStatus": {"status": "SUCCESS"}}, "delivered"),
        ({"id": "77", "sendStatus": {"status": "PENDING"}}, "pending"),
        ({"id": "77", "sendStatus": {"status": "NEW"}}, "pending"),
        ({"sendStatus": {"status": "SUCCESS"}}, "delivered"),
        ({"id": ""}, "pending"),
        ({}, "pending"),
        ({"id": "77", "sendStatus": "SUCCESS"}, "delivered"),
    ],
)
async def test_delivery_is_read_from_the_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, Any],
    outcome: str,
) -> None:
    """Its final id is the network's word too."""
    monkeypatch.setattr(delivery_status, "_DELIVERY_TIMEOUT", 0.1)
    simulator.confirm_after = 3600
    simulator.faults.add(
        "garbage", method="GET", path=f"{PATH}/*", times=None, body=body
    )

    assert await delivery_of(hass) == (outcome, None)


async def test_server_without_message_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """It is looked for in the chat."""
    # For an event, the inbox reads the message that it names.
    simulator.world.accounts["whatsapp"].emits_events = False
    simulator.faults.add("garbage", method="POST", path=PATH, body={"chatID": KIM})

    response = await send(hass, wait=True)

    assert response["pending_message_id"] is None
    assert response["message_id"] == simulator.world.chats[KIM].messages[-1].id
    assert response["recovered"] is False
    assert response["delivery"] == "delivered"
    assert {*looks(simulator)} == {"messages"}


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_each_of_two_equal_texts_is_confirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await send(hass)
    await asyncio.sleep(0.1)

    assert await delivery_of(hass) == ("delivered", None)
    assert sent(simulator) == 2


async def test_recovered_message_has_a_delivery(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST", path=PATH)

    response = await send(hass, wait=True)

    assert response["recovered"] is True
    assert response["delivery"] == "delivered"


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_joined_caller_can_wait(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    context = Context()
    first, second = await asyncio.gather(
        send(hass, context=context), send(hass, context=context, wait=True)
    )

    assert "delivery" not in first
    assert second["delivery"] == "delivered"
    assert sent(simulator) == 1


async def test_waiting_does_not_block_others(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.confirm_after = 3600
    caller = hass.async_create_task(delivery_of(hass, message="first"))
    await until(lambda: looks(simulator))

    await send(hass, message="second")
    assert not caller.done()

    assert await hass.config_entries.async_reload(loaded.entry_id)
    simulator.world.settle()
    assert await caller == ("delivered", None)


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_an_older_message_with_the_same_text_is_not_the_sent_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """These servers do not name the message, so its text and time have to."""
    world = simulator.world
    chat = world.chat(KIM)
    world.incoming(
        chat, chat.participants[-1], "hi", when=world.now() - timedelta(hours=1)
    )
    response = await send(hass, wait=True)
    assert response["delivery"] == "delivered"
    assert response["message_id"] == chat.messages[-1].id
