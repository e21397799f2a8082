"""Chats that Home Assistant starts: who is invited, and which texts arrive there."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from homeassistant.exceptions import HomeAssistantError

from .conftest import OpenChat
from .home import Home
from .matrix import Person
from .servers import EasyMatrix

WAYS: dict[str, Callable[[Person], dict[str, Any]]] = {
    "recipient_name": lambda person: {"recipient": person.name},
    "recipient_id": lambda person: {"recipient": person.id},
    "recipient_handle": lambda person: {"recipient": f"@{person.username}"},
    "user_id": lambda person: {"user": {"id": person.id}},
    "user_username": lambda person: {"user": {"username": person.username}},
    "user_full_name": lambda person: {
        "user": {"username": person.username, "full_name": person.name}
    },
    "participant_id": lambda person: {"participant_ids": [person.id], "type": "single"},
    "participant_name": lambda person: {
        "participants": [person.name],
        "type": "single",
    },
}
STARTS = [way for way in WAYS if not way.startswith("participant")]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[Person], dict[str, Any]]:
    return WAYS[request.param]


@pytest.fixture(params=STARTS)
def start(request: pytest.FixtureRequest) -> Callable[[Person], dict[str, Any]]:
    return WAYS[request.param]


@pytest.fixture
async def acquainted(bob: Person, carol: Person, open_chat: OpenChat) -> str:
    """Make people known by name: EasyMatrix lists those that share a chat."""
    return await open_chat(bob, carol, name="Family")


@pytest.mark.usefixtures("acquainted")
async def test_new_chat_without_text(
    home: Home,
    owner: Person,
    bob: Person,
    carol: Person,
    way: Callable[[Person], dict[str, Any]],
) -> None:
    response = await home.act("create_chat", **way(bob))

    assert await bob.accept_invitation() == response["chat_id"]
    assert response["recovered"] is False
    members = await bob.members(response["chat_id"])
    assert members == {owner.id: "join", bob.id: "join"}
    assert await bob.texts(response["chat_id"]) == []
    assert await carol.invitations() == {}


@pytest.mark.usefixtures("acquainted")
async def test_first_message_of_a_new_chat_arrives_once(
    home: Home, bob: Person, way: Callable[[Person], dict[str, Any]]
) -> None:
    response = await home.act("create_chat", **way(bob), message_text="Water!")

    chat_id = await bob.accept_invitation()
    assert response["chat_id"] == chat_id
    assert await bob.wait_for_texts(chat_id) == ["Water!"]
    await asyncio.sleep(3)
    assert await bob.texts(chat_id) == ["Water!"]


async def test_first_message_to_an_existing_chat_arrives_once(
    home: Home,
    bob: Person,
    open_chat: OpenChat,
    start: Callable[[Person], dict[str, Any]],
) -> None:
    chat_id = await open_chat(bob)

    response = await home.act("create_chat", **start(bob), message_text="Water!")

    assert response["chat_id"] == chat_id
    assert response["status"] == "existing"
    assert await bob.wait_for_texts(chat_id) == ["Water!"]
    assert await bob.invitations() == {}
    await asyncio.sleep(3)
    assert await bob.texts(chat_id) == ["Water!"]


async def test_existing_chat_is_used_again(
    home: Home,
    bob: Person,
    open_chat: OpenChat,
    start: Callable[[Person], dict[str, Any]],
) -> None:
    chat_id = await open_chat(bob)

    response = await home.act("create_chat", **start(bob))

    assert response["chat_id"] == chat_id
    assert response["status"] == "existing"
    assert await bob.invitations() == {}


@pytest.mark.usefixtures("acquainted")
async def test_two_starts_within_a_second_make_one_chat(
    home: Home, bob: Person
) -> None:
    first = await home.act("create_chat", recipient=bob.name, message_text="one")
    second = await home.act("create_chat", user={"id": bob.id}, message_text="two")
    third = await home.act("create_chat", recipient=bob.id, message_text="three")

    chat_id = await bob.accept_invitation()
    assert {r["chat_id"] for r in (first, second, third)} == {chat_id}
    assert await bob.wait_for_texts(chat_id, 3) == ["one", "two", "three"]
    await asyncio.sleep(3)
    assert await bob.invitations() == {}
    assert await bob.texts(chat_id) == ["one", "two", "three"]


@pytest.mark.usefixtures("acquainted")
async def test_twenty_starts_at_once_make_one_chat(home: Home, bob: Person) -> None:
    texts = [f"text {number}" for number in range(20)]

    responses = await asyncio.gather(
        *(
            home.act(
                "create_chat",
                **WAYS[STARTS[number % len(STARTS)]](bob),
                message_text=text,
            )
            for number, text in enumerate(texts)
        )
    )

    chat_id = await bob.accept_invitation()
    assert {response["chat_id"] for response in responses} == {chat_id}
    assert await bob.wait_for_texts(chat_id, 20, seconds=180) == texts
    assert await bob.invitations() == {}


@pytest.mark.usefixtures("acquainted")
async def test_starts_for_different_people_at_once(
    home: Home, bob: Person, carol: Person
) -> None:
    await asyncio.gather(
        home.act("create_chat", recipient=bob.name, message_text="to Bob"),
        home.act("create_chat", user={"id": carol.id}, message_text="to Carol"),
    )

    for person, text in ((bob, "to Bob"), (carol, "to Carol")):
        chat_id = await person.accept_invitation()
        assert await person.wait_for_texts(chat_id) == [text]


@pytest.mark.usefixtures("acquainted")
async def test_message_just_after_the_chat_was_created(
    home: Home, bob: Person, start: Callable[[Person], dict[str, Any]]
) -> None:
    """The server does not list the new chat's members yet."""
    created = await home.act("create_chat", **start(bob))
    recipients = (bob.id, bob.name, f"@{bob.username}")
    for recipient in recipients:
        sent = await home.act("send_message", recipient=recipient, message=recipient)
        assert sent["chat_id"] == created["chat_id"]

    chat_id = await bob.accept_invitation()
    assert chat_id == created["chat_id"]
    assert await bob.wait_for_texts(chat_id, 3) == [*recipients]


