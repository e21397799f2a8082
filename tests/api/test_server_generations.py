"""Detection of a server's generation, and fallbacks for starting a chat."""

import json
from typing import Any

import pytest

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    PersonNotResolvedError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from custom_components.beeper.api.requests import StartChat, StartUser
from simulator import Simulator
from simulator.model import Person

from .conftest import START

THIRD_PARTY = ("Another", "1.0.0", "org.example.another")
ROUTE, MODE, CREATE = "start", "mode=start", "create"
CONTACTS = "contacts"
ABSENT = [
    {"status": 404, "body": "Not Found"},
    {"status": 404, "body": "<html>404</html>", "content_type": "text/html"},
    {"status": 404, "body": {"error": "no such page"}},
    {"status": 404},
    {"status": 405, "body": "Method Not Allowed"},
    {"status": 405, "body": {"message": "No", "code": "METHOD_NOT_ALLOWED"}},
    {"status": 501, "body": {"message": "No", "code": "NOT_IMPLEMENTED"}},
]
# Whether or not the request ran, these errors do not prove the route absent.
NOT_ABSENT = [
    {"status": 302, "headers": {"Location": "/"}},
    {"status": 401},
    {"status": 403},
    {"status": 404, "body": {"message": "User not set_contacts", "code": "NOT_FOUND"}},
    {"status": 408},
    {"status": 409},
    {"status": 429},
    {"status": 500, "body": "Not Found"},
    {"status": 502},
    {"status": 503},
]
REJECTED = [
    {"status": 400, "body": {"message": "Invalid", "code": "VALIDATION_ERROR"}},
    {"status": 422},
]


def attempts(simulator: Simulator) -> list[str]:
    """Return the attempted ways to start a chat, in order."""
    tried = []
    for received in simulator.requests:
        if received.path.endswith("/contacts"):
            tried.append(CONTACTS)
        elif received.path == "/v1/chats/start":
            tried.append(ROUTE)
        elif received.method == "POST" and received.path == "/v1/chats":
            tried.append(MODE if "mode" in received.json else CREATE)
    return tried


def set_info(simulator: Simulator, name: str, version: str, bundle_id: str) -> None:
    """Change the response of `/v1/info`."""
    simulator.faults.add(
        "status_before",
        path="/v1/info",
        times=None,
        status=200,
        body={
            "app": {"name": name, "version": version, "bundle_id": bundle_id},
            "server": {"status": "running"},
        },
    )


def hide_info(simulator: Simulator, *, header: bool, **answer: Any) -> None:
    """Act like a reverse proxy that blocks `/v1/info`."""
    simulator.faults.add(
        "status_before", path="/v1/info", times=None, **{"status": 404, **answer}
    )
    if not header:
        body = json.dumps(
            [simulator.wire.account(simulator.world.account("whatsapp"))]
        ).encode()
        simulator.faults.add(
            "status_before", path="/v1/accounts", times=None, status=200, body=body
        )


@pytest.mark.parametrize(
    ("profile", "generation", "ways"),
    [
        ("4.1.294", "4.1.294", [CONTACTS, CREATE]),
        ("4.2.557", "4.2.557", [MODE]),
        ("4.2.808", "4.2.808", [ROUTE]),
        ("latest", "4.2.808", [ROUTE]),
        ("easymatrix", "other", [CONTACTS, ROUTE, MODE]),
    ],
)
async def test_each_generation_starts_chats_its_own_way(
    client: BeeperClient, simulator: Simulator, generation: str, ways: list[str]
) -> None:
    assert (await client.identify()).name == generation

    result = await client.start_chat(START)

    assert result.chat_id in simulator.world.chats
    assert attempts(simulator) == ways
    assert len(simulator.executed) == 1


