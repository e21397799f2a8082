"""The action beeper.find: list people and chats that match a text, best first."""

from functools import partial
from typing import Final

import voluptuous as vol

from homeassistant.core import ServiceCall, SupportsResponse

from .. import errors
from ..person_validation import query
from ..validation import identifier
from .action import (
    ATTR_ACCOUNT_ID,
    ENTRY_SCHEMA,
    Action,
    get_account_id,
    get_entry,
    validate_fields,
)
from .response_builders import match_response
from .responses import FindResponse

_MAX_MATCHES: Final = 50

_SCHEMA: Final = vol.Schema(
    {
        **ENTRY_SCHEMA,
        vol.Optional(ATTR_ACCOUNT_ID): identifier,
        vol.Required("query"): query,
    }
)


async def _find(call: ServiceCall) -> FindResponse:
    entry = get_entry(call)
    directory, server = entry.runtime_data.directory, entry.runtime_data.server
    account_id = get_account_id(call, entry)
    refusal = partial(errors.not_done, accounts=server.account_names)
    with server.translate_errors(refusal):
        result = await directory.find(account_id, call.data["query"], confirm=False)
    return {
        "count": len(result.matches),
        "matches": [
            match_response(rank, candidate)
            for rank, candidate in result.matches[:_MAX_MATCHES]
        ],
        "not_searched": [*result.not_searched],
    }


FIND: Final = Action(
    name="find",
    validate=partial(validate_fields, _SCHEMA),
    handle=_find,
    supports_response=SupportsResponse.ONLY,
)
