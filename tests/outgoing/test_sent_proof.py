"""Of equal texts in one chat, no message is taken for another call's."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import outbox
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.model import Message
from tests.helpers.actions import PATH, call_action, send
from tests.helpers.outcomes import outcome_of
from tests.helpers.waiting import settled, until
from tests.helpers.world import ALEX

pytestmark = pytest.mark.usefixtures("impatient")

OLD_AND_NEW = pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "latest"])
POSTS = "/v1/chats*"


def start(simulator: Simulator) -> dict[str, Any]:
    """Return a request for the chat with Alex, with the text that `send` sends."""
    alex = simulator.world.chats[ALEX].participants[0]
    return {"account_id": "telegram", "user": {"id": alex.id}, "message_text": "hi"}


def own(simulator: Simulator) -> list[Message]:
    return [one for one in simulator.world.chats[ALEX].messages if one.text == "hi"]


@pytest.mark.parametrize("profile", ["latest"])
async def test_the_text_of_a_running_request_proves_no_lost_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Otherwise the request would not find its text, and send it again."""
    held = simulator.faults.add(
        "delay_after", method="POST", path="/v1/chats/start", seconds=20
    )
    starting = asyncio.create_task(call_action(hass, "create_chat", **start(simulator)))
    await until(lambda: own(simulator))
    simulator.faults.add("drop_before", method="POST", path=PATH)

    assert await outcome_of(send(hass, ALEX)) == "unknown"
    held.end()

    # The only message may be that of either.
    assert await outcome_of(starting) == "unknown"
    assert len(own(simulator)) == 1


@OLD_AND_NEW
async def test_a_lost_request_is_not_proved_by_a_message_sent_meanwhile(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is that one confused with an equal one which was read just before."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0.5,))
    simulator.world.send(simulator.world.chats[ALEX], "hi")  # On the phone.
    simulator.world.settle()
    await settled(hass, loaded, simulator)
    await asyncio.sleep(2)  # Servers state times in whole seconds.
    simulator.faults.add("drop_before", method="POST", path=POSTS)
    starting = asyncio.create_task(
        outcome_of(call_action(hass, "create_chat", **start(simulator)))
    )
    await until(lambda: not simulator.faults.waiting)

    await send(hass, ALEX, allow_repeat=True)
    simulator.world.settle()
    await settled(hass, loaded, simulator)

    assert await starting == "unknown"
    assert len(own(simulator)) == 2


@OLD_AND_NEW
async def test_a_request_and_a_message_that_are_both_lost_prove_neither(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0.3,))
    simulator.traits.add("existing_chat_drops_text")
    for fault in ("drop_before", "drop_after"):
        simulator.faults.add(fault, method="POST", path=POSTS)

    ends = await asyncio.gather(
        outcome_of(call_action(hass, "create_chat", **start(simulator))),
        outcome_of(send(hass, ALEX, allow_repeat=True)),
    )

    assert ends == ["unknown", "unknown"]


@OLD_AND_NEW
async def test_two_repeated_calls_do_not_both_return_the_lost_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    simulator.faults.add("drop_after", method="POST", path=PATH)
    assert await outcome_of(send(hass, ALEX)) == "unknown"
    simulator.world.settle()

    ends = await asyncio.gather(
        outcome_of(send(hass, ALEX, context=Context())),
        outcome_of(call_action(hass, "create_chat", **start(simulator))),
    )

    assert sorted(ends) == ["recovered", "unknown"]
    assert len(own(simulator)) == 1


async def test_the_text_of_a_new_chat_is_not_confused_with_that_of_another(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In both new chats, it is the message with the ID 1."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    data = {
        "account_id": "whatsapp",
        "participant_ids": ["15550101002"],
        "type": "single",
        "message_text": "hi",
    }
    simulator.faults.add("drop_after", method="POST", path="/v1/chats")
    with pytest.raises(HomeAssistantError):
        await call_action(hass, "create_chat", **data)
    lost = [*simulator.world.chats.values()][-1]
    await until(lambda: lost.messages[-1].confirmed)
    await hass.async_block_till_done()

    with suppress(HomeAssistantError):
        await call_action(hass, "create_chat", **data, allow_repeat=True)

    new = [*simulator.world.chats.values()][-1]
    assert new is not lost
    assert [message.text for message in new.messages] == ["hi"]
