"""Separate environments for the official SDKs, created when first needed.

Each lives in `.sdk/VERSION`; where it cannot be made (no network), what needs it is
skipped and says so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from tests.helpers.repository import ROOT


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Let one process at a time through: tests may run in several."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(version: str, extra: str = "") -> Path:
    """The Python of an environment with an SDK; made if it is not there."""
    home = ROOT / ".sdk" / (f"{version}-{extra}" if extra else version)
    python = home / "bin/python"
    done = home / "done"
    with lock(home.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = shutil.which("uv", path=f"{ROOT}/.tools/uv/bin") or shutil.which("uv")
            package = f"beeper-desktop-api[{extra}]=={version}"
            if uv:
                run(uv, "venv", "--quiet", "--python", sys.executable, home)
                run(uv, "pip", "install", "--quiet", "--python", python, package)
            else:
                run(sys.executable, "-m", "venv", home)
                run(python, "-m", "pip", "install", "--quiet", package)
            done.touch()
    return python


def run(*command: str | Path) -> None:
    # uv has its own list of authorities; the system's may be longer.
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    authorities = {"SSL_CERT_FILE": str(system)} if system.exists() else {}
    try:
        subprocess.run(  # noqa: S603 - only what `environment` gives
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
            env=authorities | os.environ,
        )
    except subprocess.CalledProcessError as err:
        last = (err.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"No environment for the SDK: {last}")
    except subprocess.TimeoutExpired:
        pytest.skip("No environment for the SDK: it took too long")
