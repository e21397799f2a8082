"""A real Home Assistant and a real simulator, over real sockets."""

# The test plugin contains a package of the same name: import ours first.

import custom_components.beeper  # noqa: F401  isort: skip

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import connector
from hassil import intents
from hassil.expression import Sentence
from hassil.parse_expression import parse_sentence
from hypothesis import HealthCheck, settings
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
    setup_test_component_platform,
)
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.beeper import coordinator, server as server_module
from custom_components.beeper.api import transport
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.data import get_seen_messages
from custom_components.beeper.incoming import read_queue
from custom_components.beeper.outgoing import outbox
from custom_components.beeper.signals import (
    SIGNAL_MESSAGE,
    SIGNAL_SEND_FAILED,
    MessageEvent,
    SendFailed,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util, executor
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.certificates import Certificate, make_certificate
from tests.helpers.clock import Clock
from tests.helpers.fuzzing import EXAMPLES_ARE_FIXED
from tests.helpers.listening import collect
from tests.helpers.media import Door, Doorbell
from tests.helpers.servers import TOKEN, add_entry
from tests.helpers.waiting import quiet, until
from tests.helpers.world import sign_in

# No test fails because a machine is busy, or by chance.
settings.register_profile(
    "beeper",
    deadline=None,
    derandomize=EXAMPLES_ARE_FIXED,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("beeper")

# They need more than the test environment: scripts/test --browser, scripts/test --live.
collect_ignore = ["browser", "live"]


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest, socket_enabled: None) -> None:
    """Let Home Assistant find the integration and the simulator.

    It is not started for tests that do not use it.
    """
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
def hass_config_dir() -> Iterator[str]:
    """Give each Home Assistant a folder of its own, in memory: no test waits for a disk."""
    memory = "/dev/shm"  # noqa: S108 - each test has a folder of its own
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as path:
        yield path


@pytest.fixture
async def skipped_waits(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Skip waits in which nothing can happen."""
    clock = Clock(asyncio.get_running_loop())
    # Connections age while timers are waited for.
    monkeypatch.setattr(connector, "monotonic", clock.time)
    yield
    # A timer that is left behind must not run before it is reported.
    clock.wait()


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave asyncio's debug mode to --asyncio-debug, as in the daily check.

    Its tracebacks, one per future, took two thirds of the time.
    """


@pytest.fixture(scope="session", autouse=True)
def parsed_sentences() -> Iterator[None]:
    """Parse each sentence template once.

    Otherwise each Home Assistant that hears a sentence parses thousands: half of the
    time of the tests of voice.
    """
    parse = cache(parse_sentence)

    def parsed(text: str, *, keep_text: bool = False) -> Sentence:
        # What a sentence remembers holds among the rules of one Home Assistant.
        return replace(
            parse(text, keep_text=keep_text), pattern=None, required_clauses=None
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intents, "parse_sentence", parsed)
        yield


@pytest.fixture(scope="session", autouse=True)
def finished_threads() -> Iterator[None]:
    """Let threads finish when a Home Assistant stops, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "EXECUTOR_SHUTDOWN_TIMEOUT", 200)
        yield


@pytest.fixture
def profile() -> str:
    """Return the server's generation; parametrize to change it."""
    return "latest"


@pytest.fixture
async def simulator(profile: str, socket_enabled: None) -> AsyncIterator[Simulator]:
    """Return a running simulator with its world."""
    async with Simulator(profile, TOKEN) as running:
        yield running


@pytest.fixture
def signed_in(simulator: Simulator) -> None:
    """Connect all accounts; one of them starts signed out."""
    sign_in(simulator)


@pytest.fixture
def entry(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Return an entry for the simulator, not set up yet."""
    return add_entry(hass, simulator.url)


@pytest.fixture
async def loaded(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> MockConfigEntry:
    """Return the entry, set up; the list of all chats has been read."""
    with monkeypatch.context() as patch:
        # Tests that shorten the timeout mean requests after the set-up.
        patch.setattr(transport, "REQUEST_TIMEOUT", 30)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        # Faults of a test must not strike this read.
        cutoffs = get_seen_messages(hass, entry).history_cutoffs
        await until(lambda: cutoffs.has_chats or not simulator.world.chats)
    assert entry.state is ConfigEntryState.LOADED
    return entry


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the delays before retries and reconnects."""
    monkeypatch.setattr(coordinator, "_REFRESH_COOLDOWN", 0.02)
    monkeypatch.setattr(coordinator, "_SECOND_REQUEST_DELAY", 0.02)
    monkeypatch.setattr(server_module, "_CONFIRMATION_DELAY", 0.02)
    monkeypatch.setattr(coordinator, "_RECONNECT_DELAYS", (0.02, 0.05))
    monkeypatch.setattr(read_queue, "_RETRY_DELAYS", (0.02, 0.05))
    monkeypatch.setattr(read_queue, "_BATCH_DELAY", 0.01)
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0.1, 0.2))


@pytest.fixture
def events(hass: HomeAssistant) -> list[MessageEvent]:
    """Return the message events published to triggers and entities, as they come."""
    return collect(hass, SIGNAL_MESSAGE)


@pytest.fixture
def failures(hass: HomeAssistant) -> list[SendFailed]:
    """Return the published send failures, as they come."""
    return collect(hass, SIGNAL_SEND_FAILED)


@pytest.fixture
async def listening(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> MockConfigEntry:
    """Return an entry set up two hours ago whose stream is connected."""
    key = f"{DOMAIN}.{entry.entry_id}.messages"
    floor = (dt_util.utcnow() - timedelta(hours=2)).timestamp()
    data = {"floor": floor, "seen": {}}
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    for chat in simulator.world.chats.values():
        chat.last_activity -= timedelta(hours=1)
        for message in chat.messages:
            message.timestamp -= timedelta(hours=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await until(
        lambda: any(connection.is_followed for connection in simulator.hub.connections)
    )
    await quiet(simulator)
    return entry


@pytest.fixture
async def skip_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that advances the event loop's clock."""
    loop = asyncio.get_running_loop()
    clock, skipped = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: clock() + skipped)

    def skip(seconds: float) -> None:
        nonlocal skipped
        skipped += seconds

    return skip


@pytest.fixture
async def add_fault(
    simulator: Simulator, skip_time: Callable[[float], None]
) -> AsyncIterator[Callable[..., Fault]]:
    """Return a function that adds a fault; delayed answers time out at once.

    The event loop's clock is advanced, so that tests use the real timeout.
    """
    held: list[asyncio.Task[None]] = []

    async def pass_time(fault: Fault) -> None:
        struck = 0
        while True:
            if fault.hits > struck:
                struck = fault.hits
                await asyncio.sleep(0.02)  # Let the sent part of the answer arrive.
                skip_time(transport.REQUEST_TIMEOUT + 1)
            await asyncio.sleep(0.001)

    def add(kind: str, **options: Any) -> Fault:
        late = kind in ("delay", "delay_after", "stall_body")
        if late:
            options["seconds"] = 3600
        fault = simulator.faults.add(kind, **options)
        if late:
            held.append(asyncio.create_task(pass_time(fault)))
        return fault

    yield add
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a self-signed certificate."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
async def camera(hass: HomeAssistant, loaded: MockConfigEntry) -> Door:
    door = Door()
    setup_test_component_platform(hass, "camera", [door])
    config = {"camera": {"platform": "test"}}
    assert await async_setup_component(hass, "camera", config)
    await hass.async_block_till_done()
    return door


@pytest.fixture
async def image(hass: HomeAssistant, loaded: MockConfigEntry) -> Doorbell:
    bell = Doorbell(hass)
    setup_test_component_platform(hass, "image", [bell])
    assert await async_setup_component(hass, "image", {"image": {"platform": "test"}})
    await hass.async_block_till_done()
    return bell


@pytest.fixture
async def media(hass: HomeAssistant, loaded: MockConfigEntry, tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    assert await async_setup_component(hass, "media_source", {})
    return folder


@pytest.fixture
def quick_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the delays before recovery reads."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0, 0.05, 0.1))


@pytest.fixture
def no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that Home Assistant logs no misuse or deprecation."""
    yield
    for complaint in ("Detected that", "deprecated", "will stop working"):
        assert complaint not in caplog.text


@pytest.fixture
def half_handshakes(hass: HomeAssistant) -> None:
    """Ignore the simulator's side of a failed handshake."""
    strict = hass.loop.get_exception_handler()
    assert strict

    def lenient(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), OSError):
            strict(loop, context)

    hass.loop.set_exception_handler(lenient)


@pytest.fixture
async def assist(hass: HomeAssistant) -> None:
    """Set up Home Assistant's conversation agent."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})


@pytest.fixture
def notices(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the persistent notifications that are created, as they come."""
    calls: list[ServiceCall] = async_mock_service(
        hass, "persistent_notification", "create"
    )
    return calls


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return snapshots that know Home Assistant's types and leave out random ids."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)
