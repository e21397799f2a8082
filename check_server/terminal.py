"""Output and questions."""

import asyncio
import sys


def say(text: str = "", end: str = "\n") -> None:
    """Write to the terminal, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


async def confirm(question: str) -> bool:
    """Ask a question; only y or yes is a yes. Ctrl-C works while it waits."""
    say(f"{question}? [y/N]", end=" ")
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    # A terminal hands over whole lines: readable means answered.
    loop.add_reader(sys.stdin, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
