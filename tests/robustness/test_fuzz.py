"""Any answer of a server: parsed, or refused with an API error, never misread.

Each run tries the same examples, so that a test that fails fails again. `FUZZ_EXAMPLES`
says how many each property is tried with, and then they are others in each run.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import copy
from datetime import UTC, datetime
import json
import logging
import random
from typing import Any

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api.exceptions import (
    AnswerError,
    BeeperError,
    UnreadableAnswerError,
)
from custom_components.beeper.api.http_responses import error_of_status, parse_body
from custom_components.beeper.api.models import (
    Account,
    Chat,
    ChatResult,
    CreationRules,
    ListedChat,
    Message,
    MessageSearchResult,
    Page,
    ReceivedAttachment,
    SentMessage,
    ServerInfo,
    Upload,
    User,
    read_labels,
)
from custom_components.beeper.api.requests import WIRE_NAMES, StartUser
from custom_components.beeper.api.rich_text import plain
from custom_components.beeper.outgoing.text_matching import same_text
from custom_components.beeper.signals import MessageEvent
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import json_bytes
from simulator import Simulator
from tests.helpers.fuzzing import EXAMPLES, throw
from tests.helpers.listening import texts
from tests.helpers.servers import TOKEN
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM

READERS: dict[str, Callable[[Any], Any]] = {
    "info": ServerInfo.from_dict,
    "user": User.from_dict,
    "users": lambda body: Page.from_dict(body, User.from_dict),
    "rules": CreationRules.from_dict,
    "account": Account.from_dict,
    "accounts": lambda body: [
        Account.from_dict(item) for item in (body if isinstance(body, list) else [])
    ],
    "listed": lambda body: Page.from_dict(body, ListedChat.from_dict),
    "chat": Chat.from_dict,
    "chats": lambda body: Page.from_dict(body, Chat.from_dict),
    "result": ChatResult.from_dict,
    "uploaded": Upload.from_dict,
    "sent": SentMessage.from_dict,
    "attached": ReceivedAttachment.from_dict,
    "message": Message.from_dict,
    "messages": lambda body: Page.from_dict(body, Message.from_dict),
    "found": MessageSearchResult.from_dict,
    "labels": read_labels,
}
# Real answers, by the function that reads them.
ASKED = {
    "info": "/v1/info",
    "accounts": "/v1/accounts",
    "users": "/v1/accounts/whatsapp/contacts/list",
    "rules": "/v1/bridges/whatsapp/capabilities",
    "listed": "/v1/chats/search",
    "chat": f"/v1/chats/{FAMILY}",
    "chats": "/v1/chats",
    "messages": f"/v1/chats/{FAMILY}/messages",
    "found": "/v1/messages/search?query=e",
    "labels": "/v1/labels",
}
KEYS = sorted(
    {
        *WIRE_NAMES.values(),
        *("items", "hasMore", "oldestCursor", "participants", "isSelf", "timestamp"),
        *("app", "server", "name", "status", "version", "bundle_id", "network"),
        *(
            "lastActivity",
            "preview",
            "reactions",
            "participantID",
            "sortKey",
            "senderID",
        ),
        *("attachments", "unreadCount", "capabilities", "maxTextLength", "labels"),
        *("bridge", "group_creation", "min_length", "chats", "merge", "remindAt"),
        *("sendStatus", "mentions", "fileSize", "editedTimestamp", "pendingMessageID"),
    }
)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**30), 2**63, 2**53, 10**4000, 1e308, -0.0]),
    st.floats(),
    st.text(max_size=10),
    st.text(st.characters(categories=["Cs", "Cc", "So"]), max_size=3),
    st.sampled_from(
        [
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.999999-23:59",
            "2026-11-22T25:00:00Z",
            "20261122T080000",
            "<" * 2000,
            "<p>" * 500,
            "&#x110000;&#99999999999;&nbsp",
            "<mx-reply>",
            "..",
            "",
            "!x:" + "y" * 5000,
            "mxc://../..",
        ]
    ),
)
anything = st.recursive(
    odd,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=6
        )
    ),
    max_leaves=20,
)


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths to all that is in a body."""
    inner = (
        body.items()
        if isinstance(body, dict)
        else enumerate(body)
        if isinstance(body, list)
        else ()
    )
    found = [path]
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def bent(body: Any, rng: random.Random, values: list[Any]) -> Any:
    """Return a body with some values replaced or removed."""
    body = copy.deepcopy(body)
    for value in values:
        *path, last = rng.choice(places(body)[1:] or [()]) or (None,)
        if last is None:
            return value
        inner = body
        for key in path:
            inner = inner[key]
        if rng.random() < 0.2:
            del inner[last]
        else:
            inner[last] = value
    return body


