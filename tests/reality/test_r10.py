"""R10: the Beeper account is `hungryserv`, and user IDs have two forms."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from simulator import Simulator

ACCOUNTS = [("4.2.557", "hungryserv"), ("4.2.557", "matrix"), ("latest", "matrix")]


@pytest.mark.parametrize(("profile", "account_id"), ACCOUNTS)
@pytest.mark.parametrize("own_form", [True, False])
@pytest.mark.parametrize("is_same", [True, False])
async def test_r10_a_token_has_to_be_the_same_users(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    account_id: str,
    own_form: bool,
    is_same: bool,
) -> None:
    if account_id == "hungryserv":
        simulator.traits.add("hungryserv")
    if own_form:
        simulator.traits.add("network_user_ids")
    user = simulator.world.accounts[account_id].user
    user.phone_number = None
    if not is_same:
        user.id = "@somebody:beeper.com"
    assert await hass.config_entries.async_setup(entry.entry_id)
    simulator.tokens["new"] = {"read", "write"}

    flow = await entry.start_reauth_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], {"token": "new"}
    )
    await hass.async_block_till_done()

    if is_same:
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "reauth_successful"
    else:
        assert result["errors"] == {"base": "wrong_user"}
