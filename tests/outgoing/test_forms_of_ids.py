"""One person or group, in whichever form a call states their IDs."""

import asyncio
from itertools import permutations
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import create_chat_job, outbox
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Chat
from tests.helpers.actions import call_action, create_chat
from tests.helpers.outcomes import outcome_of
from tests.helpers.world import contact

OWN = "15550100001"
FORMS = ("{}", "@whatsapp_{}:beeper.com", "+{}")
"""The forms of an ID on WhatsApp; a number is one as well."""

ENDS = {
    "done": ("done", "duplicate"),
    "running": ("done", "duplicate"),
    "ran": ("unknown", "recovered"),
    "lost": ("unknown", "unknown"),
}


def calls(number: int) -> list[dict[str, Any]]:
    """Return the ways to start a chat with a stranger; each has another number."""
    digits = f"155502{number:05}"
    ids = [form.format(digits) for form in FORMS]
    users = [*({"id": user_id} for user_id in ids), {"phone_number": f"+{digits}"}]
    return [{"user": user, "message_text": "hi"} for user in users]


def group_calls(number: int) -> list[dict[str, Any]]:
    """Return the ways to create a group; the user is in it, listed or not."""
    people = [f"155503{number:05}", f"155504{number:05}"]
    lists = [[form.format(who) for who in people] for form in FORMS]
    lists += [[*ids, form.format(OWN)] for ids, form in zip(lists, FORMS, strict=True)]
    lists += [[*lists[0], lists[1][0], lists[2][1]]]
    return [
        {"participant_ids": ids, "type": "group", "title": f"Trip {number}"}
        for ids in lists
    ]


