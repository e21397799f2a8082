"""Sentences that users speak or type, and the texts of the responses, by language.

Both come from the files in languages/. Home Assistant gets the sentences as triggers,
so they work with every conversation agent. A trigger reports the matched text only, so
it is recognised again here to get its meaning and slots.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
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
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.language import matches
from homeassistant.util.yaml import load_yaml_dict

from ..const import DOMAIN
from .spoken_networks import by_spoken_name, is_common_word

_LOGGER = logging.getLogger(__name__)

_FOLDER: Final = Path(__file__).parent / "languages"
_FALLBACK: Final = "en"
_PART: Final = re.compile(r"<(\w+)>")
_FIRST_WORD: Final = re.compile(r"(\w+['’]|\w+(?!\S))\s*")
_SEPARATOR: Final = re.compile(r"\.+|…|[:,;]|\s+[:;](?=\s)")
"""Between a command and its text, after the last word of the command.

French has a space before it; without one after it, it may be an emoticon.
"""

type SentenceGroup = Literal["commands", "replies"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One language file; en.yaml describes its parts."""

    code: str
    parts: Mapping[str, str]
    start: str
    end: str
    commands: Mapping[str, list[str]]
    replies: Mapping[str, list[str]]
    before_names: list[str]
    after_names: list[str]
    fillers: list[str]
    ordinals: list[str]
    speech: Mapping[str, str]

    def render(self, key: str, **values: str) -> str:
        """Return a response text with its values filled in."""
        return self.speech[key].format(**values)

    def shorten(self, text: str, limit: int = 60) -> str:
        """Return a text of at most `limit` characters to say, with its full length."""
        return shorten(text, limit, self.speech["shortened"])

    def is_unfinished(self, message: str) -> bool:
        """Return whether a message is only what introduces one, such as "saying"."""
        introduction = self._in_full("<unfinished>")
        return bool(re.fullmatch(rf"{introduction}\W*", message, re.IGNORECASE))

    def _in_full(self, template: str) -> str:
        while _PART.search(template):
            template = _PART.sub(lambda part: self.parts[part[1]], template)
        return template

    def without_article(self, text: str) -> str:
        """Return a text without words before a name that need not belong to it."""
        while (word := _FIRST_WORD.match(text)) and (
            word[1].replace("’", "'").casefold() in self.before_names
        ):
            text = text[word.end() :]
        return text

    def bare_name(self, text: str) -> str:
        """Return a name without words around it that need not belong to it."""
        words = self.without_article(text).split()
        while words and words[-1].casefold() in self.after_names:
            del words[-1]
        return " ".join(words)

    def templates(self, group: SentenceGroup) -> Iterator[tuple[str, str]]:
        """Yield the meaning and the template of each sentence of a group."""
        groups: Mapping[str, list[str]] = getattr(self, group)
        for meaning, templates in groups.items():
            for template in templates:
                full = template
                if group == "commands":
                    full = f"{self.start} {full}"
                    if not full.endswith(("{message}", "{rest}")):
                        full += f" {self.end}"
                yield meaning, self._in_full(full)


type Languages = Mapping[str, Language]


@dataclass(kw_only=True, repr=False, eq=False)
class RecognizedSentence:
    """A recognised sentence: its key in the language file, and its slots."""

    meaning: str
    slots: Mapping[str, str]


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


@dataclass(kw_only=True, repr=False, eq=False)
class ParsedCommands:
    """The commands in all languages, parsed, and not yet registered.

    They form one trigger, so a text that matches several sentences gets one response.
    """

    recognize: Recognizer
    config: list[ConfigType]


async def async_parse_commands(
    hass: HomeAssistant, networks: Collection[str]
) -> ParsedCommands:
    """Parse the commands with these networks. Requires the conversation integration."""
    languages = await async_get_languages(hass)
    recognize = await hass.async_add_executor_job(
        build_recognizer, languages, "commands", networks
    )
    lists = _lists(networks)
    sentences = [
        _expand(template, lists)
        for language in languages.values()
        for _, template in language.templates("commands")
    ]
    trigger = {"trigger": "conversation", "command": [*dict.fromkeys(sentences)]}
    config = await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([trigger]))
    return ParsedCommands(recognize=recognize, config=config)


