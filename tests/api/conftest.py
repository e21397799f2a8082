"""Fixtures for the client with a plain aiohttp session, without Home Assistant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
import socket
import ssl
from typing import Any, override

from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.requests import (
    AttachmentUpload,
    CreateChat,
    SendMessage,
    StartChat,
    StartUser,
)
from custom_components.beeper.api.transport import Sessions
from simulator import Simulator
from tests.helpers.servers import TOKEN

CREATE = CreateChat(
    account_id="whatsapp", participant_ids=("15550101002",), type="single"
)
START = StartChat(
    account_id="whatsapp", user=StartUser(phone_number="+15550101002", full_name="Kim")
)
SEND = SendMessage(
    chat_id="!15550101002:beeper.com",
    text="Kim, look",
    attachment=AttachmentUpload(
        upload_id="15550101002", file_name="Kim", mime_type="x/y"
    ),
)

type Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def integration(socket_enabled: None) -> None:
    """Allow sockets; replaces the fixture that loads the integration."""


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    async with ClientSession() as reading:
        sessions = Sessions.like(reading)
        async with sessions.changing:
            yield sessions


@pytest.fixture
def client(sessions: Sessions, simulator: Simulator) -> BeeperClient:
    """Return a client of the simulator that has not identified it yet."""
    return BeeperClient(sessions, simulator.url, TOKEN)


class RawServer:
    """A server that sends bytes which no HTTP library would."""

    def __init__(self) -> None:
        self.connections = 0
        self.answer = b""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any] | None] = set()

    async def start(
        self, speak: Speak | None = None, tls: ssl.SSLContext | None = None
    ) -> str:
        """Pass each connection to `speak`; by default, send `answer` and close."""
        speak = speak or self._answer

        async def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            self.connections += 1
            self._tasks.add(asyncio.current_task())
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await speak(reader, writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

        self._server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        port = self._server.sockets[0].getsockname()[1]
        return f"http{'s' if tls else ''}://127.0.0.1:{port}"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server.close_clients()
            await self._server.wait_closed()
            await asyncio.gather(*filter(None, self._tasks))

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        writer.write(self.answer)
        await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read a complete request of our client."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"content-length: ")
    await reader.readexactly(int(rest.split(b"\r\n")[0]) if found else 0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection as the operating system does for a killed process."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
    )
    writer.transport.abort()


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    server = RawServer()
    yield server
    await server.stop()


class StubResolver(AbstractResolver):
    """A resolver that answers every query with `resolve`."""

    def __init__(self, resolve: Callable[[], Awaitable[list[ResolveResult]]]) -> None:
        self._resolve = resolve

    @override
    async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
        return await self._resolve()

    @override
    async def close(self) -> None:
        pass


type MakeClient = Callable[..., Awaitable[BeeperClient]]


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    """Return a factory of clients with separate connectors."""
    async with AsyncExitStack() as stack:

        async def make(url: str, **connector: Any) -> BeeperClient:
            reading = ClientSession(connector=TCPConnector(**connector))
            await stack.enter_async_context(reading)
            sessions = Sessions.like(
                reading,
                ssl=connector.get("ssl", True),
                resolver=connector.get("resolver"),
            )
            await stack.enter_async_context(sessions.changing)
            return BeeperClient(sessions, url, TOKEN)

        yield make
