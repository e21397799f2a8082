"""The examples in docs/ work, and its tables are complete."""

import ast
import asyncio
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.beeper.actions.change_actions import CHANGE_ACTIONS
from custom_components.beeper.actions.chat_queries import CHAT_QUERIES
from custom_components.beeper.actions.download import DOWNLOAD_ATTACHMENT
from custom_components.beeper.actions.message_queries import MESSAGE_QUERIES
from custom_components.beeper.outgoing import delivery_status
from homeassistant.components.trace.util import async_list_traces
from homeassistant.core import Context, HomeAssistant, ServiceCall, State, callback
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.actions import call_action, send, sent
from tests.helpers.entities import add_chat
from tests.helpers.listening import message_event, publish
from tests.helpers.media import PNG, Door
from tests.helpers.repository import (
    BEEPER,
    CONDITIONS,
    ENGLISH,
    ROOT,
    SERVICES,
    TRIGGERS,
    walk,
)
from tests.helpers.sdk import environment
from tests.helpers.talking import say, talk
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, contact, write
from tests.helpers.yaml_examples import (
    AUTOMATIONS,
    PAGES,
    README,
    fields_of,
    load,
    run,
    table,
)


async def test_letterbox(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Letterbox", "binary_sensor.letterbox")

    assert simulator.world.chats[FAMILY].messages[-1].html == (
        "<p><strong>Letterbox</strong><br>There is mail! *No* need to run :-)</p>"
    )


async def test_doorbell(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Doorbell", "binary_sensor.doorbell")

    (asset,) = simulator.world.uploads.values()
    assert asset.data == PNG
    assert simulator.world.chats[FAMILY].messages[-1].attachments


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("ok", None),
        ("FAIL_RETRIABLE", "The family may not know of the smoke: bridge_unavailable"),
        ("refused", "The family may not know of the smoke: see the trace"),
    ],
)
async def test_smoke(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
    monkeypatch: pytest.MonkeyPatch,
    outcome: Any,
    expected: str | None,
) -> None:
    monkeypatch.setattr(delivery_status, "_READ_INTERVAL", 0.02)
    await add_chat(hass, loaded, FAMILY, "Family")
    if outcome == "refused":
        simulator.faults.add(
            "status_before", method="POST", path="/v1/chats/*", status=429
        )
    else:
        simulator.world.accounts["whatsapp"].delivery = outcome

    await run(hass, "Smoke", "binary_sensor.smoke")

    assert [notice.data["message"] for notice in notices] == (
        [expected] if expected else []
    )


