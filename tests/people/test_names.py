"""Whole names and whole words select a person; parts of words select nobody."""

from datetime import timedelta
from typing import Any
import unicodedata

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import llm
from simulator import Simulator
from simulator.model import Chat, Person
from tests.helpers.actions import create_chat, find
from tests.helpers.cells import cells
from tests.helpers.labels import plain
from tests.helpers.talking import say, set_options, talk
from tests.helpers.world import chat, contact

ACCOUNT = "signal"
PERSON = "@signal_1:beeper.com"


def only(simulator: Simulator, *names: str) -> list[Person]:
    """Let an account have contacts of these names, and nobody else."""
    account = simulator.world.accounts[ACCOUNT]
    account.contacts.clear()
    for existing in [*simulator.world.chats.values()]:
        if existing.account_id == ACCOUNT:
            del simulator.world.chats[existing.id]
    simulator.world.sort()
    return [
        contact(simulator, f"@signal_{number}:beeper.com", ACCOUNT, full_name=name)
        for number, name in enumerate(names, 1)
    ]


async def start(hass: HomeAssistant, recipient: str) -> dict[str, Any]:
    return await create_chat(hass, recipient=recipient, account_id=ACCOUNT)


async def send(hass: HomeAssistant, recipient: str, **data: Any) -> Any:
    data = {"recipient": recipient, "message": "hi", "account_id": ACCOUNT, **data}
    response = await hass.services.async_call(
        "beeper", "send_message", data, blocking=True, return_response=True
    )
    assert response is not None
    return response["chat_id"]


@cells
@pytest.mark.parametrize(
    ("recipient", "name", "match"),
    [
        ("Kim", "Kim Lee", "words"),
        ("lee", "Kim Lee", "words"),
        ("Kim Lee", "Dr. Kim Lee-Park", "words"),
        ("kim lee park", "Dr. Kim Lee-Park", "words"),
        ("Lee-Park", "Dr. Kim Lee-Park", "words"),
        ("K", "K", "exact"),
        ("k", "K. Lee", "words"),
        ("Kim", "🦄 Kim", "words"),
        ("Kim", "Kim❤️‍🔥", "words"),
        ("🦄 Kim", "🦄Kim", "exact"),
        ("🦄", "🦄", "exact"),
        ("👩‍🚀 Kim", "👩🏽‍🚀 Kim Lee", "words"),
        ("Kim", "(Kim)", "words"),
        ("Kim Lee", "Kim [Lee]", "words"),
        ("José", unicodedata.normalize("NFD", "José Núñez"), "words"),
        (unicodedata.normalize("NFD", "Núñez"), "José Núñez", "words"),
        ("O'Brien", "O’Brien", "exact"),
        ("o’brien", "Pat O'Brien", "words"),
        ("O´Brien", "Pat O`Brien", "words"),
        ("Soren", "Søren Ærø", "words"),
        ("Ærø", "Soren Aero", "words"),
        ("Þór Đorđević", "thor dordevic", "exact"),
        ("Strauss", "Strauß", "exact"),
        ("Isik", "Işık", "exact"),
        ("Kim\u00ad Lee", "Kim\u200b Lee\u2060", "exact"),
        ('"Kim" Lee', "“Kim” Lee", "exact"),
        ("Kim – Lee", "Kim — Lee", "exact"),
        ("JR", "J.R. Ewing", "words"),
        ("JR", "J. R. Ewing", "words"),
        ("J.R.", "J. R. Ewing", "words"),
        ("J. R.", "J. R. Ewing", "words"),
        ("J. R.", "Dr. J.R. Ewing", "words"),
        ("j. r. ewing", "JR Ewing", "words"),
        ("J.", "J. R. Ewing", "words"),
        ("J. R. R. T.", "JRRT", "words"),
        ("Flat 1/2", "Flat 1/2 (left)", "words"),
        ("Kim 2", "Kim 2 (work)", "words"),
        ("2", "2", "exact"),
        ("山田太郎", "山田 太郎", "exact"),
        ("山田", "山田 太郎", "words"),
        ("スミス", "ジョン・スミス", "words"),
        ("สมชาย", "สมชาย ใจดี", "words"),
        ("王伟", "王伟", "exact"),
        ("김민수", "김민수 부장", "words"),
        ("محمد", "مُحَمَّـد علی", "words"),
        ("فاطمه علي", "فاطمة علی", "exact"),
        ("Flat 2", "Flat ２", "exact"),
        ("غرفة 2", "غرفة ٢", "exact"),
        ("יוסי", "\u200fיוסי כהן\u200f", "words"),
        ("ज़ीनत", "ज़ीनत अमान", "words"),
        ("രാജന്‍", "രാജന് കുമാര്‍", "words"),
        ("ΓΙΩΡΓΟΣ", "Γιώργος Παπάς", "words"),
        ("约翰", "约翰·史密斯", "words"),
    ],
)
async def test_whole_words_select(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    name: str,
    match: str,
) -> None:
    only(simulator, name)

    matches = (await find(hass, query=recipient, account_id=ACCOUNT))["matches"]
    assert [found["match"] for found in matches] == [match]
    assert (await start(hass, recipient))["recipients"][0]["id"] == PERSON


