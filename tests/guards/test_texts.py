"""Guards over the repository: every text has its place."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
import json
from pathlib import Path
import re
import string
from typing import get_args

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol
import yaml

from custom_components.beeper import condition, errors, signals, trigger
from custom_components.beeper.actions.change import CHANGE_ACTIONS
from custom_components.beeper.api.exceptions import (
    AnswerError,
    AuthenticationError,
    BeeperError,
    CannotConnectError,
    ConnectionLostError,
    ForbiddenError,
    NotLoadedError,
    PersonNotResolvedError,
    RequestTimeoutError,
    RouteAbsentError,
    TLSError,
    UnreadableAnswerError,
    UploadError,
)
from custom_components.beeper.api.models import Chat, Message, User
from custom_components.beeper.const import DOMAIN
from custom_components.beeper.outgoing.job import Job
from homeassistant import const
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.condition import async_validate_condition_config
from homeassistant.helpers.selector import selector
from homeassistant.helpers.trigger import async_validate_trigger_config
from homeassistant.setup import async_setup_component
from tests.helpers.repository import BEEPER, ENGLISH, ROOT, SERVICES, Json

TRIGGERS: Json = yaml.safe_load((BEEPER / "triggers.yaml").read_text())
CONDITIONS: Json = yaml.safe_load((BEEPER / "conditions.yaml").read_text())
ICONS: Json = json.loads((BEEPER / "icons.json").read_text())
MANIFEST: Json = json.loads((BEEPER / "manifest.json").read_text())


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest) -> None:
    """Start Home Assistant only where it is needed."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


