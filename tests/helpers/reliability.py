"""Tables of docs/reliability.md that tests check, or write with `RELIABILITY=write`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import os
from typing import Any

from tests.helpers.repository import ROOT

WRITES = os.environ.get("RELIABILITY") == "write"

_DOC = ROOT / "docs/reliability.md"


def _parts(name: str) -> tuple[str, str, str]:
    """Return the text before a table's rows, the rows, and the text after them."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = _DOC.read_text("utf-8").partition(begin)
    rows, _, after = rest.partition(end)
    return before + begin, rows, end + after


def shown(name: str) -> str:
    """Return the rows of a table."""
    return _parts(name)[1]


@contextmanager
def results[KeyT, ResultT](
    name: str,
    all_expected: Callable[[], Mapping[KeyT, Any]],
    rendered: Callable[[dict[KeyT, ResultT]], str],
) -> Iterator[dict[KeyT, ResultT]]:
    """Collect results by cell; afterwards write the table if that is asked for."""
    collected: dict[KeyT, ResultT] = {}
    yield collected
    if WRITES:
        assert collected.keys() == all_expected().keys(), "not all of it was run"
        before, _, after = _parts(name)
        _DOC.write_text(before + rendered(collected) + after, "utf-8")
