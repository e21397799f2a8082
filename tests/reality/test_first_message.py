"""R1, R22, R30: the first message reaches the right person once, or is reported."""

import asyncio
from contextlib import suppress
from itertools import product
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.data import get_data
from custom_components.beeper.outgoing import limits
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.json import json_loads_object
from simulator import Simulator
from simulator.model import Chat, Person
from tests.helpers.actions import call_action, create_chat, send
from tests.helpers.labels import refused
from tests.helpers.servers import attempts_file
from tests.helpers.waiting import until
from tests.helpers.world import KIM, PROFILES

pytestmark = pytest.mark.usefixtures("impatient")

NEWER = ["4.2.557", "4.2.808", "latest", "easymatrix-0.3.0"]
ALL = ["4.1.294", *NEWER]
TEXT = "Your *parcel* is here"


@pytest.fixture
def person(simulator: Simulator) -> Person:
    """Return a contact without a chat."""
    account = simulator.world.accounts["whatsapp"]
    person = Person(
        id="@whatsapp_15550109090:beeper.com",
        full_name="Noor Zaman",
        phone_number="+15550109090",
        username="noor",
    )
    account.contacts[person.id] = person
    return person


def chats_with(simulator: Simulator, person: Person) -> list[Chat]:
    return [
        chat
        for chat in simulator.world.chats.values()
        if chat.type == "single" and person in chat.participants
    ]


def texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.messages]


def add_chat(simulator: Simulator, person: Person) -> Chat:
    return simulator.world.add_chat(simulator.world.accounts["whatsapp"], [person])


@pytest.mark.parametrize("profile", NEWER)
async def test_r1_text_for_an_existing_chat_is_sent_separately(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)

    response = await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text=TEXT
    )

    assert response["chat_id"] == chat.id
    assert response["message_sent"] == "separately"
    assert response["message_id"]
    assert len(chat.messages) == 1
    assert len(chats_with(simulator, person)) == 1


@pytest.mark.parametrize("profile", ALL)
@pytest.mark.parametrize("trait", ["first_text_dropped", None])
async def test_r1_text_for_a_new_chat_arrives_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
    trait: str | None,
) -> None:
    if trait:
        simulator.traits.add(trait)
    simulator.confirm_after = 0

    response = await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text=TEXT
    )

    [chat] = chats_with(simulator, person)
    assert response["message_sent"] == ("separately" if trait else "with_chat")
    assert len(chat.messages) == 1


async def test_r1_an_answer_without_status_is_not_trusted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text", "start_without_status")
    chat = add_chat(simulator, person)

    response = await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text=TEXT
    )

    assert response["message_sent"] == "separately"
    assert len(chat.messages) == 1


async def test_r1_an_equal_older_message_proves_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)
    await hass.services.async_call(
        "beeper",
        "send_message",
        {"chat_id": chat.id, "message": "Hello"},
        blocking=True,
    )

    response = await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text="Hello"
    )

    assert response["message_sent"] == "separately"
    assert len(chat.messages) == 2


async def test_r1_an_unreadable_history_leaves_the_message_unconfirmed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)
    simulator.faults.add(
        "status_before", method="GET", path="*/messages", status=500, times=None
    )
    data = {"user": {"phone_number": person.phone_number}, "message_text": TEXT}

    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="it is unknown whether"):
            await create_chat(hass, **data)

    assert chat.messages == []


async def test_r1_error_of_a_refused_message_includes_the_existing_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)
    simulator.faults.add("status_before", method="POST", path="*/messages", status=403)
    data = {"user": {"phone_number": person.phone_number}, "message_text": TEXT}

    with pytest.raises(HomeAssistantError, match="was not sent"):
        await create_chat(hass, **data)
    assert (await create_chat(hass, **data))["message_sent"] == "separately"

    assert len(chat.messages) == 1


@pytest.mark.parametrize(
    ("fault", "limit", "warns"),
    [("drop_before", 0, True), ("drop_after", 0, True), ("drop_after", 1, False)],
)
async def test_r1_a_separate_message_without_a_reply_is_counted_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    issue_registry: ir.IssueRegistry,
    fault: str,
    limit: int,
    warns: bool,
) -> None:
    """The limit of messages without a warning is exceeded by one, or reached."""
    monkeypatch.setattr(limits, "_MANY_MESSAGES", limit)
    simulator.traits.add("existing_chat_drops_text")
    add_chat(simulator, person)
    simulator.faults.add(fault, method="POST", path="*/messages")

    with suppress(HomeAssistantError):
        await create_chat(
            hass, user={"phone_number": person.phone_number}, message_text=TEXT
        )

    warning = (DOMAIN, f"many_messages_{loaded.entry_id}")
    assert (warning in issue_registry.issues) is warns