async def test_report(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    (media / "report.pdf").write_bytes(b"%PDF")
    freezer.move_to("2026-12-01T06:59:00+00:00")
    await load(hass, "Monthly report")

    freezer.move_to("2026-12-01T07:00:00+00:00")
    async_fire_time_changed(hass, dt_util.utcnow())
    await hass.async_block_till_done()

    message = simulator.world.chats[KIM].messages[-1]
    assert message.text == "Energy in November"
    assert message.attachments[0]["fileName"] == "Energy.pdf"
    # It waits for the next month.
    await hass.services.async_call(
        "automation",
        "turn_off",
        {"entity_id": "automation.monthly_report"},
        blocking=True,
    )


async def test_dinner(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-12-01T16:59:00+00:00")
    await load(hass, "Dinner")

    for day, workday in (1, "on"), (2, "off"):
        hass.states.async_set("binary_sensor.workday", workday)
        freezer.move_to(f"2026-12-0{day}T17:00:00+00:00")
        async_fire_time_changed(hass, dt_util.utcnow())
        await hass.async_block_till_done()

    groups = [chat for chat in simulator.world.chats.values() if chat.title == "Dinner"]
    assert [[message.text for message in chat.messages] for chat in groups] == [
        ["Dinner is at 8.", "Dinner is at 7."]
    ]
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.dinner"}, blocking=True
    )


async def test_who_is_that(
    hass: HomeAssistant, loaded: MockConfigEntry, notices: list[ServiceCall]
) -> None:
    await load(hass, "Who is that")

    hass.states.async_set("input_text.who", "mia")
    await until(lambda: notices)

    assert notices[0].data["title"] == "1 found"
    assert notices[0].data["message"].strip() == (
        "- Mia 🌻, WhatsApp: @whatsapp_15550101004:beeper.com"
    )


def test_table_of_find() -> None:
    assert table("Search") == fields_of("find")


# Automations that messages start


async def test_status(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.states.async_set("alarm_control_panel.home", "armed_away")
    await load(hass, "Status")

    simulator.incoming(KIM, None, "And what is the status?")
    simulator.incoming(FAMILY, "@whatsapp_15550101004:beeper.com", "Status?")
    question = simulator.incoming(KIM, None, "Status?")
    await until(lambda: sent(simulator))
    await hass.async_block_till_done()

    assert sent(simulator) == 1
    answer = simulator.world.chats[KIM].messages[-1]
    assert answer.html == "<p>The alarm is armed_away.</p>"
    assert answer.linked_message_id == question["id"]


async def test_family_on_the_tablet(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await load(hass, "Family on the tablet")
    shown: list[ServiceCall] = async_mock_service(hass, "notify", "send_message")

    simulator.incoming(KIM, None, "Not for all")
    for number in range(5):
        simulator.incoming(FAMILY, None, f"{number} cakes")
    await until(lambda: len(shown) == 5)

    assert [call.data["message"] for call in shown] == [
        f"Kim: {number} cakes" for number in range(5)
    ]
    assert shown[0].data["title"] == "Family 🏡"
    assert shown[0].data["entity_id"] == ["notify.tablet"]


async def test_network_is_lost(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await load(hass, "A network is lost")

    simulator.set_account_status("whatsapp", "reconnect_required")
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()

    (notice,) = notices
    assert notice.data["title"] == "WhatsApp"
    assert notice.data["message"].startswith("Its status is reconnect_required.")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("FAIL_RETRIABLE", "bridge_unavailable. You can send it again."),
        ("FAIL_PERMANENT", "not_allowed. It makes no sense to send it again."),
    ],
)
async def test_not_delivered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
    outcome: Any,
    expected: str,
) -> None:
    await load(hass, "Not delivered")
    simulator.world.accounts["whatsapp"].delivery = outcome

    await send(hass)
    await until(lambda: notices)

    assert notices[0].data["title"] == "A message on WhatsApp did not arrive"
    assert notices[0].data["message"] == expected


@pytest.mark.parametrize(
    ("status", "unread", "expected"),
    [
        ("connected", False, []),
        ("connected", True, ["There are unread messages."]),
        (
            "disconnected",
            False,
            ["WhatsApp is not connected. Tell them yourself."],
        ),
    ],
)
async def test_goodbye(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
    status: str,
    unread: bool,
    expected: list[str],
) -> None:
    simulator.set_account_status("whatsapp", status)
    world = simulator.world
    for chat in world.chats.values():
        world.mark_read(chat, None)
    if unread:
        simulator.incoming(KIM, None, "Hello?")
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Goodbye", "input_boolean.away")

    assert sent(simulator) == (status == "connected")
    assert [notice.data["message"] for notice in notices] == expected


@pytest.mark.parametrize(("key", "off"), [("👍", 1), ("❤️", 0)])
async def test_window_open(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    key: str,
    off: int,
) -> None:
    turned_off = async_mock_service(hass, "climate", "turn_off")
    await add_chat(hass, loaded, FAMILY, "Family")
    await load(hass, "Window open")
    hass.states.async_set("binary_sensor.window", "off")
    hass.states.async_set("binary_sensor.window", "on")
    await until(lambda: sent(simulator))

    def event() -> State:
        state = hass.states.get("event.family_message")
        assert state
        return state

    question = simulator.world.chats[FAMILY].messages[-1]
    await until(lambda: question.confirmed)
    simulator.incoming(FAMILY, None, "What heating?")
    await until(lambda: event().attributes["event_type"] == "message_received")
    assert not turned_off
    # A thumb under another message means something else, and the question stays open.
    answer = simulator.world.chats[FAMILY].messages[-1]
    simulator.react(FAMILY, answer.id, None, "👍")
    await until(lambda: event().attributes.get("message_id") == answer.id)
    await until(lambda: event().attributes["event_type"] == "reaction_added")
    assert not turned_off
    simulator.react(FAMILY, question.id, None, key)
    await until(lambda: event().attributes["message_id"] == question.id)
    await asyncio.sleep(0.1)
    # With another reaction it would wait for ten minutes.
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "all"}, blocking=True
    )
    await hass.async_block_till_done()

    assert len(turned_off) == off


