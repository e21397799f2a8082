"""The fields of each kind of shortcut, and the checks of their values."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import voluptuous as vol

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.selector import (
    MediaSelector,
    MediaSelectorConfig,
    SelectSelector,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.helpers.template import Template

from ..api.models import Account
from ..const import CONF_ACCOUNT_ID, CONF_ATTACHMENT, CONF_MESSAGE, CONF_TITLE
from .chat import CONF_SEARCH
from .labels import account_label, account_selector

CONF_PARTICIPANTS: Final = "participants"
CONF_RECIPIENT: Final = "recipient"

_LINE: Final = TextSelector()
_LINES: Final = TextSelector(TextSelectorConfig(multiple=True))
# A text field, as few messages are templates.
_TEXT: Final = TextSelector(TextSelectorConfig(multiline=True))
_FILE: Final = MediaSelector(MediaSelectorConfig(accept=["*"]))

type FormFields = Mapping[vol.Marker, object]

SEND_MESSAGE_FIELDS: Final[FormFields] = {
    vol.Required(CONF_NAME): _LINE,
    vol.Required(CONF_SEARCH): _LINE,
    vol.Optional(CONF_MESSAGE): _TEXT,
    vol.Optional(CONF_ATTACHMENT): _FILE,
}


def start_chat_fields(accounts: Iterable[Account]) -> FormFields:
    """Return the fields for a chat with one person."""
    return {
        vol.Required(CONF_NAME): _LINE,
        vol.Required(CONF_RECIPIENT): _LINE,
        vol.Required(CONF_ACCOUNT_ID): _account_selector(accounts),
        vol.Optional(CONF_MESSAGE): _TEXT,
    }


def create_group_fields(accounts: Iterable[Account]) -> FormFields:
    """Return the fields for a group."""
    return {
        vol.Required(CONF_NAME): _LINE,
        vol.Required(CONF_PARTICIPANTS): _LINES,
        vol.Required(CONF_ACCOUNT_ID): _account_selector(accounts),
        vol.Optional(CONF_TITLE): _LINE,
        vol.Optional(CONF_MESSAGE): _TEXT,
    }


def _account_selector(accounts: Iterable[Account]) -> SelectSelector:
    return account_selector(
        {account.account_id: account_label(account) for account in accounts}
    )


def stripped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with texts without surrounding blanks, and no blank texts in lists."""
    return {name: _stripped(value) for name, value in values.items()}


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [text.strip() for text in value if text.strip()]
    return value.strip() if isinstance(value, str) else value


def find_problems(
    hass: HomeAssistant, fields: FormFields, values: Mapping[str, Any]
) -> dict[str, str]:
    """Return the problems of stripped values, by field."""
    problems = {
        str(field): "blank"
        for field in fields
        if isinstance(field, vol.Required) and not values[str(field)]
    }
    if CONF_ATTACHMENT in map(str, fields) and not (
        values.get(CONF_MESSAGE) or values.get(CONF_ATTACHMENT)
    ):
        problems[CONF_MESSAGE] = "blank"
    if not _is_template(hass, values.get(CONF_MESSAGE, "")):
        problems[CONF_MESSAGE] = "template_invalid"
    return problems


def _is_template(hass: HomeAssistant, text: str) -> bool:
    try:
        Template(text, hass).ensure_valid()
    except TemplateError:
        return False
    return True
