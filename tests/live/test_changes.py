"""Changes of messages and chats, as the other person and other clients see them."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .conftest import OpenChat
from .files import PICTURE
from .home import Home
from .matrix import Event, Person


@pytest.fixture(params=["returned", "listed"])
def id_source(request: pytest.FixtureRequest) -> str:
    """Return where the ID of an own message comes from.

    `returned` by the action that sent it, or `listed` by the server afterwards.
    """
    source: str = request.param
    return source


async def send(home: Home, bob: Person, chat_id: str, id_source: str) -> str:
    """Send a message that has arrived, and return its ID."""
    sent = await home.act("send_message", chat_id=chat_id, message="The oven is on")
    await bob.wait_for_events(chat_id)
    if id_source == "returned":
        return str(sent["message_id"])
    listed = await home.act("list_messages", chat_id=chat_id)
    return str(listed["messages"][0]["message_id"])


async def test_edit(
    home: Home, bob: Person, open_chat: OpenChat, id_source: str
) -> None:
    chat_id = await open_chat(bob)
    message_id = await send(home, bob, chat_id, id_source)

    await home.act(
        "edit_message", chat_id=chat_id, message_id=message_id, message="It is off"
    )

    original, edit = await bob.wait_for_events(
        chat_id, until=lambda events: len(events) == 2
    )
    assert edit["content"]["m.new_content"]["body"] == "It is off"
    assert edit["content"]["m.relates_to"]["event_id"] == original["event_id"]


async def test_reaction_to_an_own_message_and_its_removal(
    home: Home, bob: Person, open_chat: OpenChat, id_source: str
) -> None:
    chat_id = await open_chat(bob)
    message_id = await send(home, bob, chat_id, id_source)
    where = {"chat_id": chat_id, "message_id": message_id, "reaction": "👍"}

    await home.act("add_reaction", **where)

    (message,) = await bob.events(chat_id)
    (reaction,) = await bob.wait_for_events(chat_id, "m.reaction")
    assert reaction["content"]["m.relates_to"]["key"] == "👍"
    assert reaction["content"]["m.relates_to"]["event_id"] == message["event_id"]

    await home.act("remove_reaction", **where)

    await bob.wait_for_events(
        chat_id, "m.reaction", until=lambda events: not events[0]["content"]
    )


async def test_reply_to_an_own_message(
    home: Home, bob: Person, open_chat: OpenChat, id_source: str
) -> None:
    chat_id = await open_chat(bob)
    message_id = await send(home, bob, chat_id, id_source)

    await home.act(
        "send_message", chat_id=chat_id, message="It still is", reply_to=message_id
    )

    first, second = await bob.wait_for_events(
        chat_id, until=lambda events: len(events) == 2
    )
    relation = second["content"]["m.relates_to"]
    assert relation["m.in_reply_to"]["event_id"] == first["event_id"]


async def test_returned_id_works_at_once(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    sent = await home.act("send_message", chat_id=chat_id, message="The oven is on")
    await home.act(
        "add_reaction",
        chat_id=chat_id,
        message_id=sent["message_id"],
        reaction="🔥",
    )

    (message,) = await bob.wait_for_events(chat_id)
    (reaction,) = await bob.wait_for_events(chat_id, "m.reaction")
    assert reaction["content"]["m.relates_to"]["event_id"] == message["event_id"]


async def test_returned_id_works_after_a_restart(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    message_id = await send(home, bob, chat_id, "returned")

    await home.restart()
    await home.act(
        "edit_message", chat_id=chat_id, message_id=message_id, message="It is off"
    )

    _, edit = await bob.wait_for_events(chat_id, until=lambda events: len(events) == 2)
    assert edit["content"]["m.new_content"]["body"] == "It is off"


async def test_returned_id_gets_the_message_and_its_file(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    sent = await home.act(
        "send_message",
        chat_id=chat_id,
        attachment=home.write_file("door.png", PICTURE),
    )
    where = {"chat_id": chat_id, "message_id": sent["message_id"]}

    await home.act("download_attachment", **where)
    found = await home.act("get_message", **where)

    (event,) = await bob.wait_for_events(chat_id)
    assert event["content"]["filename"] == "door.png"
    assert found["attachments"] == ["image"]


async def test_reaction_to_somebody_elses_message(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    event_id = await bob.write(chat_id, "Lights out")
    (message,) = await home.wait_for_messages()

    await home.act(
        "add_reaction",
        chat_id=chat_id,
        message_id=message["message_id"],
        reaction="👍",
    )

    (reaction,) = await bob.wait_for_events(chat_id, "m.reaction")
    assert reaction["content"]["m.relates_to"]["event_id"] == event_id


async def test_reaction_to_a_message_that_does_not_exist(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    with pytest.raises(HomeAssistantError):
        await home.act(
            "add_reaction", chat_id=chat_id, message_id="$none", reaction="👍"
        )


async def room_account_data(owner: Person, chat_id: str, kind: str) -> dict[str, Any]:
    path = f"v3/user/{quote(owner.id)}/rooms/{chat_id}/account_data/{kind}"
    content: dict[str, Any] = await owner.request("GET", path)
    return content


async def test_archive_and_back(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    await home.act("update_chat", chat_id=chat_id, is_archived=True)
    done = await room_account_data(owner, chat_id, "com.beeper.inbox.done")
    assert done["updated_ts"]

    await home.act("update_chat", chat_id=chat_id, is_archived=False)
    done = await room_account_data(owner, chat_id, "com.beeper.inbox.done")
    assert done == {}


async def test_reminder_and_its_end(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    moment = dt_util.utcnow() + timedelta(hours=1)

    await home.act("set_reminder", chat_id=chat_id, remind_at=moment.isoformat())
    reminder = await room_account_data(owner, chat_id, "com.beeper.chats.reminder")
    assert reminder["remind_at_ms"] == pytest.approx(moment.timestamp() * 1000, abs=1)

    await home.act("clear_reminder", chat_id=chat_id)
    reminder = await room_account_data(owner, chat_id, "com.beeper.chats.reminder")
    assert not reminder.get("remind_at_ms")


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("update_chat", {"title": "Home"}),
        ("update_chat", {"is_pinned": True}),
        ("update_chat", {"draft": "About that"}),
        ("mark_read", {}),
        ("mark_unread", {}),
        ("delete_message", {"for_everyone": True}),
        ("notify_anyway", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
async def test_missing_change_action_raises_an_error(
    home: Home, bob: Person, open_chat: OpenChat, action: str, data: dict[str, Any]
) -> None:
    chat_id = await open_chat(bob, name="Kitchen")
    event_id = await bob.write(chat_id, "Hi")
    await home.wait_for_messages()
    if action == "delete_message":
        data = {**data, "message_id": event_id}

    with pytest.raises(HomeAssistantError, match="Nothing was"):
        await home.act(action, chat_id=chat_id, **data)

    assert (await bob.state(chat_id, "m.room.name"))["name"] == "Kitchen"
    events: list[Event] = await bob.events(chat_id)
    assert events == []


async def test_focus_is_accepted_without_a_window(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    await home.act("focus", chat_id=chat_id)

    assert await bob.texts(chat_id) == []
