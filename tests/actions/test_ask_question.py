"""Asking a question in a chat: who and what answers it, and how the waiting ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.data import get_open_questions
from custom_components.beeper.signals import MessageEvent
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.model import Message, Person
from tests.helpers.actions import PATH, call_action, sent, tried
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.labels import plain
from tests.helpers.media import PNG
from tests.helpers.waiting import PATIENCE, poll, quiet, until
from tests.helpers.world import FAMILY, INSTAGRAM, KIM, PROFILES, texts, write
from tests.helpers.yaml_examples import load

type Ask = Callable[..., asyncio.Task[dict[str, Any]]]

YES_NO = [
    {"id": "yes", "sentences": ["yes [please]", "sure"]},
    {"id": "no", "sentences": "no [thanks]"},
]
PIZZAS = [
    {"id": "margherita", "sentences": ["margherita"]},
    {"id": "other", "sentences": ["I want {pizza}"]},
]
NOTHING: dict[str, Any] = {
    "answered": False,
    "id": None,
    "text": None,
    "slots": {},
    "sender_id": None,
    "sender_name": None,
    "message_id": None,
    "timestamp": None,
}
KIMS_ID = "@whatsapp_15550101002:beeper.com"
MIAS_ID = "@whatsapp_15550101004:beeper.com"

pytestmark = pytest.mark.usefixtures("no_complaints")


@pytest.fixture
async def ask(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry
) -> AsyncIterator[Ask]:
    """Return a function that calls the action, by default for Kim."""
    tasks: list[asyncio.Task[dict[str, Any]]] = []

    def start(**data: Any) -> asyncio.Task[dict[str, Any]]:
        if not data.keys() & {"chat_id", "recipient", "entity_id"}:
            data["chat_id"] = KIM
        data = {"message": "Open the garage?", "answers": YES_NO} | data
        task = hass.async_create_task(call_action(hass, "ask_question", **data))
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def asked(simulator: Simulator, times: int = 1) -> Message:
    """Wait until a question is in its chat and confirmed; return it."""
    await until(lambda: sent(simulator) == times)
    await asyncio.sleep(simulator.confirm_after * 2)
    await quiet(simulator)
    messages = [
        message
        for chat in simulator.world.chats.values()
        for message in chat.messages
        if message.pending_id
    ]
    return max(messages, key=lambda message: message.sort_key)


def person(simulator: Simulator, person_id: str, chat_id: str = FAMILY) -> Person:
    return next(
        one
        for one in simulator.world.chats[chat_id].participants
        if one.id == person_id
    )


def reply(
    simulator: Simulator, to: Message, text: str, sender: str | None = None
) -> Message:
    """Let somebody reply to a message; by default the chat's first participant."""
    chat = simulator.world.chats[to.chat_id]
    who = person(simulator, sender, chat.id) if sender else chat.participants[0]
    message = simulator.world.new_message(chat, who, None)
    message.text = message.html = text
    message.linked_message_id = to.id
    message.is_unread = True
    simulator.world.add_message(chat, message)
    return message


def react(
    simulator: Simulator, message: Message, key: str, sender: str | None = None
) -> None:
    chat = simulator.world.chats[message.chat_id]
    who = person(simulator, sender, chat.id) if sender else chat.participants[0]
    simulator.world.react(chat, message, who, key)


async def is_waiting(simulator: Simulator, task: asyncio.Task[dict[str, Any]]) -> bool:
    await quiet(simulator)
    await asyncio.sleep(0.05)
    return not task.done()


# What answers


@pytest.mark.parametrize("profile", PROFILES[1:])
async def test_a_question_is_answered(
    simulator: Simulator, listening: MockConfigEntry, ask: Ask, profile: str
) -> None:
    question = ask()
    await asked(simulator)
    answer = write(simulator, "Yes, please!")

    response = await asyncio.wait_for(question, PATIENCE)
    timestamp = datetime.fromisoformat(response.pop("timestamp"))
    assert abs(timestamp - answer.timestamp) < timedelta(seconds=1)
    assert response == {
        "answered": True,
        "id": "yes",
        "text": "Yes, please!",
        "slots": {},
        "sender_id": answer.sender.id,
        "sender_name": answer.sender.full_name,
        "message_id": answer.id,
    }
    assert texts(simulator)[-2] == "Open the garage?\n1 yes, 2 no"
    assert sent(simulator) == 1


