"""The whole way through a real nginx or Caddy, and the errors for their faults."""

import asyncio
from collections.abc import AsyncIterator, Iterator
import os
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import SOURCE_USER
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from tests.helpers.certificates import Certificate
from tests.helpers.repository import ROOT

from .conftest import OpenChat
from .home import RECOVERY_TIMEOUT, Home, wait_until
from .matrix import Person
from .nginx import Nginx, location
from .process import Process, free_port
from .servers import EasyMatrix

DOCUMENTED_URL = "http://192.168.1.20:23373"


@pytest.fixture
def nginx(folder: Path) -> Iterator[Nginx]:
    """Return an nginx that is not started yet."""
    if not os.environ.get("LIVE_NGINX"):
        pytest.skip("LIVE_NGINX is not set: there is no nginx")
    server = Nginx()
    yield server
    server.stop()


@pytest.fixture
async def empty(tmp_path: Path, hass_storage: dict[str, Any]) -> AsyncIterator[Home]:
    """Return a Home Assistant without a server."""
    home = Home(tmp_path)
    await home.start()
    yield home
    await home.stop()


async def fill(home: Home, server: EasyMatrix, url: str, flow_id: str = "") -> Any:
    """Fill the first form."""
    flow = home.hass.config_entries.flow
    if not flow_id:
        begun = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        flow_id = begun["flow_id"]
    data = {"url": url, "token": server.token, "verify_ssl": False}
    return await flow.async_configure(flow_id, data)


async def set_up(home: Home, server: EasyMatrix, url: str) -> None:
    result = await fill(home, server, url)
    assert not result["errors"]
    result = await home.hass.config_entries.flow.async_configure(
        result["flow_id"], {"account_id": server.account_id}
    )
    await home.hass.async_block_till_done()
    home.entry = result["result"]


def suggested_url(result: Any) -> str:
    return str(
        next(
            field.description["suggested_value"]
            for field in result["data_schema"].schema
            if field == "url"
        )
    )


def issues(home: Home) -> list[str]:
    registry = ir.async_get(home.hass)
    return [str(issue.translation_key) for issue in registry.issues.values()]


async def test_prefix_over_https_with_compression_and_short_connections(
    empty: Home,
    nginx: Nginx,
    beeper: EasyMatrix,
    bob: Person,
    open_chat: OpenChat,
    certificate: Certificate,
) -> None:
    nginx.start(
        f"ssl_certificate {certificate.file}; ssl_certificate_key {certificate.file};"
        "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;"
        "proxy_read_timeout 3s;" + location(beeper.url, "/my/beeper/"),
        listen="ssl",
    )
    chat_id = await open_chat(bob)
    await set_up(empty, beeper, f"https://127.0.0.1:{nginx.port}/my/beeper")

    for number in range(12):
        await bob.write(chat_id, f"in {number}")
        await empty.act("send_message", chat_id=chat_id, message=f"out {number}")
        await asyncio.sleep(1)

    await empty.wait_for_messages(12, seconds=RECOVERY_TIMEOUT)
    assert empty.texts() == [f"in {number}" for number in range(12)]
    sent = [text for text in await bob.texts(chat_id) if text.startswith("out")]
    assert sent == [f"out {number}" for number in range(12)]
    assert issues(empty) == []


def documented(language: str) -> str:
    """Return the settings that the documentation suggests."""
    page = (ROOT / "docs/support.md").read_text()
    return page.split(f"```{language}\n", 1)[1].split("```", 1)[0]


@pytest.fixture
def documented_nginx(nginx: Nginx, beeper: EasyMatrix, certificate: Certificate) -> str:
    """Start nginx with the documented settings; return its address."""
    _, _, server = documented("nginx").partition("{")
    lines = [
        line
        for line in server.rpartition("}")[0].splitlines()
        if line.split()[:1] not in (["listen"], ["server_name"])
    ]
    settings = re.sub(r"/etc/ssl/beeper\.\w+", str(certificate.file), "\n".join(lines))
    nginx.start(settings.replace(DOCUMENTED_URL, beeper.url), listen="ssl")
    return nginx.url.replace("http:", "https:")


