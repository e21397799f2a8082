"""The actions and their registration."""

from functools import partial
from typing import Final

import voluptuous as vol

from homeassistant.core import HomeAssistant, callback

from .actions.ask_question import ASK_QUESTION
from .actions.change_actions import CHANGE_ACTIONS
from .actions.chat_queries import CHAT_QUERIES
from .actions.create_chat import CREATE_CHAT
from .actions.download import DOWNLOAD_ATTACHMENT
from .actions.find import FIND
from .actions.message_queries import MESSAGE_QUERIES
from .actions.reply import REPLY
from .actions.send_message import SEND_MESSAGE
from .const import DOMAIN

_ACTIONS: Final = (
    CREATE_CHAT,
    SEND_MESSAGE,
    REPLY,
    ASK_QUESTION,
    FIND,
    *(
        query.as_action()
        for query in (*CHAT_QUERIES, *MESSAGE_QUERIES, DOWNLOAD_ATTACHMENT)
    ),
    *(change.as_action() for change in CHANGE_ACTIONS),
)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for action in _ACTIONS:
        hass.services.async_register(
            DOMAIN,
            action.name,
            action.async_run,
            schema=vol.Schema(partial(action.async_validate, hass)),
            supports_response=action.supports_response,
        )
