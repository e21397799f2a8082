"""Every path through the flows over real sockets; flows succeed after any error."""

import asyncio
from collections.abc import AsyncIterator, Callable
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.flows import address, connection
from custom_components.beeper.flows.address import addresses, normalise_url
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    FlowType,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Person
from tests.helpers.certificates import Certificate
from tests.helpers.flows import TEXTS, check_texts, suggested
from tests.helpers.proxy import Proxy
from tests.helpers.servers import TOKEN, add_entry
from tests.helpers.waiting import until
from tests.helpers.world import KIM, PROFILES

pytestmark = pytest.mark.usefixtures("skipped_waits", "no_complaints")


STREAM = {101, None}  # While it is open, it has no status.
ENTRY_DATA = {
    "token": TOKEN,
    "verify_ssl": True,
    "account_id": "whatsapp",
    "user_id": "@me:beeper.com",
}

type Result = Any


async def begin(hass: HomeAssistant) -> Result:
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    check_texts(result, "config")
    return result


async def submit(hass: HomeAssistant, result: Result, **values: Any) -> Result:
    """Fill a form; errors must have a text and an existing field."""
    result = await hass.config_entries.flow.async_configure(result["flow_id"], values)
    if result["type"] is FlowResultType.FORM:
        check_texts(result, "config")
    if errors := result.get("errors"):
        assert result["type"] is FlowResultType.FORM
        assert errors.keys() <= {"base", *result["data_schema"].schema}
        assert {*errors.values()} <= TEXTS["config"]["error"].keys()
    return result


async def connect(hass: HomeAssistant, result: Result, url: str) -> Result:
    """Fill the first form rightly."""
    result = await submit(hass, result, url=url, token=TOKEN, verify_ssl=True)
    assert result["step_id"].startswith("account")
    assert not result["errors"]
    return result


async def finish(hass: HomeAssistant, result: Result) -> ConfigEntry:
    """Fill the second form rightly."""
    result = await submit(hass, result, account_id="whatsapp")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    entry: ConfigEntry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    return entry


def account_field(result: Result) -> Any:
    [selector] = result["data_schema"].schema.values()
    return selector.config


# Adding a server


@pytest.mark.parametrize(
    "profile", ["4.1.294", "4.2.557", "4.2.808", "latest", "easymatrix"]
)
async def test_server_is_added(hass: HomeAssistant, simulator: Simulator) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    assert result["step_id"] == "account"
    entry = await finish(hass, result)

    assert entry.data == {"url": simulator.url, **ENTRY_DATA}
    assert entry.options == {}
    assert entry.title == f"Beeper ({simulator.url.removeprefix('http://')})"
    assert entry.unique_id is None
    assert simulator.executed == []