@pytest.mark.parametrize(
    ("version", "ways"),
    [
        ("4.2.556", [CONTACTS, CREATE]),
        ("4.2.557", [MODE]),
        ("4.2.807", [MODE]),
        ("4.2.808", [ROUTE]),
        ("4.10.0", [ROUTE]),
        ("10.0.0", [ROUTE]),
        ("4.2.808-nightly.3", [ROUTE]),
        ("v4", [CONTACTS, ROUTE]),
        ("", [CONTACTS, ROUTE]),
    ],
)
async def test_version_selects_the_start_route(
    client: BeeperClient, simulator: Simulator, version: str, ways: list[str]
) -> None:
    set_info(simulator, "Beeper", version, "com.automattic.beeper.server")
    await client.identify()
    simulator.faults.add("status_before", method="POST", times=None, status=403)

    with pytest.raises(BeeperError):
        await client.start_chat(START)

    assert attempts(simulator) == ways


async def test_third_party_version_is_ignored(
    client: BeeperClient, simulator: Simulator
) -> None:
    set_info(simulator, "EasyMatrix", "0.3.0", "com.beeper.desktop")
    assert (await client.identify()).name == "other"
    await client.start_chat(START)
    assert attempts(simulator) == [CONTACTS, ROUTE]


@pytest.mark.parametrize("answer", ABSENT)
async def test_absent_route_falls_back(
    client: BeeperClient, simulator: Simulator, answer: Any
) -> None:
    set_info(simulator, *THIRD_PARTY)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", times=None, **answer)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", **answer)

    await client.start_chat(START)

    assert attempts(simulator) == [CONTACTS, ROUTE, MODE, CREATE]
    assert len(simulator.executed) == 1


async def test_supported_way_is_remembered(
    client: BeeperClient, simulator: Simulator
) -> None:
    set_info(simulator, *THIRD_PARTY)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", status=404)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", status=404)
    await client.start_chat(START)

    await client.start_chat(START)

    assert attempts(simulator) == [CONTACTS, ROUTE, MODE, CREATE, CONTACTS, CREATE]


async def test_all_routes_absent_raises_route_absent(
    client: BeeperClient, simulator: Simulator
) -> None:
    set_info(simulator, *THIRD_PARTY)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats*", times=None, status=404)

    with pytest.raises(RouteAbsentError) as raised:
        await client.start_chat(START)

    assert attempts(simulator) == [CONTACTS, ROUTE, MODE, CREATE]
    assert not raised.value.may_have_run
    assert simulator.executed == []


async def test_downgraded_server_is_identified_again(
    client: BeeperClient, simulator: Simulator
) -> None:
    """A known version is trusted until the server disproves it."""
    await client.identify()
    set_info(simulator, "Beeper", "4.2.557", "com.automattic.beeper.desktop")
    simulator.faults.add("status_before", path="/v1/chats/start", status=404)

    with pytest.raises(RouteAbsentError):
        await client.start_chat(START)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", status=403)
    with pytest.raises(AnswerError):
        await client.start_chat(START)

    assert attempts(simulator) == [ROUTE, MODE]


@pytest.mark.parametrize("answer", NOT_ABSENT + REJECTED)
@pytest.mark.parametrize(
    ("profile", "path", "ways"),
    [
        ("latest", "/v1/chats/start", [ROUTE]),
        ("4.2.557", "/v1/chats", [MODE]),
        ("4.1.294", "/v1/chats", [CONTACTS, CREATE]),
    ],
)
async def test_other_errors_do_not_fall_back(
    client: BeeperClient, simulator: Simulator, path: str, ways: list[str], answer: Any
) -> None:
    await client.identify()
    simulator.faults.add("status_before", method="POST", path=path, **answer)

    with pytest.raises(AnswerError) as raised:
        await client.start_chat(START)

    assert raised.value.status == answer["status"]
    assert attempts(simulator) == ways
    assert simulator.executed == []


@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_after", "cut", "garbage", "status_after"]
)
@pytest.mark.parametrize("header", [True, False])
async def test_lost_response_does_not_fall_back(
    client: BeeperClient, simulator: Simulator, kind: str, header: bool
) -> None:
    hide_info(simulator, header=header)
    await client.identify()
    simulator.faults.add(kind, method="POST", path="/v1/chats/start")

    with pytest.raises(BeeperError) as raised:
        await client.start_chat(START)

    assert raised.value.may_have_run
    assert attempts(simulator) == [ROUTE]


