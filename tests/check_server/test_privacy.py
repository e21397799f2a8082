"""Nothing that a server says about people reaches the report."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import random
import re
from typing import Any
from urllib.parse import unquote

from aiohttp import ClientSession, web
from hypothesis import given, strategies as st
import pytest

from check_server.client import Answer, Client
from check_server.reading import Exchange, Reading
from check_server.report import Report
from check_server.vocabulary import ENUMS, KEYS
from check_server.writing import Writing
from simulator import Simulator
from simulator.profiles import PROFILES
from tests.check_server.conftest import TOKEN, note_to_self

# Letters and digits of which the report's own words are not made.
_name = st.text(alphabet="qxzjvkwyQXZJVKWYłñßЖחб漢", min_size=5, max_size=12)
_number = st.text(alphabet="0123456789", min_size=7, max_size=14)
secrets = st.one_of(
    _name,
    _number,
    _number.map("+{}".format),
    st.builds("{} {}".format, _name, _name),
    st.builds("{}@{}.com".format, _name, _name),
    st.builds("@whatsapp_{}:beeper.com".format, _number),
    st.builds("@{}:{}.localhost".format, _name, _name),
    st.builds("https://{}.com/{}?token={}".format, _name, _name, _number),
    st.builds("mxc://{}/{}".format, _name, _name),
    st.builds("/Users/{}/{}.png".format, _name, _name),
    st.builds("<b>{}</b> &amp; {{{{sender}}}} {}".format, _name, _name),
    st.builds("2026-11-28T23:40:42.{}Z".format, _number),
    st.builds("4.3.{}".format, _number),
    st.builds("{}.{}.{}".format, _number, _number, _number),
)


def traces(secret: str) -> set[str]:
    """Return the parts of a secret that must not be in a report."""
    return {
        run.casefold()
        for run in re.findall(r"[^\W_]+", secret)
        if len(run) >= 5 and run.lower() not in ("whatsapp", "beeper", "localhost")
        if run not in ("https", "token", "Users", "sender")
    }


def check(text: str, planted: set[str]) -> None:
    """Fail if a planted secret is in a text."""
    text = text.casefold()
    for secret in planted:
        for trace in traces(secret):
            assert trace not in text


def test_the_check_finds_secrets() -> None:
    with pytest.raises(AssertionError):
        check("the number is +15550101002.", {"+15550101002"})
    with pytest.raises(AssertionError):
        check("Zyxwvu", {"@ZYXWVU:beeper.com"})


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Any, set[str]]:
    """Return JSON with secrets as keys and values, and those secrets."""
    planted: set[str] = set()

    def secret() -> str:
        found: str = draw(secrets)
        planted.add(found)
        return found

    def value(key: str, depth: int) -> Any:
        kind = draw(st.integers(0, 5 if depth else 3))
        if kind == 0 and key in ENUMS:
            return draw(st.sampled_from(sorted(ENUMS[key])))
        if kind == 1:
            number = draw(st.integers(10**9, 10**15))
            planted.add(str(number))
            return draw(st.sampled_from([number, -number, number / 7]))
        if kind == 4:
            return [value(key, depth - 1) for _ in range(draw(st.integers(0, 3)))]
        if kind == 5:
            return {
                name: value(name, depth - 1)
                for name in (
                    draw(st.sampled_from(sorted(KEYS)) | st.builds(secret))
                    for _ in range(draw(st.integers(0, 5)))
                )
            }
        return secret()

    return value("items", 4), planted


_VERSION_HEADER = "Beeper-Desktop-Version"
_ROUTES = (
    "GET /v1/info",
    "GET /v1/accounts",
    "GET /v1/chats",
    "GET /v1/chats/search?unreadOnly=true",
    "GET /v1/chats/{chatID}/messages",
    "GET /v1/ws",
)


@given(
    name=st.sampled_from(_ROUTES),
    body=bodies(),
    header=st.tuples(
        st.sampled_from(
            ["Content-Type", "Server", "Allow", "X-Beeper-Desktop-Version", "Location"]
        )
        | secrets.map("X-{}".format),
        secrets,
    ),
    status=st.sampled_from([101, 200, 401, 404, 500]),
)
def test_no_answer_reaches_the_report(
    name: str, body: tuple[Any, set[str]], header: tuple[str, str], status: int
) -> None:
    answer = Answer(status=status, headers=(header,), kind="JSON", body=body[0])
    other = Answer(status=200, kind="JSON", body={"items": [{"id": "1"}], "app": {}})
    server, simulator = (Reading(Client.__new__(Client)) for _ in range(2))
    server.exchanges[name] = Exchange(name=name, answers=[answer])
    simulator.exchanges[name] = Exchange(name=name, answers=[other])
    text = Report(profile="latest", server=server, simulator=simulator).text()
    assert f"### {name.partition('?')[0]}" in text
    check(text, body[1] | {header[0].partition("X-")[2], header[1]} - {_VERSION_HEADER})


class Planter:
    """Puts a secret in the place of each text, and takes it back in requests."""

    def __init__(self, seed: int, share: float) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not for secrets of anybody
        self._share = share
        self._secrets: dict[str, str] = {}
        self.planted: set[str] = set()

    def secret(self, text: str) -> str:
        if text not in self._secrets:
            name = "".join(self._random.choices("qxzjvkwy", k=9))
            number = "".join(self._random.choices("3456789", k=11))
            pattern = self._random.choice(
                ["{n} {n}", "+{d}", "{n}@{n}.com", "@x_{d}:{n}.com", "mxc://{n}/{d}"]
            )
            self._secrets[text] = pattern.format(n=name, d=number)
            self.planted.add(self._secrets[text])
        return self._secrets[text]

    def plant(self, value: Any) -> Any:
        match value:
            case str() if value and self._random.random() < self._share:
                return self.secret(value)
            case list():
                return [self.plant(item) for item in value]
            case dict():
                planted = {name: self.plant(item) for name, item in value.items()}
                if self._random.random() < self._share:
                    planted[self.secret(f"key {len(value)}")] = self.secret("value")
                return planted
            case _:
                return value

    def take_back(self, text: str) -> str:
        for original, secret in self._secrets.items():
            text = text.replace(secret, original)
        return text


@asynccontextmanager
async def planted_server(
    simulator: Simulator, session: ClientSession, planter: Planter
) -> AsyncIterator[str]:
    """Serve what a simulator answers, with secrets in it; yields the base URL."""

    async def handle(request: web.Request) -> web.Response:
        path = planter.take_back(unquote(request.rel_url.raw_path))
        body = planter.take_back((await request.read()).decode())
        async with session.request(
            request.method,
            simulator.url + path,
            params=[(k, planter.take_back(v)) for k, v in request.query.items()],
            data=body or None,
            headers={
                name: request.headers[name]
                for name in ("Authorization", "Content-Type", "Range")
                if name in request.headers
            },
        ) as answer:
            data = await answer.read()
            try:
                data = json.dumps(planter.plant(json.loads(data))).encode()
            except ValueError:
                data = planter.secret("not JSON").encode()
            return web.Response(
                status=answer.status,
                body=data,
                headers={
                    "X-Beeper-Desktop-Version": planter.secret("version"),
                    f"X-{planter.secret('header').encode().hex()}": "1",
                    "Server": planter.secret("server"),
                    "Content-Type": answer.headers.get("Content-Type", "text/plain"),
                },
            )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("profile", PROFILES)
async def test_no_secret_of_a_server_reaches_report_or_terminal(
    session: ClientSession, profile: str, share: float
) -> None:
    planter = Planter([*PROFILES].index(profile), share)
    output: list[str] = []

    async def agree(question: str) -> bool:
        output.append(question)
        return True

    async with (
        Simulator(profile) as simulator,
        planted_server(simulator, session, planter) as url,
    ):
        client = Client(session, url, TOKEN)
        server = Reading(client, output.append)
        await server.run()
        paths = {request.path.split("/")[2] for request in simulator.requests}
        writing = Writing(client, note_to_self(simulator).id, agree, looks=(0,))
        await writing.run()
    assert len(writing.lines) > 10
    assert len(planter.planted) > 20
    assert {"accounts", "chats", "messages"} <= paths
    report = Report(
        profile="latest", server=server, simulator=server, writes=writing.lines
    )
    check("\n".join([*output, report.text()]), planter.planted)
    assert TOKEN not in report.text()
    assert "127.0.0.1" not in report.text()
