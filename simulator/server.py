"""The simulator: starting, stopping and resetting a server, and what tests set on it."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
import ssl
from typing import Self, cast

from aiohttp import web

from .actions import Actions
from .application import Application, Received
from .faults import FaultDesk
from .profiles import PROFILES, SEEN_TRAITS
from .scenes import SCENES
from .seed import sample_world
from .stream import Hub
from .traits import Traits
from .wire import Wire
from .world import World

_LOADING = ("accounts_loading", "chats_loading")


class Simulator(Actions):
    """A Beeper server on a real socket, as an async context manager.

    `stop` followed by `start` keeps port and world, like a restart of the app.
    """

    def __init__(
        self,
        profile: str = "latest",
        token: str = "dev-token",  # noqa: S107 - invented
        *,
        chats: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        prefix: str = "",
        realistic: bool = False,
        traits: Iterable[str] = (),
    ) -> None:
        """Prepare a server.

        `chats`: minimum number of chats; `port` 0: any free port; `prefix`: path prefix
        of all routes, e.g. `/beeper`; `realistic`: add the traits that servers of this
        profile were seen to have; `traits`: further traits, `NAME` or `NAME=ACCOUNT`.
        """
        self.profile = PROFILES[profile]
        seen = SEEN_TRAITS[profile] if realistic else ()
        self._initial_traits = (*self.profile.traits, *seen, *traits)
        self.traits = Traits()
        """Deviations from the documentation; may change at any time."""
        self.loading_seconds = 0.5
        """Duration of `loading_after_restart`."""
        self._loading: asyncio.TimerHandle | None = None
        self._scenes: dict[str, Callable[[], None]] = {}
        self.tokens: dict[str, set[str]] = {token: {"read", "write"}}
        self.requests: list[Received] = []
        self.faults = FaultDesk()
        self.wire = Wire(self.profile, self.traits)
        self.hub = Hub(self.profile, self.wire, self.faults)
        self._chats = chats
        self._host, self._port = host, port
        self._ssl = ssl_context
        self.prefix = prefix
        self._application = Application(self)
        self._runner: web.AppRunner | None = None
        self._has_run = False
        self._server: asyncio.Server | None = None
        self.world = World()
        self.traits.on_change = self._change_scene
        self.reset()

    def reset(self) -> None:
        """Restore the sample world and the initial traits, and clear faults and log.

        The IDs of new chats and messages continue: a server gives none twice.
        """
        self.world.settle()
        self._scenes.clear()
        self.traits.replace()
        earlier, self.world = self.world, sample_world(self._chats)
        self.world.continue_ids(earlier)
        self.world.traits = self.traits
        self.traits.add(*self._initial_traits)
        self.hub.attach(self.world)
        self.requests.clear()
        self.faults.clear()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Listen, after a stop on the same port."""
        if "loading_after_restart" in self.traits and self._has_run:
            self._start_loading()
        runner = web.AppRunner(
            self._application.build(), access_log=None, shutdown_timeout=0.01
        )
        await runner.setup()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                cast("web.Server", runner.server), self._host, self._port, ssl=self._ssl
            )
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._has_run = True
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Abort all connections, like an app that quits.

        Pending messages are still delivered, except with the trait `lost_at_stop`.
        """
        if self._runner and self._server:
            loop = asyncio.get_running_loop()
            for listening in self._server.sockets:
                loop.remove_reader(listening.fileno())
            # A connection that was just accepted fails on a closed server.
            await asyncio.sleep(0)
            self._server.close()
            self.hub.hang_up()
            await self._application.end_requests()
            await self._runner.cleanup()
            # A request that was just received may have started meanwhile.
            await self._application.end_requests()
            self._runner = None
        self._end_loading()
        self.world.stop()

    def _start_loading(self) -> None:
        """Start to hide accounts and chats."""
        self.traits.add(*_LOADING)
        self._loading = asyncio.get_running_loop().call_later(
            self.loading_seconds, self._end_loading
        )

    def _end_loading(self) -> None:
        if self._loading:
            self._loading.cancel()
            self._loading = None
            self.traits.discard(*_LOADING)

    def _change_scene(self, name: str, is_on: bool) -> None:
        """Add or remove the sample data of a trait."""
        if is_on and name in SCENES:
            self._scenes[name] = SCENES[name](self.world)
        elif not is_on and name in self._scenes:
            self._scenes.pop(name)()

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl else 'http'}://{host}:{self._port}{self.prefix}"

    @property
    def executed(self) -> list[Received]:
        """The write requests that were carried out."""
        return [received for received in self.requests if received.executed]

    @property
    def clock_skew(self) -> timedelta:
        """Offset of the server's clock, in `Date` headers and timestamps."""
        return self.world.clock_skew

    @clock_skew.setter
    def clock_skew(self, skew: timedelta) -> None:
        self.world.clock_skew = skew

    @property
    def confirm_after(self) -> float:
        """Seconds until the network confirms an own message."""
        return self.world.confirm_after

    @confirm_after.setter
    def confirm_after(self, seconds: float) -> None:
        self.world.confirm_after = seconds
