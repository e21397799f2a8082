"""Starts chats with Beeper's own Python SDK, in an environment that holds it.

`python sdk_client.py URL TOKEN TRANSPORT CONNECTIONS`. Each line of standard input is
the first number to start a chat with and how many; each line of output the seconds it
took.
"""

import asyncio
import sys
import time
from typing import Any

from beeper_desktop_api import AsyncBeeperDesktop, DefaultAioHttpClient

IN_FLIGHT = 20


async def main(url: str, token: str, transport: str, connections: str) -> None:
    """Serve requests until the input ends."""
    options: dict[str, Any] = {}
    if transport == "aiohttp":
        options["http_client"] = DefaultAioHttpClient()
    if connections == "fresh":
        options["default_headers"] = {"Connection": "close"}
    async with AsyncBeeperDesktop(
        base_url=url, access_token=token, **options
    ) as client:

        async def start(numbers: Any) -> None:
            for number in numbers:
                chat = await client.chats.start(
                    account_id="whatsapp", user={"phone_number": f"+{number}"}
                )
                if not chat.id:
                    raise SystemExit("The SDK started no chat")

        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            first, count = map(int, line.split())
            numbers = iter(range(first, first + count))
            began = time.perf_counter()
            await asyncio.gather(*(start(numbers) for _ in range(IN_FLIGHT)))
            print(time.perf_counter() - began, flush=True)


asyncio.run(main(*sys.argv[1:]))
