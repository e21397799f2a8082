"""What is sent to a server, as frozen values.

Requests are complete and valid when they are built. Their `repr` reveals nothing, so
that no name, number or text reaches a log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

type Json = Any
type Query = Mapping[str, str | Sequence[str]]
type ChatType = Literal["single", "group"]
type AttachmentType = Literal[
    "image", "video", "audio", "file", "gif", "voice-note", "sticker"
]

# The official Python SDK's field names and those of the API.
WIRE_NAMES = {
    "account_id": "accountID",
    "account_ids": "accountIDs",
    "allow_invite": "allowInvite",
    "archived": "archived",
    "attachment": "attachment",
    "chat_id": "chatID",
    "chat_ids": "chatIDs",
    "chat_type": "chatType",
    "cursor": "cursor",
    "date_after": "dateAfter",
    "date_before": "dateBefore",
    "description": "description",
    "disable_link_preview": "disableLinkPreview",
    "dismiss_on_incoming_message": "dismissOnIncomingMessage",
    "draft": "draft",
    "draft_text": "draftText",
    "email": "email",
    "exclude_low_priority": "excludeLowPriority",
    "file_name": "fileName",
    "for_everyone": "forEveryone",
    "full_name": "fullName",
    "id": "id",
    "inbox": "inbox",
    "include_muted": "includeMuted",
    "is_archived": "isArchived",
    "is_low_priority": "isLowPriority",
    "is_muted": "isMuted",
    "is_pinned": "isPinned",
    "label_id": "labelID",
    "last_activity_after": "lastActivityAfter",
    "last_activity_before": "lastActivityBefore",
    "limit": "limit",
    "max_participant_count": "maxParticipantCount",
    "media_types": "mediaTypes",
    "message_expiry_seconds": "messageExpirySeconds",
    "message_id": "messageID",
    "message_text": "messageText",
    "mentions": "mentions",
    "mime_type": "mimeType",
    "mode": "mode",
    "participant_ids": "participantIDs",
    "phone_number": "phoneNumber",
    "query": "query",
    "reaction_key": "reactionKey",
    "reminder": "reminder",
    "reply_to_message_id": "replyToMessageID",
    "scope": "scope",
    "sender": "sender",
    "text": "text",
    "title": "title",
    "transaction_id": "transactionID",
    "type": "type",
    "unread_only": "unreadOnly",
    "upload_id": "uploadID",
    "user": "user",
    "username": "username",
}


def wire(**fields: Json) -> dict[str, Json]:
    """Return the fields that are not None, under the API's names."""
    return {
        WIRE_NAMES[name]: value for name, value in fields.items() if value is not None
    }


def wire_query(**fields: str | bool | int | datetime | Sequence[str] | None) -> Query:
    """Return the fields as a query under the API's names.

    None and empty values are left out. A list repeats its name for every item.
    """
    query: dict[str, str | Sequence[str]] = {}
    for name, value in wire(**fields).items():
        match value:
            case bool():
                query[name] = str(value).lower()
            case datetime():
                query[name] = value.isoformat()
            case int():
                query[name] = str(value)
            case _ if value:
                query[name] = value
    return query


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class ChatFilter:
    """Criteria for listing chats; a chat must match all that are set.

    `query` holds words of the title or network or, if `scope` is participants, of a
    participant's name. `inbox` is primary, low-priority or archive. Times have an
    offset.
    """

    query: str | None = None
    scope: str | None = None
    type: str | None = None
    inbox: str | None = None
    unread_only: bool | None = None
    include_muted: bool | None = None
    account_ids: Sequence[str] = ()
    label_id: str | None = None
    last_activity_before: datetime | None = None
    last_activity_after: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class MessageFilter:
    """Criteria for searching messages; a message must match all that are set.

    `query` holds words of the text. `sender` is me, others or a user id. Times have an
    offset.
    """

    query: str | None = None
    chat_ids: Sequence[str] = ()
    account_ids: Sequence[str] = ()
    chat_type: str | None = None
    media_types: Sequence[str] = ()
    sender: str | None = None
    date_after: datetime | None = None
    date_before: datetime | None = None
    exclude_low_priority: bool | None = None
    include_muted: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StartUser:
    """The person to start a chat with, by at least one identifier.

    `phone_number` is E.164. `full_name` does not identify: it only ranks matches.
    """

    id: str | None = None
    email: str | None = None
    full_name: str | None = None
    phone_number: str | None = None
    username: str | None = None

    def body(self) -> dict[str, Json]:
        """Return the API's `user` object."""
        return wire(
            id=self.id,
            email=self.email,
            full_name=self.full_name,
            phone_number=self.phone_number,
            username=self.username,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StartChat:
    """Open the direct chat with a person (`mode: start`), existing or new."""

    account_id: str
    user: StartUser
    allow_invite: bool | None = None
    message_text: str | None = None

    def body(self, *, mode: bool) -> dict[str, Json]:
        """Return the request body; servers before 4.2.808 expect the mode in it."""
        return wire(
            mode="start" if mode else None,
            account_id=self.account_id,
            user=self.user.body(),
            allow_invite=self.allow_invite,
            message_text=self.message_text,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class CreateChat:
    """Create a chat with participants identified by their ids (`mode: create`)."""

    account_id: str
    participant_ids: tuple[str, ...]
    type: ChatType
    title: str | None = None
    message_text: str | None = None

    def body(self) -> dict[str, Json]:
        """Return the request body; `mode` is optional on every server."""
        return wire(
            account_id=self.account_id,
            participant_ids=list(self.participant_ids),
            type=self.type,
            title=self.title,
            message_text=self.message_text,
        )


type ChatRequest = CreateChat | StartChat


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class AttachmentUpload:
    """A reference to an uploaded file; the server detects its size, and type if None.

    `type` is the server's word, see `Generation.attachment_types`.
    """

    upload_id: str
    file_name: str
    mime_type: str
    type: str | None = None

    def body(self) -> dict[str, Json]:
        """Return the API's `attachment` object."""
        return wire(
            upload_id=self.upload_id,
            file_name=self.file_name,
            mime_type=self.mime_type,
            type=self.type,
        )


@dataclass(frozen=True, kw_only=True, slots=True, repr=False, eq=False)
class SendMessage:
    """Send a message to a chat: a Markdown text, an attachment, or both.

    `mentions` are user ids. Without `link_preview`, addresses get no preview.
    """

    chat_id: str
    text: str | None = None
    reply_to_message_id: str | None = None
    attachment: AttachmentUpload | None = None
    mentions: Sequence[str] = ()
    link_preview: bool = True

    def body(self) -> dict[str, Json]:
        """Return the request body; the chat is in the path."""
        return wire(
            text=self.text,
            reply_to_message_id=self.reply_to_message_id,
            attachment=self.attachment.body() if self.attachment else None,
            mentions=list(self.mentions) or None,
            disable_link_preview=None if self.link_preview else True,
        )


def chat_patch(fields: Mapping[str, Json]) -> dict[str, Json]:
    """Return the body that updates a chat; None clears a field, and `draft` is a text."""
    return {
        WIRE_NAMES[name]: {"text": value} if name == "draft" and value else value
        for name, value in fields.items()
    }
