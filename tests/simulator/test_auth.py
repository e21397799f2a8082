"""Tokens and scopes."""

import pytest

from simulator.profiles import PROFILES

from .conftest import Connect

READ_ONLY = {"Authorization": "Bearer reader"}
SEND = ("POST", "/v1/chats/!tEamSlack:beeper.com/messages")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic dev-token"}],
)
async def test_no_token(
    connect: Connect, profile: str, headers: dict[str, str]
) -> None:
    client = await connect(profile)
    answer = await client(*SEND, json={"text": "hi"}, headers=headers)
    assert answer.status == 401
    if profile.startswith("easymatrix"):
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.headers["WWW-Authenticate"]
    else:
        assert answer.json == {
            "message": "Unauthorized: Invalid or missing token",
            "code": "unauthorized",
        }
    assert not client.sim.executed


@pytest.mark.parametrize("profile", PROFILES)
async def test_read_only(connect: Connect, profile: str) -> None:
    client = await connect(profile)
    client.sim.tokens["reader"] = {"read"}
    reading = await client("GET", "/v1/accounts", headers=READ_ONLY)
    writing = await client(*SEND, json={"text": "hi"}, headers=READ_ONLY)
    assert (reading.status, writing.status) == (200, 403)
    assert "Required scopes: write, missing: write" in writing.text
    if not profile.startswith("easymatrix"):
        assert writing.json["code"] == "forbidden"
    focus = await client("POST", "/v1/focus", json={}, headers=READ_ONLY)
    assert focus.status == (200 if profile.startswith("easymatrix") else 403)


async def test_token_without_read(connect: Connect) -> None:
    client = await connect()
    client.sim.tokens["writer"] = {"write"}
    answer = await client(
        "GET", "/v1/accounts", headers={"Authorization": "Bearer writer"}
    )
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


async def test_revoked(connect: Connect) -> None:
    client = await connect(token="old")
    headers = {"Authorization": "Bearer old"}
    assert (await client("GET", "/v1/accounts", headers=headers)).status == 200
    del client.sim.tokens["old"]
    assert (await client("GET", "/v1/accounts", headers=headers)).status == 401


async def test_introspection(connect: Connect) -> None:
    client = await connect()
    client.sim.tokens["reader"] = {"read"}

    async def introspect(form: dict[str, str]) -> tuple[int, dict[str, object]]:
        answer = await client("POST", "/oauth/introspect", data=form, headers={})
        return answer.status, answer.json

    status, known = await introspect({"token": "dev-token"})
    assert (status, known["active"], known["scope"]) == (200, True, "read write")
    assert "exp" not in known
    assert (await introspect({"token": "reader"}))[1]["scope"] == "read"
    assert await introspect({"token": "wrong"}) == (200, {"active": False})
    status, error = await introspect({})
    assert (status, error["error"]) == (400, "invalid_request")
    old = await connect("4.1.294")
    form = {"token": "dev-token"}
    assert (await old("POST", "/oauth/introspect", data=form)).status == 404
