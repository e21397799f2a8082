"""The actions that change chats and messages: requests, effects and refusals."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
import json
from pathlib import Path
import re
from typing import Any
import unicodedata
from urllib.parse import parse_qsl, quote

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.actions.change_actions import CHANGE_ACTIONS
from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.model import Chat, Message
from tests.helpers.actions import call_action
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.labels import refused
from tests.helpers.servers import add_entry
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, INSTAGRAM, KIM, PROFILES

pytestmark = pytest.mark.usefixtures("quick_recovery")

RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/sdk-requests.json").read_text("utf-8")
)
THUMB = "👍"
LATER = "2126-01-01 10:00:00+00:00"
EACH_PROFILE = pytest.mark.parametrize("profile", PROFILES)
UNKNOWN = "It is unknown whether this was done"


@dataclass(frozen=True, kw_only=True)
class Call:
    """The data of a call, and its effect in the simulated world."""

    data: dict[str, Any]
    done: Callable[[Chat, Message], bool]
    since: int = 2
    """Index of the first profile that can do it; EasyMatrix counts as the second."""
    undo: Callable[[Chat, Message], object] = lambda chat, message: None
    """Prepare the world so that the action changes it."""


def _reactions(message: Message) -> list[str]:
    return [
        reaction["reactionKey"]
        for reaction in message.reactions
        if reaction["participantID"] == "@whatsapp_15550100001:beeper.com"
    ]


def _react(chat: Chat, message: Message) -> None:
    me = chat.participants[-1]
    assert me.is_self
    message.reactions.append(
        {"id": me.id, "reactionKey": THUMB, "participantID": me.id, "emoji": True}
    )


def _remind(chat: Chat, message: Message) -> None:
    chat.reminder = {"remindAt": "2126-01-01T10:00:00Z"}


CALLS: dict[str, Call] = {
    "update_chat": Call(
        data={"is_pinned": True, "title": "Kim at work"},
        done=lambda chat, _: chat.is_pinned and chat.title == "Kim at work",
    ),
    "mark_read": Call(
        data={},
        done=lambda chat, _: chat.unread_count == 0 and not chat.is_marked_unread,
        undo=lambda chat, _: setattr(chat, "is_marked_unread", True),
    ),
    "mark_unread": Call(
        data={},
        done=lambda chat, _: chat.is_marked_unread,
        undo=lambda chat, _: setattr(chat, "unread_count", 0),
    ),
    "set_reminder": Call(
        data={"remind_at": LATER, "dismiss_on_incoming_message": True},
        done=lambda chat, _: (
            chat.reminder is not None
            and chat.reminder["dismissOnIncomingMessage"] is True
        ),
        since=0,
    ),
    "clear_reminder": Call(
        data={}, done=lambda chat, _: chat.reminder is None, since=0, undo=_remind
    ),
    "edit_message": Call(
        data={"message": "Second *try*"},
        done=lambda _, message: message.text == r"Second \*try\*",
        since=1,
    ),
    "delete_message": Call(
        data={"for_everyone": True}, done=lambda _, message: message.is_deleted
    ),
    "add_reaction": Call(
        data={"reaction": THUMB},
        done=lambda _, message: _reactions(message) == [THUMB],
        since=1,
    ),
    "remove_reaction": Call(
        data={"reaction": THUMB},
        done=lambda _, message: not _reactions(message),
        since=1,
        undo=_react,
    ),
}
OF_MESSAGE = ["edit_message", "delete_message", "add_reaction", "remove_reaction"]
EACH_CALL = pytest.mark.parametrize("action", CALLS)


def age(profile: str) -> int:
    """Return the generation of a profile."""
    return 1 if profile == "easymatrix" else PROFILES.index(profile)


def own_message(simulator: Simulator, chat_id: str = KIM) -> Message:
    """Add a message that the user sent."""
    message = simulator.world.send(simulator.world.chats[chat_id], "First try")
    simulator.world.settle()
    return message


def prepared(simulator: Simulator, action: str) -> tuple[Chat, Message, dict[str, Any]]:
    """Return the chat, the message and the data of a call that changes something."""
    chat, message = simulator.world.chats[KIM], own_message(simulator)
    CALLS[action].undo(chat, message)
    assert not CALLS[action].done(chat, message)
    data = {"chat_id": KIM, **CALLS[action].data}
    if action in OF_MESSAGE:
        data["message_id"] = message.id
    return chat, message, data


def mutations(simulator: Simulator) -> list[str]:
    """Return the changing requests, except those of the set-up."""
    return [
        f"{request.method} {request.path}"
        for request in simulator.requests
        if request.method != "GET" and not request.path.startswith("/oauth")
    ]


def test_every_change_action_is_tested() -> None:
    assert {action.job.name for action in CHANGE_ACTIONS} == {
        *CALLS,
        "notify_anyway",
        "focus",
    }


# Effects


@cells
@EACH_PROFILE
@EACH_CALL
async def test_change_on_each_generation(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    profile: str,
    action: str,
) -> None:
    chat, message, data = prepared(simulator, action)
    call = CALLS[action]

    if age(profile) < call.since:
        with pytest.raises(HomeAssistantError) as refused:
            await call_action(hass, action, **data)
        if profile == "easymatrix":  # Its versions are its own.
            assert refused.value.translation_key == "change_route_absent_other"
            return
        assert refused.value.translation_key == "change_route_absent"
        assert refused.value.translation_placeholders
        since = next(row.job.since for row in CHANGE_ACTIONS if row.job.name == action)
        assert refused.value.translation_placeholders["version"] == since
        assert not simulator.executed
        return
    response = await call_action(hass, action, **data)

    assert call.done(chat, message)
    assert response == {
        "chat_id": KIM,
        "message_id": message.id if action in OF_MESSAGE else None,
        "recovered": False,
    }
    assert len(simulator.executed) == 1


@cells
@pytest.mark.parametrize("by", ["number", "entity", "recipient"])
@EACH_CALL
async def test_change_by_number_entity_or_name(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    by: str,
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "number": {"chat_id": int(simulator.world.chats[KIM].local_id)},
        "entity": {"entity_id": await add_chat(hass, loaded)},
        "recipient": {"recipient": "+1 555 010 1002", "account_id": "whatsapp"},
    }
    chat, message, data = prepared(simulator, action)
    del data["chat_id"]

    response = await call_action(hass, action, **data, **ways[by])

    assert response["chat_id"] == KIM
    assert CALLS[action].done(chat, message)


@EACH_PROFILE
async def test_archive_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for archived in (True, False):
        await call_action(hass, "update_chat", chat_id=KIM, is_archived=archived)
        assert simulator.world.chats[KIM].is_archived is archived


async def test_update_chat_sets_every_field(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await call_action(
        hass,
        "update_chat",
        chat_id=FAMILY,
        title=1984,
        description="Us",
        is_archived="on",
        is_low_priority=True,
        is_muted=True,
        is_pinned=False,
        message_expiry_seconds="3600",
        draft="On my *way*",
    )

    chat = simulator.world.chats[FAMILY]
    assert (chat.title, chat.description) == ("1984", "Us")
    assert (chat.is_archived, chat.is_low_priority, chat.is_muted) == (True,) * 3
    assert (chat.is_pinned, chat.message_expiry_seconds) == (False, 3600)
    assert chat.draft == {"text": r"On my \*way\*"}

    await call_action(
        hass,
        "update_chat",
        chat_id=FAMILY,
        clear=["description", "draft", "message_expiry_seconds"],
    )

    assert (chat.description, chat.draft, chat.message_expiry_seconds) == (None,) * 3
    assert (chat.title, chat.is_muted) == ("1984", True)


@pytest.mark.parametrize("earlier", [{"text": "Earlier"}, {"text": ""}], ids=str)
async def test_new_draft_replaces_the_old_one(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    earlier: dict[str, Any],
) -> None:
    chat = simulator.world.chats[KIM]
    chat.draft = earlier

    await call_action(hass, "update_chat", chat_id=KIM, draft="Later", is_pinned=True)

    assert chat.draft == {"text": "Later"}
    assert chat.is_pinned is True
    assert mutations(simulator) == [f"PATCH /v1/chats/{KIM}"] * 2


async def test_cleared_draft_without_replacement_is_reported(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    chat.draft = {"text": "Earlier"}
    path = f"/v1/chats/{KIM}"
    # The first PATCH passes, the second is answered without having run.
    simulator.faults.add("delay", method="PATCH", path=path)
    simulator.faults.add("status_before", method="PATCH", path=path, status=429)

    with pytest.raises(HomeAssistantError, match="or a part of it"):
        await call_action(hass, "update_chat", chat_id=KIM, draft="Later")

    assert chat.draft is None
    assert len(mutations(simulator)) == 2


@cells
@pytest.mark.parametrize("profile", ["4.2.557", "4.2.808"])
@pytest.mark.parametrize(
    ("format_", "text"), [("text", r"\*Hi\*"), ("markdown", "*Hi*"), (None, r"\*Hi\*")]
)
async def test_edited_text_is_literal_or_markdown(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    format_: str | None,
    text: str,
) -> None:
    message = own_message(simulator)

    await call_action(
        hass,
        "edit_message",
        chat_id=KIM,
        message_id=message.id,
        message="*Hi*",
        format=format_,
    )

    assert message.text == text


async def test_edited_markdown_keeps_its_quotes(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    message = own_message(simulator)

    await call_action(
        hass,
        "edit_message",
        chat_id=KIM,
        message_id=message.id,
        message='"Hi"',
        format="markdown",
    )

    assert message.text == r'\"Hi"'


@pytest.mark.parametrize("message_id", [None, "older"])
async def test_mark_read_up_to_a_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    message_id: str | None,
) -> None:
    world = simulator.world
    chat = world.chats[KIM]
    older, newer = (
        world.incoming(chat, chat.participants[0], text) for text in ("One", "Two")
    )

    await call_action(
        hass, "mark_read", chat_id=KIM, message_id=message_id and int(older.id)
    )

    assert older.is_unread is False
    assert newer.is_unread is (message_id is not None)


@cells
@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize("action", OF_MESSAGE)
async def test_new_message_is_found_by_its_pending_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    sent = await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"chat_id": KIM, "message": "First try"},
        blocking=True,
        return_response=True,
    )
    assert sent
    simulator.world.settle()
    chat = simulator.world.chats[KIM]
    message = chat.messages[-1]
    assert sent["message_id"] == message.pending_id != message.id
    CALLS[action].undo(chat, message)

    response = await call_action(
        hass,
        action,
        chat_id=KIM,
        message_id=sent["message_id"],
        **CALLS[action].data,
    )

    assert CALLS[action].done(chat, message)
    assert response["message_id"] == message.id


async def test_pending_message_cannot_be_deleted(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.confirm_after = 60
    message = simulator.world.send(simulator.world.chats[KIM], "First try")
    data = {"chat_id": KIM, "message_id": message.pending_id, "for_everyone": True}

    with pytest.raises(ServiceValidationError, match="still sending the message"):
        await call_action(hass, "delete_message", **data)

    assert not mutations(simulator)
    simulator.world.settle()
    await call_action(hass, "delete_message", **data)
    assert message.is_deleted


async def test_a_merged_chat_and_its_member_have_one_queue(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "garbage",
        method="GET",
        path=f"/v1/chats/{INSTAGRAM}",
        body=json.dumps({"id": INSTAGRAM, "mergedIntoChatID": KIM}),
    )
    simulator.faults.add(
        "delay", method="POST", path="/v1/chats/*/messages", seconds=0.2
    )

    await asyncio.gather(
        *(
            hass.services.async_call(
                DOMAIN,
                "send_message",
                {"chat_id": chat, "message": "Hi"},
                blocking=True,
            )
            for chat in (INSTAGRAM, KIM)
        )
    )

    assert [request.path for request in simulator.executed] == [
        f"/v1/chats/{INSTAGRAM}/messages",
        f"/v1/chats/{KIM}/messages",
    ]


async def test_change_waits_for_earlier_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    own = own_message(simulator)
    simulator.faults.add(
        "delay", path="/v1/chats/*/messages", method="POST", seconds=0.2
    )
    message = hass.services.async_call(
        DOMAIN, "send_message", {"chat_id": KIM, "message": "Hi"}, blocking=True
    )
    reaction = call_action(
        hass, "add_reaction", chat_id=KIM, message_id=own.id, reaction=THUMB
    )

    await asyncio.gather(message, reaction)

    assert [request.path for request in simulator.executed] == [
        f"/v1/chats/{KIM}/messages",
        f"/v1/chats/{KIM}/messages/{own.id}/reactions",
    ]


@cells
@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("❤️", "❤"),
        ("❤", "❤️"),
        ("👍🏽", "👍"),
        ("👍", "👍🏿"),
        ("👍", "👍\u200b"),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("partyparrot", "PartyParrot"),
    ],
)
async def test_a_reaction_is_removed_as_it_is_stored(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    stored: str,
    given: str,
) -> None:
    _, message, data = prepared(simulator, "remove_reaction")
    message.reactions[-1]["reactionKey"] = stored

    await call_action(hass, "remove_reaction", **{**data, "reaction": given})

    assert not _reactions(message)


async def test_every_reaction_has_its_own_transaction_id(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, _, data = prepared(simulator, "add_reaction")

    for reaction in (THUMB, "❤️"):
        await call_action(hass, "add_reaction", **{**data, "reaction": reaction})

    first, second = (request.json for request in simulator.executed)
    assert first["transactionID"] != second["transactionID"]


async def test_delete_for_oneself_keeps_the_message_for_others(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    message = own_message(simulator)

    await call_action(
        hass,
        "delete_message",
        chat_id=KIM,
        message_id=message.id,
        for_everyone=False,
    )

    assert simulator.executed[-1].query == "forEveryone=false"
    assert message not in simulator.world.chats[KIM].messages
    assert not message.is_deleted


@EACH_PROFILE
async def test_focus_a_window_a_chat_or_a_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    for data, wanted in (
        ({}, {}),
        ({"chat_id": int(chat.local_id)}, {"chatID": KIM}),
        (
            {"chat_id": KIM, "message_id": chat.messages[-1].id, "draft_text": "Hm"},
            {"chatID": KIM, "messageID": chat.messages[-1].id, "draftText": "Hm"},
        ),
    ):
        response = await call_action(hass, "focus", **data)
        assert simulator.world.focused == wanted
        assert response["chat_id"] == wanted.get("chatID")


@EACH_PROFILE
async def test_notifying_anyway_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "notify_anyway", chat_id=KIM)

    # Only iMessage can.
    known = age(profile) >= 2
    key = "change_rejected" if known else "change_route_absent"
    if profile == "easymatrix":
        key = "change_route_absent_other"
    assert refused.value.translation_key == key


async def test_notifying_anyway(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat_id = next(
        chat.id
        for chat in simulator.world.chats.values()
        if chat.account_id == "imessage"
    )

    response = await call_action(hass, "notify_anyway", chat_id=chat_id)

    assert response["chat_id"] == chat_id
    assert mutations(simulator) == [
        f"POST /v1/chats/{quote(chat_id, safe='!:;+')}/notify-anyway"
    ]
    with pytest.raises(HomeAssistantError, match="rejects the call as invalid"):
        await call_action(hass, "notify_anyway", chat_id=KIM)


# The wire

WIRE: dict[str, tuple[str, dict[str, Any]]] = {
    "chats.archive(archived=False)": ("update_chat", {"is_archived": False}),
    "chats.update(draft={text})": ("update_chat", {"draft": "hello"}),
    "chats.mark_read": ("mark_read", {}),
    "chats.mark_read(message_id)": ("mark_read", {"message_id": "5"}),
    "chats.mark_unread": ("mark_unread", {}),
    "chats.notify_anyway": ("notify_anyway", {}),
    "chats.reminders.create(remind_at=datetime)": (
        "set_reminder",
        {"remind_at": LATER},
    ),
    "chats.reminders.create(remind_at_ms)": ("set_reminder", {"remind_at": LATER}),
    "chats.reminders.delete": ("clear_reminder", {}),
    "messages.update(text)": ("edit_message", {"message_id": "5", "message": "edited"}),
    "messages.delete(for_everyone=False)": (
        "delete_message",
        {"message_id": "5", "for_everyone": False},
    ),
    "chats.messages.reactions.add": (
        "add_reaction",
        {"message_id": "5", "reaction": THUMB},
    ),
    "chats.messages.reactions.delete (keyword reaction_key)": (
        "remove_reaction",
        {"message_id": "5", "reaction": THUMB},
    ),
    "focus()": ("focus", {}),
}
# Times in the recorded SDK calls, and their replacements.
TIMES = {"2026-01-01T10:00:00+00:00": "2126-01-01T10:00:00+00:00"} | {
    1767261600000: 4922935200000
}
RECORDS = [
    record
    for record in RECORDED
    if record["call"] in WIRE
    and record["path"]
    and (record["sdk"] == "6.0.0") is (record["call"][-4:] != "_ms)")
    and record["sdk"] in ("6.0.0", "4.3.0")
] + [
    record
    for record in RECORDED
    if record["sdk"] == "4.3.0" and "reactions.delete" in record["call"]
]


@pytest.mark.parametrize(
    ("profile", "record"),
    [
        ({"6.0.0": "latest", "4.3.0": "4.2.557"}[record["sdk"]], record)
        for record in RECORDS
    ],
    ids=[f"{record['sdk']} {record['call']}" for record in RECORDS],
)
async def test_requests_are_those_of_the_official_sdk(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    record: dict[str, Any],
) -> None:
    message = own_message(simulator)
    message.id = "5"
    simulator.world.chats[KIM].messages = [message]
    _react(simulator.world.chats[KIM], message)
    action, data = WIRE[record["call"]]
    if action != "focus":
        data = {"chat_id": KIM, **data}

    with suppress(ServiceValidationError):  # Only iMessage notifies anyway.
        await call_action(hass, action, **data)

    [asked] = [
        request
        for request in simulator.requests
        if request.method != "GET" and not request.path.startswith("/oauth")
    ]
    assert asked.method == record["method"]
    assert asked.path.replace(KIM, "!c:beeper.com") == record["path"]
    assert parse_qsl(asked.query) == parse_qsl(record.get("query") or "")
    body: dict[str, Any] = record.get("json") or {}
    if "reminder" in body:
        items = body["reminder"].items()
        body = {"reminder": {key: TIMES[value] for key, value in items}}
    sent = asked.json or {}
    if action == "add_reaction":
        assert re.fullmatch("[0-9a-f]{32}", sent.pop("transactionID"))
        body.pop("transactionID")
    assert sent == body


def test_every_recorded_change_is_compared() -> None:
    assert {record["call"] for record in RECORDS} == WIRE.keys()


@cells
@pytest.mark.parametrize("action", ["edit_message", "delete_message", "clear_reminder"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_idempotent_requests_are_not_repeated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    kind: str,
) -> None:
    _, _, data = prepared(simulator, action)
    for method in ("PUT", "DELETE"):
        simulator.faults.add(kind, method=method, times=None)

    with suppress(HomeAssistantError):
        await call_action(hass, action, **data)

    assert len(mutations(simulator)) == 1


async def test_offline_server_changes_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, _, data = prepared(simulator, "edit_message")
    await simulator.stop()

    with pytest.raises(HomeAssistantError, match="Nothing was changed: Beeper could"):
        await call_action(hass, "edit_message", **data)


# Lost answers: all of them are in test_fault_matrix


@cells
@EACH_CALL
async def test_change_found_applied_is_recovered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    chat, message, data = prepared(simulator, action)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        simulator.faults.add("drop_after", method=method, path="/v1/chats/*")

    assert (await call_action(hass, action, **data))["recovered"] is True

    assert CALLS[action].done(chat, message)
    assert len(simulator.executed) == len(mutations(simulator)) == 1


@cells
@EACH_CALL
async def test_change_without_a_trace_is_unknown_and_repeatable(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    chat, message, data = prepared(simulator, action)
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN) as unknown:
        await call_action(hass, action, **data)

    assert not isinstance(unknown.value, ServiceValidationError)
    assert len(mutations(simulator)) == 1
    simulator.faults.clear()

    await call_action(hass, action, **data)

    assert CALLS[action].done(chat, message)


@pytest.mark.parametrize("action", ["focus", "notify_anyway"])
async def test_unreadable_outcome_stays_unknown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    simulator.faults.add("drop_after", method="POST")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, action, chat_id=KIM)
    tried = len(mutations(simulator))
    assert tried == 1

    if action == "focus":
        await call_action(hass, action, chat_id=KIM)
        assert len(mutations(simulator)) == 2
        return
    # It would disturb the person again.
    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await call_action(hass, action, chat_id=KIM)
    assert len(mutations(simulator)) == tried
    with pytest.raises(HomeAssistantError, match="rejects the call"):
        await call_action(hass, action, chat_id=KIM, allow_repeat=True)
    assert len(mutations(simulator)) == tried + 1


async def test_both_ids_of_a_chat_share_the_repeat_protection(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    simulator.faults.add("drop_after", method="POST")
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "notify_anyway", chat_id=chat.local_id)

    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await call_action(hass, "notify_anyway", chat_id=KIM)

    assert len(mutations(simulator)) == 1


def lose(simulator: Simulator) -> None:
    """Drop the next change before it runs, without an answer."""
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        simulator.faults.add("drop_before", method=method, path="/v1/chats/*")


async def test_similar_title_is_not_the_new_title(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[KIM].title = "Kim-work"
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "update_chat", chat_id=KIM, title="Kim work")


async def test_a_draft_that_is_stored_as_html_is_found(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[KIM].draft = {"text": "Earlier"}
    simulator.faults.add("delay", method="PATCH")
    simulator.faults.add("drop_before", method="PATCH")
    lost = hass.async_create_task(
        call_action(hass, "update_chat", chat_id=KIM, draft="Hi there")
    )
    await until(lambda: len(mutations(simulator)) == 2)
    simulator.world.chats[KIM].draft = {"text": "<p>Hi there</p>"}

    assert (await lost)["recovered"] is True


@pytest.mark.parametrize("profile", ["latest", "4.2.557"])
async def test_similar_earlier_text_is_not_the_edited_text(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    world = simulator.world
    message = world.send(world.chats[KIM], "Ring at 10-12")
    world.settle()
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(
            hass,
            "edit_message",
            chat_id=KIM,
            message_id=message.id,
            message="Ring at 1012",
        )


@pytest.mark.parametrize("marked", [True, False])
async def test_earlier_read_state_proves_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, marked: bool
) -> None:
    """An own message always is; a chat can be marked unread on top."""
    chat = simulator.world.chats[KIM]
    theirs = simulator.world.incoming(chat, chat.participants[0], "Hi")
    own = own_message(simulator)
    if marked:
        simulator.world.mark_read(chat, theirs.id)
        chat.is_marked_unread = True
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(
            hass,
            "mark_read",
            chat_id=KIM,
            message_id=theirs.id if marked else own.id,
        )


@pytest.mark.parametrize("newest", [True, False])
async def test_mark_unread_checks_the_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, newest: bool
) -> None:
    chat = simulator.world.chats[KIM]
    read = simulator.world.incoming(chat, chat.participants[0], "One")
    simulator.world.mark_read(chat, read.id)
    unread = simulator.world.incoming(chat, chat.participants[0], "Two")
    lose(simulator)
    data = {"chat_id": KIM, "message_id": unread.id if newest else read.id}

    if newest:
        assert (await call_action(hass, "mark_unread", **data))["recovered"] is True
        return
    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "mark_unread", **data)


async def test_a_chat_with_unread_messages_is_unread(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    simulator.world.incoming(chat, chat.participants[0], "Hi")
    lose(simulator)

    assert (await call_action(hass, "mark_unread", chat_id=KIM))["recovered"] is True


async def test_reminder_time_keeps_its_instant(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    for remind_at in ("2126-01-01 11:00:00", "2126-01-01T05:00:00-05:00"):
        await call_action(hass, "set_reminder", chat_id=KIM, remind_at=remind_at)
        reminder = simulator.world.chats[KIM].reminder
        assert reminder == {"remindAt": "2126-01-01T10:00:00+00:00"}


async def test_dismissible_reminder_is_a_different_reminder(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    _remind(chat, chat.messages[-1])
    assert chat.reminder
    chat.reminder["dismissOnIncomingMessage"] = True
    data = {"chat_id": KIM, "remind_at": LATER}
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(
            hass, "set_reminder", **data, dismiss_on_incoming_message=False
        )

    simulator.faults.clear()
    lose(simulator)
    assert (await call_action(hass, "set_reminder", **data))["recovered"] is True


@pytest.mark.parametrize("profile", ["latest", "4.2.557"])
@pytest.mark.parametrize("unread", ["chat", "accounts"])
async def test_reaction_with_unknown_participant_is_not_removed(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, unread: str
) -> None:
    if unread == "accounts":
        simulator.faults.add("garbage", path="/v1/accounts", body="[]", times=None)
    assert await hass.config_entries.async_setup(entry.entry_id)
    chat, message, data = prepared(simulator, "remove_reaction")
    if unread == "chat":
        simulator.faults.add("status_before", method="GET", path=f"/v1/chats/{KIM}")
    lose(simulator)

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "remove_reaction", **data)

    assert not CALLS["remove_reaction"].done(chat, message)


async def test_unsuccessful_answer_is_checked(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("garbage", method="POST", body='{"success": false}')

    assert (await call_action(hass, "mark_read", chat_id=KIM))["recovered"] is True


async def test_reaction_of_someone_else_proves_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat, message, data = prepared(simulator, "add_reaction")
    simulator.world.react(chat, message, chat.participants[0], THUMB)
    simulator.faults.add("drop_before", method="POST", path="/v1/chats/*")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "add_reaction", **data)


async def test_emoji_variants_are_equal(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, message, data = prepared(simulator, "add_reaction")
    data["reaction"] = "❤"
    me = simulator.world.chats[KIM].participants[-1]
    message.reactions.append(
        {"id": me.id, "reactionKey": "❤️", "participantID": me.id, "emoji": True}
    )
    simulator.faults.add("drop_before", method="POST", path="/v1/chats/*")

    assert (await call_action(hass, "add_reaction", **data))["recovered"] is True


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_an_older_message_of_an_old_server_cannot_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat, message, data = prepared(simulator, "edit_message")
    for number in range(120):
        simulator.world.incoming(chat, chat.participants[0], f"Number {number}")
    simulator.faults.add("drop_after", method="PUT")

    with pytest.raises(HomeAssistantError, match=UNKNOWN):
        await call_action(hass, "edit_message", **data)

    assert CALLS["edit_message"].done(chat, message)
    assert len(mutations(simulator)) == 1


# Servers without a version


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("action", ["set_reminder", "remove_reaction"])
async def test_both_request_formats_are_tried_in_order(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    profile: str,
    action: str,
) -> None:
    simulator.faults.add("status_before", path="/v1/info", status=404, times=None)
    simulator.faults.add("status_before", path="/v1/ws", status=404, times=None)
    simulator.profile = replace(simulator.profile, version_header=False)
    assert await hass.config_entries.async_setup(entry.entry_id)
    chat, message, data = prepared(simulator, action)
    if age(profile) < CALLS[action].since:
        with pytest.raises(HomeAssistantError, match="It needs Beeper"):
            await call_action(hass, action, **data)
        return

    await call_action(hass, action, **data)

    assert CALLS[action].done(chat, message)
    assert len(simulator.executed) == 1


@cells
@pytest.mark.parametrize("profile", ["easymatrix"])
@pytest.mark.parametrize("action", ["set_reminder", "remove_reaction"])
@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502])
async def test_second_format_needs_a_proven_rejection(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    status: int,
) -> None:
    _, _, data = prepared(simulator, action)
    for method in ("POST", "DELETE"):
        simulator.faults.add(
            "status_before", method=method, path="/v1/chats/*", status=status
        )

    with pytest.raises(HomeAssistantError):
        await call_action(hass, action, **data)

    assert len(mutations(simulator)) == 1


# Refusals

STATUSES = {
    302: "redirects to another one",
    401: "no longer accepts the access token",
    403: "Beeper does not allow it",
    404: "Beeper does not know this chat, message or reaction",
    409: "a conflict",
    422: "rejects the call",
    429: "too many requests",
}


@cells
@pytest.mark.parametrize(("status", "says"), STATUSES.items())
async def test_refusal_explains_why_nothing_was_changed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    status: int,
    says: str,
) -> None:
    chat, message, data = prepared(simulator, "edit_message")
    simulator.faults.add(
        "status_before",
        method="PUT",
        status=status,
        body={"message": "No", "code": "SOME_CODE"},
    )

    with pytest.raises(HomeAssistantError, match=f"Nothing was changed: .*({says})"):
        await call_action(hass, "edit_message", **data)

    assert not CALLS["edit_message"].done(chat, message)
    assert len(mutations(simulator)) == 1


@cells
@pytest.mark.parametrize("action", [row.job.name for row in CHANGE_ACTIONS])
async def test_read_only_mode_changes_nothing(
    hass: HomeAssistant, simulator: Simulator, action: str
) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    data = {"chat_id": KIM}
    if action in CALLS:
        _, _, data = prepared(simulator, action)

    with pytest.raises(ServiceValidationError, match="allow reading only"):
        await call_action(hass, action, **data)

    assert not mutations(simulator)


@cells
@pytest.mark.parametrize("action", OF_MESSAGE)
@pytest.mark.parametrize(
    ("ids", "error"),
    [
        ({"chat_id": KIM, "message_id": "99999"}, "does not know this message"),
        ({"chat_id": "!x:beeper.com", "message_id": "1"}, "does not know this chat"),
    ],
)
async def test_missing_message_or_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    ids: dict[str, str],
    error: str,
) -> None:
    with pytest.raises(ServiceValidationError, match=error):
        await call_action(hass, action, **{**CALLS[action].data, **ids})

    assert not mutations(simulator)


async def test_mark_missing_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError, match="does not know this chat"):
        await call_action(hass, "mark_read", chat_id="!x:beeper.com")


async def test_only_own_texts_can_be_edited(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = simulator.world.chats[KIM]
    theirs = simulator.world.incoming(chat, chat.participants[0], "Mine")
    picture = own_message(simulator)
    picture.attachments = [{"type": "img"}]
    own = own_message(simulator)
    for message, text, says in (
        (theirs, "x", "only your own messages"),
        (picture, "x", "a message with an attachment"),
        (own, "x" * 70_000, "this chat allows 65536"),
    ):
        with refused(ServiceValidationError, match=says):
            await call_action(
                hass, "edit_message", chat_id=KIM, message_id=message.id, message=text
            )
    assert not mutations(simulator)


async def test_own_message_flagged_as_foreign_can_be_edited(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    account = simulator.world.accounts["whatsapp"]
    account.marks_own = False
    message = own_message(simulator)

    await call_action(
        hass, "edit_message", chat_id=KIM, message_id=message.id, message="Second"
    )

    assert message.text == "Second"


async def test_own_message_without_account_can_be_edited(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    simulator.faults.add("garbage", path="/v1/accounts", body="[]", times=None)
    assert await hass.config_entries.async_setup(entry.entry_id)
    message = own_message(simulator)

    await call_action(
        hass, "edit_message", chat_id=KIM, message_id=message.id, message="Second"
    )

    assert message.text == "Second"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("update_chat", {}, "nothing to change. Fill in at least one of: title"),
    ("update_chat", {"title": ""}, "nothing to change"),
    ("update_chat", {"title": ["x"]}, "title must be text"),
    ("update_chat", {"title": " "}, "title is blank"),
    ("update_chat", {"description": True}, "description must be text"),
    ("update_chat", {"description": "\u200b"}, "description is blank"),
    ("update_chat", {"is_pinned": "maybe"}, "is_pinned must be true or false"),
    ("update_chat", {"is_muted": "x"}, "is_muted must be true or false"),
    ("update_chat", {"is_archived": "x"}, "is_archived must be true or false"),
    ("update_chat", {"is_low_priority": "x"}, "is_low_priority must be true or"),
    ("update_chat", {"message_expiry_seconds": 0}, "must be a whole number from 1"),
    ("update_chat", {"draft": {"text": "x"}}, "draft must be text"),
    ("update_chat", {"draft": "\n"}, "draft is blank"),
    ("update_chat", {"clear": ["is_muted"]}, "clear.* must be one of: title"),
    (
        "update_chat",
        {"clear": "title", "title": "x"},
        "title is given, and also in clear",
    ),
    ("mark_read", {"message_id": " \u200b"}, "message_id is blank"),
    ("mark_unread", {"message_id": ["1"]}, "message_id takes one value, not a list"),
    ("notify_anyway", {"allow_repeat": "x"}, "allow_repeat must be true or false"),
    ("set_reminder", {}, "remind_at is required"),
    ("set_reminder", {"remind_at": "soon"}, "remind_at must be a date"),
    ("set_reminder", {"remind_at": "2020-01-01"}, "remind_at is in the past"),
    ("set_reminder", {"remind_at": "2126-02-30 08:00:00"}, "remind_at must be a date"),
    ("set_reminder", {"remind_at": "2126-01-01T25:00:00"}, "remind_at must be a date"),
    (
        "set_reminder",
        {"remind_at": "9999-12-31 23:59:59-12:00"},
        "remind_at must be a date",
    ),
    ("set_reminder", {"remind_at": 4922935200}, "remind_at must be a date"),
    (
        "set_reminder",
        {"remind_at": LATER, "dismiss_on_incoming_message": "x"},
        "dismiss_on_incoming_message must be true or false",
    ),
    ("clear_reminder", {"remind_at": LATER}, "There is no field remind_at"),
    ("edit_message", {"message": "x"}, "message_id is required"),
    ("edit_message", {"message_id": "1"}, "message is required"),
    ("edit_message", {"message_id": "1", "message": []}, "message is required"),
    ("edit_message", {"message_id": "1", "message": " \n"}, "message is blank"),
    (
        "edit_message",
        {"message_id": "1", "message": "x", "format": "html"},
        "format must be one of: text, markdown",
    ),
    ("delete_message", {"message_id": "1"}, "for_everyone is required. Fill it in"),
    (
        "delete_message",
        {"message_id": "1", "for_everyone": "both"},
        "for_everyone must be true or false",
    ),
    ("delete_message", {"for_everyone": True}, "message_id is required"),
    ("add_reaction", {"message_id": "1"}, "reaction is required"),
    ("remove_reaction", {"reaction": THUMB}, "message_id is required"),
    ("add_reaction", {"message_id": "1", "reaction": 1.5}, "reaction must be text"),
    ("add_reaction", {"message_id": "1", "reaction": 1}, "reaction must be text"),
    ("focus", {"draft_text": True}, "draft_text must be text"),
    ("focus", {"draft_text": " "}, "draft_text is blank"),
]


@cells
@pytest.mark.parametrize(
    ("action", "data", "says"), BAD, ids=[f"{name} {data}" for name, data, _ in BAD]
)
async def test_bad_input_is_named(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
    says: str,
) -> None:
    with refused(ServiceValidationError, match=says):
        await call_action(hass, action, chat_id=KIM, **data)

    assert not mutations(simulator)


@cells
@pytest.mark.parametrize("action", [row.job.name for row in CHANGE_ACTIONS])
async def test_exactly_one_chat_is_required(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    data: dict[str, Any] = {"update_chat": {"is_muted": True}}.get(action, {})
    for where, says in (
        ({"chat_id": KIM, "recipient": "Kim"}, "Both recipient and chat_id are given"),
        (
            {"chat_id": KIM, "account_id": "whatsapp"},
            "account_id can be used only with recipient",
        ),
        ({"entity_id": "notify.other"}, "is not a notify entity of Beeper"),
        ({"recipient": "Nobody like this"}, "matches no person"),
        ({"config_entry_id": "nonsense", "chat_id": KIM}, "nonsense"),
    ):
        complete = {**CALLS[action].data, "message_id": "1"} if action in CALLS else {}
        if action not in (*OF_MESSAGE, "mark_read", "mark_unread"):
            complete.pop("message_id", None)
        with refused(ServiceValidationError, match=says):
            await call_action(hass, action, **{**complete, **data, **where})
    assert not mutations(simulator)


@cells
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("update_chat", {"is_muted": True}),
        ("mark_read", {}),
        ("focus", {"draft_text": "x"}),
        ("focus", {"message_id": "1"}),
    ],
)
async def test_missing_chat_field_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    with pytest.raises(ServiceValidationError, match="The chat is missing"):
        await call_action(hass, action, **data)

    assert not mutations(simulator)


async def test_rejected_field_has_its_action_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    _, _, data = prepared(simulator, "edit_message")
    issues = [{"path": ["body", "text"], "code": "x", "message": "x"}]
    simulator.faults.add(
        "status_before",
        method="PUT",
        status=400,
        body={
            "message": "x",
            "code": "VALIDATION_ERROR",
            "details": {"issues": issues},
        },
    )

    with refused(ServiceValidationError, match="these fields: message"):
        await call_action(hass, "edit_message", **data)


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    with pytest.raises(HomeAssistantError, match="asks for a new one"):
        await call_action(hass, "mark_read", chat_id=INSTAGRAM)
    await hass.async_block_till_done()

    [flow] = hass.config_entries.flow.async_progress()
    assert flow["context"]["source"] == "reauth"
