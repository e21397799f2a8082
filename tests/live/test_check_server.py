"""`scripts/check-server` against a server that nobody here wrote."""

import asyncio
import os
from pathlib import Path
import re
import sys

from tests.helpers.repository import ROOT

from .conftest import OpenChat
from .matrix import Person
from .servers import EasyMatrix

_NOT_SIMULATED = {
    "GET /.well-known/oauth-authorization-server",
    "GET /oauth/userinfo",
}


async def test_report_has_no_names_and_the_simulator_answers_alike(
    beeper: EasyMatrix,
    owner: Person,
    bob: Person,
    carol: Person,
    open_chat: OpenChat,
    tmp_path: Path,
) -> None:
    group = await open_chat(bob, carol, name="Family")
    chat_id = await open_chat(bob)
    await beeper.send(chat_id, {"text": "The key is under the mat"})
    await bob.write(group, "Nobody shall read this")
    file = tmp_path / "report.md"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "check_server", "--output", file),
        cwd=ROOT,
        env={
            **os.environ,
            "BEEPER_URL": beeper.url,
            "BEEPER_ACCESS_TOKEN": beeper.token,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    shown = output.decode()
    assert process.returncode == 0, shown
    report = file.read_text()
    assert "Compared with: the simulator's profile easymatrix" in report
    for secret in (
        *(word for person in (owner, bob, carol) for word in person.name.split()),
        *(person.username for person in (owner, bob, carol)),
        *(group, chat_id, beeper.token, beeper.url.rpartition("/")[2]),
        *("Family", "under the mat", "Nobody shall"),
    ):
        assert secret not in report
    statuses = re.findall(
        r"^\| (\S+ /\S+.*?) \| (\d+) \| (\d+) \|", report, re.MULTILINE
    )
    assert len(statuses) > 30
    assert {
        request for request, real, simulated in statuses if real != simulated
    } == _NOT_SIMULATED