@cells
@pytest.mark.parametrize(
    ("text", "answer_id"),
    [("1", "yes"), ("2.", "no"), ("SURE!", "yes"), ("No thanks", "no"), ("👍", "yes")],
)
async def test_number_and_sentence_answer(
    simulator: Simulator, ask: Ask, text: str, answer_id: str
) -> None:
    question = ask()
    await asked(simulator)
    write(simulator, text)

    response = await question
    assert (response["id"], response["text"]) == (answer_id, text)


@pytest.mark.parametrize("profile", PROFILES[:1])
async def test_servers_without_events_are_polled(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = {"chat_id": KIM, "message": "Open it?", "answers": YES_NO}
    question = hass.async_create_task(call_action(hass, "ask_question", **data))
    await asked(simulator)
    write(simulator, "yes")
    await poll(hass, loaded)

    assert (await asyncio.wait_for(question, PATIENCE))["id"] == "yes"


async def test_slots_are_returned(simulator: Simulator, ask: Ask) -> None:
    question = ask(answers=PIZZAS)
    await asked(simulator)
    write(simulator, "I want Quattro Formaggi")

    response = await question
    assert (response["id"], response["slots"]) == (
        "other",
        {"pizza": "Quattro Formaggi"},
    )


@cells
@pytest.mark.parametrize(
    ("reaction", "answer_id"),
    [("👍", "yes"), ("👎🏾", "no"), ("1️⃣", "yes"), ("2️⃣", "no")],
)
async def test_reaction_answers(
    simulator: Simulator, ask: Ask, reaction: str, answer_id: str
) -> None:
    question = ask()
    message = await asked(simulator)
    react(simulator, message, reaction)

    response = await question
    assert response == {
        "answered": True,
        "id": answer_id,
        "text": reaction,
        "slots": {},
        "sender_id": simulator.world.chats[KIM].participants[0].id,
        "sender_name": simulator.world.chats[KIM].participants[0].full_name,
        "message_id": message.id,
        "timestamp": None,
    }


async def test_any_text_answers_a_question_without_choices(
    simulator: Simulator, ask: Ask
) -> None:
    question = ask(answers=[])
    message = await asked(simulator)
    react(simulator, message, "👍")
    assert await is_waiting(simulator, question)
    write(simulator, "{{ 6 * 7 }} <b>")

    response = await question
    assert (response["id"], response["text"]) == (None, "{{ 6 * 7 }} <b>")
    assert message.text == "Open the garage?"


async def test_choices_can_be_hidden(simulator: Simulator, ask: Ask) -> None:
    question = ask(show_choices=False)
    message = await asked(simulator)
    write(simulator, "2")

    assert message.text == "Open the garage?"
    assert (await question)["id"] == "no"


async def test_a_question_is_never_markdown(simulator: Simulator, ask: Ask) -> None:
    ask(message="*Open* it?", answers=[{"id": "a", "sentences": ["_now_"]}])
    message = await asked(simulator)

    assert "<em>" not in message.html
    assert "*Open* it?" in message.html


@pytest.mark.parametrize(
    "text", ["maybe", "3", "Shall I say yes?", "yes " * 200, "", "{{ 'yes' }}"]
)
async def test_other_texts_do_not_answer(
    simulator: Simulator, ask: Ask, text: str
) -> None:
    question = ask()
    message = await asked(simulator)
    write(simulator, text)
    reply(simulator, message, text)

    assert await is_waiting(simulator, question)
    write(simulator, "yes")
    assert (await question)["id"] == "yes"


async def test_question_has_an_attachment(
    hass: HomeAssistant, simulator: Simulator, ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "door.png").write_bytes(PNG)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    question = ask(attachment=str(tmp_path / "door.png"))
    message = await asked(simulator)
    assert message.attachments
    react(simulator, message, "👍")

    assert (await question)["id"] == "yes"


# Who answers


async def test_own_messages_never_answer(
    simulator: Simulator, ask: Ask, hass: HomeAssistant
) -> None:
    question = ask(**{"from": [KIMS_ID]}, chat_id=FAMILY)
    message = await asked(simulator)
    me = simulator.world.accounts["whatsapp"].user
    write(simulator, "yes", chat_id=FAMILY, sender=me)
    simulator.world.react(simulator.world.chats[FAMILY], message, me, "👍")
    await call_action(hass, "send_message", chat_id=FAMILY, message="yes")
    await call_action(
        hass, "add_reaction", chat_id=FAMILY, message_id=message.id, reaction="👍"
    )

    assert await is_waiting(simulator, question)


@pytest.mark.parametrize(
    "wanted",
    [
        KIMS_ID,
        "+1 555 010 1002",
        "tel:+15550101002",
        15550101002,
        ["+15550101099", "+15550101002"],
    ],
)
async def test_only_named_people_answer(
    simulator: Simulator, ask: Ask, wanted: Any
) -> None:
    question = ask(**{"from": wanted}, chat_id=FAMILY)
    message = await asked(simulator)
    write(simulator, "yes", chat_id=FAMILY, sender=person(simulator, MIAS_ID))
    react(simulator, message, "👎", MIAS_ID)
    reply(simulator, message, "no", MIAS_ID)
    assert await is_waiting(simulator, question)
    write(simulator, "no", chat_id=FAMILY, sender=person(simulator, KIMS_ID))

    response = await question
    assert (response["id"], response["sender_id"]) == ("no", KIMS_ID)


async def test_a_name_means_the_person_who_has_it_now(
    simulator: Simulator, ask: Ask
) -> None:
    kim, mia = person(simulator, KIMS_ID), person(simulator, MIAS_ID)
    question = ask(**{"from": kim.full_name}, chat_id=FAMILY)
    await asked(simulator)
    mia.full_name = kim.full_name
    write(simulator, "yes", chat_id=FAMILY, sender=mia)
    assert await is_waiting(simulator, question)
    write(simulator, "yes", chat_id=FAMILY, sender=kim)

    assert (await question)["sender_id"] == KIMS_ID


@cells
@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({}, "from_required"),
        ({"from": ["Nobody"]}, "answerer_not_found"),
        ({"from": ["ki"]}, "answerer_not_found"),
        ({"from": ["Twin"]}, "answerer_ambiguous"),
        ({"from": ["Me"]}, "answerer_not_found"),
        ({"from": [MIAS_ID], "anyone": True}, "both_given"),
    ],
)
async def test_unclear_people_are_refused_before_asking(
    simulator: Simulator, ask: Ask, data: dict[str, Any], key: str
) -> None:
    for person_id in (KIMS_ID, MIAS_ID):
        person(simulator, person_id).full_name = "Twin"
    with pytest.raises(ServiceValidationError) as raised:
        await ask(chat_id=FAMILY, **data)

    assert raised.value.translation_key == key
    assert tried(simulator) == 0


