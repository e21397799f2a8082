"""A reverse proxy between Home Assistant and the simulator, with the faults of proxies."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import quote

import aiohttp
from aiohttp import web

_HOP_BY_HOP: Final = {
    "connection",
    "host",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-encoding",
}

type Answer = Callable[[web.Request], web.Response | None]
"""What the proxy answers itself; None passes the request on."""


class Proxy:
    """Passes requests on to `target` unless `answer` has another answer.

    Like nginx without further settings it can be told to pass no WebSockets, and to
    take bodies of `max_size` bytes only. Others accept WebSockets, and then nothing
    comes through, or the connection ends. `seen` are the requests that came, by method,
    path and the token they had.
    """

    def __init__(
        self,
        target: str,
        answer: Answer = lambda _: None,
        *,
        websockets: bool = True,
        max_size: int | None = None,
    ) -> None:
        self.target = target
        self.answer = answer
        self.websockets = websockets
        self.accepted: Literal["silent", "closed"] | None = None
        self.max_size = max_size
        self.seen: list[tuple[str, str, str | None]] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization")
        self.seen.append((request.method, request.path, token))
        if response := self.answer(request):
            return response
        if self.max_size is not None and (request.content_length or 0) > self.max_size:
            await request.read()
            return page(413, "413 Request Entity Too Large")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if not self.websockets:
                return await self._forward(request, upgrade=False)
            if self.accepted:
                return await self._accept_only(request)
            return await self._forward_socket(request)
        return await self._forward(request)

    async def _forward(
        self, request: web.Request, *, upgrade: bool = True
    ) -> web.Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
            and (upgrade or not name.lower().startswith("sec-websocket"))
        }
        async with self._session.request(
            request.method,
            f"{self.target}{request.rel_url}",
            headers=headers,
            data=await request.read(),
            allow_redirects=False,
        ) as response:
            return web.Response(
                status=response.status,
                body=await response.read(),
                headers={
                    name: value
                    for name, value in response.headers.items()
                    if name.lower() not in _HOP_BY_HOP
                },
            )

    async def _accept_only(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        while self.accepted == "silent" and not socket.closed:
            await socket.receive()  # It answers pings itself.
        await socket.close()
        return socket

    async def _forward_socket(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "")
        async with self._session.ws_connect(
            f"{self.target}{request.rel_url}", headers={"Authorization": token}
        ) as upstream:
            downstream = web.WebSocketResponse()
            await downstream.prepare(request)

            async def pump(
                source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
                sink: Callable[[str], Awaitable[None]],
            ) -> None:
                async for frame in source:
                    if frame.type is aiohttp.WSMsgType.TEXT:
                        await sink(frame.data)

            async with asyncio.TaskGroup() as group:
                group.create_task(pump(upstream, downstream.send_str))
                group.create_task(pump(downstream, upstream.send_str))
            return downstream


def page(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return a page as nginx makes it."""
    return web.Response(
        status=status,
        text=f"<html>\r\n<head><title>{text}</title></head>\r\n<body>{text}</body></html>",
        content_type="text/html",
        headers=headers,
    )


def redirect(location: Callable[[web.Request], str], status: int = 302) -> Answer:
    return lambda request: page(status, "Found", {"Location": location(request)})


def _original(request: web.Request) -> str:
    return quote(str(request.url), safe="")


LOGINS: Final[dict[str, Answer]] = {
    "basic": lambda _: page(
        401,
        "401 Authorization Required",
        {"WWW-Authenticate": 'Basic realm="Restricted"'},
    ),
    "basic_without_page": lambda _: web.Response(
        status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}
    ),
    "digest": lambda _: web.Response(
        status=401,
        headers={"WWW-Authenticate": 'Digest realm="x", qop="auth", nonce="1"'},
    ),
    "negotiate": lambda _: web.Response(
        status=401, headers={"WWW-Authenticate": "Negotiate"}
    ),
    "forward_proxy": lambda _: page(407, "407 Proxy Authentication Required"),
    "auth_request": lambda _: page(401, "401 Authorization Required"),
    "authelia": redirect(
        lambda request: f"https://auth.example.com/?rd={_original(request)}&rm=GET"
    ),
    "authentik": redirect(
        lambda request: f"/outpost.goauthentik.io/start?rd={_original(request)}"
    ),
    "oauth2_proxy": redirect(
        lambda request: f"https://beeper.example/oauth2/sign_in?rd={_original(request)}"
    ),
    "cloudflare_access": redirect(
        lambda request: (
            "https://team.cloudflareaccess.com/cdn-cgi/access/login/"
            f"beeper.example?kid=1&redirect_url={quote(request.path, safe='')}"
        )
    ),
    "keycloak": redirect(
        lambda _: (
            "https://id.example.com/realms/home/protocol/openid-connect/auth"
            "?client_id=proxy"
        ),
        303,
    ),
    "relative": redirect(lambda _: "login?next=info", 303),
    "captive_portal": lambda _: page(511, "Network Authentication Required"),
    "okta": redirect(
        lambda _: (
            "https://home.okta.com/oauth2/v1/authorize?client_id=1&response_type=code"
        )
    ),
    # To programs, they do not redirect.
    "authelia_for_json": lambda request: web.Response(
        status=401,
        text='<a href="https://auth.example.com/?rd=x&amp;rm=GET">401 Unauthorized</a>',
        content_type="text/html",
        headers={"Location": f"https://auth.example.com/?rd={_original(request)}"},
    ),
    "oauth2_proxy_for_json": lambda _: web.json_response({}, status=401),
    "page": lambda _: web.Response(
        text="<!DOCTYPE html><html><head><title>Login - Authelia</title></head>"
        '<body><form><input type="password"></form></body></html>',
        content_type="text/html",
    ),
    "page_in_french": lambda _: web.Response(
        text="<?xml version='1.0'?><!DOCTYPE html><html><h1>Connexion</h1></html>",
        content_type="application/xhtml+xml",
    ),
    "page_of_script": lambda _: web.Response(
        text="<!doctype html>\n<html lang=en><title>authentik</title>"
        "<ak-flow-executor></ak-flow-executor></html>",
        content_type="text/html",
    ),
}
"""Login pages and redirects of proxies, by software."""
