"""Query actions: their requests, responses and errors."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.actions import call_action
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.labels import plain, refused
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY, INSTAGRAM, KIM, PROFILES

SLACK = "!tEamSlack:beeper.com"
RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/sdk-requests.json").read_text("utf-8")
)
# Each action with the least it needs, and the path it reads.
CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "list_accounts": ({}, "/v1/accounts"),
    "get_chat": ({"chat_id": KIM}, f"/v1/chats/{KIM}"),
    "list_chats": ({}, "/v1/chats/search"),
    "list_messages": ({"chat_id": KIM}, f"/v1/chats/{KIM}/messages"),
    "search_messages": ({}, "/v1/messages/search"),
}
EACH_ACTION = pytest.mark.parametrize("action", CALLS)
EACH_PROFILE = pytest.mark.parametrize("profile", PROFILES)


def queries(simulator: Simulator, action: str) -> list[list[tuple[str, str]]]:
    """Return the queries at the path of an action."""
    return [
        sorted(parse_qsl(request.query))
        for request in simulator.requests
        if request.path == CALLS[action][1]
    ]


def write_many(simulator: Simulator, count: int, chat_id: str = KIM) -> None:
    """Add read messages to a chat, one minute apart."""
    world = simulator.world
    chat = world.chats[chat_id]
    start = world.now()
    for number in range(count):
        when = start + timedelta(minutes=number)
        world.incoming(chat, chat.participants[0], f"Number {number}", when=when)


# Responses


@EACH_PROFILE
async def test_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    known = simulator.world.chats[FAMILY]
    known.description, known.message_expiry_seconds = "All of us", 3600
    known.draft = {"text": "Who"}
    known.reminder = {"remindAt": "2027-01-01T11:00:00+01:00"}

    chat = await call_action(hass, "get_chat", chat_id=FAMILY)

    keys = simulator.profile.chat_keys
    newer = "draft" in keys
    people = chat.pop("participants")
    assert chat == {
        "chat_id": FAMILY,
        "local_chat_id": known.local_id,
        "merged_into_chat_id": None,
        "merged_chat_ids": [],
        "account_id": "whatsapp",
        "network": "WhatsApp" if "network" in keys else None,
        "title": "Family 🏡",
        "type": "group",
        "description": "All of us" if newer else None,
        "participant_count": 4,
        "last_activity": chat["last_activity"],
        "unread_count": 1,
        "unread_mentions_count": 0 if newer else None,
        "is_marked_unread": False if newer else None,
        "is_archived": False,
        "is_low_priority": False if newer else None,
        "is_muted": False,
        "is_pinned": True,
        "is_read_only": False if newer else None,
        "labels": [{"id": "home", "name": "Home"}] if "labels" in keys else [],
        "draft": "Who" if newer else None,
        "reminder": "2027-01-01T10:00:00+00:00" if newer else None,
        "message_expiry_seconds": 3600 if newer else None,
        "max_text_length": 65536 if newer else None,
    }
    active = datetime.fromisoformat(chat["last_activity"])
    assert abs(active - known.last_activity) < timedelta(milliseconds=1)
    assert people[0] == {
        "id": "@whatsapp_15550101002:beeper.com",
        "name": "Kim",
        "full_name": "Kim",
        "username": None,
        "phone_number": "+15550101002",
        "email": None,
        "is_self": False,
        "joined": True,
        "is_admin": False if newer else None,
    }
    assert [person["is_self"] for person in people] == [False, False, False, True]


async def test_chat_with_some_of_its_people(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat = await call_action(
        hass, "get_chat", chat_id=FAMILY, max_participant_count="2"
    )

    assert len(chat["participants"]) == 2
    assert chat["participant_count"] == 4


@cells
@pytest.mark.parametrize("action", ["get_chat", "list_messages"])
@pytest.mark.parametrize("by", ["id", "number", "entity", "entities"])
async def test_chat_by_its_id_number_or_entity(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    by: str,
) -> None:
    entity_id = await add_chat(hass, loaded, FAMILY, "Family")
    ways: dict[str, dict[str, Any]] = {
        "id": {"chat_id": FAMILY, "entity_id": ""},
        "number": {"chat_id": int(simulator.world.chats[FAMILY].local_id)},
        "entity": {"entity_id": entity_id},
        "entities": {"entity_id": [entity_id]},
    }

    response = await call_action(hass, action, **ways[by])

    chat = response if action == "get_chat" else response["messages"][0]
    assert chat["chat_id"] == FAMILY


@EACH_PROFILE
async def test_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await call_action(hass, "list_chats")

    chats = simulator.world.recent_chats()
    assert [chat["chat_id"] for chat in response["chats"]] == [c.id for c in chats]
    assert response["has_more"] is False
    assert response["cursor"] is None
    kim = next(chat for chat in response["chats"] if chat["chat_id"] == KIM)
    assert kim["title"] == "Kim"
    assert kim.keys() == (await call_action(hass, "get_chat", chat_id=KIM)).keys()


CHAT_FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"query": "family"}, [FAMILY]),
    ({"query": "RIVERA"}, ["!aLexWhAtsApp:beeper.com", "!aLexTeLegram:beeper.com"]),
    ({"query": "+15550103001", "scope": "participants"}, ["!jOrdanSignaL:"]),
    ({"type": "group"}, [FAMILY, SLACK]),
    ({"type": "group", "include_muted": "off"}, [FAMILY]),
    ({"unread_only": "yes"}, [FAMILY]),
    ({"inbox": "archive"}, [INSTAGRAM]),
    ({"inbox": "primary", "account_ids": "instagramgo"}, []),
    ({"account_ids": ["slackgo.TEAM-USER", "instagramgo"]}, [SLACK, INSTAGRAM]),
]


async def test_chats_by_their_last_activity(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chats = simulator.world.recent_chats()
    between = chats[3].last_activity + timedelta(milliseconds=1)

    after = await call_action(hass, "list_chats", last_activity_after=between)
    before = await call_action(
        hass, "list_chats", last_activity_before=between.isoformat()
    )

    assert [chat["chat_id"] for chat in after["chats"]] == [c.id for c in chats[:3]]
    assert [chat["chat_id"] for chat in before["chats"]] == [c.id for c in chats[3:]]


async def test_chats_with_a_label(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    (chat,) = (await call_action(hass, "list_chats", label_id="home"))["chats"]

    assert chat["chat_id"] == FAMILY


@pytest.mark.parametrize(
    "profile", [profile for profile in PROFILES if profile != "latest"]
)
async def test_a_server_without_labels_is_not_asked_for_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    """It would ignore the filter, and list all."""
    says = r"label_id needs Beeper 4\.3\."
    if profile == "easymatrix":  # Its versions are its own.
        says = "this server does not know label_id"
    for _ in range(2):
        with refused(HomeAssistantError, match=says):
            await call_action(hass, "list_chats", label_id="home")

    assert not any("labelID" in request.query for request in simulator.requests)
    # It is remembered for the version, where servers report theirs.
    assert sum(request.path == "/v1/labels" for request in simulator.requests) == 1


@EACH_PROFILE
async def test_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await call_action(hass, "list_messages", chat_id=FAMILY)

    newest, picture = response["messages"][:2]
    written = datetime.fromisoformat(newest["timestamp"])
    assert written.utcoffset() == timedelta()
    assert abs(written - simulator.world.chats[FAMILY].last_activity) < timedelta(
        seconds=1
    )
    if (
        "isHidden" in simulator.profile.message_keys
    ):  # Beeper itself does not show the row of a reaction.
        assert [message["message_id"] for message in response["messages"]] == [
            *("6", "4", "3", "2", "1")
        ]
        assert response["messages"][3]["mentions"] == [
            "@whatsapp_15550101002:beeper.com"
        ]
        assert picture["attachments"] == ["image"]
        assert picture["text"] is None
        assert picture["reactions"] == [
            {"reaction": "❤️", "sender_id": "@whatsapp_15550101004:beeper.com"}
        ]
    assert response["has_more"] is False
    assert response["cursor"] is None


async def test_deleted_edited_and_sent_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    world = simulator.world
    chat = world.chats[KIM]
    world.delete(chat, chat.messages[0], for_everyone=True)
    world.edit(chat, chat.messages[1], "At <eight> & later")
    world.send(chat, "ok", reply_to="2")
    world.settle()

    messages = (await call_action(hass, "list_messages", chat_id=KIM))["messages"]

    sent, _, edited, deleted = messages
    assert (deleted["is_deleted"], deleted["text"], deleted["rich_text"]) == (
        True,
        None,
        None,
    )
    assert edited["edited"] is not None
    assert edited["text"] == "At <eight> & later"
    assert edited["rich_text"] == "At &lt;eight&gt; &amp; later"
    assert sent["is_self"] is True
    assert sent["reply_to"] == "2"
    assert sent["send_status"] == "SUCCESS"


async def test_own_message_without_flag(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    messages = (await call_action(hass, "list_messages", chat_id=INSTAGRAM))["messages"]

    assert [message["is_self"] for message in messages] == [True, False]


@pytest.mark.parametrize("chat_id", ["!nowhere:beeper.com", "99999"])
async def test_search_in_a_chat_that_does_not_exist_or_cannot_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, chat_id: str
) -> None:
    search = {"query": "cake", "chat_ids": [chat_id]}
    response = await call_action(hass, "search_messages", **search)
    assert not response["messages"]

    simulator.faults.add("status_before", path="/v1/chats/*", status=429)
    with pytest.raises(HomeAssistantError, match="too many requests"):
        await call_action(hass, "search_messages", **search)


@EACH_PROFILE
async def test_found_messages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await call_action(hass, "search_messages", query="cake")

    (message,) = [
        message for message in response["messages"] if "brings" in message["text"]
    ]
    assert message["text"] == "Who brings the cake? 🎂"
    assert message["chat_id"] == FAMILY
    assert message["chat_name"] == "Family 🏡"
    assert message["chat_type"] == "group"
    keys = simulator.profile.chat_keys
    assert message["network"] == ("WhatsApp" if "network" in keys else None)
    listed = (await call_action(hass, "list_messages", chat_id=FAMILY))["messages"]
    assert message.keys() - {"chat_name", "chat_type", "network"} == listed[0].keys()


MESSAGE_FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"query": "seven yes"}, [KIM]),
    ({"query": 7}, []),
    ({"query": "ok", "chat_ids": "!aLexTeLegram:beeper.com"}, ["!aLexTeLegram:"]),
    ({"query": "e", "chat_ids": [KIM, SLACK]}, [KIM, SLACK]),
    ({"query": "e", "account_ids": ["slackgo.TEAM-USER"]}, [SLACK]),
    (
        {"query": "e", "account_ids": "slackgo.TEAM-USER", "include_muted": False},
        [],
    ),
    ({"media_types": ["image", "video"]}, [FAMILY]),
    ({"chat_type": "group", "sender": "me"}, [FAMILY, SLACK]),
    ({"sender": "@slack_team-dana:beeper.com"}, [SLACK]),
    ({"query": "pictures"}, []),
    ({"query": "pictures", "exclude_low_priority": "no"}, [INSTAGRAM]),
]


@cells
@EACH_PROFILE
@pytest.mark.parametrize(
    ("action", "key", "table"),
    [
        ("list_chats", "chats", CHAT_FILTERS),
        ("search_messages", "messages", MESSAGE_FILTERS),
    ],
)
async def test_filters(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    key: str,
    table: list[tuple[dict[str, Any], list[str]]],
) -> None:
    instagram = simulator.world.chats[INSTAGRAM]
    instagram.is_archived = action == "list_chats"
    instagram.is_low_priority = action == "search_messages"

    for filters, found in table:
        rows = (await call_action(hass, action, **filters))[key]

        ids = {row["chat_id"] for row in rows}
        assert len(ids) == len(found), filters
        assert all(any(chat_id.startswith(start) for chat_id in ids) for start in found)


async def test_messages_by_their_time(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    middle = simulator.world.chats[KIM].messages[1]
    data = {"chat_ids": [KIM]}

    after = await call_action(
        hass, "search_messages", **data, date_after=middle.timestamp
    )
    before = await call_action(
        hass, "search_messages", **data, date_before=middle.timestamp
    )

    assert [message["message_id"] for message in after["messages"]] == ["3"]
    assert [message["message_id"] for message in before["messages"]] == ["1"]


# Queries


@cells
@pytest.mark.parametrize(
    ("action", "call", "data"),
    [
        ("list_accounts", "accounts.list", {}),
        (
            "get_chat",
            "chats.retrieve(max_participant_count=-1)",
            {"max_participant_count": -1},
        ),
        (
            "list_chats",
            "chats.search(unread_only, include_muted=False, account_ids x2)",
            {
                "account_ids": ["a", "b"],
                "inbox": "primary",
                "include_muted": False,
                "limit": 10,
                "query": "kim",
                "scope": "participants",
                "type": "single",
                "unread_only": True,
            },
        ),
        (
            "search_messages",
            "messages.search(...)",
            {
                "chat_ids": ["a", "b"],
                "date_after": "2026-01-01T00:00:00+00:00",
                "exclude_low_priority": False,
                "limit": 20,
                "media_types": ["any", "image"],
                "query": "dinner",
                "sender": "me",
            },
        ),
    ],
)
@pytest.mark.parametrize(
    ("profile", "sdk"),
    [("4.1.294", "4.1.296"), ("4.2.557", "4.3.0"), ("latest", "6.0.0")],
)
async def test_queries_match_the_sdk(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    sdk: str,
    action: str,
    call: str,
    data: dict[str, Any],
) -> None:
    [record] = [
        record for record in RECORDED if (record["sdk"], record["call"]) == (sdk, call)
    ]
    before = len(simulator.requests)

    await call_action(hass, action, **CALLS[action][0], **data)

    asked = [
        (
            request.method,
            request.path.replace(KIM, "!c:beeper.com"),
            sorted(parse_qsl(request.query)),
        )
        for request in simulator.requests[before:]
    ]
    query = sorted(parse_qsl(record["query"]))
    if sdk == "6.0.0" and ("unreadOnly", "true") in query:
        # These servers hide unread chats where both are given.
        query.remove(("inbox", "primary"))
    assert (record["method"], record["path"], query) in asked


TIMES: list[tuple[Any, str]] = [
    ("2026-06-01 10:00:00", "2026-06-01T10:00:00+02:00"),
    ("2026-12-01T10:00", "2026-12-01T10:00:00+01:00"),
    ("2026-06-01", "2026-06-01T00:00:00+02:00"),
    ("2026-06-01 10:00:00+00:00", "2026-06-01T10:00:00+00:00"),
    ("2026-06-01T10:00:00Z", "2026-06-01T10:00:00+00:00"),
    (date(2026, 6, 1), "2026-06-01T00:00:00+02:00"),
    (datetime(2026, 6, 1, 10), "2026-06-01T10:00:00+02:00"),  # noqa: DTZ001
    (
        datetime(2026, 6, 1, 10, tzinfo=timezone(timedelta(hours=-5))),
        "2026-06-01T10:00:00-05:00",
    ),
]


@cells
@pytest.mark.parametrize(
    ("action", "field", "name"),
    [
        ("list_chats", "last_activity_after", "lastActivityAfter"),
        ("list_chats", "last_activity_before", "lastActivityBefore"),
        ("search_messages", "date_after", "dateAfter"),
        ("search_messages", "date_before", "dateBefore"),
    ],
)
async def test_times_use_home_assistants_time_zone(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    field: str,
    name: str,
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")

    for value, sent in TIMES:
        await call_action(hass, action, **{field: value})

        assert (name, sent) in queries(simulator, action)[-1]


async def test_omitted_fields_are_not_sent(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await call_action(
        hass, "list_chats", query="", scope=None, account_ids=[], cursor=""
    )
    await call_action(hass, "search_messages", query=None, media_types=[], sender="")

    assert queries(simulator, "list_chats")[-1] == [("limit", "20")]
    assert queries(simulator, "search_messages")[0] == [("limit", "20")]


# Page after page


@cells
@EACH_PROFILE
@pytest.mark.parametrize("limit", [7, 33])
@pytest.mark.parametrize("action", ["list_messages", "search_messages"])
async def test_messages_continue_from_the_cursor(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    limit: int,
) -> None:
    """Items are returned once and in order, even if new ones arrive in between."""
    write_many(simulator, 45)
    chat = simulator.world.chats[KIM]
    ids = [message.id for message in reversed(chat.messages)]
    where = {"chat_id": KIM} if action == "list_messages" else {"chat_ids": [KIM]}

    found: list[str] = []
    cursor = None
    for _ in ids:
        response = await call_action(hass, action, **where, limit=limit, cursor=cursor)
        assert len(response["messages"]) <= limit
        found += [message["message_id"] for message in response["messages"]]
        cursor = response["cursor"]
        assert response["has_more"] is (cursor is not None) is (len(found) < len(ids))
        if cursor is None:
            break
        when = simulator.world.now() + timedelta(hours=2)
        simulator.world.incoming(chat, chat.participants[0], "new", when=when)

    assert found == ids


@EACH_PROFILE
async def test_chats_continue_from_the_cursor(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    ids = [chat.id for chat in simulator.world.recent_chats()]

    first = await call_action(hass, "list_chats", limit=4)
    second = await call_action(hass, "list_chats", limit=200, cursor=first["cursor"])

    assert first["has_more"] is True
    assert second["has_more"] is False
    assert len(first["chats"]) == 4
    assert [chat["chat_id"] for chat in first["chats"] + second["chats"]] == ids


async def test_page_larger_than_the_limit(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    time = "2026-11-22T08:00:0{}Z"
    chats = [{"id": f"!{n}:x", "lastActivity": time.format(n)} for n in range(5)]
    simulator.faults.add(
        "status_before",
        path="/v1/chats/search",
        status=200,
        body={"items": chats, "hasMore": False},
        times=None,
    )

    first = await call_action(hass, "list_chats", limit=3)
    second = await call_action(hass, "list_chats", limit=3, cursor=first["cursor"])

    assert [chat["chat_id"][1] for chat in first["chats"]] == ["4", "3", "2"]
    assert [chat["chat_id"][1] for chat in second["chats"]] == ["1", "0"]
    assert [first["has_more"], second["has_more"]] == [True, False]


@pytest.mark.parametrize("cursor", ["5", None], ids=["repeated", "none"])
async def test_repeated_cursor_ends_pagination(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    cursor: str | None,
) -> None:
    body = {"items": [], "hasMore": True, "oldestCursor": cursor}
    path = CALLS["search_messages"][1]
    simulator.faults.add("status_before", path=path, status=200, body=body, times=None)

    response = await call_action(hass, "search_messages")

    assert response == {"messages": [], "has_more": True, "cursor": None}
    assert len(queries(simulator, "search_messages")) == (2 if cursor else 1)


async def test_endless_pagination_is_stopped(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    path = CALLS["search_messages"][1]
    for number in range(100):
        body = {"items": [], "hasMore": True, "oldestCursor": str(number)}
        simulator.faults.add("status_before", path=path, status=200, body=body)

    response = await call_action(hass, "search_messages")
    assert len(queries(simulator, "search_messages")) == 40
    await call_action(hass, "search_messages", cursor=response["cursor"])

    assert response["has_more"] is True
    assert ("cursor", "39") in queries(simulator, "search_messages")[40]


async def test_merged_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    body = [
        {"id": "!kim", "merge": {"chatIDs": ["!a", 5, "!b"], "defaultChatID": "!a"}},
        {"id": "!a", "mergedIntoChatID": "!kim"},
    ]
    simulator.faults.add(
        "status_before",
        path="/v1/chats/search",
        status=200,
        body={"items": body},
        times=None,
    )

    chats = (await call_action(hass, "list_chats"))["chats"]

    assert {
        chat["chat_id"]: (chat["merged_chat_ids"], chat["merged_into_chat_id"])
        for chat in chats
    } == {"!kim": (["!a", "!b"], None), "!a": ([], "!kim")}


async def test_malformed_times_become_none(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    body = [{"id": "a", "lastActivity": "0001-01-01T00:00:00+14:00"}, {"id": "b"}]
    simulator.faults.add(
        "status_before",
        path="/v1/chats/search",
        status=200,
        body={"items": body},
        times=None,
    )

    chats = (await call_action(hass, "list_chats"))["chats"]

    assert [chat["last_activity"] for chat in chats] == [None, None]


# No side effects


@EACH_PROFILE
async def test_reading_changes_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    before = simulator.world.chats[FAMILY].unread_count
    assert before

    for action in CALLS:
        data = {"chat_id": FAMILY} if "chat_id" in CALLS[action][0] else {}
        await call_action(hass, action, **data)

    assert not simulator.executed
    assert {request.method for request in simulator.requests} <= {"GET"}
    assert simulator.world.chats[FAMILY].unread_count == before
    assert (await call_action(hass, "get_chat", chat_id=FAMILY))[
        "unread_count"
    ] == before


@cells
@EACH_ACTION
async def test_read_only_mode_allows_reading(
    hass: HomeAssistant, simulator: Simulator, action: str
) -> None:
    entry = add_entry(hass, simulator.url, read_only=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    simulator.tokens["dev-token"] = {"read"}

    assert await call_action(hass, action, **CALLS[action][0])


@cells
@EACH_ACTION
async def test_nothing_personal_is_logged(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    action: str,
) -> None:
    caplog.clear()

    await call_action(hass, action, **CALLS[action][0])

    mine = [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith("hom")
    ]
    assert not [text for text in mine if "Kim" in text or "5550" in text]


# Refusals and their messages

STRANGE: list[Any] = [
    5,
    None,
    {},
    [],
    ["chats", "x"],
    ["chats", 5, None],
    ["chats", "x", 5],
    ["chats", "x", [1, ""]],
    ["messages", "x", [1.0, 2]],
    ["found", "x", [[], 1, {}]],
    ["other", "x", None],
]


def encoded(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


OF_CHAT = ["get_chat", "list_messages"]
PAGED = ["list_chats", "list_messages", "search_messages"]
WRONG: list[tuple[list[str], dict[str, Any], str]] = [
    ([*CALLS], {"config_entry_id": " "}, "config_entry_id is blank"),
    ([*CALLS], {"mark_read": True}, "There is no field mark_read"),
    (OF_CHAT, {"chat_id": None}, "The chat is missing"),
    (OF_CHAT, {"entity_id": "notify.kim"}, "Both chat_id and entity_id are given"),
    (OF_CHAT, {"chat_id": ["x"]}, "chat_id takes one value, not a list"),
    (
        OF_CHAT,
        {"chat_id": "", "entity_id": ["notify.a", "notify.b"]},
        "entity_id must be exactly one entity",
    ),
    (
        OF_CHAT,
        {"chat_id": "", "entity_id": "notify.nowhere"},
        "entity_id is not a notify entity of Beeper",
    ),
    *(
        (
            ["get_chat"],
            {"max_participant_count": value},
            "max_participant_count must be a whole number from -1 to 500",
        )
        for value in (-2, 501, "many", True, 1.5, float("nan"), [1])
    ),
    *(
        (PAGED, {"limit": value}, "limit must be a whole number from 1 to 200")
        for value in (0, 201, -1, "all", False, 2.5, float("inf"), {"a": 1})
    ),
    *(
        (PAGED, {"cursor": value}, "cursor is not a cursor that this action returned")
        for value in ("5", "ä", *map(encoded, STRANGE))
    ),
    (PAGED, {"cursor": ["x"]}, "cursor takes one value, not a list"),
    (
        PAGED,
        {"cursor": "W1tb" * 20_000},
        "cursor is not a cursor that this action returned",
    ),
    (
        ["list_chats", "search_messages"],
        {"query": ["x"]},
        "query takes one value, not a list",
    ),
    (["list_chats", "search_messages"], {"query": " "}, "query is blank"),
    (
        ["list_chats", "search_messages"],
        {"account_ids": ["whatsapp", ""]},
        "account_ids #2 is blank",
    ),
    (
        ["list_chats", "search_messages"],
        {"include_muted": "perhaps"},
        "include_muted must be true or false",
    ),
    (["list_chats"], {"scope": "all"}, "scope must be one of: titles, participants"),
    (["list_chats"], {"type": "channel"}, "type must be one of: single, group, any"),
    (["list_chats"], {"inbox": "low_priority"}, "inbox must be one of: primary, low-"),
    (["list_chats"], {"unread_only": "2"}, "unread_only must be true or false"),
    (["list_chats"], {"label_id": True}, "label_id must be text"),
    *(
        (["list_chats"], {field: value}, f"{field} must be a date")
        for field in ("last_activity_before", "last_activity_after")
        for value in ("yesterday", 20260101, 1.5, "2026-13-01", "10:00", True, ["x"])
    ),
    *(
        (["search_messages"], {field: value}, f"{field} must be a date")
        for field in ("date_before", "date_after")
        for value in ("yesterday", 20260101)
    ),
    (["search_messages"], {"chat_ids": {"a": 1}}, "chat_ids #1 must be text"),
    (["search_messages"], {"chat_type": "any"}, "chat_type must be one of: single, g"),
    (["search_messages"], {"media_types": ["audio"]}, "media_types must be one of: an"),
    (["search_messages"], {"sender": ["me"]}, "sender takes one value, not a list"),
    (["search_messages"], {"exclude_low_priority": "x"}, "exclude_low_priority must"),
]


@cells
@EACH_ACTION
async def test_invalid_call_names_the_field_and_requests_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    before = len(queries(simulator, action))

    for actions, data, message in WRONG:
        if action in actions:
            with pytest.raises(ServiceValidationError) as refused:
                await call_action(hass, action, **{**CALLS[action][0], **data})

            assert message in plain(refused.value)
            assert refused.value.translation_domain == DOMAIN
    assert len(queries(simulator, action)) == before


@pytest.mark.parametrize("action", PAGED)
async def test_the_cursor_of_another_action_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    write_many(simulator, 5)
    for other in {*PAGED} - {action}:
        # A cursor in the middle of a page contains the sort key of the list.
        simulator.faults.add(
            "status_before",
            path=CALLS[other][1],
            status=200,
            body={"items": [{"id": name, "type": "TEXT"} for name in "ab"]},
            times=None,
        )
        cursor = (await call_action(hass, other, **CALLS[other][0], limit=1))["cursor"]
        assert cursor

        with refused(ServiceValidationError, match="cursor is not a cursor that this"):
            await call_action(hass, action, **CALLS[action][0], cursor=cursor)


@cells
@EACH_ACTION
async def test_response_is_required(
    hass: HomeAssistant, loaded: MockConfigEntry, action: str
) -> None:
    with pytest.raises(ServiceValidationError, match="response"):
        await hass.services.async_call(DOMAIN, action, CALLS[action][0], blocking=True)


async def test_a_response_over_rest(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "api", {})
    rest = await hass_client()

    answer = await rest.post(
        "/api/services/beeper/list_chats?return_response", json={"limit": 1}
    )

    response = (await answer.json())["service_response"]
    assert len(response["chats"]) == 1


@cells
@EACH_PROFILE
@pytest.mark.parametrize("action", OF_CHAT)
async def test_unknown_chat(
    hass: HomeAssistant, loaded: MockConfigEntry, action: str
) -> None:
    for chat_id in ("!nobody:beeper.com", "Family"):
        with pytest.raises(ServiceValidationError) as refused:
            await call_action(hass, action, chat_id=chat_id)
        error = str(refused.value)
        assert error.startswith("Nothing was read: Beeper does not know the chat")
        assert "is not the title: enter the title in Recipient (recipient)" in error


@pytest.mark.parametrize("action", PAGED)
async def test_rejected_cursor(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    """For example, a cursor of another server."""
    write_many(simulator, 45)
    made = await call_action(hass, action, **CALLS[action][0], limit=2)
    kind, _, after = json.loads(urlsafe_b64decode(made["cursor"]))
    cursor = encoded([kind, "?", after])

    with pytest.raises(ServiceValidationError) as refused:
        await call_action(hass, action, **CALLS[action][0], cursor=cursor)

    assert "Beeper rejects these fields: cursor" in plain(refused.value)


API_ERROR = {"message": "Kim?", "code": "X"}
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    (
        "status_before",
        {
            "status": 400,
            "body": {
                **API_ERROR,
                "details": {"issues": [{"path": ["query", "query"]}]},
            },
        },
        "Beeper rejects these fields: query",
    ),
    ("status_before", {"status": 400, "body": API_ERROR}, "rejects the call as invali"),
    ("status_before", {"status": 401, "body": "no"}, "no longer accepts the access to"),
    (
        "status_before",
        {"status": 403, "body": {**API_ERROR, "message": "missing: read"}},
        "the access token lacks the scope read",
    ),
    ("status_before", {"status": 403, "body": "no"}, "Beeper does not allow it"),
    ("status_before", {"status": 404, "body": API_ERROR}, "does not know the chat"),
    (
        "status_before",
        {"status": 404, "body": "Not Found"},
        "It needs Beeper 4.1.294 or later",
    ),
    ("status_before", {"status": 405}, "It needs Beeper 4.1.294 or later"),
    ("status_before", {"status": 409, "body": API_ERROR}, "reports a conflict"),
    ("status_before", {"status": 418}, "an error (status 418)"),
    ("status_before", {"status": 429}, "too many requests"),
    ("status_before", {"status": 500}, "an error (status 500)"),
    ("status_before", {"status": 502}, "an error (status 502)"),
    (
        "status_before",
        {"status": 502, "body": "<html>Bad Gateway</html>"},
        "the proxy answers, but Beeper behind it",
    ),
    (
        "status_before",
        {"status": 307, "headers": {"Location": "http://localhost:1/"}},
        "redirects to another one",
    ),
    ("drop_before", {}, "the connection to Beeper was lost"),
    ("delay", {}, "Beeper did not reply in time"),
    ("garbage", {"body": "Kim"}, "not a valid response of Beeper"),
    ("garbage", {"body": '"Kim"'}, "not a valid response of Beeper"),
    ("cut", {}, "the connection to Beeper was lost"),
]


@cells
@pytest.mark.parametrize("action", ["list_messages", "search_messages"])
@pytest.mark.parametrize(
    ("kind", "options", "message"), FAULTS, ids=[text for _, _, text in FAULTS]
)
async def test_errors_are_explained(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    action: str,
    kind: str,
    options: dict[str, Any],
    message: str,
) -> None:
    """Without the server's words, and it works afterwards."""
    data, path = CALLS[action]
    add_fault(kind, path=path, times=None, **options)

    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, action, **data)

    assert str(refused.value).startswith("Nothing was read: ")
    assert message in plain(refused.value)
    assert "Kim" not in plain(refused.value)
    simulator.faults.clear()
    await call_action(hass, action, **data)


