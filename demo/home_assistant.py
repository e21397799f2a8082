"""A separate Home Assistant for the demo: directory, process and user."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
import fcntl
from itertools import count
import json
import os
from pathlib import Path
import secrets
import shutil
import socket
import sys
from typing import Any

import aiohttp

from .dashboard import DASHBOARD
from .terminal import DemoError, step

ROOT = Path(__file__).parents[1]
USER = "demo"

_FIRST_PORT = 18123
_START_TIMEOUT = 240  # Home Assistant may have packages to install first.
_STOP_TIMEOUT = 20
_REQUEST_TIMEOUT = 120

# Stops when its standard input closes, so that it does not outlive the demo, even if
# the demo is killed.
_PROGRAM = """
import os, signal, sys, threading
from homeassistant.__main__ import main

def stop_with_the_demo():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=stop_with_the_demo, daemon=True).start()
sys.exit(main())
"""
_CONFIGURATION = {
    "configuration.yaml": "automation: !include automations.yaml\n"
    "script: !include scripts.yaml\n"
    "scene: !include scenes.yaml\n",
    "automations.yaml": "[]\n",
    "scripts.yaml": "{}\n",
    "scenes.yaml": "[]\n",
}


@dataclass(frozen=True, kw_only=True)
class HomeAssistant:
    """A running Home Assistant and a client for it."""

    session: aiohttp.ClientSession
    process: asyncio.subprocess.Process
    directory: Path
    url: str
    password: str
    token: str = ""

    @property
    def log(self) -> Path:
        """Path of the log, relative to the checkout."""
        return _log(self.directory).relative_to(ROOT)

    async def request(
        self, method: str, path: str, body: Any = None, *, form: Any = None
    ) -> tuple[int, Any]:
        """Return the status and the JSON response, None if it is not JSON."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(
            method, f"{self.url}{path}", json=body, data=form, headers=headers
        ) as response:
            text = await response.text()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, None

    async def post(self, path: str, body: Any = None, *, form: Any = None) -> Any:
        """Return the JSON response. Raises DemoError unless the status is 200."""
        status, answer = await self.request("POST", path, body, form=form)
        if status != 200:
            reason = answer.get("message") if isinstance(answer, dict) else answer
            raise DemoError(
                f"Home Assistant answers {path} with {status}: {reason}; see {self.log}"
            )
        return answer

    async def until(
        self, path: str, done: Callable[[Any], bool] = lambda answer: True
    ) -> Any:
        """Poll a path until `done` accepts the response. Raises DemoError at exit."""
        while self.process.returncode is None:
            try:
                status, answer = await self.request("GET", path)
            except aiohttp.ClientError:
                status, answer = 0, None
            if status == 200 and done(answer):
                return answer
            await asyncio.sleep(0.2)
        raise DemoError(
            f"Home Assistant ended with status {self.process.returncode}; see {self.log}"
        )


