"""A simulator on a real socket and an HTTP client for it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
import json as jsonlib
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, ClientWSTimeout
import pytest
from yarl import URL

from simulator import Simulator

AUTHORIZED = {"Authorization": "Bearer dev-token"}


@dataclass
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return jsonlib.loads(self.text)


class Client:
    """Client of one simulator; sends the token unless other headers are given."""

    def __init__(self, sim: Simulator, session: ClientSession) -> None:
        self.sim = sim
        self.session = session
        self.sockets: list[ClientWebSocketResponse] = []

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        headers = AUTHORIZED if headers is None else headers
        url = URL(self.sim.url + path, encoded=True)
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            text = await response.text(errors="replace")
            return Answer(response.status, response.headers, text)

    async def socket(self) -> ClientWebSocketResponse:
        """Open the WebSocket."""
        socket = await self.session.ws_connect(
            self.sim.url + "/v1/ws",
            headers=AUTHORIZED,
            autoping=False,
            timeout=ClientWSTimeout(ws_close=0.1),
        )
        self.sockets.append(socket)
        return socket

    async def close(self) -> None:
        """Close all connections."""
        for socket in self.sockets:
            await socket.close()
        await self.session.close()


type Connect = Callable[..., Awaitable[Client]]


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow real sockets."""


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Return a function that starts a simulator; takes the arguments of `Simulator`."""
    async with AsyncExitStack() as stack:

        async def start(*args: Any, **options: Any) -> Client:
            sim = await stack.enter_async_context(Simulator(*args, **options))
            client = Client(sim, ClientSession())
            stack.push_async_callback(client.close)
            return client

        yield start
