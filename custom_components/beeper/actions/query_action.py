"""An action that only reads: its schema, its handler and its errors.

Such actions mark nothing as read and send nothing: networks do not notice them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, SupportsResponse

from .. import errors
from ..api.server_generations import READ_SINCE
from ..server import Server
from .action import (
    ATTR_CHAT_ID,
    CHAT_SCHEMA,
    ENTRY_SCHEMA,
    Action,
    Fields,
    Params,
    async_get_entry_and_chat,
    get_entry,
    resolve_account,
    validate_chat_fields,
    validate_fields,
)

ATTR_ACCOUNT_IDS: Final = "account_ids"


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