bends = st.tuples(
    st.randoms(use_true_random=False), st.lists(anything, min_size=1, max_size=4)
)


async def real_answers(simulator: Simulator) -> dict[str, Any]:
    """Return an answer of a benign server."""
    answers = {}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for name, path in ASKED.items():
            async with session.get(simulator.url + path) as response:
                assert response.status == 200, name
                answers[name] = await response.json()
    simulator.requests.clear()
    return answers


def tried(examples: int = EXAMPLES) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )


def use(value: Any) -> None:
    """Use a model as all modules do."""
    match value:
        case Page():
            for item in value.items:
                use(item)
        case MessageSearchResult():
            use(value.page)
            for chat in value.chats.values():
                use(chat)
        case Message():
            value.order()
            plain(value.text or "")
            same_text("Hi", value.text or "")
            hash(value)
        case Chat():
            assert value.ids
            for user in value.participants:
                use(user)
            if value.preview:
                use(value.preview)
        case User():
            value.matches_id("@15550101002:x.localhost", "whatsapp")
            value.matches(
                StartUser(phone_number="+15550101002", username="kim"), "whatsapp"
            )
            assert value.id
        case Account():
            assert value.account_id
            assert isinstance(value.name, str)
    repr(value)


def test_any_json_is_parsed_or_refused() -> None:
    @tried()
    @given(anything)
    def check(value: Any) -> None:
        # As it comes: NaN, halves of surrogates and all.
        body = parse_body(json.dumps(value).encode())
        for read in READERS.values():
            with suppress(BeeperError):
                use(read(body))

    check()


async def test_mutated_answers_are_parsed_or_refused(simulator: Simulator) -> None:
    answers = await real_answers(simulator)
    for name, answer in answers.items():
        use(READERS[name](answer))

    @tried()
    @given(st.sampled_from(sorted(answers)), st.sampled_from(sorted(READERS)), bends)
    def check(name: str, other: str, bend: tuple[random.Random, list[Any]]) -> None:
        body = bent(answers[name], *bend)
        for reader in (name, other):
            with suppress(BeeperError):
                use(READERS[reader](body))

    check()


def test_any_bytes_are_json_or_refused() -> None:
    scraps = st.sampled_from(
        [
            b"{",
            b"}",
            b"[",
            b"]",
            b'"',
            b":",
            b",",
            b"\\u",
            b"\xed\xa0",
            b"1e999",
            b"NaN",
        ]
    )

    @tried()
    @given(
        st.lists(scraps | st.binary(max_size=8), max_size=12).map(b"".join),
        st.integers(300, 599),
    )
    def check(raw: bytes, status: int) -> None:
        with suppress(UnreadableAnswerError):
            parse_body(raw)
        error = error_of_status(status, raw)
        assert isinstance(error, AnswerError)
        assert error.status == status

    check()


READING: dict[str, tuple[str, dict[str, Any], str]] = {
    "accounts": ("list_accounts", {}, "/v1/accounts"),
    "chat": ("get_chat", {"chat_id": FAMILY}, "/v1/chats/*"),
    "chats": ("list_chats", {}, "/v1/chats/search"),
    "messages": ("list_messages", {"chat_id": FAMILY}, "*/messages"),
    "found": ("search_messages", {"query": "e"}, "/v1/messages/search"),
    "labels": ("list_labels", {}, "/v1/labels"),
    "users": ("find", {"query": "kim"}, "*/contacts/list"),
}


