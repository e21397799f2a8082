"""What people say to Beeper, and what it says to them, in each language.

The texts are in languages/. Home Assistant is told them as triggers, so they work with
its own agent and in front of any other. It says only that one of them was heard: which
one, and what was said where, is found out here.
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
# A network of another form could not be part of a sentence.
_NETWORK: Final = re.compile(r"\w+( \w+)*")

type Group = Literal["commands", "replies"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One file: sentences by what they mean, and texts by their keys."""

    code: str
    commands: Mapping[str, list[str]]
    replies: Mapping[str, list[str]]
    ordinals: list[str]
    speech: Mapping[str, str]

    def say(self, key: str, **values: str) -> str:
        """Return a text with its values; they stay what they are, braces and all."""
        return self.speech[key].format(**values)


type Languages = Mapping[str, Language]


@dataclass(kw_only=True, repr=False, eq=False)
class Said:
    """A sentence of ours: the key it stands under, and what was said in its places.

    An ordinal is counted from 0.
    """

    meaning: str
    slots: Mapping[str, Any]


type Understand = Callable[[str, str], Said | None]
"""Takes a text and its language first; None if it is no sentence of ours."""


@singleton(HassKey[Languages](f"{DOMAIN}_languages"), async_=True)
async def async_languages(hass: HomeAssistant) -> Languages:
    """Return all languages by their codes."""

    def load() -> Languages:
        return {
            file.stem: Language(code=file.stem, **load_yaml_dict(file))
            for file in sorted(_FOLDER.glob("*.yaml"))
        }

    return await hass.async_add_executor_job(load)


def choose_language(languages: Languages, *wanted: str) -> Language:
    """Return the first wanted language there is, else English; `*` is any."""
    for code in wanted:
        if code != "*" and (found := matches(code, languages)):
            return languages[found[0]]
    return languages[_FALLBACK]


async def async_listen(
    hass: HomeAssistant,
    group: Group,
    networks: Collection[str],
    answer: Callable[[Said, Mapping[str, Any]], Awaitable[str]],
) -> CALLBACK_TYPE:
    """Let Home Assistant listen for sentences, and say what `answer` returns.

    It is given what Home Assistant tells of the trigger, too. They are one trigger, so
    that a text that fits several is answered once. Needs the integration conversation.
    Returns what ends it.
    """
    languages = await async_languages(hass)
    names = _usable(networks)
    understand = _understand(languages, group, names)

    async def heard(variables: dict[str, Any], context: Any = None) -> ScriptRunResult:
        trigger = variables["trigger"]
        said = understand(trigger["sentence"], trigger["user_input"]["language"])
        return ScriptRunResult(
            conversation_response=await answer(said, trigger) if said else None,
            service_response=None,
            variables={},
        )

    sentences = [
        _spelled_out(sentence, language, names)
        for language in languages.values()
        for several in getattr(language, group).values()
        for sentence in several
    ]
    config = await async_validate_trigger_config(
        hass, cv.TRIGGER_SCHEMA([{"trigger": "conversation", "command": sentences}])
    )
    stop = await async_initialize_triggers(
        hass, config, heard, DOMAIN, f"{DOMAIN} {group}", _LOGGER.log
    )
    return stop or callback(lambda: None)


async def async_understand(
    hass: HomeAssistant, group: Group, networks: Collection[str]
) -> Understand:
    """Return what finds out what a text means."""
    return _understand(await async_languages(hass), group, _usable(networks))


def _usable(networks: Collection[str]) -> list[str]:
    # Without any network, the product's own name does no harm in its place.
    return sorted({name for name in networks if _NETWORK.fullmatch(name)}) or [DOMAIN]


def _spelled_out(sentence: str, language: Language, networks: list[str]) -> str:
    """Return a sentence in which only what may be anything is left open."""
    return sentence.replace("{network}", f"({'|'.join(networks)})").replace(
        "{ordinal}", f"({'|'.join(language.ordinals)})"
    )


def _understand(languages: Languages, group: Group, networks: list[str]) -> Understand:
    # It comes with Home Assistant's conversation; without that, it need not be there.
    from hassil.intents import Intents  # noqa: PLC0415
    from hassil.recognize import recognize  # noqa: PLC0415

    known = {
        code: Intents.from_dict(
            {
                "language": code,
                "intents": {
                    meaning: {"data": [{"sentences": sentences}]}
                    for meaning, sentences in getattr(language, group).items()
                },
                "lists": {
                    "recipient": {"wildcard": True},
                    "message": {"wildcard": True},
                    "network": {"values": networks},
                    "ordinal": {
                        "values": [
                            {"in": ordinal, "out": place}
                            for place, ordinal in enumerate(language.ordinals)
                        ]
                    },
                },
            }
        )
        for code, language in languages.items()
    }

    def understand(text: str, language: str) -> Said | None:
        spoken = choose_language(languages, language).code
        for code in sorted(known, key=lambda code: code != spoken):
            if result := recognize(text, known[code]):
                slots = {name: each.value for name, each in result.entities.items()}
                if "message" in slots:
                    slots["message"] = _as_written(text, slots["message"])
                return Said(meaning=result.intent.name, slots=slots)
        return None

    return understand


def _as_written(text: str, heard: str) -> str:
    """Return the end of a text that was heard, with the punctuation that it lost."""
    end, missing = heard, len(_letters(heard))
    for word in reversed([*re.finditer(r"\S+", text)]):
        missing -= len(_letters(word[0]))
        if missing <= 0:
            end = text[word.start() :].strip()
            break
    return end if _letters(end) == _letters(heard) else heard


def _letters(text: str) -> str:
    return "".join(
        char
        for char in text
        if not char.isspace() and not unicodedata.category(char).startswith("P")
    )
