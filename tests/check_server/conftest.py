"""A simulator, and the checker's client for it."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession, TCPConnector
import pytest

from check_server.client import Client
from check_server.reading import Reading
from simulator import Simulator
from simulator.model import Chat

TOKEN = "dev-token"


@pytest.fixture(autouse=True)
def integration(socket_enabled: None) -> None:
    """Use real sockets, and no Home Assistant."""


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        yield session


async def read(session: ClientSession, url: str, *, timeout: float = 15) -> Reading:
    """Read a server."""
    reading = Reading(Client(session, url, TOKEN, timeout=timeout))
    await reading.run()
    return reading


def note_to_self(simulator: Simulator, account_id: str = "whatsapp") -> Chat:
    """Add a chat with nobody but the signed-in user."""
    return simulator.world.add_chat(simulator.world.account(account_id), [])
