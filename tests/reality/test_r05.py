"""R5: filters and limits are ignored, or hide what fits them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.servers import TOKEN
from tests.helpers.world import PROFILES


@pytest.fixture
async def simulator(profile: str, socket_enabled: None) -> AsyncIterator[Simulator]:
    """Return a server with chats in every inbox."""
    async with Simulator(profile, TOKEN) as server:
        first, second, third, *_ = server.world.chats.values()
        first.is_archived = first.is_muted = True
        # Older servers do not report it, so it cannot be checked there.
        second.is_low_priority = profile in ("4.2.808", "latest")
        third.unread_count = 2
        yield server


IGNORED = ("include_muted_ignored", "unread_only_ignored", "inbox_ignored")


async def listed(
    hass: HomeAssistant, name: str = "list_chats", **data: Any
) -> list[dict[str, Any]]:
    response = await hass.services.async_call(
        "beeper", name, data, blocking=True, return_response=True
    )
    assert response
    rows = response[name.partition("_")[2]]
    assert isinstance(rows, list)
    return [row for row in rows if isinstance(row, dict)]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "criteria",
    [
        {"include_muted": False},
        {"unread_only": True},
        {"unread_only": True, "include_muted": False},
        {"inbox": "primary"},
        {"inbox": "archive"},
        {"inbox": "primary", "unread_only": True},
    ],
    ids=str,
)
async def test_r5_an_ignored_filter_changes_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    criteria: dict[str, Any],
    profile: str,
) -> None:
    honoured = await listed(hass, limit=200, **criteria)
    assert len(honoured) < len(await listed(hass, limit=200))

    simulator.traits.add(*IGNORED)
    if profile in ("4.2.808", "latest"):
        simulator.traits.add("primary_hides_unread")
    assert await listed(hass, limit=200, **criteria) == honoured
    # As well in short pieces.
    assert await listed(hass, limit=2, **criteria) == honoured[:2]


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r5_low_priority_is_checked_where_chats_have_it(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("inbox_ignored")
    low = await listed(hass, inbox="low-priority")
    assert low
    assert all(chat["is_low_priority"] for chat in low)


@pytest.mark.parametrize("profile", PROFILES)
async def test_r5_the_limit_is_kept(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add("list_limit_ignored")
    assert len(await listed(hass, limit=3)) == 3


@pytest.mark.parametrize("profile", PROFILES)
async def test_r5_sensors_count_the_same(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    before = loaded.runtime_data.data
    simulator.traits.add(*IGNORED)
    await loaded.runtime_data.async_refresh()
    after = loaded.runtime_data.data
    assert {key: count for key, count in (before.unread or {}).items() if count} == {
        key: count for key, count in (after.unread or {}).items() if count
    }
