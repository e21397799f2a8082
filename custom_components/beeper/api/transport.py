"""Authenticated HTTP exchanges with one server.

Each request goes to the configured URL only: redirects are rejected, and no address
from a response is followed. Each request is attempted once, within one timeout; what an
error means for the caller is in `exceptions`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import json
from ssl import SSLContext
from time import monotonic
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from .exceptions import (
    AnswerError,
    BeeperError,
    CannotConnectError,
    ProxyLoginError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from .http_responses import (
    MAX_BODY_SIZE,
    MAX_LIST_SIZE,
    asks_for_login,
    error_of_exchange,
    error_of_status,
    parse_body,
    parse_list,
    read_body,
)
from .requests import Json, Query
from .unrecognized import Unrecognized

REQUEST_TIMEOUT: Final = 30.0
"""Seconds for one request, from the first byte sent to the last byte received."""

FILE_TIMEOUT: Final = 300.0
"""Seconds for a request that uploads or downloads a file."""

_CONNECT_TIMEOUT: Final = 10.0
"""Seconds until the connection stands."""

_REUSED_FOR: Final = 1.0
"""Seconds after a response within which a change may use the same connection.

A connection that has been idle may die under the next request, and nothing would prove
whether that ran. A new one costs a handshake, several with TLS and a tunnel.
"""

_MAX_HEADER_SIZE: Final = 65536
"""Bytes."""

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9000

_PATH_SAFE: Final = "!$&'()*+,:;=@~"


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Sessions:
    """`reading` keeps connections as it likes, `changing` only for a moment."""

    reading: aiohttp.ClientSession
    changing: aiohttp.ClientSession

    @classmethod
    def like(
        cls,
        reading: aiohttp.ClientSession,
        *,
        ssl: SSLContext | bool = True,
        resolver: AbstractResolver | None = None,
    ) -> Self:
        """Return a session and one like it for changes, which the caller closes."""
        connector = aiohttp.TCPConnector(
            keepalive_timeout=_REUSED_FOR, ssl=ssl, resolver=resolver
        )
        changing = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=reading.cookie_jar,
            headers=reading.headers,
            max_line_size=_MAX_HEADER_SIZE,
            max_field_size=_MAX_HEADER_SIZE,
        )
        return cls(reading=reading, changing=changing)


class Transport:
    """Exchanges with the server at one URL, with one token.

    The caller keeps ownership of `sessions`. `version` is the server's version, as far
    as known. `clock_offset` is known after the first response with a date.
    """

    def __init__(self, sessions: Sessions, url: str, token: str) -> None:
        """Store the address; nothing is sent yet."""
        self._sessions = sessions
        self._base = URL(url)
        self._date = ""
        self.token = token
        self.unrecognized = Unrecognized()
        self.is_beeper = True
        """Whether it is Beeper, and no server of somebody else with the same API."""
        self.version: str | None = None
        self._stated_time: tuple[datetime, float] | None = None
        """The server's time, and the time of a clock that never jumps."""

    @property
    def clock_offset(self) -> timedelta | None:
        """The server's clock minus ours, also just after ours has jumped."""
        if self._stated_time is None:
            return None
        stated, at = self._stated_time
        return stated - datetime.now(UTC) + timedelta(seconds=monotonic() - at)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session for reading; raises CannotConnectError while Home Assistant stops."""
        return _open(self._sessions.reading)

    @property
    def authorization(self) -> dict[str, str]:
        """Return the header that authenticates a request."""
        return {"Authorization": f"Bearer {self.token}"}

    def url(self, *path: str, prefix: str = "v1") -> URL:
        """Return the URL of a route; raise AnswerError if a part names no resource."""
        # Dot segments would lead to another route.
        if not {"", ".", ".."}.isdisjoint(path):
            raise AnswerError(HTTPStatus.NOT_FOUND)
        parts = (prefix, *(quote(part, safe=_PATH_SAFE) for part in path))
        return self._base.joinpath(*parts, encoded=True)

    async def request[T](
        self,
        method: str,
        *path: str,
        read: Callable[[Json], T],
        prefix: str = "v1",
        query: Query | None = None,
        body: Json = None,
        form: Mapping[str, str] | aiohttp.FormData | None = None,
        authenticated: bool = True,
        changes: bool = False,
        is_list: bool = False,
    ) -> T:
        """Send one request and return what `read` makes of the response's JSON.

        `changes` marks a request that changes something. A failed request without
        `changes` never counts as one that may have run. `is_list`: what people write
        can make the response long.
        """
        url = self.url(*path, prefix=prefix)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        options: dict[str, Any] = {"data": form, "middlewares": ()}
        if authenticated:
            headers |= self.authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
            options["data"] = json.dumps(body, ensure_ascii=False).encode()
        if changes:
            options["middlewares"] = (_no_resend(),)
        is_upload = isinstance(form, aiohttp.FormData)
        try:
            status, received, raw = await self._exchange(
                _open(self._sessions.changing) if changes else self.session,
                method,
                url,
                timeout=FILE_TIMEOUT if is_upload else REQUEST_TIMEOUT,
                max_size=MAX_LIST_SIZE if is_list else MAX_BODY_SIZE,
                params=query,
                headers=headers,
                **options,
            )
            if status >= 300:
                raise error_of_status(status, raw, received)
            if asks_for_login(status, raw, received):
                raise ProxyLoginError(status)
            answer = await parse_list(raw) if raw and is_list else parse_body(raw)
            try:
                return read(answer)
            except UnreadableAnswerError:
                self.unrecognized.add("response", path[0], answer)
                raise
        except BeeperError as err:
            err.may_have_run = changes and err.may_have_run
            if isinstance(err, RouteAbsentError):
                err.is_beeper = self.is_beeper
            raise

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: URL,
        *,
        timeout: float,
        max_size: int,
        **options: Any,
    ) -> tuple[int, Mapping[str, str], bytes | None]:
        """Return status, headers and body, None if that of a refusal got lost.

        The texts of aiohttp's errors contain URLs and are dropped.
        """
        status = 0
        received: Mapping[str, str] = {}
        try:
            async with (
                asyncio.timeout(timeout),
                session.request(
                    method,
                    url,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT),
                    **options,
                ) as response,
            ):
                status, received = response.status, response.headers
                self._read_headers(received)
                return status, received, await read_body(response, max_size)
        except (
            TimeoutError,
            UnicodeError,
            UnreadableAnswerError,
            aiohttp.ClientError,
        ) as err:
            if status >= 300:  # A refusal stays a refusal, even without its reason.
                return status, received, None
            raise error_of_exchange(err) from None

    @asynccontextmanager
    async def open(
        self, *path: str, query: Query
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a file for download; errors while reading it are mapped as well."""
        try:
            async with (
                asyncio.timeout(FILE_TIMEOUT),
                self.session.get(
                    self.url(*path),
                    params=query,
                    headers={"Accept-Encoding": "identity", **self.authorization},
                    allow_redirects=False,
                    middlewares=(),
                    timeout=aiohttp.ClientTimeout(
                        connect=_CONNECT_TIMEOUT, sock_read=REQUEST_TIMEOUT
                    ),
                ) as response,
            ):
                if response.status >= 300:
                    raise error_of_status(
                        response.status, await read_body(response), response.headers
                    )
                if response.status != HTTPStatus.OK:
                    raise UnreadableAnswerError("not the whole file")
                yield response
        except (TimeoutError, UnicodeError, aiohttp.ClientError) as err:
            raise error_of_exchange(err) from None

    def _read_headers(self, headers: Mapping[str, str]) -> None:
        """Update the server's version and clock offset."""
        self.version = headers.get("X-Beeper-Desktop-Version", self.version)
        value = headers.get("Date", "")
        if value == self._date:
            # Dates have whole seconds: the first response of a second is the closest.
            return
        self._date = value
        with suppress(ValueError, OverflowError):
            date = parsedate_to_datetime(value)
            if date.tzinfo is None:  # "-0000" or no zone: HTTP dates are in GMT.
                date = date.replace(tzinfo=UTC)
            # With others, times of messages could not be calculated.
            if _FIRST_YEAR <= date.year <= _LAST_YEAR:
                self._stated_time = date, monotonic()


def _open(session: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """Return a session; raise CannotConnectError while Home Assistant stops."""
    if session.closed:
        raise CannotConnectError("no session")
    return session


def _no_resend() -> aiohttp.ClientMiddlewareType:
    """Return a middleware that keeps aiohttp from sending a PUT or DELETE again."""
    failed: list[aiohttp.ClientError] = []

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if failed:
            raise failed[0]
        try:
            return await handler(request)
        except aiohttp.ClientError as err:
            failed.append(err)
            raise

    return send