async def test_a_chat_with_oneself_has_nobody_to_answer(
    simulator: Simulator, ask: Ask
) -> None:
    notes = simulator.world.add_chat(simulator.world.accounts["whatsapp"], [])
    with pytest.raises(ServiceValidationError) as raised:
        await ask(chat_id=notes.id)
    assert raised.value.translation_key == "nobody_can_answer"
    assert tried(simulator) == 0


async def test_anyone_in_a_group(simulator: Simulator, ask: Ask) -> None:
    question = ask(anyone=True, chat_id=FAMILY)
    await asked(simulator)
    write(simulator, "yes", chat_id=FAMILY, sender=person(simulator, MIAS_ID))

    assert (await question)["sender_id"] == MIAS_ID


async def test_messages_in_other_chats_do_not_answer(
    simulator: Simulator, ask: Ask
) -> None:
    question = ask()
    await asked(simulator)
    write(simulator, "yes", chat_id=FAMILY, sender=person(simulator, KIMS_ID))
    write(simulator, "yes", chat_id=INSTAGRAM)

    assert await is_waiting(simulator, question)


async def test_allowed_senders_apply(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry, ask: Ask
) -> None:
    hass.config_entries.async_update_entry(
        listening, options={"allowed_senders": [MIAS_ID]}
    )
    await hass.async_block_till_done()
    question = ask(anyone=True, chat_id=FAMILY)
    await asked(simulator)
    write(simulator, "yes", chat_id=FAMILY, sender=person(simulator, KIMS_ID))
    assert await is_waiting(simulator, question)
    write(simulator, "no", chat_id=FAMILY, sender=person(simulator, MIAS_ID))

    assert (await question)["id"] == "no"


# When


@pytest.mark.parametrize("ago", [3600, 60, 2])
async def test_earlier_messages_do_not_answer(
    simulator: Simulator, ask: Ask, ago: float
) -> None:
    """The network may deliver it only now."""
    question = ask()
    await asked(simulator)
    write(simulator, "yes", ago=ago)
    assert await is_waiting(simulator, question)
    write(simulator, "no")

    assert (await question)["id"] == "no"


