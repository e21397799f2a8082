"""How long what a server or a person sends blocks the event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import time
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .home_assistant import TOKEN, control, home_assistant, set_up, simulator
from .measure import Figure, figure, ratios
from .processes import fresh

_CHAT = "!NCdzlIaMjZUmvmvyHU:beeper.com"
_LIMIT = 200
"""Most milliseconds between two turns of the event loop."""

_TEXTS = {
    "tags": "<p>" * 20_000,
    "tags without an end": "<" * 60_000,
    "references": "&amp;" * 12_000,
}


async def measure(*, quick: bool) -> list[Figure]:
    """Read pages of 12 MB, and 1.7 MB of accounts."""
    rounds = 1 if quick else 12
    figures = []
    for name, text in _TEXTS.items():
        figures += await fresh(_measure_texts, name, text, rounds)
    return figures + await fresh(_measure_accounts, rounds)


async def _measure_texts(name: str, text: str, rounds: int) -> list[Figure]:
    """List a page with 200 messages of one text."""
    longest, bare = [], []
    async with simulator() as url, home_assistant() as hass:
        await set_up(hass, url)
        (message, *_) = (await _read(hass, url, f"chats/{_CHAT}/messages"))["items"]
        items = [
            {**message, "id": str(number), "sortKey": str(number), "text": text}
            for number in range(200)
        ]
        body = json.dumps({"items": items, "hasMore": False})
        await _answer(hass, url, "*/messages", body)
        for _ in range(rounds):
            async with _turns() as turns:
                response = await hass.services.async_call(
                    "beeper",
                    "list_messages",
                    {"chat_id": _CHAT, "limit": 200},
                    blocking=True,
                    return_response=True,
                )
            messages: Any = (response or {})["messages"]
            assert len(messages) == len(items)
            longest.append(max(turns))
            bare.append(_parse(body))
    return _figures(f"listing {len(body) / 1e6:.0f} MB of {name}", longest, bare)


async def _measure_accounts(rounds: int) -> list[Figure]:
    """Set up an entry whose server lists thousands of accounts."""
    account = {
        "bridge": {"id": "whatsapp", "type": "whatsapp", "provider": "cloud"},
        "network": "WhatsApp",
        "status": "connected",
    }
    items = [
        {
            **account,
            "accountID": f"whatsapp_{number}",
            "user": {
                "id": f"@me{number}:beeper.com",
                "fullName": "Sam Taylor",
                "phoneNumber": f"+1555{number:07}",
                "isSelf": True,
                "imgURL": "mxc://beeper.com/" + "x" * 150,
            },
        }
        for number in range(4_000)
    ]
    body = json.dumps(items)
    longest, bare = [], []
    async with simulator() as url, home_assistant() as hass:
        entry = await set_up(hass, url)
        await _answer(hass, url, "/v1/accounts", body)
        for _ in range(rounds):
            await hass.config_entries.async_unload(entry.entry_id)
            async with _turns() as turns:
                await hass.config_entries.async_setup(entry.entry_id)
                await hass.async_block_till_done()
            longest.append(max(turns))
            bare.append(_parse(body))
    return _figures(f"setting up {len(body) / 1e6:.1f} MB of accounts", longest, bare)


async def _read(hass: HomeAssistant, url: str, path: str) -> Any:
    """Return what the simulator answers."""
    async with async_get_clientsession(hass).get(
        f"{url}/v1/{path}", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as response:
        response.raise_for_status()
        return await response.json()


async def _answer(hass: HomeAssistant, url: str, path: str, body: str) -> None:
    """Let the simulator answer all requests with a body."""
    fault: dict[str, Any] = {
        "kind": "garbage",
        "method": "GET",
        "path": path,
        "body": body,
        "times": None,
    }
    await control(hass, url, "faults", fault)


def _figures(name: str, longest: list[float], bare: list[float]) -> list[Figure]:
    return [
        figure(f"{name}, longest turn of the event loop", "ms", longest, limit=_LIMIT),
        figure(
            f"{name}, longest turn against parsing its JSON at once",
            "×",
            ratios(longest, bare),
        ),
    ]


def _parse(body: str) -> float:
    """Return the processor time (ms) of parsing JSON with the standard library."""
    began = time.thread_time()
    json.loads(body)
    return (time.thread_time() - began) * 1000


@asynccontextmanager
async def _turns() -> AsyncIterator[list[float]]:
    """Collect the processor time (ms) of this thread between turns of the event loop."""
    turns: list[float] = []

    async def tick() -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            turns.append((time.thread_time() - began) * 1000)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        yield turns
    finally:
        ticking.cancel()
