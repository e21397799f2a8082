"""The data of a Beeper server. State only, no behaviour."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

type Json = dict[str, Any]

type Delivery = Literal["ok", "FAIL_RETRIABLE", "FAIL_PERMANENT", "refuse"]
"""Outcome of own messages: delivered, accepted but failed later, or rejected.

`refuse` returns 502 immediately. A create or start with a first message then creates
the chat and returns 500 (seen on EasyMatrix, chosen for the others).
"""


@dataclass(kw_only=True)
class Person:
    """A person on one account's network. `phone_number` is E.164."""

    id: str
    full_name: str | None = None
    phone_number: str | None = None
    email: str | None = None
    username: str | None = None
    cannot_message: bool = False
    is_self: bool = False
    is_admin: bool = False
    is_network_bot: bool = False
    """The bot of a bridge, which may be a member of any chat."""


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
    """Snapshot of the contacts, taken for the first page of a listing."""
    status: str = "connected"
    status_text: str | None = None
    login_id: str | None = None
    creation: Json = field(default_factory=dict)
    """Deviating bridge capabilities for creating chats."""
    phones: bool = False
    """Whether strangers can be found by phone number."""
    unregistered: set[str] = field(default_factory=set)
    """Phone numbers that are not registered on this network."""
    listed: bool = True
    """False: usable, but missing from the account list (seen with iMessage)."""
    emits_events: bool = True
    """False: it publishes no WebSocket events (seen with iMessage)."""
    marks_own: bool = True
    """False: `isSender` is wrong on own messages (seen on some bridges)."""
    delivery: Delivery = "ok"


@dataclass(kw_only=True)
class Message:
    """One message. `id` is the pending id until the network confirms the message."""

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
    """Whether it is the event of a person who joined or left."""
    edited: datetime | None = None
    linked_message_id: str | None = None
    attachments: list[Json] = field(default_factory=list)
    reactions: list[Json] = field(default_factory=list)
    extra: Json = field(default_factory=dict)
    """Additional wire fields of newer servers: `mentions`, `links`, `seen`."""


@dataclass(kw_only=True)
class Chat:
    """One chat. `participants` includes the user, in last place."""

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
    """Overrides the account's delivery."""
    former: list[Person] = field(default_factory=list)
    """Former participants."""
    is_invitation: bool = False
    merge: list[str] = field(default_factory=list)
    """Ids of the merged chats. A merged chat has no messages."""
    merge_default: str | None = None
    """Id of the member chat that receives messages."""
    merged_into: str | None = None
    made_at: float | None = None
    """Event loop time of the request that created it."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A stored file. Messages refer to `url`; `path` is a path on the server."""

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
