"""HTTP responses, or failures to get one, as JSON values and exceptions.

A hostile or broken server can neither raise anything else nor exhaust the memory.
"""

from collections.abc import Mapping
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
    NotLoadedError,
    ProxyLoginError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    UnreadableAnswerError,
)
from .requests import WIRE_NAMES, Json

MAX_BODY_SIZE: Final = 4 * 1024 * 1024
"""Bytes."""

_MAX_VALUES: Final = 250_000
"""Maximum number of values in a body: three bytes, `{},`, become 200 in memory."""

_NOT_LOADED: Final = re.compile(
    r"not (?:yet )?(?:loaded|ready|initiali[sz]ed)|still (?:loading|initiali[sz]ing)",
    re.IGNORECASE,
)
"""Error texts for an account that is not loaded; the status varies."""

_GATEWAY: Final = (
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_PROXY: Final = re.compile(
    r"apache|caddy|cloudflare|envoy|haproxy|nginx|openresty|traefik", re.IGNORECASE
)
"""How the `Server` header of a proxy begins; some answer without any body."""

_HTML: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL
)
_LOGIN_PAGE: Final = re.compile(
    rb"type=[\"']?password|\blog[ -]?(?:in|on)\b|\bsign[ -]?(?:in|on)\b|anmeld"
    rb"|authelia|authentik|cloudflareaccess|cloudflare access|keycloak|oauth2|openid|saml",
    re.IGNORECASE,
)
"""What an HTML page contains that asks for a log-in."""

_LOGIN_URL: Final = re.compile(
    r"/(?:log-?in|log-?on|sign[-_]?in|auth|oauth2?|sso|saml|cdn-cgi/access|realms"
    r"|outpost\.goauthentik\.io)(?:[/?.]|$)"
    r"|^https?://(?:auth|authelia|authentik|login|sso|idp|id|keycloak|accounts?)\."
    r"|cloudflareaccess\.com|[?&](?:rd|rm|redirect|redirect_uri|return_?to|next)=",
    re.IGNORECASE,
)
"""Login pages to which proxies redirect."""

_FIELD_NAMES: Final = {wire: name for name, wire in WIRE_NAMES.items()}


def error_of_exchange(err: Exception) -> BeeperError:
    """Return the error of an exchange without a complete response."""
    match err:
        case BeeperError():
            return err
        case aiohttp.ConnectionTimeoutError():
            return RequestTimeoutError(connecting=True)
        case TimeoutError():
            return RequestTimeoutError(connecting=False)
        case aiohttp.ClientConnectorCertificateError():
            return TLSError("no secure connection", is_untrusted=True)
        case aiohttp.ClientSSLError():
            return TLSError("no secure connection")
        case aiohttp.ClientConnectorError() | aiohttp.InvalidURL() | UnicodeError():
            return CannotConnectError("no connection")
        case _:
            return ConnectionLostError("connection lost")


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the complete body; raise UnreadableAnswerError if it is too long."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_BODY_SIZE:
            raise UnreadableAnswerError("the answer is too long")
    return bytes(raw)


def parse_body(raw: bytes | None) -> Json:
    """Return the JSON, None if empty; raise UnreadableAnswerError if it is invalid."""
    if not raw:
        return None
    # Parsing blocks all threads and cannot be interrupted, so limit it beforehand.
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > _MAX_VALUES:
        raise UnreadableAnswerError("the answer has too many values")
    try:
        return json.loads(raw)
    except ValueError, RecursionError:
        raise UnreadableAnswerError("the answer is not JSON") from None


def error_of_status(
    status: int, raw: bytes | None, headers: Mapping[str, str] | None = None
) -> AnswerError:
    """Return the error of an HTTP status; an unreadable body is ignored."""
    body: Json = None
    with suppress(UnreadableAnswerError):
        body = parse_body(raw)
    error = body if isinstance(body, dict) else {}
    code = error.get("code") if isinstance(error.get("code"), str) else None
    if asks_for_login(status, raw, headers or {}):
        return ProxyLoginError(status)
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthenticationError(status)
    if status == HTTPStatus.FORBIDDEN:
        missing = re.search(rb"missing:\s*(read|write)\b", raw or b"")
        return ForbiddenError(
            status, missing_scope=missing[1].decode() if missing else None
        )
    if status in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED) or (
        # An incomplete response proves nothing.
        status == HTTPStatus.NOT_FOUND and code is None and raw is not None
    ):
        return RouteAbsentError(status)
    if code == "TOOL_EXECUTION_ERROR" and _NOT_LOADED.search(str(error.get("message"))):
        return NotLoadedError(status)
    return AnswerError(
        status,
        code=code,
        fields=_rejected_fields(error.get("details")),
        location=(headers or {}).get("Location"),
        by_proxy=status in _GATEWAY
        and not error
        and (bool(raw) or _is_of_proxy(headers or {})),
    )


def _is_of_proxy(headers: Mapping[str, str]) -> bool:
    return "Via" in headers or bool(_PROXY.match(headers.get("Server", "")))


def asks_for_login(status: int, raw: bytes | None, headers: Mapping[str, str]) -> bool:
    """Return whether a proxy asks for a log-in instead of passing the request on.

    Beeper itself answers in JSON or plain text, and takes nothing but bearer tokens.
    """
    is_page = bool(raw and _HTML.match(raw))
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return True
    if status == HTTPStatus.UNAUTHORIZED:
        schemes = headers.get("WWW-Authenticate", "").casefold()
        return is_page or bool(schemes and "bearer" not in schemes)
    if 300 <= status < 400:
        location = headers.get("Location", "")
        is_moved = "/v1/" in location.partition("?")[0]
        return not is_moved and bool(_LOGIN_URL.search(location))
    return (
        status in (HTTPStatus.OK, HTTPStatus.FORBIDDEN)
        and is_page
        and bool(raw and _LOGIN_PAGE.search(raw))
    )


def _rejected_fields(details: Json) -> tuple[str, ...]:
    """Return the request fields that a validation error names.

    Beeper sends `{"issues": [{"path": ["body", "accountID"]}]}`, EasyMatrix a flat
    `{"accountID": "text"}`. Unknown names are left out, as they could be any text.
    """
    names: list[Json] = []
    if isinstance(details, dict):
        names += details
        issues = details.get("issues")
        for issue in issues if isinstance(issues, list) else []:
            path = issue.get("path") if isinstance(issue, dict) else None
            if isinstance(
                path, list
            ):  # The first item is the location; `query` is also a field.
                names += path[1:] if path[:1] == ["query"] and path[1:] else path
    return tuple(
        dict.fromkeys(
            _FIELD_NAMES[name]
            for name in names
            if isinstance(name, str) and name in _FIELD_NAMES
        )
    )
