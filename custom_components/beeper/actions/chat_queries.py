"""The actions that read accounts, labels and chats."""

from typing import Final

import voluptuous as vol

from .. import errors
from ..api.models import Chat, Page
from ..api.requests import ChatFilter
from ..api.server_generations import LABELS_SINCE
from ..server import Server
from ..validation import boolean, datetime_, identifier, identifiers, integer, one_of
from .action import ATTR_CHAT_ID, Fields, Params, select_fields
from .pagination import (
    ATTR_CURSOR,
    ATTR_LIMIT,
    SortKey,
    epoch_seconds,
    paging_fields,
    read_pages,
)
from .query_action import ATTR_ACCOUNT_IDS, QueryAction
from .response_builders import account_response, chat_response, label_responses
from .responses import AccountsResponse, ChatResponse, ChatsResponse, LabelsResponse

ATTR_LABEL_ID: Final = "label_id"
ATTR_MAX_PARTICIPANTS: Final = "max_participant_count"

_CHATS: Final = "chats"
"""The kind of list that cursors are for."""

_DEFAULT_PARTICIPANTS: Final = 100
_MAX_PARTICIPANTS: Final = 500

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


async def _list_accounts(server: Server, params: Params) -> AccountsResponse:
    accounts = await server.client.accounts()
    return {"accounts": [account_response(account) for account in accounts]}


async def _list_labels(server: Server, params: Params) -> LabelsResponse:
    return {"labels": label_responses(await server.client.labels())}


async def _get_chat(server: Server, params: Params) -> ChatResponse:
    return chat_response(
        server,
        await server.client.chat(
            params[ATTR_CHAT_ID], participants=params[ATTR_MAX_PARTICIPANTS]
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


def _chat_sort_key(chat: Chat) -> SortKey:
    return (epoch_seconds(chat.last_activity), chat.id)


CHAT_QUERIES: Final = (
    QueryAction(name="list_accounts", fields={}, read=_list_accounts),
    QueryAction(
        name="get_chat",
        fields={
            vol.Optional(ATTR_MAX_PARTICIPANTS, default=_DEFAULT_PARTICIPANTS): integer(
                -1, _MAX_PARTICIPANTS
            )
        },
        read=_get_chat,
        needs_chat=True,
    ),
    QueryAction(
        name="list_chats",
        fields={**_CHAT_FILTER_FIELDS, **paging_fields(_CHATS, (0.0, ""))},
        read=_list_chats,
    ),
    QueryAction(name="list_labels", fields={}, read=_list_labels, since=LABELS_SINCE),
)