def all_pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return two forms of each call, with people that no other pair has."""
    orders = [
        (ways, order)
        for ways in (calls, group_calls)
        for order in permutations(range(len(ways(0))), 2)
    ]
    return [
        (ways(number)[one], ways(number)[other])
        for number, (ways, (one, other)) in enumerate(orders)
    ]


@pytest.fixture
async def created(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> dict[str, Chat]:
    """Return all chats, on a server that knows a new one only later."""
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    simulator.world.chats.clear()
    simulator.traits.add("new_chat_not_found")
    return simulator.world.chats


@pytest.mark.parametrize("first", [*ENDS])
async def test_each_form_is_the_same_call(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
) -> None:
    monkeypatch.setattr(create_chat_job, "_TEXT_WINDOW", 600)
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    pairs = all_pairs()

    async def call(data: dict[str, Any]) -> str:
        return await outcome_of(create_chat(hass, account_id="whatsapp", **data))

    if first == "running":
        both = [call for pair in pairs for call in pair]
        ends = await asyncio.gather(*map(call, both))
        results = [*zip(ends[::2], ends[1::2], strict=True)]
    else:
        if first != "done":
            kind = "drop_after" if first == "ran" else "drop_before"
            simulator.faults.add(kind, method="POST", path="/v1/chats*", times=None)
        firsts = await asyncio.gather(*(call(one) for one, _ in pairs))
        simulator.faults.clear()
        seconds = await asyncio.gather(*(call(other) for _, other in pairs))
        results = [*zip(firsts, seconds, strict=True)]

    assert {
        str(pair): result
        for pair, result in zip(pairs, results, strict=True)
        if result != ENDS[first]
    } == {}
    assert len(created) == (0 if first == "lost" else len(pairs))
    assert all(
        len({person.id for person in chat.participants}) == len(chat.participants)
        for chat in created.values()
    )


async def test_a_group_is_reused_in_each_form(
    hass: HomeAssistant, created: dict[str, Chat]
) -> None:
    pairs = [pair for pair in all_pairs() if "type" in pair[0]]

    for calls_of_all in zip(*pairs, strict=True):
        responses = await asyncio.gather(
            *(
                create_chat(
                    hass,
                    account_id="whatsapp",
                    if_exists="reuse",
                    allow_repeat=True,
                    **data,
                )
                for data in calls_of_all
            )
        )
        assert {tuple(response["missing"]) for response in responses} == {()}

    assert len(created) == len(pairs)


async def test_a_group_is_known_by_ids_and_by_numbers(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a network whose IDs contain no number, contacts tell."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    lists: list[tuple[list[str], list[str], list[str]]] = []
    for number in range(6):
        people = [
            contact(
                simulator,
                f"@telegram_7{letter}{number}:beeper.com",
                "telegram",
                full_name=f"Robin {letter}{number}",
                phone_number=f"+15550{letter}{number:05}",
            )
            for letter in (5, 6)
        ]
        names = [str(person.full_name) for person in people]
        numbers = [str(person.phone_number) for person in people]
        lists.append(([person.id for person in people], numbers, names))
    fields = ("participant_ids", "participant_ids", "participants")

    async def call(number: int, form: int) -> str:
        data = {fields[form]: lists[number][form], "type": "group"}
        return await outcome_of(create_chat(hass, account_id="telegram", **data))

    orders = [*enumerate(permutations(range(3), 2))]
    simulator.faults.add("drop_after", method="POST", path="/v1/chats", times=None)
    await asyncio.gather(*(call(number, one) for number, (one, _) in orders))
    simulator.faults.clear()
    ends = await asyncio.gather(*(call(number, other) for number, (_, other) in orders))

    assert ends == ["recovered"] * len(orders)
    assert len(created) == len(orders)


@pytest.mark.parametrize("fault", ["delay", "status_before"])
@pytest.mark.parametrize("asked", ["chat", "text", "group"])
async def test_who_cannot_be_read_may_be_the_recipient_of_the_lost_request(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    asked: str,
) -> None:
    """A server that searches its contacts slowly makes no second chat or message."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    monkeypatch.setattr(outbox, "_IDENTIFY_TIMEOUT", 0.2)
    robin = contact(
        simulator,
        "@telegram_77:beeper.com",
        "telegram",
        username="robin",
        phone_number="+15550107777",
    )
    more = {"message_text": "hi"} if asked == "text" else {}
    forms: list[dict[str, Any]] = [
        {"user": {"id": robin.id}} | more,
        {"user": {"username": "robin"}} | more,
        {"user": {"phone_number": robin.phone_number}} | more,
    ]
    if asked == "group":
        forms = [
            {"participant_ids": [form, "@telegram_78:beeper.com"], "type": "group"}
            for form in (robin.id, robin.phone_number)
        ]

    async def call(data: dict[str, Any]) -> str:
        return await outcome_of(create_chat(hass, account_id="telegram", **data))

    simulator.faults.add("drop_before", method="POST", path="/v1/chats*")
    assert await call(forms[0]) == "unknown"
    options: dict[str, Any] = {"seconds": 3600} if fault == "delay" else {"status": 500}
    path = "/v1/accounts/*/contacts*"
    simulator.faults.add(fault, path=path, times=None, **options)

    assert [await call(form) for form in forms[1:]] == ["unknown"] * len(forms[1:])
    assert not created

    # Somebody else, by what is known of both, has no part in it.
    if asked != "group":
        other: dict[str, Any] = {"user": {"id": "@telegram_79:beeper.com"}}
        assert await call(other | more) == "done"


