"""The people whom a request for a chat states, and what reading shows of them."""

from collections.abc import Mapping

from ..api.requests import CreateChat, StartChat, StartUser
from ..server import Server
from .chat_keys import ChatRequest, Members, group_members, known_people
from .existing_chats import find_contact_identities, find_identities
from .identities import Identity, identities, proof


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
        return group_members(
            person | self._learned_people.get(user_id, frozenset())
            for user_id, person in self._people.items()
        )

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

    def _only_recipient(self, request: ChatRequest) -> StartUser | None:
        if isinstance(request, StartChat):
            return request.user
        if request.type == "single":
            # The chat may show the person with another ID.
            return self._user(request.participant_ids[0])
        return None

    def _user(self, user_id: str) -> StartUser:
        return StartUser(id=user_id, phone_number=self._phone_numbers.get(user_id))
