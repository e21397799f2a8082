"""YAML examples and tables in the docs."""

import re
from typing import Any

import yaml

from tests.helpers.repository import ROOT

ACTIONS = (ROOT / "docs/actions.md").read_text("utf-8")


def blocks(text: str) -> list[Any]:
    return [
        yaml.safe_load(block)
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


def table(heading: str, text: str = ACTIONS) -> set[str]:
    """Return what is in the first cells of the table whose header begins so."""
    rows = (
        text.split(f"| {heading} |", 1)[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    )
    return {name for row in rows for name in re.findall("`(.+?)`", row.split("|")[1])}
