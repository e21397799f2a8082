"""Exactly once, and the truth about it: what happens when things go wrong on the way."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.data import get_outbox
from custom_components.beeper.outgoing import limits, outbox
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import create_chat, posts, send
from tests.helpers.servers import add_entry
from tests.helpers.waiting import until
from tests.helpers.world import GROUP_OF_TWO, KIM, KIM_BY_NUMBER, PROFILES

pytestmark = pytest.mark.usefixtures("quick_recovery")


NEW_PERSON = {"user": {"phone_number": "+1 555 010 7777", "full_name": "Robin"}}
MODES = pytest.mark.parametrize(
    "call", [NEW_PERSON, GROUP_OF_TWO], ids=["start", "create"]
)


# Unknown outcomes: all of them are in test_fault_matrix


@pytest.mark.parametrize("profile", PROFILES)
@MODES
async def test_recovered_chat_is_the_created_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    profile: str,
    call: dict[str, Any],
) -> None:
    if profile == "4.1.294" and call is NEW_PERSON:
        call = {"user": {"phone_number": "+15550101005"}}  # It resolves contacts only.
    before = {*simulator.world.chats}
    path = "/v1/chats" if profile in [*PROFILES[:2], "easymatrix"] else "/v1/chats*"
    simulator.faults.add("drop_after", method="POST", path=path)

    response = await create_chat(hass, **call)

    assert response["recovered"] is True
    assert response["duplicate"] is False
    assert {response["chat_id"]} == {*simulator.world.chats} - before
    assert len(simulator.executed) == 1


@MODES
async def test_untraceable_outcome_is_unknown_and_not_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
) -> None:
    simulator.faults.add("drop_before", method="POST", path="/v1/chats*")

    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await create_chat(hass, **call)
    tried = posts(simulator)
    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await create_chat(hass, **call)

    assert posts(simulator) == tried
    assert not simulator.executed

    response = await create_chat(hass, **call, allow_repeat=True)
    assert response["recovered"] is False
    assert len(simulator.executed) == 1


async def test_unknown_outcome_expires_after_ten_minutes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("drop_before", method="POST")
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await create_chat(hass, **NEW_PERSON)
    skip_time(10 * 60)

    assert (await create_chat(hass, **NEW_PERSON))["status"] == "created"


async def test_concurrent_repeats_share_one_recovery(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", method="POST")
    with pytest.raises(HomeAssistantError):
        await create_chat(hass, **GROUP_OF_TWO)

    outcomes = await asyncio.gather(
        *(create_chat(hass, **GROUP_OF_TWO) for _ in range(3)), return_exceptions=True
    )

    assert [str(outcome)[:12] for outcome in outcomes] == ["Not repeated"] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert posts(simulator) == 1


async def test_offline_server_leaves_the_outcome_unknown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")
    simulator.faults.add("status_before", method="GET", times=None, status=503)

    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await create_chat(hass, **NEW_PERSON)
    simulator.faults.clear()

    assert (await create_chat(hass, **NEW_PERSON))["recovered"] is True
    assert len(simulator.executed) == 1


@MODES
async def test_arrived_text_is_confirmed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
) -> None:
    simulator.faults.add("drop_after", method="POST", path="/v1/chats*")

    response = await create_chat(hass, **call, message_text="**Dinner** at <7>?\n_Yes_")

    assert response["recovered"] is True
    assert len(simulator.executed) == 1


@pytest.mark.parametrize("profile", ["latest", "easymatrix"])
@MODES
async def test_missing_text_is_not_reported_sent(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
    profile: str,
) -> None:
    """The chat was made, then its first message failed, and the answer is a 500."""
    simulator.world.accounts["whatsapp"].delivery = "refuse"

    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="The chat exists") as unconfirmed:
            await create_chat(hass, **call, message_text="hi")
        assert "555" not in str(unconfirmed.value)

    assert len(simulator.executed) == 1


async def test_older_equal_text_confirms_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    world = simulator.world
    chat = world.chats["!NCdzlIaMjZUmvmvyHU:beeper.com"]
    me = chat.participants[-1]
    # The server's clock in its answers counts seconds.
    world.incoming(chat, me, "hi", when=world.now() - timedelta(seconds=3))
    simulator.faults.add("drop_before", method="POST")

    with pytest.raises(HomeAssistantError, match="The chat exists"):
        await create_chat(hass, **KIM_BY_NUMBER, message_text="hi")


# Certainly not done


@MODES
async def test_definite_failure_is_not_remembered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
) -> None:
    await simulator.stop()
    with pytest.raises(HomeAssistantError, match="Beeper could not be reached"):
        await create_chat(hass, **call)
    await simulator.start()

    response = await create_chat(hass, **call)

    assert response["recovered"] is False
    assert response["duplicate"] is False
    assert len(simulator.executed) == 1


async def test_closed_idle_connection_is_harmless(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_reused", method="POST", times=None)

    for number in range(2):
        await create_chat(hass, **GROUP_OF_TWO, title=f"Trip {number}")
        await asyncio.sleep(1.1)

    assert len(simulator.executed) == 2


# Duplicates


@MODES
async def test_ten_concurrent_calls_create_one_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
) -> None:
    responses = await asyncio.gather(*(create_chat(hass, **call) for _ in range(10)))

    assert len({response["chat_id"] for response in responses}) == 1
    assert [response["duplicate"] for response in responses].count(False) == 1
    assert len(simulator.executed) == 1


async def test_shared_failure_raises_separate_errors(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", method="POST", status=429)

    outcomes = await asyncio.gather(
        *(create_chat(hass, **GROUP_OF_TWO) for _ in range(3)), return_exceptions=True
    )

    assert all("too many requests" in str(outcome) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert posts(simulator) == 1


async def test_participant_order_is_irrelevant(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **GROUP_OF_TWO)
    people = list(reversed(GROUP_OF_TWO["participant_ids"]))

    response = await create_chat(hass, type="group", participant_ids=people)

    assert response["duplicate"] is True
    assert len(simulator.executed) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Other"},
        {"participant_ids": ["15550101002"]},
        {"account_id": "telegram"},
        {"message_text": "hi"},
        {"allow_repeat": True},
    ],
)
async def test_different_call_is_not_a_duplicate(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    other: dict[str, Any],
) -> None:
    await create_chat(hass, **GROUP_OF_TWO)

    response = await create_chat(hass, **{**GROUP_OF_TWO, **other})

    assert response["duplicate"] is False
    assert len(simulator.executed) == 2


@pytest.mark.parametrize(
    ("text", "options", "seconds"),
    [
        (None, {}, 30),
        (None, {"duplicate_window": 90}, 90),
        ("hi", {}, 5),
        ("hi", {"duplicate_window": 3}, 3),
    ],
)
async def test_duplicate_window(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
    text: str | None,
    options: dict[str, Any],
    seconds: int,
) -> None:
    hass.config_entries.async_update_entry(loaded, options=options)
    await hass.async_block_till_done()
    call = {**GROUP_OF_TWO, "message_text": text}
    await create_chat(hass, **call)

    skip_time(seconds - 1)
    assert (await create_chat(hass, **call))["duplicate"] is True
    skip_time(1)
    assert (await create_chat(hass, **call))["duplicate"] is False
    assert len(simulator.executed) == 2


async def test_zero_window_disables_duplicate_protection(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url, duplicate_window=0)
    assert await hass.config_entries.async_setup(entry.entry_id)

    await create_chat(hass, **GROUP_OF_TWO)
    await create_chat(hass, **GROUP_OF_TWO)

    assert len(simulator.executed) == 2


async def test_duplicate_window_survives_a_reload(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await create_chat(hass, **GROUP_OF_TWO)
    assert await hass.config_entries.async_reload(loaded.entry_id)

    assert (await create_chat(hass, **GROUP_OF_TWO))["duplicate"] is True
    assert len(simulator.executed) == 1


async def test_sent_messages_as_the_first_versions_stored_them(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    await send(hass, message="hi")
    await hass.config_entries.async_unload(loaded.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    stored = hass_storage[f"beeper.{loaded.entry_id}.sent"]
    messages = stored["data"] = stored["data"]["sent"]
    assert messages
    del hass.data[DOMAIN]
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()

    assert loaded.state is ConfigEntryState.LOADED
    assert get_outbox(hass, loaded).sent.into({KIM})


async def test_an_allowed_repetition_does_not_hide_the_running_call(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay", method="POST", seconds=5)
    simulator.faults.add("status_before", method="POST", status=429)
    first = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    await until(lambda: posts(simulator))
    with pytest.raises(HomeAssistantError, match="too many requests"):
        await create_chat(hass, **GROUP_OF_TWO, allow_repeat=True)

    joined = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    skip_time(5)
    assert (await joined)["duplicate"] is True
    assert (await first)["duplicate"] is False
    assert len(simulator.executed) == 1


async def test_repeats_beside_a_running_call_are_tracked_separately(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Neither leaves a mark that the other has to answer for."""
    for first, second in (({}, {"status": 404}), ({"status": 404}, {})):
        for answer in (first, second):
            if answer:
                body = {"message": "x", "code": "NOT_FOUND"}
                simulator.faults.add(
                    "status_before", method="POST", body=body, **answer
                )
            else:
                simulator.faults.add("delay", method="POST", seconds=0.1)
        outcomes = await asyncio.gather(
            create_chat(hass, **GROUP_OF_TWO, allow_repeat=True),
            create_chat(hass, **GROUP_OF_TWO, allow_repeat=True),
            return_exceptions=True,
        )
        assert sorted(isinstance(outcome, dict) for outcome in outcomes) == [
            False,
            True,
        ]

    await create_chat(hass, **GROUP_OF_TWO, allow_repeat=True)
    assert len(simulator.executed) == 3


