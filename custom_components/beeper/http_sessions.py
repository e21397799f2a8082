"""HTTP sessions of the clients; they outlive reloads of config entries."""

from typing import cast, override

from aiohttp.abc import AbstractResolver, ResolveResult

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import (
    HomeAssistantTCPConnector,
    async_get_clientsession,
)
from homeassistant.util import ssl as ssl_util

from .api.transport import Sessions
from .data import get_data


class _Resolver(AbstractResolver):
    """Resolves as Home Assistant does: `.local` names, too."""

    def __init__(self, connector: HomeAssistantTCPConnector) -> None:
        self._connector = connector

    @override
    async def resolve(
        self, host: str, port: int = 0, family: int = 0
    ) -> list[ResolveResult]:
        results = await self._connector.async_resolve_host(host)
        return [ResolveResult(**{**result, "port": port}) for result in results]

    @override
    async def close(self) -> None:
        """Leave the connector to Home Assistant."""


@callback
def async_get_sessions(hass: HomeAssistant, verify_ssl: bool) -> Sessions:
    """Return the sessions for servers whose certificates are verified or not."""
    known = get_data(hass).sessions
    if verify_ssl not in known:
        reading = async_get_clientsession(hass, verify_ssl)
        connector = cast("HomeAssistantTCPConnector", reading.connector)
        known[verify_ssl] = sessions = Sessions.like(
            reading,
            ssl=ssl_util.client_context()
            if verify_ssl
            else ssl_util.client_context_no_verify(),
            resolver=_Resolver(connector),
        )

        async def close(_: Event) -> None:
            # It stays known: nobody would close another one.
            await sessions.changing.close()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close)
    return known[verify_ssl]
