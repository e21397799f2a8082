"""Each request fault, as seen by an HTTP client."""

import asyncio
import time
from typing import Any

from aiohttp import ClientError, ClientPayloadError, ClientTimeout
import pytest
from yarl import URL

from simulator import Fault

from .conftest import Client, Connect

CREATE = {
    "accountID": "whatsapp",
    "participantIDs": ["15550101002"],
    "type": "single",
}


async def create(client: Client, **options: Any) -> Any:
    return await client("POST", "/v1/chats", json=CREATE, **options)


@pytest.mark.parametrize(
    ("kind", "ran"), [("drop_before", False), ("drop_after", True)]
)
async def test_dropped(connect: Connect, kind: str, ran: bool) -> None:
    client = await connect()
    chats = len(client.sim.world.chats)
    client.sim.faults.add(kind, method="POST", path="/v1/chats*")

    with pytest.raises(ClientError):
        await create(client)

    [received] = client.sim.requests
    assert received.status is None
    assert received.executed is ran
    assert len(client.sim.world.chats) - chats == ran
    assert (await create(client)).status == 200  # it struck once


async def test_dropped_only_on_a_connection_that_was_used(connect: Connect) -> None:
    client = await connect()
    fault = client.sim.faults.add("drop_reused", times=None)

    assert (await client("GET", "/v1/info")).status == 200
    with pytest.raises(ClientError):
        await create(client)
    assert (await create(client)).status == 200

    first, dead, fresh = client.sim.requests
    assert (first.reused, dead.reused, fresh.reused) == (False, True, False)
    assert first.peer == dead.peer != fresh.peer
    assert client.sim.executed == [fresh]
    assert fault.hits == 1


@pytest.mark.parametrize("kind", ["delay", "delay_after"])
async def test_delayed(connect: Connect, kind: str) -> None:
    client = await connect()
    client.sim.faults.add(kind, seconds=0.3)
    started = time.monotonic()

    request = asyncio.create_task(create(client))
    await asyncio.sleep(0.1)
    assert bool(client.sim.executed) is (kind == "delay_after")

    assert (await request).status == 200
    assert time.monotonic() - started >= 0.3
    assert len(client.sim.executed) == 1


@pytest.mark.parametrize(
    ("kind", "ran"), [("status_before", False), ("status_after", True)]
)
async def test_another_status(connect: Connect, kind: str, ran: bool) -> None:
    client = await connect()
    client.sim.faults.add(
        kind, status=429, body={"message": "Slow down"}, headers={"Retry-After": "1"}
    )

    answer = await create(client)

    assert (answer.status, answer.json) == (429, {"message": "Slow down"})
    assert answer.headers["Retry-After"] == "1"
    assert bool(client.sim.executed) is ran


async def test_status_without_json(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("status_before", status=302, headers={"Location": "/login"})
    client.sim.faults.add(
        "status_before", status=404, body="<p>Nothing</p>", content_type="text/html"
    )

    redirect, page = await create(client), await create(client)

    assert (redirect.status, redirect.headers["Location"]) == (302, "/login")
    assert (page.status, page.text) == (404, "<p>Nothing</p>")
    assert page.headers["Content-Type"].startswith("text/html")


async def test_cut(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("cut")

    with pytest.raises(ClientPayloadError):
        await create(client)

    assert len(client.sim.executed) == 1


async def test_stalled_body(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("stall_body", seconds=30)

    with pytest.raises(TimeoutError):
        await create(client, timeout=ClientTimeout(total=0.3))

    assert len(client.sim.executed) == 1


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("<html>", b"<html>"),
        (b"\xff\xfe", b"\xff\xfe"),
        ("", b""),
        ({"chatID": 5}, b'{"chatID": 5}'),
        ("[" * 100_000, b"[" * 100_000),
    ],
)
async def test_garbage(connect: Connect, body: object, sent: bytes) -> None:
    client = await connect()
    client.sim.faults.add("garbage", body=body)

    async with client.session.post(
        client.sim.url + "/v1/chats",
        json=CREATE,
        headers={"Authorization": "Bearer dev-token"},
    ) as response:
        raw = await response.read()

    assert response.status == 200
    assert response.content_type == "application/json"
    assert raw == sent
    assert len(client.sim.executed) == 1


async def test_huge_garbage(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("garbage", body="[", size=20_000_001)

    assert len((await create(client)).text) == 20_000_001


async def test_matching(connect: Connect) -> None:
    client = await connect()
    faults = client.sim.faults
    faults.add("status_before", method="POST", path="/v1/chats/*/read", status=500)
    faults.add("status_before", path="/v1/accounts", times=2, status=503)

    statuses = [
        (await client(*request)).status
        for request in (
            ("GET", "/v1/accounts"),
            ("POST", "/v1/chats/!tEamSlack%3Abeeper.com/read"),
            ("GET", "/v1/chats/!tEamSlack:beeper.com"),
            ("GET", "/v1/accounts"),
            ("GET", "/v1/accounts"),
        )
    ]

    assert statuses == [503, 500, 200, 503, 200]
    assert faults.waiting == []
    faults.add("drop_before", times=None)
    faults.clear()
    assert (await client("GET", "/v1/accounts")).status == 200


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="drop_befor"):
        Fault(kind="drop_befor")


async def test_stopped_before_it_ran(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("delay", seconds=30)
    request = asyncio.create_task(create(client))
    await asyncio.sleep(0.1)
    await client.sim.stop()
    with pytest.raises(ClientError):
        await request
    assert not client.sim.executed


@pytest.mark.parametrize("turns", range(8))
async def test_nothing_runs_after_a_stop(connect: Connect, turns: int) -> None:
    """Not even a request that is read meanwhile, and whose client has gone."""
    client = await connect()
    before = asyncio.all_tasks()
    client.sim.faults.add("delay", seconds=3600)
    url = URL(client.sim.url)
    _, writer = await asyncio.open_connection(url.host, url.port)
    for _ in range(5):  # It is accepted.
        await asyncio.sleep(0)
    writer.write(b"GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n")
    writer.transport.abort()
    for _ in range(turns):
        await asyncio.sleep(0)

    await client.sim.stop()

    for _ in range(5):  # Tasks that were cancelled end.
        await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def test_restart(connect: Connect) -> None:
    client = await connect()
    url = client.sim.url
    await create(client)
    await client.sim.stop()
    with pytest.raises(ClientError):
        await create(client)

    await client.sim.start()

    assert client.sim.url == url
    chats = (await client("GET", "/v1/chats")).json["items"]
    assert len(chats) == 11


async def test_runs_after_the_client_gave_up(connect: Connect) -> None:
    client = await connect()
    client.sim.faults.add("delay", seconds=0.3)
    with pytest.raises(TimeoutError):
        await create(client, timeout=ClientTimeout(total=0.1))
    assert not client.sim.executed
    await asyncio.sleep(0.4)
    assert len(client.sim.executed) == 1
