"""A chat or an account that the server does not answer for holds up no other one."""

from collections.abc import Callable

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Chat, Person
from tests.helpers.listening import texts
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, chat, write

pytestmark = pytest.mark.usefixtures("impatient")
FOREVER = 25
"""Seconds; no test waits for them."""


def hanging_chats(simulator: Simulator, number: int) -> list[Chat]:
    """Add chats whose messages cannot be read."""
    groups = []
    for index in range(number):
        member = Person(id=f"@x{index}:y", full_name="X")
        groups.append(chat(simulator, [member], f"Group {index}"))
        simulator.faults.add(
            "delay", path=f"*/{groups[-1].id}/messages", seconds=FOREVER, times=None
        )
    return groups


async def test_hanging_chats_hold_up_no_other(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    """The clock stands at less than their timeout, then runs beyond it."""
    groups = hanging_chats(simulator, 6)
    for group in groups:
        write(simulator, "later", chat_id=group.id)
    await until(lambda: listening.runtime_data.inbox.statistics["chats_to_read"] == 6)
    for number in range(4):
        write(simulator, f"SMOKE {number}", chat_id=KIM if number % 2 else FAMILY)
        await until(lambda: len(events) > number)  # noqa: B023
        # They hang again.
        if number == 1:
            skip_time(31)
    assert sorted(map(str, texts(events))) == [f"SMOKE {number}" for number in range(4)]
    simulator.faults.clear()
    skip_time(31)
    await until(lambda: len(events) == 10)
    assert texts(events)[4:] == ["later"] * 6


async def test_a_hundred_hanging_chats_hold_up_no_other(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    """As where a bridge hangs: more than are read at once."""
    groups = hanging_chats(simulator, 100)
    for group in groups:
        write(simulator, "later", chat_id=group.id)
    for number in range(3):
        write(simulator, f"SMOKE {number}")
        await until(lambda: len(events) > number)  # noqa: B023
    assert texts(events) == ["SMOKE 0", "SMOKE 1", "SMOKE 2"]
    simulator.faults.clear()

    def are_read() -> bool:
        skip_time(1)
        return len(events) == 103

    await until(are_read)
    assert texts(events)[3:] == ["later"] * 100


@pytest.mark.parametrize(
    "path", ["/v1/accounts*", "/v1/chats", "/v1/chats/search", "/v1/info"]
)
async def test_hanging_polls_hold_up_no_message(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    path: str,
) -> None:
    fault = simulator.faults.add("delay", path=path, seconds=FOREVER, times=None)
    hass.async_create_task(listening.runtime_data.async_refresh())
    if path != "/v1/chats":
        await until(lambda: fault.hits)
    for number in range(3):
        write(simulator, f"SMOKE {number}")
        await until(lambda: len(events) > number)  # noqa: B023
    assert texts(events) == ["SMOKE 0", "SMOKE 1", "SMOKE 2"]