async def async_register_commands(
    hass: HomeAssistant, commands: ParsedCommands, handler: SentenceHandler
) -> CALLBACK_TYPE:
    """Register commands; returns a function to unregister them."""

    async def run(variables: dict[str, Any], context: Any = None) -> ScriptRunResult:
        trigger = variables["trigger"]
        sentence = commands.recognize(
            trigger["sentence"], trigger["user_input"]["language"]
        )
        return ScriptRunResult(
            conversation_response=await handler(sentence, trigger)
            if sentence
            else None,
            service_response=None,
            variables={},
        )

    unregister = await async_initialize_triggers(
        hass, commands.config, run, DOMAIN, f"{DOMAIN} commands", _LOGGER.log
    )
    return unregister or callback(lambda: None)


def _lists(networks: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the values of the lists in templates by how they are said."""
    names = by_spoken_name(networks)
    messengers = {
        name: network for name, network in names.items() if not is_common_word(name)
    }
    # A list must not be empty; every template accepts the product's name already.
    return {
        "network": names or {DOMAIN: DOMAIN},
        "messenger:network": {DOMAIN: DOMAIN, **messengers},
    }


def _expand(template: str, lists: Mapping[str, Collection[str]]) -> str:
    """Replace the lists in a template by their values; wildcards remain."""
    for name, values in lists.items():
        template = template.replace(f"{{{name}}}", f"({'|'.join(values)})")
    return template


def build_recognizer(
    languages: Languages, group: SentenceGroup, networks: Collection[str]
) -> Recognizer:
    """Return a function that recognises the sentences of a group.

    Requires the conversation integration.
    """
    # Installed together with the conversation integration, which is optional.
    from hassil.intents import Intents  # noqa: PLC0415
    from hassil.recognize import recognize  # noqa: PLC0415

    lists = _intent_lists(networks)
    intents = {
        code: Intents.from_dict(
            {
                "language": code,
                "intents": _intent_data(language, group),
                "lists": lists,
            }
        )
        for code, language in languages.items()
    }

    def recognize_text(text: str, language: str) -> RecognizedSentence | None:
        # The positions of slots count composed characters.
        text = unicodedata.normalize("NFC", text)
        preferred = choose_language(languages, language).code
        for code in sorted(intents, key=lambda code: code != preferred):
            if result := recognize(text, intents[code]):
                slots = {
                    name: _original_end(text, entity.text_span[0])
                    if name in ("message", "rest") and entity.text_span
                    else entity.value
                    for name, entity in result.entities.items()
                }
                if languages[code].is_unfinished(slots.get("message", "")):
                    del slots["message"]
                return RecognizedSentence(meaning=result.intent.name, slots=slots)
        return None

    recognize_text("", _FALLBACK)  # Parses all templates, which takes a while.
    return recognize_text


def _intent_lists(networks: Collection[str]) -> dict[str, Any]:
    """Return the lists in templates, in hassil's format."""
    lists: dict[str, Any] = {
        name.partition(":")[0]: {
            "values": [{"in": said, "out": value} for said, value in values.items()]
        }
        for name, values in _lists(networks).items()
    }
    return lists | {
        name: {"wildcard": True} for name in ("recipient", "message", "rest")
    }


def _intent_data(language: Language, group: SentenceGroup) -> dict[str, Any]:
    """Return the sentences of a group by meaning, in hassil's format."""
    templates: dict[str, list[str]] = {}
    for meaning, template in language.templates(group):
        templates.setdefault(meaning, []).append(template)
    return {
        # Within one block, the order would be lost.
        meaning: {"data": [{"sentences": [one]} for one in same]}
        for meaning, same in templates.items()
    }


def _original_end(text: str, start: int) -> str:
    """Return the original text from a position on.

    Recognition removes punctuation, also that before the position.
    """
    while start and not (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    if separator := _SEPARATOR.match(text, start):
        start = separator.end()
    return text[start:].strip()


def shorten(
    text: str, limit: int = 60, length: str = " … ({count:,} characters)"
) -> str:
    """Return a text of at most `limit` characters, with its full length if it is cut."""
    if len(text) <= limit:
        return text
    end = length.format(count=len(text))
    return text[: limit - len(end)].rstrip() + end
