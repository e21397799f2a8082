"""The actions that only read.

They mark nothing as read and send nothing: networks do not notice them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, SupportsResponse

from .. import errors
from ..api.exceptions import AnswerError
from ..api.merged_chats import find_message, merged_messages, read_message, with_members
from ..api.models import Chat, Message, Page
from ..api.requests import ChatFilter, MessageFilter
from ..api.server_generations import CHANGES_SINCE, LABELS_SINCE, READ_SINCE
from ..data import get_outbox
from ..outgoing.delivery_status import read_final_id
from ..server import Server
from ..validation import (
    boolean,
    datetime_,
    identifier,
    identifiers,
    integer,
    one_of,
    some_of,
)
from .action import (
    ATTR_CHAT_ID,
    ATTR_MESSAGE_ID,
    CHAT_SCHEMA,
    ENTRY_SCHEMA,
    Action,
    Fields,
    Params,
    async_get_entry_and_chat,
    get_entry,
    resolve_account,
    select_fields,
    validate_chat_fields,
    validate_fields,
)
from .pagination import SortKey, page_cursor, read_pages
from .response_builders import (
    account_response,
    chat_response,
    label_responses,
    message_response,
)
from .responses import (
    AccountsResponse,
    ChatResponse,
    ChatsResponse,
    FoundMessagesResponse,
    LabelsResponse,
    MessageResponse,
    MessagesResponse,
)

ATTR_ACCOUNT_IDS: Final = "account_ids"
ATTR_CURSOR: Final = "cursor"
ATTR_LABEL_ID: Final = "label_id"
ATTR_LIMIT: Final = "limit"

# The kinds of lists, to tell their cursors apart.
_CHATS: Final = "chats"
_MESSAGES: Final = "messages"
_SEARCH: Final = "search"

_DEFAULT_LIMIT: Final = 20
_MAX_LIMIT: Final = 200
_MAX_SEARCH_LIMIT: Final = 20
"""Messages that servers return at most for one search request."""

_DEFAULT_PARTICIPANTS: Final = 100
_MAX_PARTICIPANTS: Final = 500


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryAction:
    """An action that reads, about one chat if `needs_chat`.

    `fields` come in addition to those that select the server and the chat. `read` gets
    all fields, with `chat_id` if `needs_chat`; raises BeeperError. `since` is the first
    version of Beeper with the route.
    """

    name: str
    fields: Fields
    read: Callable[[Server, Params], Awaitable[Mapping[str, object]]]
    needs_chat: bool = False
    since: str = READ_SINCE

    def as_action(self) -> Action:
        """Return the action to register."""
        if self.needs_chat:
            schema = vol.Schema({**CHAT_SCHEMA, **self.fields})
            validate = partial(validate_chat_fields, schema)
        else:
            schema = vol.Schema({**ENTRY_SCHEMA, **self.fields})
            validate = partial(validate_fields, schema)
        return Action(
            name=self.name,
            validate=validate,
            handle=self._handle,
            supports_response=SupportsResponse.ONLY,
        )

    async def _handle(self, call: ServiceCall) -> Mapping[str, object]:
        params: Params = call.data
        chat_id = ""
        if self.needs_chat:
            entry, chat_id = await async_get_entry_and_chat(call)
        else:
            entry = get_entry(call)
        server = entry.runtime_data.server
        if ATTR_ACCOUNT_IDS in params:
            accounts = [
                resolve_account(call.hass, entry, text, field=ATTR_ACCOUNT_IDS)
                for text in params[ATTR_ACCOUNT_IDS]
            ]
            params = {**params, ATTR_ACCOUNT_IDS: accounts}
        with server.translate_errors(partial(errors.not_read, since=self.since)):
            if self.needs_chat:
                params = {**params, ATTR_CHAT_ID: await server.resolve_chat_id(chat_id)}
            return await self.read(server, params)


async def _list_accounts(server: Server, params: Params) -> AccountsResponse:
    accounts = await server.client.accounts()
    return {"accounts": [account_response(account) for account in accounts]}


async def _list_labels(server: Server, params: Params) -> LabelsResponse:
    return {"labels": label_responses(await server.client.labels())}


async def _get_chat(server: Server, params: Params) -> ChatResponse:
    return chat_response(
        server,
        await server.client.chat(
            params[ATTR_CHAT_ID], participants=params["max_participant_count"]
        ),
    )


async def _list_chats(server: Server, params: Params) -> ChatsResponse:
    client = server.client
    # Servers without labels would ignore the filter and list all chats.
    if ATTR_LABEL_ID in params and not await client.has_labels():
        if not client.is_beeper:
            raise errors.failed("field_absent_other", field=ATTR_LABEL_ID)
        raise errors.failed("field_absent", field=ATTR_LABEL_ID, version=LABELS_SINCE)
    chat_filter = ChatFilter(**select_fields(params, _CHAT_FILTER_FIELDS))

    async def read(cursor: str | None, limit: int) -> Page[Chat]:
        return await client.list_chats(chat_filter, limit=limit, cursor=cursor)

    result = await read_pages(
        read, _chat_sort_key, limit=params[ATTR_LIMIT], start=params.get(ATTR_CURSOR)
    )
    return {
        "chats": [chat_response(server, chat) for chat in result.items],
        **result.response(_CHATS),
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


def _chat_sort_key(chat: Chat) -> SortKey:
    return (_seconds(chat.last_activity), chat.id)


def _message_sort_key(message: Message) -> SortKey:
    """Return a key for messages of one chat; their `sort_key` is a decimal number."""
    return (_seconds(message.timestamp), len(message.sort_key), message.sort_key)


def _search_sort_key(message: Message) -> SortKey:
    return (_seconds(message.timestamp), message.chat_id or "", message.id or "")


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0


def _paging_fields(kind: str, example: SortKey) -> Fields:
    return {
        vol.Optional(ATTR_LIMIT, default=_DEFAULT_LIMIT): integer(1, _MAX_LIMIT),
        vol.Optional(ATTR_CURSOR): page_cursor(kind, example),
    }


_CHAT_FILTER_FIELDS: Final[Fields] = {
    vol.Optional("query"): identifier,
    vol.Optional("scope"): one_of("titles", "participants"),
    vol.Optional("type"): one_of("single", "group", "any"),
    vol.Optional("inbox"): one_of("primary", "low-priority", "archive"),
    vol.Optional("unread_only"): boolean,
    vol.Optional("include_muted"): boolean,
    vol.Optional(ATTR_ACCOUNT_IDS): identifiers,
    vol.Optional(ATTR_LABEL_ID): identifier,
    vol.Optional("last_activity_before"): datetime_,
    vol.Optional("last_activity_after"): datetime_,
}
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

QUERY_ACTIONS: Final = (
    QueryAction(name="list_accounts", fields={}, read=_list_accounts),
    QueryAction(
        name="get_chat",
        fields={
            vol.Optional(
                "max_participant_count", default=_DEFAULT_PARTICIPANTS
            ): integer(-1, _MAX_PARTICIPANTS)
        },
        read=_get_chat,
        needs_chat=True,
    ),
    QueryAction(
        name="list_chats",
        fields={**_CHAT_FILTER_FIELDS, **_paging_fields(_CHATS, (0.0, ""))},
        read=_list_chats,
    ),
    QueryAction(
        name="list_messages",
        fields=_paging_fields(_MESSAGES, (0.0, 0, "")),
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
    QueryAction(name="list_labels", fields={}, read=_list_labels, since=LABELS_SINCE),
    QueryAction(
        name="search_messages",
        fields={**_MESSAGE_FILTER_FIELDS, **_paging_fields(_SEARCH, (0.0, "", ""))},
        read=_search_messages,
    ),
)
