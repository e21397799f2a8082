"""One text, in whichever width of its spaces: the same call is recognized."""

import asyncio
from itertools import permutations, product
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import create_chat_job, outbox
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.actions import call_action
from tests.helpers.outcomes import outcome_of
from tests.helpers.world import contact

FORMS = ("Dinner is *ready*", "Dinner is *ready*\n", " Dinner  is *ready* ")
"""YAML ends the text of a block with a new line, and templates add spaces."""

ACTIONS = (("send_message", "message"), ("create_chat", "message_text"))
ENDS = {
    "done": {"send_message": "done", "create_chat": "duplicate"},
    "ran": dict.fromkeys(("send_message", "create_chat"), "recovered"),
    "lost": dict.fromkeys(("send_message", "create_chat"), "unknown"),
}


@pytest.mark.parametrize("first", [*ENDS])
async def test_spaces_make_no_other_text(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
) -> None:
    monkeypatch.setattr(create_chat_job, "_TEXT_WINDOW", 600)
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    account = simulator.world.accounts["telegram"]
    pairs = [*product(ACTIONS, permutations(FORMS, 2))]
    chats = []
    for number in range(len(pairs)):
        person = contact(simulator, f"@telegram_{number}:beeper.com", account.id)
        chats.append(simulator.world.add_chat(account, [person]))

    async def call_all(which: int) -> list[str]:
        calls = []
        for ((action, field), texts), chat in zip(pairs, chats, strict=True):
            data: dict[str, Any] = {"chat_id": chat.id}
            if action == "create_chat":
                user = {"id": chat.participants[0].id}
                data = {"account_id": account.id, "user": user}
            calls.append(call_action(hass, action, **data, **{field: texts[which]}))
        return await asyncio.gather(*map(outcome_of, calls))

    if first != "done":
        kind = "drop_after" if first == "ran" else "drop_before"
        simulator.faults.add(kind, method="POST", path="/v1/chats/*", times=None)
    assert {*await call_all(0)} == {"done" if first == "done" else "unknown"}
    simulator.faults.clear()
    ends = await call_all(1)

    assert ends == [ENDS[first][action] for (action, _), _ in pairs]
    written = [sum(row.sender.is_self for row in chat.messages) for chat in chats]
    once, twice = (0, 0) if first == "lost" else (1, 1 + (first == "done"))
    assert written == [
        once if action == "create_chat" else twice for (action, _), _ in pairs
    ]
