"""Messages that people write, as automations, event entities and sensors see them."""

import asyncio

import pytest

from homeassistant.core import HomeAssistant

from .conftest import OpenChat
from .files import PICTURE
from .home import Home, wait_until
from .matrix import Person
from .servers import EasyMatrix


async def settle(home: Home) -> None:
    """Wait so long that something wrong would have arrived, too."""
    await asyncio.sleep(3)
    await home.hass.async_block_till_done()


async def test_text_starts_an_automation(
    home: Home, owner: Person, bob: Person, beeper: EasyMatrix, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "Open <the> *gate*")

    (message,) = await home.wait_for_messages()

    assert message["text"] == "Open <the> *gate*"
    assert message["chat_id"] == chat_id
    assert message["chat_type"] == "single"
    assert message["account_id"] == beeper.account_id
    assert message["network"] == "Matrix"
    assert message["message_id"] == event_id
    assert message["sender_id"] == bob.id
    assert message["sender_name"] == bob.name
    assert message["is_self"] is False
    assert message["attachments"] == []
    change = await home.wait_for_change("message_received")
    assert change["text"] == "Open <the> *gate*"


async def test_first_message_of_a_new_chat_starts_an_automation(
    home: Home, owner: Person, bob: Person
) -> None:
    room_id = await bob.create_direct_room(owner)
    await bob.write(room_id, "first")
    await bob.write(room_id, "second")

    await home.wait_for_messages(2)

    assert home.texts() == ["first", "second"]