@EACH_ACTION
async def test_unreachable_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    await simulator.stop()

    with pytest.raises(HomeAssistantError, match="Beeper could not be reached"):
        await call_action(hass, action, **CALLS[action][0])


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    with pytest.raises(HomeAssistantError, match="no longer accepts"):
        await call_action(hass, "list_messages", chat_id=KIM)
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == "reauth"


@EACH_ACTION
async def test_several_servers_require_a_choice(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator, action: str
) -> None:
    async with Simulator("4.2.557", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        data, path = CALLS[action]

        with pytest.raises(ServiceValidationError):
            await call_action(hass, action, **data)
        before = len(other.requests)
        await call_action(hass, action, **data, config_entry_id=second.entry_id)

        assert path in [request.path for request in other.requests[before:]]
        await hass.config_entries.async_unload(second.entry_id)


# One message, and labels


@cells
@EACH_PROFILE
@pytest.mark.parametrize("pending", [False, True])
async def test_one_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    profile: str,
    pending: bool,
) -> None:
    message = simulator.world.send(simulator.world.chats[KIM], "A *word*")
    simulator.world.settle()
    message_id = message.pending_id if pending else message.id
    if not simulator.profile.html:
        says = r"needs Beeper 4\.2\.808"
        if profile == "easymatrix":
            says = r"this server cannot do it, or does not know the chat\.?$"
        with refused(HomeAssistantError, match=says):
            await call_action(hass, "get_message", chat_id=KIM, message_id=message_id)
        return

    response = await call_action(
        hass, "get_message", chat_id=KIM, message_id=message_id
    )

    listed = await call_action(hass, "list_messages", chat_id=KIM, limit=1)
    assert response == listed["messages"][0]
    assert response["text"] == "A word"
    assert not simulator.executed