@pytest.fixture
def documented_caddy(folder: Path, beeper: EasyMatrix) -> Iterator[str]:
    """Start Caddy with the documented settings, but without TLS; return its address."""
    caddy = os.environ.get("LIVE_CADDY")
    if not caddy:
        pytest.skip("LIVE_CADDY is not set: there is no Caddy")
    url = f"http://127.0.0.1:{free_port()}"
    settings = (
        documented("caddyfile")
        .replace("beeper.example.com", url)
        .replace(DOCUMENTED_URL.removeprefix("http://"), beeper.url.split("//")[1])
    )
    name = f"caddy-{url.rpartition(':')[2]}"
    file = folder / f"{name}.conf"
    file.write_text(f"{{\n\tadmin off\n}}\n{settings}")
    process = Process(
        name, (caddy, "run", "--adapter", "caddyfile", "--config", file), {}
    )
    process.start()
    yield url
    process.stop()


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
async def test_documented_settings(
    empty: Home,
    beeper: EasyMatrix,
    bob: Person,
    open_chat: OpenChat,
    request: pytest.FixtureRequest,
    proxy: str,
) -> None:
    """Large files, and messages at once."""
    url: str = request.getfixturevalue(f"documented_{proxy}")
    chat_id = await open_chat(bob)
    await set_up(empty, beeper, url)

    path = empty.write_file("film.bin", b"x" * 20_000_000)
    await empty.act("send_message", chat_id=chat_id, attachment=path)
    await bob.wait_for_events(chat_id)
    await bob.write(chat_id, "at once")
    await empty.wait_for_messages(seconds=10)

    assert issues(empty) == []


async def test_caddy_needs_no_settings(
    empty: Home, beeper: EasyMatrix, bob: Person, open_chat: OpenChat
) -> None:
    caddy = os.environ.get("LIVE_CADDY")
    if not caddy:
        pytest.skip("LIVE_CADDY is not set: there is no Caddy")
    port = free_port()
    file = Path(os.environ["LIVE_FOLDER"]) / f"Caddyfile-{port}"
    file.write_text(
        f"{{\n\tadmin off\n}}\nhttp://127.0.0.1:{port} {{\n\thandle_path /beeper/* "
        f"{{\n\t\treverse_proxy {beeper.url.removeprefix('http://')}\n\t}}\n}}\n"
    )
    command = (caddy, "run", "--adapter", "caddyfile", "--config", file)
    process = Process(f"caddy-{port}", command, {})
    process.start()
    try:
        chat_id = await open_chat(bob)
        await set_up(empty, beeper, f"http://127.0.0.1:{port}/beeper")
        path = empty.write_file("film.bin", b"x" * 3_000_000)
        await empty.act("send_message", chat_id=chat_id, attachment=path)
        await bob.write(chat_id, "at once")
        await empty.wait_for_messages()
        await bob.wait_for_events(chat_id)

        await asyncio.to_thread(beeper.process.stop)
        with pytest.raises(HomeAssistantError, match="Beeper behind it does not"):
            await empty.act("list_chats")
        await beeper.start()
    finally:
        process.stop()


async def test_missing_websockets_are_an_issue_until_they_work(
    empty: Home, nginx: Nginx, beeper: EasyMatrix, bob: Person, open_chat: OpenChat
) -> None:
    nginx.start(location(beeper.url, directives=""))
    await set_up(empty, beeper, nginx.url)
    await wait_until(lambda: "no_events" in issues(empty), "no issue", RECOVERY_TIMEOUT)

    await asyncio.to_thread(nginx.restart, location(beeper.url))
    await wait_until(lambda: not issues(empty), "an issue", RECOVERY_TIMEOUT)

    await bob.write(await open_chat(bob), "at once")
    await empty.wait_for_messages(seconds=10)


async def test_file_that_is_too_large(
    empty: Home, nginx: Nginx, beeper: EasyMatrix, bob: Person, open_chat: OpenChat
) -> None:
    nginx.start(location(beeper.url))
    chat_id = await open_chat(bob)
    await set_up(empty, beeper, nginx.url)
    path = empty.write_file("film.mp4", b"x" * 3_000_000)

    with pytest.raises(HomeAssistantError, match=r"file of 3\.0 MB is too large"):
        await empty.act("send_message", chat_id=chat_id, attachment=path)

    assert await bob.texts(chat_id) == []