async def test_r1_a_cancelled_caller_does_not_lose_or_repeat_the_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)
    data = {"user": {"phone_number": person.phone_number}, "message_text": TEXT}
    call = hass.async_create_task(create_chat(hass, **data))
    await until(lambda: simulator.executed)
    call.cancel()

    response = await create_chat(hass, **data)

    assert response["message_sent"] == "separately"
    assert len(chat.messages) == 1


async def test_r1_identical_calls_at_once_send_one_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text")
    chat = add_chat(simulator, person)
    data = {"user": {"phone_number": person.phone_number}, "message_text": TEXT}

    responses = await asyncio.gather(*(create_chat(hass, **data) for _ in range(3)))

    assert {response["message_sent"] for response in responses} == {"separately"}
    assert len(chat.messages) == 1


@pytest.mark.parametrize(
    ("profile", "first"),
    [*product(PROFILES, [0]), ("easymatrix-0.3.0", 0), ("easymatrix-0.3.0", 9)],
)
async def test_r22_starts_for_one_person_find_one_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
    first: int,
) -> None:
    simulator.traits.add("new_chat_not_found", "existing_chat_drops_text")
    forms: list[dict[str, Any]] = [
        {"user": {"phone_number": person.phone_number}},
        {"user": {"id": person.id}},
        {"user": {"id": person.id, "full_name": "Noor"}},
        {"recipient": person.phone_number},
        {"recipient": person.full_name},
        {"recipient": person.id},
        {"recipient": f"tel:{person.phone_number}"},
        {"user": {"username": person.username}},
        {"recipient": f"@{person.username}"},
        {"participants": [person.full_name], "type": "single", "if_exists": "reuse"},
        {"participant_ids": [person.id], "type": "single", "if_exists": "reuse"},
    ]
    forms = forms[first:] + forms[:first]
    numbers = range(20)

    responses = await asyncio.gather(
        *(
            create_chat(
                hass, **forms[number % len(forms)], message_text=f"No. {number}"
            )
            for number in numbers
        )
    )

    [chat] = chats_with(simulator, person)
    assert {response["chat_id"] for response in responses} == {chat.id}
    assert texts(chat) == [f"No. {number}" for number in numbers]


@pytest.mark.parametrize("seconds", [0.5, 4])
async def test_r22_a_slow_lookup_holds_up_later_starts_for_a_while(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
    seconds: float,
) -> None:
    simulator.traits.add("new_chat_not_found", "existing_chat_drops_text")
    simulator.faults.add(
        "delay", method="GET", path="*/contacts/list", seconds=seconds, times=1
    )

    await asyncio.gather(
        create_chat(hass, recipient=person.full_name, message_text="By name"),
        create_chat(hass, user={"id": person.id}, message_text="By ID"),
        create_chat(
            hass, user={"phone_number": person.phone_number}, message_text="By number"
        ),
    )

    [chat] = chats_with(simulator, person)
    in_order = ["By name", "By ID", "By number"]
    assert texts(chat) == (in_order if seconds < 3 else [*in_order[1:], in_order[0]])


async def test_r22_a_failed_lookup_holds_up_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    by_name = hass.async_create_task(
        create_chat(hass, recipient="Nobody Known", message_text="By name")
    )

    await create_chat(hass, user={"id": person.id}, message_text="By ID")

    with pytest.raises(HomeAssistantError):
        await by_name
    [chat] = chats_with(simulator, person)
    assert texts(chat) == ["By ID"]


async def test_r22_a_new_chat_may_not_list_its_members_yet(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("new_chat_without_members", "new_chat_not_found")

    response = await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text=TEXT
    )

    [chat] = chats_with(simulator, person)
    assert response["chat_id"] == chat.id
    assert len(chat.messages) == 1


@pytest.mark.parametrize("profile", ["latest", "easymatrix-0.3.0"])
@pytest.mark.parametrize("identity", ["id", "full_name", "phone_number"])
async def test_r22_a_message_just_after_its_chat_was_created(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
    identity: str,
) -> None:
    simulator.traits.add("new_chat_without_members")
    response = await create_chat(hass, user={"id": person.id})

    recipient = getattr(person, identity)
    sent = await call_action(
        hass, "send_message", recipient=recipient, message="At once"
    )

    [chat] = chats_with(simulator, person)
    assert sent["chat_id"] == response["chat_id"] == chat.id
    assert texts(chat) == ["At once"]


