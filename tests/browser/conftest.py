"""A browser that looks at a real Home Assistant, which talks to a simulated Beeper."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
import json
import os
from pathlib import Path
import time
from typing import Any

from playwright.async_api import Browser, BrowserContext, async_playwright
import pytest

from demo.additions import add_camera, add_chat
from demo.home_assistant import ROOT, USER, HomeAssistant, home_assistant
from simulator import Simulator

from .frontend import PATIENCE, Frontend

ENTRIES = "/api/config/config_entries/entry?domain=beeper"
TOKEN = "dev-token"

_ENTRIES = "/api/config/config_entries"

# As root, Chromium starts only without its sandbox; it sees nothing but this machine.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--readme", action="store_true", help="make the pictures of README and docs/"
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what only makes pictures, unless they are wanted."""
    if not config.getoption("--readme"):
        only_pictures = [item for item in items if item.get_closest_marker("readme")]
        config.hook.pytest_deselected(items=only_pictures)
        items[:] = [item for item in items if item not in only_pictures]


@pytest.fixture(scope="session")
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(token=TOKEN) as server:
        yield server


@pytest.fixture(scope="session")
async def home(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[HomeAssistant]:
    components = tmp_path_factory.mktemp("components")
    (components / "beeper").symlink_to(ROOT / "custom_components/beeper")
    (components / "house").symlink_to(Path(__file__).parent / "house")
    async with home_assistant(
        "Starting",
        private=False,
        components=components,
        python=os.environ["HA_PYTHON"],
    ) as ha:
        yield ha


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=_ARGUMENTS
        )
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def login(home: HomeAssistant) -> dict[str, Any]:
    """Return what the frontend keeps of a person who has logged in."""
    client_id = f"{home.url}/"
    flow = await home.post(
        "/auth/login_flow",
        {
            "client_id": client_id,
            "handler": ["homeassistant", None],
            "redirect_uri": client_id,
        },
    )
    flow = await home.post(
        f"/auth/login_flow/{flow['flow_id']}",
        {"client_id": client_id, "username": USER, "password": home.password},
    )
    tokens: dict[str, Any] = await home.post(
        "/auth/token",
        form={
            "grant_type": "authorization_code",
            "code": flow["result"],
            "client_id": client_id,
        },
    )
    expires = int(time.time() * 1000) + tokens["expires_in"] * 1000
    return tokens | {"hassUrl": home.url, "clientId": client_id, "expires": expires}


@pytest.fixture(scope="session")
async def pictures(home: HomeAssistant) -> Path:
    """Return where the pictures of this run are kept."""
    _, config = await home.request("GET", "/api/config")
    directory = Path(__file__).parent / f"screenshots/{config['version']}"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture
async def without_beeper(home: HomeAssistant, simulator: Simulator) -> None:
    """Start with a new Beeper that Home Assistant does not know, and no automation."""
    _, states = await home.request("GET", "/api/states")
    for state in states:
        if state["entity_id"].startswith("automation."):
            path = f"/api/config/automation/config/{state['attributes']['id']}"
            await home.request("DELETE", path)
    _, entries = await home.request("GET", ENTRIES)
    for entry in entries:
        await home.request("DELETE", f"{_ENTRIES}/entry/{entry['entry_id']}")
    simulator.reset()
    simulator.tokens.clear()
    simulator.tokens[TOKEN] = {"read", "write"}


@pytest.fixture
async def beeper(
    without_beeper: None, home: HomeAssistant, simulator: Simulator
) -> dict[str, Any]:
    """Set the integration up, and return its entry."""
    flow = await home.post(f"{_ENTRIES}/flow", {"handler": "beeper"})
    path = f"{_ENTRIES}/flow/{flow['flow_id']}"
    await home.post(path, {"url": simulator.url, "token": TOKEN, "verify_ssl": True})
    flow = await home.post(path, {"account_id": "whatsapp"})
    entry: dict[str, Any] = flow["result"]
    assert entry["state"] == "loaded"
    return entry


@pytest.fixture
async def kim(beeper: dict[str, Any], home: HomeAssistant) -> None:
    """Add the chat with Kim."""
    await add_chat(home, beeper, "Kim")
    await until(home, "/api/states/sensor.kim_last_message", bool)


@pytest.fixture(scope="session")
async def camera(home: HomeAssistant) -> None:
    """Add the demo's camera, camera.door."""
    await add_camera(home)


@pytest.fixture(scope="session")
async def context(browser: Browser, login: dict[str, Any]) -> BrowserContext:
    """Return the browser's memory, so that it loads the frontend only once."""
    context = await browser.new_context(
        locale="en-US", timezone_id="Europe/Amsterdam", reduced_motion="reduce"
    )
    await context.add_init_script(
        f"localStorage.hassTokens = {json.dumps(json.dumps(login))}"
    )
    return context


@pytest.fixture
async def frontend(
    context: BrowserContext,
    home: HomeAssistant,
    pictures: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Frontend]:
    """Return a page of somebody who is logged in."""
    frontend = Frontend(
        await context.new_page(),
        home.url,
        pictures,
        for_readme=request.config.getoption("--readme"),
    )
    yield frontend
    if request.node.stash.get(_FAILED, False):
        await frontend.keep(f"FAILED-{request.node.name}")
    await frontend.page.close()


async def until(home: HomeAssistant, path: str, done: Callable[[Any], bool]) -> None:
    """Wait until Home Assistant answers as wanted."""
    async with asyncio.timeout(PATIENCE):
        await home.until(path, done)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report
