"""HTTP responses, or failures to get one, as JSON values and exceptions.

A hostile or broken server can neither raise anything else nor exhaust the memory.
"""

import asyncio
import codecs
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
    TooLongAnswerError,
    UnreadableAnswerError,
)
from .requests import WIRE_NAMES, Json

MAX_BODY_SIZE: Final = 4 * 1024 * 1024
"""Bytes."""

MAX_LIST_SIZE: Final = 12 * 1024 * 1024
"""Bytes of a list that people fill: 25 texts of 64 kB, of quotes that become `&quot;`."""

_FIRST_PART: Final = 64 * 1024
"""Bytes."""

_ITEMS: Final = re.compile(
    rb'\s*\{\s*(?:"\w+"\s*:\s*(?:\w+|"[^"\\]*")\s*,\s*)*"items"\s*:\s*\[\s*'
)
"""How a list begins, up to its first item."""

_COMMA: Final = re.compile(rb"\s*,?\s*")
_STRING: Final = re.compile(rb'"[^"]*"?')
_DECODER: Final = json.JSONDecoder()

_MAX_VALUES: Final = 250_000
"""Maximum number of values in a body: three bytes, `{},`, become 200 in memory."""

_NOT_LOADED: Final = re.compile(
    r"not (?:yet )?(?:loaded|ready|initiali[sz]ed)|still (?:loading|initiali[sz]ing)",
    re.IGNORECASE,
)
"""Error texts for an account that is not loaded; the status varies."""

_CLOUDFLARE: Final = frozenset((*range(520, 528), 530))
"""Statuses that only Cloudflare has, for a server that it cannot reach."""

GATEWAY_STATUSES: Final = _CLOUDFLARE | {
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
"""Statuses of a proxy that gets no answer from Beeper; Beeper has some of them too."""

_PROXY: Final = re.compile(
    r"apache|caddy|cloudflare|envoy|haproxy|nginx|openresty|traefik", re.IGNORECASE
)
"""How the `Server` header of a proxy begins; some answer without any body."""

_HTML: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL
)
_LOGIN_PAGE: Final = re.compile(
    rb"type=[\"']?password|\blog[ -]?(?:in|on)\b|\bsign[ -]?(?:in|on)\b|anmeld|\binlog"
    rb"|connexion|iniciar sesi"
    rb"|authelia|authentik|cloudflareaccess|cloudflare access|keycloak|oauth2|openid|saml",
    re.IGNORECASE,
)
"""What an HTML page contains that asks for a log-in."""

_LOGIN_URL: Final = re.compile(
    r"(?:^|/)(?:log-?in|log-?on|sign[-_]?in|\.?auth|authori[sz]e|authenticate|oauth2?|sso|saml2?"
    r"|adfs|cas|sessions?/new|cdn-cgi/access|realms|outpost\.goauthentik\.io)(?:[/?.]|$)"
    r"|^(?:https?:)?//(?:auth[nz]?|authelia|authentik|authenticate|login|sign-?in|sso|oauth2?"
    r"|idp|id|keycloak|accounts?)\."
    r"|cloudflareaccess\.com|[?&](?:rd|rm|redirect|redirect_ur[il]|return_?(?:to|ur[il])"
    r"|next|client_id|samlrequest|wa)=",
    re.IGNORECASE,
)
"""Login pages to which proxies redirect."""

ROUTES: Final = (
    "accounts|app|assets|bridges|chats|focus|info|labels|messages|oauth|search|ws"
)
"""The first parts of the API's paths below `/v1`, as a pattern."""

_ROUTE: Final = re.compile(rf"/v1/(?:{ROUTES})(?:[/?]|$)")

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


