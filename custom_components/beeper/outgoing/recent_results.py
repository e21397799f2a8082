"""Results that the same request, made again just after, returns without being sent."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from homeassistant.core import HomeAssistant

from .attempts import Attempts


@dataclass(kw_only=True, repr=False, eq=False)
class _Result[ResultT]:
    outcome: ResultT
    until: float
    keys: set[Hashable]
    once: bool
    """Only the next request returns it."""
    stored_as: int | None = None
    """Its number on the disk: a repeated request looks for it after a restart."""


class RecentResults[ResultT]:
    """The results of one config entry, by the keys of their requests.

    Times are the event loop's: a changed clock does not affect them.
    """

    def __init__(self, hass: HomeAssistant, attempts: Attempts) -> None:
        """Start without results; `attempts` stores those that outlive a restart."""
        self._loop = hass.loop
        self._attempts = attempts
        self._results: dict[Hashable, _Result[ResultT]] = {}
        self._expiring: list[tuple[float, int, _Result[ResultT]]] = []
        self._numbers = count()

    def remember(
        self,
        keys: set[Hashable],
        outcome: ResultT,
        window: float,
        *,
        attempted: float | None = None,
        once: bool = False,
    ) -> None:
        """Let a repeated request return this for `window` seconds, or only `once`.

        With the time when it was `attempted`, a repeated request after a restart looks
        for the result.
        """
        if once and any(key in self._results for key in keys):
            return  # It is remembered for longer.
        until = self._loop.time() + window
        result = _Result(outcome=outcome, until=until, keys=keys, once=once)
        if attempted is not None:
            result.stored_as = self._attempts.store_result(keys, attempted, until)
        for key in keys:
            self._results.pop(key, None)  # The newest stand last.
            self._results[key] = result
        heappush(self._expiring, (until, next(self._numbers), result))

    def recall(self, keys: Iterable[Hashable]) -> ResultT | None:
        """Return the result of the same request made just before."""
        for key in keys:
            if result := self._results.get(key):
                if result.once:
                    self._forget(result)
                return result.outcome
        return None

    def forget_old(self) -> None:
        """Forget results older than their windows."""
        now = self._loop.time()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, result = heappop(self._expiring)
            self._forget(result)

    @property
    def count(self) -> int:
        """The number of remembered results."""
        return len({id(result) for result in self._results.values()})

    def _forget(self, result: _Result[ResultT]) -> None:
        for key in result.keys:
            # The same request may have been made again since.
            if self._results.get(key) is result:
                del self._results[key]
        if result.stored_as is not None:
            self._attempts.forget_stored(result.stored_as)
