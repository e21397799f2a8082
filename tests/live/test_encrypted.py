"""Encrypted chats: the other person uses a second EasyMatrix."""

import pytest

from .conftest import OpenChat
from .files import PICTURE
from .home import Home, wait_until
from .matrix import Person
from .servers import EasyMatrix


@pytest.fixture
async def chat_id(
    home: Home, bob: Person, bobs_server: EasyMatrix, open_chat: OpenChat
) -> str:
    """Return an encrypted chat that both servers list."""
    room_id = await open_chat(bob, encrypted=True)
    await bobs_server.wait_for_chat(room_id)
    return room_id


async def test_messages_both_ways(
    home: Home, owner: Person, bob: Person, bobs_server: EasyMatrix, chat_id: str
) -> None:
    await home.act("send_message", chat_id=chat_id, message="The door is *open*")

    texts = await bobs_server.wait_for_texts(chat_id, owner.id)
    assert texts == ["The door is *open*"]
    # Nobody who only sees the homeserver can read it.
    (event,) = await bob.events(chat_id, "m.room.encrypted")
    assert "door" not in str(event["content"])

    await bobs_server.send(chat_id, {"text": "Then close it"})
    (message,) = await home.wait_for_messages()
    assert message["text"] == "Then close it"
    assert message["sender_id"] == bob.id


async def test_first_message_to_an_existing_chat(
    home: Home, owner: Person, bob: Person, bobs_server: EasyMatrix, chat_id: str
) -> None:
    await home.act("send_message", recipient=bob.name, message="Water!", wait=False)

    assert await bobs_server.wait_for_texts(chat_id, owner.id) == ["Water!"]


def senders(home: Home) -> list[str]:
    return [message["sender_id"] for message in home.messages]


async def test_picture_both_ways(
    home: Home, owner: Person, bob: Person, bobs_server: EasyMatrix, chat_id: str
) -> None:
    path = home.write_file("door.png", PICTURE)
    await home.act("send_message", chat_id=chat_id, attachment=path)
    (message,) = await bobs_server.wait_for_messages(chat_id, owner.id)
    assert await bobs_server.download(message["attachments"][0]["srcURL"]) == PICTURE

    await bobs_server.send_file(chat_id, "cat.png", "image/png", PICTURE + b"cat")
    await wait_until(lambda: senders(home).count(bob.id), "the picture did not arrive")
    received = home.messages[senders(home).index(bob.id)]
    saved = await home.act(
        "download_attachment", chat_id=chat_id, message_id=received["message_id"]
    )
    assert home.read_file(saved["path"]) == PICTURE + b"cat"


async def test_reaction_both_ways(
    home: Home, owner: Person, bob: Person, bobs_server: EasyMatrix, chat_id: str
) -> None:
    await bobs_server.send(chat_id, {"text": "Dinner?"})
    (question,) = await home.wait_for_messages()

    await home.act(
        "add_reaction",
        chat_id=chat_id,
        message_id=question["message_id"],
        reaction="👍",
    )

    (reaction,) = await bob.wait_for_events(chat_id, "m.reaction")
    relation = reaction["content"]["m.relates_to"]
    assert relation["event_id"] == question["message_id"]


async def test_twenty_messages_are_read_in_order(
    home: Home, bobs_server: EasyMatrix, chat_id: str
) -> None:
    for number in range(20):
        await bobs_server.send(chat_id, {"text": f"message {number}"})

    await home.wait_for_messages(20, seconds=180)

    assert sorted(map(str, home.texts())) == sorted(f"message {n}" for n in range(20))


async def test_messages_from_before_a_restart_of_the_server_stay_readable(
    home: Home, bob: Person, beeper: EasyMatrix, bobs_server: EasyMatrix, chat_id: str
) -> None:
    await bobs_server.send(chat_id, {"text": "before"})
    await home.wait_for_messages()
    beeper.process.stop()
    await bobs_server.send(chat_id, {"text": "meanwhile"})
    await beeper.start()
    await bobs_server.send(chat_id, {"text": "after"})

    await home.wait_for_messages(3, seconds=180)

    assert home.texts() == ["before", "meanwhile", "after"]
    listed = await home.act("list_messages", chat_id=chat_id)
    texts = [message["text"] for message in listed["messages"]]
    assert texts == ["after", "meanwhile", "before"]
