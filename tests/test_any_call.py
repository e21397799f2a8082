"""Whatever is thrown at the action: refused without a request, or sent as an SDK would."""

import asyncio
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator

from .sdk import environment

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def one(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


common = {
    "account_id": one("whatsapp", "imessage", "", None),
    "message_text": st.one_of(st.text(), one("hi", 42, 1.5, "\ud800", "", None)),
    "allow_repeat": one(True, False, "yes", "perhaps"),
}
user = st.fixed_dictionaries(
    {},
    optional={
        "id": one("15550101002", 15550101002),
        "email": one("kim@example.com", "kim"),
        "full_name": one("Kim", "  "),
        "phone_number": one("+1 555 010 1002", "tel:+15550101002", "15550101002"),
        "username": one("kim", "@kim", ""),
    },
)
start = st.fixed_dictionaries(
    {"user": user},
    optional=common
    | {"mode": one("start", ""), "allow_invite": one(True, False, "on")},
)
create = st.fixed_dictionaries(
    {
        "participant_ids": one(["15550101002"], ["1", 2], "15550101003", []),
        "type": one("single", "group", "group", "many"),
    },
    optional=common | {"mode": one("create", None), "title": one("Trip", 7, "", None)},
)
fields = one(
    "user", "participant_ids", "type", "title", "message_text", "mode", "other"
)
# Calls as people write them, some with one field of nonsense, and nonsense alone.
calls = st.one_of(
    start,
    create,
    st.builds(
        lambda call, field, value: call | {field: value}, start | create, fields, junk
    ),
    st.dictionaries(st.one_of(fields, st.text(max_size=5)), junk, max_size=4),
)


@pytest.mark.parametrize(
    ("profile", "version"),
    [("4.1.294", "4.3.0"), ("4.2.557", "4.3.0"), ("latest", "6.0.0")],
)
async def test_any_call_is_refused_or_sent_as_the_sdk_would(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, version: str
) -> None:
    hass.config_entries.async_update_entry(
        loaded, options={"chats_per_hour": 0, "duplicate_window": 0}
    )
    await hass.async_block_till_done()
    python = environment(version)
    loop = asyncio.get_running_loop()

    async def attempt(data: dict[str, Any]) -> None:
        """Let nothing through but success and the translated errors."""
        before = len(simulator.requests)
        try:
            await hass.services.async_call("beeper", "create_chat", data, blocking=True)
        except HomeAssistantError as err:
            translated = (err.translation_domain, bool(str(err)))
            if translated != ("beeper", True):
                raise AssertionError(data) from err
        else:
            assert len(simulator.requests) > before

    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(calls)
    def throw(data: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(attempt(data), loop).result(10)

    await hass.async_add_executor_job(throw)

    bodies = [
        ["start" if request.path.endswith("/start") else "create", request.json]
        for request in simulator.requests
        if request.method == "POST" and request.path.startswith("/v1/chats")
    ]
    assert len(bodies) > 20
    process = await asyncio.create_subprocess_exec(
        python,
        Path(__file__).with_name("sdk_accepts.py"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(bodies).encode())
    assert process.returncode == 0
    assert out.decode() == ""