async def test_r22_somebody_who_is_not_listed_is_refused_in_the_end(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("new_chat_without_members")
    await create_chat(hass, user={"id": person.id})
    simulator.world.discovery_seconds = 3600

    with refused(ServiceValidationError, "matches no person or chat"):
        await call_action(hass, "send_message", recipient=person.id, message="x")

    [chat] = chats_with(simulator, person)
    assert texts(chat) == []


async def test_r22_starts_for_different_people_do_not_wait_for_each_other(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.faults.add("delay", method="POST", path="/v1/chats/start", seconds=5)
    slow = hass.async_create_task(
        create_chat(hass, user={"phone_number": "+15550101002"}, message_text="Slow")
    )
    await until(lambda: any(r.method == "POST" for r in simulator.requests))

    await create_chat(
        hass, user={"phone_number": person.phone_number}, message_text="Quick"
    )

    assert not slow.done()
    slow.cancel()


@pytest.mark.parametrize("profile", NEWER)
async def test_r30_a_chat_that_everybody_left_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    simulator.traits.add("existing_chat_drops_text", "abandoned_chat")
    chat = add_chat(simulator, person)
    simulator.leave(chat.id)

    with refused(HomeAssistantError, "mode: create"):
        await create_chat(
            hass, user={"phone_number": person.phone_number}, message_text=TEXT
        )

    assert TEXT not in texts(chat)


# What identifies a request


async def test_a_lost_attempt_by_number_is_not_repeated_by_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, person: Person
) -> None:
    chat = add_chat(simulator, person)
    simulator.traits.add("existing_chat_drops_text")
    simulator.faults.add("drop_before", method="POST", path="*/messages")
    with pytest.raises(HomeAssistantError, match="it is unknown whether"):
        await create_chat(
            hass, user={"phone_number": person.phone_number}, message_text=TEXT
        )

    with pytest.raises(HomeAssistantError, match="it is unknown whether"):
        await create_chat(hass, user={"id": person.id}, message_text=TEXT)

    assert chat.messages == []


async def test_a_lost_attempt_is_not_repeated_after_a_restart(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    person: Person,
) -> None:
    """The storage has neither the number nor the text."""
    add_chat(simulator, person)
    data = {"user": {"phone_number": person.phone_number}, "message_text": TEXT}
    simulator.faults.add("drop_before", method="POST")
    with pytest.raises(HomeAssistantError):
        await create_chat(hass, **data)
    text = attempts_file(hass, loaded).read_text()
    assert await hass.config_entries.async_unload(loaded.entry_id)
    get_data(hass).outboxes.clear()
    assert await hass.config_entries.async_setup(loaded.entry_id)
    before = len([r for r in simulator.requests if r.method == "POST"])

    with pytest.raises(HomeAssistantError):
        await create_chat(hass, **data)

    assert len([r for r in simulator.requests if r.method == "POST"]) == before
    stored = json_loads_object(text.splitlines()[-1])
    assert stored.keys() == {"id", "keys", "at", "window"}
    assert re.fullmatch(r"(?:[0-9a-f]{24} ?)+", " ".join(stored["keys"]))  # type: ignore[arg-type]


async def test_a_chat_has_one_queue_and_one_identity_under_all_its_ids(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    before = len(chat.messages)
    simulator.faults.add("drop_before", method="POST", path="*/messages")
    with pytest.raises(HomeAssistantError):
        await send(hass, message=TEXT)

    for chat_id in (KIM, chat.local_id):
        with pytest.raises(HomeAssistantError, match="Not repeated"):
            await send(hass, str(chat_id), TEXT)

    assert len(chat.messages) == before


@pytest.mark.parametrize("text", [TEXT, None])
async def test_people_of_one_username_are_not_one_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, text: str | None
) -> None:
    account = simulator.world.accounts["whatsapp"]
    people = [
        Person(id=f"@bob:{server}.test", full_name="Bob", username="bob")
        for server in ("one", "two")
    ]
    account.contacts |= {person.id: person for person in people}
    message = {"message_text": text} if text else {}

    responses = await asyncio.gather(
        *(
            create_chat(hass, user={"id": person.id, "username": "bob"}, **message)
            for person in people
        )
    )

    assert len({response["chat_id"] for response in responses}) == 2
    for person in people:
        [chat] = chats_with(simulator, person)
        assert len(chat.messages) == bool(text)