@cells
@pytest.mark.parametrize(
    ("recipient", "name"),
    [
        ("Chris", "Christina"),
        ("JR", "J. Ross"),
        ("J. R.", "J. Ross"),
        ("J.", "JR Ewing"),
        ("R.", "J.R. Ewing"),
        ("ave", "dave"),
        ("Kim", "Kimberly Lee"),
        ("Kim L", "Kim Lee"),
        ("im Lee", "Kim Lee"),
        ("Kim", "Kim2"),
        ("K", "Kim"),
        ("Brien", "O'Brien"),
        ("Kim", "Kim's garage"),
        ("Ann Alee", "Anna Lee"),
        ("AnnaLee", "Anna Lee"),
        ("Flat 1", "Flat 1/2"),
        ("Flat 12", "Flat 1 2"),
        ("Flat 1 2", "Flat 12"),
        ("Kim 2", "Kim 20"),
        ("2", "Kim 2"),
        ("Lee Kim", "Kim Lee"),
        ("Kim Park", "Kim Lee-Park"),
        ("🦄", "🦄 Kim"),
        ("🦄 Kim", "Kim"),
        ("Kim 👩", "Kim 👩‍🚀 Lee"),
        ("🇪🇫 Kim", "🇩🇪🇫🇷 Kim"),
        ("山", "山田 太郎"),
        ("山田", "山田太郎"),
        ("田中", "田中さん"),
        ("민수", "김민수"),
        ("ชาย", "สมชาย ใจดี"),
        ("か", "が"),
        ("localhost", "@alice:localhost"),
        ("alice", "Alice@localhost"),
        ("kim", "kim@example.com"),
        ("555", "+1 555 010 1002"),
        ("-", "Kim - Lee"),
    ],
)
async def test_parts_of_words_select_no_person(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    name: str,
) -> None:
    [person] = only(simulator, name)
    direct = simulator.world.add_chat(simulator.world.accounts[ACCOUNT], [person])

    for call in (start, send):
        with pytest.raises(
            ServiceValidationError, match=r"only part of|matches no person"
        ):
            await call(hass, recipient)
    assert not simulator.executed
    # With the whole name it works.
    await start(hass, name) if "@" not in name and "+" not in name else None
    assert all(sent.path != f"/v1/chats/{direct.id}" for sent in simulator.executed)


