"""A server that lists thousands of accounts."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api.client import MAX_ACCOUNTS
from custom_components.beeper.device_identifiers import devices_by_account
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Account, Person
from tests.helpers.actions import call_action
from tests.helpers.resources import bounded
from tests.helpers.waiting import poll
from tests.helpers.world import contact


def add_accounts(simulator: Simulator, number: int) -> None:
    for index in range(number):
        account_id = f"whatsapp_{index}"
        simulator.world.accounts[account_id] = Account(
            id=account_id,
            network="WhatsApp",
            bridge=("whatsapp", "whatsapp", "cloud"),
            user=Person(id=f"@me{index}:beeper.com", full_name="Sam", is_self=True),
        )


async def test_only_the_first_accounts_are_used(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_accounts(simulator, 4000)
    async with bounded():
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    for _ in range(2):
        await poll(hass, entry)
    assert len(devices_by_account(hass, entry)) == MAX_ACCOUNTS
    used = f"only the first {MAX_ACCOUNTS} are used"
    assert sum(used in message for message in caplog.messages) == 1
    # An account beyond them can still be named by its ID.
    contact(simulator, "@x:y", "whatsapp_3999", phone_number="+15550101002")
    chat = await call_action(
        hass,
        "create_chat",
        account_id="whatsapp_3999",
        user={"phone_number": "+15550101002"},
    )
    assert chat["chat_id"]
