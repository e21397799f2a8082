"""`beeper.create_chat` against `rest_command` and the same request without an action.

Every chat is with another person. The account's limit of new chats is off, all other
guards are on. All sides use their connections again, as calls in a row do, unless the
name of a side includes `fresh`. The event stream is refused, because its events about
their chats would slow down all sides.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
import gc
from http import HTTPStatus
from itertools import count
import time

import aiohttp
import pytest

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from tests.helpers.sdk import environment

from .home_assistant import ROOT, TOKEN, control, home_assistant, set_up, simulator
from .measure import Figure, alternate, figure, ratios
from .processes import fresh

IN_FLIGHT = 20
SDK = "6.0.0"
type Side = Callable[[int], Awaitable[float]]
"""Starts so many chats, 20 at a time; returns the seconds it took."""
_NUMBERS = count(15_560_000_000, 1000)


async def measure(*, quick: bool) -> list[Figure]:
    """Measure the time of the processor, then what gets through."""
    return [
        *await fresh(_measure_cpu, rounds=2 if quick else 40, calls=5 if quick else 50),
        *await fresh(
            _measure_throughput, rounds=2 if quick else 12, calls=40 if quick else 200
        ),
    ]


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[HomeAssistant, str]]:
    """Run Home Assistant and a server that has no event stream for it."""
    async with (
        simulator() as url,
        home_assistant(rest_command=_rest_commands(url)) as hass,
    ):
        await _start_afresh(hass, url)
        await set_up(hass, url, chats_per_hour=0)
        yield hass, url


def _rest_commands(url: str) -> dict[str, dict[str, object]]:
    """Return the same request as a user writes it, and with new connections."""
    command = {
        "url": f"{url}/v1/chats/start",
        "method": "post",
        "content_type": "application/json",
        "payload": '{"accountID": "whatsapp", "user": {"phoneNumber": "{{ number }}"}}',
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return {
        "kept": command | {"headers": headers},
        "fresh": command | {"headers": headers | {"Connection": "close"}},
    }


async def _start_afresh(hass: HomeAssistant, url: str) -> None:
    """Empty the world: a simulator with more chats takes longer to answer."""
    await control(hass, url, "reset", {})
    fault = {"kind": "ws_refuse", "times": None, "status": 404}
    await control(hass, url, "faults", fault)
    gc.collect()


async def _action(hass: HomeAssistant, number: int) -> None:
    response = await hass.services.async_call(
        "beeper",
        "create_chat",
        {"mode": "start", "user": {"phone_number": f"+{number}"}},
        blocking=True,
        return_response=True,
    )
    assert response
    assert response["chat_id"]


async def _rest_command(hass: HomeAssistant, name: str, number: int) -> None:
    response = await hass.services.async_call(
        "rest_command",
        name,
        {"number": f"+{number}"},
        blocking=True,
        return_response=True,
    )
    assert response
    assert response["status"] == HTTPStatus.OK
    content = response["content"]
    assert isinstance(content, dict)
    assert content["id"]


async def _post(session: aiohttp.ClientSession, url: str, number: int) -> None:
    async with session.post(
        f"{url}/v1/chats/start",
        json={"accountID": "whatsapp", "user": {"phoneNumber": f"+{number}"}},
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as response:
        assert (await response.json())["id"]


async def _measure_cpu(*, rounds: int, calls: int) -> list[Figure]:
    """One call after the other: the processor's time, and the time it takes."""
    async with _running() as (hass, url):
        session = async_get_clientsession(hass)
        sides: dict[str, Callable[[int], Awaitable[None]]] = {
            "action": lambda number: _action(hass, number),
            "rest_command": lambda number: _rest_command(hass, "kept", number),
            "rest_command, fresh": lambda number: _rest_command(hass, "fresh", number),
            "POST": lambda number: _post(session, url, number),
        }
        cpu: dict[str, list[float]] = {name: [] for name in sides}
        wall: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(-1, rounds):
            for name in alternate(number, [*sides]):
                first = next(_NUMBERS)
                await _start_afresh(hass, url)
                began, used = time.perf_counter(), time.process_time()
                for index in range(first, first + calls):
                    await sides[name](index)
                if number >= 0:  # The first round warms up.
                    cpu[name].append((time.process_time() - used) / calls * 1000)
                    wall[name].append((time.perf_counter() - began) / calls * 1000)
    return [
        figure(
            "create_chat, processor time against rest_command",
            "×",
            ratios(cpu["action"], cpu["rest_command"]),
            limit=1.25,
        ),
        figure(
            "create_chat, processor time against rest_command, fresh connections",
            "×",
            ratios(cpu["action"], cpu["rest_command, fresh"]),
        ),
        figure(
            "create_chat, processor time against a bare POST",
            "×",
            ratios(cpu["action"], cpu["POST"]),
        ),
        figure("create_chat, processor time", "ms", cpu["action"]),
        figure("rest_command, processor time", "ms", cpu["rest_command"]),
        figure("bare POST, processor time", "ms", cpu["POST"]),
        figure("create_chat, from call to response", "ms", wall["action"]),
        figure("rest_command, from call to response", "ms", wall["rest_command"]),
        figure("bare POST, from call to response", "ms", wall["POST"]),
    ]


