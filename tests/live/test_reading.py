"""Actions that read, against what the people have really written."""

import asyncio

import pytest

from homeassistant.exceptions import HomeAssistantError

from .conftest import OpenChat
from .home import Home
from .matrix import Person
from .servers import EasyMatrix


async def test_accounts(home: Home, beeper: EasyMatrix) -> None:
    response = await home.act("list_accounts")

    (account,) = response["accounts"]
    assert account["account_id"] == beeper.account_id
    assert account["network"] == "Matrix"


async def test_chat_and_its_people(
    home: Home, owner: Person, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob, carol, name="Family")

    response = await home.act("get_chat", chat_id=chat_id)

    assert response["title"] == "Family"
    assert response["type"] == "group"
    people = {person["id"]: person for person in response["participants"]}
    assert people.keys() == {owner.id, bob.id, carol.id}
    assert people[bob.id]["full_name"] == bob.name
    assert [who for who, person in people.items() if person["is_self"]] == [owner.id]


async def test_chats_page_by_page(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chats = [await open_chat(bob, carol, name=f"Chat {n}") for n in range(30)]

    listed: list[str] = []
    cursor = None
    while True:
        page = await home.act("list_chats", limit=20, cursor=cursor)
        listed += [chat["chat_id"] for chat in page["chats"]]
        if not (cursor := page["cursor"]):
            break

    assert sorted(listed) == sorted(chats)


async def test_messages_page_by_page(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    for number in range(75):
        await bob.write(chat_id, f"message {number}")
    await home.wait_for_messages(75, seconds=180)

    texts: list[str] = []
    cursor = None
    while True:
        page = await home.act("list_messages", chat_id=chat_id, limit=30, cursor=cursor)
        texts += [message["text"] for message in page["messages"]]
        if not (cursor := page["cursor"]):
            break

    assert texts == [f"message {number}" for number in reversed(range(75))]


async def test_messages_are_read_by_several_calls_at_once(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    """EasyMatrix refuses to read a chat's history that it is reading already."""
    chat_id = await open_chat(bob)
    await bob.write(chat_id, "the one")
    await home.wait_for_messages()

    responses = await asyncio.gather(
        *(home.act("list_messages", chat_id=chat_id) for _ in range(5))
    )

    texts = [[m["text"] for m in response["messages"]] for response in responses]
    assert texts == [["the one"]] * 5


async def test_search(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    other = await open_chat(carol)
    await bob.write(chat_id, "the boiler makes a noise")
    await carol.write(other, "nothing here")
    await home.wait_for_messages(2)

    response = await home.act("search_messages", query="boiler")

    (message,) = response["messages"]
    assert message["chat_id"] == chat_id
    assert message["text"] == "the boiler makes a noise"


async def test_find(home: Home, bob: Person, open_chat: OpenChat) -> None:
    chat_id = await open_chat(bob)

    for query in (bob.name, bob.name.upper(), bob.id):
        response = await home.act("find", query=query)
        assert [match["chat_id"] for match in response["matches"]] == [chat_id], query
        assert response["matches"][0]["user_id"] == bob.id


async def test_find_a_stranger_by_identity(
    home: Home, bob: Person, beeper: EasyMatrix
) -> None:
    response = await home.act(
        "find", query=f"@{bob.username}", account_id=beeper.account_id
    )
    assert [match["user_id"] for match in response["matches"]] == [bob.id]


@pytest.fixture
async def refusals(home: Home, bob: Person, open_chat: OpenChat) -> list[str]:
    """Return the errors of the actions that this server does not support."""
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "the one")
    await home.wait_for_messages()
    refusals: list[str] = []
    for action, data in (
        ("list_labels", {}),
        ("get_message", {"chat_id": chat_id, "message_id": event_id}),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await home.act(action, **data)
        refusals.append(str(raised.value))
    return refusals


async def test_missing_query_action_raises_an_error(refusals: list[str]) -> None:
    assert all("Nothing was read" in refusal for refusal in refusals)


async def test_missing_action_names_no_version_of_beeper(refusals: list[str]) -> None:
    assert not any("Beeper can" in refusal for refusal in refusals)
