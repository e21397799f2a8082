"""Fills repeated texts in custom_components/beeper/translations/ from strings.json.

strings.json is the English text. A repeated text is a reference like
[%key:component::beeper::services::create_chat::fields::recipient::name%], and is written
into every language as that language has it there.

.venv/bin/python scripts/translations.py
"""

import json
from pathlib import Path
import re
from typing import Any, cast

BEEPER = Path(__file__).parents[1] / "custom_components/beeper"
_REFERENCE = re.compile(r"\[%key:component::beeper::(.+)%\]")


def expanded() -> dict[Path, str]:
    """Return each language's file, and its expected content."""
    strings = json.loads((BEEPER / "strings.json").read_text("utf-8"))
    files = {}
    for file in sorted((BEEPER / "translations").glob("*.json")):
        own = strings if file.stem == "en" else json.loads(file.read_text("utf-8"))
        filled = _fill(strings, own, own)
        files[file] = json.dumps(filled, ensure_ascii=False, indent=2) + "\n"
    return files


def _fill(strings: Any, own: Any, texts: dict[str, Any]) -> Any:
    """Return a language's texts in the order of the English ones, without references.

    What is not translated yet is English.
    """
    if isinstance(strings, dict):
        return {
            key: _fill(value, own.get(key, value), texts)
            for key, value in strings.items()
        }
    if reference := _REFERENCE.fullmatch(strings):
        for key in reference[1].split("::"):
            texts = texts[key]
        return texts
    return own


def main() -> None:
    """Write the files."""
    for file, text in expanded().items():
        file.write_text(cast("str", text), "utf-8")


if __name__ == "__main__":
    main()
