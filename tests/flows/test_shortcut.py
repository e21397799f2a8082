"""Making shortcuts: every way through the forms, over real sockets."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from simulator.faults import Fault
from simulator.model import Person
from tests.helpers.flows import (
    MESSAGE,
    TEXTS,
    Result,
    add,
    begin,
    reconfigure,
    submit,
    suggested,
)
from tests.helpers.waiting import poll
from tests.helpers.world import FAMILY, KIM, PROFILES

pytestmark = pytest.mark.usefixtures("no_complaints")


MIA = "@whatsapp_15550101004:beeper.com"
CHAT = {"name": "Ask Kim", "recipient": "Kim", "account_id": "whatsapp"}
GROUP = {
    "name": "Dinner",
    "participants": ["Kim", "Mia"],
    "account_id": "whatsapp",
    "title": "Dinner",
    "message": "Dinner is ready.",
}


def choices(result: Result) -> dict[str, str]:
    """Return the choices: labels by value, in order."""
    assert result["step_id"] in ("chat", "person", "people")
    [selector] = result["data_schema"].schema.values()
    return {option["value"]: option["label"] for option in selector.config["options"]}


# Making one


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    subentry = await add(hass, loaded, "send_message", MESSAGE, chat_id=KIM)

    assert subentry.title == "Good night"
    assert dict(subentry.data) == {
        "kind": "send_message",
        "search": "Kim",
        "message": "Good night!",
        "chat_id": KIM,
        "account_id": "whatsapp",
    }
    assert hass.states.get("button.good_night")
    assert hass.states.get("sensor.good_night_last_result")
    assert not simulator.executed


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin(hass, loaded, "start_chat"), **CHAT)
    [(key, label)] = choices(result).items()
    assert label.startswith(
        ("Kim (+1 555 010 1002) · WhatsApp", "Kim (+1 555 010 1002) · whatsapp")
    )
    # Even who alone fits is for a person to choose.
    assert not suggested(result)
    result = await submit(hass, result, person=key)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    [subentry] = loaded.get_subentries_of_type("shortcut")
    data = dict(subentry.data)
    assert data.pop("user")["phone_number"] == "+15550101002"
    assert data == {"kind": "start_chat", "recipient": "Kim", "account_id": "whatsapp"}
    assert not simulator.executed


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_group(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    subentry = await add(hass, loaded, "create_group", GROUP)

    data = dict(subentry.data)
    numbers = [person["phone_number"] for person in data.pop("people")]
    assert numbers == ["+15550101002", "+15550101004"]
    assert data == {
        "kind": "create_group",
        "participants": ["Kim", "Mia"],
        "account_id": "whatsapp",
        "title": "Dinner",
        "message": "Dinner is ready.",
    }
    assert not simulator.executed


async def test_blank_fields_are_omitted(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    given = {"name": " Dinner ", "participants": [" Kim", " "], "title": " "}
    given |= {"message": " ", "account_id": "whatsapp"}
    subentry = await add(hass, loaded, "create_group", given)

    assert subentry.title == "Dinner"
    assert subentry.data["participants"] == ["Kim"]
    assert not {"title", "message"} & subentry.data.keys()


async def test_the_default_account_is_suggested(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    result = await begin(hass, loaded, "start_chat")

    assert suggested(result) == {"account_id": "whatsapp"}
    options = result["data_schema"].schema["account_id"].config["options"]
    labels = {option["value"]: option["label"] for option in options}
    assert labels["whatsapp"] == "WhatsApp · +1 555 010 0001"
    assert labels["telegram"] == "Telegram · +1 555 010 0001"


@pytest.mark.parametrize(
    ("account_id", "recipient", "user"),
    [
        ("whatsapp", "+1 555 010 9999", {"phone_number": "+15550109999"}),
        ("imessage", "mailto:new@mail.example", {"email": "new@mail.example"}),
    ],
)
async def test_unknown_person(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    account_id: str,
    recipient: str,
    user: dict[str, str],
) -> None:
    """A number or an address is enough; the account need not be listed."""
    given = {"name": "New", "recipient": recipient, "account_id": account_id}
    result = await submit(hass, await begin(hass, loaded, "start_chat"), **given)
    [(key, label)] = choices(result).items()
    network = "WhatsApp" if account_id == "whatsapp" else "imessage"
    assert label == f"{key} · {network}"
    await submit(hass, result, person=key)

    [subentry] = loaded.get_subentries_of_type("shortcut")
    assert subentry.data["user"] == user


async def test_known_number_shows_its_name(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    given = {**CHAT, "recipient": "001 555 010 1002"}
    result = await submit(hass, await begin(hass, loaded, "start_chat"), **given)
    [label] = choices(result).values()
    assert label.startswith("Kim (+1 555 010 1002) · ")


# Several fit


def add_namesake(simulator: Simulator) -> str:
    account = simulator.world.accounts["whatsapp"]
    other = Person(id="15550101099", full_name="Kim", phone_number="+15550101099")
    account.contacts[other.id] = other
    return other.phone_number or ""


async def test_one_of_several_matches_is_chosen(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = add_namesake(simulator)
    result = await submit(hass, await begin(hass, loaded, "start_chat"), **CHAT)
    labels = choices(result)
    assert len(labels) == 2
    result = await submit(hass, result)
    assert result["errors"] == {"person": "not_chosen"}
    [key] = [key for key, label in labels.items() if "010 1099" in label]
    await submit(hass, result, person=key)

    [subentry] = loaded.get_subentries_of_type("shortcut")
    assert subentry.data["user"]["phone_number"] == number


async def test_ambiguous_match_is_not_preselected(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = add_namesake(simulator)
    result = await submit(hass, await begin(hass, loaded, "create_group"), **GROUP)
    labels = choices(result)
    [mia] = [key for key, label in labels.items() if label.startswith("Mia")]
    assert suggested(result) == {"people": [mia]}

    for ticked in ([], [mia]):
        result = await submit(hass, result, people=ticked)
        assert result["errors"] == {"people": "not_all_chosen"}
        assert suggested(result).get("people", []) == ticked
    [key] = [key for key, label in labels.items() if "010 1099" in label]
    await submit(hass, result, people=[mia, key])

    [subentry] = loaded.get_subentries_of_type("shortcut")
    numbers = {person["phone_number"] for person in subentry.data["people"]}
    assert numbers == {number, "+15550101004"}


async def test_partial_number_preselects_no_person(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    given = {**GROUP, "participants": ["101002"]}
    result = await submit(hass, await begin(hass, loaded, "create_group"), **given)
    assert choices(result)
    assert not suggested(result)


async def test_no_chat_is_preselected(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin(hass, loaded, "send_message"), **MESSAGE)
    assert len(choices(result)) > 1
    result = await submit(hass, result)
    assert result["errors"] == {"chat_id": "not_chosen"}
    with pytest.raises(InvalidData):
        await submit(hass, result, chat_id="!other:beeper.com")


# Errors; the same flow succeeds afterwards


@pytest.mark.parametrize(
    ("kind", "given", "field", "value", "error"),
    [
        ("send_message", MESSAGE, "name", " ", "blank"),
        ("send_message", MESSAGE, "search", " ", "blank"),
        ("send_message", MESSAGE, "search", "nobody", "nothing_found_disconnected"),
        ("send_message", MESSAGE, "message", " ", "blank"),
        ("send_message", MESSAGE, "message", "{{ 1", "template_invalid"),
        ("start_chat", CHAT, "name", " ", "blank"),
        ("start_chat", CHAT, "recipient", "nobody", "nobody_found"),
        ("start_chat", CHAT, "recipient", "mailto:x", "nobody_found"),
        ("start_chat", CHAT, "recipient", "555 010 1002", "phone_no_country_code"),
        ("start_chat", CHAT, "recipient", "+1 (0)555 010 1002", "phone_trunk_zero"),
        ("start_chat", CHAT, "recipient", "+1 555 010 1002 x3", "phone_invalid"),
        ("start_chat", CHAT, "account_id", " ", "blank"),
        ("start_chat", CHAT, "account_id", "nowhere", "account_unknown"),
        ("start_chat", CHAT, "message", "{% if %}", "template_invalid"),
        ("create_group", GROUP, "name", " ", "blank"),
        ("create_group", GROUP, "participants", [], "blank"),
        ("create_group", GROUP, "participants", [" "], "blank"),
        ("create_group", GROUP, "participants", ["Kim", "nobody"], "nobody_found"),
        ("create_group", GROUP, "participants", ["+15550109999"], "nobody_found"),
        ("create_group", GROUP, "message", "{{", "template_invalid"),
    ],
)
async def test_errors_appear_at_their_field(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    kind: str,
    given: dict[str, Any],
    field: str,
    value: Any,
    error: str,
) -> None:
    wrong = {**given, field: value}
    result = await submit(hass, await begin(hass, loaded, kind), **wrong)
    assert result["errors"] == {field: error}
    if "{who}" in TEXTS["shortcut"]["error"][error]:
        wanted = value if isinstance(value, str) else value[-1]
        assert result["description_placeholders"]["who"] == wanted
    # The form keeps the entered values.
    assert suggested(result) == wrong

    result = await submit(hass, result, **given)
    assert choices(result)


UNKNOWN = [
    ("send_message", {**MESSAGE, "search": "nobody"}, "search"),
    ("start_chat", {**CHAT, "recipient": "nobody"}, "recipient"),
    ("create_group", {**GROUP, "participants": ["nobody"]}, "participants"),
]


@pytest.mark.parametrize(("kind", "given", "field"), UNKNOWN)
async def test_missing_recipients_are_unknown_while_chats_are_not_loaded(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    kind: str,
    given: dict[str, Any],
    field: str,
) -> None:
    simulator.traits.add("chats_loading")
    result = await submit(hass, await begin(hass, loaded, kind), **given)
    assert result["errors"] == {"base": "no_chats"}

    simulator.traits.discard("chats_loading")
    simulator.world.accounts["whatsapp"].status = "disconnected"
    await poll(hass, loaded)
    result = await submit(hass, result, **given)
    assert result["errors"][field].endswith("_found_disconnected")
    # Signal is disconnected, too.
    networks = "Signal, WhatsApp" if kind == "send_message" else "WhatsApp"
    assert result["description_placeholders"]["networks"] == networks


@pytest.mark.parametrize(("kind", "given", "field"), UNKNOWN[1:])
async def test_contacts_that_cannot_be_searched_are_named(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    kind: str,
    given: dict[str, Any],
    field: str,
) -> None:
    simulator.traits.add("contacts_fail=whatsapp")
    result = await submit(hass, await begin(hass, loaded, kind), **given)
    assert result["errors"] == {field: "nobody_found_not_searched"}
    assert result["description_placeholders"]["networks"] == "WhatsApp"


@pytest.mark.parametrize(
    ("kind", "given"),
    [("send_message", MESSAGE), ("start_chat", CHAT), ("create_group", GROUP)],
)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (("status_before", {"status": 401}), "token_refused"),
        (("garbage", {"body": "[]"}), "unreadable"),
        (("delay", {}), "timeout"),
    ],
)
async def test_errors_are_explained(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    kind: str,
    given: dict[str, Any],
    fault: tuple[str, dict[str, Any]],
    error: str,
) -> None:
    name, options = fault
    path = "/v1/chats/search" if kind == "send_message" else "/v1/accounts/*"
    add_fault(name, path=path, **options)

    result = await submit(hass, await begin(hass, loaded, kind), **given)
    assert result["errors"] == {"base": error}

    result = await submit(hass, result, **given)
    assert choices(result)


async def test_r9_contacts_that_cannot_be_listed_hide_no_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
) -> None:
    add_fault("status_before", path="/v1/accounts/*", status=503)

    result = await submit(hass, await begin(hass, loaded, "start_chat"), **CHAT)

    assert choices(result)


async def test_beeper_offline(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()
    result = await submit(hass, await begin(hass, loaded, "start_chat"), **CHAT)
    assert result["errors"] == {"base": "cannot_connect"}


async def test_entry_unloaded_before_the_choice(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin(hass, loaded, "send_message"), **MESSAGE)
    await hass.config_entries.async_unload(loaded.entry_id)

    ended = await submit(hass, result, chat_id=FAMILY)
    assert ended["type"] is FlowResultType.ABORT
    assert ended["reason"] == "not_loaded"


@pytest.mark.parametrize("kind", ["send_message", "start_chat", "create_group"])
async def test_entry_not_loaded(
    hass: HomeAssistant, loaded: MockConfigEntry, kind: str
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)

    ended = await begin(hass, loaded, kind)
    assert ended["type"] is FlowResultType.ABORT
    assert ended["reason"] == "not_loaded"


# Changing one


@pytest.mark.parametrize(
    ("kind", "given", "chosen"),
    [
        ("send_message", MESSAGE, {"chat_id": FAMILY}),
        ("start_chat", {**CHAT, "message": "Hi"}, {}),
        ("create_group", GROUP, {}),
    ],
)
async def test_reconfigure_changes_only_the_text(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    kind: str,
    given: dict[str, Any],
    chosen: dict[str, Any],
) -> None:
    """All is filled in, and who was chosen is chosen; the entities stay."""
    if kind == "start_chat":
        add_namesake(simulator)
        found = await submit(hass, await begin(hass, loaded, kind), **given)
        chosen = {"person": [*choices(found)][1]}
        hass.config_entries.subentries.async_abort(found["flow_id"])
    if kind == "create_group":
        add_namesake(simulator)
        found = await submit(hass, await begin(hass, loaded, kind), **given)
        chosen = {"people": sorted(choices(found))}
        hass.config_entries.subentries.async_abort(found["flow_id"])
    subentry = await add(hass, loaded, kind, given, **chosen)

    result = await reconfigure(hass, loaded, subentry)
    assert (result["step_id"], suggested(result)) == (kind, given)
    result = await submit(hass, result, **{**given, "name": "New", "message": "Bye"})
    suggestions = suggested(result)
    assert {key: sorted(value) for key, value in suggestions.items()} == {
        key: sorted(value) for key, value in chosen.items()
    }
    result = await submit(hass, result, **suggestions)

    assert result["reason"] == "reconfigure_successful"
    changed = loaded.subentries[subentry.subentry_id]
    assert changed.title == "New"
    assert dict(changed.data) == {**subentry.data, "message": "Bye"}
    assert len(loaded.subentries) == 1
    entity_id = er.async_get(hass).async_get_entity_id(
        "button", "beeper", subentry.subentry_id
    )
    state = hass.states.get(entity_id or "")
    assert state
    assert state.attributes["friendly_name"] == "New"
    assert not simulator.executed


async def test_reconfigure_adds_a_participant(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    subentry = await add(hass, loaded, "create_group", GROUP)
    result = await reconfigure(hass, loaded, subentry)
    names = ["Kim", "Mia", "Alex"]
    result = await submit(hass, result, **{**GROUP, "participants": names})
    await submit(hass, result, **suggested(result))

    people = loaded.subentries[subentry.subentry_id].data["people"]
    assert len({person["phone_number"] for person in people}) == 3


async def test_missing_participant_is_chosen_again(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    subentry = await add(hass, loaded, "send_message", MESSAGE, chat_id=KIM)
    result = await reconfigure(hass, loaded, subentry)
    result = await submit(hass, result, **{**MESSAGE, "search": "family"})
    assert not suggested(result).keys() & choices(result).keys()
    await submit(hass, result, chat_id=FAMILY)

    assert loaded.subentries[subentry.subentry_id].data["chat_id"] == FAMILY


# Removing


async def test_removed_shortcut_leaves_no_entities(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    subentry = await add(hass, loaded, "send_message", MESSAGE, chat_id=KIM)
    identifier = ("beeper", subentry.subentry_id)
    assert device_registry.async_get_device_by_identifier(identifier, loaded.entry_id)

    hass.config_entries.async_remove_subentry(loaded, subentry.subentry_id)
    await hass.async_block_till_done()

    assert not device_registry.async_get_device_by_identifier(
        identifier, loaded.entry_id
    )
    entities = er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
    assert not [entity for entity in entities if entity.config_subentry_id]
    assert hass.states.get("button.good_night") is None


async def test_a_file_can_be_sent_without_a_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    camera = {
        "media_content_id": "media-source://camera/camera.door",
        "media_content_type": "image/png",
    }
    given = {"name": "Door", "search": "Kim", "attachment": camera}
    subentry = await add(hass, loaded, "send_message", given, chat_id=KIM)
    assert subentry.data["attachment"] == camera
    assert "message" not in subentry.data
