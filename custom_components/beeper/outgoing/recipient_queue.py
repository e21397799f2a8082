"""Requests for a chat with one person: in call order, and each knows the last.

Servers find a chat that was just created only once the network has confirmed it: until
then a second request for the same person would create another chat (EasyMatrix).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from ..api.models import Chat
from .identities import Identity, identities, is_same, may_be_same

_REMEMBERED_FOR: Final = 60.0
"""Seconds for which the chat of one request is the result of the next."""

_LOOKUP_TIMEOUT: Final = 3.0
"""Seconds that requests wait for the recipient of an earlier one."""


@dataclass(kw_only=True, repr=False, eq=False)
class RecipientPlace:
    """The place of a request in the order of the calls.

    `identities` is None while the recipient is looked up by name.
    """

    account_id: str
    identities: frozenset[Identity] | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)
    has_turn: bool = False
    """The request is waiting for its turn, or has it."""
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def learn(self, identities: frozenset[Identity]) -> None:
        """Set the recipient of the request."""
        self.identities = identities
        self.known.set()


@dataclass(kw_only=True, repr=False, eq=False)
class RecentChat:
    """The chat that a request led to, and all that is known of its recipient."""

    account_id: str
    identities: frozenset[Identity]
    chat_id: str
    until: float
    is_complete: bool = True
    """The chat listed the recipient, so all identities are known."""

    def has_recipient(self, chat: Chat, id_scheme: str | None) -> bool:
        """Return whether the person is still in the chat."""
        return any(
            is_same(self.identities, identities(user, id_scheme))
            for user in chat.participants
        )


class RecipientQueue:
    """The requests of one config entry for chats with one person."""

    def __init__(self) -> None:
        """Start without requests."""
        self._places: list[RecipientPlace] = []
        self._recent: dict[tuple[str, Identity], RecentChat] = {}
        self._expiring: deque[RecentChat] = deque()
        self._incomplete: list[RecentChat] = []

    @contextmanager
    def place(self, account_id: str) -> Iterator[RecipientPlace]:
        """Reserve the next place for a request whose recipient is still looked up.

        A request that waits for its turn, or has it, keeps the place until it ends.
        """
        place = RecipientPlace(account_id=account_id)
        self._places.append(place)
        try:
            yield place
        finally:
            if not place.has_turn:
                self._leave(place)

    @asynccontextmanager
    async def turn(
        self, place: RecipientPlace, recipient: frozenset[Identity]
    ) -> AsyncIterator[None]:
        """Wait for all earlier requests that may be for the same person."""
        place.learn(recipient)
        place.has_turn = True
        if place not in self._places:
            self._places.append(place)
        try:
            await self._wait_until_known(place)
            for other in self._before(place):
                if other.identities and may_be_same(other.identities, recipient):
                    await other.done.wait()
            yield
        finally:
            self._leave(place)

    def _before(self, place: RecipientPlace) -> list[RecipientPlace]:
        return [
            other
            for other in self._places[: self._places.index(place)]
            if other.account_id == place.account_id
        ]

    async def _wait_until_known(self, place: RecipientPlace) -> None:
        """Wait for the lookups of earlier requests; one that takes too long goes last.

        There it waits for the requests that it has held up.
        """
        if all(other.known.is_set() for other in self._before(place)):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOKUP_TIMEOUT):
                for other in self._before(place):
                    await other.known.wait()
        for other in self._before(place):
            if not other.known.is_set():
                self._places.remove(other)
                self._places.append(other)

    def _leave(self, place: RecipientPlace) -> None:
        if place in self._places:
            self._places.remove(place)
        place.known.set()
        place.done.set()

    def remember(
        self,
        account_id: str,
        recipient: frozenset[Identity],
        chat_id: str,
        listed: frozenset[Identity],
    ) -> frozenset[Identity]:
        """Keep the result of a request, under all that is known of the person.

        `listed` are the identities that the chat shows, empty if it does not list the
        person. Returns all that is known.
        """
        recipient |= listed
        self._forget_old()
        recent = RecentChat(
            account_id=account_id,
            identities=recipient,
            chat_id=chat_id,
            until=asyncio.get_running_loop().time() + _REMEMBERED_FOR,
            is_complete=bool(listed),
        )
        self._expiring.append(recent)
        self._index(recent)
        if not recent.is_complete:
            self._incomplete.append(recent)
        return recipient

    def learn(self, recent: RecentChat, known: frozenset[Identity]) -> None:
        """Add further identities of the recipient of a chat."""
        recent.identities |= known
        recent.is_complete = True
        self._index(recent)
        if recent in self._incomplete:
            self._incomplete.remove(recent)

    def _index(self, recent: RecentChat) -> None:
        for identity in recent.identities:
            self._recent[recent.account_id, identity] = recent

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._expiring and self._expiring[0].until <= now:
            self._drop(self._expiring.popleft())

    def _drop(self, recent: RecentChat) -> None:
        if recent in self._incomplete:
            self._incomplete.remove(recent)
        for identity in recent.identities:
            if self._recent.get((recent.account_id, identity)) is recent:
                del self._recent[recent.account_id, identity]

    def recall(
        self, account_id: str, recipient: frozenset[Identity]
    ) -> RecentChat | None:
        """Return the chat that a request of the last minute found for this person."""
        self._forget_old()
        found = (self._recent.get((account_id, identity)) for identity in recipient)
        return next(
            (
                recent
                for recent in found
                if recent and is_same(recent.identities, recipient)
            ),
            None,
        )

    def undetermined(
        self, account_id: str, recipient: frozenset[Identity]
    ) -> list[RecentChat]:
        """Return recent chats that may be with this person: it is not known yet."""
        self._forget_old()
        return [
            recent
            for recent in self._incomplete
            if recent.account_id == account_id
            and may_be_same(recent.identities, recipient)
        ]

    def forget(self, chat_id: str) -> None:
        """Drop results that turned out to be outdated."""
        for recent in [*self._expiring]:
            if recent.chat_id == chat_id:
                self._expiring.remove(recent)
                self._drop(recent)
