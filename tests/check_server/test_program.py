"""The program as a user starts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import os
from pathlib import Path
import shutil
import signal
import sys

import pytest

from check_server.__main__ import main
from simulator import Simulator
from tests.check_server.conftest import TOKEN, note_to_self

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def program(
    folder: Path,
    *arguments: str,
    url: str = "",
    token: str = TOKEN,
    stdin: int | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it in a folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "check_server",
        *arguments,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BEEPER_URL": url,
            "BEEPER_ACCESS_TOKEN": token,
            "COLUMNS": "80",
        },
        stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def prepare(checkout: Path) -> None:
    """Make a checkout of links, with an environment that needs no set-up."""
    scripts = checkout / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts/check-server", scripts)
    (scripts / "setup").write_text("#!/bin/sh\n")
    (scripts / "setup").chmod(0o755)
    for name in ("check_server", "simulator"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / ".venv").symlink_to(sys.prefix)


async def run(
    folder: Path, *arguments: str, url: str = "", token: str = TOKEN
) -> tuple[int | None, str]:
    """Return the exit status and the output."""
    async with program(folder, *arguments, url=url, token=token) as process:
        output, _ = await process.communicate()
        return process.returncode, output.decode()


async def test_the_report_is_written_and_shown(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        status, output = await run(tmp_path, url=simulator.url)
        assert not simulator.executed
    report = (tmp_path / "beeper-server-report.md").read_text("utf-8")
    assert status == 0
    assert report.startswith("# Beeper server report\n")
    assert "  GET /v1/accounts: 200, " in output
    assert report in output
    assert output.index(report) < output.index("The report above is in ")
    assert "no names, numbers, texts, tokens or addresses" in output
    for private in (TOKEN, "Kim", "15550101002", "127.0.0.1"):
        assert private not in output


async def test_the_launcher_keeps_the_folder(tmp_path: Path) -> None:
    """A checkout whose environment is ready: the report is where the user is."""
    checkout, folder = tmp_path / "checkout", tmp_path / "folder"
    prepare(checkout)
    folder.mkdir()
    async with Simulator("4.1.294") as simulator:
        process = await asyncio.create_subprocess_exec(
            checkout / "scripts/check-server",
            cwd=folder,
            env={
                **os.environ,
                "BEEPER_URL": simulator.url,
                "BEEPER_ACCESS_TOKEN": TOKEN,
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        await process.communicate()
    assert process.returncode == 0
    assert files(folder) == ["beeper-server-report.md"]


async def test_another_file_can_be_named(tmp_path: Path) -> None:
    async with Simulator("4.1.294") as simulator:
        status, _ = await run(tmp_path, "--output", "here.md", url=simulator.url)
    assert status == 0
    assert files(tmp_path) == ["here.md"]


async def test_without_a_server_there_is_no_report(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        url = simulator.url
    status, output = await run(tmp_path, url=url)
    assert status == 1
    assert "  GET /v1/info: (connection refused), " in output
    assert "The server did not answer. No report was written." in output
    assert not files(tmp_path)


async def test_with_a_wrong_token_there_is_no_report(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        status, output = await run(tmp_path, url=simulator.url, token="zyxwvutsr")
    assert status == 1
    assert "refused BEEPER_ACCESS_TOKEN. No report was written." in output
    assert "zyxwvutsr" not in output
    assert not files(tmp_path)


async def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    async with Simulator("4.1.294") as simulator:
        status, output = await run(tmp_path, "--output", ".", url=simulator.url)
    assert status == 1
    assert "The report cannot be written: Is a directory" in output


@pytest.mark.parametrize(
    ("arguments", "url", "token", "says"),
    [
        ([], "", TOKEN, "set BEEPER_URL and BEEPER_ACCESS_TOKEN"),
        ([], "http://localhost", "", "set BEEPER_URL and BEEPER_ACCESS_TOKEN"),
        ([], "localhost:23373", TOKEN, "BEEPER_URL must look like"),
        ([], "ftp://localhost", TOKEN, "BEEPER_URL must look like"),
        ([], "http://me:secret@localhost", TOKEN, "BEEPER_URL must look like"),
        ([], "http://[localhost", TOKEN, "BEEPER_URL must look like"),
        ([], "http://localhost", "a\nb", "BEEPER_ACCESS_TOKEN has characters"),
        (["--write"], "http://localhost", TOKEN, "--write and --chat belong together"),
        (["--chat", "x"], "http://localhost", TOKEN, "--write and --chat belong"),
        (["--write", "--chat", "x"], "http://localhost", TOKEN, "needs a terminal"),
        (["--timeout", "0"], "http://localhost", TOKEN, "invalid"),
        (["--what"], "http://localhost", TOKEN, "unrecognized arguments"),
    ],
)
def test_wrong_use(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    url: str,
    token: str,
    says: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["check-server", *arguments])
    monkeypatch.setenv("BEEPER_URL", url)
    monkeypatch.setenv("BEEPER_ACCESS_TOKEN", token)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    output = capsys.readouterr().err
    assert says in output
    assert "secret" not in output


async def test_help(tmp_path: Path) -> None:
    status, output = await run(tmp_path, "--help")
    assert status == 0
    for text in ("scripts/check-server", "--write", "--chat ID", "exit status:"):
        assert text in output


async def test_ctrl_c_leaves_no_report(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        simulator.faults.add("delay", times=None, seconds=60)
        async with program(tmp_path, url=simulator.url) as process:
            assert process.stdout
            assert b"Reading the server" in await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            output, _ = await process.communicate()
    assert process.returncode == 130
    assert "No report was written." in output.decode()
    assert not files(tmp_path)


@pytest.mark.parametrize(("typed", "sent"), [("Yes", 1), ("", 0), ("maybe", 0)])
async def test_questions_are_answered_on_the_terminal(
    tmp_path: Path, typed: str, sent: int
) -> None:
    ours, theirs = os.openpty()
    try:
        async with Simulator() as simulator:
            chat = note_to_self(simulator)
            arguments = ("--write", "--chat", chat.id)
            async with program(
                tmp_path, *arguments, url=simulator.url, stdin=theirs
            ) as process:
                # One answer to the first question, no to all others.
                os.write(ours, f"{typed}\n{'n\n' * 6}".encode())
                output, _ = await process.communicate()
            assert process.returncode == 0
            assert len(chat.messages) == sent
            assert len(simulator.executed) == sent
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Send a test message to the chat? [y/N]" in output.decode()
    report = (tmp_path / "beeper-server-report.md").read_text("utf-8")
    assert "## Writing\n\n- Send a test message to the chat:" in report
    assert "- Archive the chat, and undo it: not tried" in report


async def test_a_chat_with_others_gets_no_question(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        async with Simulator() as simulator:
            arguments = ("--write", "--chat", "!fAmiLyGroUp:beeper.com")
            async with program(
                tmp_path, *arguments, url=simulator.url, stdin=theirs
            ) as process:
                output, _ = await process.communicate()
            assert not simulator.executed
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0
    assert "Other people are in this chat. Nothing was written." in output.decode()
    assert "[y/N]" not in output.decode()
