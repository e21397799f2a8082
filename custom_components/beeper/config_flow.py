"""Setting up a Beeper server: address and token, then the account to use."""

from collections.abc import Mapping
from dataclasses import dataclass
import re
from typing import Any, Final, override

import voluptuous as vol
from yarl import URL

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.translation import async_get_translations

from . import errors
from .api.client import BeeperClient
from .api.exceptions import BeeperError
from .api.models import Account
from .const import (
    CONF_ACCOUNT_ID,
    CONF_ALLOWED_SENDERS,
    CONF_BACKLOG_MINUTES,
    CONF_CHATS_PER_HOUR,
    CONF_CONFIRM,
    CONF_DUPLICATE_WINDOW,
    CONF_LLM_CAN_SEND,
    CONF_READ_ONLY,
    CONF_SENTENCES,
    CONF_USER_ID,
    DEFAULT_BACKLOG_MINUTES,
    DEFAULT_CHATS_PER_HOUR,
    DEFAULT_CONFIRM,
    DEFAULT_DUPLICATE_WINDOW,
    DOMAIN,
    SUBENTRY_CHAT,
    SUBENTRY_SHORTCUT,
)
from .flows.chat import ChatSubentryFlow
from .flows.shortcut import ShortcutSubentryFlow
from .validation import identifier, phone_number

DEFAULT_URL: Final = "http://localhost:23373"

# The end of an address that was copied from a request, and slashes at the end.
_API_PATH: Final = re.compile(r"/*(/v1(/info)?)?/*$")

_URL = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
_TOKEN = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
_USER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL, default=DEFAULT_URL): _URL,
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
_OPTIONS_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_DUPLICATE_WINDOW, default=DEFAULT_DUPLICATE_WINDOW): vol.All(
            NumberSelector(
                NumberSelectorConfig(
                    min=0,
                    max=600,
                    unit_of_measurement="s",
                    mode=NumberSelectorMode.BOX,
                )
            ),
            vol.Coerce(int),
        ),
        vol.Required(CONF_CHATS_PER_HOUR, default=DEFAULT_CHATS_PER_HOUR): vol.All(
            NumberSelector(
                NumberSelectorConfig(min=0, max=200, mode=NumberSelectorMode.BOX)
            ),
            vol.Coerce(int),
        ),
        vol.Required(CONF_READ_ONLY, default=False): BooleanSelector(),
        vol.Required(CONF_BACKLOG_MINUTES, default=DEFAULT_BACKLOG_MINUTES): vol.All(
            NumberSelector(
                NumberSelectorConfig(
                    min=5,
                    max=1440,
                    unit_of_measurement="min",
                    mode=NumberSelectorMode.BOX,
                )
            ),
            vol.Coerce(int),
        ),
        vol.Optional(CONF_ALLOWED_SENDERS, default=list): TextSelector(
            TextSelectorConfig(multiple=True)
        ),
        vol.Required(CONF_SENTENCES, default=True): BooleanSelector(),
        vol.Required(CONF_CONFIRM, default=DEFAULT_CONFIRM): SelectSelector(
            SelectSelectorConfig(
                options=["always", "new_people", "never"], translation_key=CONF_CONFIRM
            )
        ),
        vol.Required(CONF_LLM_CAN_SEND, default=False): BooleanSelector(),
    }
)
# `@kim` alone could be anybody's on another server; iMessage's ids have no server.
_USER_ID: Final = re.compile(
    r"(?!tel:|mailto:|https?:)[^\s:]+:\S+|imsg##\S+", re.IGNORECASE
)
# The fields an error belongs to; the others are about the form as a whole.
_FIELDS: Final = {
    "cannot_connect": CONF_URL,
    "connection_lost": CONF_URL,
    "not_beeper": CONF_URL,
    "scope_missing": CONF_TOKEN,
    "timeout": CONF_URL,
    "tls_failed": CONF_URL,
    "token_refused": CONF_TOKEN,
}
# For a form, what these say is one thing: whoever answers there is no Beeper API.
_NOT_BEEPER: Final = {
    "not_found",
    "rejected_fields",
    "redirected",
    "rejected",
    "route_absent",
    "unreadable",
}


@dataclass(kw_only=True, repr=False, eq=False)
class _Server:
    """A server that answered, and the data to reach it again."""

    data: dict[str, Any]
    accounts: tuple[Account, ...]
    scopes: frozenset[str] | None


