"""Proxies between Home Assistant and Beeper: each error names its cause."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api import stream
from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat, send, sent
from tests.helpers.certificates import Certificate
from tests.helpers.flows import TEXTS, suggested
from tests.helpers.proxy import LOGINS, Proxy, page, redirect
from tests.helpers.servers import TOKEN, add_entry
from tests.helpers.waiting import poll, until
from tests.helpers.world import KIM

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
async def proxy(simulator: Simulator) -> AsyncIterator[Proxy]:
    async with Proxy(simulator.url) as proxy:
        yield proxy


@pytest.fixture
async def behind(
    hass: HomeAssistant, proxy: Proxy, simulator: Simulator
) -> AsyncIterator[MockConfigEntry]:
    """Return an entry for the simulator behind the proxy, set up."""
    entry = add_entry(hass, proxy.url)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def set_up(hass: HomeAssistant, url: str, flow_id: str | None = None) -> Any:
    """Fill the first form."""
    flows = hass.config_entries.flow
    if flow_id is None:
        context: Any = {"source": SOURCE_USER}
        flow_id = (await flows.async_init(DOMAIN, context=context))["flow_id"]
    values = {"url": url, "token": TOKEN, "verify_ssl": True}
    result: Any = await flows.async_configure(flow_id, values)
    for error in (result["errors"] or {}).values():
        assert error in TEXTS["config"]["error"]
    return result


def reauths(hass: HomeAssistant) -> list[Any]:
    return [
        flow
        for flow in hass.config_entries.flow.async_progress()
        if flow["context"]["source"] == "reauth"
    ]


def no_events(hass: HomeAssistant, entry: MockConfigEntry) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"no_events_{entry.entry_id}")


async def test_a_proxy_that_does_its_work_goes_unnoticed(
    hass: HomeAssistant, behind: MockConfigEntry, proxy: Proxy, simulator: Simulator
) -> None:
    await until(lambda: simulator.hub.connections)
    assert (await send(hass))["chat_id"] == KIM
    assert not ir.async_get(hass).issues


# No WebSockets


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "silent",
        "closed",
        lambda request: page(400, "Bad Request"),
        lambda request: page(404, "Not Found"),
        lambda request: page(426, "Upgrade Required"),
        lambda request: web.json_response({"ok": True}),
        lambda request: page(503, "Unavailable"),
    ],
    ids=[
        "forwarded_without_upgrade",
        "accepted_and_silent",
        "accepted_and_closed",
        "400",
        "404",
        "426",
        "200",
        "503",
    ],
)
async def test_missing_websockets_are_an_issue_until_they_work(
    hass: HomeAssistant,
    behind: MockConfigEntry,
    proxy: Proxy,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
) -> None:
    monkeypatch.setattr(stream, "_FIRST_FRAME_TIMEOUT", 0.05)
    proxy.websockets = answer is not None
    if answer == "silent" or answer == "closed":  # noqa: PLR1714 - for the type
        proxy.accepted = answer
    elif answer:
        proxy.answer = lambda request: (
            answer(request) if request.path.endswith("/ws") else None
        )
    simulator.faults.add("ws_close", times=1)
    simulator.incoming(KIM, None, "This ends the stream")
    for connection in list(simulator.hub.connections):
        await connection.socket.close()

    await until(lambda: no_events(hass, behind))
    issue = no_events(hass, behind)
    assert issue
    assert issue.translation_placeholders == {"server": "Beeper"}
    assert (await send(hass))["chat_id"] == KIM

    proxy.websockets, proxy.accepted, proxy.answer = True, None, lambda _: None
    monkeypatch.setattr(stream, "_FIRST_FRAME_TIMEOUT", 10)
    await until(lambda: no_events(hass, behind) is None)


async def test_an_unreachable_server_raises_another_issue(
    hass: HomeAssistant, behind: MockConfigEntry, proxy: Proxy, simulator: Simulator
) -> None:
    proxy.answer = lambda _: page(502, "Bad Gateway")
    await poll(hass, behind)
    for connection in list(simulator.hub.connections):
        await connection.socket.close()
    proxy.seen.clear()

    await until(lambda: len(proxy.seen) > 20)

    assert no_events(hass, behind) is None


async def test_the_issue_goes_with_the_entry(
    hass: HomeAssistant, proxy: Proxy, simulator: Simulator
) -> None:
    proxy.websockets = False
    entry = add_entry(hass, proxy.url)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: no_events(hass, entry))

    await hass.config_entries.async_remove(entry.entry_id)

    assert no_events(hass, entry) is None


# 413


@pytest.mark.parametrize(
    ("size", "says"), [(3_000_000, "3.0 MB"), (1_250_000, "1.2 MB")]
)
async def test_file_that_is_too_large_for_the_proxy(
    hass: HomeAssistant,
    behind: MockConfigEntry,
    proxy: Proxy,
    simulator: Simulator,
    tmp_path: Path,
    size: int,
    says: str,
) -> None:
    proxy.max_size = 1_000_000
    file = tmp_path / "film.mp4"
    file.write_bytes(b"x" * size)
    hass.config.allowlist_external_dirs = {str(tmp_path)}

    with pytest.raises(HomeAssistantError, match=f"the file of {says} is too large"):
        await send(hass, message=None, attachment=str(file))

    assert sent(simulator) == 0


async def test_text_that_is_too_large_for_the_proxy(
    hass: HomeAssistant, behind: MockConfigEntry, proxy: Proxy, simulator: Simulator
) -> None:
    proxy.max_size = 100
    with pytest.raises(HomeAssistantError, match="too large for the server"):
        await send(hass, message="x" * 200)
    assert sent(simulator) == 0


# Redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("prefix", ["", "/beeper", "/my/beeper"])
async def test_where_an_address_leads_is_filled_in(
    hass: HomeAssistant, simulator: Simulator, status: int, prefix: str
) -> None:
    def strip(request: web.Request) -> web.Response | None:
        """Redirect to the prefix, which the target does not have itself."""
        if not request.path.startswith(prefix) or not prefix:
            return page(status, "Moved", {"Location": f"{prefix}{request.path_qs}"})
        return None

    async with Proxy(simulator.url) as target:
        location = redirect(lambda request: f"{target.url}{request.path_qs}", status)
        async with Proxy(simulator.url, location) as first:
            result = await set_up(hass, first.url)

            assert result["errors"] == {"url": "redirected"}
            assert suggested(result) == {
                "url": target.url,
                "token": TOKEN,
                "verify_ssl": True,
            }
            assert target.seen == []
            assert {token for *_, token in first.seen} == {None}

            result = await set_up(hass, target.url, result["flow_id"])
            assert result["step_id"] == "account"
            assert {token for *_, token in target.seen} == {None, f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://beeper.example/v1/info", "https://beeper.example"),
        ("https://beeper.example/", "https://beeper.example"),
        ("https://beeper.example:8443/x/v1/info?a=b", "https://beeper.example:8443/x"),
        ("/beeper/v1/info", "{proxy}/beeper"),
        ("/beeper/", "{proxy}/beeper"),
        ("//other.example/v1/info", "http://other.example"),
    ],
)
async def test_addresses_that_redirects_lead_to(
    hass: HomeAssistant, simulator: Simulator, location: str, url: str
) -> None:
    async with Proxy(simulator.url, redirect(lambda _: location)) as proxy:
        result = await set_up(hass, proxy.url)
        assert result["errors"] == {"url": "redirected"}
        assert suggested(result)["url"] == url.format(proxy=proxy.url)


@pytest.mark.parametrize("location", ["", "ftp://x.example/", "http://[", "/v1/info"])
async def test_redirects_that_lead_nowhere(
    hass: HomeAssistant, simulator: Simulator, location: str
) -> None:
    async with Proxy(simulator.url, redirect(lambda _: location)) as proxy:
        result = await set_up(hass, proxy.url)
        assert result["errors"] == {"url": "not_beeper"}
        assert suggested(result)["url"] == proxy.url


async def test_the_token_never_follows_a_redirect_afterwards(
    hass: HomeAssistant, behind: MockConfigEntry, proxy: Proxy, simulator: Simulator
) -> None:
    async with Proxy(simulator.url) as target:
        proxy.answer = redirect(lambda request: f"{target.url}{request.path_qs}", 307)

        await poll(hass, behind)
        with pytest.raises(HomeAssistantError, match="redirects to another one"):
            await send(hass)
        with pytest.raises(HomeAssistantError, match="redirects to another one"):
            await call_action(hass, "list_chats")

        assert target.seen == []
    assert sent(simulator) == 0
    assert reauths(hass) == []


# Log-ins


@pytest.mark.parametrize("login", LOGINS)
async def test_log_in_of_a_proxy_at_set_up(
    hass: HomeAssistant, simulator: Simulator, login: str
) -> None:
    async with Proxy(simulator.url, LOGINS[login]) as proxy:
        result = await set_up(hass, proxy.url)

        assert result["errors"] == {"url": "proxy_login"}
        assert suggested(result)["token"] == TOKEN
        proxy.answer = lambda _: None
        result = await set_up(hass, proxy.url, result["flow_id"])
        assert result["step_id"] == "account"


@pytest.mark.parametrize("login", LOGINS)
async def test_log_in_of_a_proxy_later(
    hass: HomeAssistant,
    behind: MockConfigEntry,
    proxy: Proxy,
    simulator: Simulator,
    login: str,
) -> None:
    proxy.answer = LOGINS[login]

    await poll(hass, behind)
    with pytest.raises(HomeAssistantError, match="requires a login"):
        await send(hass)
    with pytest.raises(HomeAssistantError, match="requires a login"):
        await create_chat(hass, user={"phone_number": "+15550101009"})
    with pytest.raises(HomeAssistantError, match="requires a login"):
        await call_action(hass, "list_chats")
    with pytest.raises(HomeAssistantError, match="requires a login"):
        await call_action(hass, "mark_read", chat_id=KIM)

    assert reauths(hass) == [], "the token may still be valid"
    assert simulator.executed == []
    proxy.answer = lambda _: None
    await poll(hass, behind)
    assert behind.runtime_data.last_update_success
    assert (await send(hass))["chat_id"] == KIM


@pytest.mark.parametrize("profile", ["4.1.294", "latest", "easymatrix-0.3.0"])
async def test_the_servers_own_refusal_still_doubts_the_token(
    hass: HomeAssistant, behind: MockConfigEntry, simulator: Simulator
) -> None:
    simulator.tokens.clear()
    with pytest.raises(HomeAssistantError, match="no longer accepts"):
        await send(hass)
    await until(lambda: reauths(hass))  # The token is refused again.
    assert len(reauths(hass)) == 1


# The other scheme


async def test_https_on_a_http_port(hass: HomeAssistant, simulator: Simulator) -> None:
    url = simulator.url.replace("http:", "https:")

    result = await set_up(hass, url)

    assert result["errors"] == {"url": "other_scheme"}
    assert suggested(result)["url"] == simulator.url
    assert [request.path for request in simulator.requests] == ["/v1/info"]
    result = await set_up(hass, simulator.url, result["flow_id"])
    assert result["step_id"] == "account"


@pytest.mark.parametrize("aborts", [False, True])
async def test_https_on_the_port_of_a_server_that_just_closes(
    hass: HomeAssistant, aborts: bool
) -> None:
    """It says nothing to who speaks TLS, neither that it does not."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.read(4096)).startswith(b"GET "):
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
        elif aborts:
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        result = await set_up(hass, f"https://{address}")

    assert result["errors"] == {"url": "other_scheme"}
    assert suggested(result)["url"] == f"http://{address}"


