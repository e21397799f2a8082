"""The actions that only read: what each accepts, asks Beeper for, and answers.

Nothing is marked read by it, and nothing sent: a network learns nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import voluptuous as vol

from .. import errors
from ..api.generations import CHANGES_SINCE, LABELS_SINCE, READ_SINCE, has_labels
from ..api.models import Account, Chat, Message, Page, User
from ..api.requests import ChatFilter, MessageFilter
from ..api.rich_text import plain
from ..const import CONF_CHAT_ID
from ..coordinator import BeeperConfigEntry
from ..validation import (
    boolean,
    datetime_,
    identifier,
    identifiers,
    integer,
    one_of,
    some_of,
)
from .pagination import Found, Order, place, read_pages

ATTR_CURSOR: Final = "cursor"
ATTR_LABEL_ID: Final = "label_id"
ATTR_LIMIT: Final = "limit"
ATTR_MESSAGE_ID: Final = "message_id"
ATTR_MAX_PARTICIPANT_COUNT: Final = "max_participant_count"

# The kinds of lists, in their cursors.
_CHATS: Final = "chats"
_MESSAGES: Final = "messages"
_FOUND: Final = "found"

_LIMIT: Final = 20
_MAX_LIMIT: Final = 200
_MAX_FOUND: Final = 20
"""Messages that servers find at once."""

_PARTICIPANTS: Final = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """One action: its fields, and what reads; `of_chat` if that is about one chat.

    `since` is the version of Beeper that brought it. `read` gets the fields, with the chat among them, and returns the response.
    """

    name: str
    fields: Mapping[vol.Marker, Any]
    read: Callable[[BeeperConfigEntry, Mapping[str, Any]], Awaitable[dict[str, Any]]]
    of_chat: bool = False
    since: str = READ_SINCE


async def async_read(
    reading: Reading, entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Carry an action out; raises a translated HomeAssistantError."""
    with entry.runtime_data.server.translate_errors(
        partial(errors.not_read, since=reading.since)
    ):
        return await reading.read(entry, params)


