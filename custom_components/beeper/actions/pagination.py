"""Read lists page by page: a maximum number of items, and a cursor to continue."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
import json
from typing import Any, Final

import voluptuous as vol

from ..api.models import Page
from ..api.pages import pages
from ..validation import identifier, integer
from .action import Fields
from .responses import PagedResponse

type SortKey = tuple[float | int | str, ...]
"""The sort key of an item, the oldest first; starts with a time in epoch seconds."""

ATTR_CURSOR: Final = "cursor"
ATTR_LIMIT: Final = "limit"

_DEFAULT_LIMIT: Final = 20
_MAX_LIMIT: Final = 200
_MAX_PAGES: Final = 40


@dataclass(kw_only=True, repr=False, eq=False)
class PageCursor:
    """A position in a list: the start of a page, or after an item of a page.

    The server's cursors only address pages, and a page can hold more items than
    requested.
    """

    cursor: str | None = None
    after: SortKey | None = None

    def encode(self, kind: str) -> str:
        """Return the cursor as text that only this kind of list accepts."""
        parts = json.dumps([kind, self.cursor, self.after])
        return urlsafe_b64encode(parts.encode()).decode()


def paging_fields(kind: str, example: SortKey) -> Fields:
    """Return the fields of this kind's lists; `example` has their sort key's types."""
    return {
        vol.Optional(ATTR_LIMIT, default=_DEFAULT_LIMIT): integer(1, _MAX_LIMIT),
        vol.Optional(ATTR_CURSOR): _page_cursor(kind, example),
    }


def epoch_seconds(time: datetime | None) -> float:
    """Return a time as the start of a sort key."""
    return time.timestamp() if time else 0.0


def _page_cursor(kind: str, example: SortKey) -> Callable[[Any], PageCursor]:
    def validate(value: Any) -> PageCursor:
        try:
            decoded_kind, cursor, after = json.loads(
                urlsafe_b64decode(identifier(value))
            )
        except ValueError, TypeError, RecursionError:
            raise vol.Invalid("not_cursor") from None
        after = tuple(after) if isinstance(after, list) else after
        if (
            decoded_kind != kind
            or not isinstance(cursor, str | None)
            or not (after is None or _types(after) == _types(example))
        ):
            raise vol.Invalid("not_cursor")
        return PageCursor(cursor=cursor, after=after)

    return validate


def _types(key: Any) -> list[type] | None:
    return [*map(type, key)] if isinstance(key, tuple) else None


@dataclass(kw_only=True, repr=False, eq=False)
class PagedResult[T]:
    """A part of a list, the newest item first.

    `next` continues the list; None at its end, or if the server returned no cursor.
    """

    items: list[T]
    has_more: bool
    next: PageCursor | None

    def response(self, kind: str) -> PagedResponse:
        """Return the common part of a response."""
        return {
            "has_more": self.has_more,
            "cursor": self.next.encode(kind) if self.next else None,
        }


async def read_pages[T](
    read: Callable[[str | None, int], Awaitable[Page[T]]],
    sort_key: Callable[[T], SortKey],
    *,
    limit: int,
    start: PageCursor | None,
) -> PagedResult[T]:
    """Return at most `limit` items, the newest first, reading as many pages as needed.

    `read` takes a page's cursor and the number of missing items. Raises BeeperError.
    """
    position = start or PageCursor()
    collected: list[T] = []

    async def fetch(cursor: str | None) -> Page[T]:
        return await read(cursor, limit - len(collected))

    async for page in pages(fetch, _MAX_PAGES, start=position.cursor):
        missing = limit - len(collected)
        items = sorted(page.items, key=sort_key, reverse=True)
        if (after := position.after) is not None:
            items = [item for item in items if sort_key(item) < after]
        collected += items[:missing]
        if len(items) > missing:
            position = PageCursor(cursor=position.cursor, after=sort_key(collected[-1]))
            break
        if page.cursor is None:
            return PagedResult(items=collected, has_more=page.has_more, next=None)
        # If an item of this page is older than `after`, so are all following pages.
        position = PageCursor(cursor=page.cursor, after=None if collected else after)
        if len(collected) == limit:
            break
    return PagedResult(items=collected, has_more=True, next=position)
