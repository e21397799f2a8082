"""Writes docs/reference.md: every action, trigger, condition, entity, option and error.

.venv/bin/python scripts/reference.py
"""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference.md"
BEEPER = ROOT / "custom_components/beeper"


def page() -> str:
    """Return the page."""
    english = json.loads((BEEPER / "translations/en.json").read_text("utf-8"))
    lines = [
        "# Reference",
        "",
        "Every action, trigger, condition, entity, option and error, in the words of Home Assistant's forms. Written by",
        "`scripts/reference.py` from the files that Home Assistant reads.",
    ]
    for heading, name in (
        ("Actions", "services"),
        ("Triggers", "triggers"),
        ("Conditions", "conditions"),
    ):
        forms = yaml.safe_load((BEEPER / f"{name}.yaml").read_text("utf-8"))
        lines += ["", f"## {heading}"]
        for key, form in forms.items():
            lines += _form(key, form or {}, english[name][key])
    lines += ["", "## Entities", "", "| Entity | States |", "|---|---|"]
    for domain, entities in english["entity"].items():
        for key, entity in entities.items():
            states = entity.get("state") or entity.get("state_attributes", {}).get(
                "event_type", {}
            ).get("state", {})
            shown = ", ".join(f"`{state}` ({text})" for state, text in states.items())
            lines.append(f"| `{domain}`: {entity.get('name', key)} | {shown} |")
    lines += ["", "## Options", "", "| Option | Meaning |", "|---|---|"]
    for data, descriptions in _forms(english["options"]["step"]):
        lines += [
            f"| {data[key]} | {_cell(descriptions.get(key, ''))} |" for key in data
        ]
    lines += ["", "## Errors", "", "| Key | Text |", "|---|---|"]
    lines += [
        f"| `{key}` | {_cell(error['message'])} |"
        for key, error in english["exceptions"].items()
    ]
    return "\n".join(lines) + "\n"


def _form(key: str, form: dict[str, Any], texts: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an action, trigger or condition."""
    yield from (
        "",
        f"### `beeper.{key}`",
        "",
        f"{texts['name']}. {texts['description']}",
    )
    if form.get("target"):
        yield from ("", "Takes targets: entities, devices, areas and labels.")
    fields = {
        name: field
        for name, item in form.get("fields", {}).items()
        for name, field in (item.get("fields") or {name: item}).items()
    }
    if fields:
        yield from ("", "| Field | In forms | Meaning | Example |", "|---|---|---|---|")
    for name, field in fields.items():
        text = texts["fields"][name]
        example = f"`{_cell(str(field['example']))}`" if field.get("example") else ""
        required = " Required." if field.get("required") else ""
        yield (
            f"| `{name}` | {text['name']} | {_cell(text['description'])}{required} "
            f"| {example} |"
        )


def _forms(steps: Any) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield the labels and descriptions of the fields of every step and section."""
    if isinstance(steps, dict):
        if isinstance(data := steps.get("data"), dict):
            yield data, steps.get("data_description", {})
        for item in steps.values():
            yield from _forms(item)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
