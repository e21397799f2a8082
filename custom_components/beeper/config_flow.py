"""Config flow of a Beeper server: address and token, then the default account."""

from collections.abc import Mapping
from typing import Any, Final, override

import voluptuous as vol
from yarl import URL

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import CONF_ACCOUNT_ID, DOMAIN, SUBENTRY_CHAT, SUBENTRY_SHORTCUT
from .flows.address import addresses, clean_token
from .flows.chat import ChatSubentryFlow
from .flows.connection import (
    ConnectedServer,
    OfferedAddress,
    async_connect,
    async_find_local,
    async_is_same_server,
)
from .flows.labels import account_label, account_selector, async_selector_texts
from .flows.options import BeeperOptionsFlow
from .flows.shortcut import ShortcutSubentryFlow

_EXAMPLES: Final = {
    "example_url": "http://192.168.1.20:23373",
    "download_url": "https://www.beeper.com/download",
    "docs_url": "https://developers.beeper.com/desktop-api",
}

_URL = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_TOKEN = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
_USER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): _URL,
        vol.Required(CONF_TOKEN): _TOKEN,
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)
_REAUTH_SCHEMA = vol.Schema({vol.Required(CONF_TOKEN): _TOKEN})
_RECONFIGURE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): _URL,
        vol.Optional(CONF_TOKEN): _TOKEN,
        vol.Required(CONF_VERIFY_SSL): BooleanSelector(),
    }
)


