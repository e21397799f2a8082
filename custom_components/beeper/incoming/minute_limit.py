"""A limit for what people in a chat can cause within a minute."""

from collections import deque
from typing import Final

_MINUTE: Final = 60
"""Seconds."""


class MinuteLimit:
    """Allows so many events within any minute; times are the event loop's."""

    def __init__(self, limit: int) -> None:
        """Start with nothing counted."""
        self._times: deque[float] = deque(maxlen=limit)

    def take(self, now: float) -> bool:
        """Count an event, and return True, unless there were too many."""
        if len(self._times) == self._times.maxlen and now - self._times[0] < _MINUTE:
            return False
        self._times.append(now)
        return True
