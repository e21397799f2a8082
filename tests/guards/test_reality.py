"""Each behaviour of real servers has a test of what the integration makes of it."""

import re

import pytest

from simulator.traits import TRAITS
from tests.helpers.repository import ROOT

_ROWS = {f"R{number}" for number in range(1, 34)}
_TESTS = "\n".join(
    path.read_text()
    for path in (ROOT / "tests").rglob("*.py")
    if path.relative_to(ROOT / "tests").parts[0]
    not in ("simulator", "check_server", "guards", "live")
)


def test_rows_have_tests() -> None:
    names = re.findall(r"^async def test_((?:r\d+_)+)", _TESTS, re.MULTILINE)
    tested = {f"R{number}" for name in names for number in re.findall(r"\d+", name)}
    assert tested == _ROWS


def test_rows_are_documented() -> None:
    page = (ROOT / "docs/reliability.md").read_text()
    assert re.findall(r"^\| (R\d+) \|", page, re.MULTILINE) == sorted(
        _ROWS, key=lambda row: int(row[1:])
    )


def test_traits_belong_to_rows() -> None:
    rows = {row for trait in TRAITS.values() for row in trait.rows.split()}
    assert rows <= _ROWS


@pytest.mark.parametrize("name", TRAITS)
def test_trait_is_tested(name: str) -> None:
    assert f'"{name}"' in _TESTS
