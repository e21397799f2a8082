"""The people that a request for a chat states, and the identities that reading adds."""

from collections.abc import Iterable, Mapping
from itertools import chain, product
from math import prod
from typing import Final

from ..api.models import Chat
from ..api.requests import ChatRequest, CreateChat, StartChat, StartUser
from ..api.user_ids import is_other_matrix_user
from ..server import Server
from .existing_chats import find_contact_identities, find_identities
from .identities import KINDS, Identity, identities, proof

type Members = tuple[Identity, ...]
"""One identity of each person in a group, sorted."""

_ID_FIRST: Final = ("id", "phone_number", "email", "username")
_MAX_FORMS: Final = 256
"""Ways to state the people of a group that are told apart."""


def known_people(
    user_ids: Iterable[str], phone_numbers: Mapping[str, str], id_scheme: str | None
) -> dict[str, frozenset[Identity]]:
    """Return what identifies people, by ID; each person once, in whichever form.

    `phone_numbers` are the known ones by ID.
    """
    people: dict[str, frozenset[Identity]] = {}
    for user_id in user_ids:
        user = StartUser(id=user_id, phone_number=phone_numbers.get(user_id))
        person = identities(user, id_scheme)
        if person.isdisjoint(chain.from_iterable(people.values())):
            people[user_id] = person
    return people


def group_members(people: Iterable[frozenset[Identity]]) -> set[Members]:
    """Return what identifies the people of a group: by their IDs, and by their numbers.

    A call can state either; requests for the same group share one.
    """
    people = [*people]
    return {
        tuple(
            sorted(
                min(person, key=lambda one: kinds.index(one[0])) for person in people
            )
        )
        for kinds in (_ID_FIRST, KINDS)
        if people
    }


def all_group_members(people: Iterable[frozenset[Identity]]) -> set[Members]:
    """Return what identifies the people of a group, whichever identity a call states."""
    people = [proof(person) for person in people]
    if prod(map(len, people)) > _MAX_FORMS:
        return group_members(people)
    return {tuple(sorted(members)) for members in product(*people) if members}


class RequestedPeople:
    """The only recipient of a direct chat, or the people of a group."""

    def __init__(
        self, server: Server, request: ChatRequest, phone_numbers: Mapping[str, str]
    ) -> None:
        """Read nothing yet; `phone_numbers` are the known ones by participant ID."""
        self._server = server
        self._account_id = request.account_id
        self._phone_numbers = phone_numbers
        self._recipient = self._only_recipient(request)
        id_scheme = server.id_scheme(request.account_id)
        self.identities: frozenset[Identity] = frozenset()
        """What identifies the only recipient; empty for groups."""
        self.learned: frozenset[Identity] = frozenset()
        """Further identities of the only recipient."""
        self._people: dict[str, frozenset[Identity]] = {}
        """What identifies the people of a group, by ID; empty for direct chats."""
        self._learned_people: dict[str, frozenset[Identity]] = {}
        if self._recipient:
            self.identities = identities(self._recipient, id_scheme)
        elif isinstance(request, CreateChat):
            self._people = known_people(
                request.participant_ids, phone_numbers, id_scheme
            )

    @property
    def known(self) -> frozenset[Identity]:
        """All that is known of the only recipient."""
        return self.identities | self.learned

    @property
    def proof(self) -> frozenset[Identity]:
        """The identities that prove the only recipient."""
        return proof(self.identities) | proof(self.learned)

    @property
    def members(self) -> set[Members]:
        """What identifies the people of a group, as stated."""
        return group_members(self._people.values())

    @property
    def learned_members(self) -> set[Members]:
        """What identifies the people of a group, with all that was learned of them."""
        return all_group_members(
            person | self._learned_people.get(user_id, frozenset())
            for user_id, person in self._people.items()
        )

    def learn_members(self, chat: Chat | None) -> None:
        """Learn identities of the people of a group from its chat."""
        id_scheme = self._server.id_scheme(self._account_id)
        for user_id in self._people:
            number = self._phone_numbers.get(user_id)
            found = [
                user
                for user in (chat.participants if chat else ())
                if user.is_participant(user_id, number, id_scheme)
            ]
            if len(found) == 1:
                self._learned_people[user_id] = identities(found[0], id_scheme)

    async def identify(self) -> None:
        """Read further identities; raises BeeperError."""
        if self._recipient:
            self.learned |= await find_identities(
                self._server, self._account_id, self._recipient
            )
        for user_id in self._people:
            self._learned_people[user_id] = await find_contact_identities(
                self._server, self._account_id, self._user(user_id)
            )

    def have_left(self, chat: Chat) -> bool:
        """Return whether the only recipient has left the chat; a note to self has none."""
        if not chat.participants or chat.has_more or self._is_user:
            return False
        return not self._server.others(chat)

    def is_missing_from(self, chat: Chat) -> bool:
        """Return whether a direct chat is certainly with others than the recipient."""
        user_id = self._recipient.id if self._recipient else None
        others = self._server.others(chat, self._account_id)
        id_scheme = self._server.id_scheme(self._account_id)
        return bool(others) and all(
            user_id and is_other_matrix_user(user_id, user.id, id_scheme)
            for user in others
        )

    @property
    def _is_user(self) -> bool:
        """Whether the only recipient is the account's user."""
        account = self._server.account(self._account_id)
        if account and account.user:
            own = identities(account.user, account.id_scheme)
            if proof(own) & proof(self.identities):
                return True
        return self._recipient is not None and (
            self._recipient.id in self._server.own_ids(self._account_id)
        )

    def _only_recipient(self, request: ChatRequest) -> StartUser | None:
        if isinstance(request, StartChat):
            return request.user
        if request.type == "single":
            # The chat may show the person with another ID.
            return self._user(request.participant_ids[0])
        return None

    def _user(self, user_id: str) -> StartUser:
        return StartUser(id=user_id, phone_number=self._phone_numbers.get(user_id))
