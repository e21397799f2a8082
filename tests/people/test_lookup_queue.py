"""The order of lookups that run at the same time."""

import asyncio

from custom_components.beeper.people.lookup_queue import LookupQueue
from tests.helpers.waiting import PATIENCE


async def test_only_lookups_in_the_same_place_are_waited_for() -> None:
    queue, answer = LookupQueue(), asyncio.Event()
    ended: list[str] = []

    async def run(name: str, lookup: asyncio.Event, scope: str, text: str) -> None:
        await queue.run(lookup.wait(), scope, text)
        ended.append(name)

    ready = asyncio.Event()
    ready.set()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run("first", answer, "telegram", "Kim"))
        tasks.create_task(run("second", ready, "telegram", "Kim"))
        await asyncio.sleep(0)  # Both have begun.
        await asyncio.wait_for(run("elsewhere", ready, "whatsapp", "Kim"), PATIENCE)
        assert ended == ["elsewhere"]
        answer.set()

    assert ended == ["elsewhere", "first", "second"]
