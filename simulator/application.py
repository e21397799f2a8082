"""What a simulator does with a request: log, faults, token, checks, route, response."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import format_datetime
from inspect import isawaitable
import json
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from aiohttp import hdrs, web

from .call import Call, Route
from .checks import check, parse_json, read_query
from .control import Control
from .errors import ApiError
from .faults import NO_ANSWER, apply
from .model import Json
from .refusals import absent, plain_refusals, refuse
from .routes import ROUTES

if TYPE_CHECKING:
    from .server import Simulator

type AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MAX_BODY = 1 << 30


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


class Application:
    """The HTTP interface of a simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._connections: WeakSet[Any] = WeakSet()
        self._handlers: set[asyncio.Task[Any]] = set()

    def build(self) -> web.Application:
        """Return the routes of the simulator's profile, and those of `Control`."""
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[self._middleware])
        app.on_response_prepare.append(self._stamp)
        for route in ROUTES:
            if route.feature is None or route.feature in self._sim.profile.features:
                self._add(app, route.method, route.path, self._handler(route))
        if "ws" in self._sim.profile.features:
            self._add(app, "GET", "/v1/ws", self._socket)
        for method, path, handler in Control(self._sim).routes():
            self._add(app, method, path, handler)
        return app

    async def end_requests(self) -> None:
        """End all requests; the runner misses those whose client has disconnected."""
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _add(
        self, app: web.Application, method: str, path: str, handler: AiohttpHandler
    ) -> None:
        if method == hdrs.METH_GET:
            app.router.add_get(self._sim.prefix + path, handler)
        else:
            app.router.add_route(method, self._sim.prefix + path, handler)

    async def _stamp(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers[hdrs.DATE] = format_datetime(
            self._sim.world.now(), usegmt=True
        )
        if "serve_without_content_type" in self._sim.traits and request.path.endswith(
            "/v1/assets/serve"
        ):
            response.headers.pop(hdrs.CONTENT_TYPE, None)
        if self._sim.profile.version_header and request.get(_AUTHENTICATED):
            response.headers["X-Beeper-Desktop-Version"] = self._sim.profile.version

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: AiohttpHandler
    ) -> web.StreamResponse:
        """Log the request, apply faults, and convert errors to responses."""
        path, _, query = request.raw_path.removeprefix(self._sim.prefix).partition("?")
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
        self._sim.requests.append(received)
        request[_RECEIVED] = received

        async def run() -> web.StreamResponse:
            try:
                return await handler(request)
            except ApiError as err:
                received.executed = err.ran
                return refuse(err, self._sim.profile)
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as err:
                return absent(err, self._sim.profile, self._sim.traits)

        fault = self._sim.faults.take(request.method, path, reused=received.reused)
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
            self._sim.profile.focus_scope
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
                world=self._sim.world,
                profile=self._sim.profile,
                wire=self._sim.wire,
                tokens=self._sim.tokens,
                query=read_query(
                    request.query.items(),
                    route.query,
                    comma_lists=self._sim.profile.strict,
                ),
                body=await self._body(request, route),
            )
            answer = route.handler(call)
            if isawaitable(answer):
                answer = await answer
            request[_RECEIVED].executed = route.mutates
            if isinstance(answer, web.StreamResponse):
                return answer
            if answer is None and self._sim.profile.no_content:
                return web.Response(status=204)
            return web.json_response({"success": True} if answer is None else answer)

        return handle

    def _lacks(self, route: Route) -> bool:
        """Whether a trait removes a route."""
        return ("no_labels" in self._sim.traits and route.path == "/v1/labels") or (
            "no_bridges" in self._sim.traits and route.path.startswith("/v1/bridges")
        )

    async def _body(self, request: web.Request, route: Route) -> Json:
        if route.body is None:
            return {}
        return check(
            parse_json(await request.read()),
            route.body,
            "body",
            strict=self._sim.profile.strict,
        )

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._authenticate(request, "read")
        return await self._sim.hub.serve(request)

    def _authenticate(self, request: web.Request, scope: str) -> None:
        kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        scopes = (
            self._sim.tokens.get(token.strip()) if kind.lower() == "bearer" else None
        )
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