async def test_same_call_twice_makes_one_chat(home: Home, bob: Person) -> None:
    first, second = await asyncio.gather(
        *(home.act("create_chat", user={"id": bob.id}) for _ in range(2))
    )

    assert first["chat_id"] == second["chat_id"]
    await bob.accept_invitation()
    await asyncio.sleep(1)
    assert await bob.invitations() == {}


async def test_several_chats_with_one_person_need_no_question(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    older = await open_chat(bob)
    newer = await open_chat(bob)
    await bob.write(newer, "here")
    await home.wait_for_messages()

    response = await home.act("send_message", recipient=bob.name, message="Hi")

    assert response["chat_id"] == newer
    assert await bob.wait_for_texts(newer) == ["Hi"]
    assert await bob.texts(older) == []


@pytest.mark.parametrize("how", ["start", "name"])
async def test_chat_that_the_person_has_left_gets_no_text(
    home: Home,
    owner: Person,
    bob: Person,
    open_chat: OpenChat,
    beeper: EasyMatrix,
    how: str,
) -> None:
    chat_id = await open_chat(bob)
    await bob.write(chat_id, "Goodbye")
    await home.wait_for_messages()
    await bob.leave(chat_id)
    await beeper.wait_for_participants(chat_id, 1)

    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "start": (
            "create_chat",
            {"user": {"id": bob.id}, "message_text": "Water!"},
        ),
        "name": ("send_message", {"recipient": bob.name, "message": "Water!"}),
    }
    action, data = calls[how]
    with pytest.raises(HomeAssistantError):
        await home.act(action, **data)

    await owner.invite(chat_id, bob)
    await bob.join(chat_id)
    assert await bob.texts(chat_id) == []


@pytest.mark.parametrize("named", ["user_id", "user_username", "recipient_id"])
async def test_stranger_is_reached_by_identity(
    home: Home, bob: Person, named: str
) -> None:
    response = await home.act("create_chat", **WAYS[named](bob), message_text="Hello")

    assert await bob.accept_invitation() == response["chat_id"]
    assert await bob.wait_for_texts(response["chat_id"]) == ["Hello"]


async def test_stranger_is_not_reached_by_name(home: Home, bob: Person) -> None:
    """EasyMatrix lists only people with a chat."""
    with pytest.raises(HomeAssistantError, match="Nothing was"):
        await home.act("create_chat", recipient=bob.name, message_text="Hello")
    assert await bob.invitations() == {}


