"""Parsing: tolerant of any JSON, with clean errors and a private `repr`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from io import BytesIO
import json
import re
import traceback
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import BeeperError
from custom_components.beeper.api.models import Message, Page, User
from custom_components.beeper.api.requests import ChatFilter, MessageFilter, StartUser
from custom_components.beeper.api.transport import Sessions
from tests.helpers.servers import TOKEN

from .conftest import CREATE, SEND, START, RawServer

type Call = Callable[[BeeperClient], Awaitable[Any]]

ENDPOINTS: dict[str, Call] = {
    "identify": lambda client: client.identify(),
    "accounts": lambda client: client.accounts(),
    "scopes": lambda client: client.scopes(),
    "user_id": lambda client: client.user_id([]),
    "contacts": lambda client: client.contacts("whatsapp", "kim"),
    "chats": lambda client: client.chats("whatsapp"),
    "direct_chats": lambda client: client.direct_chats("whatsapp", "kim"),
    "chat": lambda client: client.chat("!a:b.c"),
    "messages": lambda client: client.messages("!a:b.c"),
    "search_chats": lambda client: client.search_chats("k", scope="titles", limit=1),
    "list_chats": lambda client: client.list_chats(ChatFilter(), limit=1),
    "search_messages": lambda client: client.search_messages(MessageFilter(), limit=1),
    "message": lambda client: client.message("!a:b.c", "5"),
    "upload": lambda client: client.upload(
        BytesIO(b"x"), file_name="x", mime_type="text/plain"
    ),
    "send_message": lambda client: client.send_message(SEND),
    "create_chat": lambda client: client.create_chat(CREATE),
    "start_chat": lambda client: client.start_chat(START),
}
KEYS = re.findall(
    r"\w+",
    "accountID app attachments bridge bundle_id capabilities chatID chats code cursor "
    "description details draft email "
    "error fileName fullName hasMore id isNetworkBot isPending isSelf isMuted "
    "isSender issues items labels lastActivity localChatID matrix maxTextLength mentions "
    "message messageExpirySeconds name network unreadMentionsCount "
    "oldestCursor participants path pendingMessageID phoneNumber reason remindAt reminder scope sendStatus "
    "senderID server status text timestamp title type uploadID user userID username "
    "version",
)
SECRET = "s3cret"
# Includes times that Python can parse but hardly compare.
TEXTS = st.builds(lambda text: SECRET + text, st.text(max_size=8)) | st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01", "4.2.557"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner, max_size=4)
    ),
    max_leaves=8,
)


def object_with(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects with plausible fields and arbitrary additional ones."""
    other = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)
    return st.builds(
        lambda rest, known: {**rest, **known}, other, st.fixed_dictionaries(fields)
    )


def page(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return object_with(items=st.lists(items, max_size=2))


USER = object_with(id=TEXTS)
ACCOUNT = object_with(accountID=TEXTS, user=USER | JSON)
CHAT = object_with(id=TEXTS, participants=page(USER | JSON))
MESSAGE = object_with(
    id=TEXTS, sendStatus=object_with(status=TEXTS), attachments=st.lists(JSON)
)
SENT = object_with(chatID=TEXTS, pendingMessageID=TEXTS)
INFO = object_with(app=object_with(name=TEXTS), server=object_with(status=TEXTS))
FOUND = object_with(
    items=st.lists(MESSAGE, max_size=2), chats=st.dictionaries(TEXTS, CHAT, max_size=2)
)
BODIES = st.one_of(
    JSON,
    INFO,
    CHAT,
    MESSAGE,
    SENT,
    object_with(uploadID=TEXTS),
    page(CHAT),
    page(USER),
    page(MESSAGE),
    FOUND,
    page(JSON),
    st.lists(ACCOUNT, max_size=2),
)


@pytest.fixture
async def make_client_of(
    sessions: Sessions, raw: RawServer
) -> Callable[[int, bytes], BeeperClient]:
    """Return a factory of clients whose server always sends the same response."""
    url = await raw.start()

    def make(status: int, body: bytes) -> BeeperClient:
        raw.answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (
            status,
            len(body),
            body,
        )
        return BeeperClient(sessions, url, TOKEN)

    return make


def nested_models(value: Any) -> list[Any]:
    """Return a model and all nested models."""
    inner: list[Any] = []
    if is_dataclass(value):
        inner = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, tuple):
        inner = [*value]
    elif isinstance(value, dict):
        inner = [*value.values()]
    return [value, *(deep for item in inner for deep in nested_models(item))]


