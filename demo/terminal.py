"""Terminal input and output of the demo."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import sys
import time


class DemoError(Exception):
    """The demo cannot continue; the message is one line for the user."""


def say(text: str = "", end: str = "\n") -> None:
    """Write to the terminal and flush."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


@asynccontextmanager
async def step(text: str) -> AsyncIterator[None]:
    """Print a step, a dot per second, and the duration."""
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
    """Return the answer to a question; can be interrupted with Ctrl-C.

    Without a terminal, the answers are lines of the standard input, empty at its end.
    """
    say(question, end=" ")
    loop = asyncio.get_running_loop()
    if not sys.stdin.isatty():
        answer: str = await loop.run_in_executor(None, sys.stdin.readline)
        say(answer.strip())
        return answer.strip()
    typed = asyncio.Event()
    # A terminal delivers whole lines, so readable input is a complete answer.
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    except asyncio.CancelledError:
        say()
        raise
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip()
