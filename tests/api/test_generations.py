"""What a server is taken for, how a chat is started there, and on what it falls back."""

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

ANOTHER_MAKE = ("Another", "1.0.0", "org.example.another")
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
# Whether anything ran or not, these say nothing of the route.
NOT_ABSENT = [
    {"status": 302, "headers": {"Location": "/"}},
    {"status": 401},
    {"status": 403},
    {"status": 404, "body": {"message": "User not found", "code": "NOT_FOUND"}},
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


def changes(simulator: Simulator) -> list[str]:
    """Return which ways to start a chat were tried, in turn."""
    tried = []
    for received in simulator.requests:
        if received.path.endswith("/contacts"):
            tried.append(CONTACTS)
        elif received.path == "/v1/chats/start":
            tried.append(ROUTE)
        elif received.method == "POST" and received.path == "/v1/chats":
            tried.append(MODE if "mode" in received.json else CREATE)
    return tried


def tell(simulator: Simulator, name: str, version: str, bundle_id: str) -> None:
    """Let `/v1/info` say something else from now on."""
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
    """Do what a proxy in front does that lets only some things through."""
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
        ("easymatrix", "other", [ROUTE, MODE]),
    ],
)
async def test_each_generation_is_started_its_way(
    client: BeeperClient, simulator: Simulator, generation: str, ways: list[str]
) -> None:
    assert (await client.identify()).name == generation

    result = await client.start_chat(START)

    assert result.chat_id in simulator.world.chats
    assert changes(simulator) == ways
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
        ("v4", [ROUTE]),
        ("", [ROUTE]),
    ],
)
async def test_version_chooses(
    client: BeeperClient, simulator: Simulator, version: str, ways: list[str]
) -> None:
    tell(simulator, "Beeper", version, "com.automattic.beeper.server")
    await client.identify()
    simulator.faults.add("status_before", method="POST", times=None, status=403)

    with pytest.raises(BeeperError):
        await client.start_chat(START)

    assert changes(simulator) == ways


async def test_version_of_another_make_says_nothing(
    client: BeeperClient, simulator: Simulator
) -> None:
    tell(simulator, "EasyMatrix", "0.3.0", "com.beeper.desktop")
    assert (await client.identify()).name == "other"
    await client.start_chat(START)
    assert changes(simulator) == [ROUTE]


@pytest.mark.parametrize("answer", ABSENT)
async def test_falls_back_where_the_route_is_absent(
    client: BeeperClient, simulator: Simulator, answer: Any
) -> None:
    tell(simulator, *ANOTHER_MAKE)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", times=None, **answer)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", **answer)

    await client.start_chat(START)

    assert changes(simulator) == [ROUTE, MODE, CONTACTS, CREATE]
    assert len(simulator.executed) == 1


async def test_what_worked_is_remembered(
    client: BeeperClient, simulator: Simulator
) -> None:
    tell(simulator, *ANOTHER_MAKE)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", status=404)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", status=404)
    await client.start_chat(START)

    await client.start_chat(START)

    assert changes(simulator) == [ROUTE, MODE, CONTACTS, CREATE, CONTACTS, CREATE]


async def test_absent_everywhere_is_said_to_be_absent(
    client: BeeperClient, simulator: Simulator
) -> None:
    tell(simulator, *ANOTHER_MAKE)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats*", times=None, status=404)

    with pytest.raises(RouteAbsentError) as raised:
        await client.start_chat(START)

    assert changes(simulator) == [ROUTE, MODE, CONTACTS, CREATE]
    assert not raised.value.may_have_run
    assert simulator.executed == []


async def test_server_that_was_downgraded_is_recognised_anew(
    client: BeeperClient, simulator: Simulator
) -> None:
    """A version that is known is believed, until the server proves it wrong."""
    await client.identify()
    tell(simulator, "Beeper", "4.2.557", "com.automattic.beeper.desktop")
    simulator.faults.add("status_before", path="/v1/chats/start", status=404)

    with pytest.raises(RouteAbsentError):
        await client.start_chat(START)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", status=403)
    with pytest.raises(AnswerError):
        await client.start_chat(START)

    assert changes(simulator) == [ROUTE, MODE]