@pytest.mark.parametrize("hours", [-3, 3])
async def test_times_are_the_servers(
    simulator: Simulator, listening: MockConfigEntry, ask: Ask, hours: int
) -> None:
    simulator.world.clock_skew = timedelta(hours=hours)
    await listening.runtime_data.async_refresh()
    question = ask()
    await asked(simulator)
    write(simulator, "no", ago=5)
    assert await is_waiting(simulator, question)
    write(simulator, "yes")

    assert (await question)["id"] == "yes"


async def test_same_second_is_decided_by_the_servers_order(
    simulator: Simulator, ask: Ask
) -> None:
    question = ask()
    row = await asked(simulator)
    early = write(simulator, "no")
    early.timestamp = row.timestamp
    early.sort_key = row.sort_key - 1

    assert await is_waiting(simulator, question)
    late = write(simulator, "yes")
    late.timestamp = row.timestamp.replace(microsecond=0)
    assert (await question)["id"] == "yes"


async def test_messages_before_the_question_is_sent_do_not_answer(
    simulator: Simulator, ask: Ask, hass: HomeAssistant
) -> None:
    fault = simulator.faults.add("delay", method="POST", path=PATH, seconds=0.5)
    question = ask()
    await until(lambda: fault.hits)
    write(simulator, "yes")
    await asked(simulator)
    assert await is_waiting(simulator, question)
    write(simulator, "no")

    assert (await question)["id"] == "no"


async def test_an_answer_may_overtake_the_servers_reply(
    simulator: Simulator, ask: Ask
) -> None:
    simulator.faults.add("delay_after", method="POST", path=PATH, seconds=1)
    question = ask()
    await asked(simulator)
    assert not question.done()
    write(simulator, "yes")

    assert (await question)["id"] == "yes"


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_an_answer_may_overtake_the_confirmation(
    simulator: Simulator, ask: Ask
) -> None:
    simulator.confirm_after = 5
    simulator.faults.add("delay_after", method="POST", path=PATH, seconds=0.5)
    question = ask(message="Open 1 < 2 & 3?", timeout=10)
    await until(lambda: simulator.world.chats[KIM].messages[-1].pending_id)
    write(simulator, "yes")

    assert (await question)["id"] == "yes"


async def test_edits_do_not_answer(simulator: Simulator, ask: Ask) -> None:
    question = ask()
    await asked(simulator)
    message = write(simulator, "perhaps")
    await quiet(simulator)
    simulator.world.edit(simulator.world.chats[KIM], message, "yes")

    assert await is_waiting(simulator, question)


# Several questions


async def test_the_newest_question_is_answered_first(
    simulator: Simulator, ask: Ask
) -> None:
    older = ask(message="Open it?")
    await asked(simulator)
    newer = ask(message="Close it?")
    await asked(simulator, 2)
    write(simulator, "yes")
    await newer

    assert await is_waiting(simulator, older)
    write(simulator, "no")
    assert (await older)["id"] == "no"


@pytest.mark.parametrize("way", ["reply", "reaction"])
async def test_a_reply_answers_its_own_question(
    simulator: Simulator, ask: Ask, way: str
) -> None:
    older = ask(message="Open it?")
    first = await asked(simulator)
    newer = ask(message="Close it?")
    await asked(simulator, 2)
    if way == "reply":
        reply(simulator, first, "yes")
    else:
        react(simulator, first, "👍")
    assert (await older)["id"] == "yes"

    assert await is_waiting(simulator, newer)
    # It is about a question that is answered already.
    reply(simulator, first, "no")
    assert await is_waiting(simulator, newer)
    write(simulator, "no")
    assert (await newer)["id"] == "no"


async def test_a_reply_to_another_message_does_not_answer(
    simulator: Simulator, ask: Ask
) -> None:
    other = write(simulator, "Shall we eat?")
    question = ask()
    await asked(simulator)
    reply(simulator, other, "yes")

    assert await is_waiting(simulator, question)


async def test_a_text_that_does_not_fit_the_newest_question_answers_none(
    simulator: Simulator, ask: Ask
) -> None:
    older = ask(answers=[])
    await asked(simulator)
    newer = ask()
    await asked(simulator, 2)
    write(simulator, "Hello")

    assert await is_waiting(simulator, older)
    assert not newer.done()


