"""Actions that run later, unless the server stops first."""

import asyncio
from collections.abc import Callable

type Action = Callable[[], None]


class PendingActions:
    """Actions scheduled on the event loop."""

    def __init__(self) -> None:
        self._actions: dict[asyncio.TimerHandle, tuple[Action, Action]] = {}

    def add(self, when: float, act: Action, on_discard: Action = lambda: None) -> None:
        """Schedule an action at an event loop time."""

        def run() -> None:
            self._actions.pop(timer, None)
            act()

        timer = asyncio.get_running_loop().call_at(when, run)
        self._actions[timer] = (act, on_discard)

    def run(self) -> None:
        """Run all actions now."""
        for act, _ in self._take():
            act()

    def discard(self) -> None:
        """Cancel all actions, and call their `on_discard`."""
        for _, on_discard in self._take():
            on_discard()

    def _take(self) -> list[tuple[Action, Action]]:
        for timer in self._actions:
            timer.cancel()
        actions, self._actions = [*self._actions.values()], {}
        return actions