async def test_own_message_from_another_device(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await home.act("send_message", chat_id=chat_id, message="from Home Assistant")
    await bob.wait_for_events(chat_id)
    await owner.write(chat_id, "from my phone")

    await home.wait_for_messages()
    await settle(home)

    assert home.texts() == ["from my phone"]
    assert home.messages[0]["is_self"] is True
    assert home.kinds_of_changes() == ["message_sent"]


async def test_own_picture_from_home_assistant_is_not_from_another_device(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    path = home.write_file("door.png", PICTURE)
    await home.act("send_message", chat_id=chat_id, attachment=path)
    await bob.wait_for_events(chat_id)
    await settle(home)

    assert home.messages == []


async def test_group_message_names_its_sender(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob, carol, name="Family")
    await bob.write(chat_id, "one")
    await home.wait_for_messages(1)
    await carol.write(chat_id, "two")

    messages = await home.wait_for_messages(2)

    assert [message["sender_name"] for message in messages] == [bob.name, carol.name]
    assert {message["chat_type"] for message in messages} == {"group"}
    assert {message["chat_name"] for message in messages} == {"Family"}


async def test_picture_is_announced_and_can_be_saved(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await bob.send_file(
        chat_id, PICTURE, name="cat.png", mime_type="image/png", kind="m.image"
    )

    (message,) = await home.wait_for_messages()

    assert message["attachments"] == ["image"]
    saved = await home.act(
        "download_attachment",
        chat_id=chat_id,
        message_id=message["message_id"],
        folder="family",
    )
    assert home.read_file(saved["path"]) == PICTURE


@pytest.mark.parametrize(
    ("name", "mime_type", "kind", "attachment"),
    [
        ("cat.png", "image/png", "m.image", "image"),
        ("voice.ogg", "audio/ogg", "m.audio", "audio"),
        ("plan.pdf", "application/pdf", "m.file", "file"),
    ],
)
async def test_name_of_a_file_is_not_its_text(
    home: Home,
    bob: Person,
    open_chat: OpenChat,
    name: str,
    mime_type: str,
    kind: str,
    attachment: str,
) -> None:
    chat_id = await open_chat(bob)
    await bob.send_file(chat_id, PICTURE, name=name, mime_type=mime_type, kind=kind)

    (message,) = await home.wait_for_messages()

    assert message["attachments"] == [attachment]
    assert not message["text"]


async def test_caption_is_the_text(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await bob.write(
        chat_id,
        "Look at her",
        msgtype="m.image",
        filename="cat.png",
        url="mxc://localhost/none",
        info={"mimetype": "image/png"},
    )

    (message,) = await home.wait_for_messages()

    assert message["text"] == "Look at her"
    assert message["attachments"] == ["image"]


async def test_reply_names_the_message(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await home.act("send_message", chat_id=chat_id, message="Well?")
    (question,) = await bob.wait_for_events(chat_id)
    relation = {"m.in_reply_to": {"event_id": question["event_id"]}}
    await bob.write(chat_id, "Yes", **{"m.relates_to": relation})

    (message,) = await home.wait_for_messages()

    assert message["text"] == "Yes"
    assert message["reply_to"] == question["event_id"]


async def test_reaction_and_its_removal(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "Dinner?")
    await home.wait_for_messages()
    reaction_id = await bob.react(chat_id, event_id, "👍")

    added = await home.wait_for_change("reaction_added")
    await bob.delete(chat_id, reaction_id)
    removed = await home.wait_for_change("reaction_removed")

    assert (added["message_id"], added["reaction"]) == (event_id, "👍")
    assert (removed["message_id"], removed["reaction"]) == (event_id, "👍")
    assert home.texts() == ["Dinner?"]


async def test_deletion(home: Home, bob: Person, open_chat: OpenChat) -> None:
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "Oops")
    await home.wait_for_messages()
    await bob.delete(chat_id, event_id)
    # EasyMatrix reports nothing, so the next message causes the read.
    await bob.write(chat_id, "Sorry")

    deleted = await home.wait_for_change("message_deleted")

    assert deleted["message_id"] == event_id
    assert deleted["text"] is None
    await settle(home)
    assert home.texts() == ["Oops", "Sorry"]


async def test_edit(home: Home, bob: Person, open_chat: OpenChat) -> None:
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "at 7")
    await home.wait_for_messages()
    await bob.edit(chat_id, event_id, "at 8")

    edited = await home.wait_for_change("message_edited")

    assert (edited["message_id"], edited["text"]) == (event_id, "at 8")
    await settle(home)
    assert home.texts() == ["at 7"]


async def test_notice_is_a_message(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    """Bots write notices, and people who automate wait for them."""
    chat_id = await open_chat(bob)
    await bob.write(chat_id, "Backup done", msgtype="m.notice")
    await bob.write(chat_id, "Thanks")

    await home.wait_for_messages()
    await settle(home)

    assert home.texts() in (["Backup done", "Thanks"], ["Thanks"])


async def test_membership_starts_nothing(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob, carol, name="Family")
    await carol.leave(chat_id)
    await bob.invite(chat_id, carol)
    await carol.join(chat_id)
    await bob.set_name("Robert")
    await bob.request(
        "PUT", f"v3/rooms/{chat_id}/state/m.room.topic", {"topic": "Dinner"}
    )
    await bob.write(chat_id, "Welcome back")

    await home.wait_for_messages()
    await settle(home)

    assert home.texts() == ["Welcome back"]
    assert home.kinds_of_changes() == ["message_received"]


async def test_poll_and_unknown_events_do_no_harm(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    poll = {
        "m.poll": {
            "question": {"m.text": [{"body": "Pizza?"}]},
            "answers": [{"m.id": "y", "m.text": [{"body": "Yes"}]}],
        },
        "m.text": [{"body": "Pizza? 1. Yes"}],
    }
    await bob.send_event(chat_id, "m.poll.start", poll)
    await bob.send_event(chat_id, "org.example.unknown", {"body": "?"})
    await bob.write(chat_id, "strange", msgtype="org.example")
    await bob.write(chat_id, "", msgtype="m.text")
    await bob.write(chat_id, "Pizza?")

    await wait_until(lambda: "Pizza?" in home.texts(), "the message did not arrive")


async def test_invitation_starts_nothing(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    await open_chat(bob)
    room_id = await bob.create_room(name="Strangers")
    await bob.invite(room_id, owner)
    await bob.write(room_id, "Come in")
    await settle(home)
    assert home.messages == []

    await owner.join(room_id)
    await bob.write(room_id, "Welcome")
    await wait_until(lambda: "Welcome" in home.texts(), "the message did not arrive")


async def test_message_that_cannot_be_decrypted_does_no_harm(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    nonsense = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg2yyOwAtHaZT",
        "device_id": "NONE",
        "sender_key": "IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA",
        "session_id": "X3lUlvLELLYxeTx4yOVu6UDpasGEVO0Jbu+QFnm0cKQ",
    }
    await bob.send_event(chat_id, "m.room.encrypted", nonsense)
    await bob.write(chat_id, "readable")

    await wait_until(lambda: "readable" in home.texts(), "the message did not arrive")

    assert not any("Awg" in (text or "") for text in home.texts())


async def test_two_hundred_messages_arrive_once_and_in_order(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    for number in range(200):
        await bob.write(chat_id, f"message {number}")

    await home.wait_for_messages(200, seconds=180)
    await settle(home)

    assert home.texts() == [f"message {number}" for number in range(200)]


async def test_messages_of_many_chats_at_once(
    home: Home, owner: Person, bob: Person, carol: Person, open_chat: OpenChat
) -> None:
    chats = [await open_chat(bob, carol, name=f"Chat {n}") for n in range(30)]

    async def talk(chat_id: str) -> None:
        for number in range(3):
            await bob.write(chat_id, f"{chat_id} {number}")

    await asyncio.gather(*map(talk, chats))
    await home.wait_for_messages(90, seconds=180)
    await settle(home)

    texts = [text for text in home.texts() if text]
    assert len(texts) == len({*texts}) == 90
    for chat_id in chats:
        of_chat = [text for text in texts if text.startswith(chat_id)]
        assert of_chat == [f"{chat_id} {number}" for number in range(3)]


def unread(hass: HomeAssistant) -> str:
    """Return the state of the account's sensor, which is the server's, too."""
    sensors = hass.states.async_all("sensor")
    states = {sensor.state for sensor in sensors if "unread" in sensor.entity_id}
    return " ".join(sorted(states))


async def test_unread_messages_are_counted(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    for number in range(3):
        await bob.write(chat_id, f"message {number}")
    await home.wait_for_messages(3)
    await wait_until(lambda: unread(home.hass) == "3", "unread messages")

    chats = await home.act("list_chats", unread_only=True)
    assert [chat["chat_id"] for chat in chats["chats"]] == [chat_id]


async def test_unread_messages_are_read_aloud(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await bob.write(chat_id, "Dinner is ready")
    await home.wait_for_messages()
    await wait_until(lambda: unread(home.hass) == "1", "unread messages")

    assert "Dinner is ready" in await home.say("read my unread messages on Beeper")
