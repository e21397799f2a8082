"""The times before which messages of new accounts and chats are their history."""

from collections.abc import Callable, Iterable
from typing import Final

_NEW: Final = 1.0
"""The cutoff of a new chat all of whose messages count; that of existing chats is 0."""


class HistoryCutoffs:
    """The cutoffs of accounts and chats that are new to Beeper.

    Times are the server's, in seconds. Accounts are known by a fingerprint, as their
    IDs can hold an address.
    """

    def __init__(self, fingerprint: Callable[[str], str]) -> None:
        """Start without accounts and chats."""
        self._fingerprint = fingerprint
        self.accounts: dict[str, float] | None = None
        """Cutoffs by fingerprint; None before the first list of accounts."""
        self._chats: dict[str, float] | None = None

    @property
    def has_chats(self) -> bool:
        """Whether the existing chats are known, so that others are new."""
        return self._chats is not None

    def note_accounts(self, account_ids: Iterable[str], now: float) -> bool:
        """Record the listed accounts; return whether one of them is new."""
        known = {} if self.accounts is None else self.accounts
        new = {self._fingerprint(listed_id) for listed_id in account_ids} - known.keys()
        cutoff = 0.0 if self.accounts is None else now
        if new:
            self.accounts = known | dict.fromkeys(new, cutoff)
        return bool(new)

    def note_chats(self, chat_ids: Iterable[str]) -> None:
        """Record the existing chats.

        An empty list proves nothing: a server that starts loads its chats later.
        """
        self._chats = {
            self._fingerprint(listed_id): 0.0 for listed_id in chat_ids
        } or None

    def note_chat(self, chat_id: str, cutoff: float) -> None:
        """Record a chat; if it is new, its messages count from the cutoff on."""
        if self._chats is not None:
            self._chats.setdefault(self._fingerprint(chat_id), max(cutoff, _NEW))

    def lower_cutoffs(self, now: float) -> None:
        """Let no cutoff lie ahead: the clock was wrong when it was set."""
        for cutoffs in (self._chats, self.accounts):
            for key, cutoff in (cutoffs or {}).items():
                if cutoffs and cutoff > now:
                    cutoffs[key] = now

    def is_new(self, chat_id: str) -> bool:
        """Return whether a chat came after the others."""
        return bool((self._chats or {}).get(self._fingerprint(chat_id)))

    def is_gone(self, fingerprint: str) -> bool:
        """Return whether a chat is not among the existing ones, as far as known."""
        return self._chats is not None and fingerprint not in self._chats

    def cutoff(self, chat_id: str, account_id: str | None) -> float:
        """Return the time from which messages of a chat count."""
        return max(
            (self._chats or {}).get(self._fingerprint(chat_id), 0),
            (self.accounts or {}).get(self._fingerprint(account_id or ""), 0),
        )
