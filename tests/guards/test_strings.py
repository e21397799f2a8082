"""Texts that repeat are written once, in strings.json."""

import runpy

from tests.helpers.repository import ROOT


def test_translations_are_written_from_strings() -> None:
    script = runpy.run_path(str(ROOT / "scripts/translations.py"))
    for file, text in script["expanded"]().items():
        assert file.read_text("utf-8") == text, f"scripts/translations.py: {file.name}"


def test_no_reference_is_left() -> None:
    """A reference must not lead to another one."""
    for file in (ROOT / "custom_components/beeper/translations").glob("*.json"):
        assert "[%key" not in file.read_text("utf-8"), file.name
