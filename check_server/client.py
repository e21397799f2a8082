"""One request at a time, with limits on time and size. Never repeats, never redirects."""

import asyncio
from dataclasses import dataclass
import json
from time import monotonic
from typing import Any
from urllib.parse import quote

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHandlerType,
    ClientMiddlewareType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    WSMsgType,
)
from yarl import URL

MAX_BYTES = 4 * 1024 * 1024
_SUBSCRIBE = {"type": "subscriptions.set", "requestID": "r1", "chatIDs": ["*"]}
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (ClientConnectorCertificateError, "certificate not trusted"),
    (ClientConnectorSSLError, "TLS failed"),
    (ClientConnectorDNSError, "host name not found"),
    (ClientConnectorError, "connection refused"),
    (ClientResponseError, "no upgrade"),
    (ClientPayloadError, "answer cut off"),
    (ServerDisconnectedError, "connection closed"),
    (ClientOSError, "connection closed"),
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `body` is private: only its shape may be reported."""

    status: int | None = None
    """None: no answer, see `failure`."""
    failure: str = ""
    """The reason for a missing answer or body; a fixed text."""
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = ""
    """JSON, text, HTML, binary or nothing."""
    body: Any = None
    seconds: float = 0

    @property
    def is_success(self) -> bool:
        """Whether it is a complete 2xx."""
        return self.status in range(200, 300) and not self.failure

    @property
    def is_timeout(self) -> bool:
        """Whether the time ran out."""
        return self.failure.startswith("no answer within")


class Client:
    """Requests to one server. `base` may have a path prefix."""

    def __init__(
        self, session: ClientSession, base: str, token: str, *, timeout: float = 15
    ) -> None:
        """`timeout`: seconds for one request with its body."""
        self._session = session
        self._base = URL(base.rstrip("/"))
        self._token = token
        self._timeout = timeout

    async def ask(
        self,
        method: str,
        path: str,
        *,
        parameters: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        authorize: bool = True,
    ) -> Answer:
        """Make a request. `parameters` replace the placeholders of `path`."""
        sent = dict(headers or {})
        if authorize:
            sent["Authorization"] = f"Bearer {self._token}"
        started = monotonic()
        try:
            async with self._session.request(
                method,
                self._url(path, parameters or {}).with_query(query or {}),
                json=body,
                data=form,
                headers=sent,
                allow_redirects=False,
                middlewares=(_once(),),
                timeout=ClientTimeout(total=self._timeout),
            ) as response:
                return await self._read(response, started)
        except TimeoutError:
            failure = f"no answer within {self._timeout:g} s"
        except (ClientError, OSError, ValueError) as err:
            failure = _failure(err)
        return Answer(failure=failure, seconds=monotonic() - started)

    async def introspect(self) -> Answer:
        """Ask what the token may do; the token is in the form, as documented."""
        return await self.ask(
            "POST", "/oauth/introspect", form={"token": self._token}, authorize=False
        )

    async def open_socket(self) -> list[Answer]:
        """Open the WebSocket, subscribe to all chats, return the first two frames."""
        started = monotonic()
        answers: list[Answer] = []
        status, failure = None, ""
        try:
            async with (
                asyncio.timeout(self._timeout),
                # A WebSocket follows redirects; only a session can prevent it.
                ClientSession(
                    connector=self._session.connector,
                    connector_owner=False,
                    cookie_jar=DummyCookieJar(),
                    middlewares=(_no_redirect,),
                ) as session,
                session.ws_connect(
                    self._url("/v1/ws", {}),
                    headers={"Authorization": f"Bearer {self._token}"},
                    max_msg_size=MAX_BYTES,
                    timeout=ClientWSTimeout(ws_close=1),
                ) as socket,
            ):
                answers.append(await _frame(socket, started))
                await socket.send_json(_SUBSCRIBE)
                answers.append(await _frame(socket, started))
        except TimeoutError:
            failure = f"no answer within {self._timeout:g} s"
        except ClientResponseError as err:
            status, failure = err.status, _failure(err)
        except (ClientError, OSError, ValueError) as err:
            failure = _failure(err)
        if failure:
            seconds = monotonic() - started
            answers.append(Answer(status=status, failure=failure, seconds=seconds))
        return answers

    def _url(self, path: str, parameters: dict[str, str]) -> URL:
        """Put ids into a path, each as one segment."""
        segments = (
            quote(parameters[segment[1:-1]], safe="!:@")
            if segment.startswith("{")
            else segment
            for segment in path.strip("/").split("/")
        )
        return self._base.joinpath(*segments, encoded=True)

    async def _read(self, response: ClientResponse, started: float) -> Answer:
        data, failure = bytearray(), ""
        async for chunk in response.content.iter_chunked(65536):
            data += chunk
            if len(data) > MAX_BYTES:
                failure = "larger than 4 MB"
                response.close()
                break
        kind, body = ("", None)
        if not failure:
            kind, body = _parse(bytes(data), response.headers.get("Content-Type", ""))
        return Answer(
            status=response.status,
            failure=failure,
            headers=tuple(response.headers.items()),
            kind=kind,
            body=body,
            seconds=monotonic() - started,
        )


def _once() -> ClientMiddlewareType:
    """Return what prevents aiohttp from repeating a GET, PUT or DELETE."""
    failed: list[ClientError] = []

    async def send(
        request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        if failed:
            raise failed[0]
        try:
            return await handler(request)
        except ClientError as err:
            failed.append(err)
            raise

    return send


async def _no_redirect(
    request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Refuse a redirect, which a WebSocket would follow with the token."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise ClientResponseError(
            response.request_info, response.history, status=response.status
        )
    return response


async def _frame(socket: ClientWebSocketResponse, started: float) -> Answer:
    message = await socket.receive()
    if message.type is not WSMsgType.TEXT:
        return Answer(status=101, failure="no text frame")
    kind, body = _parse(message.data.encode(errors="replace"), "")
    return Answer(status=101, kind=kind, body=body, seconds=monotonic() - started)


def _parse(data: bytes, content_type: str) -> tuple[str, Any]:
    """Return the kind of a body, and the body if it is JSON."""
    if not data.strip():
        return "nothing", None
    try:
        return "JSON", json.loads(data)
    except ValueError, RecursionError:
        pass
    if data.lstrip()[:1] == b"<" or "html" in content_type.lower():
        return "HTML", None
    try:
        data.decode()
    except UnicodeDecodeError:
        return "binary", None
    return "text", None


def _failure(err: Exception) -> str:
    """Name a failure without the text of the exception, which has the address."""
    return next(
        (text for kind, text in _FAILURES if isinstance(err, kind)), "unreadable answer"
    )