async def test_a_part_is_refused_with_the_number_of_people(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    only(simulator, "Christina", "Christopher", "Chrissie", "Kim")

    with pytest.raises(ServiceValidationError) as error:
        await start(hass, "Chris")

    assert "recipient is only part of a name" in plain(error.value)
    assert "Possible people or chats: 3 (Signal)" in str(error.value)
    assert "beeper.find" in str(error.value)
    matches = (await find(hass, query="Chris", account_id=ACCOUNT))["matches"]
    assert [found["match"] for found in matches] == ["prefix"] * 3


async def test_a_whole_name_before_words_of_a_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    only(simulator, "Kim", "Kim Lee", "🦄 Kim")

    assert (await start(hass, "kim"))["recipients"][0]["id"] == PERSON
    only(simulator, "Kim Park", "Kim Lee")
    with pytest.raises(ServiceValidationError, match="matches 2"):
        await start(hass, "kim")


@pytest.mark.parametrize("recipient", ["JR", "J.R.", "J. R."])
async def test_initials_of_two_people_select_neither(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    only(simulator, "J. R. Ewing", "JR Smith")
    with pytest.raises(ServiceValidationError, match="matches 2"):
        await start(hass, recipient)
    assert simulator.executed == []


def direct_chat(
    simulator: Simulator, *people: Person, title: str | None = None
) -> Chat:
    """Add a direct chat, by default named after the person."""
    account = simulator.world.accounts[ACCOUNT]
    added = simulator.world.add_chat(account, [*people])
    added.title = title or added.title
    return added


async def test_several_chats_with_one_person_are_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    [person] = only(simulator, "Bob")
    older, latest = (direct_chat(simulator, person) for _ in range(2))
    older.last_activity -= timedelta(hours=1)
    simulator.world.sort()

    assert await send(hass, "Bob") == latest.id
    matches = (await find(hass, query="bob"))["matches"]
    assert [found["chat_id"] for found in matches] == [latest.id]
    # The older one by its own ID or number
    assert await send(hass, older.id, message="a") == older.id
    assert await send(hass, older.local_id, message="b") == older.id


async def test_reuse_takes_the_latest_of_several_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    [person] = only(simulator, "Bob")
    older, latest = (direct_chat(simulator, person) for _ in range(2))
    older.last_activity -= timedelta(hours=1)
    simulator.world.sort()

    response = await create_chat(
        hass,
        participants=["Bob"],
        type="single",
        account_id=ACCOUNT,
        if_exists="reuse",
        message_text="hi",
    )

    assert response["chat_id"] == latest.id
    assert latest.messages[-1].text == "hi"


async def test_chats_with_two_people_of_one_name_are_two(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for person in only(simulator, "Bob", "Bob"):
        direct_chat(simulator, person)

    with pytest.raises(ServiceValidationError, match="matches 2"):
        await send(hass, "Bob")


@cells
@pytest.mark.parametrize("query", ["heidi", "empty room", "@heidi:example.org"])
async def test_a_chat_that_everybody_has_left_is_not_found_by_its_former_member(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, query: str
) -> None:
    only(simulator)
    title = "Empty room (was @heidi:example.org)"
    empty = direct_chat(simulator, title=title)

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, query)
    assert await send(hass, title) == empty.id


async def test_note_to_self_by_its_whole_title(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    only(simulator)
    note = direct_chat(simulator, title="Note to self")

    assert await send(hass, "note to self") == note.id
    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, "note")


async def test_an_id_is_not_a_number_and_a_number_not_an_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """On Matrix, people choose their IDs."""
    account = simulator.world.accounts["matrix"]
    imposter = contact(simulator, "@15550101002:evil.org", "matrix", full_name="Kim")
    direct = simulator.world.add_chat(account, [imposter])
    chat(simulator, [imposter], "Team", "matrix")

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, "+15550101002", account_id="matrix")
    response = await create_chat(
        hass,
        account_id="matrix",
        participant_ids=["@15550101002:good.org"],
        type="single",
        if_exists="reuse",
        message_text="secret",
    )
    assert response["chat_id"] != direct.id
    assert not direct.messages


async def test_a_shared_id_and_a_shared_number_do_not_make_two_people_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    only(simulator)
    for number, phone in (("1", "+15550108881"), ("2", "+15550108882")):
        contact(
            simulator,
            f"@signal_{number}:beeper.com",
            ACCOUNT,
            full_name="Kim",
            phone_number=phone,
        )

    with pytest.raises(ServiceValidationError, match="matches 2"):
        await start(hass, "Kim")


# Voice and language models understand more, and ask

PARTS = [("Chris", "Christina Bell"), ("tina", "Christina Bell"), ("山田", "山田太郎")]


@cells
@pytest.mark.parametrize(("said", "name"), PARTS)
async def test_voice_asks_before_it_sends_to_a_part_of_a_name(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    said: str,
    name: str,
) -> None:
    await set_options(hass, loaded, confirm="never")
    await hass.async_block_till_done()
    [person] = only(simulator, name)
    direct = direct_chat(simulator, person)

    question, conversation_id = await talk(hass, f"Message {said} on Signal: Hello")
    assert name in question
    assert not simulator.executed
    await say(hass, "Yes, send it", conversation_id)
    assert direct.messages[-1].text == "Hello"

    # Whole words need no question.
    await say(hass, f"Message {name} on Signal: Again")
    assert direct.messages[-1].text == "Again"


@cells
@pytest.mark.parametrize(("given", "name"), PARTS)
async def test_language_models_do_not_send_to_a_part_of_a_name(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    given: str,
    name: str,
) -> None:
    await set_options(hass, loaded, confirm="never", llm_can_send=True)
    [person] = only(simulator, name)
    direct = direct_chat(simulator, person)
    context = llm.LLMContext("test", None, "en", "conversation", None)
    api = await llm.async_get_api(hass, llm.LLM_API_ASSIST, context)

    async def send_to(recipient: str) -> Any:
        arguments = {"recipient": recipient, "network": "Signal", "message": "Hello"}
        tool = llm.ToolInput("beeper__send_message", arguments)
        return (await api.async_call_tool(tool)).data["status"]

    # Nobody can be asked outside of a conversation.
    assert await send_to(given) == "cannot_ask"
    assert not simulator.executed
    assert await send_to(name) == "sent"
    assert direct.messages[-1].text == "Hello"
