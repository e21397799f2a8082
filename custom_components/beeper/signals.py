"""What happened, as triggers and entities are told of it, each thing once.

The signals are of all servers together: a trigger outlives reloads of an entry, and
listens before there is one.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.hass_dict import HassKey
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


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageEvent:
    """Something happened to a message.

    `sender` wrote the message or, for reactions, reacted. `text` is plain, `rich_text`
    Matrix HTML where the server has it; both None for what is deleted or a reaction.
    `message_sent` is one that the user wrote elsewhere, not through Home Assistant.
    """

    entry_id: str
    type: MessageEventType
    chat: Chat
    account_id: str
    message: Message
    sender: User
    is_self: bool
    text: str | None = None
    rich_text: str | None = None
    reaction: Reaction | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as attributes of an entity and variables of a trigger."""
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
            "timestamp": message.timestamp.isoformat() if message.timestamp else None,
            "text": self.text,
            "rich_text": self.rich_text,
            "reply_to": message.reply_to_message_id,
            "attachments": [attached.kind for attached in message.attachments],
            "reaction": self.reaction.key if self.reaction else None,
        }


PRIVATE: Final = frozenset(
    {
        "chat_id",
        "chat_name",
        "sender_id",
        "sender_name",
        "text",
        "rich_text",
        "reaction",
    }
)
"""What of `MessageEvent.as_dict` can tell who wrote what; ids can hold phone numbers."""


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SendFailed:
    """A message that Home Assistant sent could not be delivered.

    `message_id` is the one the action returned. `reason` is a machine's word; `retriable`:
    the network may take the same message later. Nothing is sent again by itself.
    """

    entry_id: str
    chat: Chat
    message_id: str
    reason: str
    retriable: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as variables of a trigger."""
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
    """An account has lost its network; `status` is Beeper's word for how."""

    entry_id: str
    account_id: str
    network: str | None
    status: str
    previous_status: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as variables of a trigger."""
        return {
            "account_id": self.account_id,
            "network": self.network,
            "status": self.status,
            "previous_status": self.previous_status,
        }


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ShortcutPressed:
    """How the press of a shortcut goes; once more when it has ended."""

    subentry_id: str
    result: ShortcutResult


SIGNAL_MESSAGE: Final = SignalType[MessageEvent](f"{DOMAIN}_message")
SIGNAL_SEND_FAILED: Final = SignalType[SendFailed](f"{DOMAIN}_send_failed")
SIGNAL_ACCOUNT_DISCONNECTED: Final = SignalType[AccountDisconnected](
    f"{DOMAIN}_account_disconnected"
)
SIGNAL_SHORTCUT: Final = SignalType[ShortcutPressed](f"{DOMAIN}_shortcut")

_LAST_RESULTS: HassKey[dict[str, ShortcutResult]] = HassKey(f"{DOMAIN}.last_results")


@callback
def tell_of_shortcut(hass: HomeAssistant, pressed: ShortcutPressed) -> None:
    """Tell how a press goes, also whoever listens only after a reload."""
    hass.data.setdefault(_LAST_RESULTS, {})[pressed.subentry_id] = pressed.result
    async_dispatcher_send(hass, SIGNAL_SHORTCUT, pressed)


@callback
def last_result(hass: HomeAssistant, subentry_id: str) -> ShortcutResult | None:
    """Return how the last press since the start of Home Assistant goes or ended."""
    return hass.data.get(_LAST_RESULTS, {}).get(subentry_id)
