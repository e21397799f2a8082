"""A server that is unloaded while a name is looked up: refused, and nothing goes out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import llm
from simulator import Simulator
from tests.helpers.actions import call_action
from tests.helpers.entities import MESSAGE_SHORTCUT, add_chat, add_shortcut, press
from tests.helpers.talking import TO_MIA, say, set_options
from tests.helpers.waiting import until

KIM = {"recipient": "Kim", "account_id": "whatsapp"}
MESSAGE: dict[str, Any] = {**KIM, "message_id": "4"}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("create_chat", {"recipient": "Kim"}),
    "start with a text": ("create_chat", {"recipient": "Kim", "message_text": "Hi"}),
    "single": ("create_chat", {"participants": ["Kim"], "type": "single"}),
    "group": ("create_chat", {"participants": ["Kim", "Mia"], "type": "group"}),
    "send_message": ("send_message", {**KIM, "message": "Hi"}),
    "reply": (
        "send_message",
        {**KIM, "message": "Hi", "reply_to": "4", "wait": True},
    ),
    "of any account": (
        "send_message",
        {"recipient": "family", "message": "Hi"},
    ),
    "update_chat": ("update_chat", {**KIM, "is_pinned": True}),
    "mark_read": ("mark_read", {**KIM}),
    "mark_unread": ("mark_unread", {**KIM}),
    "notify_anyway": ("notify_anyway", {**KIM}),
    "set_reminder": (
        "set_reminder",
        {**KIM, "remind_at": "2099-01-01T10:00:00+00:00"},
    ),
    "clear_reminder": ("clear_reminder", {**KIM}),
    "edit_message": ("edit_message", {**MESSAGE, "message": "hi"}),
    "delete_message": ("delete_message", {**MESSAGE, "for_everyone": False}),
    "add_reaction": ("add_reaction", {**MESSAGE, "reaction": "👍"}),
    "remove_reaction": ("remove_reaction", {**MESSAGE, "reaction": "👍"}),
    "focus": ("focus", {**KIM}),
    "list_messages": ("list_messages", {**KIM}),
    "get_chat": ("get_chat", {**KIM}),
    "get_message": ("get_message", MESSAGE),
    "download_attachment": ("download_attachment", MESSAGE),
}
LOOKUPS = ("/v1/chats/search", "/v1/accounts/*/contacts*")

type End = Callable[[HomeAssistant, MockConfigEntry], Awaitable[object]]


async def unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(entry.entry_id)


async def reload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await hass.config_entries.async_reload(entry.entry_id)


async def remove(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_remove(entry.entry_id)


async def during_lookup(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    end: End,
    call: Awaitable[Any],
) -> Any:
    """Return the result or error of a call in whose lookup the entry ends."""
    slow = [
        simulator.faults.add("delay", path=path, seconds=0.3, times=None)
        for path in LOOKUPS
    ]
    calling = asyncio.ensure_future(call)
    await until(lambda: calling.done() or any(fault.hits for fault in slow))
    assert not calling.done(), "it looks nobody up"
    await end(hass, entry)
    await asyncio.wait([calling])
    result = calling.exception() or calling.result()
    if end is reload:
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert not simulator.executed
    return result


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("end", [unload, reload, remove])
async def test_action_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    end: End,
    name: str,
) -> None:
    action, data = CALLS[name]
    answers = hass.services.supports_response(DOMAIN, action)
    call = hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=bool(answers.value)
    )

    error = await during_lookup(hass, simulator, loaded, end, call)

    assert isinstance(error, HomeAssistantError)
    assert (error.translation_domain, error.translation_key) == (DOMAIN, "unloaded")


@pytest.mark.parametrize("end", [unload, reload, remove])
@pytest.mark.parametrize("confirm", ["never", "always"])
async def test_spoken_message_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: None,
    end: End,
    confirm: str,
) -> None:
    await set_options(hass, loaded, confirm=confirm)
    await hass.async_block_till_done()

    answer = await during_lookup(hass, simulator, loaded, end, say(hass, TO_MIA))

    assert answer == "Beeper is not connected at the moment, so nothing was done."


@pytest.mark.parametrize("end", [unload, reload, remove])
async def test_spoken_question_about_unread_messages_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: None,
    end: End,
) -> None:
    await hass.async_block_till_done()
    call = say(hass, "Read my WhatsApp messages from Kim")
    answer = await during_lookup(hass, simulator, loaded, end, call)
    assert answer == "Beeper is not connected at the moment, so nothing was done."


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("send_message", {"recipient": "Kim", "message": "Hi", "network": "WhatsApp"}),
        ("create_chat", {"recipient": "Zoe", "message": "Hi"}),
        ("find_person", {"name": "Kim"}),
        ("read_unread", {"recipient": "Kim"}),
    ],
)
@pytest.mark.parametrize("end", [unload, reload, remove])
async def test_language_model_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: None,
    end: End,
    tool: str,
    args: dict[str, str],
) -> None:
    await set_options(hass, loaded, llm_can_send=True, confirm="never")
    await hass.async_block_till_done()
    api = await llm.async_get_api(
        hass, "assist", llm.LLMContext("test", Context(), "en", "conversation", None)
    )
    call = api.async_call_tool(
        llm.ToolInput(tool_name=f"beeper__{tool}", tool_args=args)
    )

    result = await during_lookup(hass, simulator, loaded, end, call)

    assert "not connected" in str(result)


async def test_unloading_closes_entities_and_actions_at_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Unloading waits for running requests; new requests are refused."""
    chat = await add_chat(hass, loaded)
    await add_shortcut(hass, loaded, MESSAGE_SHORTCUT)
    slow = simulator.faults.add("delay_after", path="*/messages", seconds=0.3)
    first = hass.async_create_task(
        call_action(hass, "send_message", entity_id=chat, message="first")
    )
    await until(lambda: slow.hits)
    unloading = hass.async_create_task(
        hass.config_entries.async_unload(loaded.entry_id)
    )
    await until(lambda: loaded.state is ConfigEntryState.UNLOAD_IN_PROGRESS)

    for late in (
        call_action(hass, "send_message", entity_id=chat, message="late"),
        hass.services.async_call(
            "notify",
            "send_message",
            {"entity_id": chat, "message": "late"},
            blocking=True,
        ),
        press(hass),
    ):
        with pytest.raises(HomeAssistantError) as error:
            await late
        assert error.value.translation_key

    assert await unloading
    assert (await first)["message_id"]
    assert [request.json["text"] for request in simulator.executed] == ["first"]
