"""The official SDKs validate the simulator's responses."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.helpers.sdk import environment

from .conftest import Connect

DRIVER = Path(__file__).with_name("drive_sdk.py")


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
    """`problems`: methods whose response differs from this SDK's declaration."""
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
