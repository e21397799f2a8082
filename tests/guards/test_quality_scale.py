"""Guard: the evidence in quality_scale.yaml exists."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.helpers.repository import BEEPER, ENGLISH, MANIFEST, ROOT

RULES: dict[str, dict[str, str]] = yaml.safe_load(
    (BEEPER / "quality_scale.yaml").read_text()
)["rules"]
TOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
START = (ROOT / "docs/getting-started.md").read_text("utf-8")
SUPPORT = (ROOT / "docs/support.md").read_text("utf-8")

# Home Assistant's rules: bronze, silver, gold, platinum.
NAMES = """
action-setup appropriate-polling brands common-modules config-flow-test-coverage
config-flow dependency-transparency docs-actions docs-conditions
docs-high-level-description docs-installation-instructions docs-removal-instructions
docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data
test-before-configure test-before-setup unique-config-entry

action-exceptions config-entry-unloading docs-configuration-parameters
docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
parallel-updates reauthentication-flow test-coverage

devices diagnostics discovery-update-info discovery docs-data-update docs-examples
docs-known-limitations docs-supported-devices docs-supported-functions
docs-troubleshooting docs-use-cases dynamic-devices entity-category
entity-device-class entity-disabled-by-default entity-translations
exception-translations icon-translations reconfiguration-flow repair-issues
stale-devices

async-dependency inject-websession strict-typing
"""
WANTED = NAMES.split()


def anchors(text: str) -> set[str]:
    """Return what the headings are called in an address, as GitHub makes it."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


def is_there(evidence: str) -> bool:
    """Tell whether a test or a heading exists."""
    path, _, name = evidence.replace("::", "#").partition("#")
    if not (file := ROOT / path).is_file():
        return False
    if file.suffix == ".md":
        return name in anchors(file.read_text("utf-8"))
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return name.startswith("test_") and any(
        isinstance(node, functions) and node.name == name
        for node in ast.parse(file.read_text("utf-8")).body
    )


def test_quality_scale_lists_every_rule_in_order() -> None:
    assert [*RULES] == WANTED
    assert len(WANTED) == 54


@pytest.mark.parametrize("rule", WANTED)
def test_every_rule_is_done_or_does_not_apply(rule: str) -> None:
    comment = RULES[rule]["comment"]
    evidence = re.findall(r"(?:tests/|docs/|README)[\w/.-]+(?:::|#)[\w-]+", comment)
    if RULES[rule]["status"] == "exempt":
        assert len(comment.split()) > 3
    else:
        assert RULES[rule]["status"] == "done"
        assert evidence
    assert [item for item in evidence if not is_there(item)] == []


@pytest.mark.parametrize(
    "evidence",
    [
        "tests/test_init.py::test_nothing_like_that",
        "tests/test_init.py::create_chat",
        "tests/test_nothing.py::test_nothing",
        "docs/nothing.md#actions",
        "docs/actions.md#nothing-like-that",
    ],
)
def test_missing_evidence_is_detected(evidence: str) -> None:
    assert not is_there(evidence)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_docs_link_resolves(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text("utf-8")), target


# Rules without another test


def forms(texts: Any) -> Iterator[dict[str, dict[str, str]]]:
    """Yield the texts of every form."""
    if isinstance(texts, dict):
        if isinstance(texts.get("data"), dict):
            yield texts
        for value in texts.values():
            yield from forms(value)


def test_every_field_of_a_form_is_explained() -> None:
    found = [*forms({key: ENGLISH[key] for key in ENGLISH if "config" in key})]
    found += forms(ENGLISH["options"])
    assert len(found) > 6
    for form in found:
        assert form["data"].keys() == form["data_description"].keys()


def rows(text: str) -> set[str]:
    """Return the first cells of all tables, as they are read."""
    return set(re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE))


def test_every_field_of_set_up_is_in_the_docs() -> None:
    steps = ENGLISH["config"]["step"]
    fields = {**steps["user"]["data"], **steps["account"]["data"]}
    assert {*fields.values()} <= rows(START)


def test_every_option_is_in_the_docs() -> None:
    names = [
        name
        for section in ENGLISH["options"]["step"]["init"]["sections"].values()
        for name in section["data"].values()
    ]
    assert len(names) > 8
    assert {*names} <= rows(START)


def test_every_entity_and_action_is_listed() -> None:
    listed = set(re.findall(r"`([\w.]+)`", " ".join(rows(SUPPORT))))
    for kind in ("triggers", "conditions"):
        assert {f"beeper.{name}" for name in ENGLISH[kind]} <= listed
    icons = json.loads((BEEPER / "icons.json").read_text())
    assert icons["entity"].keys() <= listed
    names = " ".join(rows(SUPPORT)).lower()
    for sensor in ENGLISH["entity"]["sensor"].values():
        assert f"`sensor`: {sensor['name'].lower()}" in names


def test_integration_has_an_owner() -> None:
    assert all(re.fullmatch(r"@[\w/-]+", owner) for owner in MANIFEST["codeowners"])
    assert MANIFEST["codeowners"]


def test_every_platform_sets_parallel_updates() -> None:
    icons = json.loads((BEEPER / "icons.json").read_text())
    for platform in icons["entity"]:
        module = ast.parse((BEEPER / f"{platform}.py").read_text())
        assert any(
            ast.unparse(node.targets[0]) == "PARALLEL_UPDATES"
            for node in module.body
            if isinstance(node, ast.Assign)
        ), platform


def test_coverage_is_required() -> None:
    assert TOOLS["coverage"]["report"]["fail_under"] >= 95
    assert TOOLS["coverage"]["run"]["source"] == ["custom_components/beeper"]
    assert "omit" not in TOOLS["coverage"]["run"]
    assert "--cov" in (ROOT / "scripts/test").read_text()


def test_types_are_checked_strictly() -> None:
    assert TOOLS["mypy"]["strict"] is True
    assert "custom_components/beeper" in TOOLS["mypy"]["files"]
    for override in TOOLS["mypy"]["overrides"]:
        assert not override["module"].startswith("custom_components")
    # Home Assistant hands an entry to these; its runtime_data is to have our type.
    for file in BEEPER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AsyncFunctionDef) and node.name in WITH_AN_ENTRY:
                given = {arg.arg: arg.annotation for arg in node.args.args}["entry"]
                assert given
                assert ast.unparse(given) == "BeeperConfigEntry", file


WITH_AN_ENTRY = {
    "async_get_config_entry_diagnostics",
    "async_setup_entry",
    "async_unload_entry",
}
