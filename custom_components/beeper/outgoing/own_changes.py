"""The changes of messages that Home Assistant makes, to recognize them when read."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from ..api.folding import fold_reaction

_KEPT_FOR: Final = 5 * 60
"""Seconds within which servers show a change."""

type ChangeType = Literal[
    "message_edited", "message_deleted", "reaction_added", "reaction_removed"
]


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class OwnChange:
    """A change that was attempted; `attempted` is the event loop's time."""

    type: ChangeType
    chat_id: str
    message_id: str
    reaction: str | None
    attempted: float


class OwnChanges:
    """The changes of the last minutes; they outlive reloads of the entry."""

    def __init__(self) -> None:
        """Start without changes."""
        self._changes: list[OwnChange] = []

    def begin(
        self,
        kind: ChangeType,
        chat_id: str,
        message_id: str,
        reaction: str | None = None,
    ) -> OwnChange:
        """Note that a change is attempted: it may be read before the answer arrives."""
        self._forget_old()
        change = OwnChange(
            type=kind,
            chat_id=chat_id,
            message_id=message_id,
            reaction=fold_reaction(reaction) if reaction else None,
            attempted=asyncio.get_running_loop().time(),
        )
        self._changes.append(change)
        return change

    def cancel(self, change: OwnChange) -> None:
        """Forget a change that certainly was not made."""
        if change in self._changes:
            self._changes.remove(change)

    def claim(
        self,
        kind: str,
        chat_ids: Collection[str],
        message_id: str | None,
        reaction: str | None = None,
    ) -> bool:
        """Return whether a change of the user is one of these; each counts once."""
        self._forget_old()
        folded = fold_reaction(reaction) if reaction else None
        changes = [
            change
            for change in self._changes
            if change.chat_id in chat_ids and change.message_id == message_id
        ]
        for change in changes:
            if change.type == kind and change.reaction == folded:
                self._changes.remove(change)
                return True
        # On most networks a reaction replaces the earlier one.
        return kind == "reaction_removed" and any(
            change.type == "reaction_added" for change in changes
        )

    def _forget_old(self) -> None:
        oldest = asyncio.get_running_loop().time() - _KEPT_FOR
        self._changes = [
            change for change in self._changes if change.attempted >= oldest
        ]