@given(status=st.sampled_from([200, 200, 201, 400, 403, 404, 500]), body=BODIES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_json_is_parsed_or_rejected(
    make_client_of: Callable[[int, bytes], BeeperClient], status: int, body: Any
) -> None:
    asyncio.get_running_loop().set_debug(False)  # Debug mode is slow.
    client = make_client_of(status, json.dumps(body).encode())
    for name, call in ENDPOINTS.items():
        try:
            answer = await call(client)
        except BeeperError as err:
            shown = [str(err), repr(err), *traceback.format_exception(err)]
        else:
            assert status < 300 or name in ("scopes", "user_id")
            models = nested_models((answer, client.info))
            shown = [f"{model} {model!r}" for model in models if is_dataclass(model)]
        assert not [text for text in shown if SECRET in text], name


@pytest.mark.parametrize(
    "request_",
    [
        CREATE,
        START,
        START.user,
        SEND,
        SEND.attachment,
        ChatFilter(query="Kim", account_ids=["15550101002"]),
        MessageFilter(query="Kim", sender="@15550101002:beeper.com"),
    ],
)
def test_request_repr_is_private(request_: object) -> None:
    assert "1555" not in repr(request_)
    assert "Kim" not in str(request_)


@pytest.mark.parametrize(
    ("body", "chat_id", "status"),
    [
        ({"chatID": "!a:b.c"}, "!a:b.c", None),
        ({"id": "!a:b.c", "chatID": "!d:e.f"}, "!a:b.c", None),
        ({"id": 5, "chatID": "!a:b.c"}, "!a:b.c", None),
        ({"id": "12345"}, "12345", None),
        ({"id": "!a:b.c", "status": "existing"}, "!a:b.c", "existing"),
        ({"id": "!a:b.c", "status": "created"}, "!a:b.c", "created"),
        ({"id": "!a:b.c", "status": "pending"}, "!a:b.c", None),
        ({"id": "!a:b.c", "status": 5}, "!a:b.c", None),
        ({"id": "!a:b.c", "participants": None}, "!a:b.c", None),
        ({"id": "!a:b.c", "participants": []}, "!a:b.c", None),
        ({"id": "!a:b.c", "participants": {"items": {}}}, "!a:b.c", None),
        ({"id": "!a:b.c", "participants": {"items": [5, None, {}]}}, "!a:b.c", None),
        ({"id": "!a:b.c", "participants": {"items": [{"id": 5}]}}, "!a:b.c", None),
        ({"id": "!a:b.c", "title": 5, "type": [], "network": {}}, "!a:b.c", None),
        ({"id": "!a:b.c", "unknown": {"deep": [1]}}, "!a:b.c", None),
    ],
)
async def test_created_chat_needs_only_its_id(
    make_client_of: Callable[[int, bytes], BeeperClient],
    body: Any,
    chat_id: str,
    status: str | None,
) -> None:
    """If the response contains the chat's id, other fields cannot invalidate it."""
    result = await make_client_of(200, json.dumps(body).encode()).create_chat(CREATE)
    assert (result.chat_id, result.status) == (chat_id, status)


async def test_last_of_duplicate_keys_is_used(
    make_client_of: Callable[[int, bytes], BeeperClient],
) -> None:
    result = await make_client_of(200, b'{"id": "!a", "id": "!b"}').create_chat(CREATE)
    assert result.chat_id == "!b"


@pytest.mark.parametrize("endpoint", ["accounts", "contacts", "create_chat", "chat"])
async def test_invalid_ids_are_rejected(
    make_client_of: Callable[[int, bytes], BeeperClient], endpoint: str
) -> None:
    """JSON can contain a lone surrogate, which cannot be sent afterwards."""
    lone = r'{"id": "a\ud800", "accountID": "a\ud800", "type": "single"}'
    body = {"accounts": f"[{lone}]", "contacts": f'{{"items": [{lone}]}}'}
    client = make_client_of(200, body.get(endpoint, lone).encode())
    with pytest.raises(BeeperError):
        await ENDPOINTS[endpoint](client)


async def test_invalid_name_is_omitted(
    make_client_of: Callable[[int, bytes], BeeperClient],
) -> None:
    cut = rb"""{"id": "!a", "title": "a\ud83c", "participants": {"items":
        [{"id": "b", "fullName": "\ud83c"}]}}"""
    chat = (await make_client_of(200, cut).create_chat(CREATE)).chat
    assert chat is not None
    assert (chat.title, chat.participants[0].name) == (None, None)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+00:00"),
        ("2026-01-01T10:00:00.123Z", "2026-01-01T10:00:00.123000+00:00"),
        ("2026-01-01T10:00:00+02:00", "2026-01-01T10:00:00+02:00"),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:00+00:00"),
        ("yesterday", None),
        ("", None),
        (1767261600000, None),
        (None, None),
    ],
)
def test_parse_time(text: Any, time: str | None) -> None:
    message = Message.from_dict({"timestamp": text})
    assert (message.timestamp and message.timestamp.isoformat()) == time


