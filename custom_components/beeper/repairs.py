"""Repair issues of a server, and the dialogs that fix them."""

from typing import override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .api.server_generations import CREATE_ONLY, UPLOAD_SINCE, WITH_START_ROUTE
from .chat_id_changes import CHAT_MOVED, async_replace_chat
from .chat_numbers import CHAT_NUMBER_CHANGED, ChatNumbers
from .const import CONF_READ_ONLY, DOMAIN, SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry
from .data import get_data
from .issues import async_create_issue, async_delete_issue, issue_id
from .outgoing.reply_loop import ReplyLoopGuard


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return a dialog that confirms the issue, which is deleted with its entry."""
    values = data or {}
    entry_id = str(values.get("entry_id"))
    if values.get("kind") == CHAT_NUMBER_CHANGED:
        numbers = get_data(hass).chat_numbers[entry_id]
        return _ChatNumberFlow(numbers, str(values["number"]))
    if values.get("kind") == CHAT_MOVED:
        entry = hass.config_entries.async_get_known_entry(entry_id)
        return _ChatMovedFlow(
            entry, str(values["chat_id"]), str(values["successor_id"])
        )
    return _ReplyLoopFlow(get_data(hass).outboxes[entry_id].replies)


class _ReplyLoopFlow(ConfirmRepairFlow):
    """Lets stopped automations answer again."""

    def __init__(self, replies: ReplyLoopGuard) -> None:
        """Keep what stopped them."""
        super().__init__()
        self._replies = replies

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Confirm, and let them go on."""
        if user_input is not None:
            self._replies.resume()
        return await super().async_step_confirm(user_input)


class _ChatNumberFlow(ConfirmRepairFlow):
    """Lets the number of a chat mean the chat that it stands for now."""

    def __init__(self, numbers: ChatNumbers, number: str) -> None:
        """Keep the number."""
        super().__init__()
        self._numbers = numbers
        self._number = number

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Confirm, and forget what the number meant before."""
        if user_input is not None:
            self._numbers.forget(self._number)
        return await super().async_step_confirm(user_input)


class _ChatMovedFlow(ConfirmRepairFlow):
    """Lets added chats and shortcuts use the chat that follows theirs."""

    def __init__(self, entry: ConfigEntry, chat_id: str, successor_id: str) -> None:
        """Keep the IDs of both chats."""
        super().__init__()
        self._entry = entry
        self._chat_id = chat_id
        self._successor_id = successor_id

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Confirm, and replace the chat."""
        if user_input is not None:
            async_replace_chat(
                self.hass, self._entry, self._chat_id, self._successor_id
            )
        return await super().async_step_confirm(user_input)


@callback
def async_watch(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Check for issues, now and after each change of the server version."""
    client = entry.runtime_data.server.client
    version = client.version

    @callback
    def check() -> None:
        nonlocal version
        if client.version != version:
            version = client.version
            async_check_issues(hass, entry)

    entry.async_on_unload(entry.runtime_data.async_add_listener(check))
    async_check_issues(hass, entry)


@callback
def async_check_issues(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Check for issues in the background, as it may send requests."""
    entry.async_create_background_task(
        hass, _async_check(hass, entry), f"{DOMAIN} repairs"
    )


async def _async_check(hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
    """Create the issues that affect the added chats, delete the others."""
    client = entry.runtime_data.server.client
    too_old = issue_id(entry, "server_too_old")
    read_only = issue_id(entry, "token_read_only")
    has_chats = any(entry.get_subentries_of_type(SUBENTRY_CHAT))
    if has_chats and client.generation is CREATE_ONLY:
        async_create_issue(
            hass,
            too_old,
            "server_too_old",
            {
                "server": entry.title,
                "files_since": UPLOAD_SINCE,
                "wanted": WITH_START_ROUTE.name,
            },
            docs="support.md#servers",
        )
    else:
        async_delete_issue(hass, too_old)

    needs_write = has_chats and not entry.options.get(CONF_READ_ONLY)
    scopes = await client.scopes() if needs_write else None
    if scopes is not None and "write" not in scopes:
        async_create_issue(
            hass,
            read_only,
            "token_read_only",
            {"server": entry.title},
            docs="security.md#the-token",
        )
    elif scopes is not None or not needs_write:
        async_delete_issue(hass, read_only)
