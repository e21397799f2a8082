"""Constants that several modules share."""

from typing import Final

DOMAIN: Final = "beeper"

DOCS_URL: Final = "https://github.com/ha-beeper/ha-beeper/blob/main/docs"

CONF_ACCOUNT_ID: Final = "account_id"
CONF_ALLOWED_SENDERS: Final = "allowed_senders"
CONF_ANSWERS_PER_MINUTE: Final = "answers_per_minute"
CONF_ASSIST: Final = "assist"
CONF_BACKLOG_MINUTES: Final = "backlog_minutes"
CONF_ATTACHMENT: Final = "attachment"
CONF_CHATS_PER_HOUR: Final = "chats_per_hour"
CONF_CHAT_ID: Final = "chat_id"
CONF_CONFIRM: Final = "confirm"
CONF_DUPLICATE_WINDOW: Final = "duplicate_window"
CONF_FORMER_ACCOUNT_IDS: Final = "former_account_ids"
CONF_FORMER_CHAT_IDS: Final = "former_chat_ids"
CONF_KIND: Final = "kind"
CONF_LLM_CAN_SEND: Final = "llm_can_send"
CONF_MESSAGE: Final = "message"
CONF_NETWORK: Final = "network"
CONF_PEOPLE: Final = "people"
CONF_PIPELINE: Final = "pipeline"
CONF_READ_ONLY: Final = "read_only"
CONF_SENTENCES: Final = "sentences"
CONF_START_WORD: Final = "start_word"
CONF_TITLE: Final = "title"
CONF_USER: Final = "user"
CONF_USER_ID: Final = "user_id"
CONF_VOICE_ANSWERS: Final = "voice_answers"
CONF_VOICE_NOTES: Final = "voice_notes"

SUBENTRY_CHAT: Final = "chat"
SUBENTRY_SHORTCUT: Final = "shortcut"

# What a shortcut does.
KIND_CREATE_GROUP: Final = "create_group"
KIND_SEND_MESSAGE: Final = "send_message"
KIND_START_CHAT: Final = "start_chat"

DEFAULT_ANSWERS_PER_MINUTE: Final = 20
DEFAULT_BACKLOG_MINUTES: Final = 15
DEFAULT_CHATS_PER_HOUR: Final = 20
DEFAULT_CONFIRM: Final = "new_people"
DEFAULT_DUPLICATE_WINDOW: Final = 30
"""Seconds."""
