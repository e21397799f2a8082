"""The first connection to a server: address, token, accounts and user."""

from dataclasses import dataclass
import re
from typing import Any, Final

from yarl import URL

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Account
from ..const import CONF_USER_ID

# The path of a copied request URL, and trailing slashes.
_API_PATH: Final = re.compile(r"/*(/v1(/info)?)?/*$")

# The field of each error; other errors concern the whole form.
_FIELDS: Final = {
    "cannot_connect": CONF_URL,
    "connection_lost": CONF_URL,
    "not_beeper": CONF_URL,
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
    "unreadable",
}


@dataclass(kw_only=True, repr=False, eq=False)
class _ValidatedServer:
    """A server that answered, with the entry data to connect to it."""

    data: dict[str, Any]
    accounts: tuple[Account, ...]
    scopes: frozenset[str] | None


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ConnectedServer:
    """A server that answered, with the entry data to connect to it."""

    data: dict[str, Any]
    accounts: tuple[Account, ...]
    scopes: frozenset[str] | None


async def async_connect(
    hass: HomeAssistant, url: str, token: str, *, verify_ssl: bool, user_id: str | None
) -> ConnectedServer | dict[str, str]:
    """Connect to a server; return translation keys of errors by field on failure.

    With a `user_id`, the server must belong to that Beeper user.
    """
    if not token or not token.isascii() or not token.isprintable():
        return {CONF_TOKEN: "token_refused"}
    client = BeeperClient(async_get_clientsession(hass, verify_ssl), url, token)
    try:
        await client.identify()
        accounts = await client.accounts()
        scopes = await client.scopes()
        found_id = await client.user_id(accounts)
    except BeeperError as err:
        key, _ = errors.translation(err)
        key = "not_beeper" if key in _NOT_BEEPER else key
        return {_FIELDS.get(key, "base"): key}
    if user_id and found_id and not _is_same_user(user_id, found_id):
        return {"base": "wrong_user"}
    return ConnectedServer(
        data={
            CONF_URL: url,
            CONF_TOKEN: token,
            CONF_VERIFY_SSL: verify_ssl,
            CONF_USER_ID: found_id or user_id,
        },
        accounts=accounts,
        scopes=scopes,
    )


def _is_same_user(known: str, user_id: str) -> bool:
    """Compare IDs of Beeper users; some servers report the bare localpart."""
    if ":" in known and ":" in user_id:
        return known == user_id
    first, second = (
        name.removeprefix("@").partition(":")[0] for name in (known, user_id)
    )
    return first == second


def normalise_url(text: str) -> str | None:
    """Return the normalised address of a server, None if malformed.

    Accepts addresses without a scheme, with an API path or with a trailing slash.
    """
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = URL(text)
        if url.scheme not in ("http", "https") or not url.host or not url.port:
            return None
        if url.user or url.password or url.query_string or url.fragment:
            return None
        server = URL.build(
            scheme=url.scheme,
            host=url.host,
            port=None if url.is_default_port() else url.port,
        )
        path = _API_PATH.sub("", url.raw_path)
        return str(server.with_path(path, encoded=True)) if path else str(server)
    except ValueError:
        return None
