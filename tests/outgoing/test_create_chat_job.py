"""Existing chats with the same people: created again, reused or refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import (
    create_chat_job,
    first_message,
    recipient_queue,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.model import Person
from tests.helpers.actions import create_chat
from tests.helpers.labels import refused
from tests.helpers.outcomes import outcome_of
from tests.helpers.world import FAMILY, KIM, PROFILES, chat, contact

PEOPLE = ["15550101002", "15550101004", "15550101005"]


def family(**data: Any) -> dict[str, Any]:
    return {"participant_ids": PEOPLE, "type": "group", "if_exists": "reuse"} | data


def made(simulator: Simulator) -> int:
    return sum(sent.path == "/v1/chats" for sent in simulator.executed)


def texts(simulator: Simulator, chat_id: str = FAMILY) -> list[str]:
    return [message.text for message in simulator.world.chats[chat_id].messages]


@pytest.mark.parametrize("profile", PROFILES)
async def test_group_is_reused_daily(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await create_chat(hass, **family(message_text="Good morning"))

    assert (response["chat_id"], response["status"]) == (FAMILY, "existing")
    assert response["recovered"] is False
    assert response["title"] == "Family 🏡"
    assert response["missing"] == []
    assert texts(simulator)[-1] == "Good morning"
    assert made(simulator) == 0


async def test_network_bots_are_not_participants(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    bot = contact(simulator, "@whatsappbot:beeper.com", full_name="WhatsApp bridge bot")
    bot.is_network_bot = True
    simulator.world.chats[FAMILY].participants.append(bot)

    assert (await create_chat(hass, **family()))["chat_id"] == FAMILY


async def test_no_message_sends_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert (await create_chat(hass, **family()))["chat_id"] == FAMILY
    assert not simulator.executed


async def test_by_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await create_chat(
        hass,
        participants=["Kim", "Mia", "+1 555 010 1005"],
        type="group",
        if_exists="reuse",
    )

    assert response["chat_id"] == FAMILY
    assert [recipient["name"] for recipient in response["recipients"]][:2] == [
        "Kim",
        "Mia 🌻",
    ]


async def test_same_numbers_are_the_same_people(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for index, person in enumerate(simulator.world.chats[FAMILY].participants[:3]):
        simulator.world.chats[FAMILY].participants[index] = Person(
            id=f"@whatsapp_lid-{index}:beeper.com", phone_number=person.phone_number
        )

    response = await create_chat(
        hass,
        participants=["Kim", "Mia", "+1 555 010 1005"],
        type="group",
        if_exists="reuse",
    )

    assert response["chat_id"] == FAMILY


@pytest.mark.parametrize(
    "data",
    [
        {"if_exists": "create"},
        {"if_exists": ""},
        {"title": "Other"},
        {"participant_ids": PEOPLE[:2]},
        {"participant_ids": [*PEOPLE, "15550101003"]},
        {"participant_ids": PEOPLE[:2], "if_exists": "refuse"},
        {"account_id": "signal"},
    ],
)
async def test_different_people_title_or_account_create_a_group(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
) -> None:
    response = await create_chat(hass, **family(**data))

    assert response["chat_id"] != FAMILY
    assert made(simulator) == 1


async def test_a_new_group_is_found_the_next_day(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = family(participant_ids=PEOPLE[:2], title="Daily")

    first = await create_chat(hass, **data, message_text="Monday")
    second = await create_chat(hass, **data, message_text="Tuesday")

    assert first["chat_id"] == second["chat_id"]
    assert (first["status"], second["status"]) == (None, "existing")
    assert texts(simulator, first["chat_id"]) == ["Monday", "Tuesday"]
    assert made(simulator) == 1


async def test_concurrent_calls_create_one_group(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = family(participant_ids=PEOPLE[:2])

    found = await asyncio.gather(
        *(create_chat(hass, **data, message_text=str(number)) for number in range(3))
    )

    assert len({response["chat_id"] for response in found}) == 1
    assert made(simulator) == 1
    assert texts(simulator, found[0]["chat_id"]) == ["0", "1", "2"]


@pytest.mark.parametrize("if_exists", ["refuse", "reuse"])
async def test_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, if_exists: str
) -> None:
    """Which of two groups is meant is not guessed."""
    count = 1
    if if_exists == "reuse":
        count = 2
        chat(simulator, simulator.world.chats[FAMILY].participants[:3], "Family 2")

    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, **family(if_exists=if_exists, message_text="hi"))

    assert (
        f"on WhatsApp, chats with exactly these people already exist: {count}"
        in str(refused.value)
    )
    assert not simulator.executed
    if if_exists == "reuse":
        data = family(title="Family 🏡", message_text="hi")
        assert (await create_chat(hass, **data))["chat_id"] == FAMILY


async def test_reuse_ignores_the_chat_limit(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 1})
    await hass.async_block_till_done()
    await create_chat(hass, participant_ids=PEOPLE[:2], type="group")

    assert (await create_chat(hass, **family()))["chat_id"] == FAMILY
    with pytest.raises(ServiceValidationError, match="limit in the options"):
        await create_chat(hass, **family(participant_ids=PEOPLE[1:]))


async def test_read_only(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"read_only": True})
    await hass.async_block_till_done()

    with pytest.raises(ServiceValidationError, match="reading only"):
        await create_chat(hass, **family(message_text="hi"))
    assert not simulator.executed


async def test_a_direct_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = family(participant_ids=PEOPLE[0], type="single", title="ignored")

    response = await create_chat(hass, **data)

    assert response["chat_id"] == KIM
    assert not simulator.executed


async def test_a_large_group(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Lists show 20 people of it."""
    people = [contact(simulator, f"@whatsapp_{n}:beeper.com") for n in range(60)]
    group = chat(simulator, people, "All")
    chat(simulator, people[:-1], "All but one")
    ids = [person.id for person in people]

    assert (await create_chat(hass, **family(participant_ids=ids)))["chat_id"] == (
        group.id
    )


