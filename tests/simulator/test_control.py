"""The control API and the command line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import signal
import ssl
import sys

from aiohttp import ClientSession
import pytest

from simulator import TRAITS, Simulator
from simulator.profiles import SEEN_TRAITS
from tests.helpers.waiting import PATIENCE

from .conftest import Connect

TEAM = "!tEamSlack:beeper.com"


async def test_people_and_accounts(connect: Connect) -> None:
    client = await connect()

    async def control(name: str, **body: str | None) -> dict[str, str]:
        answer = await client("POST", f"/control/{name}", json=body, headers={})
        assert answer.status == 200, answer.text
        written: dict[str, str] = answer.json
        return written

    message = await control("incoming", chatID=TEAM, text="first")
    assert message["text"] == "first"
    ids = {"chatID": TEAM, "messageID": message["id"]}
    assert (await control("edit", **ids, text="second"))["text"] == "second"
    assert (await control("react", **ids, reactionKey="👍"))["reactions"]
    assert "reactions" not in await control("react", **ids)
    await control("delete", **ids)
    assert client.sim.world.chats[TEAM].messages[-1].is_deleted

    await control("account", accountID="whatsapp", status="attention_required")
    await control("account", accountID="whatsapp", delivery="refuse")
    account = client.sim.world.accounts["whatsapp"]
    assert (account.status, account.delivery) == ("attention_required", "refuse")

    bad = await client("POST", "/control/incoming", json={"text": 1}, headers={})
    assert bad.status == 400
    unknown = {"chatID": "x", "text": "y"}
    assert (await client("POST", "/control/incoming", json=unknown)).status == 404


async def test_log_faults_and_reset(connect: Connect) -> None:
    client = await connect()
    fault = {"kind": "drop_after", "method": "POST", "path": "/v1/chats*", "times": 2}
    assert (await client("POST", "/control/faults", json=fault)).json["times"] == 2
    assert (await client("POST", "/control/faults", json={"kind": "x"})).status == 400
    misspelt = {"kind": "delay", "second": 1}
    assert (await client("POST", "/control/faults", json=misspelt)).status == 400
    assert len((await client("GET", "/control/faults")).json["items"]) == 1
    assert (await client("DELETE", "/control/faults")).status == 200
    assert client.sim.faults.waiting == []

    await client("GET", "/v1/accounts")
    await client("POST", f"/v1/chats/{TEAM}/archive", json={})
    log = (await client("GET", "/control/requests")).json["items"]
    assert [(one["method"], one["status"]) for one in log] == [
        ("GET", 200),
        ("POST", 204),
    ]
    [done] = (await client("GET", "/control/executed")).json["items"]
    assert (done["path"], done["json"]) == (f"/v1/chats/{TEAM}/archive", {})

    await client("POST", "/control/reset")
    assert client.sim.requests == []
    assert not client.sim.world.chats[TEAM].is_archived
    assert (await client("GET", "/v1/chats")).status == 200


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(stream: asyncio.StreamReader | None) -> str:
    assert stream
    async with asyncio.timeout(PATIENCE):
        return (await stream.readline()).decode()


async def test_program(connect: Connect) -> None:
    async with program("--port", "0", "--profile", "4.2.808") as process:
        announcement = await line(process.stdout)
        assert announcement.startswith("Simulated Beeper 4.2.808 at http://127.0.0.1:")
        port = announcement.rpartition(":")[2].strip()

        async with program("--port", port) as second:
            assert await second.wait() == 1
            assert await line(second.stderr) == (
                f"Cannot listen on 127.0.0.1 port {port}: Address already in use\n"
            )
            assert await line(second.stderr) == ""

        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert await line(process.stderr) == ""


async def test_program_with_traits() -> None:
    arguments = ("--realistic", "--trait", "no_labels", "--no-trait", "merged_chat")
    async with program("--port", "0", *arguments) as process:
        url = (await line(process.stdout)).rpartition(" ")[2].strip()
        async with (
            ClientSession() as session,
            session.get(f"{url}/control/traits") as answer,
        ):
            listed = (await answer.json())["items"]
    wanted = SEEN_TRAITS["latest"] - {"merged_chat"} | {"no_labels"}
    assert {trait["name"] for trait in listed if trait["on"]} == wanted


async def test_program_refuses_unknown_traits() -> None:
    async with program("--trait", "no_such_trait") as process:
        assert await process.wait() == 2
        assert process.stderr
        assert b"Unknown trait 'no_such_trait'" in await process.stderr.read()


async def test_help_lists_every_trait() -> None:
    async with program("--help") as process:
        assert process.stdout
        shown = (await process.stdout.read()).decode()
    lines = [text for text in shown.splitlines() if text.split()[:1] != []]
    described = {text.split()[0] for text in lines if len(text.split()) > 1}
    assert described >= TRAITS.keys()


def test_addresses() -> None:
    assert Simulator(port=1).url == "http://127.0.0.1:1"
    assert Simulator(port=1, host="::1").url == "http://[::1]:1"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    assert Simulator(port=1, ssl_context=context).url == "https://127.0.0.1:1"
    assert Simulator(port=1, prefix="/b").url == "http://127.0.0.1:1/b"
    with pytest.raises(KeyError):
        Simulator("4.0")
