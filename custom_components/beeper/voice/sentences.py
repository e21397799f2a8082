"""Sentences that users speak or type, and the texts of the responses, by language.

Both come from the files in languages/. Home Assistant gets the sentences as triggers,
so they work with every conversation agent. A trigger reports the matched text only, so
it is recognised again here to get its meaning and slots.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
import re
from typing import Any, Final, Literal
import unicodedata

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import ScriptRunResult
from homeassistant.helpers.singleton import singleton
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.language import matches
from homeassistant.util.yaml import load_yaml_dict

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_FOLDER: Final = Path(__file__).parent / "languages"
_FALLBACK: Final = "en"
# Other names cannot be part of a sentence template.
_NETWORK_NAME: Final = re.compile(r"\w+( \w+)*")

type SentenceGroup = Literal["commands", "replies"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One language file: sentence templates by meaning, and response texts by key."""

    code: str
    commands: Mapping[str, list[str]]
    replies: Mapping[str, list[str]]
    ordinals: list[str]
    speech: Mapping[str, str]

    def render(self, key: str, **values: str) -> str:
        """Return a response text with its values filled in."""
        return self.speech[key].format(**values)


type Languages = Mapping[str, Language]


@dataclass(kw_only=True, repr=False, eq=False)
class RecognizedSentence:
    """A recognised sentence: its key in the language file, and its slots.

    An ordinal is an index, counted from 0.
    """

    meaning: str
    slots: Mapping[str, Any]


type Recognizer = Callable[[str, str], RecognizedSentence | None]
"""Takes a text and its language; returns None for an unknown sentence."""

type SentenceHandler = Callable[[RecognizedSentence, Mapping[str, Any]], Awaitable[str]]
"""Takes the sentence and Home Assistant's trigger data; returns the response."""


@singleton(HassKey[Languages](f"{DOMAIN}_languages"), async_=True)
async def async_get_languages(hass: HomeAssistant) -> Languages:
    """Return all languages by their codes."""

    def load() -> Languages:
        return {
            file.stem: Language(code=file.stem, **load_yaml_dict(file))
            for file in sorted(_FOLDER.glob("*.yaml"))
        }

    return await hass.async_add_executor_job(load)


def choose_language(languages: Languages, *preferred: str) -> Language:
    """Return the first preferred language that exists, else English; `*` is ignored."""
    for code in preferred:
        if code != "*" and (found := matches(code, languages)):
            return languages[found[0]]
    return languages[_FALLBACK]


async def async_register_sentences(
    hass: HomeAssistant,
    group: SentenceGroup,
    networks: Collection[str],
    handler: SentenceHandler,
) -> CALLBACK_TYPE:
    """Register a group of sentences in all languages; return a function to unregister.

    They form one trigger, so a text that matches several sentences gets one response.
    Requires the conversation integration.
    """
    languages = await async_get_languages(hass)
    names = _valid_names(networks)
    recognize_text = _build_recognizer(languages, group, names)

    async def run(variables: dict[str, Any], context: Any = None) -> ScriptRunResult:
        trigger = variables["trigger"]
        sentence = recognize_text(
            trigger["sentence"], trigger["user_input"]["language"]
        )
        return ScriptRunResult(
            conversation_response=await handler(sentence, trigger)
            if sentence
            else None,
            service_response=None,
            variables={},
        )

    sentences = [
        _expand(template, language, names)
        for language in languages.values()
        for templates in getattr(language, group).values()
        for template in templates
    ]
    config = await async_validate_trigger_config(
        hass, cv.TRIGGER_SCHEMA([{"trigger": "conversation", "command": sentences}])
    )
    unregister = await async_initialize_triggers(
        hass, config, run, DOMAIN, f"{DOMAIN} {group}", _LOGGER.log
    )
    return unregister or callback(lambda: None)


async def async_get_recognizer(
    hass: HomeAssistant, group: SentenceGroup, networks: Collection[str]
) -> Recognizer:
    """Return a function that recognises the sentences of a group."""
    return _build_recognizer(
        await async_get_languages(hass), group, _valid_names(networks)
    )


def _valid_names(networks: Collection[str]) -> list[str]:
    # A list must not be empty; every template accepts the product's name already.
    names = {name for name in networks if _NETWORK_NAME.fullmatch(name)}
    return sorted(names) or [DOMAIN]


def _expand(template: str, language: Language, networks: list[str]) -> str:
    """Replace the lists in a template by their values; wildcards remain."""
    return template.replace("{network}", f"({'|'.join(networks)})").replace(
        "{ordinal}", f"({'|'.join(language.ordinals)})"
    )


def _build_recognizer(
    languages: Languages, group: SentenceGroup, networks: list[str]
) -> Recognizer:
    # Installed together with the conversation integration, which is optional.
    from hassil.intents import Intents  # noqa: PLC0415
    from hassil.recognize import recognize  # noqa: PLC0415

    intents = {
        code: Intents.from_dict(
            {
                "language": code,
                "intents": {
                    meaning: {"data": [{"sentences": templates}]}
                    for meaning, templates in getattr(language, group).items()
                },
                "lists": {
                    "recipient": {"wildcard": True},
                    "message": {"wildcard": True},
                    "network": {"values": networks},
                    "ordinal": {
                        "values": [
                            {"in": ordinal, "out": index}
                            for index, ordinal in enumerate(language.ordinals)
                        ]
                    },
                },
            }
        )
        for code, language in languages.items()
    }

    def recognize_text(text: str, language: str) -> RecognizedSentence | None:
        preferred = choose_language(languages, language).code
        for code in sorted(intents, key=lambda code: code != preferred):
            if result := recognize(text, intents[code]):
                slots = {name: entity.value for name, entity in result.entities.items()}
                if "message" in slots:
                    slots["message"] = _restore_punctuation(text, slots["message"])
                return RecognizedSentence(meaning=result.intent.name, slots=slots)
        return None

    return recognize_text


def _restore_punctuation(text: str, message: str) -> str:
    """Return the end of the original text that contains the message.

    Recognition removes punctuation.
    """
    end, missing = message, len(_letters(message))
    for word in reversed([*re.finditer(r"\S+", text)]):
        missing -= len(_letters(word[0]))
        if missing <= 0:
            end = text[word.start() :].strip()
            break
    return end if _letters(end) == _letters(message) else message


def shorten(text: str, limit: int = 60) -> str:
    """Return a text of at most `limit` characters, with its full length if it is cut."""
    if len(text) <= limit:
        return text
    length = f" … ({len(text):,} characters)"
    return text[: limit - len(length)].rstrip() + length


def _letters(text: str) -> str:
    return "".join(
        char
        for char in text
        if not char.isspace() and not unicodedata.category(char).startswith("P")
    )