# When it goes wrong


async def test_unreadable_state_stops_the_call(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="/v1/chats/search", status=500, times=None
    )

    with pytest.raises(HomeAssistantError, match="Nothing was done"):
        await create_chat(hass, **family())
    assert not simulator.executed


async def test_rejected_message_is_not_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", method="POST", status=429)
    data = family(message_text="hi")

    with pytest.raises(HomeAssistantError, match="too many requests"):
        await create_chat(hass, **data)

    assert "hi" not in texts(simulator)
    assert (await create_chat(hass, **data))["recovered"] is False
    assert texts(simulator).count("hi") == 1


async def test_lost_message_response(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")

    response = await create_chat(hass, **family(message_text="hi"))

    assert (response["chat_id"], response["recovered"]) == (FAMILY, True)
    assert response["status"] == "existing"
    assert texts(simulator).count("hi") == 1


async def test_lost_creation_response(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")

    response = await create_chat(
        hass, **family(participant_ids=PEOPLE[:2], message_text="hi")
    )

    assert response["recovered"] is True
    assert texts(simulator, response["chat_id"]) == ["hi"]
    assert made(simulator) == 1


async def test_an_unknown_message_is_not_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "custom_components.beeper.outgoing.outbox._RECOVERY_DELAYS", (0, 0.01)
    )
    simulator.faults.add("drop_before", method="POST")
    data = family(message_text="hi")

    with pytest.raises(HomeAssistantError, match="The chat exists"):
        await create_chat(hass, **data)
    with pytest.raises(HomeAssistantError, match="The chat exists"):
        await create_chat(hass, **data)

    assert "hi" not in texts(simulator)
    await create_chat(hass, **data, allow_repeat=True)
    assert texts(simulator).count("hi") == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"if_exists": "maybe"}, "if_exists must be one of: create, reuse, refuse"),
        (
            {"participant_ids": None, "user": {"id": "x"}, "type": None},
            "if_exists belongs to mode create",
        ),
    ],
)
async def test_invalid_call(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    with refused(ServiceValidationError, message):
        await create_chat(hass, **family(**data))


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_chat_whose_person_has_another_id_is_created_once(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The contact has one ID, and the new chat shows the person with another."""
    monkeypatch.setattr(first_message, "_NEW_DELAYS", (0,))
    monkeypatch.setattr(create_chat_job, "_TEXT_WINDOW", 600)
    monkeypatch.setattr(recipient_queue, "_REMEMBERED_FOR", 600)
    options = {"chats_per_hour": 0, "duplicate_window": 600}
    hass.config_entries.async_update_entry(loaded, options=options)
    await hass.async_block_till_done()
    world = simulator.world
    forms: list[Callable[[Person], Any]] = [
        lambda person: {"participants": [person.full_name]},
        lambda person: {"participants": [person.phone_number]},
        lambda person: {"participants": [f"@{person.username}"]},
        lambda person: {"participants": [person.id]},
        lambda person: {"participant_ids": [person.id]},
    ]
    shown: list[tuple[str, ...]] = [("phone_number", "username"), ("phone_number",), ()]
    pairs = [
        (first, second, fields)
        for index, first in enumerate(forms)
        for second in dict.fromkeys((first, forms[0], forms[index - 1]))
        for fields in shown
    ]
    for number, (first, second, fields) in enumerate(pairs):
        person = contact(
            simulator,
            f"@whatsapp_1555666{number:04}:beeper.com",
            full_name=f"Zoe Z{number}z",
            phone_number=f"+1555666{number:04}",
            username=f"zoe{number}z",
        )
        call: dict[str, Any] = {"type": "single", "account_id": "whatsapp"}
        if number % 2:
            call["message_text"] = "Hi"
        before = {*world.chats}
        chat_id = (await create_chat(hass, **first(person), **call))["chat_id"]
        people = world.chats[chat_id].participants
        people[people.index(person)] = Person(
            id=f"@whatsapp_lid-9{number:05}:beeper.com",
            full_name=person.full_name,
            **{key: getattr(person, key) for key in fields},
        )

        end = await outcome_of(create_chat(hass, **second(person), **call))

        assert {*world.chats} - before == {chat_id}, number
        # The name is now that of two people who share nothing else.
        assert end == "duplicate" or not fields, number


async def test_a_chat_that_its_recipient_has_left_is_not_the_next_result(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Within the minute in which the chat of one request is that of the next."""
    zoe = contact(
        simulator, "15550101099", full_name="Zoe", phone_number="+15550101099"
    )
    other = contact(simulator, "15550101098", full_name="Other")
    user = {"phone_number": zoe.phone_number}
    first = await create_chat(hass, user=user)
    left = simulator.world.chat(first["chat_id"])
    assert (await create_chat(hass, user=user, message_text="1"))["chat_id"] == left.id

    left.participants[left.participants.index(zoe)] = other
    second = await create_chat(hass, user=user, message_text="2")

    assert second["status"] == "created"
    assert second["chat_id"] != left.id
    third = await create_chat(hass, user=user, message_text="3")
    assert third["chat_id"] == second["chat_id"]
