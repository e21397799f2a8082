"""Flow that changes the options of a server."""

import re
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)

from ..const import (
    CONF_ALLOWED_SENDERS,
    CONF_ANSWERS_PER_MINUTE,
    CONF_BACKLOG_MINUTES,
    CONF_CHATS_PER_HOUR,
    CONF_CONFIRM,
    CONF_DUPLICATE_WINDOW,
    CONF_LLM_CAN_SEND,
    CONF_READ_ONLY,
    CONF_SENTENCES,
    DEFAULT_ANSWERS_PER_MINUTE,
    DEFAULT_BACKLOG_MINUTES,
    DEFAULT_CHATS_PER_HOUR,
    DEFAULT_CONFIRM,
    DEFAULT_DUPLICATE_WINDOW,
)
from ..validation import identifier, phone_number

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
        vol.Required(
            CONF_ANSWERS_PER_MINUTE, default=DEFAULT_ANSWERS_PER_MINUTE
        ): vol.All(
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
# `@kim` without a server is ambiguous; iMessage IDs have no server.
_USER_ID: Final = re.compile(r"@[^\s@:]+:[^\s@/:]+(:\d+)?|imsg##\S+")


class BeeperOptionsFlow(OptionsFlow):
    """Change limits of new chats, filters of messages, and permissions."""

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
    """Validate a user ID or phone number; names are refused, as anybody can choose them."""
    user_id = identifier(text)
    return user_id if _USER_ID.fullmatch(user_id) else phone_number(user_id)