async def read_body(
    response: aiohttp.ClientResponse, max_size: int = MAX_BODY_SIZE
) -> bytes:
    """Return the complete body; raise TooLongAnswerError if it is too long."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > max_size:
            raise TooLongAnswerError("the answer is too long")
    return bytes(raw)


def parse_body(raw: bytes | None) -> Json:
    """Return the JSON, None if empty; raise UnreadableAnswerError if it is invalid."""
    if not raw:
        return None
    _check_values(raw)
    try:
        return json.loads(raw)
    except ValueError, RecursionError:
        raise UnreadableAnswerError("the answer is not JSON") from None


async def parse_list(raw: bytes) -> Json:
    """Return the JSON of a list; one that is longer than a body is read in parts."""
    if len(raw) <= MAX_BODY_SIZE:
        return parse_body(raw)
    _check_values(raw)
    if not (beginning := _ITEMS.match(raw)):
        raise TooLongAnswerError("the answer is too long")
    items: list[Json] = []
    position = beginning.end()
    while raw[position : position + 1] == b"{":
        item, position = _parse_item(raw, position)
        items.append(item)
        if comma := _COMMA.match(raw, position):
            position = comma.end()
        await asyncio.sleep(0)  # Let other tasks run.
    if len(raw) - position > MAX_BODY_SIZE:
        raise TooLongAnswerError("the answer is too long")
    rest = parse_body(raw[: beginning.end()] + raw[position:])
    return {**rest, "items": items} if isinstance(rest, dict) else rest


def _parse_item(raw: bytes, begin: int) -> tuple[Json, int]:
    """Return the object at a position, and where it ends."""
    size = _FIRST_PART
    while True:
        part = raw[begin : begin + size]
        try:
            # A character may be cut at the end, but not be wrong in the middle.
            text = codecs.getincrementaldecoder("utf-8")().decode(part)
            item, end = _DECODER.raw_decode(text)
        except ValueError, RecursionError:
            if len(part) < size:
                raise UnreadableAnswerError("the answer is not JSON") from None
            size *= 4
            if size > MAX_BODY_SIZE:
                raise TooLongAnswerError("an item is too long") from None
        else:
            return item, begin + len(text[:end].encode())


def _check_values(raw: bytes) -> None:
    """Raise TooLongAnswerError if parsing would take too much time and memory.

    Parsing blocks all threads and cannot be interrupted.
    """
    if _count_values(raw) <= _MAX_VALUES:
        return
    # People may write as many commas and brackets as they like.
    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') <= 4 * _MAX_VALUES:
        bare = _STRING.sub(b"", bare)
        if _count_values(bare) <= _MAX_VALUES:
            return
    raise TooLongAnswerError("the answer has too many values")


def _count_values(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


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
        by_proxy=status in _CLOUDFLARE
        or (
            status in GATEWAY_STATUSES
            and not error
            and (bool(raw) or _is_of_proxy(headers or {}))
        ),
    )


def _is_of_proxy(headers: Mapping[str, str]) -> bool:
    return "Via" in headers or bool(_PROXY.match(headers.get("Server", "")))


def asks_for_login(status: int, raw: bytes | None, headers: Mapping[str, str]) -> bool:
    """Return whether a proxy asks for a log-in instead of passing the request on.

    Beeper itself answers in JSON or plain text, and takes nothing but bearer tokens.
    """
    is_page = bool(raw and (_HTML.match(raw) or _is_html(raw, headers)))
    if status in (
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED,
    ):
        return True
    if status == HTTPStatus.UNAUTHORIZED:
        schemes = " ".join(
            value.casefold()
            for name, value in headers.items()
            if name.casefold() == "www-authenticate"
        )
        return (
            is_page
            or bool(schemes and "bearer" not in schemes)
            # Authelia names its login page even so, oauth2-proxy does not.
            or "Location" in headers
            or raw == b"{}"
        )
    if 300 <= status < 400:
        location = headers.get("Location", "")
        is_moved = _ROUTE.search(location.partition("?")[0])
        return not is_moved and bool(_LOGIN_URL.search(location))
    return (
        status in (HTTPStatus.OK, HTTPStatus.FORBIDDEN)
        and is_page
        and bool(raw and _LOGIN_PAGE.search(raw))
    )


def _is_html(raw: bytes, headers: Mapping[str, str]) -> bool:
    """Return whether a body is declared as HTML, and may be some."""
    declared = headers.get("Content-Type", "").casefold()
    is_html = declared.startswith(("text/html", "application/xhtml"))
    return is_html and raw.lstrip()[:1] not in (b"{", b"[")


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
