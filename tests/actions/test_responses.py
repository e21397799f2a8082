"""Snapshots of what each action returns, from every generation of servers."""

from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.repository import SERVICES
from tests.helpers.world import FAMILY, KIM, KIM_BY_NUMBER, PROFILES

CHAT = {"chat_id": FAMILY}
MESSAGE = {**CHAT, "message_id": "4"}
OWN_MESSAGE = {"chat_id": KIM, "message_id": "own"}
CALLS: dict[str, list[dict[str, Any]]] = {
    "create_chat": [
        {**KIM_BY_NUMBER, "message_text": "hi"},
        {"participant_ids": ["15550101002", "15550101004"], "type": "group"},
        {"participants": ["Kim", "Mia"], "type": "group", "title": "Dinner"},
    ],
    "send_message": [
        {**CHAT, "message": "hi"},
        {**CHAT, "message": "hi", "reply_to": "4", "wait": True},
    ],
    "reply": [{"message": "hi"}],
    "ask_question": [{**CHAT, "message": "Tea?", "timeout": 0.1}],
    "find": [{"query": "kim"}, {"query": "+1 555 010 1004"}],
    "list_accounts": [{}],
    "get_chat": [CHAT],
    "download_attachment": [MESSAGE],
    "list_chats": [{}],
    "list_messages": [CHAT],
    "get_message": [MESSAGE],
    "list_labels": [{}],
    "search_messages": [{"query": "cake"}],
    "update_chat": [{**CHAT, "is_pinned": True, "draft": "Who"}],
    "mark_read": [CHAT],
    "mark_unread": [CHAT],
    "notify_anyway": [CHAT],
    "set_reminder": [{**CHAT, "remind_at": "2126-01-01T10:00:00+00:00"}],
    "clear_reminder": [CHAT],
    "edit_message": [{**OWN_MESSAGE, "message": "Second *try*"}],
    "delete_message": [{**OWN_MESSAGE, "for_everyone": True}],
    "add_reaction": [{**MESSAGE, "reaction": "👍"}],
    "remove_reaction": [{**OWN_MESSAGE, "reaction": "👍"}],
    "focus": [{**CHAT, "draft_text": "I am on my way."}],
}


def stable(value: Any) -> Any:
    """Replace what differs between two runs: points in time and folders."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [stable(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(\+\d\d:\d\d|Z)", "<time>", value)
        value = re.sub(r"/\S+/beeper/", "<media>/beeper/", value)
    return value


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("action", "data"),
    [(action, data) for action, calls in CALLS.items() for data in calls],
    ids=lambda value: value if isinstance(value, str) else "_".join(value) or "all",
)
async def test_response(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
    snapshot: SnapshotAssertion,
    action: str,
    data: dict[str, Any],
) -> None:
    """A server that does not support an action gets an error instead."""
    chat = simulator.world.chats[KIM]
    own = simulator.world.send(chat, "First try")
    simulator.world.settle()
    me = chat.participants[-1].id
    own.reactions.append(
        {"id": me, "reactionKey": "👍", "participantID": me, "emoji": True}
    )
    if data.get("message_id") == "own":
        data = {**data, "message_id": own.id}

    response: Any
    try:
        response = await hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )
    except HomeAssistantError as err:
        response = str(err)

    assert stable(response) == snapshot


def test_every_action_is_covered() -> None:
    assert CALLS.keys() == SERVICES.keys()
