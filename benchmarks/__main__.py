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

_DOCS = Path(__file__).parents[1] / "docs/performance.md"
PARTS = (
    "create_chat",
    "bursts",
    "imports",
    "chats",
    "names",
    "stream",
    "phrases",
    "files",
    "hostile",
)


class Part(Protocol):
    """A module that measures something."""

    def measure(self, *, quick: bool) -> Awaitable[list[Figure]]:
        """Return the figures; `quick` only checks that the benchmark works."""


def main() -> int:
    """Return 3 if an aim is missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--docs", action="store_true", help="write the tables there")
    parser.add_argument("--quick", action="store_true", help="too short to be true")
    options = parser.parse_args()
    results: dict[str, list[Figure]] = {}
    for name in options.parts or PARTS:
        part = cast("Part", import_module(f"{__package__}.{name}"))
        print(f"\n## {name}\n", flush=True)
        results[name] = asyncio.run(_measure(part, quick=options.quick))
        print(table(results[name]), flush=True)
        if options.docs:
            _document(name, table(results[name]))
    if options.json:
        plain = {name: [asdict(row) for row in results[name]] for name in results}
        options.json.write_text(json.dumps(plain, indent=2) + "\n")
    missed = any(row.kept is False for some in results.values() for row in some)
    return 3 if missed else 0


def _document(name: str, text: str) -> None:
    """Replace what docs/performance.md says of a part."""
    before, begin, rest = _DOCS.read_text("utf-8").partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition("<!-- end -->")
    _DOCS.write_text(f"{before}{begin}{text}\n{end}{after}", "utf-8")


async def _measure(part: Part, *, quick: bool) -> list[Figure]:
    return await part.measure(quick=quick)


if __name__ == "__main__":
    sys.exit(main())