async def test_server_is_added_from_the_browser(
    hass: HomeAssistant, simulator: Simulator, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "config", {})
    http = await hass_client()
    path = "/api/config/config_entries/flow"

    async def post(path: str, **data: Any) -> Any:
        response = await http.post(path, json=data)
        assert response.status == 200
        return await response.json()

    result = await post(path, handler=DOMAIN)
    assert not {"default", "description"} & result["data_schema"][0].keys()
    path += f"/{result['flow_id']}"
    result = await post(path, url=simulator.url, token="wrong", verify_ssl=True)
    assert result["errors"] == {"token": "token_refused"}
    result = await post(path, url=simulator.url, token=TOKEN, verify_ssl=True)
    assert result["step_id"] == "account"
    result = await post(path, account_id="telegram")
    assert result["type"] == "create_entry"
    assert "data" not in result

    path = "/api/config/config_entries/options/flow"
    result = await post(path, handler=result["result"]["entry_id"])
    assert [field["name"] for field in result["data_schema"]] == [
        "safety",
        "incoming",
        "voice",
    ]
    safety = {"read_only": True, "chats_per_hour": 5, "duplicate_window": 60}
    result = await post(
        f"{path}/{result['flow_id']}",
        safety=safety,
        incoming={"backlog_minutes": 60, "allowed_senders": ["Kim"]},
    )
    assert result["errors"] == {"base": "sender_uncertain"}
    result = await post(
        f"{path}/{result['flow_id']}",
        safety=safety,
        incoming={"backlog_minutes": 60, "allowed_senders": ["+15550101002"]},
        voice={},
    )
    assert result["type"] == "create_entry"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "garbage", "body": "<html>Router</html>"}, {"url": "not_beeper"}),
        ({"kind": "garbage", "body": '{"version": "1.0"}'}, {"url": "not_beeper"}),
        ({"kind": "garbage", "body": "[[]]"}, {"url": "not_beeper"}),
        ({"kind": "garbage", "body": "["}, {"url": "not_beeper"}),
        ({"kind": "garbage", "body": b"\xff"}, {"url": "not_beeper"}),
        ({"kind": "cut"}, {"url": "connection_lost"}),
        ({"kind": "drop_before"}, {"url": "connection_lost"}),
        ({"status": 301, "headers": {"Location": "/"}}, {"url": "not_beeper"}),
        ({"status": 308, "headers": {"Location": "/"}}, {"url": "not_beeper"}),
        ({"status": 400}, {"url": "not_beeper"}),
        (
            {"status": 400, "body": {"code": "X", "details": {"type": "no"}}},
            {"url": "not_beeper"},
        ),
        ({"status": 401}, {"token": "token_refused"}),
        ({"status": 403}, {"base": "forbidden"}),
        ({"status": 404}, {"url": "not_beeper"}),
        ({"status": 404, "body": "<h1>404</h1>"}, {"url": "not_beeper"}),
        ({"status": 404, "body": {"code": "X"}}, {"url": "not_beeper"}),
        ({"status": 405}, {"url": "not_beeper"}),
        ({"status": 408}, {"base": "server_error"}),
        ({"status": 409}, {"base": "conflict"}),
        ({"status": 429}, {"base": "rate_limited"}),
        ({"status": 500}, {"base": "server_error"}),
        ({"status": 501}, {"url": "not_beeper"}),
        ({"status": 502}, {"base": "server_error"}),
        ({"status": 503}, {"base": "server_error"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["*", "/v1/accounts"])
async def test_unexpected_answer(
    hass: HomeAssistant, simulator: Simulator, fault: Any, path: str, error: Any
) -> None:
    result = await begin(hass)
    simulator.faults.add(
        **{"kind": "status_before", "path": path, "times": None, **fault}
    )
    values = {"url": simulator.url, "token": TOKEN, "verify_ssl": True}

    result = await submit(hass, result, **values)

    assert result["errors"] == error
    assert suggested(result) == values  # nothing has to be typed again
    simulator.faults.clear()
    await finish(hass, await connect(hass, result, simulator.url))


async def test_nothing_listens(
    hass: HomeAssistant, simulator: Simulator, unused_tcp_port: int
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        url=f"http://127.0.0.1:{unused_tcp_port}",
        token=TOKEN,
        verify_ssl=True,
    )
    assert result["errors"] == {"url": "cannot_connect"}
    await finish(hass, await connect(hass, result, simulator.url))


@pytest.mark.parametrize("path", ["/v1/info", "/v1/accounts"])
async def test_response_timeout(
    hass: HomeAssistant,
    simulator: Simulator,
    skip_time: Callable[[float], None],
    path: str,
) -> None:
    result = await begin(hass)
    fault = simulator.faults.add("delay", path=path, seconds=3600)
    submitted = asyncio.create_task(
        submit(hass, result, url=simulator.url, token=TOKEN, verify_ssl=True)
    )
    await until(lambda: fault.hits)
    skip_time(31)
    result = await submitted
    assert result["errors"] == {"url": "timeout"}
    await finish(hass, await connect(hass, result, simulator.url))


@pytest.mark.usefixtures("half_handshakes")
async def test_self_signed_certificate(
    hass: HomeAssistant, certificate: Certificate
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        result = await begin(hass)
        values = {"url": simulator.url, "token": TOKEN}
        result = await submit(hass, result, **values, verify_ssl=True)
        assert result["errors"] == {"url": "tls_failed"}
        assert simulator.requests == []

        result = await submit(hass, result, **values, verify_ssl=False)
        entry = await finish(hass, result)

        assert entry.data["verify_ssl"] is False
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_https_against_a_http_server(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        url=simulator.url.replace("http:", "https:"),
        token=TOKEN,
        verify_ssl=True,
    )
    assert result["errors"] == {"url": "other_scheme"}
    assert suggested(result)["url"] == simulator.url
    await finish(hass, await connect(hass, result, simulator.url))


@pytest.mark.parametrize(
    ("fault", "error"),
    [("status_before", "other_scheme"), ("drop_before", "tls_failed")],
)
async def test_other_scheme_is_offered_where_http_is_spoken(
    hass: HomeAssistant, simulator: Simulator, fault: str, error: str
) -> None:
    """Also by a server that answers with an error, but not by one that hangs up."""
    simulator.faults.add(fault, path="/v1/info", times=None)
    result = await submit(
        hass,
        await begin(hass),
        url=simulator.url.replace("http:", "https:"),
        token=TOKEN,
        verify_ssl=True,
    )
    assert result["errors"] == {"url": error}


@pytest.mark.parametrize("profile", ["4.1.294", "latest", "easymatrix"])
@pytest.mark.parametrize("token", ["wrong", "dév", "a\nb", "  ", "Bearer", "Bearer x"])
async def test_token_is_wrong(
    hass: HomeAssistant, simulator: Simulator, token: str
) -> None:
    result = await submit(
        hass, await begin(hass), url=simulator.url, token=token, verify_ssl=True
    )
    assert result["errors"] == {"token": "token_refused"}
    await finish(hass, await connect(hass, result, simulator.url))


async def test_spaces_around_a_token_do_not_matter(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        url=simulator.url,
        token=f" {TOKEN}\n",
        verify_ssl=True,
    )
    assert (await finish(hass, result)).data["token"] == TOKEN


@pytest.mark.parametrize("profile", ["4.1.294", "latest", "easymatrix"])
async def test_token_may_not_read(hass: HomeAssistant, simulator: Simulator) -> None:
    simulator.tokens[TOKEN] = {"write"}
    result = await submit(
        hass, await begin(hass), url=simulator.url, token=TOKEN, verify_ssl=True
    )
    assert result["errors"] == {"token": "scope_missing"}

    simulator.tokens[TOKEN] = {"read", "write"}
    await finish(hass, await connect(hass, result, simulator.url))


@pytest.mark.parametrize(
    ("profile", "step"),
    [
        ("4.1.294", "account"),
        ("4.2.557", "account_read_only"),
        ("latest", "account_read_only"),
        ("easymatrix", "account_read_only"),
    ],
)
async def test_read_only_token_is_labelled(
    hass: HomeAssistant, simulator: Simulator, step: str
) -> None:
    simulator.tokens[TOKEN] = {"read"}
    result = await connect(hass, await begin(hass), simulator.url)
    assert result["step_id"] == step
    result = await submit(hass, result, account_id=" ")
    assert result["step_id"] == step
    await finish(hass, result)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_scopes_are_optional(
    hass: HomeAssistant, simulator: Simulator, status: int
) -> None:
    simulator.faults.add("status_before", path="/oauth/*", times=None, status=status)
    result = await connect(hass, await begin(hass), simulator.url)
    assert result["step_id"] == "account"
    await finish(hass, result)


async def test_unreadable_scopes_are_ignored(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.faults.add("garbage", path="/oauth/*", times=None, body='{"scope": 7}')
    result = await connect(hass, await begin(hass), simulator.url)
    assert result["step_id"] == "account"
    await finish(hass, result)


@pytest.mark.parametrize("profile", ["easymatrix"])
async def test_no_user_is_signed_in(hass: HomeAssistant, simulator: Simulator) -> None:
    result = await begin(hass)
    simulator.faults.add(
        "status_before",
        path="/v1/accounts",
        times=None,
        status=403,
        body="A logged-in Matrix session is required",
    )
    result = await submit(hass, result, url=simulator.url, token=TOKEN, verify_ssl=True)
    assert result["errors"] == {"base": "forbidden"}
    simulator.faults.clear()
    await finish(hass, await connect(hass, result, simulator.url))


@pytest.mark.parametrize(
    ("profile", "user_id"), [("latest", "@me:beeper.com"), ("4.2.557", None)]
)
async def test_user_missing_from_accounts(
    hass: HomeAssistant, simulator: Simulator, user_id: str | None
) -> None:
    simulator.world.account("matrix").listed = False
    result = await connect(hass, await begin(hass), simulator.url)
    assert (await finish(hass, result)).data["user_id"] == user_id


# Addresses

HOST = "beeper.example"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://192.168.1.20:23373", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/v1", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/v1/", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/v1/info", "http://192.168.1.20:23373"),
        ("192.168.1.20:23373", "http://192.168.1.20:23373"),
        ("localhost:23373", "http://localhost:23373"),
        ("  http://localhost:23373\n", "http://localhost:23373"),
        ("HTTP://LocalHost:23373", "http://localhost:23373"),
        (HOST, f"http://{HOST}"),
        (f"http://{HOST}:80", f"http://{HOST}"),
        (f"https://{HOST}:443/", f"https://{HOST}"),
        (f"https://{HOST}:23373", f"https://{HOST}:23373"),
        (f"http://{HOST}:443", f"http://{HOST}:443"),
        (f"https://{HOST}/my/beeper/", f"https://{HOST}/my/beeper"),
        (f"https://{HOST}/my/beeper/v1/", f"https://{HOST}/my/beeper"),
        (f"https://{HOST}/My", f"https://{HOST}/My"),
        ("http://192.168.1.20:23373/v1/ws", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/v1/accounts", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/mcp", "http://192.168.1.20:23373"),
        ("http://192.168.1.20:23373/v0/mcp/", "http://192.168.1.20:23373"),
        (f"https://{HOST}/my/v0/mcp", f"https://{HOST}/my"),
        (f"https://{HOST}/mcps", f"https://{HOST}/mcps"),
        ("http://[::1]:23373", "http://[::1]:23373"),
        ("[::1]:23373/", "http://[::1]:23373"),
        ("http://[FE80::1]", "http://[fe80::1]"),
        ("http://bücher.example", "http://xn--bcher-kva.example"),
        ('"http://localhost:23373"', "http://localhost:23373"),
        ("<http://localhost:23373/>", "http://localhost:23373"),
        ("\u202ahttp://localhost:23373\u202c\u200b", "http://localhost:23373"),
        ("„localhost:23373“", "http://localhost:23373"),
        ("ws://localhost:23373/v1/ws", "http://localhost:23373"),
        (f"WSS://{HOST}/my/v1/ws?x=1", f"https://{HOST}/my"),
        ("::1", "http://[::1]"),
        ("FE80::1%eth0", "http://[fe80::1%eth0]"),
    ],
)
def test_address_has_one_spelling(text: str, url: str) -> None:
    assert normalise_url(text) == url
    assert normalise_url(url) == url


@pytest.mark.parametrize(
    ("text", "tried"),
    [
        ("192.168.1.20", ["http://192.168.1.20:23373", "http://192.168.1.20"]),
        (f" {HOST}/ ", [f"http://{HOST}:23373", f"http://{HOST}"]),
        (f"{HOST}/my/v1/ws", [f"http://{HOST}:23373/my", f"http://{HOST}/my"]),
        ("[::1]", ["http://[::1]:23373", "http://[::1]"]),
        ("2001:db8::20", ["http://[2001:db8::20]:23373", "http://[2001:db8::20]"]),
        # Whoever writes a scheme or a port means it.
        (f"{HOST}:80", [f"http://{HOST}"]),
        (f"http://{HOST}", [f"http://{HOST}"]),
        (f"https://{HOST}", [f"https://{HOST}"]),
        ("[::1]:8080", ["http://[::1]:8080"]),
        ("Beeper is at home", []),
    ],
)
def test_bare_host_means_beepers_port_first(text: str, tried: list[str]) -> None:
    assert addresses(text) == tried


async def test_bare_host_is_enough(
    hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(simulator.url.rpartition(":")[2])
    monkeypatch.setattr(address, "DEFAULT_PORT", port)

    entry = await finish(hass, await connect(hass, await begin(hass), "127.0.0.1"))

    assert entry.data["url"] == simulator.url


async def test_nothing_listens_at_a_bare_host(
    hass: HomeAssistant,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    monkeypatch.setattr(address, "DEFAULT_PORT", unused_tcp_port)

    result = await submit(
        hass, await begin(hass), url="127.0.0.1", token=TOKEN, verify_ssl=True
    )

    assert result["errors"] == {"url": "cannot_connect"}
    assert suggested(result)["url"] == "127.0.0.1"


MALFORMED = [
    "",
    " ",
    "/",
    "http://",
    "http:///v1",
    "://x",
    "ftp://beeper.example",
    "ws://beeper.example",
    "http://beeper.example:port",
    "http://beeper.example:99999",
    "http://beeper.example:0",
    "http://beeper.example:-1",
    "http://[::1",
    "http://[nonsense]",
    "http://me:secret@beeper.example",
    "http://me@beeper.example",
    "http://beeper.example/?token=secret",
    "http://beeper.example/#top",
    "http://beeper example",
    "http://<host>",
    "http://%zz",
    "http://a\0b",
    "::::",
    "Beeper is at home",
]


@pytest.mark.parametrize("url", MALFORMED)
async def test_address_is_malformed(
    hass: HomeAssistant, simulator: Simulator, url: str
) -> None:
    result = await submit(
        hass, await begin(hass), url=url, token=TOKEN, verify_ssl=True
    )
    assert result["errors"] == {"url": "invalid_url"}
    assert simulator.requests == []
    await connect(hass, result, simulator.url)


@given(
    st.text(max_size=30)
    | st.from_regex(r"\s?(https?://)?[a-zA-Z\[\]:.%@ü0-9_-]{0,12}(:\d+)?(/[v1a./%]*)?")
)
def test_any_address_is_refused_or_has_one_spelling(text: str) -> None:
    url = normalise_url(text)
    assert url is None or normalise_url(url) == url


@pytest.mark.parametrize(
    "spelling",
    ["{0}", "http://{0}/", "HTTP://{0}", "http://{0}/v1", "{0}/v1/info", "\t{0} "],
)
async def test_spellings_of_one_address_are_one_server(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, spelling: str
) -> None:
    url = spelling.format(simulator.url.removeprefix("http://"))
    result = await submit(
        hass, await begin(hass), url=url, token=TOKEN, verify_ssl=True
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert hass.config_entries.async_entries(DOMAIN) == [entry]


async def test_one_address_is_added_once_even_by_two_at_a_time(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    first = await connect(hass, await begin(hass), simulator.url)
    second = await connect(hass, await begin(hass), simulator.url)
    await finish(hass, first)

    result = await submit(hass, second, account_id="telegram")

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


@pytest.fixture
async def alias(simulator: Simulator) -> AsyncIterator[str]:
    """Return another address of the server."""
    async with Proxy(simulator.url) as proxy:
        yield proxy.url


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("is_loaded", [True, False])
async def test_one_server_at_two_addresses_is_one_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    alias: str,
    is_loaded: bool,
) -> None:
    if is_loaded:
        assert await hass.config_entries.async_setup(entry.entry_id)
    hass.config_entries.async_update_entry(entry, title="Beeper at home")

    result = await submit(
        hass, await begin(hass), url=alias, token=TOKEN, verify_ssl=True
    )

    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "same_server"
    assert result["description_placeholders"] == {"title": "Beeper at home"}
    assert "{title}" in TEXTS["config"]["abort"]["same_server"]
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    assert not simulator.executed


async def test_two_users_of_one_server_are_two_entries(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, alias: str
) -> None:
    simulator.world.account("matrix").user.id = "@other:beeper.com"

    await finish(hass, await connect(hass, await begin(hass), alias))

    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


@pytest.mark.parametrize("fault", [None, "drop_before", "status_before", "no_chats"])
async def test_two_servers_of_one_user_are_two_entries(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    fault: str | None,
) -> None:
    """Each installation of Beeper numbers the chats independently."""
    async with Simulator() as other:
        for chat in other.world.chats.values():
            chat.local_id = f"{int(chat.local_id) + 100}"
        if fault == "no_chats":
            other.world.chats.clear()
        elif fault:  # A server that cannot be compared with is another one.
            simulator.faults.add(fault, path="/v1/chats", times=None)
        await finish(hass, await connect(hass, await begin(hass), other.url))

        assert len(hass.config_entries.async_entries(DOMAIN)) == 2


async def test_reconfigure_refuses_the_server_of_another_entry(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, alias: str
) -> None:
    async with Simulator() as other:
        second = add_entry(hass, other.url)
        result = await second.start_reconfigure_flow(hass)

        result = await submit(hass, result, url=alias, verify_ssl=True)

        assert result["errors"] == {"url": "already_configured"}


async def test_path_prefix(hass: HomeAssistant) -> None:
    async with Simulator(prefix="/my/beeper") as simulator:
        result = await connect(hass, await begin(hass), f"{simulator.url}/v1/")
        entry = await finish(hass, result)
        assert entry.data["url"] == simulator.url
        assert await hass.config_entries.async_unload(entry.entry_id)


# Choosing an account


@pytest.mark.parametrize(
    ("profile", "labels"),
    [
        (
            "latest",
            {
                "whatsapp": "WhatsApp · +1 555 010 0001 · connected",
                "signal": "Signal · +1 555 010 0001 · must be reconnected in Beeper",
                "instagramgo": "Instagram · sample.me · connected",
            },
        ),
        ("4.2.808", {"whatsapp": "WhatsApp · +1 555 010 0001"}),
        ("4.2.557", {"whatsapp": "whatsapp · +1 555 010 0001"}),
        ("4.1.294", {"whatsapp": "WhatsApp · +1 555 010 0001"}),
        ("easymatrix", {"whatsapp": "WhatsApp · +1 555 010 0001"}),
    ],
)
async def test_accounts_are_listed(
    hass: HomeAssistant, simulator: Simulator, labels: dict[str, str]
) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    field = account_field(result)
    options = {option["value"]: option["label"] for option in field["options"]}
    listed = [
        key for key, account in simulator.world.accounts.items() if account.listed
    ]
    assert [*options] == [*listed, "imessage"]
    assert options["imessage"] == "iMessage"
    assert options.items() >= labels.items()
    assert field["custom_value"] is True


async def test_status_without_a_translation_is_shown_as_it_is(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.set_account_status("telegram", "on_holiday")
    result = await connect(hass, await begin(hass), simulator.url)
    assert {
        "value": "telegram",
        "label": "Telegram · +1 555 010 0001 · on_holiday",
    } in account_field(result)["options"]


async def test_minimal_account_is_named_by_its_network(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    account = simulator.world.account("telegram")
    account.user = Person(id=account.user.id, is_self=True)
    result = await connect(hass, await begin(hass), simulator.url)
    assert {
        "value": "telegram",
        "label": "Telegram · connected",
    } in account_field(result)["options"]


async def test_unlisted_account_can_be_entered(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    result = await submit(hass, result, account_id=" imessage ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["account_id"] == "imessage"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
async def test_account_must_not_be_blank(
    hass: HomeAssistant, simulator: Simulator, blank: str
) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    result = await submit(hass, result, account_id=blank)
    assert result["errors"] == {"account_id": "account_blank"}
    await finish(hass, result)


async def test_server_without_accounts(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    for account in simulator.world.accounts.values():
        account.listed = False
    result = await connect(hass, await begin(hass), simulator.url)
    assert account_field(result)["options"] == [
        {"value": "imessage", "label": "iMessage"}
    ]
    await finish(hass, result)


# A known address, and the pasted text


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> str:
    """Look for Beeper where the simulator is; return its address there."""
    port = int(simulator.url.rpartition(":")[2])
    monkeypatch.setattr(connection, "DEFAULT_PORT", port)
    monkeypatch.setattr(connection, "_LOCAL_HOSTS", ("nothing.invalid", "127.0.0.1"))
    return f"http://127.0.0.1:{port}"


async def test_a_local_beeper_is_filled_in(
    hass: HomeAssistant, simulator: Simulator, local: str
) -> None:
    result = await begin(hass)
    assert suggested(result) == {"url": local}
    [request] = simulator.requests
    assert (request.method, request.path) == ("GET", "/v1/info")
    await finish(hass, await connect(hass, result, local))

    # It has an entry now.
    assert suggested(await begin(hass)) == {}


@pytest.mark.parametrize("fault", ["garbage", "drop_before", "delay"])
async def test_only_beeper_is_filled_in(
    hass: HomeAssistant,
    simulator: Simulator,
    local: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    monkeypatch.setattr(connection, "_LOCAL_TIMEOUT", 0.1)
    simulator.faults.add(fault, path="/v1/info", times=None, seconds=1)
    result = await begin(hass)
    assert suggested(result) == {}
    simulator.faults.clear()
    await finish(hass, await connect(hass, result, local))


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/chats",
        "/v1/chats/search?query=Kim&limit=5",
        "/v1/chats/!abc%3Abeeper.com/messages",
        "/v1/info#top",
        "/v0/mcp",
        "/mcp",
    ],
)
@pytest.mark.parametrize(
    "pasted",
    ["Bearer {}", "“bearer  {}”", "Authorization: Bearer {}", "\u202a`{}`\u200b"],
)
async def test_pasted_values_are_cleaned_up(
    hass: HomeAssistant, simulator: Simulator, path: str, pasted: str
) -> None:
    result = await submit(
        hass,
        await begin(hass),
        url=simulator.url + path,
        token=pasted.format(TOKEN),
        verify_ssl=True,
    )
    entry = await finish(hass, result)
    assert entry.data == {"url": simulator.url, **ENTRY_DATA}


# Then a chat


async def test_the_flow_leads_on_to_the_first_chat(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    result = await submit(hass, result, account_id="whatsapp")
    kind, flow_id = result["next_flow"]
    assert kind is FlowType.CONFIG_SUBENTRIES_FLOW

    result = await hass.config_entries.subentries.async_configure(
        flow_id, {"chat_id": KIM}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert hass.states.get("notify.kim")


async def test_without_a_connection_the_flow_ends(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    result = await connect(hass, await begin(hass), simulator.url)
    await simulator.stop()
    result = await submit(hass, result, account_id="whatsapp")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in result


# A new token


async def not_loaded(hass: HomeAssistant, simulator: Simulator, entry: Any) -> Result:
    """Let a set-up fail for its token, and return the flow that this starts."""
    simulator.tokens.clear()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_RETRY
    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == SOURCE_REAUTH
    return flow


@pytest.mark.parametrize("loaded_before", [True, False])
async def test_new_token_is_used_at_once(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    loaded_before: bool,
) -> None:
    if loaded_before:
        assert await hass.config_entries.async_setup(entry.entry_id)
        simulator.tokens.clear()
        result = await entry.start_reauth_flow(hass)
    else:
        result = await not_loaded(hass, simulator, entry)
    assert result["step_id"] == "reauth_confirm"
    simulator.tokens["new"] = {"read", "write"}
    before = len(simulator.requests)

    result = await submit(hass, result, token="new")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.LOADED
    assert entry.data == {"url": simulator.url, **ENTRY_DATA, "token": "new"}
    assert hass.config_entries.flow.async_progress() == []
    requests = [
        received
        for received in simulator.requests[before:]
        if received.headers.get("Authorization") == "Bearer new"
    ]
    assert {received.status for received in requests} <= STREAM | {200}
    # Once by the flow, once by the one reload.
    assert [received.path for received in requests].count("/v1/accounts") == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401}, {"token": "token_refused"}),
        ({"status": 500}, {"base": "server_error"}),
        ({"status": 403, "body": "missing: read"}, {"token": "scope_missing"}),
        ({"kind": "garbage"}, {"base": "not_beeper"}),
    ],
)
async def test_new_token_after_an_error(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    fault: Any,
    error: Any,
) -> None:
    result = await not_loaded(hass, simulator, entry)
    simulator.tokens["new"] = {"read", "write"}
    simulator.faults.add(**{"kind": "status_before", "times": None, **fault})

    result = await submit(hass, result, token="new")
    assert result["errors"] == error

    simulator.faults.clear()
    result = await submit(hass, result, token="new")
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_new_token_while_nothing_listens(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    result = await not_loaded(hass, simulator, entry)
    await simulator.stop()
    result = await submit(hass, result, token="new")
    assert result["errors"] == {"base": "cannot_connect"}


async def test_new_token_must_belong_to_the_same_user(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    result = await not_loaded(hass, simulator, entry)
    simulator.tokens["new"] = {"read", "write"}
    user = simulator.world.account("matrix").user
    user.id = "@somebody:beeper.com"

    result = await submit(hass, result, token="new")
    assert result["errors"] == {"base": "wrong_user"}
    assert entry.data["token"] == TOKEN

    user.id = "@me:beeper.com"
    result = await submit(hass, result, token="new")
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()


def tell_nobody(simulator: Simulator, how: str) -> None:
    """Let the server leave open whose token is used."""
    matrix = simulator.world.account("matrix")
    if how == "only a name":
        matrix.user.id = "me"
    else:
        matrix.listed = False
        status = {"setup 404": 404, "setup 503": 503, "setup 500": 500}.get(how)
        if status:
            simulator.faults.add(
                "status_before", path="/v1/app/setup", times=None, status=status
            )
        else:
            simulator.faults.add(
                "garbage", path="/v1/app/setup", times=None, body=json.loads(how)
            )


UNTOLD = [
    "setup 404",
    "setup 500",
    "setup 503",
    "{}",
    "[]",
    '{"matrix": null}',
    '{"matrix": {"userID": ""}}',
    '{"matrix": {"userID": 7}}',
]
BARE = ["only a name", '{"matrix": {"userID": "me"}}', '{"matrix": {"userID": "@me"}}']
"""How a server names its user without the homeserver."""


@pytest.mark.parametrize("how", UNTOLD)
async def test_new_token_waits_until_the_server_says_whose_it_is(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, how: str
) -> None:
    """It could be another user's, whose name may even be the same."""
    result = await not_loaded(hass, simulator, entry)
    simulator.tokens["new"] = {"read", "write"}
    tell_nobody(simulator, how)

    result = await submit(hass, result, token="new")
    assert result["errors"] == {"base": "user_unknown"}
    assert entry.data["token"] == TOKEN

    simulator.faults.clear()
    matrix = simulator.world.account("matrix")
    matrix.user.id, matrix.listed = "@me:beeper.com", True
    result = await submit(hass, result, token="new")
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    "other", ["@me:beeper.org", "@Me:beeper.com", "@me2:beeper.com", "me:beeper.com"]
)
async def test_new_token_of_a_similar_user_is_refused(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, other: str
) -> None:
    result = await not_loaded(hass, simulator, entry)
    simulator.tokens["new"] = {"read", "write"}
    simulator.world.account("matrix").user.id = other

    result = await submit(hass, result, token="new")
    assert result["errors"] == {"base": "wrong_user"}


@pytest.mark.parametrize("how", UNTOLD)
@pytest.mark.parametrize("change", ["url", "token"])
async def test_another_connection_waits_for_the_signed_in_user(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    how: str,
    change: str,
) -> None:
    async with Simulator() as other:
        there = other if change == "url" else simulator
        there.tokens["new"] = {"read", "write"}
        tell_nobody(there, how)
        result = await loaded.start_reconfigure_flow(hass)
        token = "new" if change == "token" else ""
        result = await submit(hass, result, url=there.url, token=token, verify_ssl=True)
        assert result["errors"] == {"base": "user_unknown"}
        assert loaded.data["url"] == simulator.url
        assert loaded.data["token"] == TOKEN


@pytest.mark.parametrize("how", BARE)
async def test_a_bare_name_counts_at_the_same_address_only(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, how: str
) -> None:
    """Somebody else can have the same name at another homeserver."""
    async with Simulator() as other:
        tell_nobody(other, how)
        result = await loaded.start_reconfigure_flow(hass)
        result = await submit(hass, result, url=other.url, verify_ssl=True)
        assert result["errors"] == {"base": "user_unknown"}
    tell_nobody(simulator, how)
    simulator.tokens["new"] = {"read", "write"}
    result = await loaded.start_reauth_flow(hass)
    result = await submit(hass, result, token="new")
    assert result["reason"] == "reauth_successful"
    assert loaded.data["user_id"] == "@me:beeper.com"
    await hass.async_block_till_done()


@pytest.mark.parametrize("how", UNTOLD)
async def test_account_is_changed_while_the_signed_in_user_is_unknown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, how: str
) -> None:
    """The same token at the same address is the same user's."""
    tell_nobody(simulator, how)
    result = await loaded.start_reconfigure_flow(hass)
    result = await submit(hass, result, url=simulator.url, verify_ssl=False)
    result = await submit(hass, result, account_id="telegram")
    assert result["reason"] == "reconfigure_successful"
    assert loaded.data["account_id"] == "telegram"
    assert loaded.data["user_id"] == "@me:beeper.com"


async def test_two_servers_that_name_their_user_without_a_server(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    """`me` is somebody on each."""
    data = {**loaded.data, "user_id": "me"}
    hass.config_entries.async_update_entry(loaded, data=data)
    await hass.async_block_till_done()
    async with Simulator() as other:
        other.world.account("matrix").user.id = "me"
        result = await loaded.start_reconfigure_flow(hass)
        result = await submit(hass, result, url=other.url, verify_ssl=True)
        assert result["errors"] == {"base": "user_unknown"}


async def test_user_is_stored_once_the_server_reports_it(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    """A new token has to belong to somebody."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, "user_id": None})
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.data["user_id"] == "@me:beeper.com"
    await hass.async_block_till_done()


async def test_reauth_shows_the_address(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    result = await entry.start_reauth_flow(hass)
    assert result["description_placeholders"]["url"] == simulator.url
    assert suggested(result) == {}


# Another connection


async def test_reconfigure_shows_all_but_the_token(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    result = await loaded.start_reconfigure_flow(hass)
    assert suggested(result) == {"url": simulator.url, "verify_ssl": True}
    assert TOKEN not in repr(result)

    result = await submit(hass, result, url="http://", verify_ssl=False)
    assert suggested(result) == {"url": "http://", "verify_ssl": False}
    assert TOKEN not in repr(result)

    result = await submit(hass, result, url=simulator.url, verify_ssl=True)
    assert suggested(result) == {"account_id": "whatsapp"}
    assert TOKEN not in repr(result)


@pytest.mark.parametrize("kept", [{}, {"token": ""}])
async def test_reconfigure_changes_everything_but_the_token(
    hass: HomeAssistant, loaded: MockConfigEntry, kept: dict[str, str]
) -> None:
    async with Simulator() as moved:
        result = await loaded.start_reconfigure_flow(hass)
        url = f"{moved.url}/v1/"
        result = await submit(hass, result, url=url, verify_ssl=False, **kept)
        assert not result["errors"]
        result = await submit(hass, result, account_id="telegram")
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()

        assert loaded.state is ConfigEntryState.LOADED
        assert loaded.data == {
            **ENTRY_DATA,
            "url": moved.url,
            "verify_ssl": False,
            "account_id": "telegram",
        }
        paths = [received.path for received in moved.requests]
        assert paths.count("/v1/info") == 2  # the flow, and one reload
        assert await hass.config_entries.async_unload(loaded.entry_id)


@pytest.mark.parametrize("failed_before", [True, False])
async def test_reconfigure_sets_up_a_failed_entry(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    failed_before: bool,
) -> None:
    if failed_before:
        await not_loaded(hass, simulator, entry)
    simulator.tokens["new"] = {"read", "write"}

    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, url=simulator.url, token="new", verify_ssl=True)
    before = len(simulator.requests)
    result = await submit(hass, result, account_id="telegram")
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.LOADED
    assert (entry.data["token"], entry.data["account_id"]) == ("new", "telegram")
    statuses = {received.status for received in simulator.requests[before:]}
    assert statuses <= STREAM | {200}


async def test_reconfigure_while_retrying_sets_up_at_once(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    async with Simulator() as moved:
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, "url": "http://127.0.0.1:1"}
        )
        assert not await hass.config_entries.async_setup(entry.entry_id)
        retrying = entry.state
        assert retrying is ConfigEntryState.SETUP_RETRY

        result = await entry.start_reconfigure_flow(hass)
        result = await submit(hass, result, url=moved.url, verify_ssl=True)
        await submit(hass, result, account_id="whatsapp")
        await hass.async_block_till_done()

        assert entry.state is ConfigEntryState.LOADED
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_reconfigure_refuses_another_user(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    async with Simulator() as other:
        other.world.account("matrix").user.id = "@somebody:beeper.com"
        result = await loaded.start_reconfigure_flow(hass)
        result = await submit(hass, result, url=other.url, verify_ssl=True)
        assert result["errors"] == {"base": "wrong_user"}
        assert loaded.data["url"] == simulator.url

        result = await submit(hass, result, url=simulator.url, verify_ssl=True)
        result = await submit(hass, result, account_id="whatsapp")
        assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_refuses_the_address_of_another_entry(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    async with Simulator() as other:
        add_entry(hass, other.url)
        result = await loaded.start_reconfigure_flow(hass)
        result = await submit(hass, result, url=f"{other.url}/", verify_ssl=True)
        assert result["errors"] == {"url": "already_configured"}
        assert other.requests == []

        result = await submit(hass, result, url=simulator.url, verify_ssl=True)
        result = await submit(hass, result, account_id="whatsapp")
        assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_with_a_wrong_token_changes_nothing(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    result = await loaded.start_reconfigure_flow(hass)
    result = await submit(
        hass, result, url=simulator.url, token="wrong", verify_ssl=True
    )
    assert result["errors"] == {"token": "token_refused"}
    assert loaded.data["token"] == TOKEN


async def test_missing_user_is_added_later(
    hass: HomeAssistant, entry: MockConfigEntry, simulator: Simulator
) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, "user_id": None})
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, url=simulator.url, verify_ssl=True)
    await submit(hass, result, account_id="whatsapp")
    await hass.async_block_till_done()
    assert entry.data["user_id"] == "@me:beeper.com"


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_known_user_is_kept(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    simulator.world.account("matrix").listed = False
    result = await loaded.start_reconfigure_flow(hass)
    result = await submit(hass, result, url=simulator.url, verify_ssl=True)
    result = await submit(hass, result, account_id="telegram")
    assert result["reason"] == "reconfigure_successful"
    assert loaded.data["user_id"] == "@me:beeper.com"
    assert loaded.data["account_id"] == "telegram"