async def test_repeat_during_recovery_keeps_its_own_attempt(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    """Recovery resolves the earlier attempt, not the running one."""
    late = simulator.faults.add("delay", method="POST", seconds=60)
    lost = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    await until(lambda: late.hits)
    skip_time(31)
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await lost
    skip_time(60)
    await until(lambda: simulator.executed)
    looks = simulator.faults.add("delay", method="GET", path="/v1/info", seconds=2)
    repeats = simulator.faults.add("delay", method="POST", seconds=5)

    look = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    repetition = hass.async_create_task(
        create_chat(hass, **GROUP_OF_TWO, allow_repeat=True)
    )
    await until(lambda: looks.hits and repeats.hits)
    skip_time(2)

    assert (await look)["recovered"] is True
    assert not repetition.done()
    skip_time(3)
    assert (await repetition)["recovered"] is False
    assert len(simulator.executed) == 2


async def test_texts_to_one_person_arrive_in_the_order_of_the_calls(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("delay", method="POST", seconds=0.1)
    texts = ["first", "second", "third"]

    await asyncio.gather(
        *(create_chat(hass, **KIM_BY_NUMBER, message_text=text) for text in texts)
    )

    # The chat of the first one is known to the others.
    assert [
        sent.json.get("messageText") or sent.json["text"] for sent in simulator.executed
    ] == texts


# Callers that leave


async def test_restarted_automation_creates_one_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay_after", method="POST", seconds=5)
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "mode": "restart",
                "triggers": {"trigger": "event", "event_type": "go"},
                "actions": [
                    {
                        "action": "beeper.create_chat",
                        "data": GROUP_OF_TWO,
                        "response_variable": "chat",
                    },
                    {"event": "made", "event_data": {"id": "{{ chat.chat_id }}"}},
                ],
            }
        },
    )
    made: list[str] = []
    hass.bus.async_listen("made", lambda event: made.append(event.data["id"]))

    hass.bus.async_fire("go")
    await until(lambda: simulator.executed)
    hass.bus.async_fire("go")
    skip_time(5)
    await until(lambda: made)

    assert len(simulator.executed) == 1
    assert len(made) == 1


