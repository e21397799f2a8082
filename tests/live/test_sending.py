"""Messages that Home Assistant sends, as they arrive at the other person's end."""

import asyncio

import pytest

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .conftest import OpenChat
from .files import PICTURE
from .home import Home
from .matrix import Person

TEXTS = (
    "Hi *there* <b>",
    "two\nlines & a #hash",
    "1. first",
    "😀 ünïcode 日本",
    "[link](http://example.com) `code` _x_ \\ ~~no~~",
    "> quoted",
    "a" * 5000,
    "/me waves",
    "/shrug",
    "//two",
    "/",
)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_text_arrives_as_written(
    home: Home, owner: Person, bob: Person, open_chat: OpenChat, text: str
) -> None:
    chat_id = await open_chat(bob)

    response = await home.act("send_message", chat_id=chat_id, message=text)

    assert response["chat_id"] == chat_id
    (event,) = await bob.wait_for_events(chat_id)
    assert event["sender"] == owner.id
    assert event["content"]["body"] == text


async def test_markdown_arrives_formatted(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    await home.act(
        "send_message", chat_id=chat_id, message="**Fire** in _A_", format="markdown"
    )

    (event,) = await bob.wait_for_events(chat_id)
    assert event["content"]["formatted_body"] == "<strong>Fire</strong> in <em>A</em>"


@pytest.mark.parametrize("command", ["/unencrypted", "/html", "/me", "/nothing", "/"])
async def test_markdown_is_not_a_command(
    home: Home, bob: Person, open_chat: OpenChat, command: str
) -> None:
    chat_id = await open_chat(bob)
    text = f"{command} **Fire**"

    async with asyncio.timeout(10):
        await home.act(
            "send_message", chat_id=chat_id, message=text, format="markdown", wait=True
        )

    (event,) = await bob.events(chat_id)
    assert event["content"]["msgtype"] == "m.text"
    assert event["content"]["body"] == text
    assert "<strong>Fire</strong>" in event["content"]["formatted_body"]


async def test_reply_refers_to_the_message(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    question = await bob.write(chat_id, "Well?")
    await home.wait_for_messages()

    await home.act(
        "send_message",
        chat_id=chat_id,
        message="Yes",
        reply_to=home.messages[0]["message_id"],
    )

    (event,) = await bob.wait_for_events(chat_id)
    relation = event["content"]["m.relates_to"]
    assert relation["m.in_reply_to"]["event_id"] == question


@pytest.mark.parametrize("named", ["recipient", "username", "handle", "entity"])
async def test_chat_is_found_by(
    home: Home, bob: Person, carol: Person, open_chat: OpenChat, named: str
) -> None:
    chat_id = await open_chat(bob)
    await open_chat(carol)
    where = {
        "recipient": {"recipient": bob.name},
        "username": {"recipient": bob.id},
        "handle": {"recipient": f"@{bob.username}"},
        "entity": {},
    }[named]
    if named == "entity":
        where = {"entity_id": await home.add_chat(bob.name, chat_id)}

    response = await home.act("send_message", **where, message="Hi")

    assert response["chat_id"] == chat_id
    assert await bob.wait_for_texts(chat_id) == ["Hi"]


async def test_unknown_name_sends_nothing(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    with pytest.raises(ServiceValidationError):
        await home.act("send_message", recipient="Nobody at all", message="Hi")
    await home.act("send_message", chat_id=chat_id, message="last")
    assert await bob.wait_for_texts(chat_id) == ["last"]


async def test_notify_entity_writes_into_its_chat(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    entity_id = await home.add_chat(bob.name, chat_id)

    await home.hass.services.async_call(
        "notify",
        "send_message",
        {"entity_id": entity_id, "message": "There is *mail*", "title": "Letterbox"},
        blocking=True,
    )

    (event,) = await bob.wait_for_events(chat_id)
    formatted = event["content"]["formatted_body"].replace("\n", "")
    assert formatted == "<strong>Letterbox</strong><br>There is *mail*"


@pytest.mark.parametrize("caption", ["Somebody is at the door", None])
async def test_picture_arrives(
    home: Home, bob: Person, open_chat: OpenChat, caption: str | None
) -> None:
    chat_id = await open_chat(bob)
    data = {"attachment": home.write_file("door.png", PICTURE)}
    if caption:
        data["message"] = caption

    await home.act("send_message", chat_id=chat_id, **data)

    (event,) = await bob.wait_for_events(chat_id)
    content = event["content"]
    assert content["msgtype"] == "m.image"
    assert content["filename"] == "door.png"
    assert content["body"] == (caption or "door.png")
    assert await bob.download(content["url"]) == PICTURE


async def test_file_of_another_kind_arrives(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    data = b"%PDF-1.4\n" + bytes(range(256)) * 4000
    path = home.write_file("report.pdf", data)

    await home.act(
        "send_message", chat_id=chat_id, attachment=path, file_name="Energy.pdf"
    )

    (event,) = await bob.wait_for_events(chat_id)
    assert event["content"]["msgtype"] == "m.file"
    assert event["content"]["filename"] == "Energy.pdf"
    assert await bob.download(event["content"]["url"]) == data


async def test_wait_reports_delivery_of_a_plain_text(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    async with asyncio.timeout(10):
        response = await home.act(
            "send_message", chat_id=chat_id, message="Fire", wait=True
        )
    assert response["delivery"] == "delivered"
    assert await bob.texts(chat_id) == ["Fire"]


MARKDOWN = (
    "- milk\n- eggs",
    "* milk\n  * eggs",
    "1) milk\n1) eggs",
    "- [ ] milk\n- [x] eggs",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "Title\n=====\ntext",
    "> quote\n\nanswer",
    "***",
    "2*3*4 and __init__ and ***x***",
    "line\\\nbreak  \nanother",
    "```py\nx = 1\n```",
    "<https://example.com> [link](https://example.com/a_b)",
    "~~gone~~ ||spoiler|| &amp; &#65;",
)


@pytest.mark.parametrize("text", MARKDOWN, ids=range(len(MARKDOWN)))
async def test_wait_reports_delivery_of_formatted_text(
    home: Home, bob: Person, open_chat: OpenChat, text: str
) -> None:
    """EasyMatrix shows Markdown of its own."""
    chat_id = await open_chat(bob)

    async with asyncio.timeout(10):
        response = await home.act(
            "send_message", chat_id=chat_id, message=text, format="markdown", wait=True
        )

    assert response["delivery"] == "delivered"
    (event,) = await bob.events(chat_id)
    assert response["message_id"] == event["event_id"]
    await asyncio.sleep(2)
    assert home.messages == []


@pytest.mark.parametrize("case", ["signs", "markdown", "picture"])
async def test_wait_reports_delivery_of(
    home: Home, bob: Person, open_chat: OpenChat, case: str
) -> None:
    chat_id = await open_chat(bob)
    data: dict[str, str] = {
        "signs": {"message": "a < b & *c* <b>d</b>"},
        "markdown": {"message": "**Fire** <now>", "format": "markdown"},
        "picture": {"attachment": home.write_file("door.png", PICTURE)},
    }[case]

    async with asyncio.timeout(10):
        response = await home.act("send_message", chat_id=chat_id, **data, wait=True)

    assert response["delivery"] == "delivered"
    (event,) = await bob.events(chat_id)
    assert response["message_id"] == event["event_id"]


async def test_wait_gives_equal_texts_their_own_ids(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)

    async with asyncio.timeout(20):
        responses = await asyncio.gather(
            *(
                home.act("send_message", chat_id=chat_id, message="Ding", wait=True)
                for _ in range(5)
            )
        )

    events = await bob.events(chat_id)
    assert [event["content"]["body"] for event in events] == ["Ding"] * 5
    assert [r["delivery"] for r in responses] == ["delivered"] * 5
    assert {r["message_id"] for r in responses} == {e["event_id"] for e in events}


async def test_two_hundred_messages_arrive_once_and_in_order(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    texts = [f"message {number}" for number in range(200)]

    await asyncio.gather(
        *(home.act("send_message", chat_id=chat_id, message=text) for text in texts)
    )

    arrived = await bob.wait_for_texts(chat_id, 200, seconds=180)
    assert sorted(arrived) == sorted(texts)
    # EasyMatrix delivers in the background, where neighbours swap places (R29).
    places = {text: number for number, text in enumerate(arrived)}
    assert max(abs(places[t] - number) for number, t in enumerate(texts)) <= 3


async def test_person_who_cannot_be_written_to(
    home: Home, bob: Person, open_chat: OpenChat
) -> None:
    """The account has left the chat, so the homeserver refuses the message."""
    chat_id = "!nobody:localhost"
    with pytest.raises(HomeAssistantError, match="Nothing was sent"):
        await home.act("send_message", chat_id=chat_id, message="Hi")
