"""R4: a merged chat lists no messages, its members contain them."""

import itertools
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.actions.pagination import PageCursor
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.model import Chat, Message, Person
from simulator.scenes import KIM_LOCAL, MERGED
from tests.helpers.actions import call_action, send
from tests.helpers.media import CAKE
from tests.helpers.world import FAMILY, KIM, write

pytestmark = pytest.mark.usefixtures("skipped_waits", "quick_recovery")


@pytest.fixture(autouse=True)
def merged(simulator: Simulator, loaded: MockConfigEntry) -> Chat:
    simulator.traits.add("merged_chat", "merged_members_hidden")
    for chat_id in (KIM, KIM_LOCAL):
        simulator.world.chat(chat_id).messages.clear()
    return simulator.world.chat(MERGED)


def write_many(simulator: Simulator, pattern: str) -> list[str]:
    """Let Kim write to the members, as K and L say; the newest text comes first."""
    chats = {"K": KIM, "L": KIM_LOCAL}
    for number, letter in enumerate(pattern):
        ago = 60.0 * (len(pattern) - number)
        write(simulator, f"{number}", chat_id=chats[letter], ago=ago)
    return [str(number) for number in reversed(range(len(pattern)))]


async def read_all(hass: HomeAssistant, limit: int) -> list[str | None]:
    found: list[str | None] = []
    cursor = None
    for _ in range(200):
        response = await call_action(
            hass, "list_messages", chat_id=MERGED, limit=limit, cursor=cursor
        )
        assert len(response["messages"]) <= limit
        found += [message["text"] for message in response["messages"]]
        cursor = response["cursor"]
        assert response["has_more"] is (cursor is not None)
        if cursor is None:
            return found
    raise AssertionError


@pytest.mark.parametrize(
    "pattern",
    [
        "K",
        "KL" * 35,
        "K" * 50 + "L" * 5,
        "L" * 3 + "K" * 60,
        ("K" * 7 + "L") * 10,
        "K" * 20 + "L" * 20,
        "K" * 41 + "L" * 39 + "K",
    ],
)
@pytest.mark.parametrize("limit", [3, 20, 200])
async def test_r4_messages_of_all_members_are_listed_once_and_in_order(
    hass: HomeAssistant, simulator: Simulator, pattern: str, limit: int
) -> None:
    expected = write_many(simulator, pattern)
    assert await read_all(hass, limit) == expected


@pytest.mark.parametrize("limit", [4, 20])
@pytest.mark.parametrize("positions", [(0,), (5, 6), tuple(range(30))], ids=str)
async def test_r4_late_messages_are_listed_once(
    hass: HomeAssistant, simulator: Simulator, positions: tuple[int, ...], limit: int
) -> None:
    """A message that arrives late has an old time, but the server lists it first."""
    expected = write_many(simulator, "KLK" * 15)
    for number in positions:
        write(simulator, f"late {number}", ago=50_000 + number)
    found = await read_all(hass, limit)
    assert sorted(text or "" for text in found) == sorted(
        [*expected, *(f"late {number}" for number in positions)]
    )


async def test_r4_an_empty_merged_chat_is_empty(hass: HomeAssistant) -> None:
    assert await read_all(hass, 20) == []


@pytest.mark.parametrize(
    "positions",
    ['{"x": 1}', '{"x": [1, 2]}', '{"x": ["c", "y"]}', '{"x": [null, [0]]}', "[", "[]"],
)
async def test_r4_a_forged_cursor_is_refused(
    hass: HomeAssistant, positions: str
) -> None:
    cursor = PageCursor(cursor=f"merged:{positions}").encode("messages")
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "list_messages", chat_id=MERGED, cursor=cursor)
    assert refused.value.translation_key == "read_rejected_fields"


