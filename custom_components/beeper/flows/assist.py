"""The step of a chat's forms that decides who may talk to Assist there."""

from collections.abc import Mapping
from typing import Any, Final

import voluptuous as vol

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from ..api.models import Chat, User, readable_name
from ..const import (
    CONF_ASSIST,
    CONF_CHAT_ID,
    CONF_PEOPLE,
    CONF_PIPELINE,
    CONF_START_WORD,
    CONF_USER_ID,
    CONF_VOICE_ANSWERS,
    CONF_VOICE_NOTES,
)
from ..ha_internals import async_get_pipeline
from ..server import Server
from .labels import dropdown, with_handle
from .subentry import BeeperSubentryFlow

MAX_START_WORD: Final = 40
"""Characters."""

_MAX_PARTICIPANTS: Final = 500
_NOBODY: Final = "none"
_PREFERRED: Final = "preferred"
_MAX_IN_LIST: Final = 10
"""More people are shown in a dropdown, which can be searched."""


class AssistStep(BeeperSubentryFlow):
    """Asks how Assist takes part in a chat, then stores the chat."""

    _title: str
    _data: dict[str, Any]
    _chat: Chat

    async def _async_ask_assist(
        self,
        server: Server,
        title: str,
        data: Mapping[str, Any],
        stored: Mapping[str, Any] | None = None,
    ) -> SubentryFlowResult:
        """Ask about Assist; `stored` are earlier answers.

        Raises BeeperError if the chat cannot be read.
        """
        self._title = title
        self._data = {**data, **({CONF_ASSIST: stored} if stored else {})}
        self._chat = await server.client.chat(
            data[CONF_CHAT_ID], participants=_MAX_PARTICIPANTS
        )
        return await self.async_step_assist()

    async def async_step_assist(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the pipeline, the people who may use it, and the user to act as."""
        if (server := self._server) is None:
            return self.async_abort(reason="not_loaded")
        stored: Mapping[str, Any] = self._data.get(CONF_ASSIST, {})
        people = _people(server, self._chat, stored)
        problems: dict[str, str] = {}
        if user_input is not None:
            if user_input.get(CONF_PIPELINE, _NOBODY) == _NOBODY:
                self._data.pop(CONF_ASSIST, None)
                return self._async_store_chat()
            problems = self._assist_problems(user_input)
            if not problems:
                chosen = user_input[CONF_PIPELINE]
                self._data[CONF_ASSIST] = {
                    CONF_PIPELINE: None if chosen == _PREFERRED else chosen,
                    CONF_PEOPLE: [
                        {"id": user.id, "phone_number": user.phone_number}
                        for user in people
                        if user.id in user_input.get(CONF_PEOPLE, ())
                    ],
                    CONF_START_WORD: _start_word(user_input),
                    CONF_USER_ID: user_input.get(CONF_USER_ID),
                    CONF_VOICE_NOTES: user_input[CONF_VOICE_NOTES],
                    CONF_VOICE_ANSWERS: user_input[CONF_VOICE_ANSWERS],
                }
                return self._async_store_chat()
        return self.async_show_form(
            step_id="assist",
            data_schema=self.add_suggested_values_to_schema(
                await _async_schema(self.hass, people),
                user_input or _suggested(self._chat, people, stored),
            ),
            errors=problems,
            description_placeholders={"chat": self._title},
        )

    def _assist_problems(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return what keeps Assist from answering as the form says, by field."""
        problems: dict[str, str] = {}
        start_word = _start_word(values)
        if values.get(CONF_PEOPLE):
            if not values.get(CONF_USER_ID):
                problems[CONF_USER_ID] = "no_user"
            if self._chat.type != "single" and not start_word:
                problems[CONF_START_WORD] = "start_word_required"
        elif not values[CONF_VOICE_NOTES]:
            problems[CONF_PEOPLE] = "nobody_allowed"
        if start_word and (
            len(start_word) > MAX_START_WORD
            or not any(char.isalnum() for char in start_word)
        ):
            problems[CONF_START_WORD] = "start_word_invalid"
        chosen = values[CONF_PIPELINE]
        pipeline = _pipelines(self.hass).get(chosen)
        if chosen != _PREFERRED and pipeline is None:
            problems[CONF_PIPELINE] = "pipeline_gone"
        if pipeline is None:
            return problems
        if values[CONF_VOICE_NOTES] and pipeline.stt_engine is None:
            problems[CONF_VOICE_NOTES] = "no_speech_to_text"
        if values[CONF_VOICE_ANSWERS] and pipeline.tts_engine is None:
            problems[CONF_VOICE_ANSWERS] = "no_text_to_speech"
        elif values[CONF_VOICE_ANSWERS] and not values[CONF_VOICE_NOTES]:
            problems[CONF_VOICE_ANSWERS] = "voice_notes_required"
        return problems

    def _async_store_chat(self) -> SubentryFlowResult:
        return self._async_store(
            self._title, self._data, unique_id=self._data[CONF_CHAT_ID]
        )


def has_assist(hass: HomeAssistant) -> bool:
    """Return whether Home Assistant has Assist pipelines."""
    return "assist_pipeline" in hass.config.components


def _pipelines(hass: HomeAssistant) -> dict[str, Any]:
    """Return the Assist pipelines by ID, the preferred one under two."""
    from homeassistant.components.assist_pipeline import async_get_pipelines  # noqa: PLC0415

    return {
        **{pipeline.id: pipeline for pipeline in async_get_pipelines(hass)},
        _PREFERRED: async_get_pipeline(hass, None),
    }


def _people(server: Server, chat: Chat, stored: Mapping[str, Any]) -> list[User]:
    """Return the people of a chat, and those who were allowed before."""
    users = {
        user.id: user for user in chat.participants if not server.is_self(chat, user.id)
    }
    for person in stored.get(CONF_PEOPLE, ()):
        users.setdefault(
            person["id"], User(id=person["id"], phone_number=person["phone_number"])
        )
    return [*users.values()]


async def _async_schema(hass: HomeAssistant, people: list[User]) -> vol.Schema:
    users = {
        user.id: user.name or user.id
        for user in await hass.auth.async_get_users()
        if user.is_active and not user.system_generated
    }
    return vol.Schema(
        {
            vol.Required(CONF_PIPELINE, default=_NOBODY): _pipeline_selector(hass),
            vol.Optional(CONF_PEOPLE, default=list): _people_selector(people),
            vol.Optional(CONF_START_WORD): TextSelector(),
            vol.Optional(CONF_USER_ID): dropdown(users),
            vol.Required(CONF_VOICE_NOTES, default=False): BooleanSelector(),
            vol.Required(CONF_VOICE_ANSWERS, default=False): BooleanSelector(),
        }
    )


def _pipeline_selector(hass: HomeAssistant) -> SelectSelector:
    pipelines = [
        SelectOptionDict(value=pipeline_id, label=pipeline.name)
        for pipeline_id, pipeline in _pipelines(hass).items()
        if pipeline_id != _PREFERRED
    ]
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=_NOBODY, label=_NOBODY),
                SelectOptionDict(value=_PREFERRED, label=_PREFERRED),
                *pipelines,
            ],
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=CONF_PIPELINE,
        )
    )


