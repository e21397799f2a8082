"""Flow that changes the options of a server."""

from collections.abc import Callable
import re
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.data_entry_flow import section
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
from ..person_validation import phone_number
from ..validation import identifier


def _whole(least: int, most: int, unit: str | None = None) -> Callable[[Any], int]:
    """Return the validator of a whole number."""
    config = NumberSelectorConfig(min=least, max=most, mode=NumberSelectorMode.BOX)
    if unit:
        config["unit_of_measurement"] = unit
    validate: Callable[[Any], int] = vol.All(NumberSelector(config), vol.Coerce(int))
    return validate


_SAFETY: Final = "safety"
_INCOMING: Final = "incoming"
_VOICE: Final = "voice"

_SECTIONS: Final = {
    _SAFETY: vol.Schema(
        {
            vol.Required(CONF_READ_ONLY, default=False): BooleanSelector(),
            vol.Required(CONF_CHATS_PER_HOUR, default=DEFAULT_CHATS_PER_HOUR): _whole(
                0, 200
            ),
            vol.Required(
                CONF_ANSWERS_PER_MINUTE, default=DEFAULT_ANSWERS_PER_MINUTE
            ): _whole(0, 200),
            vol.Required(
                CONF_DUPLICATE_WINDOW, default=DEFAULT_DUPLICATE_WINDOW
            ): _whole(0, 600, "s"),
        }
    ),
    _INCOMING: vol.Schema(
        {
            vol.Optional(CONF_ALLOWED_SENDERS, default=list): TextSelector(
                TextSelectorConfig(multiple=True)
            ),
            vol.Required(CONF_BACKLOG_MINUTES, default=DEFAULT_BACKLOG_MINUTES): _whole(
                5, 1440, "min"
            ),
        }
    ),
    _VOICE: vol.Schema(
        {
            vol.Required(CONF_SENTENCES, default=True): BooleanSelector(),
            vol.Required(CONF_CONFIRM, default=DEFAULT_CONFIRM): SelectSelector(
                SelectSelectorConfig(
                    options=["always", "new_people", "never"],
                    translation_key=CONF_CONFIRM,
                )
            ),
            vol.Required(CONF_LLM_CAN_SEND, default=False): BooleanSelector(),
        }
    ),
}
_SCHEMA: Final = vol.Schema(
    {
        # With a default, the frontend would not fill in those of the fields.
        vol.Optional(name): section(schema)
        for name, schema in _SECTIONS.items()
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
            options = {
                key: value
                for name, schema in _SECTIONS.items()
                for key, value in schema(user_input.get(name, {})).items()
            }
            try:
                senders = dict.fromkeys(
                    _sender(text)
                    for text in options[CONF_ALLOWED_SENDERS]
                    if text.strip()
                )
            except vol.Invalid:
                # Home Assistant shows no error of a field in a section.
                problems["base"] = "sender_uncertain"
            else:
                return self.async_create_entry(
                    data={**options, CONF_ALLOWED_SENDERS: [*senders]}
                )
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA, user_input or self._stored()
            ),
            errors=problems,
        )

    def _stored(self) -> dict[str, dict[str, Any]]:
        """Return the options by section; they are stored without."""
        options = self.config_entry.options
        return {
            name: {
                key: options[key] for key in map(str, schema.schema) if key in options
            }
            for name, schema in _SECTIONS.items()
        }


def _sender(text: str) -> str:
    """Validate a user ID or phone number; names are refused, as anybody can choose them."""
    user_id = identifier(text)
    return user_id if _USER_ID.fullmatch(user_id) else phone_number(user_id)
