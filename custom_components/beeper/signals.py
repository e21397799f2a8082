"""Signals that triggers and entities listen to; each is sent once.

They are shared by all servers: a trigger outlives reloads of an entry, and listens
before the first entry is set up.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from homeassistant.util.signal_type import SignalType

from .api.models import Chat, Message, Reaction, User
from .const import DOMAIN

type MessageEventType = Literal[
    "message_received",
    "message_sent",
    "message_edited",
    "message_deleted",
    "reaction_added",
    "reaction_removed",
]
type ShortcutResult = Literal["under_way", "done", "not_done", "uncertain"]


@dataclass(
    frozen=True, kw_only=True, slots=True, weakref_slot=True, repr=False, eq=False
)
class MessageEvent:
    """Something happened to a message.

    `sender` wrote the message or, for reactions, reacted. `text` is plain, `rich_text`
    Matrix HTML if the server returns it; both None for deletions and reactions.
    `message_sent`: the user wrote it, but not through Home Assistant.
    """

    entry_id: str
    type: MessageEventType
    chat: Chat
    account_id: str
    message: Message
    sender: User
    is_self: bool
    pending_message_id: str | None = None
    """The ID that an action returned for a message that Home Assistant sent."""
    text: str | None = None
    rich_text: str | None = None
    reaction: Reaction | None = None
    answers_question: bool = False
    """Whether the action `ask_question` has taken it as an answer."""
    transcript: str | None = None
    """What is said in a voice note, if the chat's settings ask for it."""

    @property
    def words(self) -> str | None:
        """What somebody wrote or said."""
        return self.text or self.transcript

    @property
    def message_ids(self) -> frozenset[str]:
        """All known IDs of the message."""
        ids = (self.message.id, self.pending_message_id)
        return frozenset(message_id for message_id in ids if message_id)

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes of an event entity and the variables of a trigger."""
        message = self.message
        return {
            "chat_id": self.chat.id,
            "chat_name": self.chat.title,
            "chat_type": self.chat.type,
            "account_id": self.account_id,
            "network": self.chat.network,
            "sender_id": self.sender.id,
            "sender_name": self.sender.name,
            "is_self": self.is_self,
            "message_id": message.id,
            "pending_message_id": self.pending_message_id,
            "timestamp": message.timestamp.isoformat() if message.timestamp else None,
            "message_type": message.kind,
            "text": self.text,
            "rich_text": self.rich_text,
            "transcript": self.transcript,
            "reply_to": message.reply_to_message_id,
            "attachments": [attached.kind for attached in message.attachments],
            "reaction": self.reaction.key if self.reaction else None,
            "answers_question": self.answers_question,
        }


PRIVATE: Final = frozenset(
    {
        "chat_id",
        "chat_name",
        "sender_id",
        "sender_name",
        "text",
        "rich_text",
        "transcript",
        "reaction",
    }
)
"""Keys of `MessageEvent.as_dict` that may reveal people or content; IDs can hold numbers."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class LastMessage:
    """The newest message of an added chat, in either direction; `text` is plain."""

    entry_id: str
    chat_ids: frozenset[str]
    time: datetime
    sender_name: str | None
    is_self: bool
    text: str | None
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SendFailed:
    """A message that Home Assistant sent could not be delivered.

    `message_id` is the ID that the action returned. `reason` is a machine-readable word.
    `retriable`: the network may accept the same message later. Nothing is sent again.
    """

    entry_id: str
    chat: Chat
    message_id: str
    reason: str
    retriable: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the variables of a trigger."""
        return {
            "account_id": self.chat.account_id,
            "network": self.chat.network,
            "chat_id": self.chat.id,
            "message_id": self.message_id,
            "reason": self.reason,
            "retriable": self.retriable,
        }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class AccountDisconnected:
    """An account lost its network; `status` is Beeper's new status."""

    entry_id: str
    account_id: str
    network: str | None
    status: str
    previous_status: str

    def as_dict(self) -> dict[str, Any]:
        """Return the variables of a trigger."""
        return {
            "account_id": self.account_id,
            "network": self.network,
            "status": self.status,
            "previous_status": self.previous_status,
        }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ShortcutPressed:
    """A shortcut was pressed, or the press has ended."""

    subentry_id: str
    result: ShortcutResult


SIGNAL_MESSAGE: Final = SignalType[MessageEvent](f"{DOMAIN}_message")
SIGNAL_LAST_MESSAGE: Final = SignalType[LastMessage](f"{DOMAIN}_last_message")
SIGNAL_SEND_FAILED: Final = SignalType[SendFailed](f"{DOMAIN}_send_failed")
SIGNAL_ACCOUNT_DISCONNECTED: Final = SignalType[AccountDisconnected](
    f"{DOMAIN}_account_disconnected"
)
SIGNAL_POLLED: Final = SignalType[str](f"{DOMAIN}_polled")
"""A server was read, or could not be; with the ID of its entry."""
SIGNAL_SHORTCUT: Final = SignalType[ShortcutPressed](f"{DOMAIN}_shortcut")