def sources(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def named(*files: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "file", files, ids=[str(file.relative_to(ROOT)) for file in files]
    )


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def walk[T: ast.AST](kind: type[T], *files: Path) -> Iterator[T]:
    for file in files:
        yield from (node for node in ast.walk(tree(file)) if isinstance(node, kind))


# Actions

# Calls with a field that does not exist, whose refusals name all those that do.
UNKNOWN = "nonsense"
ACCEPTED: dict[str, list[Json]] = {
    "create_chat": [
        {"mode": "start", "user": {"id": "x"}, UNKNOWN: 1},
        {"mode": "create", "participant_ids": ["x"], "type": "single", UNKNOWN: 1},
    ],
    "send_message": [{"chat_id": "x", "message": "hi", UNKNOWN: 1}],
    "find": [{"query": "x", UNKNOWN: 1}],
    "list_accounts": [{UNKNOWN: 1}],
    "download_attachment": [{"chat_id": "x", UNKNOWN: 1}],
    "get_chat": [{"chat_id": "x", UNKNOWN: 1}],
    "list_chats": [{UNKNOWN: 1}],
    "list_messages": [{"chat_id": "x", UNKNOWN: 1}],
    "search_messages": [{UNKNOWN: 1}],
    "get_message": [{"chat_id": "x", UNKNOWN: 1}],
    "list_labels": [{UNKNOWN: 1}],
    **{row.job.name: [{"chat_id": "x", UNKNOWN: 1}] for row in CHANGE_ACTIONS},
}


def flat(fields: Json) -> dict[str, Json]:
    """Return the fields of an action, those in sections too."""
    found: dict[str, Json] = {}
    for name, field in fields.items():
        new = flat(field["fields"]) if "fields" in field else {name: field}
        assert not found.keys() & new.keys()
        found |= new
    return found


async def accepted_fields(hass: HomeAssistant, action: str, call: Json) -> set[str]:
    answers = hass.services.supports_response(DOMAIN, action)
    with pytest.raises(ServiceValidationError) as raised:
        await hass.services.async_call(
            DOMAIN, action, call, blocking=True, return_response=bool(answers.value)
        )
    assert raised.value.translation_key == "unknown_field"
    assert raised.value.translation_placeholders
    return {*raised.value.translation_placeholders["fields"].split(", ")}


async def test_every_action_is_described(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    actions = hass.services.async_services_for_domain(DOMAIN).keys()
    assert actions == SERVICES.keys() == ACCEPTED.keys()
    assert actions == ICONS["services"].keys() == ENGLISH["services"].keys()


@pytest.mark.parametrize("action", ACCEPTED)
async def test_every_field_of_an_action_is_in_its_form(
    hass: HomeAssistant, action: str
) -> None:
    """One without a selector makes the editor fall back to YAML for all of them."""
    assert await async_setup_component(hass, DOMAIN, {})
    accepted: set[str] = set()
    for call in ACCEPTED[action]:
        accepted |= await accepted_fields(hass, action, call)
    fields = flat(SERVICES[action]["fields"])
    assert fields.keys() == accepted
    assert all(len(field["selector"]) == 1 for field in fields.values())


async def test_every_field_of_a_person_is_in_the_form(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    user = flat(SERVICES["create_chat"]["fields"])["user"]
    accepted = await accepted_fields(hass, "create_chat", {"user": {UNKNOWN: 1}})
    assert user["selector"]["object"]["fields"].keys() == accepted


@pytest.mark.parametrize("action", SERVICES)
def test_every_field_and_section_of_an_action_has_its_texts(action: str) -> None:
    fields, texts = SERVICES[action]["fields"], ENGLISH["services"][action]
    sections = {name: field for name, field in fields.items() if "fields" in field}
    assert texts["fields"].keys() == flat(fields).keys()
    assert texts.get("sections", {}).keys() == sections.keys()
    told = texts.get("sections", {}).values()
    for text in (texts, *texts["fields"].values(), *told):
        assert text["name"]
        assert text["description"].endswith(".")
    assert ICONS["services"][action].get("sections", {}).keys() == sections.keys()
    # The editor would tick a required field in a section that is not meant.
    assert not [
        name
        for section in sections.values()
        for name, field in section["fields"].items()
        if field.get("required")
    ]


# Triggers and conditions


async def test_every_trigger_and_condition_is_described(hass: HomeAssistant) -> None:
    for found, kind, described in (
        (await trigger.async_get_triggers(hass), "trigger", TRIGGERS),
        (await condition.async_get_conditions(hass), "condition", CONDITIONS),
    ):
        icons, texts = ICONS[f"{kind}s"], ENGLISH[f"{kind}s"]
        assert found.keys() == described.keys() == icons.keys() == texts.keys()
        assert all(icon.keys() == {kind} for icon in icons.values())


async def check_options(hass: HomeAssistant, kind: str, key: str, given: Json) -> None:
    name, options = f"{DOMAIN}.{key}", {"options": given}
    if kind == "triggers":
        await async_validate_trigger_config(hass, [{"platform": name, **options}])
    else:
        await async_validate_condition_config(hass, {"condition": name, **options})


@pytest.mark.parametrize(
    ("kind", "key"),
    [("triggers", key) for key in TRIGGERS]
    + [("conditions", key) for key in CONDITIONS],
)
async def test_every_option_is_in_its_form_with_its_texts(
    hass: HomeAssistant, kind: str, key: str
) -> None:
    fields = {"triggers": TRIGGERS, "conditions": CONDITIONS}[kind][key]["fields"]
    texts = ENGLISH[kind][key]
    with pytest.raises(vol.Invalid) as refused:
        await check_options(hass, kind, key, {UNKNOWN: 1})
    accepted = refused.value.msg.partition("The fields are: ")[2].split(", ")
    assert fields.keys() == texts["fields"].keys() == {*accepted}
    for field in fields.values():
        [(name, options)] = field["selector"].items()
        selector({name: options})  # raises if Home Assistant knows no such one
    for text in (texts, *texts["fields"].values()):
        assert text["name"]
        assert text["description"].endswith(".")


@pytest.mark.parametrize(
    ("kind", "described"), [("trigger", TRIGGERS), ("condition", CONDITIONS)]
)
async def test_the_editor_is_told_of_them(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    kind: str,
    described: Json,
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": f"{kind}_platforms/subscribe"})
    assert (await client.receive_json())["success"]

    event = (await client.receive_json())["event"]

    for key, description in described.items():
        told = event[f"{DOMAIN}.{key}"]["fields"]
        assert told.keys() == description["fields"].keys()


def test_every_icon_is_one() -> None:
    icons = texts_of(ICONS).values()
    assert icons
    assert all(re.fullmatch(r"mdi:[a-z0-9-]+", icon) for icon in icons)


def selectors(value: Json) -> Iterator[Json]:
    """Yield the configuration of every selector that has texts of its own."""
    if isinstance(value, dict):
        if "translation_key" in value:
            yield value
        for item in value.values():
            yield from selectors(item)
    elif isinstance(value, list):
        for item in value:
            yield from selectors(item)


def test_every_choice_has_its_text() -> None:
    known = ENGLISH["selector"]
    for choice in selectors([SERVICES, TRIGGERS, CONDITIONS]):
        texts = known[choice["translation_key"]]
        if "options" in choice:
            assert texts["options"].keys() == {*choice["options"]}
        if "fields" in choice:
            assert texts["fields"].keys() == choice["fields"].keys()
            assert all(text["name"] for text in texts["fields"].values())


# Texts


def texts_of(value: Json, path: str = "") -> dict[str, str]:
    """Return every text under its full key."""
    if isinstance(value, str):
        return {path: value}
    return {
        key: text
        for name, item in value.items()
        for key, text in texts_of(item, f"{path}.{name}".lstrip(".")).items()
    }


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def constants() -> str:
    """Return all strings in the code, and all that describes forms."""
    texts = [node.value for node in walk(ast.Constant, *sources(BEEPER))]
    return "\n".join(
        f'"{text}"' for text in texts if isinstance(text, str)
    ) + json.dumps([SERVICES, TRIGGERS, CONDITIONS])


USED = constants()


def raised() -> list[tuple[str, set[str] | None]]:
    """Return the key of every error made in the code, and what is told with it."""
    found: list[tuple[str, set[str] | None]] = []
    for call in walk(ast.Call, *sources(BEEPER)):
        function, arguments = ast.unparse(call.func), [*call.args]
        words = {word.arg: word.value for word in call.keywords if word.arg}
        if function.endswith("Refusal"):
            arguments = [words["key"]]
        if not arguments or not isinstance(arguments[0], ast.Constant):
            continue
        told: set[str] | None = {*words} - {"kind"}
        if function == "vol.Invalid":
            [given] = [
                word.value for word in call.keywords if word.arg == "placeholders"
            ] or [ast.Dict([], [])]
            assert isinstance(given, ast.Dict)
            told = {"field"} | {ast.literal_eval(key) for key in given.keys if key}
        elif function.endswith("Refusal"):
            told = None
            if isinstance(
                given := words.get("placeholders", ast.Dict([], [])), ast.Dict
            ):
                told = {ast.literal_eval(key) for key in given.keys if key}
                told = told if None not in given.keys else None
        elif function not in ("errors.invalid", "errors.failed", "errors.refuse"):
            continue
        elif any(word.arg is None for word in call.keywords):
            told = None  # a mapping made elsewhere
        found.append((str(arguments[0].value), told))
    return found


def test_errors_are_found_at_all() -> None:
    assert len(raised()) > 20


@pytest.mark.parametrize(("key", "told"), raised())
def test_every_error_has_its_text(key: str, told: set[str] | None) -> None:
    wanted = placeholders(ENGLISH["exceptions"][key]["message"])
    # `required`, `not_text` and so on are about a field; some say it in general.
    assert told is None or wanted <= told
    assert told is None or told - wanted <= {"field"}


@pytest.mark.parametrize(
    "key",
    ["message_unconfirmed"]
    + [key for job in Job.__subclasses__() for key in (job.unknown, job.still_unknown)],
)
def test_every_unknown_outcome_is_known_as_one(key: str) -> None:
    assert errors.is_unknown(errors.failed(key))
    assert not errors.is_unknown(errors.failed("cannot_connect"))


API_ERRORS: list[BeeperError] = [
    CannotConnectError(),
    TLSError(),
    RequestTimeoutError(connecting=True),
    RequestTimeoutError(connecting=False),
    ConnectionLostError(),
    UnreadableAnswerError(),
    AuthenticationError(401),
    ForbiddenError(403),
    ForbiddenError(403, missing_scope="write"),
    NotLoadedError(500),
    *(RouteAbsentError(status) for status in (404, 405, 501)),
    *(
        AnswerError(status, code="X")
        for status in (302, 400, 402, 404, 408, 409, 413, 422, 429, 500, 502, 503)
    ),
    AnswerError(400, code="X", fields=("title", "type")),
    AnswerError(422, code="X", fields=("title",)),
    PersonNotResolvedError(0),
    PersonNotResolvedError(2),
    UploadError(),
]


def kinds(kind: type[BeeperError] = BeeperError) -> set[type[BeeperError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_every_kind_of_api_error_is_among_these() -> None:
    assert {type(err) for err in API_ERRORS} == kinds() - {BeeperError}


@pytest.mark.parametrize("err", API_ERRORS, ids=repr)
@pytest.mark.parametrize("setting_up", [True, False])
def test_every_api_error_has_its_text(err: BeeperError, setting_up: bool) -> None:
    error: HomeAssistantError
    if setting_up:
        error = errors.not_set_up(err)
    else:
        error = errors.not_done(err, network="WhatsApp").error()
    text = ENGLISH["exceptions"][error.translation_key]["message"]
    assert error.translation_domain == DOMAIN
    assert placeholders(text) <= (error.translation_placeholders or {}).keys()
    if not setting_up:
        assert text.startswith("Nothing was created")


@pytest.mark.parametrize(
    "err",
    # A message goes into a chat, not to a person.
    [err for err in API_ERRORS if not isinstance(err, PersonNotResolvedError)],
    ids=repr,
)
@pytest.mark.parametrize("make", [errors.not_sent, errors.not_uploaded])
def test_every_api_error_of_a_message_has_its_text(
    make: Callable[[BeeperError], errors.Refusal], err: BeeperError
) -> None:
    error = make(err).error()
    text = ENGLISH["exceptions"][error.translation_key]["message"]
    assert error.translation_domain == DOMAIN
    assert placeholders(text) <= (error.translation_placeholders or {}).keys()
    assert text.startswith(("Nothing was sent: ", "Nothing was created or sent: "))


@pytest.mark.parametrize(
    "err",
    # Nobody is written to, and nothing uploaded.
    [
        err
        for err in API_ERRORS
        if not isinstance(err, PersonNotResolvedError | UploadError)
    ],
    ids=repr,
)
def test_every_api_error_of_reading_and_changing_has_its_text(err: BeeperError) -> None:
    for refusal, says in (
        (errors.not_read(err, since="4.2.808"), "Nothing was read: "),
        (errors.not_changed(err, since="4.2.808"), "Nothing was changed: "),
    ):
        error = refusal.error()
        text = ENGLISH["exceptions"][error.translation_key]["message"]
        assert error.translation_domain == DOMAIN
        assert placeholders(text) <= (error.translation_placeholders or {}).keys()
        assert text.startswith(says)


@pytest.mark.parametrize("key", ENGLISH["exceptions"])
def test_every_text_of_an_error_is_used(key: str) -> None:
    names = (key, *map(key.removeprefix, ("setup_", "read_", "change_")))
    assert any(f'"{used}"' in USED for used in names)


@pytest.mark.parametrize("key", ENGLISH["config"]["error"])
def test_every_text_of_a_form_error_is_used(key: str) -> None:
    files = [BEEPER / "config_flow.py", BEEPER / "errors.py"]
    assert key in {node.value for node in walk(ast.Constant, *files)}


@pytest.mark.parametrize("key", ENGLISH["config_subentries"]["chat"]["error"])
def test_every_text_of_a_chat_form_error_is_used(key: str) -> None:
    files = [BEEPER / f"flows/{name}.py" for name in ("chat", "labels")]
    assert key in {node.value for node in walk(ast.Constant, *files)}


@pytest.mark.parametrize("key", ENGLISH["config_subentries"]["shortcut"]["error"])
def test_every_text_of_a_shortcut_form_error_is_used(key: str) -> None:
    files = [BEEPER / f"flows/{name}.py" for name in ("shortcut", "chat", "labels")]
    assert key in {node.value for node in walk(ast.Constant, *files)}


@pytest.mark.parametrize("key", ENGLISH["options"]["error"])
def test_every_text_of_an_options_error_is_used(key: str) -> None:
    files = [BEEPER / "config_flow.py"]
    assert key in {node.value for node in walk(ast.Constant, *files)}


# What is named after its device alone.
NAMELESS = {("button", "shortcut"), ("notify", "chat")}


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


def test_everything_an_event_tells_has_its_text() -> None:
    event = signals.MessageEvent(
        entry_id="x",
        type="message_received",
        chat=Chat.from_dict({"id": "x"}),
        account_id="x",
        message=Message.from_dict({}),
        sender=User(id="x"),
        is_self=False,
    )
    told = ENGLISH["entity"]["event"]["message"]["state_attributes"]
    types = {*get_args(signals.MessageEventType.__value__)}
    assert told["event_type"]["state"].keys() == types
    assert told.keys() - {"event_type"} == event.as_dict().keys() > signals.PRIVATE


@pytest.mark.parametrize("key", ENGLISH["issues"])
def test_every_issue_is_raised(key: str) -> None:
    calls = [
        {word.arg: word.value for word in call.keywords}
        for call in walk(ast.Call, *sources(BEEPER))
        if ast.unparse(call.func) == "ir.async_create_issue"
    ]
    [told] = [
        call["translation_placeholders"]
        for call in calls
        if ast.unparse(call["translation_key"]) == repr(key)
    ]
    assert isinstance(told, ast.Dict)
    given = {ast.literal_eval(name) for name in told.keys if name}
    texts = texts_of(ENGLISH["issues"][key])
    assert placeholders("".join(texts.values())) == given
    # What can be fixed has its texts in the flow that does it.
    [fixable] = [
        ast.literal_eval(call["is_fixable"])
        for call in calls
        if ast.unparse(call["translation_key"]) == repr(key)
    ]
    assert fixable is ("fix_flow.step.confirm.description" in texts)
    assert fixable is not ("description" in texts)


def test_every_step_has_its_texts() -> None:
    """Their fields are compared where the flows are tested."""
    files = [
        BEEPER / name
        for name in ("config_flow.py", "flows/chat.py", "flows/shortcut.py")
    ]
    steps = {
        flow.name: {
            node.name.removeprefix("async_step_")
            for node in flow.body
            if isinstance(node, ast.AsyncFunctionDef)
            and node.name.startswith("async_step_")
        }
        for flow in walk(ast.ClassDef, *files)
    }
    shown = steps["BeeperConfigFlow"] - {"reauth"}
    assert ENGLISH["config"]["step"].keys() == shown
    assert ENGLISH["options"]["step"].keys() == steps["BeeperOptionsFlow"]
    chat = ENGLISH["config_subentries"]["chat"]
    assert chat["step"].keys() == steps["ChatSubentryFlow"]
    shortcut = ENGLISH["config_subentries"]["shortcut"]
    assert shortcut["step"].keys() == steps["ShortcutSubentryFlow"] - {"reconfigure"}


@pytest.mark.parametrize("key", ENGLISH["selector"])
def test_every_text_of_a_selector_is_used(key: str) -> None:
    assert f'"{key}"' in USED or f"selector.{key}." in USED


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
def test_every_language_says_the_same(file: Path) -> None:
    texts, english = texts_of(json.loads(file.read_text())), texts_of(ENGLISH)
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert placeholders(text) == placeholders(english[key]), key
        assert text == text.strip() != ""


# Packaging


def test_manifest() -> None:
    keys = [*MANIFEST]
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert MANIFEST["domain"] == BEEPER.name == DOMAIN
    assert MANIFEST["requirements"] == []
    assert re.fullmatch(r"\d+\.\d+\.\d+", MANIFEST["version"])
    assert MANIFEST["issue_tracker"].startswith(MANIFEST["documentation"])


def test_hacs_asks_for_the_home_assistant_that_is_tested() -> None:
    hacs: Json = json.loads((ROOT / "hacs.json").read_text())
    assert hacs["name"] == MANIFEST["name"]
    oldest = [int(part) for part in hacs["homeassistant"].split(".")]
    assert oldest == [2026, 10, 0]
    assert [int(part) for part in const.__version__.split(".")] >= oldest
