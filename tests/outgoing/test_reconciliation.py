"""Whose chat is it: what reading may take for the result of a lost answer, and what not."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import json
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.data import get_outbox
from custom_components.beeper.outgoing import outbox
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator, faults
from simulator.faults import Fault, Run, hang_up
from simulator.model import Person
from tests.helpers.actions import call_action, create_chat, posts
from tests.helpers.outcomes import outcome_of
from tests.helpers.servers import restart
from tests.helpers.waiting import PATIENCE, poll, until
from tests.helpers.world import ALEX, GROUP_OF_TWO, KIM_BY_NUMBER

pytestmark = pytest.mark.usefixtures("quick_recovery")


UNKNOWN = "It is unknown whether"


def add_chat(
    simulator: Simulator,
    *people: str,
    title: str | None = None,
    account: str = "whatsapp",
    kind: Any = "group",
    age: timedelta = timedelta(),
) -> str:
    """Let a chat appear that is not the one asked for."""
    world = simulator.world
    contacts = world.accounts[account].contacts.values()
    chat = world.add_chat(
        world.accounts[account],
        [next(who for who in contacts if who.phone_number == f"+{p}") for p in people],
        kind=kind,
        title=title,
        when=world.now() - age,
    )
    return chat.id


async def lose(
    hass: HomeAssistant, simulator: Simulator, **call: Any
) -> dict[str, Any]:
    """Call an action whose request is dropped before it runs."""
    simulator.faults.add("drop_before", method="POST", path="/v1/chats*")
    return await create_chat(hass, **call)


KIM_ID, ALEX_ID, SOMEONE_ID = "15550101002", "15550101003", "15550101005"


@pytest.mark.parametrize(
    "other",
    [
        {"people": (KIM_ID,)},
        {"people": (KIM_ID, ALEX_ID, SOMEONE_ID)},
        {"people": (KIM_ID, SOMEONE_ID)},
        {"people": (KIM_ID, ALEX_ID), "title": "Other"},
        {"people": (KIM_ID, ALEX_ID), "age": timedelta(minutes=5)},
        {"people": (KIM_ID,), "kind": "single"},
    ],
    ids=["fewer", "more", "others", "other title", "older", "direct"],
)
async def test_mismatching_chat_is_not_recovered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    other: dict[str, Any],
) -> None:
    people = other.pop("people")
    add_chat(simulator, *people, **{"title": "Trip", **other})

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **GROUP_OF_TWO, title="Trip")


async def test_chat_with_unlisted_people_is_not_recovered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Those that the server lists are the ones asked for, and there are more."""
    chat_id = add_chat(simulator, KIM_ID, ALEX_ID, SOMEONE_ID)
    world = simulator.world
    body = json.dumps(simulator.wire.chat(world, world.chat(chat_id), 2))
    fault = simulator.faults.add(
        "garbage", method="GET", path=f"/v1/chats/{chat_id}", body=body, times=None
    )
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **GROUP_OF_TWO)
    assert fault.hits


async def test_a_chat_with_older_messages_is_not_new(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """An old group with a new message is as active as a new group."""
    world = simulator.world
    chat = world.chats[add_chat(simulator, KIM_ID, ALEX_ID, title="Trip")]
    kim = chat.participants[0]
    world.incoming(chat, kim, "long ago", when=world.now() - timedelta(days=1))
    world.incoming(chat, kim, "just now", when=world.now() + timedelta(seconds=1))

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **GROUP_OF_TWO, title="Trip")


