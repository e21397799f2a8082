"""The official SDKs drive the simulator, and find every answer as they declare it.

Each SDK lives in an environment of its own, `.sdk/VERSION`, made when first needed; where
that is impossible (no network), the tests are skipped and say so.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import json
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from .conftest import Connect

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("drive_sdk.py")


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Let one process at a time through: tests may run in several."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(version: str) -> Path:
    """The Python of an environment with an SDK; made if it is not there."""
    home = ROOT / ".sdk" / version
    python = home / "bin/python"
    done = home / "done"
    with lock(home.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = shutil.which("uv", path=f"{ROOT}/.tools/uv/bin") or shutil.which("uv")
            package = f"beeper-desktop-api=={version}"
            if uv:
                run(uv, "venv", "--quiet", "--python", sys.executable, home)
                run(uv, "pip", "install", "--quiet", "--python", python, package)
            else:
                run(sys.executable, "-m", "venv", home)
                run(python, "-m", "pip", "install", "--quiet", package)
            done.touch()
    return python


def run(*command: str | Path) -> None:
    try:
        subprocess.run(  # noqa: S603 - only what `environment` gives
            command, check=True, capture_output=True, text=True, timeout=300
        )
    except subprocess.CalledProcessError as err:
        last = (err.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"No environment for the SDK: {last}")
    except subprocess.TimeoutExpired:
        pytest.skip("No environment for the SDK: it took too long")


OLDER_THAN_THE_SDK = {
    "accounts.list",  # no status
    "accounts.retrieve",
    "app.setup.retrieve",
    "bridges.list",
    "bridges.retrieve",
    "bridges.retrieve_capabilities",
    "labels.list",
}
HABITS_OF_EASYMATRIX = {
    "accounts.list",  # may have a network
    # 200 with a body instead of 204:
    "chats.archive",
    "chats.reminders.create",
    "chats.reminders.delete",
}


@pytest.mark.parametrize(
    ("version", "profile", "methods", "problems"),
    [
        ("4.3.0", "4.2.557", 23, set()),
        ("4.3.0", "easymatrix", 23, HABITS_OF_EASYMATRIX),
        ("6.0.0", "4.2.808", 36, OLDER_THAN_THE_SDK),
        ("6.0.0", "latest", 36, set()),
    ],
)
async def test_sdk(
    connect: Connect, version: str, profile: str, methods: int, problems: set[str]
) -> None:
    """`problems`: methods whose answer rightly is not what this SDK declares."""
    client = await connect(profile)
    process = await asyncio.create_subprocess_exec(
        environment(version),
        DRIVER,
        client.sim.url,
        "dev-token",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found = json.loads(out)
    unexpected = [
        problem
        for problem in found["problems"]
        if problem.partition(":")[0] not in problems
    ]
    assert unexpected == []
    assert {problem.partition(":")[0] for problem in found["problems"]} == problems
    assert found["missing"] == []
    assert len(found["called"]) == methods
