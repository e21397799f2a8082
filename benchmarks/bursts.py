"""Messages in a row to a server that is far away: what a new connection for each costs.

Between Home Assistant and the server, everything takes its time, as through a tunnel,
and TLS needs another round trip.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import tempfile
import time

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.certificates import make_certificate

from .home_assistant import TOKEN, home_assistant, set_up
from .measure import Figure, figure, ratios

_MESSAGES = 20
_LATENCY = 0.05
"""Seconds for a round trip."""

_PAUSE = 1.2
"""Seconds after which a connection is not used again."""


async def measure(*, quick: bool) -> list[Figure]:
    """Compare messages in a row with messages that come one by one."""
    messages = 3 if quick else _MESSAGES
    in_a_row: list[float] = []
    apart: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder))
        async with (
            Simulator(
                token=TOKEN, chats=messages, ssl_context=certificate.server
            ) as server,
            _far_away(server.url) as url,
            home_assistant() as hass,
        ):
            await set_up(hass, url, verify_ssl=False)
            chats = [chat.id for chat in server.world.recent_chats()][:messages]
            await _send(hass, chats, pause=0)  # The chats are read once.
            for _ in range(1 if quick else 5):
                in_a_row.append(await _send(hass, chats, pause=0))
                apart.append(await _send(hass, chats, pause=_PAUSE))
    trip = f"{_LATENCY * 1000:.0f} ms away, TLS"
    return [
        figure(
            f"{messages} messages in a row against one by one, {trip}",
            "×",
            ratios(in_a_row, apart),
            limit=0.4,
        ),
        figure(f"{messages} messages in a row, {trip}", "ms", in_a_row),
        figure(f"{messages} messages one by one, {trip}", "ms", apart),
    ]


async def _send(hass: HomeAssistant, chats: list[str], *, pause: float) -> float:
    """Return the milliseconds that the calls take, without the pauses."""
    taken = 0.0
    for chat_id in chats:
        await asyncio.sleep(pause)
        began = time.perf_counter()
        await hass.services.async_call(
            "beeper",
            "send_message",
            {"chat_id": chat_id, "message": f"At {began}"},
            blocking=True,
            return_response=True,
        )
        taken += time.perf_counter() - began
    return taken * 1000


@asynccontextmanager
async def _far_away(url: str) -> AsyncIterator[str]:
    """Forward connections to a server, with latency."""
    scheme, host, port = url.replace("//", "").split(":")
    loop = asyncio.get_running_loop()

    async def forward(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(2**16):
            loop.call_later(_LATENCY / 2, writer.write, data)
        loop.call_later(_LATENCY / 2, writer.close)

    async def connect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.sleep(_LATENCY)  # The connection itself takes a round trip.
        server_reader, server_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(
            forward(reader, server_writer), forward(server_reader, writer)
        )

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with server:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        server.close_clients()