def _people_selector(people: list[User]) -> SelectSelector:
    options = [
        SelectOptionDict(
            value=user.id,
            label=with_handle(
                readable_name(user.name, user.id) or user.handle or user.id, user
            ),
        )
        for user in people
    ]
    is_long = len(options) > _MAX_IN_LIST
    return SelectSelector(
        SelectSelectorConfig(
            options=options,
            multiple=True,
            mode=SelectSelectorMode.DROPDOWN if is_long else SelectSelectorMode.LIST,
        )
    )


def _suggested(
    chat: Chat, people: list[User], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the stored values; at first, the other person of a direct chat.

    Who opens the form wants an assistant: without one, all other answers would be lost.
    """
    if not stored:
        direct = chat.type == "single" and len(people) == 1
        return {
            CONF_PIPELINE: _PREFERRED,
            **({CONF_PEOPLE: [people[0].id]} if direct else {}),
        }
    return {
        **stored,
        CONF_PIPELINE: stored[CONF_PIPELINE] or _PREFERRED,
        CONF_PEOPLE: [person["id"] for person in stored[CONF_PEOPLE]],
    }


def _start_word(values: Mapping[str, Any]) -> str:
    """Return the word without what people write between it and a sentence."""
    return " ".join(values.get(CONF_START_WORD, "").split()).rstrip(" ,:;")
