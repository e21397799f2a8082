"""What was read, as numbers by account."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict

from ..api.models import Chat, Message
from ..server import Server


class AccountStatistics(TypedDict):
    """The numbers of one account; `newest` is the time of its newest message."""

    network: str | None
    newest: str | None
    skipped_as_old: int
    skipped_as_too_many: int
    skipped_as_lost: int


@dataclass(kw_only=True, repr=False, eq=False)
class _AccountNumbers:
    """What was read in one account; `newest` is the newest message's time.

    `skipped` counts messages that were not published: `as_old`, `as_too_many` and
    `as_lost`.
    """

    newest: float | None = None
    skipped: Counter[str] = field(default_factory=Counter)


class ReadStatistics:
    """The newest message of each account, and how many were not published."""

    def __init__(self, server: Server) -> None:
        """Start without accounts."""
        self._server = server
        self._accounts: defaultdict[str, _AccountNumbers] = defaultdict(_AccountNumbers)

    def note(self, chat: Chat, message: Message) -> None:
        """Note that a message was read."""
        if message.timestamp:
            account = self._accounts[chat.account_id or ""]
            account.newest = max(account.newest or 0, message.timestamp.timestamp())

    def count_old(self, late: Iterable[Message], chat: Chat | None = None) -> None:
        """Count messages that arrived too late to be published."""
        for message in late:
            account_id = message.account_id or (chat and chat.account_id) or ""
            self._accounts[account_id].skipped["as_old"] += 1

    def count_left_out(self, chat: Chat, count: int) -> None:
        """Count messages that events named, and that were too many to be read."""
        self._accounts[chat.account_id or ""].skipped["as_too_many"] += count

    def count_lost(self, chat: Chat, count: int) -> None:
        """Count new messages that could not be read."""
        self._accounts[chat.account_id or ""].skipped["as_lost"] += count

    @property
    def accounts(self) -> list[AccountStatistics]:
        """Return the numbers of each account, without its ID."""
        return [
            {
                "network": account.network if account else None,
                "newest": iso_time(numbers.newest),
                "skipped_as_old": numbers.skipped["as_old"],
                "skipped_as_too_many": numbers.skipped["as_too_many"],
                "skipped_as_lost": numbers.skipped["as_lost"],
            }
            for account_id, numbers in self._accounts.items()
            for account in (self._server.account(account_id),)
        ]


def iso_time(time: float | None) -> str | None:
    """Return a time in seconds since the epoch as text; None if it is not known."""
    return datetime.fromtimestamp(time, UTC).isoformat() if time else None