@pytest.mark.parametrize("answer", NOT_ABSENT + REJECTED)
@pytest.mark.parametrize(
    ("profile", "path", "ways"),
    [
        ("latest", "/v1/chats/start", [ROUTE]),
        ("4.2.557", "/v1/chats", [MODE]),
        ("4.1.294", "/v1/chats", [CONTACTS, CREATE]),
    ],
)
async def test_does_not_fall_back_on_another_answer(
    client: BeeperClient, simulator: Simulator, path: str, ways: list[str], answer: Any
) -> None:
    await client.identify()
    simulator.faults.add("status_before", method="POST", path=path, **answer)

    with pytest.raises(AnswerError) as raised:
        await client.start_chat(START)

    assert raised.value.status == answer["status"]
    assert changes(simulator) == ways
    assert simulator.executed == []


@pytest.mark.parametrize(
    "kind", ["drop_before", "drop_after", "cut", "garbage", "status_after"]
)
@pytest.mark.parametrize("header", [True, False])
async def test_does_not_fall_back_without_an_answer(
    client: BeeperClient, simulator: Simulator, kind: str, header: bool
) -> None:
    hide_info(simulator, header=header)
    await client.identify()
    simulator.faults.add(kind, method="POST", path="/v1/chats/start")

    with pytest.raises(BeeperError) as raised:
        await client.start_chat(START)

    assert raised.value.may_have_run
    assert changes(simulator) == [ROUTE]


