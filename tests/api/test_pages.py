"""The page loop: where it begins, and every way in which it ends."""

from collections.abc import Awaitable, Callable

import pytest

from custom_components.beeper.api.models import Page
from custom_components.beeper.api.pages import pages

type Fetch = Callable[[str | None], Awaitable[Page[str]]]


def _fetch(following: dict[str | None, str | None], asked: list[str | None]) -> Fetch:
    """Serve a list whose page at a cursor leads to the cursor that `following` names."""

    async def fetch(cursor: str | None) -> Page[str]:
        asked.append(cursor)
        return Page(items=(f"at {cursor}",), has_more=True, cursor=following[cursor])

    return fetch


@pytest.mark.parametrize(
    ("following", "limit", "start", "asked"),
    [
        pytest.param(
            {None: "a", "a": "b", "b": None},
            9,
            None,
            [None, "a", "b"],
            id="missing cursor",
        ),
        pytest.param({None: "a", "a": "a"}, 9, None, [None, "a"], id="same cursor"),
        pytest.param(
            {None: "a", "a": "b", "b": "a"}, 9, None, [None, "a", "b"], id="cycle"
        ),
        pytest.param({None: "a", "a": "b", "b": "c"}, 2, None, [None, "a"], id="limit"),
        pytest.param({"b": "c", "c": "b"}, 9, "b", ["b", "c"], id="cycle to the start"),
    ],
)
async def test_pages_end(
    following: dict[str | None, str | None],
    limit: int,
    start: str | None,
    asked: list[str | None],
) -> None:
    """Each page is fetched once, and the loop ends."""
    fetched: list[str | None] = []
    items = [
        item
        async for page in pages(_fetch(following, fetched), limit, start=start)
        for item in page.items
    ]
    assert fetched == asked
    assert items == [f"at {cursor}" for cursor in asked]


async def test_last_page_has_no_cursor_that_was_used() -> None:
    """A caller that returns the cursor does not lead its own caller into a cycle."""
    fetch = _fetch({None: "a", "a": "b", "b": "a"}, [])
    assert [page.cursor async for page in pages(fetch, 9)] == ["a", "b", None]


async def test_pages_are_fetched_when_needed() -> None:
    """Nothing is read beyond the page at which the caller stops."""
    asked: list[str | None] = []
    async for page in pages(_fetch({None: "a", "a": None}, asked), 9):
        assert page.cursor == "a"
        break
    assert asked == [None]
