"""The order in which recipients are resolved.

Lookups run at the same time, so none waits for what another one asks the server. Only
their results come in the order of the calls.
"""

import asyncio
from collections.abc import Awaitable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_PATIENCE: Final = 2.0
"""Seconds to wait for earlier lookups of other texts, which could mean the same chat."""


@dataclass(kw_only=True, repr=False, eq=False)
class _LookupPlace:
    scope: Hashable
    text: str
    is_done: asyncio.Event = field(default_factory=asyncio.Event)


class LookupQueue:
    """The lookups of one server that are running, in the order of the calls."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self._places: list[_LookupPlace] = []

    async def run[T](self, lookup: Awaitable[T], scope: Hashable, text: str) -> T:
        """Return the result of a lookup after the earlier ones in the same scope.

        Waits at most `_PATIENCE` for earlier lookups of another text: their requests may
        hang.
        """
        earlier = [place for place in self._places if place.scope == scope]
        place = _LookupPlace(scope=scope, text=text)
        self._places.append(place)
        try:
            result = await lookup
            for other in earlier:
                if other.text == text:
                    await other.is_done.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    for other in earlier:
                        await other.is_done.wait()
            return result
        finally:
            self._places.remove(place)
            place.is_done.set()
