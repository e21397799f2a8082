"""A thousand concurrent actions: all are answered, and run once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
import random
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.data import get_outbox
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.resources import bounded
from tests.helpers.waiting import until
from tests.helpers.world import ALEX, FAMILY, INSTAGRAM, KIM

CHATS = (KIM, FAMILY, ALEX, INSTAGRAM)
CONNECTIONS = 2 * 100
"""Home Assistant has so many for a host, and those for changes are their own."""


def person(number: int) -> dict[str, Any]:
    return {"user": {"phone_number": f"+1 555 011 {number:04}"}}


@asynccontextmanager
async def few_files() -> AsyncIterator[None]:
    """Check that connections are few; both of their ends are in this process."""
    before = most = _open_files()

    async def count() -> None:
        nonlocal most
        while True:
            most = max(most, _open_files())
            await asyncio.sleep(0.01)

    counting = asyncio.create_task(count())
    yield
    counting.cancel()
    print(f"{most - before} files")  # noqa: T201
    assert most - before <= 2 * CONNECTIONS
    # Those for changes are closed when they were idle for a second.
    await until(lambda: _open_files() - before <= CONNECTIONS)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seconds", [0, 0.02], ids=["quick server", "slow server"])
async def test_a_thousand_actions_at_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    seconds: float,
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    if seconds:
        simulator.faults.add("delay", seconds=seconds, times=None)
    chats = cycle(CHATS)
    sends = [
        ("send_message", {"chat_id": next(chats), "message": f"No. {number}"})
        for number in range(300)
    ]
    others: list[tuple[str, dict[str, Any]]] = [
        *(("create_chat", person(number)) for number in range(200)),
        *(("create_chat", person(1000 + number // 10)) for number in range(200)),
        *(
            ("update_chat", {"chat_id": next(chats), "title": f"Title {number}"})
            for number in range(50)
        ),
        *(("mark_read", {"chat_id": next(chats)}) for number in range(50)),
        *(("list_messages", {"chat_id": next(chats)}) for number in range(100)),
        *(("list_chats", {"limit": number + 1}) for number in range(50)),
        *(("list_accounts", {}) for number in range(50)),
    ]
    # Messages are sent in call order, between the other requests.
    rng = random.Random(7)  # noqa: S311
    rng.shuffle(others)
    calls = sends + others
    places = sorted(rng.sample(range(len(calls)), len(sends)))
    for place, send in zip(places, sends, strict=True):
        others.insert(place, send)
    calls = others
    assert len(calls) == 1000
    simulator.requests.clear()
    before = {
        chat_id: len(simulator.world.chats[chat_id].messages) for chat_id in CHATS
    }
    there = set(simulator.world.chats)

    async with bounded(), few_files():
        answers = await asyncio.gather(
            *(
                hass.services.async_call(
                    DOMAIN, action, data, blocking=True, return_response=True
                )
                for action, data in calls
            )
        )

    assert all(isinstance(answer, dict) for answer in answers)
    done = Counter(
        (request.method, request.path.rpartition("/")[2])
        for request in simulator.executed
    )
    assert done["POST", "start"] == len(simulator.world.chats.keys() - there) == 220
    assert done["POST", "messages"] == 300
    assert done["POST", "read"] == 50
    patches = [request for request in simulator.executed if request.method == "PATCH"]
    assert len({request.json["title"] for request in patches}) == len(patches) == 50
    for chat_id in CHATS:
        written = simulator.world.chats[chat_id].messages[before[chat_id] :]
        assert [message.text for message in written] == [
            data["message"] for _, data in sends if data["chat_id"] == chat_id
        ]
    created = [
        answer
        for answer, (action, _) in zip(answers, calls, strict=True)
        if action == "create_chat" and answer
    ]
    assert len({str(answer["chat_id"]) for answer in created}) == 220
    assert sum(bool(answer["duplicate"]) for answer in created) == 180
    assert get_outbox(hass, loaded).statistics["running"] == 0
