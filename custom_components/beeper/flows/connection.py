"""The connection of a form to a server: its accounts, and whose it is."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from yarl import URL

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.hassio import is_hassio

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import (
    AnswerError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    RequestTimeoutError,
    TLSError,
)
from ..api.models import Account
from ..const import CONF_USER_ID
from ..http_sessions import async_get_sessions
from .address import DEFAULT_PORT, normalise_url

# Beeper on the same machine as Home Assistant, or as an app of its Supervisor, whose
# network has this gateway.
_LOCAL_HOSTS: Final = ("localhost", "host.docker.internal")
_SUPERVISOR_HOSTS: Final = ("172.30.32.1", "local-beeper", "local-beeper-server")
_LOCAL_TIMEOUT: Final = 1.0
"""Seconds for all local addresses together: the form waits for them."""

_COMPARISON_TIMEOUT: Final = 10.0
"""Seconds for reading chats of two servers: a server that is away is another one."""

# The field of each error; other errors concern the whole form.
_FIELDS: Final = {
    "cannot_connect": CONF_URL,
    "connection_lost": CONF_URL,
    "gateway": CONF_URL,
    "not_beeper": CONF_URL,
    "proxy_login": CONF_URL,
    "scope_missing": CONF_TOKEN,
    "timeout": CONF_URL,
    "tls_failed": CONF_URL,
    "token_refused": CONF_TOKEN,
}
# Errors that mean that the address does not lead to a Beeper API.
_NOT_BEEPER: Final = {
    "not_found",
    "rejected_fields",
    "redirected",
    "rejected",
    "route_absent",
    "route_absent_other",
    "too_large",
    "unreadable",
}


# Errors that mean that Beeper may be at another port.
_NOT_THERE: Final = {"cannot_connect", "not_beeper", "timeout"}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ConnectedServer:
    """A server that answered, with the entry data to connect to it."""

    data: dict[str, Any]
    accounts: tuple[Account, ...]
    scopes: frozenset[str] | None


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class OfferedAddress:
    """Another address for the user to confirm; the token was not sent there."""

    url: str
    reason: Literal["redirected", "other_scheme"]


async def async_find_local(hass: HomeAssistant, known: Collection[str]) -> str | None:
    """Return a local address where Beeper answers now and that is not `known`.

    The token is not known yet; the route needs none.
    """
    hosts = _LOCAL_HOSTS + (_SUPERVISOR_HOSTS if is_hassio(hass) else ())
    urls = [f"http://{host}:{DEFAULT_PORT}" for host in hosts]
    sessions = async_get_sessions(hass, verify_ssl=True)

    async def read_info(url: str) -> None:
        async with asyncio.timeout(_LOCAL_TIMEOUT):
            await BeeperClient(sessions, url, "").read_info()

    # Whatever fails, the user can enter the address.
    failures = await asyncio.gather(*map(read_info, urls), return_exceptions=True)
    for url, failure in zip(urls, failures, strict=True):
        if failure is None and url not in known:
            return url
    return None


async def async_connect(
    hass: HomeAssistant,
    urls: Sequence[str],
    token: str,
    *,
    verify_ssl: bool,
    stored: Mapping[str, Any] | None,
) -> ConnectedServer | OfferedAddress | dict[str, str]:
    """Connect to the server at the first of several addresses where Beeper answers.

    Returns translation keys of errors by field on failure, at the first address. With the
    `stored` data of an entry, the server must belong to the same user. Another address
    or token is refused while the server does not say whose it is.
    """
    if not token or not token.isascii() or not token.isprintable():
        return {CONF_TOKEN: "token_refused"}
    first: dict[str, str] | None = None
    for url in urls:
        found = await _async_connect(
            hass, url, token, verify_ssl=verify_ssl, stored=stored
        )
        if not isinstance(found, dict) or found.get(CONF_URL) not in _NOT_THERE:
            return found
        first = first or found
    return first or {CONF_URL: "invalid_url"}


async def _async_connect(
    hass: HomeAssistant,
    url: str,
    token: str,
    *,
    verify_ssl: bool,
    stored: Mapping[str, Any] | None,
) -> ConnectedServer | OfferedAddress | dict[str, str]:
    sessions = async_get_sessions(hass, verify_ssl)
    client = BeeperClient(sessions, url, token)
    try:
        await client.identify()
        accounts = await client.accounts()
        scopes = await client.scopes()
        found_id = await client.user_id(accounts)
    except BeeperError as err:
        if isinstance(err, AnswerError) and err.location is not None:
            target = _redirect_target(url, err.location)
            if target not in (None, url):
                return OfferedAddress(url=target, reason="redirected")
        elif _may_be_other_scheme(URL(url), err):
            other = _with_other_scheme(URL(url))
            if await _async_speaks_http(BeeperClient(sessions, other, "")):
                return OfferedAddress(url=other, reason="other_scheme")
        key, _ = errors.translation(err)
        key = "not_beeper" if key in _NOT_BEEPER else key
        return {_FIELDS.get(key, "base"): key}
    known_id = stored[CONF_USER_ID] if stored else None
    if (
        stored
        and known_id
        and (
            problem := _user_problem(
                known_id,
                found_id,
                is_same_server=stored[CONF_URL] == url,
                is_same_token=stored[CONF_TOKEN] == token,
            )
        )
    ):
        return {"base": problem}
    return ConnectedServer(
        data={
            CONF_URL: url,
            CONF_TOKEN: token,
            CONF_VERIFY_SSL: verify_ssl,
            CONF_USER_ID: known_id if _is_complete(known_id) else found_id or known_id,
        },
        accounts=accounts,
        scopes=scopes,
    )


def _user_problem(
    known_id: str, found_id: str | None, *, is_same_server: bool, is_same_token: bool
) -> str | None:
    """Return the error for a server whose user may be another one; None if it is not."""
    if found_id is None:
        return None if is_same_server and is_same_token else "user_unknown"
    is_complete = _is_complete(known_id) and _is_complete(found_id)
    if (is_complete and found_id != known_id) or (
        _localpart(found_id) != _localpart(known_id)
    ):
        return "wrong_user"
    return None if is_complete or is_same_server else "user_unknown"


async def async_is_same_server(
    hass: HomeAssistant, first: Mapping[str, Any], second: Mapping[str, Any]
) -> bool:
    """Return whether the data of two entries lead to one server and its user.

    Servers have no ID. But the numbers of chats belong to one installation of Beeper.
    """
    known_id = first[CONF_USER_ID]
    if not _is_complete(known_id) or known_id != second[CONF_USER_ID]:
        return False
    try:
        async with asyncio.timeout(_COMPARISON_TIMEOUT):
            numbers, others = await asyncio.gather(
                _async_chat_numbers(hass, first), _async_chat_numbers(hass, second)
            )
    except BeeperError, TimeoutError:
        return False
    common = numbers.keys() & others.keys()
    return bool(common) and all(numbers[chat] == others[chat] for chat in common)


async def _async_chat_numbers(
    hass: HomeAssistant, data: Mapping[str, Any]
) -> dict[str, str | None]:
    """Return the numbers of the last chats by ID; raises BeeperError."""
    sessions = async_get_sessions(hass, data[CONF_VERIFY_SSL])
    client = BeeperClient(sessions, data[CONF_URL], data[CONF_TOKEN])
    await client.identify()
    page = await client.chats()
    return {chat.id: chat.local_id for chat in page.items}


def _redirect_target(url: str, location: str) -> str | None:
    """Return the server that a request is redirected to, None if it is none."""
    try:
        target = URL(f"{url}/v1/info").join(URL(location))
        return normalise_url(str(target.with_query(None).with_fragment(None)))
    except ValueError:
        return None


def _may_be_other_scheme(url: URL, err: BeeperError) -> bool:
    """Return whether a server may fail like this because the scheme is wrong."""
    if url.scheme == "https":
        if isinstance(err, TLSError):
            return not err.is_untrusted
        # It may close the connection, or wait for a request that it understands.
        return isinstance(err, CannotConnectError) or (
            isinstance(err, RequestTimeoutError) and not err.may_have_run
        )
    return isinstance(err, ConnectionLostError) or (
        isinstance(err, AnswerError) and err.status == 400
    )


def _with_other_scheme(url: URL) -> str:
    scheme = "http" if url.scheme == "https" else "https"
    # A port that was not written is the same number in the other scheme.
    return str(url.with_scheme(scheme).with_port(url.port))


async def _async_speaks_http(client: BeeperClient) -> bool:
    """Return whether something answers that may be Beeper; the token is not sent."""
    try:
        await client.read_info()
    except AnswerError:
        return True
    except TLSError as err:
        return err.is_untrusted
    except BeeperError:
        return False
    return True


def _localpart(user_id: str) -> str:
    """Return the name of a user; some servers name theirs by it alone."""
    return user_id.removeprefix("@").partition(":")[0]


def _is_complete(user_id: str | None) -> bool:
    """Return whether an ID names its server; a bare localpart is many users' name."""
    return user_id is not None and ":" in user_id
