"""R28: empty values for unknown ones, and missing routes that answer 405 or 404."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import call_action, send, sent
from tests.helpers.world import KIM, PROFILES, write

pytestmark = pytest.mark.usefixtures("impatient")

WITHOUT_ROUTE: list[tuple[str, dict[str, Any]]] = [
    ("update_chat", {"is_pinned": True}),
    ("mark_read", {}),
    ("mark_unread", {}),
    ("delete_message", {"message_id": "1", "for_everyone": True}),
    ("notify_anyway", {}),
]


@pytest.mark.parametrize("profile", [*PROFILES, "easymatrix-0.3.0"])
async def test_r28_everything_is_read_from_empty_values(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.traits.add("empty_values", "missing_routes_405")
    write(simulator, "Hello")

    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.LOADED
    chat = await call_action(hass, "get_chat", chat_id=KIM)
    assert chat["title"] == "Kim"
    messages = (await call_action(hass, "list_messages", chat_id=KIM))["messages"]
    assert messages[0]["text"] == "Hello"
    assert messages[0]["attachments"] == []
    assert (await call_action(hass, "find", query="Mia"))["count"]
    await send(hass)
    assert sent(simulator) == 1


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "easymatrix-0.3.0"])
@pytest.mark.parametrize(("action", "data"), WITHOUT_ROUTE, ids=str)
async def test_r28_a_missing_route_is_not_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    profile: str,
    action: str,
    data: dict[str, Any],
) -> None:
    simulator.traits.add("missing_routes_405")

    for _ in range(2):  # Nothing is unknown, so the second call is the same.
        with pytest.raises(HomeAssistantError) as refused:
            await hass.services.async_call(
                DOMAIN, action, {"chat_id": KIM, **data}, blocking=True
            )
        assert "Nothing was changed: this server cannot do it" in str(refused.value)
        names_a_version = profile != "easymatrix-0.3.0"
        assert ("It needs Beeper" in str(refused.value)) is names_a_version

    assert not simulator.executed
    await send(hass)
    assert sent(simulator) == 1
