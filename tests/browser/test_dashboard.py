"""Buttons on a dashboard: those of the demo."""

import asyncio

import pytest

from simulator import Simulator

from .frontend import PATIENCE, Frontend


@pytest.mark.usefixtures("kim", "camera")
async def test_buttons_start_a_chat_or_raise_the_reason(
    frontend: Frontend, simulator: Simulator
) -> None:
    await frontend.open("/beeper-demo")
    for _ in range(2):
        await frontend.button("Chat with Kim").click()
    await frontend.button("A number without country code").click()
    await frontend.page.get_by_text("has no country code").first.wait_for()
    await frontend.look("dashboard")
    await frontend.illustrate("dashboard", 1000, 760)
    await frontend.button("Send the picture to Kim").click()
    async with asyncio.timeout(PATIENCE):
        while not (simulator.executed[-1].json or {}).get("attachment"):
            await asyncio.sleep(0.1)
    starts = [request.path for request in simulator.executed].count("/v1/chats/start")
    assert starts == 1
