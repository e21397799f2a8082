"""Rows of real servers: the ids of sent messages, and messages that get lost."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.outgoing import delivery_status
from custom_components.beeper.signals import MessageEvent, SendFailed
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import send
from tests.helpers.media import PNG, files
from tests.helpers.servers import restart
from tests.helpers.waiting import PATIENCE, poll, quiet, until
from tests.helpers.world import KIM, PROFILES

pytestmark = pytest.mark.usefixtures("skipped_waits", "impatient")
USELESS = ["pending_id_useless", "unconfirmed_hidden"]


async def act(hass: HomeAssistant, action: str, **data: Any) -> Any:
    return await hass.services.async_call(
        DOMAIN, action, {"chat_id": KIM} | data, blocking=True, return_response=True
    )


@pytest.mark.parametrize(
    "profile", ["4.2.557", "4.2.808", "latest", "easymatrix", "easymatrix-0.3.0"]
)
@pytest.mark.parametrize("restarts", [False, True])
async def test_r23_returned_ids_keep_working(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    restarts: bool,
) -> None:
    simulator.traits.add(*USELESS)
    first = await send(hass, message="one")
    if restarts:
        await quiet(simulator)
        await poll(hass, listening)
        await quiet(simulator)
        await restart(hass, listening)
    message = simulator.world.chat(KIM).messages[-1]
    pending = first["message_id"]
    assert pending == message.pending_id
    await act(hass, "add_reaction", message_id=pending, reaction="👍")
    assert [reaction["reactionKey"] for reaction in message.reactions] == ["👍"]
    await act(hass, "edit_message", message_id=pending, message="two")
    assert message.text == "two"
    await send(hass, message="answer", reply_to=pending)
    reply = simulator.world.chat(KIM).messages[-1]
    assert reply.linked_message_id == message.id


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r23_returned_ids_can_be_deleted_and_read(
    hass: HomeAssistant, listening: MockConfigEntry, simulator: Simulator
) -> None:
    simulator.traits.add(*USELESS)
    pending = (await send(hass, message="one"))["message_id"]
    message = simulator.world.chat(KIM).messages[-1]
    response = await act(hass, "get_message", message_id=pending)
    assert response["message_id"] == message.id
    await act(hass, "mark_read", message_id=pending)
    await act(hass, "delete_message", message_id=pending, for_everyone=True)
    assert message.is_deleted


@pytest.mark.parametrize("profile", ["4.2.557", "easymatrix-0.3.0"])
@pytest.mark.parametrize("wait", [True, False])
async def test_r23_returned_ids_can_be_read_without_a_route_for_single_messages(
    hass: HomeAssistant, listening: MockConfigEntry, simulator: Simulator, wait: bool
) -> None:
    returned = (await send(hass, message="one", wait=wait))["message_id"]
    message = simulator.world.chat(KIM).messages[-1]
    response = await act(hass, "get_message", message_id=returned)
    assert (response["message_id"], response["text"]) == (message.id, "one")


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
async def test_r23_unconfirmed_message_is_refused(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_status, "_FINAL_ID_DELAYS", (0, 0.05))
    simulator.confirm_after = 3600
    pending = (await send(hass))["message_id"]
    with pytest.raises(HomeAssistantError, match="not confirmed"):
        await act(hass, "add_reaction", message_id=pending, reaction="👍")
    assert not [
        request for request in simulator.executed if "reactions" in request.path
    ]
    simulator.world.settle()


@pytest.mark.parametrize("profile", [*PROFILES, "easymatrix-0.3.0"])
@pytest.mark.parametrize(
    "text", ["hi", "a <b> & *c* `d` \\e", "1. one\n2. two", "🦄 \"quoted\" 'x'"]
)
async def test_r24_wait_ends_with_the_final_id(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    text: str,
) -> None:
    async with asyncio.timeout(PATIENCE):
        response = await send(hass, message=text, wait=True)
    message = simulator.world.chat(KIM).messages[-1]
    assert response["delivery"] == "delivered"
    assert response["message_id"] == message.id
    assert response["pending_message_id"] == message.pending_id


MARKDOWN = [
    "- milk\n- eggs",
    "1) milk\n2) eggs",
    "|a|b|\n|-|-|\n|1|2|",
    "Title\n=====",
    "***",
    "2*3*4 and __init__",
    "line\\\nbreak",
    "**Fire** in *A* & <B>",
]


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
@pytest.mark.parametrize("text", MARKDOWN)
async def test_r24_formatted_text_is_recognized(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    text: str,
) -> None:
    simulator.traits.add("formatting_rewritten")
    async with asyncio.timeout(PATIENCE):
        response = await send(hass, message=text, format="markdown", wait=True)
    message = simulator.world.chat(KIM).messages[-1]
    assert (response["delivery"], response["message_id"]) == ("delivered", message.id)
    await quiet(simulator)
    assert events == []


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
async def test_r24_formatted_texts_at_once_get_their_own_ids(
    hass: HomeAssistant, listening: MockConfigEntry, simulator: Simulator
) -> None:
    texts = ["- milk", "milk", "**milk**", *MARKDOWN, *MARKDOWN]

    responses = await asyncio.gather(
        *(send(hass, message=text, format="markdown", wait=True) for text in texts)
    )

    messages = simulator.world.chat(KIM).messages[-len(texts) :]
    assert [response["message_id"] for response in responses] == [
        message.id for message in messages
    ]


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
@pytest.mark.parametrize(
    ("sent", "other"),
    [
        ("It is **-5** degrees", "It is 5 degrees"),
        ("It is **1.5** bar", "It is 15 bar"),
        ("**Door open?**", "Door open."),
        ("**5 €**", "5 $"),
    ],
)
async def test_r24_formatted_text_is_not_taken_for_another(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    sent: str,
    other: str,
) -> None:
    simulator.traits.add("formatting_rewritten")
    simulator.confirm_after = 3600
    await send(hass, message=sent, format="markdown")
    chat = simulator.world.chat(KIM)
    own = simulator.world.accounts[chat.account_id].user
    simulator.world.incoming(chat, own, other)

    await until(lambda: events)

    assert [event.text for event in events] == [other]


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
async def test_r24_plain_text_is_not_taken_for_another(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """It is stored exactly, so another text is from another device."""
    simulator.confirm_after = 3600
    await send(hass, message="- milk")
    chat = simulator.world.chat(KIM)
    own = simulator.world.accounts[chat.account_id].user
    simulator.world.incoming(chat, own, "milk")

    await until(lambda: events)

    assert [event.text for event in events] == ["milk"]


@pytest.mark.parametrize(
    "profile", ["4.2.557", "4.2.808", "latest", "easymatrix", "easymatrix-0.3.0"]
)
@pytest.mark.parametrize("traits", [(), ("file_name_as_text", "plain_text")], ids=str)
@pytest.mark.parametrize("caption", [None, "Look at <this>"])
async def test_r24_r23_a_sent_picture_has_its_final_id_and_can_be_saved(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    media: Path,
    traits: tuple[str, ...],
    caption: str | None,
) -> None:
    simulator.traits.add(*traits, *USELESS)
    picture = media / "door.png"
    picture.write_bytes(PNG)
    hass.config.allowlist_external_dirs.add(str(media))

    async with asyncio.timeout(PATIENCE):
        responses = await asyncio.gather(
            *(
                send(hass, message=caption, attachment=str(picture), wait=True)
                for _ in range(3)
            )
        )

    messages = simulator.world.chat(KIM).messages[-3:]
    for response, message in zip(responses, messages, strict=True):
        assert response["delivery"] == "delivered"
        assert response["message_id"] == message.id
        saved = await act(
            hass, "download_attachment", message_id=response["pending_message_id"]
        )
        assert files(media)[saved["path"].removeprefix(f"{media}/")] == PNG


@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix-0.3.0"])
async def test_r24_equal_texts_get_their_own_ids(
    hass: HomeAssistant, listening: MockConfigEntry, simulator: Simulator
) -> None:
    responses = await asyncio.gather(
        *(send(hass, message="same", wait=True) for _ in range(5))
    )
    messages = simulator.world.chat(KIM).messages[-5:]
    assert [response["pending_message_id"] for response in responses] == [
        message.pending_id for message in messages
    ]
    assert [response["message_id"] for response in responses] == [
        message.id for message in messages
    ]


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
async def test_r29_slow_is_not_lost(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    simulator.confirm_after = 3600
    await send(hass, message="slow")
    skip_time(20 * 60)
    await poll(hass, listening)
    await quiet(simulator)
    assert not failures
    simulator.world.settle()
    await quiet(simulator)
    await poll(hass, listening)
    await quiet(simulator)
    assert not failures
    assert not events


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
async def test_r29_messages_that_swap_places_keep_their_ids(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
    events: list[MessageEvent],
    skip_time: Callable[[float], None],
) -> None:
    """Delivered one by one, and not in the order in which they were accepted."""
    simulator.traits.add("slow_delivery", "reordered_delivery")
    simulator.world.delivery_interval = 0.05

    responses = await asyncio.gather(
        *(send(hass, message=f"No. {number}", wait=True) for number in range(12))
    )

    by_id = {message.id: message for message in simulator.world.chat(KIM).messages}
    for number, response in enumerate(responses):
        assert response["delivery"] == "delivered"
        assert by_id[response["message_id"]].text == f"No. {number}"
    for minutes in (1, 3, 40):
        skip_time(60 * minutes)
        await poll(hass, listening)
    await quiet(simulator)
    assert not failures
    assert not events


async def lose(simulator: Simulator) -> None:
    """Restart the server; undelivered messages are lost."""
    simulator.traits.add("lost_at_stop", *USELESS)
    await simulator.stop()
    await asyncio.sleep(0.2)
    await simulator.start()


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
async def test_r29_lost_when_the_server_ended(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivered = await send(hass, message="delivered", wait=True)
    simulator.confirm_after = 3600
    pending = (await send(hass, message="lost"))["message_id"]
    await lose(simulator)
    await until(lambda: failures)
    await poll(hass, listening)
    await quiet(simulator)
    assert [(failure.message_id, failure.reason) for failure in failures] == [
        (pending, "unconfirmed")
    ]
    assert delivered["delivery"] == "delivered"


@pytest.mark.parametrize("profile", ["4.2.557", "easymatrix-0.3.0"])
@pytest.mark.parametrize("restarts", [False, True])
async def test_r29_lost_after_half_an_hour(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
    skip_time: Callable[[float], None],
    restarts: bool,
) -> None:
    simulator.confirm_after = 3600
    pending = (await send(hass, message="lost"))["message_id"]
    if restarts:
        await restart(hass, listening)
    skip_time(29 * 60)
    await poll(hass, listening)
    await quiet(simulator)
    assert not failures
    skip_time(timedelta(minutes=2).total_seconds())
    await poll(hass, listening)
    await until(lambda: failures)
    await poll(hass, listening)
    await quiet(simulator)
    assert [(failure.message_id, failure.reason) for failure in failures] == [
        (pending, "unconfirmed")
    ]


@pytest.mark.parametrize("profile", ["easymatrix-0.3.0"])
async def test_r29_overtaken_message_is_lost_after_two_minutes(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
    skip_time: Callable[[float], None],
) -> None:
    simulator.confirm_after = 3600
    await send(hass, message="lost")
    simulator.confirm_after = 0.05
    await send(hass, message="later", wait=True)
    await poll(hass, listening)
    await quiet(simulator)
    assert not failures
    skip_time(121)
    await poll(hass, listening)
    await until(lambda: failures)
    assert [failure.reason for failure in failures] == ["unconfirmed"]