@asynccontextmanager
async def home_assistant(
    text: str,
    *,
    private: bool,
    components: Path = ROOT / "custom_components",
    python: str = sys.executable,
) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant with these custom components and a logged-in user.

    `private`: it receives the token of a real account, so its configuration is deleted
    afterwards.
    """
    directory, lock, wanted = _claim()
    with free_port(wanted) as port:
        ha = await _start(
            directory, lock, port, components, python, dashboard=not private
        )
        try:
            async with step(text):
                ha = await _onboard(ha)
            yield ha
        except aiohttp.ClientError, TimeoutError:
            raise DemoError(f"Home Assistant does not answer; see {ha.log}") from None
        finally:
            await ha.session.close()
            await _stop(ha.process)
            if private:
                shutil.rmtree(directory / "config", ignore_errors=True)


async def _start(
    directory: Path,
    lock: int,
    port: int,
    components: Path,
    python: str,
    *,
    dashboard: bool,
) -> HomeAssistant:
    """Start the process, which keeps the lock of the directory."""
    config = directory / "config"
    _write_configuration(config, port, components, dashboard=dashboard)
    # The log goes to standard error, together with all other output.
    environment = os.environ | {"HA_DISABLE_LOG_FILE": "true"}
    environment.pop("BEEPER_ACCESS_TOKEN", None)
    with _log(directory).open("wb") as log:
        # In a new session, so that Ctrl-C reaches only the demo.
        process = await asyncio.create_subprocess_exec(
            python,
            *("-c", _PROGRAM, "--config", str(config), "--log-no-color"),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=config,
            env=environment,
            pass_fds=(lock,),
            start_new_session=True,
        )
    os.close(lock)
    return HomeAssistant(
        session=aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT)
        ),
        process=process,
        directory=directory,
        url=f"http://127.0.0.1:{port}",
        password=secrets.token_hex(4),
    )


def _log(directory: Path) -> Path:
    return directory / "home-assistant.log"


def _claim() -> tuple[Path, int, int]:
    """Return a directory without a configuration, its lock, and the port to prefer.

    Home Assistant inherits the lock, which is released when both processes have ended.
    """
    for number in count():
        directory = ROOT / (f".demo-{number + 1}" if number else ".demo")
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        shutil.rmtree(directory / "config", ignore_errors=True)
        return directory, lock, _FIRST_PORT + number
    raise AssertionError


@contextmanager
def free_port(wanted: int) -> Iterator[int]:
    """Reserve the preferred TCP port, or any other, until the context ends.

    Home Assistant takes seconds until it listens. Until then, the UDP port of the same
    number shows other checkouts that the port is taken.
    """
    for port in (wanted, 0, 0, 0):
        with (
            socket.socket(type=socket.SOCK_DGRAM) as reservation,
            socket.socket() as server,
        ):
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                reservation.bind(("127.0.0.1", port))
                server.bind(reservation.getsockname())
            except OSError:
                continue
            server.close()
            yield int(reservation.getsockname()[1])
            return
    raise DemoError("no port is free on 127.0.0.1")


def _write_configuration(
    config: Path, port: int, components: Path, *, dashboard: bool
) -> None:
    """Write a complete configuration, reachable only from this machine."""
    config.mkdir()
    (config / "custom_components").symlink_to(components)
    for name, content in _CONFIGURATION.items():
        (config / name).write_text(content, "utf-8")
    storage = config / ".storage"
    storage.mkdir()

    def store(key: str, data: Any, version: int = 1, minor_version: int = 1) -> None:
        content = {"version": version, "minor_version": minor_version, "key": key}
        (storage / key).write_text(json.dumps(content | {"data": data}), "utf-8")

    # With `http:` in configuration.yaml, Home Assistant returns to port 8123 unless the
    # user confirms the new port within five minutes.
    http = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": "2026-10-01T00:00:00+00:00",
        "error": None,
        "error_message": None,
    }
    store("http", {"stable": http, "pending": None, "yaml_migration_done": True}, 2, 2)
    # Only the user step is left; the other steps search for devices.
    store("onboarding", {"done": ["core_config", "analytics", "integration"]}, 4)
    # Without a country, Home Assistant creates a repair issue.
    home = {
        "location_name": "Beeper demo",
        "latitude": 52.37,
        "longitude": 4.89,
        "elevation": 0,
        "radius": 100,
        "unit_system_v2": "metric",
        "time_zone": "Europe/Amsterdam",
        "country": "NL",
        "currency": "EUR",
        "language": "en",
        "internal_url": None,
        "external_url": None,
    }
    store("core.config", home, 1, 4)
    if dashboard:
        shutil.copytree(
            ROOT / "blueprints/automation", config / "blueprints/automation"
        )
        item = {
            "id": "beeper_demo",
            "url_path": "beeper-demo",
            "title": "Beeper",
            "icon": "mdi:message-text",
            "show_in_sidebar": True,
            "require_admin": False,
            "mode": "storage",
        }
        store("lovelace_dashboards", {"items": [item]})
        store("lovelace.beeper_demo", {"config": DASHBOARD})


async def _onboard(ha: HomeAssistant) -> HomeAssistant:
    """Create a user, log in, and wait until Home Assistant is running."""
    client_id = f"{ha.url}/"
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            await ha.until("/api/onboarding")
            user = await ha.post(
                "/api/onboarding/users",
                {
                    "name": "Demo",
                    "username": USER,
                    "password": ha.password,
                    "client_id": client_id,
                    "language": "en",
                },
            )
            login = await ha.post(
                "/auth/token",
                form={
                    "grant_type": "authorization_code",
                    "code": user["auth_code"],
                    "client_id": client_id,
                },
            )
            ha = replace(ha, token=login["access_token"])
            state = await ha.until(
                "/api/config", lambda answer: answer["state"] == "RUNNING"
            )
    except TimeoutError:
        raise DemoError(
            f"Home Assistant was not running after {_START_TIMEOUT} s; see {ha.log}"
        ) from None
    if state["recovery_mode"]:
        raise DemoError(f"Home Assistant could not start properly; see {ha.log}")
    return ha


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Stop the process, and kill it after a timeout."""
    if process.returncode is not None:
        return
    async with step("Stopping Home Assistant"):
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
