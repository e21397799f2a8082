"""The things a Beeper server knows about. State only, no behaviour."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

type Json = dict[str, Any]

type Delivery = Literal["ok", "FAIL_RETRIABLE", "FAIL_PERMANENT", "refuse"]
"""What becomes of own messages: delivered, accepted and failed later, or refused.

`refuse` answers 502 at once; a create or start with a first message then makes the
chat and answers 500 (known of EasyMatrix, chosen for the others).
"""


@dataclass(kw_only=True)
class Person:
    """Somebody on one account's network. `phone_number` is E.164."""

    id: str
    full_name: str | None = None
    phone_number: str | None = None
    email: str | None = None
    username: str | None = None
    cannot_message: bool = False
    is_self: bool = False
    is_admin: bool = False


@dataclass(kw_only=True)
class Account:
    """A connected network account."""

    id: str
    network: str
    """Display name, e.g. `WhatsApp`."""
    bridge: tuple[str, str, str]
    """Bridge id, type and provider (cloud, self-hosted, local, platform-sdk)."""
    user: Person
    contacts: dict[str, Person] = field(default_factory=dict)
    by_name: list[Person] = field(default_factory=list)
    """The contacts as they were when listing them began."""
    status: str = "connected"
    status_text: str | None = None
    login_id: str | None = None
    creation: Json = field(default_factory=dict)
    """What its bridge says of creating chats, where that is not the usual."""
    phones: bool = False
    """People can be found by phone number even if they are no contacts yet."""
    unregistered: set[str] = field(default_factory=set)
    """Phone numbers nobody uses on this network."""
    listed: bool = True
    """False: works although the account list leaves it out (seen with iMessage)."""
    emits_events: bool = True
    """False: nothing of it reaches the WebSocket (seen with iMessage)."""
    marks_own: bool = True
    """False: `isSender` is wrong on own messages (seen on some bridges)."""
    delivery: Delivery = "ok"


@dataclass(kw_only=True)
class Message:
    """One message. `id` is the pending id until the network has confirmed it."""

    id: str
    chat_id: str
    account_id: str
    sender: Person
    timestamp: datetime
    sort_key: int
    text: str = ""
    html: str = ""
    type: str = "TEXT"
    pending_id: str | None = None
    confirmed: bool = True
    send_status: Json | None = None
    is_unread: bool = False
    is_deleted: bool = False
    is_hidden: bool = False
    is_membership: bool = False
    """Somebody joined or left."""
    edited: datetime | None = None
    linked_message_id: str | None = None
    attachments: list[Json] = field(default_factory=list)
    reactions: list[Json] = field(default_factory=list)
    extra: Json = field(default_factory=dict)
    """Further wire fields of newer servers: `mentions`, `links`, `seen`."""


@dataclass(kw_only=True)
class Chat:
    """One chat. `participants` holds everybody, oneself last."""

    id: str
    local_id: str
    account_id: str
    title: str
    type: Literal["single", "group"]
    participants: list[Person]
    last_activity: datetime
    messages: list[Message] = field(default_factory=list)
    """Oldest first."""
    next_message: int = 1
    unread_count: int = 0
    last_read: int | None = None
    is_archived: bool = False
    is_muted: bool = False
    is_pinned: bool = False
    is_low_priority: bool = False
    is_marked_unread: bool = False
    is_read_only: bool = False
    description: str | None = None
    img_url: str | None = None
    draft: Json | None = None
    reminder: Json | None = None
    message_expiry_seconds: int | None = None
    labels: list[str] = field(default_factory=list)
    delivery: Delivery | None = None
    """Overrides the account's."""
    former: list[Person] = field(default_factory=list)
    """People who left."""
    is_invitation: bool = False
    merge: list[str] = field(default_factory=list)
    """Ids of the chats it stands for; then it has no messages."""
    merge_default: str | None = None
    """The member that messages go to."""
    merged_into: str | None = None
    made_at: float | None = None
    """Event loop time of the request that created it."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A stored file: messages refer to `url`; `path` is on the server's machine."""

    url: str
    path: str
    data: bytes
    mime_type: str
    file_name: str


@dataclass(frozen=True, kw_only=True)
class Event:
    """A WebSocket event.

    `chat.upserted` and `chat.deleted`, or `message.upserted` and `message.deleted` with
    the message.
    """

    type: str
    chat: Chat
    message: Message | None = None
