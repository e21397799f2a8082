"""The simulator: an HTTP server for a world, with faults, traits and a request log."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from inspect import isawaitable
import json
import ssl
from typing import Any, Self, cast
from weakref import WeakSet

from aiohttp import hdrs, web

from .actions import Actions
from .call import Call, Route
from .checks import check, parse_json, read_query
from .control import Control
from .errors import ApiError
from .faults import NO_ANSWER, FaultDesk, apply
from .model import Json
from .profiles import PROFILES, SEEN_TRAITS
from .refusals import absent, plain_refusals, refuse
from .routes import ROUTES
from .scenes import SCENES
from .seed import sample_world
from .stream import Hub
from .traits import Traits
from .wire import Wire
from .world import World

type AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MAX_BODY = 1 << 30
_LOADING = ("accounts_loading", "chats_loading")


@dataclass(kw_only=True)
class Received:
    """One received request."""

    method: str
    path: str
    """Still percent-encoded, without the prefix."""
    query: str
    headers: dict[str, str]
    json: Any
    """The parsed body, None if it is not JSON."""
    peer: str
    """Address of the client, which identifies the connection."""
    reused: bool
    """Whether the connection had served an earlier request."""
    status: int | None = None
    """Status of the response; None: no response (yet)."""
    executed: bool = False
    """Whether a write was carried out."""


_RECEIVED = web.RequestKey("received", Received)
_AUTHENTICATED = web.RequestKey("authenticated", bool)


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
        self._ssl, self._prefix = ssl_context, prefix
        self._connections: WeakSet[Any] = WeakSet()
        self._handlers: set[asyncio.Task[Any]] = set()
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
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.01)
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
            await self._end_handlers()
            await self._runner.cleanup()
            # A request that was just received may have started meanwhile.
            await self._end_handlers()
            self._runner = None
        self._end_loading()
        self.world.stop()

    async def _end_handlers(self) -> None:
        """End all requests; the runner misses those whose client has disconnected."""
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

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
        return f"{'https' if self._ssl else 'http'}://{host}:{self._port}{self._prefix}"

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

    # HTTP

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[self._middleware])
        app.on_response_prepare.append(self._stamp)
        for route in ROUTES:
            if route.feature is None or route.feature in self.profile.features:
                self._add(app, route.method, route.path, self._handler(route))
        if "ws" in self.profile.features:
            self._add(app, "GET", "/v1/ws", self._socket)
        for method, path, handler in Control(self).routes():
            self._add(app, method, path, handler)
        return app

    def _add(
        self, app: web.Application, method: str, path: str, handler: AiohttpHandler
    ) -> None:
        if method == hdrs.METH_GET:
            app.router.add_get(self._prefix + path, handler)
        else:
            app.router.add_route(method, self._prefix + path, handler)

    async def _stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.DATE] = format_datetime(self.world.now(), usegmt=True)
        if "serve_without_content_type" in self.traits and request.path.endswith(
            "/v1/assets/serve"
        ):
            response.headers.pop(hdrs.CONTENT_TYPE, None)
        if self.profile.version_header and request.get(_AUTHENTICATED):
            response.headers["X-Beeper-Desktop-Version"] = self.profile.version

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: AiohttpHandler
    ) -> web.StreamResponse:
        """Log the request, apply faults, and convert errors to responses."""
        path, _, query = request.raw_path.removeprefix(self._prefix).partition("?")
        if path.startswith("/control/"):
            return await plain_refusals(handler(request))
        received = Received(
            method=request.method,
            path=path,
            query=query,
            headers=dict(request.headers),
            json=await _json(request),
            peer="{}:{}".format(*(request.get_extra_info("peername") or ("", 0))[:2]),
            reused=request.transport in self._connections,
        )
        self._connections.add(request.transport)
        self.requests.append(received)
        request[_RECEIVED] = received

        async def run() -> web.StreamResponse:
            try:
                return await handler(request)
            except ApiError as err:
                received.executed = err.ran
                return refuse(err, self.profile)
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as err:
                return absent(err, self.profile, self.traits)

        fault = self.faults.take(request.method, path, reused=received.reused)
        if task := asyncio.current_task():
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        response = await (apply(fault, request, run) if fault else run())
        if response.status != NO_ANSWER:
            await request.release()  # Read a rejected upload to its end.
        received.status = None if response.status == NO_ANSWER else response.status
        return response

    def _handler(self, route: Route) -> AiohttpHandler:
        scope = (
            self.profile.focus_scope
            if route.path == "/v1/focus"
            else "write"
            if route.mutates
            else "read"
        )

        async def handle(request: web.Request) -> web.StreamResponse:
            if self._lacks(route):
                raise web.HTTPNotFound
            if route.auth:
                self._authenticate(request, scope)
            call = Call(
                request=request,
                world=self.world,
                profile=self.profile,
                wire=self.wire,
                tokens=self.tokens,
                query=read_query(
                    request.query.items(), route.query, comma_lists=self.profile.strict
                ),
                body=await self._body(request, route),
            )
            answer = route.handler(call)
            if isawaitable(answer):
                answer = await answer
            request[_RECEIVED].executed = route.mutates
            if isinstance(answer, web.StreamResponse):
                return answer
            if answer is None and self.profile.no_content:
                return web.Response(status=204)
            return web.json_response({"success": True} if answer is None else answer)

        return handle

    def _lacks(self, route: Route) -> bool:
        """Whether a trait removes a route."""
        return ("no_labels" in self.traits and route.path == "/v1/labels") or (
            "no_bridges" in self.traits and route.path.startswith("/v1/bridges")
        )

    async def _body(self, request: web.Request, route: Route) -> Json:
        if route.body is None:
            return {}
        return check(
            parse_json(await request.read()),
            route.body,
            "body",
            strict=self.profile.strict,
        )

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._authenticate(request, "read")
        return await self.hub.serve(request)

    def _authenticate(self, request: web.Request, scope: str) -> None:
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        scopes = self.tokens.get(token.strip()) if kind.lower() == "bearer" else None
        if scopes is None:
            raise ApiError(
                401, "unauthorized", "Unauthorized: Invalid or missing token"
            )
        if scope not in scopes:
            raise ApiError(
                403, "forbidden", f"Required scopes: {scope}, missing: {scope}"
            )
        request[_AUTHENTICATED] = True


async def _json(request: web.Request) -> Any:
    """The parsed body, None if it is not JSON. Uploads are read by their route."""
    if request.content_type.startswith("multipart/"):
        return None
    try:
        return json.loads(await request.read())
    except ValueError, RecursionError:
        return None