async def test_incomplete_404_does_not_fall_back(
    client: BeeperClient, simulator: Simulator
) -> None:
    """An incomplete JSON 404 proves nothing about the route."""
    set_info(simulator, *THIRD_PARTY)
    await client.identify()
    simulator.faults.add("cut", path="/v1/chats/start")
    stranger = StartChat(account_id="nobody", user=StartUser(id="x"))

    with pytest.raises(BeeperError):
        await client.start_chat(stranger)

    assert attempts(simulator) == [ROUTE]


@pytest.mark.parametrize(
    ("header", "generation", "ways"),
    [(True, "4.2.808", [ROUTE]), (False, "4.1.294?", [ROUTE])],
)
@pytest.mark.parametrize("status", [401, 403, 404, 405, 501])
async def test_info_hidden_by_a_proxy(
    client: BeeperClient,
    simulator: Simulator,
    header: bool,
    generation: str,
    ways: list[str],
    status: int,
) -> None:
    hide_info(simulator, header=header, status=status)

    assert (await client.identify()).name == generation
    assert (await client.start_chat(START)).status == "existing"

    assert attempts(simulator) == ways


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_info_hidden_before_the_start_route(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    await client.identify()
    await client.start_chat(START)
    assert attempts(simulator) == [MODE]


@pytest.mark.parametrize("answer", REJECTED)
async def test_rejection_by_an_unidentified_server_falls_back(
    client: BeeperClient, simulator: Simulator, answer: Any
) -> None:
    """4.1.294 behind a proxy may match any path as a chat's and reject the body."""
    hide_info(simulator, header=False)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", **answer)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", **answer)

    await client.start_chat(START)

    assert attempts(simulator) == [ROUTE, MODE, CONTACTS, CREATE]
    assert len(simulator.executed) == 1


