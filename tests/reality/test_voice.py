"""What Assist and language models get from real servers."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.helpers import llm
from simulator import Simulator
from simulator.model import Chat, Person
from tests.helpers.talking import say
from tests.helpers.world import ALEX, FAMILY, KIM, chat, write

READ = "Read my Beeper messages"
NOTHING = "You have no unread messages."
LID = "@whatsapp_lid-24163:beeper.local"


@pytest.fixture(autouse=True)
def all_read(
    signed_in: None, assist: None, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for known in simulator.world.chats.values():
        simulator.world.mark_read(known, None)


def add_membership(simulator: Simulator, chat_id: str, text: str) -> None:
    """Let somebody join a chat, which the server counts as unread."""
    target = simulator.world.chat(chat_id)
    row = simulator.world.membership(target, target.participants[0], text)
    if not row.is_unread:
        row.is_unread = True
        target.unread_count += 1


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest"])
async def test_r2_membership_events_are_not_read_out(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("membership_without_type", "preview_without_type")
    add_membership(simulator, ALEX, "Alex joined the chat")

    assert await say(hass, READ) == NOTHING

    write(simulator, "Hello", chat_id=FAMILY)
    add_membership(simulator, FAMILY, "Kim left the chat")
    answer = await say(hass, READ)
    assert answer.casefold() == "kim in family 🏡 on whatsapp: hello."


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_r2_messages_without_type_are_read_out_on_old_servers(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    """Before 4.2.557, no row has a type."""
    write(simulator, "Hello", chat_id=ALEX)
    answer = await say(hass, READ)
    assert answer.casefold() == "alex rivera on telegram: hello."


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_r4_members_of_a_merged_chat_are_read(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("merged_chat")
    write(simulator, "Into the member")
    merged = next(chat for chat in simulator.world.chats.values() if chat.merge)
    merged.unread_count = 1

    answer = await say(hass, READ)
    assert answer.casefold() == "kim on whatsapp: into the member."


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r5_muted_chats_are_left_out_if_the_server_ignores_the_filters(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add(
        "include_muted_ignored", "unread_only_ignored", "list_limit_ignored"
    )
    muted = next(chat for chat in simulator.world.chats.values() if chat.is_muted)
    write(simulator, "From a muted chat", chat_id=muted.id)

    assert await say(hass, READ) == NOTHING

    write(simulator, "Hello", chat_id=ALEX)
    assert await say(hass, READ) == "Alex Rivera on Telegram: Hello."


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "latest"])
async def test_r12_participants_names_replace_ids(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("sender_names_are_ids")
    write(simulator, "Hello", chat_id=FAMILY)
    write(simulator, "Hi", chat_id=ALEX, ago=5)

    answer = await say(hass, READ)
    assert answer.casefold() == (
        "kim in family 🏡 on whatsapp: hello. alex rivera on telegram: hi."
    )


@pytest.mark.parametrize(
    ("language", "read", "answer"),
    [
        ("en", READ, "Somebody in Hikers on WhatsApp: Hello."),
        ("de", "Lies meine Beeper-Nachrichten vor", "Jemand in Hikers auf WhatsApp: "),
    ],
)
async def test_r12_people_are_not_named_by_ids(
    hass: HomeAssistant, simulator: Simulator, language: str, read: str, answer: str
) -> None:
    simulator.traits.add("sender_names_are_ids", "user_names_are_ids")
    hikers = chat(simulator, [Person(id=LID, full_name=LID)], "Hikers")
    write(simulator, "Hello", chat_id=hikers.id)

    assert (await say(hass, read, language=language)).startswith(answer)


@pytest.mark.parametrize("hidden", ["\u3164", "\u200b\u200e", "\u2800", " \ufe0f"])
async def test_names_and_titles_that_show_nothing(
    hass: HomeAssistant, simulator: Simulator, hidden: str
) -> None:
    person = Person(id=LID, full_name=hidden, phone_number="+15550107002")
    write(simulator, "Hello", chat_id=chat(simulator, [person], hidden).id)

    assert await say(hass, READ) == "+15550107002 in a group on WhatsApp: Hello."


async def test_r12_a_chat_named_by_an_id(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("sender_names_are_ids", "user_names_are_ids")
    direct = chat(simulator, [Person(id=LID, full_name=LID)])
    write(simulator, "Hello", chat_id=direct.id)

    assert await say(hass, READ) == "Somebody on WhatsApp: Hello."
    sent = await say(hass, f"Message {direct.id} on Beeper Hello")
    assert LID not in sent


async def test_r12_a_participant_who_is_missing_in_lists(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("sender_names_are_ids", "five_participants")
    people = [
        Person(id=f"@whatsapp_{number}:beeper.com", full_name=f"Hiker {number}")
        for number in range(9)
    ]
    hikers: Chat = chat(simulator, people, "Hikers")
    write(simulator, "Hello", chat_id=hikers.id, sender=people[8])

    assert await say(hass, READ) == "Hiker 8 in Hikers on WhatsApp: Hello."


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_r2_r5_r12_language_models_get_the_same(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add(
        "membership_without_type",
        "preview_without_type",
        "include_muted_ignored",
        "unread_only_ignored",
        "sender_names_are_ids",
    )
    muted = next(chat for chat in simulator.world.chats.values() if chat.is_muted)
    write(simulator, "From a muted chat", chat_id=muted.id)
    write(simulator, "Hello", chat_id=FAMILY)
    add_membership(simulator, FAMILY, "Kim left the chat")
    context = llm.LLMContext("test", None, "en", "conversation", None)
    api = await llm.async_get_api(hass, llm.LLM_API_ASSIST, context)

    result = await api.async_call_tool(llm.ToolInput("beeper__read_unread", {}))

    data: Any = result.data
    [family] = data["chats"]
    assert [
        (message["sender_name"], message["text"]) for message in family["messages"]
    ] == [("Kim", "Hello")]


async def test_r27_the_newest_are_unread_if_none_is_marked(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("rows_never_unread")
    write(simulator, "Two", ago=5)
    write(simulator, "Three")
    world = simulator.world
    me = world.accounts["whatsapp"].user
    world.incoming(world.chat(KIM), me, "My own", when=world.now())

    assert await say(hass, READ) == "Kim on WhatsApp: Two. Kim on WhatsApp: Three."


async def test_r31_a_file_name_is_not_text(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    simulator.traits.add("file_name_as_text")
    message = write(simulator, "")
    message.type = "FILE"
    message.attachments = [{"type": "audio", "id": "mxc://x/1", "fileName": "v.ogg"}]

    assert await say(hass, READ) == "Kim on WhatsApp: a message without text."
