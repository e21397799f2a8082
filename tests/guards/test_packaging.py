"""Guard: the manifest and HACS metadata are complete."""

import json
import re

from custom_components.beeper.const import DOMAIN
from homeassistant import const
from tests.helpers.repository import BEEPER, MANIFEST, ROOT, Json


def test_manifest() -> None:
    keys = [*MANIFEST]
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert MANIFEST["domain"] == BEEPER.name == DOMAIN
    assert MANIFEST["requirements"] == []
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    assert MANIFEST["issue_tracker"].startswith(MANIFEST["documentation"])


def test_hacs_asks_for_the_home_assistant_that_is_tested() -> None:
    hacs: Json = json.loads((ROOT / "hacs.json").read_text())
    assert hacs["name"] == MANIFEST["name"]
    oldest = [int(part) for part in hacs["homeassistant"].split(".")]
    assert oldest == [2026, 10, 0]
    assert [int(part) for part in const.__version__.split(".")] >= oldest