async def test_hidden_info_requires_accounts(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    simulator.faults.add(
        "status_before", path="/v1/accounts", status=200, body={"items": []}
    )
    with pytest.raises(UnreadableAnswerError):
        await client.identify()


async def test_wrong_token_does_not_mean_absent_info(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    simulator.tokens.clear()
    with pytest.raises(AuthenticationError):
        await client.identify()


@pytest.mark.parametrize("status", [302, 400, 408, 429, 500, 503])
async def test_other_responses_do_not_identify_the_server(
    client: BeeperClient, simulator: Simulator, status: int
) -> None:
    simulator.faults.add("status_before", path="/v1/info", status=status)
    with pytest.raises(AnswerError) as raised:
        await client.identify()
    assert raised.value.status == status
    assert len(simulator.requests) == 1
    assert client.generation is None


@pytest.mark.parametrize("profile", ["4.2.808"])
async def test_updated_server_is_identified_again(
    client: BeeperClient, simulator: Simulator
) -> None:
    set_info(simulator, "Beeper", "4.2.700", "com.automattic.beeper.desktop")
    await client.identify()
    simulator.faults.clear()

    await client.start_chat(START)

    assert attempts(simulator) == [ROUTE]


# Contact search for servers that cannot resolve a person

LOOKUP = pytest.mark.parametrize("profile", ["4.1.294"])


def start(**identifiers: str) -> StartChat:
    return StartChat(account_id="whatsapp", user=StartUser(**identifiers))


def contact(simulator: Simulator, **fields: Any) -> Person:
    """Add a person to the contacts."""
    person = Person(**fields)
    simulator.world.account("whatsapp").contacts[person.id] = person
    return person


def set_contacts(simulator: Simulator, *contacts: dict[str, Any]) -> None:
    """Set the response of the contact search."""
    simulator.faults.add(
        "status_before",
        path="*/contacts",
        status=200,
        body={"items": [{"isSelf": False, **contact} for contact in contacts]},
    )


@LOOKUP
@pytest.mark.parametrize(
    "identifiers",
    [
        {"phone_number": "+15550101077"},
        {"email": "Robin@Example.com"},
        {"username": "robin"},
        {"username": "@Robin"},
        {"phone_number": "+15550101077", "full_name": "Somebody else"},
    ],
)
async def test_contact_search_resolves_the_person(
    client: BeeperClient, simulator: Simulator, identifiers: dict[str, str]
) -> None:
    person = contact(
        simulator,
        id="@whatsapp_robin:beeper.com",
        username="robin",
        email="robin@example.com",
        phone_number="+15550101077",
    )
    await client.identify()

    result = await client.start_chat(start(**identifiers))

    assert attempts(simulator) == [CONTACTS, CREATE]
    assert simulator.executed[0].json["participantIDs"] == [person.id]
    chat = simulator.world.chats[result.chat_id]
    assert person in chat.participants


@LOOKUP
async def test_user_id_needs_no_contact_search(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    await client.start_chat(start(id="15550101002", phone_number="+15550101003"))
    assert attempts(simulator) == [CREATE]
    assert simulator.executed[0].json["participantIDs"] == ["15550101002"]


NUMBER = "+15550101077"


@LOOKUP
@pytest.mark.parametrize(
    ("contacts", "matches"),
    [
        ([], 0),
        ([{"id": "a", "phoneNumber": "+15550101078"}], 0),
        ([{"id": "a", "fullName": NUMBER}], 0),
        ([{"id": "a", "phoneNumber": NUMBER}, {"id": "b", "phoneNumber": NUMBER}], 2),
        ([{"id": letter, "phoneNumber": NUMBER} for letter in "abc"], 3),
    ],
    ids=["nobody", "another number", "only a name", "two share it", "three share it"],
)
async def test_ambiguous_person_is_refused(
    client: BeeperClient, simulator: Simulator, contacts: Any, matches: int
) -> None:
    await client.identify()
    set_contacts(simulator, *contacts)

    with pytest.raises(PersonNotResolvedError) as raised:
        await client.start_chat(start(phone_number=NUMBER))

    assert raised.value.matches == matches
    assert not raised.value.may_have_run
    assert attempts(simulator) == [CONTACTS]


@LOOKUP
async def test_duplicate_contacts_are_one_person(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    kim = {"id": "15550101002", "phoneNumber": "+15550101002"}
    set_contacts(simulator, kim, kim)
    await client.start_chat(START)
    assert attempts(simulator) == [CONTACTS, CREATE]


@LOOKUP
async def test_every_identifier_must_match(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    set_contacts(
        simulator, {"id": "a", "phoneNumber": NUMBER, "email": "robin@example.com"}
    )
    with pytest.raises(PersonNotResolvedError):
        await client.start_chat(start(phone_number=NUMBER, email="kim@example.com"))
    assert simulator.executed == []


@LOOKUP
async def test_second_identifier_selects_the_person(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    set_contacts(
        simulator,
        {"id": "15550101002", "phoneNumber": NUMBER, "email": "kim@example.com"},
        {"id": "15550101003", "phoneNumber": NUMBER, "email": "robin@example.com"},
    )
    await client.start_chat(start(phone_number=NUMBER, email="robin@example.com"))
    assert simulator.executed[0].json["participantIDs"] == ["15550101003"]


@LOOKUP
@pytest.mark.parametrize("kind", ["drop_before", "garbage", "cut", "status_before"])
async def test_failed_contact_search_creates_nothing(
    client: BeeperClient, simulator: Simulator, kind: str
) -> None:
    await client.identify()
    simulator.faults.add(kind, path="*/contacts", times=None)
    with pytest.raises(BeeperError) as raised:
        await client.start_chat(START)
    assert attempts(simulator)[-1] == CONTACTS
    assert simulator.executed == []
    # A contact search changes nothing, even if its outcome is unknown.
    assert not raised.value.may_have_run


@LOOKUP
async def test_unknown_account_raises_not_found(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    with pytest.raises(AnswerError, match="404"):
        await client.start_chat(StartChat(account_id="nobody", user=START.user))
    assert simulator.executed == []