@pytest.mark.parametrize(("left_out", "traces"), [("", 0), ("trace", 1)])
async def test_no_traces(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    left_out: str,
    traces: int,
) -> None:
    written = async_capture_events(hass, "somebody_has_written")
    config = {"id": "x", **AUTOMATIONS["No traces"]}
    config.pop(left_out, None)
    await load(hass, config)

    simulator.incoming(KIM, None, "hi")
    await until(lambda: written)
    await hass.async_block_till_done()

    found = await async_list_traces(hass, "automation", "automation.x")
    assert len(found) == traces


# Automations that read


async def notice_texts(notices: list[ServiceCall]) -> list[str]:
    await until(lambda: notices)
    return [notice.data["message"].strip() for notice in notices]


async def test_networks_in_the_morning(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    simulator.set_account_status("whatsapp", "connection_required")

    await run(hass, "Networks in the morning", "input_boolean.awake")

    assert await notice_texts(notices) == [
        "Waiting for you in Beeper: WhatsApp, Signal."
    ]


@pytest.mark.parametrize("there", [True, False])
async def test_only_if_mia_reads_it(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, there: bool
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")
    if not there:
        del simulator.world.chats[FAMILY].participants[1]

    await run(hass, "Only if Mia reads it", "binary_sensor.stove")
    await until(lambda: sent(simulator) or not there)

    assert sent(simulator) == there


async def test_unread_at_bedtime(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    simulator.incoming(KIM, None, "Good night")

    await run(hass, "Unread at bedtime", "input_boolean.bedtime")

    assert await notice_texts(notices) == ["Kim, Family 🏡"]
    assert notices[0].data["title"] == "2 chats with unread messages"


async def test_not_answered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await add_chat(hass, loaded)

    await run(hass, "Not answered", "input_boolean.bedtime")
    assert not notices
    simulator.incoming(KIM, None, "Shall I bring wine?")
    hass.states.async_set("input_boolean.bedtime", "off")
    hass.states.async_set("input_boolean.bedtime", "on")

    assert await notice_texts(notices) == [
        "Kim waits for an answer: Shall I bring wine?"
    ]


async def test_blueprint_reads_family_messages(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await run(hass, "What the family wrote", "input_boolean.home")

    (text,) = await notice_texts(notices)
    assert text.splitlines() == [
        "Mia 🌻: Who brings the cake? 🎂",
        "+15550101005: Great",
        "Kim: image",
        "Kim: See you all on Sunday",
    ]


async def test_count_the_messages(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    for number in range(250):
        simulator.incoming(FAMILY, None, str(number))

    await run(hass, "Count the messages", "input_boolean.count")
    await until(lambda: notices)

    # One of them is the row of a reaction.
    count = len(simulator.world.chats[FAMILY].messages) - 1
    assert await notice_texts(notices) == [f"{count} messages"]


async def test_messages_that_start_an_answer(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await load(hass, "What it answers to")
    chat = simulator.world.chats[KIM]
    earlier = simulator.world.send(chat, "Wine or beer?")
    simulator.world.settle()

    message = simulator.world.incoming(chat, chat.participants[0], "Wine")
    message.linked_message_id = earlier.id

    assert await notice_texts(notices) == ["Wine (to: Wine or beer?)"]


async def test_everything_labelled_home(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    notices: list[ServiceCall],
) -> None:
    await run(hass, "Everything labelled home", "input_boolean.labelled")

    assert await notice_texts(notices) == ["Family 🏡"]


async def test_pictures_of_the_family(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    notices: list[ServiceCall],
    tmp_path: Path,
) -> None:
    hass.config.media_dirs = {"local": str(tmp_path)}
    await load(hass, "Keep the pictures of the family")
    chat = simulator.world.chats[FAMILY]
    cake = next(message for message in chat.messages if message.attachments)

    simulator.incoming(FAMILY, None, "No picture")
    picture = simulator.world.incoming(chat, chat.participants[0], "")
    picture.type, picture.attachments = "IMAGE", cake.attachments

    saved = tmp_path / "family/cake.png"
    assert await notice_texts(notices) == [f"Saved as {saved}"]
    assert saved.exists()


def test_tables_of_reading() -> None:
    """Every field of every action is described."""
    for action in (
        "get_chat",
        "list_chats",
        "list_messages",
        "search_messages",
        "download_attachment",
    ):
        assert table(f"Field of {action}", "reading") == fields_of(action)
    queries = (*CHAT_QUERIES, *MESSAGE_QUERIES, DOWNLOAD_ATTACHMENT)
    names = {query.name for query in queries}
    assert table("Action", "reading") == {f"beeper.{name}" for name in names}


# Automations that change


async def test_lights_out(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    turned_off = async_mock_service(hass, "light", "turn_off")
    await load(hass, "Lights out")

    simulator.incoming(KIM, None, "Lights out, please")
    message = simulator.world.chats[KIM].messages[-1]
    await until(lambda: message.reactions)

    assert turned_off
    assert message.reactions[0]["reactionKey"] == "👍"


async def test_the_oven_is_on(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await load(hass, "The oven is on")
    hass.states.async_set("switch.oven", "off")
    hass.states.async_set("switch.oven", "on")
    await until(lambda: sent(simulator))
    message = simulator.world.chats[FAMILY].messages[-1]
    assert message.text == "The oven is on."
    await until(lambda: message.confirmed)
    await asyncio.sleep(0.1)  # The automation has to get as far as waiting.

    hass.states.async_set("switch.oven", "off")
    await until(lambda: message.edited)
    await hass.async_block_till_done()

    assert message.text == "The oven was on, and is off again."


async def test_quiet_family(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")
    chat = simulator.world.chats[FAMILY]

    await run(hass, "Quiet family", "input_boolean.bedtime")
    await until(lambda: chat.reminder)

    assert chat.is_muted
    assert chat.reminder
    when = dt_util.parse_datetime(chat.reminder["remindAt"], raise_on_error=True)
    assert 8 < (when - dt_util.utcnow()).total_seconds() / 3600 < 9.1


async def test_dealt_with(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")
    chat = simulator.world.chats[FAMILY]
    chat.reminder = {"remindAt": "2126-01-01T10:00:00Z"}
    assert chat.unread_count

    await run(hass, "Dealt with", "input_boolean.dealt_with")
    await until(lambda: chat.reminder is None)

    assert chat.unread_count == 0


async def test_later_at_the_desk(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await run(hass, "Later, at the desk", "input_boolean.later")
    await until(lambda: simulator.world.focused)

    assert simulator.world.chats[FAMILY].is_marked_unread
    assert simulator.world.focused == {"chatID": FAMILY, "draftText": "About that:"}


async def test_the_vacuum_is_at_it(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await load(hass, "The vacuum is at it")
    hass.states.async_set("vacuum.hall", "cleaning")

    simulator.incoming(KIM, None, "Start the vacuum")
    message = simulator.world.chats[KIM].messages[-1]
    await until(lambda: message.reactions)
    assert message.reactions[0]["reactionKey"] == "⏳"
    await asyncio.sleep(0.1)  # The automation has to get as far as waiting.
    hass.states.async_set("vacuum.hall", "docked")
    await until(lambda: not message.reactions)
    await hass.async_block_till_done()


async def test_code_for_a_guest(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await load(hass, "Code for a guest")
    hass.states.async_set("input_boolean.guest", "off")
    hass.states.async_set("input_boolean.guest", "on")
    await until(lambda: sent(simulator))
    message = simulator.world.chats[KIM].messages[-1]
    await until(lambda: message.confirmed)
    await asyncio.sleep(0.1)
    assert not message.is_deleted

    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=11))
    await until(lambda: message.is_deleted)
    await hass.async_block_till_done()


async def test_smoke_at_night(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await run(hass, "Smoke at night", "binary_sensor.smoke_attic")

    def requests() -> list[str]:
        return [request.path.rpartition("/")[2] for request in simulator.executed]

    await until(lambda: len(requests()) == 2)
    assert requests() == ["messages", "notify-anyway"]


def test_every_action_has_an_example() -> None:
    examples = "".join((README, *PAGES.values()))
    assert SERVICES.keys() <= {*re.findall(r"action: beeper\.(\w+)", examples)}


def test_tables_of_changing() -> None:
    where = table("Where", "changing")
    assert table("Field of update_chat", "changing") == fields_of("update_chat") - where
    names = {action.job.name for action in CHANGE_ACTIONS}
    assert table("Action", "changing") == {f"beeper.{name}" for name in names}
    others = set[str]().union(*map(fields_of, names - {"update_chat"}))
    assert table("Field of the others", "changing") == others - where


# Comparison with the official SDK


async def test_every_method_of_the_sdk_is_compared() -> None:
    """With what every parameter of it is called, where an action does the same."""
    python = environment("6.0.0")
    process = await asyncio.create_subprocess_exec(
        python,
        ROOT / "tests/helpers/sdk_methods.py",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    methods: dict[str, list[str]] = json.loads(out)
    assert len(methods) > 50

    assert table("SDK method") == methods.keys()

    rows = PAGES["actions"].split("| SDK method |", 1)[1].splitlines()[2:]
    answers = {
        method: answer.strip()
        for row in rows
        for names, answer in [row.split("|")[1:3]]
        for method in re.findall("`(.+?)`", names)
    }
    named = {
        action
        for answer in answers.values()
        for action in re.findall(r"`beeper\.(\w+)`", answer)
    }
    # No method waits for an answer, or answers what started an automation.
    assert named | {"ask_question", "reply"} == SERVICES.keys()
    for method, answer in answers.items():
        assert re.match(r"`beeper\.|None: ", answer), method
    for method, action in (
        ("chats.retrieve", "get_chat"),
        ("chats.search", "list_chats"),
        ("messages.list", "list_messages"),
        ("messages.search", "search_messages"),
        ("messages.send", "send_message"),
        ("chats.create", "create_chat"),
        ("chats.start", "create_chat"),
        ("chats.mark_read", "mark_read"),
        ("chats.mark_unread", "mark_unread"),
        ("chats.messages.reactions.add", "add_reaction"),
        ("chats.messages.reactions.delete", "remove_reaction"),
        ("chats.notify_anyway", "notify_anyway"),
        ("chats.reminders.delete", "clear_reminder"),
        ("labels.list", "list_labels"),
        ("messages.delete", "delete_message"),
        ("messages.retrieve", "get_message"),
        ("messages.update", "edit_message"),
    ):
        assert answers[method] == f"`beeper.{action}`"
        called = {OTHERWISE.get(name, name) for name in methods[method]}
        assert called - {"direction", "transaction_id"} <= fields_of(action), method


# Field names that differ from the SDK.
OTHERWISE = {
    "reaction_key": "reaction",
    "reply_to_message_id": "reply_to",
    "text": "message",
}


def test_every_example_is_tested() -> None:
    files = (Path(__file__), Path(__file__).with_name("test_readme.py"))
    tested = {
        argument.value
        for call in walk(ast.Call, *files)
        for argument in call.args
        if isinstance(argument, ast.Constant)
    } | {
        key.slice.value
        for key in walk(ast.Subscript, *files)
        if isinstance(key.slice, ast.Constant)
    }
    assert tested >= AUTOMATIONS.keys()
    assert len(AUTOMATIONS) >= 30


def test_tables_of_triggers_and_conditions() -> None:
    for heading, described in (("Trigger", TRIGGERS), ("Condition", CONDITIONS)):
        assert table(heading, "automations") == {f"beeper.{key}" for key in described}
        if heading == "Trigger":
            options = {name for key in described.values() for name in key["fields"]}
            assert table("Option", "automations") == options


async def test_tables_of_variables(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Variables that all triggers share are not documented again."""
    heard: dict[str, set[str]] = {}
    for heading, key in (
        ("Message", "message_received"),
        ("Failure", "send_failed"),
        ("Account", "account_disconnected"),
    ):

        @callback
        def note(
            variables: dict[str, Any],
            context: Context | None = None,
            heading: str = heading,
        ) -> None:
            heard[heading] = {*variables["trigger"]}

        config = await async_validate_trigger_config(
            hass, [{"platform": f"beeper.{key}", "options": {}}]
        )
        await async_initialize_triggers(
            hass, config, note, "test", key, lambda *args, **more: None
        )
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    simulator.incoming(KIM, None, "hi")
    await send(hass)
    simulator.set_account_status("whatsapp", "disconnected")
    await loaded.runtime_data.async_refresh()
    await until(lambda: len(heard) == 3)

    common = {"alias", "description", "id", "idx", "platform", "config_entry_id"}
    for heading, variables in heard.items():
        assert table(heading, "automations") == variables - common


def test_table_of_fields() -> None:
    assert table("Field") == fields_of("send_message")


# Questions


async def test_ask_about_the_heating(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry
) -> None:
    turned_off = async_mock_service(hass, "climate", "turn_off")
    await load(hass, "Ask about the heating")
    hass.states.async_set("binary_sensor.window", "off")
    await hass.async_block_till_done()
    hass.states.async_set("binary_sensor.window", "on")
    await until(lambda: sent(simulator))
    await asyncio.sleep(simulator.confirm_after * 2)
    assert simulator.world.chats[KIM].messages[-1].text.endswith("1 yes, 2 no")

    simulator.incoming(KIM, None, "Yes please!")
    await until(lambda: turned_off)


async def test_everything_but_answers(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry
) -> None:
    heard = async_capture_events(hass, "somebody_has_written")
    await load(hass, "Everything but answers")
    data = {"chat_id": KIM, "message": "Tea?"}
    asked = hass.async_create_task(call_action(hass, "ask_question", **data))
    await until(lambda: sent(simulator))
    await asyncio.sleep(simulator.confirm_after * 2)
    simulator.incoming(KIM, None, "Yes")
    await asked
    simulator.incoming(KIM, None, "Hello")
    await until(lambda: heard)
    await hass.async_block_till_done()

    assert len(heard) == 1


# Assist in a chat


async def test_read_voice_notes_on_the_tablet(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """`tests/incoming/test_voice_notes.py` shows where transcripts come from."""
    shown = async_capture_events(hass, "show_on_tablet")
    await load(hass, "Read voice notes on the tablet")
    event = message_event(loaded, simulator)
    note = replace(event, message=replace(event.message, type="VOICE"))
    await publish(hass, replace(note, transcript="Dinner at eight"))
    await publish(hass, note)
    await publish(hass, event)

    assert [event.data for event in shown] == [{"text": "Dinner at eight"}]


def test_tables_of_assist() -> None:
    text = (ROOT / "docs/talk.md").read_text()
    form = ENGLISH["config_subentries"]["chat"]["step"]["assist"]
    assert all(f"\n| {field} | " in text for field in form["data"].values())

    answer, listener = (
        BEEPER / "assist_in_chats" / name for name in ("answer.py", "listener.py")
    )
    counts = {
        node.value
        for node in walk(ast.Constant, listener)
        if str(node.value).startswith("refused_")
    } | {
        node.value
        for alias in walk(ast.TypeAlias, answer)
        for node in ast.walk(alias.value)
        if isinstance(node, ast.Constant)
    }
    assert table("Count", "talk") == counts


async def test_tables_of_questions(
    hass: HomeAssistant, simulator: Simulator, listening: MockConfigEntry
) -> None:
    data = {"chat_id": KIM, "message": "Tea?", "timeout": 0.1}
    response = await call_action(hass, "ask_question", **data)

    assert table("Field of ask_question", "ask") == fields_of("ask_question")
    assert table("Response of ask_question", "ask") == response.keys()


# Assist and language models


VOICE_LANGUAGES = ("en", "de", "nl", "fr", "es")


def voice_table(beginning: str) -> list[list[str]]:
    rows = PAGES["voice"].split(f"\n| {beginning}")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


@pytest.mark.usefixtures("assist", "loaded")
@pytest.mark.parametrize("language", VOICE_LANGUAGES)
async def test_what_to_say(
    hass: HomeAssistant, simulator: Simulator, language: str
) -> None:
    write(simulator, "Hi")
    column = VOICE_LANGUAGES.index(language)

    for row in voice_table("English | German"):
        sentence = row[column]
        answer = await say(hass, sentence, language=language)

        name = re.search("Alex|Family", sentence)
        assert re.search(name[0] if name else "Kim|Signal|WhatsApp", answer), sentence
        assert not re.match(
            "Sorry|Entschuldigung|I couldn't|Ich habe .* nicht gefunden|Ik kon|Je n'ai"
            "|No he",
            answer,
        )


@pytest.mark.usefixtures("assist", "loaded")
@pytest.mark.parametrize("language", VOICE_LANGUAGES)
async def test_what_to_answer(
    hass: HomeAssistant, simulator: Simulator, language: str
) -> None:
    column = VOICE_LANGUAGES.index(language) + 1
    which, yes, no, start = (row[column] for row in voice_table("Answer | English"))
    to_alex, to_mia, chat_with_mia = {
        "en": ("Message Alex on Beeper hi", "Text Mia: hi", "Start a Beeper chat with"),
        "de": (
            "Schreib Alex über Beeper hi",
            "Antworte Mia: hi",
            "Starte einen Beeper-Chat mit",
        ),
        "nl": ("App Alex hi", "App Mia: hi", "Start een Beeper-chat met"),
        "fr": ("Écris à Alex hi", "Écris à Mia: hi", "Ouvre un chat Beeper avec"),
        "es": ("Escribe a Alex hi", "Escribe a Mia: hi", "Abre un chat de Beeper con"),
    }[language]

    async def ask(sentence: str, answer: str) -> str:
        _, conversation_id = await talk(hass, sentence, language=language)
        return await say(hass, answer, conversation_id, language=language)

    await ask(to_mia, no)
    assert not simulator.executed
    assert "Alex Rivera" in await ask(to_alex, which)
    assert len(simulator.executed) == 1
    await ask(f"{chat_with_mia} Mia", start)
    assert len(simulator.executed) == 2
    contact(simulator, "@zoe:beeper.com", full_name="Zoe")
    await ask(to_mia.replace("Mia", "Zoe"), yes)
    assert [request.json["messageText"] for request in simulator.executed[2:]] == ["hi"]


@pytest.mark.usefixtures("assist", "loaded")
async def test_short_answers(hass: HomeAssistant, simulator: Simulator) -> None:
    page = " ".join(PAGES["voice"].split())
    for answer in "no", "cancel", "never mind":
        assert f'"{answer}"' in page
        _, conversation_id = await talk(hass, "Message Mia on Beeper Hello")
        await say(hass, answer, conversation_id)
        assert not simulator.executed, answer
    for number, answer in enumerate(("yes", "yes please", "OK", "send it")):
        assert f'"{answer}"' in page
        contact(simulator, f"@zoe{number}:beeper.com", full_name=f"Zoe{number}")
        said = f"Message Zoe{number} on Beeper Hello"
        _, conversation_id = await talk(hass, said)
        await say(hass, answer, conversation_id)
        assert len(simulator.executed) == number + 1, answer


async def test_custom_sentences_example(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, tmp_path: Path
) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGES["voice"], re.DOTALL)
    file = tmp_path / "custom_sentences/en/family.yaml"
    assert str(file.relative_to(tmp_path)) in PAGES["voice"]
    file.parent.mkdir(parents=True)
    file.write_text(text)
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})

    answer = await say(hass, "Tell the family that dinner is ready")
    assert answer == "Sent to Family 🏡 on WhatsApp."
    assert simulator.world.chats[FAMILY].messages[-1].text == "dinner is ready"
    assert (await say(hass, "Is there any post?")).startswith("Kim in Family")


def test_tables_of_voice() -> None:
    names = ENGLISH["options"]["step"]["init"]["sections"]["voice"]["data"]
    shown = [
        row.split("|")[1].strip()
        for row in PAGES["voice"]
        .split("## Options")[1]
        .split("\n\n")[2]
        .splitlines()[2:]
    ]
    assert shown == [names[key] for key in ("sentences", "confirm", "llm_can_send")]
    sources = [
        (ROOT / f"custom_components/beeper/{name}.py").read_text("utf-8")
        for name in ("llm", "voice/assistant")
    ]
    tools = re.findall(r'name = f"{DOMAIN}(__\w+)"', sources[0])
    assert table("Tool", "voice") == {f"beeper{name}" for name in tools}
    intents = {*re.findall(r'"(Beeper\w+)"', sources[1])}
    assert table("Intent", "voice") == intents
