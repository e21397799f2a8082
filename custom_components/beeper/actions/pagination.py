"""Reading page after page: at most so many items, and from where to go on."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import json
from typing import Any, Final

import voluptuous as vol

from ..api.models import Page
from ..api.pages import pages
from ..validation import identifier

type Order = tuple[float | int | str, ...]
"""What items sort by, the oldest first; the first is a time."""

_MAX_PAGES: Final = 40


@dataclass(kw_only=True, repr=False, eq=False)
class Place:
    """Where reading stopped: before a page, or after an item of one.

    Servers lead to pages only, and a page may hold more items than were asked for.
    """

    cursor: str | None = None
    after: Order | None = None

    def as_text(self, kind: str) -> str:
        """Return it for the caller, who is to pass it back to this kind of list."""
        parts = json.dumps([kind, self.cursor, self.after])
        return urlsafe_b64encode(parts.encode()).decode()


def place(kind: str, order: Order) -> Callable[[Any], Place]:
    """Accept what this kind of list returned as cursor; `order` looks like its own."""

    def validate(value: Any) -> Place:
        try:
            of, cursor, after = json.loads(urlsafe_b64decode(identifier(value)))
        except ValueError, TypeError, RecursionError:
            raise vol.Invalid("not_cursor") from None
        after = tuple(after) if isinstance(after, list) else after
        if (
            of != kind
            or not isinstance(cursor, str | None)
            or not (after is None or _shape(after) == _shape(order))
        ):
            raise vol.Invalid("not_cursor")
        return Place(cursor=cursor, after=after)

    return validate


def _shape(order: Any) -> list[type] | None:
    return [*map(type, order)] if isinstance(order, tuple) else None


@dataclass(kw_only=True, repr=False, eq=False)
class Found[T]:
    """What was read, the newest first.

    `place` is where to go on; None if there is no more, or the server does not say how.
    """

    items: list[T]
    has_more: bool
    place: Place | None


async def read_pages[T](
    read: Callable[[str | None, int], Awaitable[Page[T]]],
    order: Callable[[T], Order],
    *,
    limit: int,
    start: Place | None,
) -> Found[T]:
    """Return at most `limit` items, the newest first, of as many pages as it takes.

    `read` gets the cursor of a page, and how many items are missing. Raises BeeperError.
    """
    here = start or Place()
    found: list[T] = []

    async def fetch(cursor: str | None) -> Page[T]:
        return await read(cursor, limit - len(found))

    async for page in pages(fetch, _MAX_PAGES, start=here.cursor):
        missing = limit - len(found)
        items = sorted(page.items, key=order, reverse=True)
        if (after := here.after) is not None:
            items = [item for item in items if order(item) < after]
        found += items[:missing]
        if len(items) > missing:
            here = Place(cursor=here.cursor, after=order(found[-1]))
            break
        if page.cursor is None:
            return Found(items=found, has_more=page.has_more, place=None)
        # What is older than an item of a page is older than it on the next, too.
        here = Place(cursor=page.cursor, after=None if found else after)
        if len(found) == limit:
            break
    return Found(items=found, has_more=True, place=here)