class BeeperConfigFlow(ConfigFlow, domain=DOMAIN):
    """Add a server, replace its token, or change how it is reached."""

    VERSION = 1

    _server: _Server

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> BeeperOptionsFlow:
        """Return the flow for the options."""
        return BeeperOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return the flows for the chats that get entities, and for shortcuts."""
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
                return await self._async_step_next()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_SCHEMA, user_input),
            errors=problems,
            description_placeholders={"example_url": DEFAULT_URL},
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address again, and for a token only if it is a new one."""
        entry = self._get_reconfigure_entry()
        problems: dict[str, str] = {}
        if user_input is not None:
            problems = await self._async_validate(
                {
                    **user_input,
                    CONF_TOKEN: user_input.get(CONF_TOKEN, "").strip()
                    or entry.data[CONF_TOKEN],
                },
                entry,
            )
            if not problems:
                return await self._async_step_next()
        # The stored token stays where it is; a new one is typed.
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                _RECONFIGURE_SCHEMA,
                user_input
                or {key: entry.data[key] for key in (CONF_URL, CONF_VERIFY_SSL)},
            ),
            errors=problems,
        )

    async def async_step_reauth(
        self, entry_data: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Start when the server has refused the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new token."""
        entry = self._get_reauth_entry()
        problems: dict[str, str] = {}
        if user_input is not None:
            found = await self._async_validate({**entry.data, **user_input}, entry)
            # There is no field for the address here that could show its problems.
            problems = {
                field if field == CONF_TOKEN else "base": key
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
        """Ask for the account to use where an action names none."""
        return await self._async_choose_account("account", user_input)

    async def async_step_account_read_only(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the account, and say that the token can change nothing."""
        return await self._async_choose_account("account_read_only", user_input)

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
                # Another flow may have added it meanwhile.
                self._async_abort_entries_match({CONF_URL: data[CONF_URL]})
                url = URL(data[CONF_URL])
                return self.async_create_entry(
                    title=f"Beeper ({url.host}:{url.port})", data=data
                )
            problems[CONF_ACCOUNT_ID] = "account_blank"
        suggested = user_input
        if suggested is None and self.source == SOURCE_RECONFIGURE:
            suggested = dict(self._get_reconfigure_entry().data)
        options = await self._async_account_options()
        schema = vol.Schema(
            {
                # Required, a form would choose the first account by itself.
                vol.Optional(CONF_ACCOUNT_ID): SelectSelector(
                    SelectSelectorConfig(
                        options=options,
                        custom_value=True,
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                )
            }
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=problems,
        )

    async def _async_account_options(self) -> list[SelectOptionDict]:
        """Return each account with its network, its own handle and its status."""
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        options = []
        for account in self._server.accounts:
            parts = [account.network or account.account_id]
            if account.user and account.user.handle:
                parts.append(account.user.handle)
            if account.status:
                key = f"component.{DOMAIN}.selector.account_status.options"
                parts.append(texts.get(f"{key}.{account.status}", account.status))
            options.append(
                SelectOptionDict(value=account.account_id, label=" · ".join(parts))
            )
        return options

    async def _async_validate(
        self, values: Mapping[str, Any], entry: ConfigEntry | None = None
    ) -> dict[str, str]:
        """Try address and token; keep the server that answers, or return errors.

        With an entry, the server must be the same user's.
        """
        url = normalise_url(values[CONF_URL])
        if url is None:
            return {CONF_URL: "invalid_url"}
        if entry and any(
            other.data[CONF_URL] == url and other.entry_id != entry.entry_id
            for other in self._async_current_entries(include_ignore=False)
        ):
            return {CONF_URL: "already_configured"}
        token = values[CONF_TOKEN].strip()
        if not token or not token.isascii() or not token.isprintable():
            return {CONF_TOKEN: "token_refused"}
        verify_ssl = values[CONF_VERIFY_SSL]
        client = BeeperClient(
            async_get_clientsession(self.hass, verify_ssl), url, token
        )
        try:
            await client.identify()
            accounts = await client.accounts()
            scopes = await client.scopes()
            user_id = await client.user_id(accounts)
        except BeeperError as err:
            key, _ = errors.reason(err)
            key = "not_beeper" if key in _NOT_BEEPER else key
            return {_FIELDS.get(key, "base"): key}
        known = entry.data[CONF_USER_ID] if entry else None
        if known and user_id and known != user_id:
            return {"base": "wrong_user"}
        self._server = _Server(
            data={
                CONF_URL: url,
                CONF_TOKEN: token,
                CONF_VERIFY_SSL: verify_ssl,
                CONF_USER_ID: user_id or known,
            },
            accounts=accounts,
            scopes=scopes,
        )
        return {}

    def _async_update(
        self, entry: ConfigEntry, data: dict[str, Any]
    ) -> ConfigFlowResult:
        """Store new data; a loaded entry reloads by its update listener."""
        loaded = entry.state is ConfigEntryState.LOADED
        result = self.async_update_and_abort(entry, data_updates=data)
        if not loaded:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return result


class BeeperOptionsFlow(OptionsFlow):
    """Change how eagerly chats are made, which messages count, and who may ask."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the options."""
        problems: dict[str, str] = {}
        if user_input is not None:
            try:
                senders = dict.fromkeys(
                    _sender(text)
                    for text in user_input[CONF_ALLOWED_SENDERS]
                    if text.strip()
                )
            except vol.Invalid:
                problems[CONF_ALLOWED_SENDERS] = "sender_uncertain"
            else:
                return self.async_create_entry(
                    data={**user_input, CONF_ALLOWED_SENDERS: [*senders]}
                )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _OPTIONS_SCHEMA, user_input or self.config_entry.options
            ),
            errors=problems,
        )


def _sender(text: str) -> str:
    """Return an id as it is or a number in E.164; a name is what anybody can choose."""
    user_id = identifier(text)
    return user_id if _USER_ID.fullmatch(user_id) else phone_number(user_id)


def normalise_url(text: str) -> str | None:
    """Return the address of a server in the one way it is stored, None if malformed.

    People paste it without a scheme, with the API's path or with a slash at the end.
    """
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        url = URL(text)
        if url.scheme not in ("http", "https") or not url.host or not url.port:
            return None
        if url.user or url.password or url.query_string or url.fragment:
            return None
        server = URL.build(
            scheme=url.scheme,
            host=url.host,
            port=None if url.is_default_port() else url.port,
        )
        path = _API_PATH.sub("", url.raw_path)
        return str(server.with_path(path, encoded=True)) if path else str(server)
    except ValueError:
        return None
