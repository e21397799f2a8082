"""A real Home Assistant, EasyMatrix and a Matrix homeserver, with people who write.

    EASYMATRIX_SOURCE=<checkout> scripts/test --live                all of it
    EASYMATRIX_SOURCE=<checkout> scripts/test --live -k reaction    what else pytest takes

The script builds what is needed. Without it, these two variables do:

    export LIVE_EASYMATRIX=<program> LIVE_SYNAPSE_PYTHON=.venv-live/bin/python
    .venv/bin/python -m pytest tests/live/test_sending.py -k picture

The homeserver starts once, which takes six seconds. Each test has an account, an
EasyMatrix and a Home Assistant that no other test has used. LIVE_FOLDER, if set, is where
their files and logs are.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_socket

from .home import Home
from .matrix import Person
from .servers import EasyMatrix, Homeserver

type Register = Callable[[str], Awaitable[Person]]
type OpenChat = Callable[..., Awaitable[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test time: a minute is what a server may take to be found again."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(autouse=True)
def integration(socket_enabled: None) -> None:
    """Leave out the Home Assistant that other tests start: `Home` starts its own."""


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Allow what a Home Assistant that shuts down leaves to the end of its process."""
    return True


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where servers keep their files."""
    for name in ("LIVE_EASYMATRIX", "LIVE_SYNAPSE_PYTHON"):
        if name not in os.environ:
            pytest.skip(f"{name} is not set: scripts/test --live")
    os.environ.setdefault("LIVE_FOLDER", str(tmp_path_factory.mktemp("live")))
    return Path(os.environ["LIVE_FOLDER"])


@pytest.fixture(scope="session")
def running_homeserver(folder: Path) -> Iterator[Homeserver]:
    """Return the homeserver of all tests; it may still be starting."""
    pytest_socket.enable_socket()
    server = Homeserver("homeserver")
    server.process.start()
    try:
        yield server
    finally:
        server.process.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return the HTTP client of people and servers; Home Assistant has another."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as client:
        yield client


@pytest.fixture
async def homeserver(
    running_homeserver: Homeserver, session: aiohttp.ClientSession
) -> Homeserver:
    """Return the homeserver, ready."""
    await running_homeserver.wait_until_ready(session)
    return running_homeserver


@pytest.fixture
def register(homeserver: Homeserver, session: aiohttp.ClientSession) -> Register:
    """Return what creates an account, with a name that nobody in other tests has."""
    word = uuid4().hex[:6].translate(str.maketrans("0123456789", "ghijklmnop"))

    async def register(name: str) -> Person:
        person = await homeserver.register(session, f"{name.lower()}_{word}")
        await person.set_name(f"{name} {word.title()}")
        return person

    return register


@pytest.fixture
async def owner(register: Register) -> Person:
    """Return the account that EasyMatrix is signed in to."""
    return await register("Alice")


@pytest.fixture
async def bob(register: Register) -> Person:
    """Return somebody to write to."""
    return await register("Bob")


@pytest.fixture
async def carol(register: Register) -> Person:
    """Return somebody else."""
    return await register("Carol")


@pytest.fixture
async def beeper(
    session: aiohttp.ClientSession, homeserver: Homeserver, owner: Person
) -> AsyncIterator[EasyMatrix]:
    """Return a running EasyMatrix without any chats."""
    server = await EasyMatrix.create(session, homeserver, owner)
    yield server
    server.process.stop()


@pytest.fixture
async def bobs_server(
    session: aiohttp.ClientSession, homeserver: Homeserver, bob: Person
) -> AsyncIterator[EasyMatrix]:
    """Return a server for Bob; Home Assistant does not know it."""
    server = await EasyMatrix.create(session, homeserver, bob)
    yield server
    server.process.stop()


@pytest.fixture
def open_chat(owner: Person, beeper: EasyMatrix) -> OpenChat:
    """Return what opens a chat that its first person has created.

    One person makes it a direct chat, several a group. Keywords are options of
    `Person.create_room`. Returns the chat's ID once EasyMatrix lists it.
    """

    async def open_chat(*people: Person, **options: Any) -> str:
        first, *others = people
        if others:
            room_id = await first.create_room(owner, *others, **options)
        else:
            room_id = await first.create_direct_room(owner, **options)
        await beeper.wait_for_chat(room_id)
        return room_id

    return open_chat


@pytest.fixture
async def home(
    beeper: EasyMatrix,
    tmp_path: Path,
    hass_storage: dict[str, Any],
) -> AsyncIterator[Home]:
    """Return a Home Assistant that has been connected to the server."""
    home = Home(tmp_path)
    await home.start()
    await home.add_server(beeper)
    yield home
    await home.stop()
