"""Files of the repository that guards and tests read."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import yaml

type Json = Any
ROOT = Path(__file__).parents[2]
BEEPER = ROOT / "custom_components/beeper"
ENGLISH: Json = json.loads((BEEPER / "translations/en.json").read_text())
SERVICES: Json = yaml.safe_load((BEEPER / "services.yaml").read_text())


def imported(file: Path) -> Iterator[str]:
    """Yield the full names that a file imports."""
    package = [*file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def sources(*folders: str) -> list[Path]:
    """Return the Python files below folders of the repository."""
    return [file for name in folders for file in sorted((ROOT / name).rglob("*.py"))]