async def test_a_busy_old_chat_is_not_new(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Its newest page is full of messages from after the attempt."""
    world = simulator.world
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **GROUP_OF_TWO)
    chat = world.chats[add_chat(simulator, KIM_ID, ALEX_ID, age=timedelta(days=9))]
    kim = chat.participants[0]
    for number in range(25):
        when = world.now() + timedelta(seconds=1)
        world.incoming(chat, kim, f"message {number}", when=when)

    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await create_chat(hass, **GROUP_OF_TWO)


@pytest.mark.parametrize(
    "call",
    [
        {"user": {"id": "@kim:other.org"}},
        {"participant_ids": "@kim:other.org", "type": "single"},
        {"user": {"username": "kim"}},
    ],
    ids=["start", "create", "username"],
)
async def test_equal_id_on_another_server_is_another_person(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
) -> None:
    account = simulator.world.accounts["matrix"]
    namesake = Person(id="@kim:beeper.com", full_name="Kim", username="kimmy")
    account.contacts[namesake.id] = namesake
    later = simulator.world.now() + timedelta(seconds=1)
    simulator.world.add_chat(account, [namesake], when=later)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, account_id="matrix", **call)


async def test_direct_chat_title_is_ignored(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")

    response = await create_chat(
        hass, participant_ids=SOMEONE_ID, type="single", title="Ignored"
    )

    assert response["recovered"] is True


async def test_punctuation_only_text_is_compared_literally(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats["!NCdzlIaMjZUmvmvyHU:beeper.com"]
    me = chat.participants[-1]
    later = simulator.world.now() + timedelta(seconds=1)
    simulator.world.incoming(chat, me, "***", when=later)

    with pytest.raises(HomeAssistantError, match="The chat exists"):
        await lose(hass, simulator, **KIM_BY_NUMBER, message_text="---")


async def test_hanging_server_times_out(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "_RECOVERY_TIMEOUT", 0.05)
    simulator.faults.add("drop_after", method="POST")
    simulator.faults.add("delay", method="GET", times=None, seconds=0.1)

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(HomeAssistantError, match=UNKNOWN):
            await create_chat(hass, **GROUP_OF_TWO)


async def test_two_matching_chats_recover_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def create_two(
        _: Fault, request: web.Request, run: Run
    ) -> web.StreamResponse:
        add_chat(simulator, KIM_ID, ALEX_ID, title="Trip")
        await run()
        return hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "drop_after", create_two)
    simulator.faults.add("drop_after", method="POST")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await create_chat(hass, **GROUP_OF_TWO, title="Trip")
    assert len(simulator.executed) == 1


async def test_unreadable_history_disproves_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")
    simulator.faults.add("status_before", path="*/messages", times=None, status=404)

    assert (await create_chat(hass, **GROUP_OF_TWO))["recovered"] is True


@pytest.mark.parametrize("hours", [-3, 3])
async def test_wrong_server_clock(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, hours: int
) -> None:
    simulator.clock_skew = timedelta(hours=hours)
    simulator.faults.add("drop_after", method="POST", times=2)

    response = await create_chat(hass, **GROUP_OF_TWO, message_text="hi")
    assert response["recovered"] is True
    assert (await create_chat(hass, **KIM_BY_NUMBER, message_text="hi"))[
        "recovered"
    ] is True


async def test_server_clock_days_off(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.clock_skew = timedelta(days=-400)
    simulator.faults.add("drop_after", method="POST")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await create_chat(hass, **GROUP_OF_TWO)


@pytest.mark.parametrize(
    "write",
    [
        lambda world, chat: world.incoming(chat, chat.participants[0], "See you at 7"),
        lambda world, chat: world.send(chat, "See you at 8"),
    ],
    ids=["somebody else's", "another text"],
)
async def test_foreign_text_confirms_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    write: Callable[[Any, Any], object],
) -> None:
    chat = simulator.world.chats["!NCdzlIaMjZUmvmvyHU:beeper.com"]
    simulator.world.incoming(
        chat,
        chat.participants[0],
        "See you at 7",
        when=simulator.world.now() + timedelta(seconds=1),
    )
    write(simulator.world, chat)

    with pytest.raises(HomeAssistantError, match="The chat exists"):
        await lose(hass, simulator, **KIM_BY_NUMBER, message_text="See you at 7")


async def test_own_message_flagged_as_foreign(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Instagram's bridge reports `isSender: false`; the sender id is reliable."""
    account = simulator.world.accounts["instagramgo"]
    person = next(iter(account.contacts.values()))
    simulator.faults.add("drop_after", method="POST")

    response = await create_chat(
        hass, account_id="instagramgo", user={"id": person.id}, message_text="hi"
    )

    assert response["recovered"] is True


async def test_two_direct_chats_with_one_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    add_chat(simulator, KIM_ID, kind="single")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **KIM_BY_NUMBER)


