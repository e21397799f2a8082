"""Pages of ordered lists, with opaque cursors.

`{"items", "hasMore", "oldestCursor", "newestCursor"}`
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
from typing import Any

from .errors import invalid
from .model import Json

type Key = tuple[int | str, ...]


@dataclass(frozen=True, kw_only=True)
class Page[T]:
    """Items in list order, and whether more follow in the same direction."""

    items: list[T]
    has_more: bool
    key: Callable[[T], Key]

    def as_json(self, shape: Callable[[T], Json], *, cursors: bool = True) -> Json:
        """The response; without `cursors`, only `items` and `hasMore`."""
        answer: Json = {
            "items": [shape(item) for item in self.items],
            "hasMore": self.has_more,
        }
        if cursors:
            answer["oldestCursor"] = (
                _encode(self.key(self.items[-1])) if self.items else None
            )
            answer["newestCursor"] = (
                _encode(self.key(self.items[0])) if self.items else None
            )
        return answer


def paginate[T](
    items: Sequence[T],
    key: Callable[[T], Key],
    query: Json,
    *,
    limit: int,
    want: Callable[[T], bool] = lambda item: True,
) -> Page[T]:
    """Return a page of `items`, sorted ascending by `key` (newest first).

    `query` may have `cursor` and `direction`: `before`, the default, pages to older
    items, `after` to newer items.
    """
    cursor = _decode(query["cursor"]) if "cursor" in query else None
    if cursor and items and len(cursor) != len(key(items[0])):
        raise _bad_cursor()
    found: list[T] = []
    try:
        if cursor is not None and query.get("direction") == "after":
            candidates = range(bisect_left(items, cursor, key=key) - 1, -1, -1)
        else:
            candidates = range(
                bisect_right(items, cursor, key=key) if cursor else 0, len(items)
            )
    except TypeError:  # a cursor of another list
        raise _bad_cursor() from None
    for index in candidates:
        if want(items[index]):
            found.append(items[index])
            if len(found) > limit:
                break
    has_more = len(found) > limit
    del found[limit:]
    if candidates.step < 0:
        found.reverse()
    return Page(items=found, has_more=has_more, key=key)


def _encode(key: Key) -> str:
    """A single number becomes a numeric string: a message's cursor is its sort key."""
    if len(key) == 1:
        return str(abs(int(key[0])))
    return urlsafe_b64encode(json.dumps(key).encode()).decode()


def _decode(cursor: str) -> Key:
    if cursor.isdigit():
        return (-int(cursor),)
    try:
        key: Any = json.loads(urlsafe_b64decode(cursor))
    except ValueError:
        raise _bad_cursor() from None
    if not isinstance(key, list) or len(key) < 2:
        raise _bad_cursor()
    return tuple(key)


def _bad_cursor() -> Exception:
    return invalid("query", "cursor", message="Invalid cursor")