async def test_a_cancelled_caller_does_not_stop_the_attempt(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    simulator.faults.add("delay", method="POST", seconds=5)
    caller = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    await until(lambda: posts(simulator))
    caller.cancel()
    await asyncio.wait([caller])
    skip_time(5)

    await until(lambda: simulator.executed)
    assert (await create_chat(hass, **GROUP_OF_TWO))["duplicate"] is True
    assert len(simulator.executed) == 1


async def test_unloading_waits_for_the_attempt(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("delay", method="POST", seconds=0.1)
    caller = hass.async_create_task(create_chat(hass, **GROUP_OF_TWO))
    await until(lambda: posts(simulator))

    assert await hass.config_entries.async_unload(loaded.entry_id)

    assert loaded.state is ConfigEntryState.NOT_LOADED
    assert len(simulator.executed) == 1
    assert (await caller)["chat_id"] in simulator.world.chats


async def test_home_assistant_waits_for_the_attempt_when_it_stops(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("delay", method="POST", seconds=0.1)
    caller = asyncio.create_task(create_chat(hass, **GROUP_OF_TWO))
    await until(lambda: posts(simulator))

    await hass.async_stop(force=True)

    assert len(simulator.executed) == 1
    assert (await caller)["chat_id"] in simulator.world.chats


# The budget


async def fill_budget(hass: HomeAssistant, number: int) -> None:
    for index in range(number):
        await create_chat(hass, **GROUP_OF_TWO, title=f"Group {index}")


async def test_new_chats_are_limited(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    await fill_budget(hass, 20)

    with pytest.raises(ServiceValidationError, match=r"20 new chats.*in 60 minutes"):
        await create_chat(hass, **GROUP_OF_TWO, title="One more")
    assert len(simulator.executed) == 20
    # Every account has a separate limit.
    await create_chat(hass, **GROUP_OF_TWO, account_id="telegram")

    skip_time(60 * 60)
    await create_chat(hass, **GROUP_OF_TWO, title="One more")


async def test_wrong_clock_does_not_empty_the_budget(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock is an hour ahead for one call, and an hour behind for another."""
    await fill_budget(hass, 20)
    for hours in (1, -1, 0):
        now = dt_util.utcnow() + timedelta(hours=hours)
        with monkeypatch.context() as patch:
            patch.setattr(dt_util, "utcnow", lambda: now)  # noqa: B023
            with pytest.raises(ServiceValidationError, match=r"20 new chats.*60 min"):
                await create_chat(hass, **GROUP_OF_TWO, title="One more")
    assert len(simulator.executed) == 20


async def test_the_limit_is_an_option(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url, chats_per_hour=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await fill_budget(hass, 1)
    with pytest.raises(ServiceValidationError, match="1 new chats"):
        await fill_budget(hass, 2)

    hass.config_entries.async_update_entry(entry, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    for index in range(25):
        await create_chat(hass, **GROUP_OF_TWO, title=f"Unlimited {index}")
    # An existing chat gives its place back, of which there are none.
    assert (await create_chat(hass, **KIM_BY_NUMBER))["status"] == "existing"


async def test_lowered_limit(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    for number in range(3):
        await create_chat(hass, **GROUP_OF_TWO, title=f"Group {number}")
        skip_time(10 * 60)
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 2})
    await hass.async_block_till_done()

    with pytest.raises(ServiceValidationError, match="in 40 minutes"):
        await create_chat(hass, **GROUP_OF_TWO, title="One more")


async def test_reached_limit_allows_existing_chats(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url, chats_per_hour=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await fill_budget(hass, 1)

    response = await create_chat(
        hass, **KIM_BY_NUMBER, message_text="Smoke in the kitchen!"
    )
    assert response["status"] == "existing"
    with pytest.raises(ServiceValidationError, match="limit in the options"):
        await create_chat(hass, **NEW_PERSON)
    # Without a readable chat list, no chat is created.
    simulator.faults.add("status_before", method="GET", times=None, status=503)
    with pytest.raises(ServiceValidationError, match="limit in the options"):
        await create_chat(hass, **KIM_BY_NUMBER, message_text="Smoke in the hall!")


async def test_only_new_chats_count(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """An existing chat, a refused call and a joined one give their slot back."""
    for number in range(25):
        await create_chat(hass, **KIM_BY_NUMBER, message_text=f"{number}")
    simulator.faults.add("status_before", method="POST", times=25, status=429)
    for _ in range(25):
        with pytest.raises(HomeAssistantError, match="too many requests"):
            await create_chat(hass, **GROUP_OF_TWO)
    await asyncio.gather(*(create_chat(hass, **GROUP_OF_TWO) for _ in range(25)))

    await fill_budget(hass, 19)
    with pytest.raises(ServiceValidationError, match="limit in the options"):
        await create_chat(hass, **GROUP_OF_TWO, title="One more")


async def test_unknown_outcome_counts(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    entry = add_entry(hass, simulator.url, chats_per_hour=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    simulator.faults.add("drop_before", method="POST")
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await create_chat(hass, **GROUP_OF_TWO)

    with pytest.raises(ServiceValidationError, match="limit in the options"):
        await create_chat(hass, **GROUP_OF_TWO, title="Other")


async def test_slot_returned_during_an_attempt(
    hass: HomeAssistant, simulator: Simulator
) -> None:
    """Another call returns its slot while the chat list is read."""
    entry = add_entry(hass, simulator.url, chats_per_hour=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    simulator.faults.add("delay_after", method="POST", seconds=0.1)
    simulator.faults.add("delay", path="/v1/chats/search", seconds=0.2, times=None)
    existing = hass.async_create_task(create_chat(hass, **KIM_BY_NUMBER))
    await until(lambda: posts(simulator))

    assert (await create_chat(hass, **NEW_PERSON))["status"] == "created"
    assert (await existing)["status"] == "existing"


async def test_entry_removed_during_an_attempt_leaves_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "REQUEST_TIMEOUT", 0.05)
    monkeypatch.setattr(limits, "_SAVE_DELAY", 0)
    entry = add_entry(hass, simulator.url)
    assert await hass.config_entries.async_setup(entry.entry_id)
    simulator.faults.add("delay_after", method="POST", seconds=0.4)
    caller = hass.async_create_task(create_chat(hass, **KIM_BY_NUMBER))
    await until(lambda: posts(simulator))
    await until(lambda: f"beeper.{entry.entry_id}" in hass_storage)

    await hass.config_entries.async_remove(entry.entry_id)
    await caller
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=10))
    await hass.async_block_till_done()

    assert f"beeper.{entry.entry_id}" not in hass_storage


async def test_limit_survives_a_restart(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    now = freezer.time_to_freeze.timestamp()
    entry = add_entry(hass, simulator.url, chats_per_hour=2)
    hass_storage[f"beeper.{entry.entry_id}"] = {
        "version": 1,
        "data": {"whatsapp": [now - 3599, now + 86400]},
    }
    assert await hass.config_entries.async_setup(entry.entry_id)

    await create_chat(hass, **GROUP_OF_TWO)
    with pytest.raises(ServiceValidationError, match="in 1 minutes"):
        await create_chat(hass, **GROUP_OF_TWO, title="Other")

    freezer.tick(5)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    stored = hass_storage[f"beeper.{entry.entry_id}"]["data"]
    assert stored == {"whatsapp": pytest.approx([now - 3599, now], abs=10)}


async def test_every_slot_expires_separately(
    hass: HomeAssistant, simulator: Simulator, hass_storage: dict[str, Any]
) -> None:
    """The clock was ahead once and put right, so they are in no order."""
    now = dt_util.utcnow().timestamp()
    entry = add_entry(hass, simulator.url, chats_per_hour=3)
    hass_storage[f"beeper.{entry.entry_id}"] = {
        "version": 1,
        "data": {"whatsapp": [now - 1800, now - 3700, now - 60]},
    }
    assert await hass.config_entries.async_setup(entry.entry_id)

    await create_chat(hass, **GROUP_OF_TWO)
    with pytest.raises(ServiceValidationError, match="in 30 minutes"):
        await create_chat(hass, **GROUP_OF_TWO, title="Other")


# Read-only


async def test_read_only_refuses(hass: HomeAssistant, simulator: Simulator) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)

    with pytest.raises(ServiceValidationError, match="reading only"):
        await create_chat(hass, **KIM_BY_NUMBER)
    assert posts(simulator) == 0
