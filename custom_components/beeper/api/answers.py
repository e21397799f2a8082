"""What came back from a server, or why nothing did, as values and exceptions of ours.

Nothing a hostile or broken server sends raises anything else, or takes memory without
end.
"""

from contextlib import suppress
from http import HTTPStatus
import json
import re
from typing import Final

import aiohttp

from .exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    ForbiddenError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    UnreadableAnswerError,
)
from .models import WIRE_NAMES, Json

MAX_BODY: Final = 4 * 1024 * 1024
_MAX_VALUES: Final = 250_000
"""How many values a body may have: `{},` makes 200 bytes out of three."""

_FIELD_NAMES: Final = {wire: name for name, wire in WIRE_NAMES.items()}


def failure(err: Exception) -> BeeperError:
    """Say what an exchange without a whole answer means."""
    match err:
        case BeeperError():
            return err
        case aiohttp.ConnectionTimeoutError():
            return RequestTimeoutError(connecting=True)
        case TimeoutError():
            return RequestTimeoutError(connecting=False)
        case aiohttp.ClientSSLError():
            return TLSError("no secure connection")
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL() | UnicodeError():
            return CannotConnectError("no connection")
        case _:
            return ConnectionLostError("connection lost")


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body; raise UnreadableAnswerError if it has no end."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise UnreadableAnswerError("the answer is too long")
    return bytes(raw)


def parse_body(raw: bytes | None) -> Json:
    """Return the JSON, None for no body; raise UnreadableAnswerError if it is none."""
    if not raw:
        return None
    # Reading it cannot be interrupted, not even in another thread.
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MAX_VALUES:
        raise UnreadableAnswerError("the answer holds too much")
    try:
        return json.loads(raw)
    except ValueError, RecursionError:
        raise UnreadableAnswerError("the answer is no JSON") from None


def answer_error(status: int, raw: bytes | None) -> AnswerError:
    """Make the error of a status; a body that cannot be read is as good as none."""
    body: Json = None
    with suppress(UnreadableAnswerError):
        body = parse_body(raw)
    error = body if isinstance(body, dict) else {}
    code = error.get("code") if isinstance(error.get("code"), str) else None
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthenticationError(status)
    if status == HTTPStatus.FORBIDDEN:
        missing = re.search(rb"missing:\s*(read|write)\b", raw or b"")
        return ForbiddenError(
            status, missing_scope=missing[1].decode() if missing else None
        )
    if status in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED) or (
        # Half of an answer proves nothing.
        status == HTTPStatus.NOT_FOUND and code is None and raw is not None
    ):
        return RouteAbsentError(status)
    return AnswerError(status, code=code, fields=_fields(error.get("details")))


def _fields(details: Json) -> tuple[str, ...]:
    """Return which of our fields a validation error names.

    Beeper sends `{"issues": [{"path": ["body", "accountID"]}]}`, EasyMatrix a flat
    `{"accountID": "text"}`. What is no field of ours could be anything: left out.
    """
    names: list[Json] = []
    if isinstance(details, dict):
        names += details
        issues = details.get("issues")
        for issue in issues if isinstance(issues, list) else []:
            path = issue.get("path") if isinstance(issue, dict) else None
            if isinstance(path, list):  # It begins with a place, and `query` is one.
                names += path[1:] if path[:1] == ["query"] and path[1:] else path
    return tuple(
        dict.fromkeys(
            _FIELD_NAMES[name]
            for name in names
            if isinstance(name, str) and name in _FIELD_NAMES
        )
    )