@pytest.mark.parametrize(
    "stated", ["username", "first_name", "name", "number", "email"]
)
async def test_somebody_similar_gets_nothing(
    home: Home, bob: Person, stated: str
) -> None:
    """EasyMatrix would take the first person whom its search finds."""
    user = {
        "username": {"username": bob.username[:-2]},
        "first_name": {"username": "Bob"},
        "name": {"username": bob.name},
        "number": {"phone_number": "+15550101002", "full_name": bob.name},
        "email": {"email": "bob@example.com", "full_name": bob.name},
    }[stated]

    with pytest.raises(HomeAssistantError, match="Nothing was"):
        await home.act("create_chat", user=user, message_text="Water!")

    assert await bob.invitations() == {}


async def test_namesake_of_another_homeserver_is_somebody_else(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    """EasyMatrix finds an existing chat by the ID without its homeserver."""
    chat_id = await open_chat(bob)

    with pytest.raises(HomeAssistantError, match="is with another person"):
        await home.act(
            "create_chat",
            user={"id": f"@{bob.username}:example.org"},
            message_text="Water!",
        )

    await home.act("send_message", chat_id=chat_id, message="last")
    assert await bob.wait_for_texts(chat_id) == ["last"]


async def test_user_that_does_not_exist(home: Home) -> None:
    with pytest.raises(HomeAssistantError, match="Nothing was"):
        await home.act("create_chat", recipient="Zachary Nobody")


# Groups


@pytest.mark.usefixtures("acquainted")
@pytest.mark.parametrize("named", ["participants", "participant_ids"])
async def test_group(
    home: Home, owner: Person, bob: Person, carol: Person, named: str
) -> None:
    people = (bob, carol)
    who = [person.name if named == "participants" else person.id for person in people]

    response = await home.act(
        "create_chat", **{named: who}, type="group", title="Trip", message_text="Hello"
    )

    chat_id = response["chat_id"]
    for person in people:
        assert await person.accept_invitation() == chat_id
        assert await person.wait_for_texts(chat_id) == ["Hello"]
    assert (await bob.members(chat_id)).keys() == {owner.id, bob.id, carol.id}
    assert (await bob.state(chat_id, "m.room.name"))["name"] == "Trip"


async def test_group_is_reused(
    home: Home, bob: Person, carol: Person, beeper: EasyMatrix
) -> None:
    group = {
        "participant_ids": [bob.id, carol.id],
        "type": "group",
        "title": "Dinner",
        "if_exists": "reuse",
    }
    first = await home.act("create_chat", **group, message_text="at 7")
    await bob.accept_invitation()
    await carol.accept_invitation()
    await beeper.wait_for_chat(first["chat_id"])

    second = await home.act("create_chat", **group, message_text="at 8")

    assert second["chat_id"] == first["chat_id"]
    assert await bob.wait_for_texts(first["chat_id"], 2) == ["at 7", "at 8"]
    assert await carol.invitations() == {}


async def test_group_is_reused_whose_title_the_server_has_trimmed(
    home: Home, bob: Person, carol: Person, beeper: EasyMatrix
) -> None:
    group = {
        "participant_ids": [bob.id, carol.id],
        "type": "group",
        "title": " Dinner  ",
        "if_exists": "reuse",
    }
    first = await home.act("create_chat", **group)
    await beeper.wait_for_chat(first["chat_id"])

    second = await home.act("create_chat", **group, allow_repeat=True)

    assert second["chat_id"] == first["chat_id"]


async def test_group_that_exists_is_refused(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    await open_chat(bob, carol, name="Dinner")

    with pytest.raises(HomeAssistantError):
        await home.act(
            "create_chat",
            participant_ids=[bob.id, carol.id],
            type="group",
            title="Dinner",
            if_exists="refuse",
        )

    assert await bob.invitations() == {}


async def test_direct_chat_is_reused(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    response = await home.act(
        "create_chat",
        participants=[bob.name],
        type="single",
        if_exists="reuse",
        message_text="again",
    )

    assert response["chat_id"] == chat_id
    assert await bob.wait_for_texts(chat_id) == ["again"]


async def test_spoken_message_to_an_existing_chat(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    await home.say(f"send a Beeper message to {bob.name} saying dinner is ready")

    assert await bob.wait_for_texts(chat_id) == ["dinner is ready"]