async def test_failed_search_is_not_final(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", path="*/search", times=None, status=400)
    simulator.faults.add("drop_after", method="POST")

    assert (await create_chat(hass, **KIM_BY_NUMBER))["recovered"] is True


async def test_recovery_changes_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await lose(hass, simulator, **GROUP_OF_TWO)

    assert {request.method for request in simulator.requests} == {"GET", "POST"}
    assert posts(simulator) == 1


async def test_among_ten_thousand_chats(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    """An existing chat far down the list is found by search, and pages have an end."""
    for number in range(300):
        add_chat(simulator, KIM_ID, ALEX_ID, title=f"Group {number}")
    simulator.faults.add("drop_after", method="POST")

    assert (await create_chat(hass, **KIM_BY_NUMBER))["recovered"] is True
    # The inbox reads the list as well, but of all accounts.
    listed = [
        request.query for request in simulator.requests if request.path == "/v1/chats"
    ]
    assert sum("accountIDs" in query for query in listed) <= 9


# Networks whose clock is not that of Beeper's computer


AHEAD = pytest.mark.parametrize(
    "ahead",
    [
        sign * timedelta(**{unit: number})
        for unit, number in (("minutes", 1), ("minutes", 20), ("days", 1))
        for sign in (1, -1)
    ],
    ids=str,
)


async def noted(
    hass: HomeAssistant, entry: MockConfigEntry, ahead: timedelta, *ids: str | None
) -> None:
    """Wait until the inbox has read a chat or message that is dated ahead."""
    await poll(hass, entry)
    listed = get_outbox(hass, entry).sent.earlier_reads
    await until(
        lambda: ahead < timedelta() or ids in [key for key, _, _ in listed.to_store()]
    )


@AHEAD
@pytest.mark.parametrize("action", ["send_message", "create_chat"])
async def test_a_twin_from_before_the_attempt_proves_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_storage: dict[str, Any],
    ahead: timedelta,
    action: str,
) -> None:
    """The same text was written on the phone, dated by the network."""
    chat = simulator.world.chats[ALEX]
    me, alex = chat.participants[-1], chat.participants[0]
    call: dict[str, Any] = {"chat_id": ALEX, "message": "hi"}
    if action == "create_chat":
        call = {"user": {"id": alex.id}, "message_text": "hi", "account_id": "telegram"}
    assert me.is_self
    twin = simulator.world.incoming(chat, me, "hi", when=simulator.world.now() + ahead)
    await noted(hass, loaded, ahead, ALEX, twin.id)
    path = "/v1/chats/*/messages"
    simulator.traits.add("existing_chat_drops_text")

    simulator.faults.add("drop_before", method="POST", path=path)
    assert await outcome_of(call_action(hass, action, **call)) == "unknown"
    await restart(hass, loaded)
    assert await outcome_of(call_action(hass, action, **call)) == "unknown"
    simulator.faults.add("drop_after", method="POST", path=path)
    response = await call_action(hass, action, **call, allow_repeat=True)

    own = [message for message in chat.messages if message.text == "hi"]
    assert len(own) == 2
    assert response["recovered"] is True
    assert response["message_id"] in {
        id_
        for message in own
        if message is not twin
        for id_ in (message.id, message.pending_id)
    }


@AHEAD
async def test_a_group_from_before_the_attempt_is_not_its_result(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_storage: dict[str, Any],
    ahead: timedelta,
) -> None:
    chat_id = add_chat(simulator, KIM_ID, ALEX_ID, age=-ahead)
    await noted(hass, loaded, ahead, chat_id)
    simulator.faults.add("drop_before", method="POST", path="/v1/chats")
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await create_chat(hass, **GROUP_OF_TWO)
    await restart(hass, loaded)
    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await create_chat(hass, **GROUP_OF_TWO)

    simulator.faults.add("drop_after", method="POST", path="/v1/chats")
    response = await create_chat(hass, **GROUP_OF_TWO, allow_repeat=True)
    assert response["recovered"] is True