async def test_letters_that_only_look_alike_are_other_people(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    account = simulator.world.accounts["matrix"]
    account.contacts.clear()
    others = [
        ("email", "info@fass.example", "info@faß.example"),
        ("email", "kim@one.example", "\N{KELVIN SIGN}im@one.example"),
        ("username", "strauss", "strauß"),
    ]
    for field, known, _ in others:
        person_id = f"@{len(created)}:beeper.com"
        person = contact(simulator, person_id, "matrix", **{field: known})
        simulator.world.add_chat(account, [person])
    simulator.faults.add("drop_before", method="POST", path="/v1/chats*", times=None)

    for field, _, other in others:
        text = f"@{other}" if field == "username" else other
        data = {"recipient": text, "account_id": "matrix", "message": "hi"}
        call = call_action(hass, "send_message", **data)
        assert await outcome_of(call) == "not done"
        call = create_chat(hass, account_id="matrix", user={field: other})
        assert await outcome_of(call) == "unknown"


REPORTED = (
    "+1 555 018 {}",
    "+1-555-018-{}",
    "+1 (555) 018-{}",
    "001555018{}",
    "1555018{}",
    "tel:+1-555-018-{}",
    "\u202a+1555018{}\u202c",
)
"""The number of a contact, as a server may report it."""


@pytest.mark.parametrize("account_id", ["telegram", "whatsapp"])
async def test_a_number_is_the_same_however_the_server_writes_it(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
    account_id: str,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for reported in REPORTED:
        for one, other in ((0, 1), (1, 0), (2, 1), (1, 3)):
            number = f"{len(pairs):04}"
            robin = contact(
                simulator,
                f"@{account_id}_r{number}:beeper.com",
                account_id,
                full_name=f"Robin {number}",
                username=f"robin{number}",
                phone_number=reported.format(number),
            )
            forms: list[dict[str, Any]] = [
                {"recipient": robin.full_name},
                {"recipient": f"+1555018{number}"},
                {"user": {"id": robin.id}},
                {"user": {"username": robin.username}},
            ]
            both = {"account_id": account_id, "message_text": f"hi {number}"}
            pairs.append((forms[one] | both, forms[other] | both))

    async def call(data: dict[str, Any]) -> str:
        return await outcome_of(create_chat(hass, **data))

    simulator.faults.add("drop_before", method="POST", path="/v1/chats*", times=None)
    firsts = [await call(one) for one, _ in pairs]
    simulator.faults.clear()
    seconds = [await call(other) for _, other in pairs]

    assert {*firsts} == {*seconds} == {"unknown"}
    assert not created


@pytest.mark.parametrize("reported", REPORTED)
async def test_a_message_by_number_reaches_its_owner_however_it_is_written(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, reported: str
) -> None:
    account = simulator.world.accounts["telegram"]
    for number in ("7777", "7778"):
        person_id = f"@telegram_{number}:beeper.com"
        person = contact(simulator, person_id, account.id)
        person.phone_number = reported.format(number)
        simulator.world.add_chat(account, [person])

    response = await call_action(
        hass, "send_message", recipient="+15550187778", message="hi"
    )

    [person, _] = simulator.world.chats[response["chat_id"]].participants
    assert person.id == "@telegram_7778:beeper.com"


@pytest.mark.parametrize("first", ["done", "ran", "lost"])
async def test_a_group_is_known_by_any_identity_of_each_person(
    hass: HomeAssistant,
    simulator: Simulator,
    created: dict[str, Chat],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
) -> None:
    """One call states the ID of one person and the number of another, the next both IDs."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    forms: list[list[list[str]]] = []
    for number in range(12):
        people = [
            contact(
                simulator,
                f"@telegram_9{letter}{number}:beeper.com",
                "telegram",
                phone_number=f"+15551{letter}{number:05}",
            )
            for letter in (5, 6)
        ]
        stated = [[person.id, str(person.phone_number)] for person in people]
        forms.append([[one, other] for one in stated[0] for other in stated[1]])

    async def call(ids: list[str]) -> str:
        data: dict[str, Any] = {"participant_ids": ids, "type": "group"}
        return await outcome_of(create_chat(hass, account_id="telegram", **data))

    orders = [*enumerate(permutations(range(4), 2))]
    if first != "done":
        kind = "drop_after" if first == "ran" else "drop_before"
        simulator.faults.add(kind, method="POST", path="/v1/chats", times=None)
    firsts = [await call(forms[number][one]) for number, (one, _) in orders]
    simulator.faults.clear()
    seconds = [await call(forms[number][other]) for number, (_, other) in orders]

    assert {*zip(firsts, seconds, strict=True)} == {ENDS[first]}
    assert len(created) == (0 if first == "lost" else len(orders))
