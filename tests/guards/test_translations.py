"""Guard: five languages have the same texts, and all of them are used."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import get_args

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import signals
from custom_components.beeper.api.models import Chat, Message, User
from custom_components.beeper.config_flow import BeeperConfigFlow
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.flows.options import BeeperOptionsFlow
from tests.helpers.repository import (
    BEEPER,
    CONDITIONS,
    ENGLISH,
    ICONS,
    SERVICES,
    TRIGGERS,
    Json,
    imported,
    placeholders,
    sources,
    strings,
    texts_of,
    walk,
)

# Entities named after their device alone.
NAMELESS = {("button", "shortcut"), ("notify", "chat")}


def selectors(value: Json) -> Iterator[Json]:
    """Yield the configuration of every selector with translated texts."""
    if isinstance(value, dict):
        if "translation_key" in value:
            yield value
        for item in value.values():
            yield from selectors(item)
    elif isinstance(value, list):
        for item in value:
            yield from selectors(item)


def test_every_icon_is_one() -> None:
    icons = texts_of(ICONS).values()
    assert icons
    assert all(re.fullmatch(r"mdi:[a-z0-9-]+", icon) for icon in icons)


def test_every_choice_has_its_text() -> None:
    """Labels are also in the forms: Home Assistant 2026.11 draws a form before it has texts."""
    known = ENGLISH["selector"]
    for choice in selectors([SERVICES, TRIGGERS, CONDITIONS]):
        texts = known[choice["translation_key"]]
        if "options" in choice:
            labels = {option["value"]: option["label"] for option in choice["options"]}
            assert labels == texts["options"]
        if "fields" in choice:
            assert texts["fields"].keys() == choice["fields"].keys()
            assert all(text["name"] for text in texts["fields"].values())


def flow_errors() -> Iterator[tuple[str, list[Path]]]:
    """Yield the key of every error of a form, and the files that may report it."""
    for key in ENGLISH["config"]["error"]:
        yield (
            key,
            [
                BEEPER / file
                for file in ("config_flow.py", "flows/connection.py", "errors.py")
            ],
        )
    for key in ENGLISH["options"]["error"]:
        yield key, [BEEPER / "flows/options.py"]
    for kind, texts in ENGLISH["config_subentries"].items():
        flow = BEEPER / f"flows/{kind}.py"
        names = [*imported(flow)]
        shared = [
            file
            for file in sources(flow.parent)
            if any(f".flows.{file.stem}." in f"{name}." for name in names)
        ]
        for key in texts["error"]:
            yield key, [flow, *shared]


@pytest.mark.parametrize(("key", "files"), flow_errors())
def test_every_text_of_a_form_error_is_used(key: str, files: list[Path]) -> None:
    assert key in {node.value for node in walk(ast.Constant, *files)}


@pytest.mark.parametrize("platform", sorted({*ICONS["entity"], *ENGLISH["entity"]}))
def test_every_entity_has_its_texts_and_icon(platform: str) -> None:
    file = BEEPER / f"{platform}.py"
    given = [
        call.value for call in walk(ast.keyword, file) if call.arg == "translation_key"
    ] + [
        assigned.value
        for assigned in walk(ast.Assign, file)
        if ast.unparse(assigned.targets[0]) == "_attr_translation_key"
    ]
    keys = {ast.literal_eval(value) for value in given}
    texts = ENGLISH["entity"].get(platform, {})
    assert ICONS["entity"][platform].keys() == keys
    assert texts.keys() == {key for key in keys if (platform, key) not in NAMELESS}
    assert all(text["name"] for text in texts.values())


def test_every_event_attribute_has_its_text() -> None:
    event = signals.MessageEvent(
        entry_id="x",
        type="message_received",
        chat=Chat.from_dict({"id": "x"}),
        account_id="x",
        message=Message.from_dict({}),
        sender=User(id="x"),
        is_self=False,
    )
    attributes = ENGLISH["entity"]["event"]["message"]["state_attributes"]
    types = {*get_args(signals.MessageEventType.__value__)}
    assert attributes["event_type"]["state"].keys() == types
    assert (
        attributes.keys() - {"event_type"} == event.as_dict().keys() > signals.PRIVATE
    )


def issue_calls() -> Iterator[tuple[str, ast.Dict, bool]]:
    """Yield the key and the placeholders of every created issue, and if it is fixable."""
    for file in sources(BEEPER):
        for call in walk(ast.Call, file):
            # An account's issue has one of two keys; `create` knows the other arguments.
            if ast.unparse(call.func) in ("async_create_issue", "create"):
                key, given = call.args[-2:]
                assert isinstance(key, ast.Constant)
                assert isinstance(given, ast.Dict)
                yield str(key.value), given, any(x.arg == "fix" for x in call.keywords)


@pytest.mark.parametrize("key", ENGLISH["issues"])
def test_every_issue_is_raised(key: str) -> None:
    [(_, given, fixable)] = [call for call in issue_calls() if call[0] == key]
    texts = texts_of(ENGLISH["issues"][key])
    assert placeholders("".join(texts.values())) == {
        ast.literal_eval(name) for name in given.keys if name
    }
    # Fixable issues have their texts in the fix flow.
    assert fixable is ("fix_flow.step.confirm.description" in texts)
    assert fixable is not ("description" in texts)


def steps(flow: type) -> set[str]:
    """Return the steps of a flow that the integration defines."""
    return {
        name.removeprefix("async_step_")
        for kind in flow.__mro__
        if kind.__module__.startswith("custom_components.")
        for name in vars(kind)
        if name.startswith("async_step_")
    }


SUBENTRY_FLOWS = BeeperConfigFlow.async_get_supported_subentry_types(
    MockConfigEntry(domain=DOMAIN)
)


@pytest.mark.parametrize(
    ("flow", "texts"),
    [
        (BeeperConfigFlow, ENGLISH["config"]),
        (BeeperOptionsFlow, ENGLISH["options"]),
        *(
            (flow, ENGLISH["config_subentries"][k])
            for k, flow in SUBENTRY_FLOWS.items()
        ),
    ],
)
def test_every_step_has_its_texts(flow: type, texts: Json) -> None:
    """Their fields are compared where the flows are tested."""
    without_texts = steps(flow) - texts["step"].keys()
    assert texts["step"].keys() <= steps(flow)
    # These only lead to another step.
    assert without_texts <= {"change_assist", "change_chat", "reauth", "reconfigure"}


def test_every_kind_of_subentry_has_its_texts() -> None:
    assert SUBENTRY_FLOWS.keys() == ENGLISH["config_subentries"].keys()


@pytest.mark.parametrize("key", ENGLISH["selector"])
def test_every_text_of_a_selector_is_used(key: str) -> None:
    assert f'"{key}"' in strings() or f"selector.{key}." in strings()


def test_all_sections_of_the_texts_are_known() -> None:
    assert ENGLISH.keys() == {
        "conditions",
        "config",
        "config_subentries",
        "entity",
        "exceptions",
        "issues",
        "options",
        "selector",
        "services",
        "system_health",
        "triggers",
    }


def test_there_are_five_languages() -> None:
    languages = {file.stem for file in (BEEPER / "translations").iterdir()}
    assert languages == {"en", "de", "es", "fr", "nl"}


@pytest.mark.parametrize("file", (BEEPER / "translations").glob("*.json"), ids=str)
def test_languages_have_equal_keys(file: Path) -> None:
    texts, english = texts_of(json.loads(file.read_text())), texts_of(ENGLISH)
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert placeholders(text) == placeholders(english[key]), key
        assert text == text.strip() != ""