async def test_each_person_answers_the_own_question(
    simulator: Simulator, ask: Ask
) -> None:
    kims = ask(**{"from": KIMS_ID}, chat_id=FAMILY, message="Kim?")
    await asked(simulator)
    mias = ask(**{"from": MIAS_ID}, chat_id=FAMILY, message="Mia?")
    await asked(simulator, 2)
    write(simulator, "yes", chat_id=FAMILY, sender=person(simulator, KIMS_ID))

    assert (await kims)["id"] == "yes"
    assert await is_waiting(simulator, mias)


async def test_an_answer_counts_once(
    simulator: Simulator, ask: Ask, events: list[MessageEvent]
) -> None:
    older = ask(message="Open it?")
    await asked(simulator)
    newer = ask(message="Close it?")
    await asked(simulator, 2)
    write(simulator, "Hello")
    write(simulator, "yes")
    await newer
    await is_waiting(simulator, older)

    assert [(event.text, event.answers_question) for event in events] == [
        ("Hello", False),
        ("yes", True),
    ]


async def test_automations_can_leave_answers_alone(
    hass: HomeAssistant, simulator: Simulator, ask: Ask
) -> None:
    heard: list[Any] = []
    hass.bus.async_listen("heard", lambda event: heard.append(event.data))
    data = "{{ [trigger.text, trigger.answers_question] }}"
    await load(
        hass,
        {
            "alias": "Test",
            "mode": "queued",
            "triggers": [{"trigger": "beeper.message_received"}],
            "actions": [{"event": "heard", "event_data": {"heard": data}}],
        },
    )
    question = ask()
    await asked(simulator)
    write(simulator, "Hello")
    await until(lambda: heard)
    write(simulator, "yes")
    await question
    await until(lambda: len(heard) == 2)

    assert [event["heard"] for event in heard] == [["Hello", False], ["yes", True]]


# How the waiting ends


async def test_timeout_raises_no_error(
    simulator: Simulator, ask: Ask, events: list[MessageEvent]
) -> None:
    question = ask(timeout=1)

    assert await question == NOTHING
    write(simulator, "yes")
    await until(lambda: events)
    assert not events[0].answers_question


async def test_default_timeout_is_ten_minutes(
    simulator: Simulator, ask: Ask, skip_time: Callable[[float], None]
) -> None:
    question = ask()
    await asked(simulator)
    skip_time(595)
    assert await is_waiting(simulator, question)
    skip_time(10)

    assert await question == NOTHING


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("24:00:00", 86_400), ({"hours": 24}, 86_400), ({"minutes": "1.5"}, 90)],
)
async def test_timeouts_are_durations(
    simulator: Simulator,
    ask: Ask,
    skip_time: Callable[[float], None],
    timeout: Any,
    seconds: int,
) -> None:
    question = ask(timeout=timeout)
    await asked(simulator)
    skip_time(seconds - 10)
    assert await is_waiting(simulator, question)
    skip_time(20)

    assert not (await question)["answered"]


async def test_a_cancelled_call_no_longer_listens(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    ask: Ask,
    events: list[MessageEvent],
) -> None:
    question = ask()
    await asked(simulator)
    question.cancel()
    await asyncio.wait([question])
    write(simulator, "yes")
    await until(lambda: events)

    assert not events[0].answers_question
    assert not get_open_questions(hass, listening)._questions


async def test_home_assistant_stops(
    hass: HomeAssistant, simulator: Simulator, ask: Ask, caplog: Any
) -> None:
    question = ask()
    await asked(simulator)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)

    with pytest.raises(HomeAssistantError) as raised:
        await asyncio.wait_for(question, PATIENCE)
    assert raised.value.translation_key == "question_stopped"
    assert "never retrieved" not in caplog.text


async def test_the_server_is_removed(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry, ask: Ask
) -> None:
    question = ask()
    await asked(simulator)
    await hass.config_entries.async_remove(listening.entry_id)

    with pytest.raises(HomeAssistantError) as raised:
        await asyncio.wait_for(question, PATIENCE)
    assert raised.value.translation_key == "question_stopped"


@pytest.mark.parametrize("when", ["during", "between"])
@pytest.mark.usefixtures("impatient")
async def test_reloads_are_survived(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    ask: Ask,
    when: str,
) -> None:
    question = ask()
    await asked(simulator)
    if when == "during":
        await hass.config_entries.async_unload(listening.entry_id)
        write(simulator, "yes")
        await hass.config_entries.async_setup(listening.entry_id)
    else:
        await hass.config_entries.async_reload(listening.entry_id)
        write(simulator, "yes")

    assert (await asyncio.wait_for(question, PATIENCE))["id"] == "yes"


