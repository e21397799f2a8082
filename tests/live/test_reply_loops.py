"""Automations that answer: people are answered, other automatic systems only for a while."""

import asyncio
from contextlib import suppress

import pytest

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .conftest import OpenChat
from .home import Home, wait_until
from .matrix import Person
from .servers import EasyMatrix

_ANSWER = {
    "alias": "Answer",
    "mode": "queued",
    "max": 100,
    "triggers": {"trigger": f"{DOMAIN}.message_received"},
    "actions": {
        "action": f"{DOMAIN}.send_message",
        "data": {
            "config_entry_id": "{{ trigger.config_entry_id }}",
            "chat_id": "{{ trigger.chat_id }}",
            "message": "Answer to {{ trigger.text }}",
        },
    },
}


@pytest.fixture
async def answering(home: Home) -> Home:
    """Return a Home Assistant that answers every message."""
    home.automations.append(_ANSWER)
    await home.restart()
    return home


def stopped(hass: HomeAssistant) -> list[str]:
    """Return the automations that repair issues name."""
    return [
        issue.translation_placeholders["automations"]
        for issue in ir.async_get(hass).issues.values()
        if issue.translation_key == "reply_loop" and issue.translation_placeholders
    ]


async def test_person_who_writes_eight_commands_in_24_seconds(
    answering: Home, owner: Person, bob: Person, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    commands = [f"command {number}" for number in range(8)]

    for command in commands:
        await bob.write(chat_id, command)
        await asyncio.sleep(3)

    answers = [f"Answer to {command}" for command in commands]
    assert [text for text in await bob.texts(chat_id) if text in answers] == answers
    assert stopped(answering.hass) == []


async def test_two_integrations_that_answer_each_other_at_once(
    answering: Home, bob: Person, bobs_server: EasyMatrix, open_chat: OpenChat
) -> None:
    chat_id = await open_chat(bob)
    await bobs_server.wait_for_chat(chat_id)
    first_entry = answering.entry
    await answering.add_server(bobs_server)
    assert answering.entry is not first_entry

    await bob.write(chat_id, "Hello")

    await wait_until(lambda: stopped(answering.hass), "nothing stopped them", 60)
    await asyncio.sleep(5)
    texts = await bob.texts(chat_id)
    await asyncio.sleep(5)
    assert await bob.texts(chat_id) == texts
    assert 5 <= len(texts) <= 13
    assert stopped(answering.hass) == ["Answer"]


async def test_system_that_answers_after_five_seconds(
    answering: Home, bob: Person, open_chat: OpenChat
) -> None:
    answering.hass.config_entries.async_update_entry(
        answering.entry, options={"answers_per_minute": 4}
    )
    chat_id = await open_chat(bob)

    written = 0
    with suppress(TimeoutError):
        while written < 12:
            await bob.write(chat_id, f"Bot {written}")
            written += 1
            async with asyncio.timeout(15):
                while f"Answer to Bot {written - 1}" not in await bob.texts(chat_id):
                    await asyncio.sleep(0.5)
            await asyncio.sleep(5)

    texts = await bob.texts(chat_id)
    answers = [text for text in texts if text.startswith("Answer")]
    assert answers == [f"Answer to Bot {number}" for number in range(4)]
    assert stopped(answering.hass) == ["Answer"]
