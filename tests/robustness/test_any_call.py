"""Any call of an action: refused without a request, or sent as the SDK would."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import sent
from tests.helpers.entities import add_chat
from tests.helpers.fuzzing import throw
from tests.helpers.media import Door
from tests.helpers.sdk import environment
from tests.helpers.world import FAMILY, KIM

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
by_name = st.one_of(
    st.fixed_dictionaries(
        {
            "recipient": one(
                "Kim", "KIM ", "@kim", "i", "+1 555 010 1002", 5601, "\u0301"
            )
        },
        optional=common | {"mode": one("start", "")},
    ),
    st.fixed_dictionaries(
        {
            "participants": one(["Kim"], ["Kim", "mia"], "Alex", ["+1 555 010 7777"]),
            "type": one("single", "group"),
        },
        optional=common
        | {"title": one("Trip", ""), "if_exists": one("create", "reuse", "refuse")},
    ),
)
chat_fields = one(
    "recipient",
    "participants",
    "if_exists",
    "user",
    "participant_ids",
    "type",
    "title",
    "message_text",
    "mode",
    "other",
)
# Calls as people write them, some with one field of nonsense, and nonsense alone.
chats = st.one_of(
    start,
    create,
    by_name,
    st.builds(
        lambda call, field, value: call | {field: value},
        start | create | by_name,
        chat_fields,
        junk,
    ),
    st.dictionaries(st.one_of(chat_fields, st.text(max_size=5)), junk, max_size=4),
)


KINDS = {"start": "chat_start", "messages": "message_send"}
GENERATIONS = pytest.mark.parametrize(
    ("profile", "version"),
    [("4.1.294", "4.3.0"), ("4.2.557", "4.3.0"), ("latest", "6.0.0")],
)

where = one(
    {"chat_id": KIM},
    {"chat_id": FAMILY},
    {"recipient": "family"},
    {"recipient": "Kim", "account_id": "whatsapp"},
    {"recipient": "kim"},
    {"chat_id": 5601},
    {"entity_id": "notify.kim", "chat_id": ""},
    {"entity_id": ["notify.kim"]},
    {"chat_id": "!nobody:beeper.com"},
)
what = st.one_of(
    st.builds(lambda text: {"message": text}, st.text(min_size=1)),
    one(
        {"message": "**hi**", "format": "markdown"},
        {"message": 42, "format": ""},
        {"message": 1.5, "reply_to": 1},
        {"message": "hi", "reply_to": "99"},
        {"message": "\ud800"},
        {"message": "x" * 70_000},
        {"message": "hi", "format": "html"},
        {"message": "", "attachment": "camera.door", "file_name": "door.png"},
        {"message": None, "attachment": ""},
        {"message": "hi", "file_name": "door.png"},
    ),
    st.builds(
        lambda location: {"message": "hi", "attachment": location},
        one(
            "camera.door",
            {"media_content_id": "media-source://camera/camera.door"},
            "camera.nowhere",
            "/etc/passwd",
            "http://127.0.0.1/",
            "ftp://example.com/x",
        ),
    ),
)
send = st.builds(lambda where, what: where | what, where, what)
message_fields = one(
    "recipient",
    "account_id",
    "chat_id",
    "entity_id",
    "message",
    "format",
    "reply_to",
    "attachment",
    "file_name",
    "allow_repeat",
    "other",
)
messages = st.one_of(
    send,
    send,
    st.builds(
        lambda call, field, value: call | {field: value}, send, message_fields, junk
    ),
    st.dictionaries(st.one_of(message_fields, st.text(max_size=5)), junk, max_size=4),
)
searches = st.one_of(
    st.fixed_dictionaries(
        {"query": st.one_of(st.text(), one("kim", "+1 555 010 1002", "@a", 5601))},
        optional={"account_id": one("whatsapp", "imessage", "nowhere", "", None)},
    ),
    st.dictionaries(one("query", "account_id", "other"), junk, max_size=3),
)
# Reads of the coordinator.
LOOKS = {"/v1/info", "/v1/accounts", "/v1/chats", "/v1/chats/search", "/v1/ws"}


@GENERATIONS
async def test_any_create_chat_call_matches_the_sdk(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, version: str
) -> None:
    hass.config_entries.async_update_entry(
        loaded, options={"chats_per_hour": 0, "duplicate_window": 0}
    )
    await hass.async_block_till_done()
    python = environment(version)

    async def attempt(data: dict[str, Any]) -> None:
        before = len(simulator.requests)
        if await call(hass, "create_chat", data) is None:
            assert len(simulator.requests) > before

    await throw(hass, chats, attempt)

    bodies = [
        [KINDS.get(request.path.rpartition("/")[2], "chat_create"), request.json]
        for request in simulator.requests
        if request.method == "POST" and request.path.startswith("/v1/chats")
    ]
    assert len(bodies) > 20
    assert await objections(python, bodies) == ""


@GENERATIONS
async def test_any_query_can_be_searched(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, version: str
) -> None:
    async def attempt(data: dict[str, Any]) -> None:
        await call(hass, "find", data, return_response=True)

    await throw(hass, searches, attempt)

    assert not simulator.executed


@GENERATIONS
async def test_any_send_message_call_matches_the_sdk(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    camera: Door,
    version: str,
) -> None:
    await add_chat(hass, loaded)
    python = environment(version)

    async def attempt(data: dict[str, Any]) -> None:
        """A call that is wrong in itself is refused before anything else happens."""
        before, sent_before = len(simulator.requests), sent(simulator)
        refusal = await call(hass, "send_message", data)
        if refusal is None:
            assert sent(simulator) == sent_before + 1
            return
        assert sent(simulator) == sent_before
        if not refusal.startswith("Nothing was "):
            made = {request.path for request in simulator.requests[before:]}
            assert made <= LOOKS, refusal

    await throw(hass, messages, attempt)

    bodies = [
        ["message_send", request.json]
        for request in simulator.requests
        if request.method == "POST" and request.path.endswith("/messages")
    ]
    assert len(bodies) > 20
    assert await objections(python, bodies) == ""


paging = {
    "limit": one(1, 20, "33", 200, 0, 201, "all", True),
    "cursor": one("", None, "x", "WyJjaGF0cyIsIG51bGwsIG51bGxd"),
    "account_ids": one("whatsapp", ["whatsapp", "telegram"], [1], [None], []),
    "include_muted": one(True, "off", "perhaps"),
}
moments = one(
    "2026-11-22 08:00:00",
    "2026-11-22",
    "0001-01-01",
    "9999-12-31T23:59:59-12:00",
    "now",
    20261122,
    None,
)
chat_filters = st.fixed_dictionaries(
    {},
    optional=paging
    | {
        "query": st.one_of(st.text(max_size=10), one("kim", 7, " ")),
        "scope": one("titles", "participants", "all"),
        "type": one("single", "group", "any", 1),
        "inbox": one("primary", "low-priority", "archive", "spam"),
        "unread_only": one(True, "no", []),
        "label_id": one("home", ""),
        "last_activity_before": moments,
        "last_activity_after": moments,
    },
)
message_filters = st.fixed_dictionaries(
    {},
    optional=paging
    | {
        "query": st.one_of(st.text(max_size=10), one("e", 7, "\ud800")),
        "chat_ids": one(KIM, [KIM, FAMILY], 5601, {}),
        "chat_type": one("single", "group", "any"),
        "media_types": one("any", ["image", "link"], ["audio"], 5),
        "sender": one("me", "others", "@15550101002:beeper.com", True),
        "exclude_low_priority": one(True, "off", "perhaps"),
        "date_after": moments,
        "date_before": moments,
    },
)
filter_fields = one(
    "query", "limit", "cursor", "chat_ids", "type", "date_after", "other"
)


def junked(calls: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return calls, some with a field of nonsense."""
    more = st.dictionaries(filter_fields | st.text(max_size=5), junk, max_size=1)
    return calls | st.builds(lambda call, field: call | field, calls, more)


