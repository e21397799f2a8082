"""How Assist takes part in an added chat."""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry

from ..api.models import User
from ..const import (
    CONF_ASSIST,
    CONF_CHAT_ID,
    CONF_PEOPLE,
    CONF_PIPELINE,
    CONF_START_WORD,
    CONF_USER_ID,
    CONF_VOICE_ANSWERS,
    CONF_VOICE_NOTES,
    SUBENTRY_CHAT,
)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AssistSettings:
    """The settings of one chat, as its form stores them.

    `people` are the IDs and confirmed numbers of those who may talk to Assist, and
    `user_id` is the Home Assistant user whose permissions apply. `pipeline_id` is None for
    the preferred pipeline.
    """

    subentry_id: str
    pipeline_id: str | None
    people: tuple[Mapping[str, str | None], ...]
    start_word: str
    user_id: str | None
    voice_notes: bool
    voice_answers: bool

    @classmethod
    def of_chat(cls, entry: ConfigEntry, chat_ids: AbstractSet[str]) -> Self | None:
        """Return the settings of a chat, given by all its IDs; None if Assist is off."""
        for subentry in entry.get_subentries_of_type(SUBENTRY_CHAT):
            stored: Mapping[str, Any] | None = subentry.data.get(CONF_ASSIST)
            if stored and subentry.data[CONF_CHAT_ID] in chat_ids:
                return cls(
                    subentry_id=subentry.subentry_id,
                    pipeline_id=stored[CONF_PIPELINE],
                    people=tuple(stored[CONF_PEOPLE]),
                    start_word=stored[CONF_START_WORD],
                    user_id=stored[CONF_USER_ID],
                    voice_notes=stored[CONF_VOICE_NOTES],
                    voice_answers=stored[CONF_VOICE_ANSWERS],
                )
        return None

    def allows(self, sender: User) -> bool:
        """Return whether a person may talk to Assist; a name proves nothing."""
        return any(
            sender.id == person["id"]
            or (
                person["phone_number"] is not None
                and sender.has_confirmed_number(person["phone_number"])
            )
            for person in self.people
        )
