"""A request that reaches a person, as the outbox runs it."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.models import Chat
from ..chat_numbers import is_number
from ..errors import Refusal
from ..server import Server
from .chat_queue import ChatQueues
from .limits import Limits
from .network_rules import NetworkRules
from .recipient_queue import RecipientQueue
from .reply_loop import AutomaticAnswer
from .sent_messages import SentMessages


@dataclass(frozen=True, kw_only=True, eq=False)
class OutboxContext:
    """What every job of an outbox needs; `server` is the one of the latest reload."""

    server: Server
    limits: Limits
    rules: NetworkRules
    chat_queues: ChatQueues
    recipients: RecipientQueue
    sent: SentMessages


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome[ResultT]:
    """A request that was carried out.

    `recovered`: no reply arrived, and reading found the result. `duplicate`: nothing
    was sent, this is the result of the same request made just before.
    """

    result: ResultT
    recovered: bool = False
    duplicate: bool = False


type End = Outcome[Any] | Refusal


async def check_writable(client: BeeperClient, chat: Chat | None) -> None:
    """Refuse a chat that Beeper says the user cannot write to; raises NotDoneError."""
    if chat and chat.is_read_only:
        # What is known of a chat may be old.
        with suppress(BeeperError):
            if (await client.chat(chat.id, participants=0)).is_read_only:
                errors.refuse("chat_read_only")


def check_chat_number(server: Server, chat_id: str, chat: Chat | None) -> None:
    """Refuse a chat number that meant another chat before; raises NotDoneError."""
    if not is_number(chat_id):
        return
    if chat is None:
        errors.refuse("chat_number_unread", kind=HomeAssistantError)
    if not server.chat_numbers.is_same_chat(chat_id, chat):
        errors.refuse("chat_number_changed")


def conversation_ids(chat_id: str, chat: Chat | None) -> set[str]:
    """Return all IDs of a conversation: a merged chat and its members are one."""
    return {chat_id} | (chat.ids | {*chat.merged_ids} if chat else set())


class Job[ResultT](ABC):
    """One request, attempted once."""

    name: ClassVar[str]
    creates_chat: ClassVar[bool] = False
    """The attempt is stored before the request: not even a killed process repeats it."""
    call_context: Context | None = None
    """Home Assistant's context of the call."""
    answer: AutomaticAnswer | None = None
    """Set by `prepare` if it answers something that happened in the chat."""
    window: float = 0
    """Seconds for which a repeated job returns the same result, once done."""
    idempotent: bool = False
    """Repeating it does no harm, so success settles earlier unknown outcomes."""
    unknown: str
    """Translation key: it was attempted, and its result cannot be found."""
    still_unknown: str
    """Translation key: the result of an earlier attempt still cannot be found."""

    @property
    @abstractmethod
    def keys(self) -> set[Hashable]:
        """All that identifies the request; jobs that share one ask for the same.

        More are added while the recipient's identities are read.
        """

    @property
    def loose_keys(self) -> set[Hashable]:
        """What may identify the request, such as a name as it was written.

        A name can mean somebody else later. So a repeated request that shares one only
        looks for the result first.
        """
        return set()

    @property
    def related_keys(self) -> set[Hashable]:
        """What identifies earlier requests that stated less of the same recipient."""
        return set()

    @property
    def partial_keys(self) -> set[Hashable]:
        """What it shares with one that states the recipient by another kind of identity."""
        return set()

    @property
    def unread_keys(self) -> set[Hashable]:
        """The partial keys of requests for maybe the same recipient, if reading it fails."""
        return set()

    @property
    def join_keys(self) -> set[Hashable]:
        """A running job that shares one also shares its outcome."""
        return self.keys

    @abstractmethod
    def slot(self) -> AbstractAsyncContextManager[Any]:
        """Wait for earlier jobs for the same chat or person; hold up later ones."""

    async def identify(self) -> None:  # noqa: B027
        """Read further identities of the recipient; raises BeeperError.

        Called while an outcome is unknown: that attempt may have stated another identity.
        """

    @abstractmethod
    async def prepare(self) -> None:
        """Do everything that reaches nobody; raises NotDoneError to refuse."""

    @abstractmethod
    async def attempt(self) -> ResultT:
        """Send the request; raises BeeperError, which knows whether it may have run.

        Raises NotDoneError if it is certain that nothing was done.
        """

    @abstractmethod
    def refusal(self, err: BeeperError) -> Refusal:
        """Return why an attempt certainly changed nothing."""

    @abstractmethod
    def undo(self) -> None:
        """Take back the preparation of an attempt that changed nothing."""

    def give_up(self) -> None:  # noqa: B027
        """Note that the outcome stays unknown: a repeated request looks for the result."""

    @abstractmethod
    async def recover(self, attempted: float) -> ResultT | Refusal | None:
        """Look for the result of an attempt by reading only; None if not found.

        `attempted` is the event loop's time. Raises BeeperError if reading fails.
        """
