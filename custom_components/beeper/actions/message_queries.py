"""The actions that read messages: one by its ID, those of a chat, or a search."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import voluptuous as vol

from ..api.exceptions import AnswerError
from ..api.merged_chats import find_message, merged_messages, read_message, with_members
from ..api.models import Chat, Message, Page
from ..api.requests import MessageFilter
from ..api.server_generations import CHANGES_SINCE
from ..data import get_outbox
from ..outgoing.delivery_status import read_final_id
from ..server import Server
from ..validation import boolean, datetime_, identifier, identifiers, one_of, some_of
from .action import ATTR_CHAT_ID, ATTR_MESSAGE_ID, Fields, Params, select_fields
from .pagination import (
    ATTR_CURSOR,
    ATTR_LIMIT,
    SortKey,
    epoch_seconds,
    paging_fields,
    read_pages,
)
from .query_action import ATTR_ACCOUNT_IDS, QueryAction
from .response_builders import message_response
from .responses import FoundMessagesResponse, MessageResponse, MessagesResponse

# The kinds of lists, to tell their cursors apart.
_MESSAGES: Final = "messages"
_SEARCH: Final = "search"

_MAX_SEARCH_LIMIT: Final = 20
"""Messages that servers return at most for one search request."""

_MESSAGE_FILTER_FIELDS: Final[Fields] = {
    vol.Optional("query"): identifier,
    vol.Optional("chat_ids"): identifiers,
    vol.Optional(ATTR_ACCOUNT_IDS): identifiers,
    vol.Optional("chat_type"): one_of("single", "group"),
    vol.Optional("media_types"): some_of("any", "video", "image", "link", "file"),
    vol.Optional("sender"): identifier,
    vol.Optional("date_after"): datetime_,
    vol.Optional("date_before"): datetime_,
    vol.Optional("exclude_low_priority"): boolean,
    vol.Optional("include_muted"): boolean,
}


async def final_message_id(server: Server, message_id: str) -> str:
    """Return the final ID for one that an action returned, where it is known."""
    sent_messages = get_outbox(server.hass, server.entry).sent
    return await read_final_id(server, sent_messages, message_id) or message_id


async def _get_message(server: Server, params: Params) -> MessageResponse:
    message_id = await final_message_id(server, params[ATTR_MESSAGE_ID])
    # An ID that an action returned works on all servers.
    is_ours = get_outbox(server.hass, server.entry).sent.has(message_id)
    read = find_message if is_ours else read_message
    message = await read(server.client, params[ATTR_CHAT_ID], message_id)
    return message_response(server, message)


async def _responses(
    server: Server, messages: Iterable[Message]
) -> list[MessageResponse]:
    """Return the messages; others get a turn after each, as texts can be long."""
    responses = []
    for message in messages:
        responses.append(message_response(server, message))
        await asyncio.sleep(0)
    return responses


async def _list_messages(server: Server, params: Params) -> MessagesResponse:
    async def read(cursor: str | None, limit: int) -> Page[Message]:
        return _without_hidden(
            await merged_messages(server.client, params[ATTR_CHAT_ID], cursor)
        )

    result = await read_pages(
        read, _message_sort_key, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {
        "messages": await _responses(server, result.items),
        **result.response(_MESSAGES),
    }


async def _search_messages(server: Server, params: Params) -> FoundMessagesResponse:
    message_filter = MessageFilter(**select_fields(params, _MESSAGE_FILTER_FIELDS))
    if message_filter.chat_ids:
        chat_ids = [
            await _resolve_chat_id(server, chat_id)
            for chat_id in message_filter.chat_ids
        ]
        chat_ids = await with_members(server.client, chat_ids)
        message_filter = replace(message_filter, chat_ids=chat_ids)
    chats: dict[str, Chat] = {}

    async def read(cursor: str | None, limit: int) -> Page[Message]:
        found = await server.client.search_messages(
            message_filter, limit=min(limit, _MAX_SEARCH_LIMIT), cursor=cursor
        )
        chats.update(found.chats)
        return _without_hidden(found.page)

    result = await read_pages(
        read, _search_sort_key, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {
        "messages": [
            {
                **response,
                "chat_name": chat.title if chat else None,
                "chat_type": chat.type if chat else None,
                "network": chat.network if chat else None,
            }
            for response in await _responses(server, result.items)
            for chat in (chats.get(response["chat_id"] or ""),)
        ],
        **result.response(_SEARCH),
    }


async def _resolve_chat_id(server: Server, chat_id: str) -> str:
    try:
        return await server.resolve_chat_id(chat_id)
    except AnswerError as err:
        if err.status != HTTPStatus.NOT_FOUND:
            raise
        return chat_id  # A chat that does not exist has no messages.


def _without_hidden(page: Page[Message]) -> Page[Message]:
    """Remove hidden rows of reactions, and chat events."""
    return replace(
        page,
        items=tuple(
            message
            for message in page.items
            if not (message.is_hidden or message.is_event)
        ),
    )


def _message_sort_key(message: Message) -> SortKey:
    """Return a key for messages of one chat; their `sort_key` is a decimal number."""
    return (epoch_seconds(message.timestamp), len(message.sort_key), message.sort_key)


def _search_sort_key(message: Message) -> SortKey:
    return (epoch_seconds(message.timestamp), message.chat_id or "", message.id or "")


MESSAGE_QUERIES: Final = (
    QueryAction(
        name="list_messages",
        fields=paging_fields(_MESSAGES, (0.0, 0, "")),
        read=_list_messages,
        needs_chat=True,
    ),
    QueryAction(
        name="get_message",
        fields={vol.Required(ATTR_MESSAGE_ID): identifier},
        read=_get_message,
        needs_chat=True,
        since=CHANGES_SINCE,
    ),
    QueryAction(
        name="search_messages",
        fields={**_MESSAGE_FILTER_FIELDS, **paging_fields(_SEARCH, (0.0, "", ""))},
        read=_search_messages,
    ),
)
