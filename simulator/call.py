"""Routes as table rows, and the call object passed to their handlers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .checks import Rule, Rules
from .errors import ApiError
from .model import Account, Chat, Json, Message
from .profiles import Profile
from .traits import Traits
from .wire import Wire
from .world import World

type Handler = Callable[[Call], Any]
"""Returns JSON for a 200, None for success without content, or a response.

May be a coroutine function.
"""

DIRECTION = Rule(choices=("after", "before"))
PAGING: Rules = {"cursor": Rule(), "direction": DIRECTION}


@dataclass(frozen=True)
class Route:
    """One operation. It exists on profiles that have its `feature`."""

    method: str
    path: str
    handler: Handler
    feature: str | None = None
    query: Rules = field(default_factory=dict, kw_only=True)
    body: Rules | None = field(default=None, kw_only=True)
    """None: the body is ignored."""
    auth: bool = field(default=True, kw_only=True)

    @property
    def mutates(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" and self.path.startswith("/v1/")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One authenticated, checked call."""

    request: web.Request
    world: World
    profile: Profile
    wire: Wire
    tokens: dict[str, set[str]]
    query: Json
    body: Json

    @property
    def params(self) -> dict[str, str]:
        """The decoded values of the path's placeholders."""
        return dict(self.request.match_info)

    @property
    def traits(self) -> Traits:
        """The traits of the server."""
        return self.world.traits

    @property
    def account(self) -> Account:
        """The account in the path."""
        return self.world.account(self.params["accountID"])

    @property
    def chat(self) -> Chat:
        """The chat in the path."""
        chat = self.world.chat(self.params["chatID"])
        self.check_loaded(chat.account_id)
        return chat

    def check_loaded(self, account_id: str) -> None:
        """Raise an error while the account's chats are not loaded."""
        if self.traits.has("chats_loading", account_id):
            raise ApiError(
                500, "TOOL_EXECUTION_ERROR", f"Account {account_id} is not loaded yet"
            )

    @property
    def message(self) -> Message:
        """The message in the path."""
        return self.world.message(self.chat, self.params["messageID"])

    def full_chat(self, chat: Chat) -> Json:
        """The chat as a single result."""
        return self.wire.chat(self.world, chat, self.profile.max_participants)

    def listed_chat(self, chat: Chat) -> Json:
        """The chat as an item of a list."""
        shown = self.wire.listed_participants(chat)
        return self.wire.chat(self.world, chat, shown)
