"""Issues that the user has to put right, and how they go away."""

from http import HTTPStatus

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.entities import add_chat
from tests.helpers.servers import TOKEN
from tests.helpers.waiting import until

READS = {"read"}


def asked(simulator: Simulator) -> int:
    """Return how often the server was asked what the token may do."""
    return sum(request.path == "/oauth/introspect" for request in simulator.requests)


async def answered(simulator: Simulator, entry: MockConfigEntry) -> None:
    """Wait until it has been asked, and the answer has long arrived."""
    await until(lambda: asked(simulator))
    await entry.runtime_data.async_refresh()


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()


# A token that may only read


async def test_read_only_token_raises_an_issue(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    key = (DOMAIN, f"token_read_only_{loaded.entry_id}")
    simulator.tokens[TOKEN] = READS
    await reload(hass, loaded)
    assert asked(simulator) == 0, "nobody wants to send"

    await add_chat(hass, loaded)
    await until(lambda: key in issue_registry.issues)
    issue = issue_registry.issues[key]
    assert issue.severity is ir.IssueSeverity.WARNING
    assert not issue.is_fixable
    assert issue.translation_placeholders == {"server": "Beeper"}

    simulator.tokens[TOKEN] = {"read", "write"}
    await reload(hass, loaded)
    await until(lambda: key not in issue_registry.issues)


@pytest.mark.parametrize("change", ["read_only_option", "last_chat_removed"])
async def test_read_only_token_raises_no_issue_if_nothing_is_sent(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    change: str,
) -> None:
    key = (DOMAIN, f"token_read_only_{loaded.entry_id}")
    simulator.tokens[TOKEN] = READS
    await add_chat(hass, loaded)
    await until(lambda: key in issue_registry.issues)

    if change == "read_only_option":
        hass.config_entries.async_update_entry(loaded, options={"read_only": True})
    else:
        (subentry_id,) = loaded.subentries
        hass.config_entries.async_remove_subentry(loaded, subentry_id)

    await until(lambda: key not in issue_registry.issues)


async def test_unknown_scopes_raise_no_issue(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    simulator.tokens[TOKEN] = READS
    simulator.faults.add("status_before", path="/oauth/introspect", status=500)

    await add_chat(hass, loaded)

    await answered(simulator, loaded)
    assert not issue_registry.issues


async def test_setup_does_not_wait_for_scopes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    simulator.tokens[TOKEN] = READS
    simulator.faults.add("delay", path="/oauth/introspect", seconds=60)

    await add_chat(hass, loaded)  # which waits until it is set up again

    await until(lambda: asked(simulator))
    assert not issue_registry.issues


# A server without an event stream


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_outdated_server_raises_an_issue(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    key = (DOMAIN, f"server_too_old_{loaded.entry_id}")
    assert not issue_registry.issues, "no chat, no harm"

    await add_chat(hass, loaded)
    await until(lambda: key in issue_registry.issues)
    issue = issue_registry.issues[key]
    assert issue.severity is ir.IssueSeverity.WARNING
    assert not issue.is_fixable
    assert issue.translation_placeholders == {
        "server": "Beeper",
        "files_since": "4.2.509",
        "wanted": "4.2.808",
    }

    async with Simulator("4.2.808", TOKEN) as updated:
        data = {**loaded.data, "url": updated.url}
        hass.config_entries.async_update_entry(loaded, data=data)
        await until(lambda: key not in issue_registry.issues)


@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808", "latest", "easymatrix"])
async def test_current_server_raises_no_issue(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    await add_chat(hass, loaded)

    await answered(simulator, loaded)
    assert not issue_registry.issues


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_removed_entry_leaves_no_issue(
    hass: HomeAssistant, loaded: MockConfigEntry, issue_registry: ir.IssueRegistry
) -> None:
    await add_chat(hass, loaded)
    await until(lambda: issue_registry.issues)

    await hass.config_entries.async_remove(loaded.entry_id)
    await hass.async_block_till_done()

    assert not issue_registry.issues


# Issues fixed by a read


async def test_issue_goes_away_once_it_is_confirmed(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
) -> None:
    assert await async_setup_component(hass, "repairs", {})
    ir.async_create_issue(
        hass,
        DOMAIN,
        "reply_loop_x",
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="reply_loop",
        translation_placeholders={"chat": "Kim"},
        data={"entry_id": loaded.entry_id},
    )
    client = await hass_client()

    answer = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": "reply_loop_x"}
    )
    assert answer.status == HTTPStatus.OK
    flow = await answer.json()
    assert flow["step_id"] == "confirm"
    assert flow["description_placeholders"] == {"chat": "Kim"}
    assert issue_registry.issues, "it is only shown"

    answer = await client.post(f"/api/repairs/issues/fix/{flow['flow_id']}", json={})
    assert (await answer.json())["type"] == "create_entry"
    assert not issue_registry.issues


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_server_that_is_updated_in_place(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    """The next poll notices it, without a reload."""
    key = (DOMAIN, f"server_too_old_{loaded.entry_id}")
    await add_chat(hass, loaded)
    await until(lambda: key in issue_registry.issues)

    port = int(simulator.url.rpartition(":")[2])
    await simulator.stop()
    async with Simulator("latest", TOKEN, port=port):
        await loaded.runtime_data.async_refresh()
        await until(lambda: key not in issue_registry.issues)
        assert await hass.config_entries.async_unload(loaded.entry_id)


async def test_token_issue_stays_without_scopes(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
) -> None:
    key = (DOMAIN, f"token_read_only_{loaded.entry_id}")
    simulator.tokens[TOKEN] = READS
    await add_chat(hass, loaded)
    await until(lambda: key in issue_registry.issues)

    fault = simulator.faults.add("status_before", path="/oauth/introspect")
    await reload(hass, loaded)
    await until(lambda: fault.hits)
    await loaded.runtime_data.async_refresh()
    assert key in issue_registry.issues
