"""docs/reference.md is what Home Assistant reads."""

import runpy

from tests.helpers.repository import ROOT


def test_reference_is_current() -> None:
    script = runpy.run_path(str(ROOT / "scripts/reference.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), (
        "scripts/reference.py writes it anew"
    )