async def test_get_missing_message(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with refused(ServiceValidationError, match="message_id is required"):
        await call_action(hass, "get_message", chat_id=KIM)
    with pytest.raises(ServiceValidationError, match="or another ID in the call"):
        await call_action(hass, "get_message", chat_id=KIM, message_id="99999")


@EACH_PROFILE
async def test_labels(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    if profile != "latest":
        says = r"needs Beeper 4\.3\.123"
        if profile == "easymatrix":
            says = r"this server cannot do it, or does not know the chat\.?$"
        with refused(HomeAssistantError, match=says):
            await call_action(hass, "list_labels")
        return

    response = await call_action(hass, "list_labels")

    assert response == {
        "labels": [
            {"id": key, "name": name} for key, name in simulator.world.labels.items()
        ]
    }
    assert response["labels"]


async def test_malformed_labels(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("garbage", path="/v1/labels", body='{"items": []}')

    with pytest.raises(HomeAssistantError, match="not a valid response of Beeper"):
        await call_action(hass, "list_labels")


@pytest.mark.parametrize("action", ["get_chat", "list_messages"])
async def test_a_chat_by_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    response = await call_action(hass, action, recipient="family")

    chat = response if action == "get_chat" else response["messages"][0]
    assert chat["chat_id"] == FAMILY
    with pytest.raises(ServiceValidationError, match=r"matches \d+ people or chats"):
        await call_action(hass, action, recipient="Alex")
    with refused(ServiceValidationError, match="account_id can be used only with"):
        await call_action(hass, action, chat_id=KIM, account_id="whatsapp")
