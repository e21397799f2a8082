"""Lookups at the same time: in the order of the calls, and none waits for what hangs."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.people import full_read, lookup_queue
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.actions import call_action, create_chat, find
from tests.helpers.clock import current_clock
from tests.helpers.talking import TO_MIA, say, set_options
from tests.helpers.waiting import until
from tests.helpers.world import ALEX, FAMILY, KIM, texts

pytestmark = pytest.mark.usefixtures("skipped_waits")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_read, "PAGE_TIMEOUT", 1.0)
    monkeypatch.setattr(full_read, "_SEARCH_TIMEOUT", 1.0)
    monkeypatch.setattr(lookup_queue, "_PATIENCE", 0.3)


def hang(simulator: Simulator, account_id: str = "telegram") -> Fault:
    """Let the contacts of an account never come."""
    return simulator.faults.add(
        "delay", path=f"/v1/accounts/{account_id}/*", seconds=20, times=None
    )


async def send(
    hass: HomeAssistant, recipient: str, message: str = "SMOKE", **data: Any
) -> None:
    data |= {"recipient": recipient, "message": message}
    await call_action(hass, "send_message", **data)


async def seconds(call: Any) -> float:
    """Return how long a call waits for others, whatever the machine's load."""
    clock = current_clock()
    assert clock
    began = clock.skipped
    await call
    return clock.skipped - began


@pytest.mark.parametrize("waiting", [1, 4])
async def test_an_account_that_hangs_holds_up_no_other(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    quick: None,
    waiting: int,
) -> None:
    hanging = hang(simulator)
    behind = [
        hass.async_create_task(
            create_chat(hass, account_id="telegram", recipient=f"Nobody {number}")
        )
        for number in range(waiting)
    ]
    await until(lambda: hanging.hits)

    for call in (
        send(hass, "Kim", account_id="whatsapp"),
        create_chat(hass, recipient="Kim"),
        create_chat(hass, participants=["Kim", "Mia"], type="group"),
        send(hass, "family"),
        send(hass, "Alex Rivera", account_id="telegram"),
    ):
        assert await seconds(call) < 5

    assert texts(simulator, KIM)[-1] == "SMOKE"
    assert texts(simulator, ALEX)[-1] == "SMOKE"
    ended = await asyncio.gather(*behind, return_exceptions=True)
    assert all(isinstance(error, HomeAssistantError) for error in ended)


async def test_a_name_that_hangs_holds_up_no_other_name_for_long(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, quick: None
) -> None:
    """Both are in one account, and could mean the same person."""
    hanging = simulator.faults.add(
        "delay", path="/v1/accounts/whatsapp/contacts", seconds=20, times=None
    )
    first = hass.async_create_task(
        create_chat(hass, recipient="@whatsapp_15559990000:beeper.com")
    )
    await until(lambda: hanging.hits)
    assert await seconds(create_chat(hass, recipient="Kim")) < 5
    with pytest.raises(HomeAssistantError):
        await first


async def test_an_account_that_hung_just_now_is_not_asked_again(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, quick: None
) -> None:
    hang(simulator)

    async def refused() -> None:
        with pytest.raises(HomeAssistantError) as error:
            await create_chat(hass, account_id="telegram", recipient="Nobody")
        assert error.value.translation_key == "timeout"

    for limit in (1.5, 0.3, 0.3):
        assert await seconds(refused()) < limit
    assert not simulator.executed


@pytest.mark.index("cold")
async def test_an_account_that_hung_is_asked_again_after_a_while(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(full_read, "_SILENT_FOR", 1.5)
    hang(simulator)
    with pytest.raises(HomeAssistantError):
        await create_chat(hass, account_id="telegram", recipient="Alex Rivera")
    simulator.faults.clear()
    await asyncio.sleep(0.7)
    response = await create_chat(hass, account_id="telegram", recipient="Alex Rivera")
    assert response["chat_id"] == ALEX


@pytest.mark.index("cold")
async def test_search_of_all_accounts_skips_a_hanging_account(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, quick: None
) -> None:
    hang(simulator)
    found = await find(hass, query="Kim")
    assert found["not_searched"] == ["telegram"]
    assert found["count"]


async def test_spoken_message_waits_little_for_an_account_that_hangs(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: None,
    quick: None,
) -> None:
    await set_options(hass, loaded, confirm="never")
    await hass.async_block_till_done()
    hang(simulator)
    assert await seconds(say(hass, TO_MIA)) < 2
    assert await seconds(say(hass, TO_MIA)) < 5


@pytest.mark.parametrize("recipient", ["family", "FAMILY ", "Family"])
async def test_messages_by_name_leave_in_the_order_of_the_calls(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
) -> None:
    """However long each lookup takes."""
    simulator.faults.add("delay", path="/v1/chats/search", seconds=0.2)
    simulator.faults.add("delay", path="/v1/chats/search", seconds=0.1)
    sending = [
        send(hass, name, message=text)
        for name, text in (("family", "one"), (recipient, "two"), ("family", "three"))
    ]
    await asyncio.gather(*sending)
    assert texts(simulator, FAMILY)[-3:] == ["one", "two", "three"]