@pytest.mark.usefixtures("impatient")
async def test_lost_streams_are_survived(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry, ask: Ask
) -> None:
    question = ask()
    await asked(simulator)
    fault = simulator.faults.add("drop_before", method="GET", path="/v1/ws")
    for connection in [*simulator.hub.connections]:
        await connection.socket.close()
    write(simulator, "yes")
    await poll(hass, listening)

    assert (await asyncio.wait_for(question, PATIENCE))["id"] == "yes"
    assert fault


async def test_a_refused_question_is_an_error(simulator: Simulator, ask: Ask) -> None:
    simulator.faults.add("status_before", method="POST", path=PATH, status=429)
    with pytest.raises(HomeAssistantError) as raised:
        await ask()

    assert raised.value.translation_key == "rate_limited"


@pytest.mark.usefixtures("impatient")
async def test_an_unknown_outcome_is_an_error(simulator: Simulator, ask: Ask) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)
    with pytest.raises(HomeAssistantError) as raised:
        await ask()

    assert raised.value.translation_key == "message_unknown"


@pytest.mark.usefixtures("impatient")
async def test_a_question_that_was_found_is_answered(
    simulator: Simulator, ask: Ask
) -> None:
    simulator.faults.add("drop_after", method="POST", path=PATH)
    question = ask()
    await asked(simulator)
    write(simulator, "yes")

    assert (await question)["id"] == "yes"
    assert sent(simulator) == 1


async def test_an_undelivered_question_is_an_error(
    simulator: Simulator, ask: Ask
) -> None:
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    with pytest.raises(HomeAssistantError) as raised:
        await asyncio.wait_for(ask(), PATIENCE)

    assert raised.value.translation_key == "question_not_delivered"


# Calls


@pytest.mark.parametrize("target", ["entity", "recipient"])
async def test_targets(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    ask: Ask,
    target: str,
) -> None:
    if target == "entity":
        data = {"entity_id": await add_chat(hass, listening)}
    else:
        data = {"recipient": "+1 555 010 1002", "account_id": "whatsapp"}
    question = ask(**data)
    await asked(simulator)
    write(simulator, "yes")

    assert (await question)["answered"]


@cells
@pytest.mark.parametrize(
    ("data", "key", "field"),
    [
        ({"message": " "}, "blank", "message"),
        ({"answers": [{"id": "a"}]}, "required", "answers #1.sentences"),
        ({"answers": [{"sentences": ["a"]}]}, "required", "answers #1.id"),
        (
            {"answers": [*YES_NO, {"id": "a", "sentences": ["(a"]}]},
            "not_sentence",
            "answers #3.sentences",
        ),
        (
            {"answers": [{"id": "a", "sentences": ["<rule>"]}]},
            "not_sentence",
            "answers #1.sentences",
        ),
        ({"answers": ["yes"]}, "not_answer", "answers #1"),
        ({"answers": [{"id": "a", "sentences": [" "]}]}, "blank", None),
        ({"answers": YES_NO * 11}, "too_many_answers", "answers"),
        ({"timeout": "24:00:01"}, "not_duration", "timeout"),
        ({"timeout": 0}, "not_duration", "timeout"),
        ({"timeout": -5}, "not_duration", "timeout"),
        ({"timeout": "soon"}, "not_duration", "timeout"),
        ({"timeout": True}, "not_duration", "timeout"),
        ({"timeout": 10**30}, "not_duration", "timeout"),
        ({"from": []}, "blank", "from"),
        ({"from": ""}, "blank", "from"),
        ({"from": None}, "blank", "from"),
        ({"from": [" "]}, "blank", "from #1"),
        ({"from": "555 010 1002"}, "phone_no_country_code", "from #1"),
        ({"anyone": "perhaps"}, "not_boolean", "anyone"),
        ({"attachment": "door.jpg"}, "not_attachment", "attachment"),
    ],
)
async def test_invalid_calls_are_refused(
    simulator: Simulator, ask: Ask, data: dict[str, Any], key: str, field: str | None
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await ask(**data)

    assert raised.value.translation_key == key
    if field:
        placeholders = raised.value.translation_placeholders or {}
        assert plain(placeholders["field"]) == field
    assert tried(simulator) == 0
