"""Guard: versions agree, and the release zip is complete."""

import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from demo.home_assistant import home_assistant
from simulator import Simulator
from tests.helpers.repository import ROOT
from tests.helpers.servers import TOKEN
from tests.helpers.waiting import PATIENCE

BEEPER = ROOT / "custom_components/beeper"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FLOW = "/api/config/config_entries/flow"


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Build the zip as CI does, from a copy, so that nothing is left here."""
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, checkout / "scripts/package.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a release is made of, on the day of the release."""
    for name in ("custom_components", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [0.2.0] - 2026-12-01\n\n### Fixed\n\n- This.\n\n"
        "## [0.1.0] - 2026-11-30\n\n- That.\n"
    )
    manifest = tmp_path / "custom_components/beeper/manifest.json"
    content: dict[str, Any] = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"version": "0.2.0"}))
    return tmp_path


def test_manifest_and_changelog_are_of_one_version() -> None:
    versions = re.findall(
        r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert versions[0] == json.loads((BEEPER / "manifest.json").read_text())["version"]


def test_a_release_has_a_zip_and_its_notes(checkout: Path) -> None:
    assert run(checkout, "v0.2.0").stdout == "dist/beeper.zip\n"
    first = (checkout / "dist/beeper.zip").read_bytes()

    assert (checkout / "dist/notes.md").read_text() == "### Fixed\n\n- This.\n"
    assert run(checkout).returncode == 0
    assert (checkout / "dist/beeper.zip").read_bytes() == first


@pytest.mark.parametrize(
    ("tag", "first", "reason"),
    [
        ("v0.1.0", "0.2.0] - 2026-12-01", "the manifest's version is 0.2.0"),
        ("0.2.0", "0.2.0] - 2026-12-01", "the manifest's version is 0.2.0"),
        ("v0.2.0", "0.3.0] - 2026-12-01", "does not begin with version 0.2.0"),
        ("v0.2.0", "0.2.0] - unreleased", "says unreleased instead of the date"),
        ("--help", "0.2.0] - 2026-12-01", "for a release"),
    ],
)
def test_unready_release_is_not_built(
    checkout: Path, tag: str, first: str, reason: str
) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("0.2.0] - 2026-12-01", first))

    result = run(checkout, tag)

    assert result.returncode == 1
    assert reason in result.stderr
    assert not (checkout / "dist").exists()


def test_nothing_is_missing_from_the_zip(checkout: Path) -> None:
    run(checkout)
    with ZipFile(checkout / "dist/beeper.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}

    folder = checkout / "custom_components/beeper"
    assert packed == {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


@pytest.mark.timeout(300)  # A whole Home Assistant starts.
async def test_the_zip_works_in_an_empty_home_assistant(
    checkout: Path, simulator: Simulator
) -> None:
    run(checkout)
    components = checkout / "empty"
    with ZipFile(checkout / "dist/beeper.zip") as archive:
        archive.extractall(components / "beeper")

    async with home_assistant("", private=True, components=components) as ha:
        flow = await ha.post(FLOW, {"handler": "beeper"})
        steps = (
            {"url": simulator.url, "token": TOKEN, "verify_ssl": True},
            {"account_id": "whatsapp"},
        )
        for step in steps:
            flow = await ha.post(f"{FLOW}/{flow['flow_id']}", step)
        entry = flow["result"]
        _, services = await ha.request("GET", "/api/services")
        _, states = await ha.request("GET", "/api/states")
        _, diagnostics = await ha.request(
            "GET", f"/api/diagnostics/config_entry/{entry['entry_id']}"
        )
        call = "/api/services/beeper/create_chat"
        status, refusal = await ha.request("POST", call, {"recipient": "5550101002"})
        async with ha.session.ws_connect(f"{ha.url}/api/websocket") as websocket:
            await websocket.send_json({"type": "auth", "access_token": ha.token})
            for number, (kind, more) in enumerate(ASKED, 1):
                await websocket.send_json({"id": number, "type": kind, **more})
            answers: dict[int, Any] = {}
            while len(answers) < len(ASKED):
                answer = await websocket.receive_json(timeout=PATIENCE)
                if answer["type"] == "result":
                    assert answer["success"], answer
                    answers[answer["id"]] = answer["result"]
        texts, icons = (answers[number]["resources"] for number in (1, 2))
        async with ha.session.get(
            f"{ha.url}/api/brands/integration/beeper/icon.png",
            params={"token": answers[3]["token"]},
        ) as response:
            brand = await response.read()

    assert entry["state"] == "loaded"
    (actions,) = (
        domain["services"] for domain in services if domain["domain"] == "beeper"
    )
    described = yaml.safe_load((BEEPER / "services.yaml").read_text())
    assert {name for name, action in actions.items() if action["fields"]} == {
        name for name, action in described.items() if action.get("fields")
    }
    assert {state["entity_id"].split(".")[0] for state in states} >= {"sensor", "event"}
    assert diagnostics["data"]["server"]["generation"]
    assert status == 400
    assert "has no country code" in refusal["message"]
    english = json.loads((BEEPER / "translations/en.json").read_text())
    assert len(texts) == len(english["exceptions"])
    assert icons["beeper"].keys() == described.keys()
    assert brand == (BEEPER / "brand/icon.png").read_bytes()


ASKED: list[tuple[str, dict[str, Any]]] = [
    (
        "frontend/get_translations",
        {"language": "en", "category": "exceptions", "integration": "beeper"},
    ),
    ("frontend/get_icons", {"category": "services", "integration": "beeper"}),
    ("brands/access_token", {}),
]


@pytest.mark.parametrize("file", WORKFLOWS, ids=[file.name for file in WORKFLOWS])
def test_actions_are_pinned_by_hash(file: Path) -> None:
    text = file.read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # \S.*", line) for line in used)
    # One version of each.
    every = {
        line
        for other in WORKFLOWS
        for line in re.findall(r"uses: (.*)", other.read_text("utf-8"))
    }
    assert len({line.partition("@")[0] for line in every}) == len(every)
    assert yaml.safe_load(text)["concurrency"]["group"]


def test_the_release_job_runs_no_code_of_the_repository() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))[
        "jobs"
    ]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    assert {*jobs["publish"]["needs"]} == {"build", "test"}
    used = [step.get("uses", "").partition("@")[0] for step in jobs["publish"]["steps"]]
    assert used == ["actions/download-artifact", ""]
    # The tests' packages cannot change the zip.
    runs = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert [run.partition(" ")[0] for run in runs if run] == ["scripts/package.py"]


@pytest.mark.parametrize(
    "file",
    sorted([*ROOT.glob("requirements_*.txt"), *ROOT.glob("scripts/tools/*.txt")]),
    ids=lambda file: file.name,
)
def test_packages_are_locked_with_hashes(file: Path) -> None:
    packages = re.sub(r"\\\n", "", file.read_text("utf-8")).splitlines()
    packages = [line for line in packages if not line.startswith("#")]
    assert packages
    for line in packages:
        assert re.fullmatch(
            r"[\w.-]+==\S+( ; [^#\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line
        )


@pytest.mark.parametrize("file", WORKFLOWS, ids=[file.name for file in WORKFLOWS])
def test_workflows_run_existing_scripts(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            for script in re.findall(r"scripts/[\w.-]+", step.get("run", "")):
                assert (ROOT / script).stat().st_mode & 0o100
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
