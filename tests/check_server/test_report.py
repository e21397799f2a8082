"""Reading a server, comparing it with the simulator, and the report of it."""

from aiohttp import ClientSession
import pytest

from check_server.comparison import nearest_profile, read_simulator
from check_server.report import Report, identity
from simulator import Simulator
from simulator.profiles import PROFILES
from tests.check_server.conftest import read


async def report(
    session: ClientSession, simulator: Simulator, *, timeout: float = 15
) -> Report:
    """Read a server, and the simulator with the nearest profile."""
    server = await read(session, simulator.url, timeout=timeout)
    profile = nearest_profile(*identity(server))
    return Report(
        profile=profile,
        server=server,
        simulator=await read_simulator(profile, session),
    )


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n\n")[1].split("\n## ", maxsplit=1)[0].strip()


@pytest.mark.parametrize("profile", PROFILES)
async def test_each_profile_is_recognised_and_equals_itself(
    session: ClientSession, profile: str
) -> None:
    async with Simulator(profile, realistic=True) as simulator:
        found = await report(session, simulator)
        assert not simulator.executed
    assert found.profile == profile.partition("-")[0]
    text = found.text()
    assert section(text, "Differences") == "None."
    assert "not asked" not in section(text, "Requests")
    for row in section(text, "Behaviour").splitlines()[2:]:
        _, _, server, simulated, _ = row.split("|")
        assert server == simulated


@pytest.mark.parametrize(
    ("app", "version", "profile"),
    [
        ("Beeper", "4.3.181", "latest"),
        ("Beeper", "4.2.900", "4.2.808"),
        ("Beeper", "4.2.808", "4.2.808"),
        ("Beeper", "4.2.100", "4.1.294"),
        ("Beeper", "3.0.0", "4.1.294"),
        ("unknown", None, "4.1.294"),
        ('value "EasyMatrix"', "9.9.9", "easymatrix"),
    ],
)
def test_nearest_profile(app: str, version: str | None, profile: str) -> None:
    assert nearest_profile(app, version) == profile


async def test_version_is_read_from_a_header_where_info_is_missing(
    session: ClientSession,
) -> None:
    async with Simulator("4.1.294") as simulator:
        assert identity(await read(session, simulator.url)) == ("unknown", "4.1.294")


async def test_another_generation_differs(session: ClientSession) -> None:
    async with Simulator("4.2.557") as simulator:
        server = await read(session, simulator.url)
    found = Report(
        profile="4.2.808",
        server=server,
        simulator=await read_simulator("4.2.808", session),
    )
    differences = section(found.text(), "Differences")
    assert "- `[].bridge` is missing; simulator: object" in differences
    assert "- `items[].network` is missing" in differences
    assert (
        "### GET /v1/chats/{chatID}/messages/{messageID}\n\n- status 404" in differences
    )


async def test_differing_behaviour_is_reported(session: ClientSession) -> None:
    async with Simulator() as simulator:
        simulator.faults.add(
            "garbage",
            path="/v1/accounts",
            times=None,
            body=[{"accountID": 7, "user": None, "status": "odd", "extra": {}}],
        )
        simulator.faults.add("status_before", path="/v1/labels", status=500, body="no")
        simulator.faults.add(
            "status_before", path="/v1/bridges", status=502, body={"code": "ODD"}
        )
        text = (await report(session, simulator)).text()
    differences = section(text, "Differences")
    for line in (
        "- `[].accountID`: integer; simulator: id ",
        "- `[].user`: null; simulator: object",
        "- `[].status`: undocumented value `aaa`; simulator: value ",
        "- `[].<>` is new: object (empty)",
        "- `[].bridge` is missing; simulator: object",
        "### GET /v1/labels\n\n- status 500; simulator: 200",
        "### GET /v1/bridges\n\n- status 502; simulator: 200",
    ):
        assert line in differences


