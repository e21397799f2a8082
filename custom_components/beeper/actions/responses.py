"""The shape of every response, and functions that build the shared parts from models.

Times are in ISO 8601 with a UTC offset. A value is None if the server does not report it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NotRequired, TypedDict

from ..api.models import Account, Chat, Message, User
from ..api.rich_text import plain
from ..people.candidates import Candidate
from ..people.matching import Rank
from ..server import Server


class CreateChatResponse(TypedDict):
    """Response of create_chat.

    Without the chat's details if the server did not return them; `missing` only for the
    mode `create`, `recipients` only if names were resolved.
    """

    chat_id: str
    status: str | None
    account_id: str
    message_sent: Literal["with_chat", "separately"] | None
    message_id: str | None
    recovered: bool
    duplicate: bool
    network: NotRequired[str | None]
    title: NotRequired[str | None]
    type: NotRequired[str | None]
    participants: NotRequired[list[NewChatParticipant]]
    missing: NotRequired[list[str] | None]
    recipients: NotRequired[list[ResolvedRecipient]]


class NewChatParticipant(TypedDict):
    """A participant of a created chat."""

    id: str
    name: str | None
    is_self: bool
    joined: bool


class ResolvedRecipient(TypedDict):
    """The person that a name in the call resolved to."""

    given: str
    name: str | None
    id: str | None
    phone_number: str | None


class SendMessageResponse(TypedDict):
    """Response of send_message; `delivery` and `reason` only for calls that wait."""

    chat_id: str
    message_id: str | None
    pending_message_id: str | None
    recovered: bool
    duplicate: bool
    delivery: NotRequired[Literal["delivered", "pending", "failed"]]
    reason: NotRequired[str | None]


class SentToChatResponse(TypedDict):
    """The outcome of the message to one of several chats.

    Callers see only the outcome "done": otherwise the action raises an error.
    """

    entity_id: str
    outcome: Literal["done", "not_done", "unknown"]
    chat_id: NotRequired[str]
    message_id: NotRequired[str | None]
    pending_message_id: NotRequired[str | None]
    recovered: NotRequired[bool]
    duplicate: NotRequired[bool]
    delivery: NotRequired[Literal["delivered", "pending", "failed"]]
    reason: NotRequired[str | None]


class SendMessagesResponse(TypedDict):
    """Response of send_message to several chats, in the order of sending."""

    chats: list[SentToChatResponse]


class AskQuestionResponse(TypedDict):
    """Response of ask_question; without an answer, all but `answered` is empty.

    `id` is that of the answer, None if the call names no answers. For a reaction, `text`
    is the reaction, `message_id` the question, and `timestamp` is None.
    """

    answered: bool
    id: str | None
    text: str | None
    slots: dict[str, str]
    sender_id: str | None
    sender_name: str | None
    message_id: str | None
    timestamp: str | None


class ChangeResponse(TypedDict):
    """Response of every action that changes a chat or a message."""

    chat_id: str | None
    message_id: str | None
    recovered: bool


class FindResponse(TypedDict):
    """Response of find; `not_searched` lists accounts that returned an error."""

    count: int
    matches: list[MatchResponse]
    not_searched: list[str]


class MatchResponse(TypedDict):
    """One matching person or group."""

    match: str
    kind: Literal["group", "person"]
    name: str | None
    network: str
    account_id: str
    user_id: str | None
    phone_number: str | None
    username: str | None
    chat_id: str | None
    local_chat_id: str | None
    last_activity: str | None


class PersonResponse(TypedDict):
    """A person on a network."""

    id: str
    name: str | None
    full_name: str | None
    username: str | None
    phone_number: str | None
    email: str | None


class ParticipantResponse(PersonResponse):
    """A participant of a chat."""

    is_self: bool
    joined: bool
    is_admin: bool | None


class AccountResponse(TypedDict):
    """An account."""

    account_id: str
    network: str | None
    status: str | None
    status_text: str | None
    bridge_type: str | None
    bridge_provider: str | None
    user: PersonResponse | None


class AccountsResponse(TypedDict):
    """Response of list_accounts."""

    accounts: list[AccountResponse]


class LabelResponse(TypedDict):
    """A label of chats."""

    id: str
    name: str


class LabelsResponse(TypedDict):
    """Response of list_labels."""

    labels: list[LabelResponse]


class ChatResponse(TypedDict):
    """A chat; the response of get_chat."""

    chat_id: str
    local_chat_id: str | None
    merged_into_chat_id: str | None
    merged_chat_ids: list[str]
    account_id: str | None
    network: str | None
    title: str | None
    type: str | None
    description: str | None
    participants: list[ParticipantResponse]
    participant_count: int | None
    last_activity: str | None
    unread_count: int
    unread_mentions_count: int | None
    is_marked_unread: bool | None
    is_archived: bool | None
    is_low_priority: bool | None
    is_muted: bool | None
    is_pinned: bool | None
    is_read_only: bool | None
    labels: list[LabelResponse]
    draft: str | None
    reminder: str | None
    message_expiry_seconds: int | None
    max_text_length: int | None


class FileResponse(TypedDict):
    """A message's attachment; `attachment` is its number from 1, `size` in bytes."""

    attachment: int
    kind: str
    file_name: str | None
    mime_type: str | None
    size: int | None


class ReactionResponse(TypedDict):
    """A reaction to a message."""

    reaction: str
    sender_id: str


class MessageResponse(TypedDict):
    """A message, with the names of the trigger variables; response of get_message."""

    message_id: str | None
    chat_id: str | None
    account_id: str | None
    sender_id: str | None
    sender_name: str | None
    is_self: bool
    timestamp: str | None
    type: str | None
    text: str | None
    rich_text: str | None
    reply_to: str | None
    attachments: list[str]
    files: list[FileResponse]
    reactions: list[ReactionResponse]
    mentions: list[str]
    is_unread: bool | None
    is_deleted: bool
    edited: str | None
    send_status: str | None