async def _measure_throughput(*, rounds: int, calls: int) -> list[Figure]:
    """Twenty calls in flight, against the official SDK with each of its transports."""
    async with AsyncExitStack() as stack:
        hass, url = await stack.enter_async_context(_running())
        session = async_get_clientsession(hass)
        sides: dict[str, Side] = {
            "create_chat": _side(lambda number: _action(hass, number), calls),
            "rest_command": _side(
                lambda number: _rest_command(hass, "kept", number), calls
            ),
            "rest_command, fresh connections": _side(
                lambda number: _rest_command(hass, "fresh", number), calls
            ),
            "bare POST": _side(lambda number: _post(session, url, number), calls),
        }
        try:
            python = await asyncio.to_thread(environment, SDK, "aiohttp")
        except pytest.skip.Exception as err:
            print(err)
        else:
            for transport in ("httpx", "aiohttp"):
                for connections in ("fresh", "kept"):
                    sides[
                        f"SDK, {transport}, {connections} connections"
                    ] = await stack.enter_async_context(
                        _sdk(str(python), url, transport, connections, calls)
                    )
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(-1, rounds):
            for name in alternate(number, [*sides]):
                await _start_afresh(hass, url)
                seconds = await sides[name](next(_NUMBERS))
                if number >= 0:
                    rates[name].append(calls / seconds)
    figures = [figure(f"{name}, 20 in flight", "/s", rates[name]) for name in rates]
    fresh = [rates[name] for name in rates if "SDK" in name and "fresh" in name]
    kept = [rates[name] for name in rates if "SDK" in name and "kept" in name]
    for name, others, limit in (
        ("rest_command", [rates["rest_command"]], 0.85),
        (
            "rest_command, fresh connections",
            [rates["rest_command, fresh connections"]],
            None,
        ),
        ("the better SDK", kept, 2.4),
        ("the better SDK, fresh connections", fresh, None),
    ):
        if others:
            figures.append(
                figure(
                    f"create_chat, throughput against {name}",
                    "×",
                    ratios(
                        rates["create_chat"],
                        [max(times) for times in zip(*others, strict=True)],
                    ),
                    limit=limit,
                    at_least=True,
                )
            )
    return figures


def _side(call: Callable[[int], Awaitable[None]], calls: int) -> Side:
    async def start(numbers: Iterator[int]) -> None:
        for number in numbers:
            await call(number)

    async def side(first: int) -> float:
        numbers = iter(range(first, first + calls))
        began = time.perf_counter()
        await asyncio.gather(*(start(numbers) for _ in range(IN_FLIGHT)))
        return time.perf_counter() - began

    return side


@asynccontextmanager
async def _sdk(
    python: str, url: str, transport: str, connections: str, calls: int
) -> AsyncIterator[Side]:
    process = await asyncio.create_subprocess_exec(
        *(
            python,
            ROOT / "benchmarks/sdk_client.py",
            url,
            TOKEN,
            transport,
            connections,
        ),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    commands, output = process.stdin, process.stdout
    assert commands
    assert output

    async def side(first: int) -> float:
        commands.write(f"{first} {calls}\n".encode())
        await commands.drain()
        return float(await output.readline())

    try:
        yield side
    finally:
        commands.close()
        await process.wait()
