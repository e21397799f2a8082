"""Flow that adds a chat: one of the latest, or one that is searched for."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import SOURCE_RECONFIGURE, SubentryFlowResult
from homeassistant.helpers.selector import BooleanSelector, TextSelector

from ..api.exceptions import BeeperError
from ..api.merged_chats import without_members
from ..api.models import LONG_AGO, ListedChat
from ..api.pages import pages
from ..const import CONF_ACCOUNT_ID, CONF_ASSIST, CONF_CHAT_ID, CONF_NETWORK
from ..people.directory import Directory
from ..people.match_errors import check_loaded, find_obstacle
from ..person_validation import phone_number
from ..server import Server
from .assist import AssistStep, has_assist
from .labels import (
    async_time_label,
    chat_label,
    chat_network,
    chat_title,
    choice_selector,
    dropdown,
    form_error,
)

CONF_SEARCH: Final = "search"

_MAX_MATCHES: Final = 50
_RECENT_PAGES: Final = 2


class ChatSubentryFlow(AssistStep):
    """Add a chat, change who may talk to Assist in it, or choose another chat."""

    _recent: Mapping[str, ListedChat] = {}
    _results: Mapping[str, ListedChat]
    _is_asking_assist = False
    """The form about Assist follows."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for one of the latest chats, or for a name or number."""
        return await self._async_choose_or_search("user", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change or, without Assist, for another chat."""
        if user_input is None and has_assist(self.hass):
            return await self.async_step_change()
        return await self._async_choose_or_search("reconfigure", user_input)

    async def async_step_change(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to change."""
        return self.async_show_menu(
            step_id="change", menu_options=["change_assist", "change_chat"]
        )

    async def async_step_change_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for another chat."""
        return await self._async_choose_or_search("reconfigure", None)

    async def async_step_change_assist(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask who may talk to Assist in the same chat."""
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        subentry = self._get_reconfigure_subentry()
        try:
            return await self._async_ask_assist(
                server, subentry.title, subentry.data, subentry.data.get(CONF_ASSIST)
            )
        except BeeperError as err:
            return self.async_abort(reason=form_error(err))

    async def _async_choose_or_search(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        problems: dict[str, str] = {}
        networks = ""
        if user_input is not None:
            self._is_asking_assist = user_input.get(CONF_ASSIST, False)
        try:
            if user_input is None:
                self._recent = self._without_added(await _recent_chats(server))
            elif chat := self._recent.get(user_input.get(CONF_CHAT_ID, "")):
                if not self._is_added(chat):
                    return await self._async_finish(server, chat)
                problems[CONF_CHAT_ID] = "already_configured"
            elif text := user_input.get(CONF_SEARCH, "").strip():
                found = await async_search_chats(self._directory, text)
                self._results = self._without_added(found)
                if self._results:
                    return await self.async_step_chat()
                problems[CONF_SEARCH], networks = (
                    ("all_added", "") if found else nothing_found(server)
                )
            else:
                problems["base"] = "nothing_entered"
        except BeeperError as err:
            problems["base"] = form_error(err)
        time_label = await async_time_label(self.hass)
        options = {
            chat_id: chat_label(server, chat, time_label)
            for chat_id, chat in self._recent.items()
        }
        fields: dict[vol.Marker, Any] = {
            vol.Optional(CONF_CHAT_ID): dropdown(options),
            vol.Optional(CONF_SEARCH): TextSelector(),
        }
        if has_assist(self.hass):
            fields[vol.Required(CONF_ASSIST, default=False)] = BooleanSelector()
        schema = vol.Schema(fields)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=problems,
            description_placeholders={"networks": networks},
        )

    async def async_step_chat(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask to choose one of the chats found; a single one is preselected."""
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        problems: dict[str, str] = {}
        if user_input is not None:
            chat = self._results.get(user_input.get(CONF_CHAT_ID, ""))
            if chat is None:
                problems[CONF_CHAT_ID] = "not_chosen"
            elif self._is_added(chat):
                problems[CONF_CHAT_ID] = "already_configured"
            else:
                try:
                    return await self._async_finish(server, chat)
                except BeeperError as err:
                    problems["base"] = form_error(err)
        elif len(self._results) == 1:
            user_input = {CONF_CHAT_ID: next(iter(self._results))}
        time_label = await async_time_label(self.hass)
        options = {
            chat_id: chat_label(server, chat, time_label)
            for chat_id, chat in self._results.items()
        }
        # A required field would preselect the first option.
        schema = vol.Schema({vol.Optional(CONF_CHAT_ID): choice_selector(options)})
        return self.async_show_form(
            step_id="chat",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=problems,
        )

    def _without_added(
        self, chats: Mapping[str, ListedChat]
    ) -> Mapping[str, ListedChat]:
        return {key: chat for key, chat in chats.items() if not self._is_added(chat)}

    def _is_added(self, chat: ListedChat) -> bool:
        """Return whether other entities have the chat already."""
        current_id = (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )
        return any(
            subentry.unique_id == chat.id and subentry.subentry_id != current_id
            for subentry in self._get_entry().subentries.values()
        )

    async def _async_finish(
        self, server: Server, chat: ListedChat
    ) -> SubentryFlowResult:
        """Go on with the last form; raises BeeperError."""
        title, network = chat_title(server, chat), chat_network(server, chat)
        other_titles = {
            subentry.title
            for subentry in self._get_entry().subentries.values()
            if subentry.unique_id != chat.id
        }
        if title in other_titles:
            title = f"{title} ({network})"
        data = {
            CONF_CHAT_ID: chat.id,
            CONF_ACCOUNT_ID: chat.account_id,
            CONF_NETWORK: network,
        }
        if self._is_asking_assist:
            return await self._async_ask_assist(server, title, data)
        return self._async_store(title, data, unique_id=chat.id)


async def _recent_chats(server: Server) -> Mapping[str, ListedChat]:
    """Return the latest chats by ID. Raises BeeperError."""
    found: dict[str, ListedChat] = {}
    async for page in pages(partial(server.client.chats, None), _RECENT_PAGES):
        found |= {chat.id: chat for chat in page.items}
    if not found:
        await check_loaded(server)
    return _latest(found)


async def async_search_chats(directory: Directory, text: str) -> dict[str, ListedChat]:
    """Return chats by ID, the last active first: by title and by participant.

    Raises BeeperError, also if the server has not loaded its chats yet.
    """
    with suppress(vol.Invalid):  # Other texts are names or parts of a number.
        text = phone_number(text)
    results: dict[str, ListedChat] = {}
    for scope in ("titles", "participants"):
        page = await directory.server.client.search_chats(
            text, scope=scope, limit=_MAX_MATCHES
        )
        results |= {chat.id: chat for chat in page.items}
    # Servers search the participants of groups, but do not ignore accents. The index
    # may be older than their results.
    matches = await directory.match_chats(text)
    results = {chat.id: chat for chat in matches} | results
    if not results:
        await check_loaded(directory.server)
    return _latest(results)


def _latest(chats: Mapping[str, ListedChat]) -> dict[str, ListedChat]:
    """Return the chats that were active last; a merged chat replaces its members."""
    latest = sorted(
        without_members(chats.values()),
        key=lambda chat: chat.last_activity or LONG_AGO,
        reverse=True,
    )
    return {chat.id: chat for chat in latest[:_MAX_MATCHES]}


def nothing_found(server: Server) -> tuple[str, str]:
    """Return the error of a form for no chat found, and the networks that it names."""
    account_ids = [account.account_id for account in server.accounts]
    if obstacle := find_obstacle(server, account_ids):
        return "nothing_found_disconnected", obstacle[1]
    return "nothing_found", ""