async def test_mutated_answers_never_crash_an_action(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Results can be serialized: Home Assistant writes strict JSON."""
    answers = await real_answers(simulator)

    async def attempt(drawn: tuple[str, tuple[random.Random, list[Any]]]) -> None:
        name, bend = drawn
        action, data, path = READING[name]
        body = json.dumps(bent(answers[name], *bend))
        simulator.faults.clear()
        simulator.faults.add("garbage", method="GET", path=path, body=body, times=None)
        try:
            response = await hass.services.async_call(
                "beeper", action, data, blocking=True, return_response=True
            )
        except HomeAssistantError as err:
            if err.translation_domain != "beeper":
                raise
        else:
            json_bytes(response)

    await throw(
        hass, st.tuples(st.sampled_from(sorted(READING)), bends), attempt, EXAMPLES // 5
    )


async def test_huge_numbers_can_be_shown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    answer = (await real_answers(simulator))["chats"]
    answer["items"][0] |= {"unreadCount": 10**30, "unreadMentionsCount": 2**63}
    body = json.dumps(answer)
    simulator.faults.add("garbage", path="/v1/chats/search", body=body, times=None)

    response = await hass.services.async_call(
        "beeper", "list_chats", {}, blocking=True, return_response=True
    )
    await loaded.runtime_data.async_refresh()

    assert b'"unread_count":0' in json_bytes(response)
    assert loaded.runtime_data.last_update_success


async def test_mutated_answers_never_crash_background_tasks(
    hass: HomeAssistant,
    simulator: Simulator,
    impatient: None,
    listening: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sensors, the inbox and all that polls: not one traceback."""
    answers = await real_answers(simulator)
    paths = {
        "accounts": "/v1/accounts",
        "chats": "/v1/chats",
        "listed": "/v1/chats/search",
        "chat": "/v1/chats/*",
        "messages": "*/messages",
        "info": "/v1/info",
    }

    async def attempt(drawn: tuple[str, tuple[random.Random, list[Any]]]) -> None:
        name, bend = drawn
        body = json.dumps(bent(answers[name], *bend))
        simulator.faults.clear()
        simulator.faults.add(
            "garbage", method="GET", path=paths[name], body=body, times=None
        )
        simulator.incoming(KIM, None, "Hi")
        await listening.runtime_data.async_refresh()
        await asyncio.sleep(0.02)
        simulator.faults.clear()

    caplog.set_level(logging.WARNING)
    asyncio.get_running_loop().set_debug(False)  # It is slow.
    await throw(
        hass, st.tuples(st.sampled_from(sorted(paths)), bends), attempt, EXAMPLES // 10
    )

    assert "Unexpected" not in caplog.text
    assert [record for record in caplog.records if record.exc_info] == []


async def test_no_frame_publishes_false_events(
    hass: HomeAssistant,
    simulator: Simulator,
    impatient: None,
    listening: MockConfigEntry,
    events: list[MessageEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Any frames in any order: every message is published once, and no other."""
    ids = [
        message.id
        for chat_id in (KIM, FAMILY)
        for message in simulator.world.chats[chat_id].messages
    ]
    somewhere = st.sampled_from([KIM, FAMILY, "!nowhere:x", "..", "", 7, None])
    event: dict[str, Any] = {
        "type": "message.upserted",
        "seq": 1,
        "ts": 1,
        "chatID": KIM,
        "ids": ids[:3],
        "entries": [
            {
                "id": "invented",
                "chatID": KIM,
                "text": "Never written",
                "timestamp": datetime.now(UTC).isoformat(),
                "senderID": "@kim:x",
            }
        ],
    }
    kinds = ["message.upserted", "message.deleted", "chat.upserted", "chat.deleted"]
    likely = st.builds(
        lambda kind, chat_id, named: (
            event | {"type": kind, "chatID": chat_id, "ids": named}
        ),
        st.sampled_from([*kinds, "ready", "error", "app.state.updated"]),
        somewhere,
        st.lists(st.sampled_from([*ids, "invented", "..", 7]), max_size=3),
    )
    frames = st.lists(
        st.one_of(
            likely,
            st.builds(lambda bend: bent(event, *bend), bends),
            anything,
            st.binary(max_size=20),
            st.text(max_size=20),
        ),
        max_size=15,
    )
    written: list[str] = []

    async def attempt(sent: list[Any]) -> None:
        await until(lambda: simulator.hub.connections)
        for frame in sent:
            await simulator.hub.connections[0].deliver_raw(frame)
        written.append(f"Message {len(written)}")
        simulator.incoming(KIM, None, written[-1])
        await until(lambda: len(events) >= len(written))

    caplog.set_level(logging.WARNING)
    asyncio.get_running_loop().set_debug(False)  # It is slow.
    await throw(hass, frames, attempt, EXAMPLES // 15)
    await asyncio.sleep(0.2)

    assert texts(events) == written
    assert [record for record in caplog.records if "beeper" in record.name] == []
