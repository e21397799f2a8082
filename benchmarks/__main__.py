"""Measure, print tables, and write JSON if a file is named."""

import argparse
import asyncio
from collections.abc import Awaitable
from dataclasses import asdict
from importlib import import_module
import json
from pathlib import Path
import sys
from typing import Protocol, cast

from .measure import Figure, table

PARTS = ("create_chat", "imports", "chats", "stream", "files")


class Part(Protocol):
    """A module that measures something."""

    def measure(self, *, quick: bool) -> Awaitable[list[Figure]]:
        """Return what it measured; `quick`: only to see that it works."""


def main() -> int:
    """Return 3 if an aim is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="too short to be true")
    options = parser.parse_args()
    results: dict[str, list[Figure]] = {}
    for name in options.parts or PARTS:
        part = cast("Part", import_module(f"{__package__}.{name}"))
        print(f"\n## {name}\n", flush=True)
        results[name] = asyncio.run(_measure(part, quick=options.quick))
        print(table(results[name]), flush=True)
    if options.json:
        plain = {name: [asdict(each) for each in results[name]] for name in results}
        options.json.write_text(json.dumps(plain, indent=2) + "\n")
    missed = any(each.kept is False for some in results.values() for each in some)
    return 3 if missed else 0


async def _measure(part: Part, *, quick: bool) -> list[Figure]:
    return await part.measure(quick=quick)


if __name__ == "__main__":
    sys.exit(main())