@pytest.mark.parametrize("prefix", ["", "/beeper"])
async def test_redirect_is_offered(
    empty: Home,
    nginx: Nginx,
    beeper: EasyMatrix,
    certificate: Certificate,
    prefix: str,
) -> None:
    """To a prefix, or from http to https on another port."""
    other = Nginx()
    keys = (
        f"ssl_certificate {certificate.file}; ssl_certificate_key {certificate.file};"
    )
    other.start(keys + location(beeper.url, f"{prefix}/"), listen="ssl")
    target = f"https://127.0.0.1:{other.port}{prefix}"
    nginx.start(f"return 301 {target}$request_uri;")
    try:
        result = await fill(empty, beeper, nginx.url)

        assert result["errors"] == {"url": "redirected"}
        assert suggested_url(result) == target
        result = await fill(empty, beeper, target, result["flow_id"])
        assert result["step_id"].startswith("account")
    finally:
        other.stop()


@pytest.mark.parametrize(
    "directives",
    [
        'return 401; add_header WWW-Authenticate "Basic realm=x" always;',
        "auth_basic Restricted; auth_basic_user_file {folder}/nobody;",
        "return 401;",
        "return 302 https://auth.example.com/?rd=$scheme://$http_host$request_uri;",
        "default_type text/html; return 200 '<!doctype html><title>Sign in</title>';",
        # What Authelia answers to a program
        (
            "add_header Location https://auth.example.com/?rd=x always;"
            "default_type text/html; return 401 '<a href=x>401 Unauthorized</a>';"
        ),
    ],
    ids=["basic", "auth_basic", "401_page", "redirect", "page", "401_link"],
)
async def test_log_in_of_the_proxy(
    empty: Home,
    nginx: Nginx,
    beeper: EasyMatrix,
    bob: Person,
    open_chat: OpenChat,
    directives: str,
) -> None:
    (nginx.folder / "nobody").write_text("nobody:x\n")
    asks = directives.replace("{folder}", str(nginx.folder))
    chat_id = await open_chat(bob)
    nginx.start(asks + (location(beeper.url) if "auth_basic" in asks else ""))
    result = await fill(empty, beeper, nginx.url)
    assert result["errors"] == {"url": "proxy_login"}

    await asyncio.to_thread(nginx.restart, location(beeper.url))
    await set_up(empty, beeper, nginx.url)
    await asyncio.to_thread(
        nginx.restart, asks + (location(beeper.url) if "auth_basic" in asks else "")
    )
    await empty.entry.runtime_data.async_refresh()

    with pytest.raises(HomeAssistantError, match="requires a login"):
        await empty.act("send_message", chat_id=chat_id, message="Hi")

    flows = empty.hass.config_entries.flow.async_progress()
    assert not [flow for flow in flows if flow["context"]["source"] == "reauth"]
    assert await bob.texts(chat_id) == []


@pytest.mark.parametrize("given", ["http", "https"])
async def test_other_scheme_is_offered(
    empty: Home,
    nginx: Nginx,
    beeper: EasyMatrix,
    certificate: Certificate,
    given: str,
) -> None:
    keys = (
        f"ssl_certificate {certificate.file}; ssl_certificate_key {certificate.file};"
    )
    tls = given == "http"
    nginx.start(
        (keys if tls else "") + location(beeper.url), listen="ssl" if tls else ""
    )
    right = nginx.url.replace("http:", "https:") if tls else nginx.url
    wrong = nginx.url if tls else nginx.url.replace("http:", "https:")

    result = await fill(empty, beeper, wrong)

    assert result["errors"] == {"url": "other_scheme"}
    assert suggested_url(result) == right
    result = await fill(empty, beeper, right, result["flow_id"])
    assert result["step_id"].startswith("account")


async def test_proxy_is_there_and_beeper_is_not(
    empty: Home, nginx: Nginx, beeper: EasyMatrix, bob: Person
) -> None:
    nginx.start(location(beeper.url))
    await set_up(empty, beeper, nginx.url)
    await asyncio.to_thread(beeper.process.stop)

    result = await fill(empty, beeper, f"{nginx.url}/again")
    assert result["errors"] == {"url": "gateway"}
    with pytest.raises(HomeAssistantError, match="Beeper behind it does not"):
        await empty.act("list_chats")
    with pytest.raises(HomeAssistantError, match=r"unknown whether|behind it does not"):
        await empty.act("create_chat", user={"id": bob.id})

    await beeper.start()
    assert await bob.invitations() == {}