@pytest.mark.usefixtures("half_handshakes")
async def test_http_on_a_tls_port(
    hass: HomeAssistant, certificate: Certificate
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        result = await set_up(hass, simulator.url.replace("https:", "http:"))

        assert result["errors"] == {"url": "other_scheme"}
        assert suggested(result)["url"] == simulator.url
        assert simulator.requests == []


async def test_http_on_a_tls_port_of_nginx(
    hass: HomeAssistant, simulator: Simulator, certificate: Certificate
) -> None:
    """It answers in http that it wants https."""
    wants_tls = page(400, "400 The plain HTTP request was sent to HTTPS port")
    async with Proxy(simulator.url, lambda _: wants_tls) as proxy:
        result = await set_up(hass, proxy.url)
    # Nothing speaks TLS here, so there is nothing to offer.
    assert result["errors"] == {"url": "not_beeper"}


# 502, 503, 504


CLOUDFLARE = {"title": "Error 1033: tunnel error", "status": 530, "retryable": True}
"""What Cloudflare answers to a program that asks for JSON."""
GATEWAYS: dict[str, tuple[tuple[int, ...], Callable[[int], web.Response]]] = {
    "nginx": ((502, 503, 504), lambda status: page(status, "Bad Gateway")),
    "traefik": (
        (502, 503, 504),
        lambda status: web.Response(status=status, text="Bad Gateway"),
    ),
    "caddy": (
        (502, 503, 504),
        lambda status: web.Response(status=status, headers={"Server": "Caddy"}),
    ),
    "cloudflare": (
        (502, 504, 520, 521, 522, 523, 524, 525, 526, 527),
        lambda status: page(status, "Web server is down", {"Server": "cloudflare"}),
    ),
    "cloudflare_for_json": (
        (521, 530),
        lambda status: web.json_response(CLOUDFLARE, status=status),
    ),
}


@pytest.mark.parametrize("software", GATEWAYS)
async def test_proxy_is_there_and_beeper_is_not(
    hass: HomeAssistant,
    behind: MockConfigEntry,
    proxy: Proxy,
    simulator: Simulator,
    software: str,
) -> None:
    statuses, answer = GATEWAYS[software]
    for number, status in enumerate(statuses):
        proxy.answer = lambda _: answer(status)  # noqa: B023

        result = await set_up(hass, f"{proxy.url}/again")
        assert result["errors"] == {"url": "gateway"}
        with pytest.raises(HomeAssistantError, match="Beeper behind it does not"):
            await call_action(hass, "list_chats")
        with pytest.raises(HomeAssistantError, match="unknown whether"):
            await create_chat(hass, user={"phone_number": f"+155501010{number:02}"})
    await hass.config_entries.async_reload(behind.entry_id)
    assert behind.state is ConfigEntryState.SETUP_RETRY
    assert behind.error_reason_translation_key == "setup_gateway"
    assert reauths(hass) == []
    assert simulator.executed == []


async def test_a_502_of_beeper_is_not_a_proxy_error(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    body = {"message": "Upstream", "code": "BAD_GATEWAY"}
    simulator.faults.add("status_before", status=502, body=body, times=None)
    with pytest.raises(HomeAssistantError, match="reports an error"):
        await call_action(hass, "list_chats")
