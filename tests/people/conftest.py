"""Lookups by name, with an index of people and chats in every state."""

import asyncio
from collections.abc import Iterable

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.people.index import PeopleIndex
from custom_components.beeper.people.index_keeper import IndexKeeper

INDEXES = ("cold", "stale")
"""A current one is compared with reading everything in `test_index`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with every state of the index, or the states that it is about."""
    if "loaded" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("index")
        states = marker.args if marker else INDEXES
        metafunc.parametrize("loaded", states, indirect=True)


@pytest.fixture
async def loaded(
    request: pytest.FixtureRequest,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> MockConfigEntry:
    """Return the entry without an index, with an old one, or with a current one.

    The old one is from before the test changed the world.
    """
    keeper: IndexKeeper = loaded.runtime_data.directory.index
    if request.param == "stale":
        await keeper.async_update()
    if request.param == "warm":
        get = keeper.async_get

        async def get_current(account_ids: Iterable[str]) -> PeopleIndex | None:
            keeper.read_again()
            monkeypatch.setattr(keeper, "_last_read", float("-inf"))
            await keeper.async_update()
            await asyncio.sleep(0)
            return await get(account_ids)

        monkeypatch.setattr(keeper, "async_get", get_current)
    return loaded
