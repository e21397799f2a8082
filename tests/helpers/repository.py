"""Files of the repository that guards and tests read."""

import ast
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import string
from typing import Any

import yaml

type Json = Any
ROOT = Path(__file__).parents[2]
BEEPER = ROOT / "custom_components/beeper"
ENGLISH: Json = json.loads((BEEPER / "translations/en.json").read_text())
SERVICES: Json = yaml.safe_load((BEEPER / "services.yaml").read_text())
TRIGGERS: Json = yaml.safe_load((BEEPER / "triggers.yaml").read_text())
CONDITIONS: Json = yaml.safe_load((BEEPER / "conditions.yaml").read_text())
ICONS: Json = json.loads((BEEPER / "icons.json").read_text())
MANIFEST: Json = json.loads((BEEPER / "manifest.json").read_text())


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


def sources(*folders: Path | str) -> list[Path]:
    """Return the Python files below folders of the repository."""
    return [file for name in folders for file in sorted((ROOT / name).rglob("*.py"))]


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def walk[T: ast.AST](kind: type[T], *files: Path) -> Iterator[T]:
    for file in files:
        yield from (node for node in ast.walk(tree(file)) if isinstance(node, kind))


def texts_of(value: Json, path: str = "") -> dict[str, str]:
    """Return every text under its full key."""
    if isinstance(value, str):
        return {path: value}
    return {
        key: text
        for name, item in value.items()
        for key, text in texts_of(item, f"{path}.{name}".lstrip(".")).items()
    }


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@cache
def strings() -> str:
    """Return all strings in the code, quoted, and all that describes forms."""
    texts = [node.value for node in walk(ast.Constant, *sources(BEEPER))]
    return "\n".join(
        f'"{text}"' for text in texts if isinstance(text, str)
    ) + json.dumps([SERVICES, TRIGGERS, CONDITIONS])


def flat(fields: Json) -> dict[str, Json]:
    """Return the fields of an action, those in sections too."""
    found: dict[str, Json] = {}
    for name, field in fields.items():
        new = flat(field["fields"]) if "fields" in field else {name: field}
        assert not found.keys() & new.keys()
        found |= new
    return found
