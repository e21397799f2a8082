"""Guard: import your own package and any lower layer, never sideways, never up."""

from pathlib import Path
import re
import sys

import pytest

from tests.helpers.repository import BEEPER, ROOT, imported, sources

# From the bottom up. Names in one string may also import one another.
LAYERS = (
    ("api",),
    (
        (
            "backoff chat_numbers const errors fingerprint ha_internals issues permissions"
            " person_validation server signals validation"
        ),
    ),
    ("people", "outgoing"),
    ("incoming",),
    (
        (
            "account_devices account_id_changes automation_choices automation_scope"
            " chat_id_changes coordinator data device_identifiers entity http_sessions"
        ),
    ),
    ("actions", "voice", "assist_in_chats", "flows"),
    tuple(name.stem for name in BEEPER.glob("*.py")),  # what Home Assistant loads
    ("__init__",),
)


def layer(name: str) -> tuple[int, str]:
    """Return the layer of a module or package, and its group within the layer."""
    return next(
        (number, group)
        for number, groups in enumerate(LAYERS)
        for group in groups
        if name in group.split() and (name != "__init__" or number == len(LAYERS) - 1)
    )


def third_party(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(file)} - sys.stdlib_module_names


@pytest.mark.parametrize("file", sources("custom_components"), ids=str)
def test_imports_point_to_lower_layers(file: Path) -> None:
    number, group = layer(file.relative_to(BEEPER).with_suffix("").parts[0])
    for name in imported(file):
        if name.startswith("custom_components.beeper."):
            other, its_group = layer(name.split(".")[2])
            assert other < number or its_group == group, name


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("custom_components/beeper/api", {"aiohttp", "custom_components", "yarl"}),
        # The simulator must not share the integration's beliefs about servers.
        ("simulator", {"aiohttp", "simulator", "yarl"}),
        ("check_server", {"aiohttp", "check_server", "simulator", "yarl"}),
    ],
)
def test_packages_import_only_allowed_packages(folder: str, allowed: set[str]) -> None:
    assert set().union(*map(third_party, sources(folder))) <= allowed


@pytest.mark.parametrize(
    "file", sources("custom_components", "simulator", "tests", "scripts"), ids=str
)
def test_schema_engine_has_one_name(file: Path) -> None:
    assert not third_party(file) & {"probatio", "voluptuous_serialize"}


def test_architecture_names_every_module() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text()
    tree = {*re.findall(r"\w+", architecture.partition("simulator/")[0])}
    assert {file.stem for file in sources(BEEPER)} <= tree