@GENERATIONS
@pytest.mark.parametrize(
    ("action", "kind", "path", "calls"),
    [
        ("list_chats", "chat_search", "/v1/chats/search", junked(chat_filters)),
        (
            "search_messages",
            "message_search",
            "/v1/messages/search",
            junked(message_filters),
        ),
    ],
    ids=["chats", "messages"],
)
async def test_any_query_call_matches_the_sdk(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    version: str,
    action: str,
    kind: str,
    path: str,
    calls: st.SearchStrategy[dict[str, Any]],
) -> None:
    python = environment(version)

    async def attempt(data: dict[str, Any]) -> None:
        def asked() -> int:
            return sum(request.path == path for request in simulator.requests)

        before = asked()
        refusal = await call(hass, action, data, return_response=True)
        if refusal is None:
            assert asked() > before
        elif not refusal.startswith("Nothing was read: Beeper rejects"):
            assert asked() == before, refusal

    await throw(hass, calls, attempt)

    bodies = [
        [kind, read_query(request.query)]
        for request in simulator.requests
        if request.path == path
    ]
    assert len(bodies) > 20
    assert await objections(python, bodies) == ""


def read_query(query: str) -> dict[str, Any]:
    """Return a query with the types that its texts stand for."""
    read: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name in ("accountIDs", "chatIDs", "mediaTypes"):
            read.setdefault(name, []).append(text)
        else:
            is_text = name in ("query", "cursor", "labelID", "sender")
            read[name] = text if is_text else WORDS.get(text, text)
            if name == "limit":
                read[name] = int(text)
    return read


WORDS: dict[str, bool] = {"true": True, "false": False}


async def call(
    hass: HomeAssistant,
    action: str,
    data: dict[str, Any],
    *,
    return_response: bool = False,
) -> str | None:
    """Let nothing through but success, as None, and translated errors, as their text."""
    try:
        json.dumps(
            await hass.services.async_call(
                "beeper", action, data, blocking=True, return_response=return_response
            )
        )
    except HomeAssistantError as err:
        text = str(err)
        if (err.translation_domain, bool(text)) != ("beeper", True):
            raise AssertionError(data) from err
        return text
    return None


async def objections(python: Path, bodies: list[list[Any]]) -> str:
    """Return the SDK's validation errors for these bodies."""
    process = await asyncio.create_subprocess_exec(
        python,
        Path(__file__).parents[1] / "helpers/sdk_accepts.py",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(bodies).encode())
    assert process.returncode == 0
    return out.decode()