async def test_does_not_fall_back_where_the_reason_was_cut_off(
    client: BeeperClient, simulator: Simulator
) -> None:
    """Half of a JSON 404 proves nothing about the route."""
    tell(simulator, *ANOTHER_MAKE)
    await client.identify()
    simulator.faults.add("cut", path="/v1/chats/start")
    stranger = StartChat(account_id="nobody", user=StartUser(id="x"))

    with pytest.raises(BeeperError):
        await client.start_chat(stranger)

    assert changes(simulator) == [ROUTE]


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

    assert changes(simulator) == ways


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_info_hidden_before_the_start_route(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    await client.identify()
    await client.start_chat(START)
    assert changes(simulator) == [MODE]


@pytest.mark.parametrize("answer", REJECTED)
async def test_rejection_falls_back_where_the_server_is_unknown(
    client: BeeperClient, simulator: Simulator, answer: Any
) -> None:
    """A 4.1.294 behind a proxy can take any path for a chat's, and reject the body."""
    hide_info(simulator, header=False)
    await client.identify()
    simulator.faults.add("status_before", path="/v1/chats/start", **answer)
    simulator.faults.add("status_before", method="POST", path="/v1/chats", **answer)

    await client.start_chat(START)

    assert changes(simulator) == [ROUTE, MODE, CONTACTS, CREATE]
    assert len(simulator.executed) == 1


async def test_hidden_info_needs_accounts(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    simulator.faults.add(
        "status_before", path="/v1/accounts", status=200, body={"items": []}
    )
    with pytest.raises(UnreadableAnswerError):
        await client.identify()


async def test_wrong_token_is_not_an_absent_info(
    client: BeeperClient, simulator: Simulator
) -> None:
    hide_info(simulator, header=True)
    simulator.tokens.clear()
    with pytest.raises(AuthenticationError):
        await client.identify()


@pytest.mark.parametrize("status", [302, 400, 408, 429, 500, 503])
async def test_other_answers_say_nothing_about_the_server(
    client: BeeperClient, simulator: Simulator, status: int
) -> None:
    simulator.faults.add("status_before", path="/v1/info", status=status)
    with pytest.raises(AnswerError) as raised:
        await client.identify()
    assert raised.value.status == status
    assert len(simulator.requests) == 1
    assert client.generation is None


@pytest.mark.parametrize("profile", ["4.2.808"])
async def test_server_that_was_updated_is_noticed(
    client: BeeperClient, simulator: Simulator
) -> None:
    tell(simulator, "Beeper", "4.2.700", "com.automattic.beeper.desktop")
    await client.identify()
    simulator.faults.clear()

    await client.start_chat(START)

    assert changes(simulator) == [ROUTE]


# Looking a person up where a server cannot

LOOKUP = pytest.mark.parametrize("profile", ["4.1.294"])


def start(**identifiers: str) -> StartChat:
    return StartChat(account_id="whatsapp", user=StartUser(**identifiers))


def contact(simulator: Simulator, **fields: Any) -> Person:
    """Add somebody to the contacts."""
    person = Person(**fields)
    simulator.world.account("whatsapp").contacts[person.id] = person
    return person


def found(simulator: Simulator, *contacts: dict[str, Any]) -> None:
    """Let the contact search answer this."""
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
async def test_person_is_looked_up(
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

    assert changes(simulator) == [CONTACTS, CREATE]
    assert simulator.executed[0].json["participantIDs"] == [person.id]
    chat = simulator.world.chats[result.chat_id]
    assert person in chat.participants


@LOOKUP
async def test_id_needs_no_lookup(client: BeeperClient, simulator: Simulator) -> None:
    await client.identify()
    await client.start_chat(start(id="15550101002", phone_number="+15550101003"))
    assert changes(simulator) == [CREATE]
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
async def test_person_who_is_not_certain_is_refused(
    client: BeeperClient, simulator: Simulator, contacts: Any, matches: int
) -> None:
    await client.identify()
    found(simulator, *contacts)

    with pytest.raises(PersonNotResolvedError) as raised:
        await client.start_chat(start(phone_number=NUMBER))

    assert raised.value.matches == matches
    assert not raised.value.may_have_run
    assert changes(simulator) == [CONTACTS]


@LOOKUP
async def test_same_person_twice_is_one(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    kim = {"id": "15550101002", "phoneNumber": "+15550101002"}
    found(simulator, kim, kim)
    await client.start_chat(START)
    assert changes(simulator) == [CONTACTS, CREATE]


@LOOKUP
async def test_every_identifier_has_to_fit(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    found(simulator, {"id": "a", "phoneNumber": NUMBER, "email": "robin@example.com"})
    with pytest.raises(PersonNotResolvedError):
        await client.start_chat(start(phone_number=NUMBER, email="kim@example.com"))
    assert simulator.executed == []


@LOOKUP
async def test_second_identifier_decides_between_two(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    found(
        simulator,
        {"id": "15550101002", "phoneNumber": NUMBER, "email": "kim@example.com"},
        {"id": "15550101003", "phoneNumber": NUMBER, "email": "robin@example.com"},
    )
    await client.start_chat(start(phone_number=NUMBER, email="robin@example.com"))
    assert simulator.executed[0].json["participantIDs"] == ["15550101003"]


@LOOKUP
@pytest.mark.parametrize("kind", ["drop_before", "garbage", "cut", "status_before"])
async def test_failed_lookup_has_created_nothing(
    client: BeeperClient, simulator: Simulator, kind: str
) -> None:
    await client.identify()
    simulator.faults.add(kind, path="*/contacts", times=None)
    with pytest.raises(BeeperError) as raised:
        await client.start_chat(START)
    assert changes(simulator)[-1] == CONTACTS
    assert simulator.executed == []
    # A lookup changes nothing, whatever became of it.
    assert not raised.value.may_have_run


@LOOKUP
async def test_account_without_contacts_is_not_found(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    with pytest.raises(AnswerError, match="404"):
        await client.start_chat(StartChat(account_id="nobody", user=START.user))
    assert simulator.executed == []
