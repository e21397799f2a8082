"""The demo against a server that nobody here wrote."""

import asyncio
import os
from pathlib import Path
import sys

import pytest

from .conftest import OpenChat
from .matrix import Person
from .servers import EasyMatrix

_ROOT = Path(__file__).parents[2]


async def demo(server: EasyMatrix, answers: str, **environment: str) -> tuple[int, str]:
    """Run it once with answers on its standard input; return its status and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "--once"),
        cwd=_ROOT,
        env={
            **os.environ,
            "BEEPER_URL": server.url,
            "BEEPER_ACCESS_TOKEN": server.token,
            **environment,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(answers.encode())
    return process.returncode or 0, output.decode()


async def test_without_answers_nothing_is_created(
    beeper: EasyMatrix, bob: Person
) -> None:
    status, output = await demo(beeper, "", BEEPER_RECIPIENT=bob.id)

    assert status == 0, output
    assert "Nothing is created" in output
    assert await bob.invitations() == {}


@pytest.mark.parametrize("given", ["typed", "environment"])
async def test_people_are_named_as_in_actions(
    beeper: EasyMatrix, bob: Person, carol: Person, open_chat: OpenChat, given: str
) -> None:
    await open_chat(bob, carol, name="Family")
    people = f" {bob.name} ,  {carol.id}, "
    if given == "typed":
        status, output = await demo(beeper, f"\n{bob.name}\n{people}\ny\n")
    else:
        status, output = await demo(
            beeper, "\ny\n", BEEPER_RECIPIENT=f" {bob.name}", BEEPER_PARTICIPANTS=people
        )

    assert status == 0, output
    assert len(await bob.invitations()) == 2
    assert len(await carol.invitations()) == 1
