"""What the demo says and asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import sys
import time


class DemoError(Exception):
    """Why the demo cannot go on, in one line for the person who runs it."""


def say(text: str = "", end: str = "\n") -> None:
    """Write to the terminal, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


@asynccontextmanager
async def step(text: str) -> AsyncIterator[None]:
    """Show what is being done, a dot for each second, and how long it took."""
    say(text, end=" ")
    started = time.monotonic()

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            say(".", end="")

    ticking = asyncio.create_task(tick())
    try:
        yield
    except BaseException:
        say()
        raise
    finally:
        ticking.cancel()
    say(f" {time.monotonic() - started:.0f} s")


async def ask(question: str) -> str:
    """Return the answer to a question; Ctrl-C works while it waits."""
    say(question, end=" ")
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    # A terminal hands over whole lines, so what is readable is an answer.
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    except asyncio.CancelledError:
        say()
        raise
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip()
