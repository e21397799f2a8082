"""Choosing a chat that gets entities of its own: a search, then one of what it found."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util

from .. import errors
from ..api.exceptions import BeeperError
from ..api.models import ListedChat
from ..const import CONF_ACCOUNT_ID, CONF_CHAT_ID, CONF_NETWORK
from ..coordinator import BeeperConfigEntry
from ..people import directory
from ..validation import phone_number

CONF_SEARCH: Final = "search"

_MAX_MATCHES: Final = 50
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
# What people can do something about; the rest is one thing: no answer to go by.
_TOLD: Final = {"cannot_connect", "timeout", "token_refused"}
_SEARCH_SCHEMA: Final = vol.Schema({vol.Required(CONF_SEARCH): TextSelector()})


class ChatSubentryFlow(ConfigSubentryFlow):
    """Add a chat, or choose another one for the entities that are there."""

    _found: dict[str, ListedChat]

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a name or a number."""
        return await self._async_search("user", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the name or number of another chat."""
        return await self._async_search("reconfigure", user_input)

    async def _async_search(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        problems: dict[str, str] = {}
        if user_input is not None:
            try:
                self._found = await async_find_chats(
                    self._get_entry(), user_input[CONF_SEARCH].strip()
                )
            except BeeperError as err:
                problems["base"] = problem(err)
            else:
                if self._found:
                    return await self.async_step_chat()
                problems[CONF_SEARCH] = "nothing_found"
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(_SEARCH_SCHEMA, user_input),
            errors=problems,
        )

    async def async_step_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which of the chats found it is."""
        problems: dict[str, str] = {}
        if user_input is not None:
            chat = self._found.get(user_input.get(CONF_CHAT_ID, ""))
            if chat is None:
                problems[CONF_CHAT_ID] = "not_chosen"
            elif self._is_taken(chat):
                problems[CONF_CHAT_ID] = "already_configured"
            else:
                return self._async_finish(chat)
        options = [
            SelectOptionDict(value=chat.id, label=chat_label(self._get_entry(), chat))
            for chat in self._found.values()
        ]
        schema = vol.Schema(
            {
                # Required, a form would choose the first by itself.
                vol.Optional(CONF_CHAT_ID): SelectSelector(
                    SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
                )
            }
        )
        return self.async_show_form(
            step_id="chat",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=problems,
        )

    def _is_taken(self, chat: ListedChat) -> bool:
        own = (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )
        return any(
            subentry.unique_id == chat.id and subentry.subentry_id != own
            for subentry in self._get_entry().subentries.values()
        )

    def _async_finish(self, chat: ListedChat) -> SubentryFlowResult:
        title = _title(chat)
        others = {
            each.title
            for each in self._get_entry().subentries.values()
            if each.unique_id != chat.id
        }
        if title in others:
            title = f"{title} ({chat.network or chat.account_id})"
        data = {
            CONF_CHAT_ID: chat.id,
            CONF_ACCOUNT_ID: chat.account_id,
            CONF_NETWORK: chat.network or chat.account_id,
        }
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=title,
                data=data,
                unique_id=chat.id,
            )
        return self.async_create_entry(title=title, data=data, unique_id=chat.id)


async def async_find_chats(
    entry: BeeperConfigEntry, text: str
) -> dict[str, ListedChat]:
    """Return chats by id, the last active first: by title and by participant.

    Raises BeeperError.
    """
    if not text:
        return {}
    with suppress(vol.Invalid):  # else it is a name, or a part of a number
        text = phone_number(text)
    server = entry.runtime_data.server
    found: dict[str, ListedChat] = {}
    for scope in ("titles", "participants"):
        page = await server.client.search_chats(text, scope=scope, limit=_MAX_MATCHES)
        found |= {chat.id: chat for chat in page.items}
    # Servers know who is in a group, but take an accent for another letter.
    chats = await directory.find_chats(server, text)
    found |= {chat.id: chat for chat in chats}
    # A merged chat stands for its members.
    shown = [chat for chat in found.values() if chat.merged_into_id not in found]
    latest = sorted(
        shown,
        key=lambda chat: chat.last_activity or _LONG_AGO,
        reverse=True,
    )
    return {chat.id: chat for chat in latest[:_MAX_MATCHES]}


def chat_label(entry: BeeperConfigEntry, chat: ListedChat) -> str:
    """Return what tells chats apart: two people can have one name."""
    accounts = entry.runtime_data.server.accounts
    parts = [_title(chat), chat.network or chat.account_id]
    alike = [each for each in accounts if each.network == chat.network]
    if len(alike) > 1:  # Then by whose account it is.
        parts += [
            each.user.handle
            for each in alike
            if each.account_id == chat.account_id and each.user
        ]
    if chat.last_activity:
        with suppress(OverflowError):  # in the first or the last year there is
            parts.append(f"{dt_util.as_local(chat.last_activity):%Y-%m-%d %H:%M}")
    return " · ".join(part for part in parts if part)


def problem(err: BeeperError) -> str:
    """Return the key of the text for a form."""
    key, _ = errors.reason(err)
    return key if key in _TOLD else "unreadable"


def _title(chat: ListedChat) -> str:
    return chat.title or chat.network or chat.id