async def test_r4_a_search_of_the_merged_chat_finds_messages_of_its_members(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    write_many(simulator, "KL")
    write(simulator, "elsewhere", chat_id=FAMILY)
    found = await call_action(hass, "search_messages", chat_ids=[MERGED, "!gone:x"])
    assert [message["text"] for message in found["messages"]] == ["1", "0"]
    chat_ids = [message["chat_id"] for message in found["messages"]]
    assert chat_ids == [KIM_LOCAL, KIM]


def own(simulator: Simulator, chat_id: str) -> Message:
    chat = simulator.world.chat(chat_id)
    me = simulator.world.accounts[chat.account_id].user
    return write(simulator, f"mine in {chat_id}", chat_id=chat_id, sender=me)


@pytest.mark.parametrize("chat_id", [KIM, KIM_LOCAL])
async def test_r4_messages_are_found_by_the_id_of_the_merged_chat(
    hass: HomeAssistant, simulator: Simulator, chat_id: str
) -> None:
    simulator.world.chat(chat_id).next_message = 700
    message = own(simulator, chat_id)
    where = {"chat_id": MERGED, "message_id": message.id}
    read = await call_action(hass, "get_message", **where)
    assert read["text"] == message.text
    assert read["chat_id"] == chat_id
    await call_action(hass, "edit_message", **where, message="changed")
    assert message.text == "changed"
    await call_action(hass, "add_reaction", **where, reaction="👍")
    assert message.reactions
    await call_action(hass, "delete_message", **where, for_everyone=True)
    assert message.is_deleted
    response = await send(hass, MERGED, "reply", reply_to=message.id)
    assert response["chat_id"] == chat_id
    assert simulator.world.chat(chat_id).messages[-1].text == "reply"


@pytest.mark.parametrize(
    ("trait", "receiver"), [(None, KIM_LOCAL), ("merge_without_default", KIM)]
)
async def test_r4_the_response_names_the_member_that_got_the_message(
    hass: HomeAssistant, simulator: Simulator, trait: str | None, receiver: str
) -> None:
    if trait:
        simulator.traits.add(trait)

    response = await send(hass, MERGED, "Hello")

    assert response["chat_id"] == receiver
    [message] = simulator.world.chat(receiver).messages
    assert message.text == "Hello"


async def test_r4_an_id_that_two_members_have_is_refused(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    for chat_id in (KIM, KIM_LOCAL):
        simulator.world.chat(chat_id).next_message = 900
        own(simulator, chat_id)
    first, second = (
        simulator.world.chat(chat_id).messages for chat_id in (KIM, KIM_LOCAL)
    )
    assert first[-1].id == second[-1].id
    where = {"chat_id": MERGED, "message_id": first[-1].id}
    for action, data in (
        ("get_message", {}),
        ("edit_message", {"message": "changed"}),
        ("add_reaction", {"reaction": "👍"}),
    ):
        with pytest.raises(HomeAssistantError):
            await call_action(hass, action, **where, **data)
    assert not first[-1].reactions
    assert not second[-1].reactions


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
async def test_r4_a_lost_answer_is_recovered_from_the_members(
    hass: HomeAssistant, simulator: Simulator, kind: str
) -> None:
    await send(hass, MERGED, "same")
    options: dict[str, Any] = {"status": 500} if kind == "status_after" else {}
    simulator.faults.add(kind, path="/v1/chats/*/messages", method="POST", **options)
    response = await send(hass, MERGED, "same")
    assert response["recovered"]
    assert response["chat_id"] == KIM_LOCAL
    texts = [
        message.text
        for message in itertools.chain(
            simulator.world.chat(KIM).messages, simulator.world.chat(KIM_LOCAL).messages
        )
    ]
    assert texts == ["same", "same"]


async def test_r4_a_file_in_a_member_is_found(
    hass: HomeAssistant, simulator: Simulator, media: Any
) -> None:
    family = simulator.world.chat(FAMILY)
    cake = simulator.world.message(family, CAKE)
    simulator.world.chat(KIM).messages.append(cake)
    family.messages.remove(cake)
    saved = await call_action(
        hass, "download_attachment", chat_id=MERGED, message_id=CAKE
    )
    assert saved["size"] > 0


@pytest.mark.parametrize("text", ["Kim", "+1 555 010 1002"])
@pytest.mark.parametrize(
    ("account", "chat_id"),
    [("whatsapp", KIM), ("local-whatsapp_ba_Sample", KIM_LOCAL), (None, KIM_LOCAL)],
)
async def test_r4_a_message_leaves_from_the_stated_account(
    hass: HomeAssistant,
    simulator: Simulator,
    text: str,
    account: str | None,
    chat_id: str,
) -> None:
    """Without one, it leaves from the account that Beeper chooses."""
    fields = {"account_id": account} if account else {}

    await call_action(hass, "send_message", recipient=text, message="hi", **fields)

    sent = [chat.id for chat in simulator.world.chats.values() if texts_sent(chat)]
    assert sent == [chat_id]


ACCOUNTS = ["whatsapp", "local-whatsapp_ba_Sample"]


@pytest.mark.parametrize("stated", ACCOUNTS)
@pytest.mark.parametrize("others", ACCOUNTS)
async def test_r4_another_person_of_that_name_is_not_passed_over(
    hass: HomeAssistant, simulator: Simulator, stated: str, others: str
) -> None:
    """Of the merged chat's member in an account and another chat there, neither is chosen."""
    world = simulator.world
    other = Person(id="15550109999", full_name="Kim", phone_number="+15550109999")
    world.add_chat(world.accounts[others], [other], when=world.now())
    message = {"recipient": "Kim", "message": "hi", "account_id": stated}

    if others == stated:
        with pytest.raises(HomeAssistantError, match="matches 2 people or chats"):
            await call_action(hass, "send_message", **message)
        assert not simulator.executed
    else:
        await call_action(hass, "send_message", **message)
        chat_id = KIM if stated == "whatsapp" else KIM_LOCAL
        assert texts_sent(world.chat(chat_id)) == ["hi"]


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_r4_another_chat_with_the_same_person_is_no_namesake(
    hass: HomeAssistant, simulator: Simulator, account: str
) -> None:
    """The latest chat with a person in an account is used."""
    world = simulator.world
    kim = Person(id="15550101002", full_name="Kim", phone_number="+15550101002")
    chat = world.add_chat(world.accounts[account], [kim], when=world.now())

    await call_action(
        hass, "send_message", recipient="Kim", message="hi", account_id=account
    )

    assert texts_sent(chat) == ["hi"]


async def test_r4_a_merged_chat_without_a_member_in_the_account_is_no_match(
    hass: HomeAssistant, simulator: Simulator, merged: Chat
) -> None:
    merged.merge.remove(KIM)

    with pytest.raises(HomeAssistantError, match="no person or chat"):
        await call_action(
            hass, "send_message", recipient="Kim", message="hi", account_id="whatsapp"
        )

    assert not simulator.executed


def texts_sent(chat: Chat) -> list[str | None]:
    return [message.text for message in chat.messages if message.text == "hi"]
