"""What the outbox carries out: something that reaches a person."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import Any

from homeassistant.exceptions import HomeAssistantError

from ..api.exceptions import BeeperError

type Refusal = Callable[[], HomeAssistantError]
"""Makes an error anew, for each caller that waits for it."""


class Job[ResultT](ABC):
    """One thing to do, once."""

    name: str
    key: Hashable
    """What two jobs that do the same have in common; final once it is their turn."""
    shared: Hashable
    """What a job has in common with one under way whose result it may take."""
    window: float = 0
    """Seconds for which the same job gives the same result, once done."""
    settles: bool = False
    """Once done, it does not matter any more what became of the same job before."""
    unknown: str
    """Key of the text for: it was attempted, and nothing of it can be found."""
    still_unknown: str
    """Key of the text for: an earlier one like this still cannot be found."""

    @abstractmethod
    def turn(self) -> AbstractAsyncContextManager[Any]:
        """Wait for what has to leave before, and let go what has to leave after."""

    @abstractmethod
    async def prepare(self) -> None:
        """Do what reaches nobody yet; raise NotDoneError to refuse."""

    @abstractmethod
    async def attempt(self) -> ResultT:
        """Do it; raise BeeperError, which knows whether it may have happened."""

    @abstractmethod
    def not_done(self, err: BeeperError) -> HomeAssistantError:
        """Return the error of an attempt that certainly changed nothing."""

    @abstractmethod
    def undo(self) -> None:
        """Take back what was prepared for an attempt that changed nothing."""

    @abstractmethod
    async def look(self, attempted: float) -> ResultT | Refusal | None:
        """Look, by reading alone, for what an attempt has left; None for nothing.

        `attempted` is the event loop's time. Raises BeeperError where it cannot be read.
        """