class FoundMessageResponse(MessageResponse):
    """A message that a search returned, with its chat."""

    chat_name: str | None
    chat_type: str | None
    network: str | None


class PagedResponse(TypedDict):
    """The common part of paged lists; `cursor` continues the list."""

    has_more: bool
    cursor: str | None


class ChatsResponse(PagedResponse):
    """Response of list_chats."""

    chats: list[ChatResponse]


class MessagesResponse(PagedResponse):
    """Response of list_messages."""

    messages: list[MessageResponse]


class FoundMessagesResponse(PagedResponse):
    """Response of search_messages."""

    messages: list[FoundMessageResponse]


class DownloadResponse(TypedDict):
    """Response of download_attachment; `size` in bytes."""

    chat_id: str
    message_id: str
    path: str
    media_content_id: str
    file_name: str
    mime_type: str
    size: int


def match_response(rank: Rank, candidate: Candidate) -> MatchResponse:
    """Return a match with the IDs that other actions accept."""
    chat, last_activity = candidate.chat, candidate.last_activity
    user = candidate.users[0] if candidate.users else None
    return {
        "match": rank.name.lower(),
        "kind": "group" if chat and chat.type == "group" else "person",
        "name": candidate.name,
        "network": candidate.network,
        "account_id": candidate.account_id,
        "user_id": user.id if user else None,
        "phone_number": user.phone_number if user else None,
        "username": user.username if user else None,
        "chat_id": chat.id if chat else None,
        "local_chat_id": chat.local_id if chat else None,
        "last_activity": last_activity.isoformat() if last_activity else None,
    }


def account_response(account: Account) -> AccountResponse:
    """Return an account with its signed-in user."""
    return {
        "account_id": account.account_id,
        "network": account.network,
        "status": account.status,
        "status_text": account.status_text,
        "bridge_type": account.bridge_type,
        "bridge_provider": account.bridge_provider,
        "user": _person_response(account.user) if account.user else None,
    }


def _person_response(user: User) -> PersonResponse:
    return {
        "id": user.id,
        "name": user.name,
        "full_name": user.full_name,
        "username": user.username,
        "phone_number": user.phone_number,
        "email": user.email,
    }


def chat_response(server: Server, chat: Chat) -> ChatResponse:
    """Return a chat with its participants."""
    return {
        "chat_id": chat.id,
        "local_chat_id": chat.local_id,
        "merged_into_chat_id": chat.merged_into_id,
        "merged_chat_ids": [*chat.merged_ids],
        "account_id": chat.account_id,
        "network": chat.network,
        "title": chat.title,
        "type": chat.type,
        "description": chat.description,
        "participants": [
            {
                **_person_response(user),
                "is_self": user.is_self,
                "joined": not user.is_pending,
                "is_admin": user.is_admin,
            }
            for user in chat.participants
        ],
        "participant_count": chat.participant_count,
        "last_activity": _iso(chat.last_activity),
        "unread_count": chat.unread_count,
        "unread_mentions_count": chat.unread_mentions_count,
        "is_marked_unread": chat.is_marked_unread,
        "is_archived": chat.is_archived,
        "is_low_priority": chat.is_low_priority,
        "is_muted": chat.is_muted,
        "is_pinned": chat.is_pinned,
        "is_read_only": chat.is_read_only,
        "labels": label_responses(chat.labels),
        "draft": (
            plain(chat.draft) if chat.draft and _is_rich(server) else chat.draft or None
        ),
        "reminder": _iso(chat.reminder),
        "message_expiry_seconds": chat.message_expiry_seconds,
        "max_text_length": chat.max_text_length,
    }


def label_responses(labels: Mapping[str, str]) -> list[LabelResponse]:
    """Return labels, given as names by ID."""
    return [{"id": label_id, "name": name} for label_id, name in labels.items()]


def message_response(server: Server, message: Message) -> MessageResponse:
    """Return a message; `text` is plain, `rich_text` the HTML of servers that have it."""
    is_rich = _is_rich(server)
    text = None if message.is_deleted else message.text
    return {
        "message_id": message.id,
        "chat_id": message.chat_id,
        "account_id": message.account_id,
        "sender_id": message.sender_id,
        "sender_name": message.sender_name,
        "is_self": server.is_own(message),
        "timestamp": _iso(message.timestamp),
        "type": message.type,
        "text": plain(text) if text and is_rich else text,
        "rich_text": text if is_rich else None,
        "reply_to": message.reply_to_message_id,
        "attachments": [attached.kind for attached in message.attachments],
        "files": [
            {
                "attachment": number,
                "kind": attached.kind,
                "file_name": attached.file_name,
                "mime_type": attached.mime_type,
                "size": attached.size,
            }
            for number, attached in enumerate(message.attachments, 1)
        ],
        "reactions": [
            {"reaction": key, "sender_id": sender_id}
            for key, sender_id in sorted(
                (reaction.key, reaction.participant_id)
                for reaction in message.reactions
            )
        ],
        "mentions": [*message.mentions],
        "is_unread": message.is_unread,
        "is_deleted": message.is_deleted,
        "edited": _iso(message.edited),
        "send_status": message.send_status,
    }


def _is_rich(server: Server) -> bool:
    """Return whether texts are Matrix HTML."""
    generation = server.client.generation
    return generation is not None and generation.rich_text


def _iso(time: datetime | None) -> str | None:
    try:
        return time.astimezone(UTC).isoformat() if time else None
    except OverflowError:  # The years 1 and 9999 do not exist completely in UTC.
        return None
