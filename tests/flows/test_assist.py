"""The form that decides who may talk to Assist in a chat."""

from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.auth.models import User
from homeassistant.components.assist_pipeline.pipeline import (
    KEY_ASSIST_PIPELINE,
    Pipeline,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from simulator import Simulator
from tests.helpers.actions import sent
from tests.helpers.assist import (
    KIMS_ID,
    add_pipeline,
    add_user,
    let_talk,
    set_up_assist,
)
from tests.helpers.flows import Result, begin_chat, reconfigure, submit, suggested
from tests.helpers.waiting import quiet, until
from tests.helpers.world import FAMILY, KIM, PROFILES, write

pytestmark = pytest.mark.usefixtures("no_complaints")

MIAS_ID = "@whatsapp_15550101004:beeper.com"


@pytest.fixture
async def assist(
    hass: HomeAssistant, loaded: MockConfigEntry, tmp_path: Path
) -> Pipeline:
    await set_up_assist(hass, tmp_path)
    return await add_pipeline(hass)


@pytest.fixture
async def guest(hass: HomeAssistant) -> User:
    return await add_user(hass)


async def ask(
    hass: HomeAssistant, entry: MockConfigEntry, chat_id: str = KIM
) -> Result:
    """Choose a chat; return the form about Assist."""
    search = "fam" if chat_id == FAMILY else "Kim"
    result = await begin_chat(hass, entry)
    result = await submit(hass, result, search=search, assist=True)
    result = await submit(hass, result, chat_id=chat_id)
    assert result["step_id"] == "assist"
    return result


async def change(
    hass: HomeAssistant, entry: MockConfigEntry, subentry: ConfigSubentry, what: str
) -> Result:
    result = await reconfigure(hass, entry, subentry)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["change_assist", "change_chat"]
    return await submit(hass, result, next_step_id=what)


def options(result: Result, field: str) -> dict[str, str]:
    """Return the options of a field: value and label."""
    selector = next(
        selector
        for name, selector in result["data_schema"].schema.items()
        if name == field
    )
    return {option["value"]: option["label"] for option in selector.config["options"]}


def only(entry: MockConfigEntry) -> ConfigSubentry:
    subentry: ConfigSubentry
    [subentry] = entry.get_subentries_of_type("chat")
    return subentry


def stored(entry: MockConfigEntry) -> Any:
    return only(entry).data.get("assist")


@pytest.mark.parametrize("profile", PROFILES)
async def test_assist_is_off_by_default(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, profile: str
) -> None:
    result = await submit(hass, await ask(hass, loaded), pipeline="none")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert only(loaded).data.keys() == {"chat_id", "account_id", "network"}


async def test_possible_choices(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: Pipeline,
    guest: User,
) -> None:
    """Pipelines by name, people of the chat, and users but those of the system."""
    await hass.auth.async_create_system_user("Machine")
    asleep = await add_user(hass, "Asleep")
    await hass.auth.async_deactivate_user(asleep)
    result = await ask(hass, loaded, FAMILY)

    pipelines = options(result, "pipeline")
    assert [*pipelines][:2] == ["none", "preferred"]
    assert pipelines[assist.id] == "House"
    people = options(result, "people")
    assert {*people} == {
        person.id
        for person in simulator.world.chats[FAMILY].participants
        if not person.is_self
    }
    assert people[MIAS_ID] == "Mia 🌻 (+1 555 010 1004)"
    assert {*options(result, "user_id").values()} == {"Owner", "Guest"}
    assert suggested(result) == {"pipeline": "preferred"}


async def test_the_person_of_a_direct_chat_is_preselected(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, assist: Pipeline
) -> None:
    result = await ask(hass, loaded)
    assert suggested(result) == {"pipeline": "preferred", "people": [KIMS_ID]}


async def test_a_chat_answers_after_it_was_set_up(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    guest: User,
    tmp_path: Path,
) -> None:
    agent, _ = await set_up_assist(hass, tmp_path)
    pipeline = await add_pipeline(hass)
    result = await ask(hass, listening)
    result = await submit(
        hass, result, pipeline=pipeline.id, people=[KIMS_ID], user_id=guest.id
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await quiet(simulator)
    write(simulator, "Hello")
    await until(lambda: sent(simulator))
    assert agent.heard == ["Hello"]
    assert stored(listening) == {
        "pipeline": pipeline.id,
        "people": [{"id": KIMS_ID, "phone_number": "+15550101002"}],
        "start_word": "",
        "user_id": guest.id,
        "voice_notes": False,
        "voice_answers": False,
    }


@pytest.mark.parametrize(
    ("chat_id", "given", "problems"),
    [
        (KIM, {"people": []}, {"people": "nobody_allowed"}),
        (KIM, {"user_id": None}, {"user_id": "no_user"}),
        (FAMILY, {"people": [MIAS_ID]}, {"start_word": "start_word_required"}),
        (
            FAMILY,
            {"people": [MIAS_ID], "start_word": " "},
            {"start_word": "start_word_required"},
        ),
        (KIM, {"start_word": "?!"}, {"start_word": "start_word_invalid"}),
        (KIM, {"start_word": "x" * 41}, {"start_word": "start_word_invalid"}),
        (
            KIM,
            {"pipeline": "deaf", "voice_notes": True},
            {"voice_notes": "no_speech_to_text"},
        ),
        (
            KIM,
            {"pipeline": "deaf", "voice_answers": True},
            {"voice_answers": "no_text_to_speech"},
        ),
        (KIM, {"voice_answers": True}, {"voice_answers": "voice_notes_required"}),
    ],
)
async def test_incomplete_answers_are_refused_at_their_field(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    assist: Pipeline,
    guest: User,
    chat_id: str,
    given: dict[str, Any],
    problems: dict[str, str],
) -> None:
    deaf = await add_pipeline(
        hass, stt_engine=None, stt_language=None, tts_engine=None, tts_language=None
    )
    result = await ask(hass, loaded, chat_id)
    values = {"pipeline": assist.id, "people": [KIMS_ID], "user_id": guest.id} | given
    if values["pipeline"] == "deaf":
        values["pipeline"] = deaf.id
    values = {name: value for name, value in values.items() if value is not None}
    result = await submit(hass, result, **values)

    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == problems
    assert suggested(result)["pipeline"] == values["pipeline"]


async def test_voice_notes_for_automations_need_nobody(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline
) -> None:
    result = await ask(hass, loaded, FAMILY)
    result = await submit(hass, result, pipeline=assist.id, people=[], voice_notes=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert stored(loaded)["people"] == []


async def test_it_can_be_changed_and_switched_off(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, guest: User
) -> None:
    await let_talk(
        hass,
        loaded,
        None,
        guest,
        people=[
            {"id": MIAS_ID, "phone_number": None},
            {"id": "@gone:beeper.com", "phone_number": "+15550109999"},
        ],
        chat_id=FAMILY,
        start_word="House",
    )
    result = await change(hass, loaded, only(loaded), "change_assist")
    before = suggested(result)
    assert before == {
        "pipeline": "preferred",
        "people": [MIAS_ID, "@gone:beeper.com"],
        "start_word": "House",
        "user_id": guest.id,
        "voice_notes": False,
        "voice_answers": False,
    }
    # Who has left the group is shown, and can be taken out.
    assert options(result, "people")["@gone:beeper.com"] == "+1 555 010 9999"
    result = await submit(hass, result, **before | {"start_word": "Casa, "})
    assert result["reason"] == "reconfigure_successful"
    assert stored(loaded)["start_word"] == "Casa"
    assert stored(loaded)["pipeline"] is None
    assert stored(loaded)["people"][1]["phone_number"] == "+15550109999"
    assert only(loaded).unique_id == FAMILY

    result = await change(hass, loaded, only(loaded), "change_assist")
    result = await submit(hass, result, **before | {"pipeline": "none"})
    assert result["reason"] == "reconfigure_successful"
    assert stored(loaded) is None
    assert only(loaded).data["chat_id"] == FAMILY


async def test_another_chat_begins_without_assist(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, guest: User
) -> None:
    """Its people are others."""
    await let_talk(hass, loaded, assist, guest)
    result = await change(hass, loaded, only(loaded), "change_chat")
    result = await submit(hass, result, search="fam", assist=True)
    assert FAMILY in options(result, "chat_id")
    result = await submit(hass, result, chat_id=FAMILY)
    assert result["step_id"] == "assist"
    assert suggested(result) == {"pipeline": "preferred"}
    result = await submit(hass, result, pipeline="none")
    assert result["reason"] == "reconfigure_successful"
    assert only(loaded).unique_id == FAMILY
    assert stored(loaded) is None


async def test_a_pipeline_that_is_gone_cannot_be_chosen(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, guest: User
) -> None:
    await let_talk(hass, loaded, "gone", guest)
    result = await change(hass, loaded, only(loaded), "change_assist")
    assert suggested(result)["pipeline"] == "gone"
    assert "gone" not in options(result, "pipeline")


async def test_without_assist_the_form_is_left_out(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    result = await submit(hass, result, chat_id=KIM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_assist_is_not_asked_about_unless_wanted(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline
) -> None:
    result = await begin_chat(hass, loaded)
    assert "assist" in result["data_schema"].schema
    result = await submit(hass, result, chat_id=KIM)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert stored(loaded) is None


async def test_a_chat_that_cannot_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, assist: Pipeline
) -> None:
    result = await begin_chat(hass, loaded)
    result = await submit(hass, result, search="Kim", assist=True)
    fault = simulator.faults.add("status_before", path="/v1/chats/*", status=503)
    failed = await submit(hass, result, chat_id=KIM)
    assert failed["errors"] == {"base": "unreadable"}
    assert fault.hits
    await let_talk(hass, loaded, None, None, chat_id=FAMILY)
    simulator.faults.add("status_before", path="/v1/chats/*", status=503)
    result = await change(hass, loaded, only(loaded), "change_assist")
    assert result["reason"] == "unreadable"


async def test_a_recent_chat_that_cannot_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, assist: Pipeline
) -> None:
    result = await begin_chat(hass, loaded)
    simulator.faults.add("status_before", path="/v1/chats/*", status=503)
    result = await submit(hass, result, chat_id=KIM, assist=True)
    assert result["errors"] == {"base": "unreadable"}

    result = await submit(hass, result, chat_id=KIM, assist=True)
    assert result["step_id"] == "assist"


async def test_a_pipeline_that_is_deleted_while_the_form_is_open(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, guest: User
) -> None:
    result = await ask(hass, loaded)
    await hass.data[KEY_ASSIST_PIPELINE].pipeline_store.async_delete_item(assist.id)
    result = await submit(
        hass, result, pipeline=assist.id, people=[KIMS_ID], user_id=guest.id
    )
    assert result["errors"] == {"pipeline": "pipeline_gone"}
    assert assist.id not in options(result, "pipeline")


async def test_the_server_is_not_connected(
    hass: HomeAssistant, loaded: MockConfigEntry, assist: Pipeline, guest: User
) -> None:
    await let_talk(hass, loaded, assist, guest)
    form = await change(hass, loaded, only(loaded), "change_assist")
    menu = await reconfigure(hass, loaded, only(loaded))
    assert await hass.config_entries.async_unload(loaded.entry_id)
    for result in (
        await submit(hass, form, pipeline="none"),
        await submit(hass, menu, next_step_id="change_assist"),
    ):
        assert result["reason"] == "not_loaded"