def test_cursor_requires_has_more() -> None:
    def page(**said: Any) -> str | None:
        return Page.from_dict({"items": [], **said}, Message.from_dict).cursor

    assert page(hasMore=True, oldestCursor="c") == "c"
    assert page(hasMore=False, oldestCursor="c") is None
    assert page(hasMore="yes", oldestCursor="c") is None
    assert page(oldestCursor="c") is None
    assert page(hasMore=True) is None


KIM = "+15550101002"


@pytest.mark.parametrize(
    ("user_id", "phone_number", "wanted", "id_scheme", "same"),
    [
        ("@kim:beeper.com", None, "@kim:beeper.com", None, True),
        ("@kim:beeper.com", None, "kim", None, False),
        ("kim", None, "@kim:beeper.com", None, False),
        ("@kim:one.org", None, "@kim:two.org", None, False),
        ("@15550101002:one.org", None, "@15550101002:two.org", None, False),
        ("@15550101002:one.org", None, "15550101002", "matrix", False),
        ("15550101002", None, "+15550101002", "telegram", False),
        ("@t_7:beeper.com", KIM, "+15550101002", "telegram", True),
        ("@t_7:beeper.com", KIM, "15550101002", "telegram", False),
        ("@t_7:beeper.com", KIM, "@15550101002:one.org", "telegram", False),
        # The forms of WhatsApp's IDs
        ("15550101002", None, "15550101002", "whatsapp", True),
        (
            "@15550101002:local-whatsapp.localhost",
            None,
            "15550101002",
            "whatsapp",
            True,
        ),
        ("@whatsapp_15550101002:beeper.com", None, "15550101002", "whatsapp", True),
        ("@whatsapp_15550101002:beeper.com", None, "15550101002", "telegram", False),
        ("@whatsapp_15550101002:beeper.com", None, "15550101003", "whatsapp", False),
        ("@whatsapp_15550101002:evil.org", None, "15550101002", "whatsapp", False),
        ("@15550101002:beeper.com", None, "15550101002", "whatsapp", False),
        ("@whatsapp_lid-77:beeper.local", None, "lid-77", "whatsapp", True),
        ("@whatsapp_lid-77:beeper.com", None, "77", "whatsapp", False),
        ("@whatsapp_lid-77:beeper.com", KIM, "15550101002", "whatsapp", True),
    ],
)
def test_only_a_whole_id_or_a_reported_number_identifies_a_person(
    user_id: str,
    phone_number: str | None,
    wanted: str,
    id_scheme: str | None,
    same: bool,
) -> None:
    user = User(id=user_id, phone_number=phone_number, full_name=wanted)

    assert user.matches_id(wanted, id_scheme) is same


@pytest.mark.parametrize(
    ("user", "wanted", "id_scheme", "same"),
    [
        ({"phone_number": KIM}, {"phone_number": KIM}, None, True),
        ({"id": "15550101002"}, {"phone_number": KIM}, "matrix", False),
        ({"id": "15550101002"}, {"phone_number": KIM}, "whatsapp", True),
        ({"username": "Kim"}, {"username": "@kim"}, None, True),
        ({"username": "kím"}, {"username": "kim"}, None, False),
        ({"full_name": "kim", "id": "kim"}, {"username": "kim"}, None, False),
        ({"email": "Kim@x.org"}, {"email": "kim@X.org"}, None, True),
        ({"username": "kim@x.org"}, {"email": "kim@x.org"}, None, False),
        ({"full_name": "Kim"}, {"full_name": "Kim"}, None, False),
        ({"id": "a", "username": "kim"}, {"id": "b", "username": "kim"}, None, False),
        (
            {"phone_number": KIM, "username": "a"},
            {"phone_number": KIM, "username": "b"},
            None,
            False,
        ),
    ],
)
def test_one_matching_and_one_different_identity(
    user: dict[str, str], wanted: dict[str, str], id_scheme: str | None, same: bool
) -> None:
    person = User(**{"id": "@x:beeper.com", **user})  # type: ignore[arg-type]

    assert person.matches(StartUser(**wanted), id_scheme) is same