async def test_ignored_filters_are_found(session: ClientSession) -> None:
    async with Simulator() as simulator:
        chats = simulator.world.chats.values()
        rows = [
            simulator.wire.list_item(simulator.world, chat) | {"isMuted": True}
            for chat in chats
        ]
        for path in ("/v1/chats", "/v1/chats/search"):
            simulator.faults.add(
                "garbage", path=path, times=None, body={"items": rows, "hasMore": False}
            )
        behaviour = section((await report(session, simulator)).text(), "Behaviour")
    for question in (
        "`limit` of the chat list is honoured",
        "`includeMuted=false` leaves out muted chats",
        "`unreadOnly` lists unread chats only",
        "`type=group` lists groups only",
        "`accountIDs` filters the chat list",
    ):
        assert f"| {question} | no |" in behaviour


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "<html>hello</html>",
        b"\xff\xfe\x00",
        "",
        "[" * 100_000,
        "1" * 10_000,
        [],
        {},
        [[[[]]]],
        [None, 1, "x"],
        {"items": "x", "app": 1},
        {"items": [{"id": [], "accountID": {}, "chatID": "..", "senderID": []}]},
        [{"accountID": "..", "id": "\ud800"}, {"accountID": "\ud800/é?#%2F"}],
        {"items": {"id": {"id": {"id": []}}}, "oldestCursor": 5},
        '{"items": [NaN, 1e999, -1], "app": {"name": "x", "version": 4}}',
    ],
    ids=lambda body: repr(body)[:30],
)
async def test_nonsense_gets_a_report(session: ClientSession, body: object) -> None:
    async with Simulator() as simulator:
        simulator.faults.add("garbage", times=None, body=body)
        text = (await report(session, simulator)).text()
    assert "### GET /v1/accounts" in section(text, "Differences")


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/labels", "302;"), ("/v1/ws", "302 (no upgrade);")]
)
async def test_a_redirect_is_not_followed(
    session: ClientSession, path: str, status: str
) -> None:
    async with Simulator() as simulator, Simulator() as other:
        kind = "ws_refuse" if path == "/v1/ws" else "status_before"
        location = {"Location": f"{other.url}{path}"}
        simulator.faults.add(kind, path=path, status=302, headers=location)
        text = (await report(session, simulator)).text()
        assert not other.requests
    assert f"### GET {path}\n\n- status {status} simulator: " in text


async def test_a_huge_answer_is_not_read_to_its_end(session: ClientSession) -> None:
    async with Simulator() as simulator:
        simulator.faults.add(
            "garbage", path="/v1/labels", body="x" * 1000, size=1 << 30
        )
        text = (await report(session, simulator)).text()
    assert "200 (larger than 4 MB)" in section(text, "Differences")


async def test_a_broken_answer_is_named(session: ClientSession) -> None:
    async with Simulator() as simulator:
        simulator.faults.add("cut", path="/v1/labels")
        simulator.faults.add("drop_before", path="/v1/bridges")
        text = (await report(session, simulator)).text()
        assert [request.path for request in simulator.requests].count(
            "/v1/bridges"
        ) == 1
    requests = section(text, "Requests")
    assert "| GET /v1/labels | (answer cut off) | 200 |" in requests
    assert "| GET /v1/bridges | (connection closed) | 200 |" in requests


async def test_hanging_server_is_abandoned(session: ClientSession) -> None:
    async with Simulator() as simulator:
        simulator.faults.add("delay", path="/v1/chats*", times=None, seconds=60)
        text = (await report(session, simulator, timeout=0.1)).text()
        asked = [
            request.path for request in simulator.requests if "chats" in request.path
        ]
    assert len(asked) == 3
    assert "no answer within 0.1 s" in section(text, "Requests")
    assert "These requests were left out:" in section(text, "Server")


async def test_a_server_that_never_answers_is_not_reached(
    session: ClientSession,
) -> None:
    async with Simulator() as simulator:
        simulator.faults.add("delay", times=None, seconds=60)
        reading = await read(session, simulator.url, timeout=0.1)
        assert len(simulator.requests) == 2
    assert not reading.is_reached


async def test_a_refused_token_ends_the_reading(session: ClientSession) -> None:
    async with Simulator(token="another") as simulator:
        reading = await read(session, simulator.url)
        assert len(simulator.requests) == 2
    assert reading.is_token_refused


async def test_a_token_without_scopes_gets_a_report(session: ClientSession) -> None:
    async with Simulator() as simulator:
        simulator.tokens["dev-token"] = set()
        text = (await report(session, simulator)).text()
    assert "### GET /v1/accounts\n\n- status 403; simulator: 200" in text


async def test_a_path_prefix_is_kept(session: ClientSession) -> None:
    async with Simulator(prefix="/beeper", realistic=True) as simulator:
        found = await report(session, simulator)
        assert simulator.requests
    assert section(found.text(), "Differences") == "None."
