"""Guard: errors name fields as forms do, in every language."""

import json
from pathlib import Path
import re

import pytest

from tests.helpers.repository import BEEPER, ENGLISH, Json

LANGUAGES = sorted((BEEPER / "translations").glob("*.json"))
KEYS = {key for action in ENGLISH["services"].values() for key in action["fields"]}
PERSON = ENGLISH["selector"]["user"]["fields"].keys()


def labels(texts: Json, key: str) -> set[str]:
    """Return the labels of a field in the forms of all actions, and of a person."""
    forms = [*texts["services"].values(), texts["selector"]["user"]]
    return {
        form["fields"][key]["name"] for form in forms if key in form.get("fields", {})
    }


@pytest.mark.parametrize("file", LANGUAGES, ids=lambda file: file.stem)
def test_errors_have_the_labels_of_forms(file: Path) -> None:
    texts = json.loads(file.read_text())
    found = 0
    for name, error in texts["exceptions"].items():
        for before, key in re.findall(r"([^(]+) \(([a-z_]+)\)", error["message"]):
            if key in KEYS | PERSON:
                found += 1
                assert before.endswith(tuple(labels(texts, key))), (name, key)
    assert found > 30


@pytest.mark.parametrize("file", LANGUAGES, ids=lambda file: file.stem)
def test_errors_name_no_field_without_its_label(file: Path) -> None:
    """Keys without an underscore are words as well."""
    keys = "|".join(key for key in KEYS | PERSON if "_" in key)
    bare = re.compile(rf"(?<![\w({{])(?:{keys})(?![\w)}}:])")
    for name, error in json.loads(file.read_text())["exceptions"].items():
        assert not bare.findall(error["message"]), name
