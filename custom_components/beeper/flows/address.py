"""The address and token of a server, as users type or paste them."""

from ipaddress import IPv6Address
import re
from typing import Final

from yarl import URL

from ..api.http_responses import ROUTES
from ..validation import trimmed

DEFAULT_PORT: Final = 23373

# The path of a copied request URL, and trailing slashes.
_API_PATH: Final = re.compile(rf"/*(/v1(/({ROUTES})(/.*)?)?|(/v0)?/mcp)?/*$")
_WEBSOCKETS: Final = {"ws": "http", "wss": "https"}
"""Schemes in the documented address of the event stream."""

_QUOTES: Final = "\"'`<>“”„‘’‚«»"
"""Chats and documents put them around copied texts."""

# A copied header.
_TOKEN_PREFIX: Final = re.compile(r"(authorization\s*:\s*)?bearer\s+", re.IGNORECASE)


def _unquoted(text: str) -> str:
    """Return a pasted text without the quotes and invisible marks around it."""
    return trimmed(trimmed(text).strip(_QUOTES))


def clean_token(text: str) -> str:
    """Return a token without the header and the quotes that it was copied with."""
    text = _unquoted(text)
    return _TOKEN_PREFIX.sub("", text, count=1) if _TOKEN_PREFIX.match(text) else text


def addresses(text: str) -> list[str]:
    """Return the normalised addresses to try, empty if malformed.

    Without scheme and port, Beeper's own port comes first.
    """
    url = normalise_url(text)
    if url is None:
        return []
    parsed = URL(url)
    authority = _in_brackets(_unquoted(text)).partition("/")[0]
    if "://" in text or re.search(r":\d+$", authority.rpartition("]")[2]):
        return [url]
    return [str(parsed.with_port(DEFAULT_PORT)), url]


def _in_brackets(text: str) -> str:
    """Return an IPv6 address as it stands in a URL, any other text as it is."""
    try:
        return f"[{IPv6Address(text)}]"
    except ValueError:
        return text


def normalise_url(text: str) -> str | None:
    """Return the normalised address of a server, None if malformed.

    Accepts addresses without a scheme, of a request, or with a trailing slash.
    """
    text = _unquoted(text)
    if "://" not in text:
        text = f"http://{_in_brackets(text)}"
    try:
        url = URL(text)
        path = _API_PATH.sub("", url.raw_path)
        is_request = path != url.raw_path.rstrip("/")
        if is_request and url.scheme in _WEBSOCKETS:
            url = url.with_scheme(_WEBSOCKETS[url.scheme])
        if url.scheme not in ("http", "https") or not url.host or not url.port:
            return None
        if url.user or url.password:
            return None
        if (url.query_string or url.fragment) and not is_request:
            return None
        server = URL.build(
            scheme=url.scheme,
            host=url.host,
            port=None if url.is_default_port() else url.port,
        )
        return str(server.with_path(path, encoded=True)) if path else str(server)
    except ValueError:
        return None