class BeeperConfigFlow(ConfigFlow, domain=DOMAIN):
    """Add a server, replace its token, or change its address."""

    VERSION = 1

    _server: ConnectedServer
    _offered: str | None = None
    """Another address, filled in for the user to confirm."""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> BeeperOptionsFlow:
        """Return the options flow."""
        return BeeperOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flows for chats and shortcuts."""
        return {
            SUBENTRY_CHAT: ChatSubentryFlow,
            SUBENTRY_SHORTCUT: ShortcutSubentryFlow,
        }

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address and the token."""
        problems: dict[str, str] = {}
        if user_input is not None:
            problems = await self._async_validate(user_input)
            if not problems:
                self._async_abort_entries_match({CONF_URL: self._server.data[CONF_URL]})
                if other := await self._async_same_server(None):
                    return self.async_abort(
                        reason="same_server",
                        description_placeholders={"title": other.title},
                    )
                return await self._async_step_next()
        suggested = self._suggested(user_input)
        if suggested is None:
            known = {
                entry.data[CONF_URL]
                for entry in self._async_current_entries(include_ignore=False)
            }
            url = await async_find_local(self.hass, known)
            suggested = {CONF_URL: url} if url else None
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, suggested),
            errors=problems,
            description_placeholders=_EXAMPLES,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address again, and optionally for a new token."""
        entry = self._get_reconfigure_entry()
        problems: dict[str, str] = {}
        if user_input is not None:
            problems = await self._async_validate(
                {
                    **user_input,
                    CONF_TOKEN: clean_token(user_input.get(CONF_TOKEN, ""))
                    or entry.data[CONF_TOKEN],
                },
                entry,
            )
            if not problems:
                return await self._async_step_next()
        # The stored token is not shown.
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                _RECONFIGURE_SCHEMA,
                self._suggested(user_input)
                or {key: entry.data[key] for key in (CONF_URL, CONF_VERIFY_SSL)},
            ),
            errors=problems,
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Start after the server refused the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new token."""
        entry = self._get_reauth_entry()
        problems: dict[str, str] = {}
        if user_input is not None:
            found = await self._async_validate({**entry.data, **user_input}, entry)
            # This form has no address field, so address errors concern the form.
            problems = {
                field if field == CONF_TOKEN else "base": (
                    "not_beeper" if self._offered else key
                )
                for field, key in found.items()
            }
            if not problems:
                return self._async_update(
                    entry, {CONF_TOKEN: self._server.data[CONF_TOKEN]}
                )
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(_REAUTH_SCHEMA, user_input),
            errors=problems,
            description_placeholders={"url": entry.data[CONF_URL]},
        )

    async def async_step_account(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the default account."""
        return await self._async_choose_account("account", user_input)

    async def async_step_account_read_only(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the default account, and warn about a read-only token."""
        return await self._async_choose_account("account_read_only", user_input)

    def _suggested(self, user_input: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the values for a form that is shown again, with another address."""
        if user_input and self._offered:
            return {**user_input, CONF_URL: self._offered}
        return user_input

    async def _async_step_next(self) -> ConfigFlowResult:
        scopes = self._server.scopes
        if scopes is not None and "write" not in scopes:
            return await self.async_step_account_read_only()
        return await self.async_step_account()

    async def _async_choose_account(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        problems: dict[str, str] = {}
        if user_input is not None:
            if account_id := user_input.get(CONF_ACCOUNT_ID, "").strip():
                data = {**self._server.data, CONF_ACCOUNT_ID: account_id}
                if self.source == SOURCE_RECONFIGURE:
                    return self._async_update(self._get_reconfigure_entry(), data)
                # A concurrent flow may have added the server.
                self._async_abort_entries_match({CONF_URL: data[CONF_URL]})
                url = URL(data[CONF_URL])
                return self.async_create_entry(
                    title=f"Beeper ({url.host}:{url.port})", data=data
                )
            problems[CONF_ACCOUNT_ID] = "account_blank"
        suggested = user_input
        if suggested is None and self.source == SOURCE_RECONFIGURE:
            suggested = dict(self._get_reconfigure_entry().data)
        labels = await self._async_account_labels()
        # A required field would preselect the first account.
        schema = vol.Schema({vol.Optional(CONF_ACCOUNT_ID): account_selector(labels)})
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=problems,
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Lead on to the form that adds a chat."""
        entry = result["result"]
        if entry.state is ConfigEntryState.LOADED:
            flow = await self.hass.config_entries.subentries.async_init(
                (entry.entry_id, SUBENTRY_CHAT),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"])
        return result

    async def _async_account_labels(self) -> dict[str, str]:
        """Return the network, handle and status of each account, by account ID."""
        texts = await async_selector_texts(self.hass, "account_status")
        return {
            account.account_id: account_label(
                account, account.status and texts.get(account.status, account.status)
            )
            for account in self._server.accounts
        }

    async def _async_validate(
        self, values: Mapping[str, Any], entry: ConfigEntry | None = None
    ) -> dict[str, str]:
        """Connect with the values; keep the server, or return errors by field.

        With an entry, the server must belong to the same user.
        """
        self._offered = None
        urls = addresses(values[CONF_URL])
        if not urls:
            return {CONF_URL: "invalid_url"}
        if entry and any(
            other.data[CONF_URL] in urls and other.entry_id != entry.entry_id
            for other in self._async_current_entries(include_ignore=False)
        ):
            return {CONF_URL: "already_configured"}
        found = await async_connect(
            self.hass,
            urls,
            clean_token(values[CONF_TOKEN]),
            verify_ssl=values[CONF_VERIFY_SSL],
            stored=entry.data if entry else None,
        )
        if isinstance(found, dict):
            return found
        if isinstance(found, OfferedAddress):
            self._offered = found.url
            return {CONF_URL: found.reason}
        self._server = found
        is_moved = entry and found.data[CONF_URL] != entry.data[CONF_URL]
        if is_moved and await self._async_same_server(entry):
            return {CONF_URL: "already_configured"}
        return {}

    async def _async_same_server(self, entry: ConfigEntry | None) -> ConfigEntry | None:
        """Return another entry for the same server and user, at another address."""
        data = self._server.data
        for other in self._async_current_entries(include_ignore=False):
            if (
                other is not entry
                and other.data[CONF_URL] != data[CONF_URL]
                and await async_is_same_server(self.hass, data, other.data)
            ):
                return other
        return None

    def _async_update(
        self, entry: ConfigEntry, data: dict[str, Any]
    ) -> ConfigFlowResult:
        """Store new data; the update listener reloads a loaded entry."""
        loaded = entry.state is ConfigEntryState.LOADED
        result = self.async_update_and_abort(entry, data_updates=data)
        if not loaded:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result
