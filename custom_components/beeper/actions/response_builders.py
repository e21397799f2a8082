"""Responses built from models, shared by the actions that return them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ..api.models import Account, Chat, Message, User
from ..api.rich_text import plain
from ..people.candidates import Candidate
from ..people.matching import Rank
from ..server import Server
from .responses import (
    AccountResponse,
    ChatResponse,
    LabelResponse,
    MatchResponse,
    MessageResponse,
    PersonResponse,
)


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
            plain(chat.draft)
            if chat.draft and server.client.features.rich_text
            else chat.draft or None
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
    is_rich = server.client.features.rich_text
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


def _iso(time: datetime | None) -> str | None:
    try:
        return time.astimezone(UTC).isoformat() if time else None
    except OverflowError:  # The years 1 and 9999 do not exist completely in UTC.
        return None
