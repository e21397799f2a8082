"""What is kept of a message is bounded, whatever somebody writes."""

from datetime import timedelta
import gc
import json
from sys import getsizeof
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.data import get_data
from custom_components.beeper.incoming import message_records, read_positions
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.waiting import poll, quiet, until
from tests.helpers.world import FAMILY, KIM, write

pytestmark = pytest.mark.usefixtures("impatient")

LONG = "x" * 60_000
CONTENTS: dict[str, dict[str, Any]] = {
    "text": {"text": LONG},
    "name": {"senderName": LONG},
    "file": {
        "attachments": [{"type": "unknown", "fileName": LONG, "id": f"mxc://{LONG}"}]
    },
    "files": {"attachments": [{"type": "img", "id": "mxc://a/b"}] * 1000},
    "mentions": {"mentions": [f"@{number}:y" for number in range(4000)]},
    "reply": {"linkedMessageID": LONG},
    "type": {"type": LONG},
    "reaction": {"reactions": [{"reactionKey": LONG, "participantID": "@p:y"}]},
    "few reactions": {
        "reactions": [
            {"reactionKey": "\N{THUMBS UP SIGN}", "participantID": f"@p{number}:y"}
            for number in range(200)
        ]
    },
    "many reactions": {
        "reactions": [
            {"reactionKey": "\N{THUMBS UP SIGN}", "participantID": f"@p{number}:y"}
            for number in range(5000)
        ]
    },
}


def kept(*roots: object) -> dict[int, object]:
    """Return what builtin containers and the API's values lead to."""
    found: dict[int, object] = {}
    pending = list(roots)
    while pending:
        value = pending.pop()
        if id(value) in found or isinstance(value, type):
            continue
        is_own = type(value).__module__.startswith("custom_components.beeper")
        if is_own or isinstance(
            value, dict | list | set | frozenset | tuple | str | bytes
        ):
            found[id(value)] = value
            pending += gc.get_referents(value)
    return found


async def test_size_of_seen_messages(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    seen = listening.runtime_data.inbox._seen
    now = dt_util.utcnow()
    page = {
        "items": [
            {
                "id": name,
                "chatID": KIM,
                "accountID": "whatsapp",
                "senderID": "@x:y",
                "type": "TEXT",
                "text": name,
                "timestamp": (now - timedelta(seconds=number)).isoformat(),
                "sortKey": str(9_000_000_000 - number),
                **content,
            }
            for number, (name, content) in enumerate(CONTENTS.items())
        ],
        "hasMore": False,
    }
    simulator.faults.add(
        "garbage", path="*/messages", body=json.dumps(page), times=None
    )
    write(simulator, LONG)
    await until(lambda: {*CONTENTS} <= {event.message.id for event in events})
    await poll(hass, listening)
    await quiet(simulator)

    rows = seen.records.by_key.values()
    by_id = {row.message.id: row for row in rows if row.message}
    for name in CONTENTS:
        parts = kept(by_id[name])
        size = sum(map(getsizeof, parts.values()))
        assert size < (64_000 if "reactions" in name else 8_000), name
    # Nothing else remembers what was written.
    event_types = [event.type for event in events]
    events.clear()
    outbox = get_data(hass).outboxes[listening.entry_id]
    inbox = listening.runtime_data.inbox
    for value in kept(
        seen.records.by_key,
        seen.records.by_identity,
        inbox._active,
        outbox.replies._chats,
    ).values():
        assert not isinstance(value, str) or len(value) <= 255
    # Reactions are noticed up to a bound.
    assert event_types.count("reaction_added") == 200


async def test_only_the_newest_messages_are_followed(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a burst, the others are remembered so that they are not published again."""
    monkeypatch.setattr(message_records, "_FOLLOWED", 5)
    seen = listening.runtime_data.inbox._seen
    old = [write(simulator, f"{number}", ago=30 - number) for number in range(30)]
    for number in range(10):
        write(simulator, f"ahead {number}", ago=-86400 - number)
    await until(lambda: len(events) == 40)
    await poll(hass, listening)
    await quiet(simulator)
    seen.forget_old()
    outlines = [row for row in seen.records.by_key.values() if row.message]
    assert len(outlines) <= 10
    simulator.edit(KIM, old[-1].id, "edited")
    await until(lambda: len(events) == 41)
    simulator.edit(KIM, old[0].id, "not followed")
    write(simulator, "last")
    await until(lambda: len(events) == 42)
    await quiet(simulator)
    assert [event.type for event in events[40:]] == [
        "message_edited",
        "message_received",
    ]


async def test_only_the_latest_chats_are_known_to_be_read(
    hass: HomeAssistant,
    listening: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_positions, "_KEPT", 1)
    for chat_id in (KIM, FAMILY, KIM):
        count = len(events)
        write(simulator, "hi", chat_id=chat_id)
        await until(lambda count=count: len(events) > count)  # type: ignore[misc]
    await quiet(simulator)
    assert len(listening.runtime_data.inbox._seen.positions._positions) == 1
