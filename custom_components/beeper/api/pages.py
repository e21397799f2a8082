"""The page loop of every list."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from .models import Page


async def pages[T](
    fetch: Callable[[str | None], Awaitable[Page[T]]],
    limit: int,
    *,
    start: str | None = None,
) -> AsyncIterator[Page[T]]:
    """Yield at most `limit` pages, beginning at the cursor `start`.

    `fetch` gets the cursor of a page, None for the first one. A cursor that was used
    before would never end: the page that returns it is the last one and is yielded
    without a cursor.
    """
    used = {start}
    cursor = start
    for _ in range(limit):
        page = await fetch(cursor)
        if page.cursor in used:
            page = replace(page, cursor=None)
        yield page
        if page.cursor is None:
            return
        cursor = page.cursor
        used.add(cursor)