async def _list_accounts(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    accounts = await entry.runtime_data.server.client.accounts()
    return {"accounts": [_account(account) for account in accounts]}


async def _get_chat(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    return _chat(
        await entry.runtime_data.server.client.chat(
            params[CONF_CHAT_ID], participants=params[ATTR_MAX_PARTICIPANT_COUNT]
        )
    )


async def _list_chats(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    client = entry.runtime_data.server.client
    # A server that does not know labels would ignore the filter, and list all chats.
    if ATTR_LABEL_ID in params and not has_labels(client.generation, client.version):
        raise errors.failed("field_absent", field=ATTR_LABEL_ID, version=LABELS_SINCE)
    wanted = ChatFilter(**_given(params, _CHAT_FILTER))

    async def read(cursor: str | None, limit: int) -> Page[Chat]:
        return await client.list_chats(wanted, limit=limit, cursor=cursor)

    found = await read_pages(
        read, _chat_order, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {"chats": [_chat(chat) for chat in found.items], **_more(_CHATS, found)}


async def _list_messages(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    async def read(cursor: str | None, limit: int) -> Page[Message]:
        return _visible(
            await entry.runtime_data.server.client.messages(
                params[CONF_CHAT_ID], cursor
            )
        )

    found = await read_pages(
        read, _message_order, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {
        "messages": [_message(entry, message) for message in found.items],
        **_more(_MESSAGES, found),
    }


async def _get_message(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    message = await entry.runtime_data.server.client.message(
        params[CONF_CHAT_ID], params[ATTR_MESSAGE_ID]
    )
    return _message(entry, message)


async def _list_labels(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    labels = await entry.runtime_data.server.client.labels()
    return {"labels": [{"id": key, "name": name} for key, name in labels.items()]}


async def _search_messages(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    wanted = MessageFilter(**_given(params, _MESSAGE_FILTER))
    chats: dict[str, Chat] = {}

    async def read(cursor: str | None, limit: int) -> Page[Message]:
        found = await entry.runtime_data.server.client.search_messages(
            wanted, limit=min(limit, _MAX_FOUND), cursor=cursor
        )
        chats.update(found.chats)
        return _visible(found.page)

    found = await read_pages(
        read, _found_order, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {
        "messages": [
            _message(entry, message)
            | {
                "chat_name": chat.title if chat else None,
                "chat_type": chat.type if chat else None,
                "network": chat.network if chat else None,
            }
            for message in found.items
            for chat in (chats.get(message.chat_id or ""),)
        ],
        **_more(_FOUND, found),
    }


def _given(
    params: Mapping[str, Any], filters: Mapping[vol.Marker, Any]
) -> dict[str, Any]:
    return {name: params[name] for name in map(str, filters) if name in params}


def _visible(page: Page[Message]) -> Page[Message]:
    """Leave out what Beeper itself does not show: rows that only carry a reaction."""
    return replace(page, items=tuple(each for each in page.items if not each.is_hidden))


# What lists sort by


def _chat_order(chat: Chat) -> Order:
    return (_seconds(chat.last_activity), chat.id)


def _message_order(message: Message) -> Order:
    """Sort keys compare within one chat only."""
    return (_seconds(message.timestamp), len(message.sort_key), message.sort_key)


def _found_order(message: Message) -> Order:
    return (_seconds(message.timestamp), message.chat_id or "", message.id or "")


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0


# What is answered


def _more(kind: str, found: Found[Any]) -> dict[str, Any]:
    return {
        "has_more": found.has_more,
        "cursor": found.place.as_text(kind) if found.place else None,
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "network": account.network,
        "status": account.status,
        "status_text": account.status_text,
        "bridge_type": account.bridge_type,
        "bridge_provider": account.bridge_provider,
        "user": _person(account.user) if account.user else None,
    }


def _person(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "full_name": user.full_name,
        "username": user.username,
        "phone_number": user.phone_number,
        "email": user.email,
    }


def _chat(chat: Chat) -> dict[str, Any]:
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
            _person(user)
            | {
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
        "labels": [{"id": key, "name": name} for key, name in chat.labels.items()],
        "draft": chat.draft or None,
        "reminder": _iso(chat.reminder),
        "message_expiry_seconds": chat.message_expiry_seconds,
        "max_text_length": chat.max_text_length,
    }


def _message(entry: BeeperConfigEntry, message: Message) -> dict[str, Any]:
    """Return a message under the names that triggers use, and more."""
    server = entry.runtime_data.server
    generation = server.client.generation
    rich = generation is not None and generation.rich_text
    written = None if message.is_deleted else message.text
    return {
        "message_id": message.id,
        "chat_id": message.chat_id,
        "account_id": message.account_id,
        "sender_id": message.sender_id,
        "sender_name": message.sender_name,
        "is_self": server.is_own(message),
        "timestamp": _iso(message.timestamp),
        "type": message.type,
        "text": plain(written) if written and rich else written,
        "rich_text": written if rich else None,
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
            {"reaction": reaction.key, "sender_id": reaction.participant_id}
            for reaction in sorted(
                message.reactions, key=lambda each: (each.key, each.participant_id)
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
    except OverflowError:  # a year that nobody means
        return None


# The actions


def _paging(kind: str, order: Order) -> dict[vol.Marker, Any]:
    return {
        vol.Optional(ATTR_LIMIT, default=_LIMIT): integer(1, _MAX_LIMIT),
        vol.Optional(ATTR_CURSOR): place(kind, order),
    }


_CHAT_FILTER: Final[Mapping[vol.Marker, Any]] = {
    vol.Optional("query"): identifier,
    vol.Optional("scope"): one_of("titles", "participants"),
    vol.Optional("type"): one_of("single", "group", "any"),
    vol.Optional("inbox"): one_of("primary", "low-priority", "archive"),
    vol.Optional("unread_only"): boolean,
    vol.Optional("include_muted"): boolean,
    vol.Optional("account_ids"): identifiers,
    vol.Optional(ATTR_LABEL_ID): identifier,
    vol.Optional("last_activity_before"): datetime_,
    vol.Optional("last_activity_after"): datetime_,
}
_MESSAGE_FILTER: Final[Mapping[vol.Marker, Any]] = {
    vol.Optional("query"): identifier,
    vol.Optional("chat_ids"): identifiers,
    vol.Optional("account_ids"): identifiers,
    vol.Optional("chat_type"): one_of("single", "group"),
    vol.Optional("media_types"): some_of("any", "video", "image", "link", "file"),
    vol.Optional("sender"): identifier,
    vol.Optional("date_after"): datetime_,
    vol.Optional("date_before"): datetime_,
    vol.Optional("exclude_low_priority"): boolean,
    vol.Optional("include_muted"): boolean,
}

READINGS: Final = (
    Reading(name="list_accounts", fields={}, read=_list_accounts),
    Reading(
        name="get_chat",
        fields={
            vol.Optional(ATTR_MAX_PARTICIPANT_COUNT, default=_PARTICIPANTS): integer(
                -1, 500
            )
        },
        read=_get_chat,
        of_chat=True,
    ),
    Reading(
        name="list_chats",
        fields={**_CHAT_FILTER, **_paging(_CHATS, (0.0, ""))},
        read=_list_chats,
    ),
    Reading(
        name="list_messages",
        fields=_paging(_MESSAGES, (0.0, 0, "")),
        read=_list_messages,
        of_chat=True,
    ),
    Reading(
        name="get_message",
        fields={vol.Required(ATTR_MESSAGE_ID): identifier},
        read=_get_message,
        of_chat=True,
        since=CHANGES_SINCE,
    ),
    Reading(name="list_labels", fields={}, read=_list_labels, since=LABELS_SINCE),
    Reading(
        name="search_messages",
        fields={**_MESSAGE_FILTER, **_paging(_FOUND, (0.0, "", ""))},
        read=_search_messages,
    ),
)
