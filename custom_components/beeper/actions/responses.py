"""The shape of every response.

Times are in ISO 8601 with a UTC offset. A value is None if the server does not report it.
"""

from typing import Literal, NotRequired, TypedDict


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
