"""Requests of the client: their content, target and connection."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.utils import format_datetime
from io import BytesIO
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_socket

from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import AnswerError, BeeperError
from custom_components.beeper.api.requests import (
    AttachmentUpload,
    CreateChat,
    SendMessage,
    StartChat,
    StartUser,
)
from custom_components.beeper.api.transport import Sessions
from simulator import Simulator
from tests.helpers.certificates import Certificate
from tests.helpers.servers import TOKEN

from .conftest import CREATE, START, MakeClient, RawServer

RECORDED = json.loads(
    (Path(__file__).parents[1] / "fixtures/sdk-requests.json").read_text()
)
HI = CreateChat(
    account_id="whatsapp",
    participant_ids=("15550101002",),
    type="single",
    message_text="hi",
)
TEAM = CreateChat(
    account_id="matrix",
    participant_ids=("@a:beeper.com", "@b:beeper.com"),
    type="group",
    title="Team",
)
KIM = StartUser(phone_number="+15550101002", full_name="Kim")
ALL_OF_KIM = StartUser(
    id="15550101002",
    phone_number="+15550101002",
    full_name="Kim",
    email="k@example.com",
    username="kim",
)


def recorded(sdk: str, call: str) -> Any:
    [record] = [
        record for record in RECORDED if (record["sdk"], record["call"]) == (sdk, call)
    ]
    return record


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        (
            "chats.create(account_id, participant_ids, type='single', message_text)",
            HI,
        ),
        ("chats.create(group)", TEAM),
    ],
    ids=["single", "group"],
)
@pytest.mark.parametrize(
    ("profile", "sdk"),
    [
        ("4.1.294", "4.1.296"),
        ("4.2.557", "4.3.0"),
        ("4.2.808", "6.0.0"),
        ("latest", "6.0.0"),
        ("easymatrix", "4.3.0"),
    ],
)
async def test_create_chat_request_equals_the_sdk(
    client: BeeperClient, simulator: Simulator, sdk: str, call: str, request_: Any
) -> None:
    await client.create_chat(request_)

    [received], record = simulator.executed, recorded(sdk, call)
    assert received.json == record["json"]
    assert (received.method, received.path) == (record["method"], record["path"])
    assert received.query == ""


@pytest.mark.parametrize(
    ("profile", "sdk", "call", "request_"),
    [
        (
            "4.2.557",
            "4.3.0",
            "chats.create(account_id, mode='start', user)",
            StartChat(
                account_id="whatsapp", user=KIM, allow_invite=True, message_text="hi"
            ),
        )
    ]
    + [
        (profile, "6.0.0", f"chats.start(account_id, user{more})", request_)
        for profile in ("4.2.808", "latest")
        for more, request_ in (
            ("", StartChat(account_id="whatsapp", user=KIM)),
            (
                ", allow_invite, message_text",
                StartChat(
                    account_id="whatsapp",
                    user=ALL_OF_KIM,
                    allow_invite=False,
                    message_text="hi",
                ),
            ),
        )
    ],
)
async def test_start_chat_request_equals_the_sdk(
    client: BeeperClient, simulator: Simulator, sdk: str, call: str, request_: StartChat
) -> None:
    await client.identify()
    await client.start_chat(request_)

    [received], record = simulator.executed, recorded(sdk, call)
    assert received.json == record["json"]
    assert (received.method, received.path) == (record["method"], record["path"])


@pytest.mark.parametrize(
    ("profile", "sdk"),
    [
        ("4.1.294", "4.1.296"),
        ("4.2.557", "4.3.0"),
        ("4.2.808", "6.0.0"),
        ("latest", "6.0.0"),
        ("easymatrix", "4.3.0"),
    ],
)
async def test_send_message_request_equals_the_sdk(
    client: BeeperClient, simulator: Simulator, sdk: str
) -> None:
    with pytest.raises(AnswerError, match="404"):
        await client.send_message(SendMessage(chat_id="!c:beeper.com", text="hi"))

    [received], record = simulator.requests, recorded(sdk, "messages.send(text)")
    assert received.json == record["json"]
    assert (received.method, received.path) == (record["method"], record["path"])
    assert received.query == ""


@pytest.mark.parametrize("sdk", ["4.3.0", "6.0.0"])
async def test_attachment_reference_equals_the_sdk(
    client: BeeperClient, simulator: Simulator, sdk: str
) -> None:
    """Kind and size are left to the server, which detects them itself."""
    attachment = AttachmentUpload(
        upload_id="u1", file_name="a.png", mime_type="image/png"
    )
    with pytest.raises(AnswerError, match="404"):
        await client.send_message(
            SendMessage(
                chat_id="!c:beeper.com",
                text="hi",
                reply_to_message_id="9",
                attachment=attachment,
            )
        )

    [received] = simulator.requests
    expected = recorded(sdk, "messages.send(text, reply, attachment)")["json"]
    del expected["attachment"]["type"], expected["attachment"]["size"]
    assert received.json == expected


@pytest.mark.parametrize("sdk", ["4.3.0", "6.0.0"])
async def test_upload_form_equals_the_sdk(
    client: BeeperClient, raw: RawServer, sessions: Sessions, sdk: str
) -> None:
    seen: list[bytes] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        seen.extend((head, await reader.readexactly(int(length))))
        body = b'{"uploadID": "u1"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        writer.write(body)

    client = BeeperClient(sessions, await raw.start(speak), TOKEN)
    uploaded = await client.upload(
        BytesIO(b"hello"), file_name="a.txt", mime_type="text/plain"
    )

    assert uploaded.upload_id == "u1"
    record = recorded(sdk, "assets.upload(file, file_name)")
    assert seen[0].startswith(f"POST {record['path']} HTTP/1.1".encode())
    expected = parts(record["json"]["_raw"].encode())
    # The SDK leaves the MIME type to the part's header; ours is more reliable.
    assert parts(seen[1]) == expected | {"mimeType": (None, b"text/plain")}


def parts(body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """Return the parts of a form by name: file name and content."""
    boundary = body.split(b"\r\n", 1)[0].removeprefix(b"--")
    message = message_from_bytes(
        b"Content-Type: multipart/form-data; boundary=" + boundary + b"\r\n\r\n" + body
    )
    found: dict[str, tuple[str | None, bytes]] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if name:
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            found[str(name)] = (part.get_filename(), content)
    return found


@pytest.mark.parametrize("name", ['a"b', "é 🌻.png", "a;b=c", "a%20b", "\u202ex"])
async def test_file_names_are_not_altered(
    client: BeeperClient, simulator: Simulator, name: str
) -> None:
    await client.upload(BytesIO(b"x"), file_name=name, mime_type="text/plain")

    [asset] = simulator.world.uploads.values()
    assert asset.file_name == name


async def test_search_chats_covers_all_accounts(
    client: BeeperClient, simulator: Simulator
) -> None:
    page = await client.search_chats("kim", scope="participants", limit=50)

    assert len({chat.account_id for chat in page.items}) == 2
    [received] = simulator.requests
    assert received.query == "query=kim&scope=participants&limit=50"


@pytest.mark.parametrize(
    ("method", "arguments", "call"),
    [
        ("identify", (), "info.retrieve"),
        ("message", ("!c:beeper.com", "m1"), "messages.retrieve"),
        ("accounts", (), "accounts.list"),
        ("contacts", ("whatsapp", "kim"), "accounts.contacts.search"),
        ("chat", ("!c:beeper.com",), "chats.retrieve(max_participant_count=-1)"),
    ],
)
async def test_read_requests_equal_the_sdk(
    client: BeeperClient,
    simulator: Simulator,
    method: str,
    arguments: tuple[str, ...],
    call: str,
) -> None:
    with suppress(AnswerError):
        await getattr(client, method)(*arguments)

    [received], record = simulator.requests, recorded("6.0.0", call)
    assert (received.method, received.path) == (record["method"], record["path"])
    assert received.query == record["query"]
    assert received.headers["Accept"] == record["headers"]["Accept"]
    # Compression is refused, so that a small response cannot become a huge one.
    assert received.headers["Accept-Encoding"] == "identity"
    assert ("Authorization" in received.headers) is (
        "Authorization" in record["headers"]
    )


async def test_token_is_only_in_the_authorization_header(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    await client.accounts()
    await client.create_chat(CREATE)

    for received in simulator.requests:
        authorization = received.headers.pop("Authorization", None)
        assert authorization == (
            None if received.path == "/v1/info" else f"Bearer {TOKEN}"
        )
        assert TOKEN not in repr(received)


@pytest.mark.parametrize(
    "text", ["  \n x \t", "🌻" * 25_600, '"\\\0\x1f', "נועה\u202e"]
)
async def test_text_is_not_altered(
    client: BeeperClient, simulator: Simulator, text: str
) -> None:
    await client.create_chat(
        CreateChat(
            account_id="whatsapp",
            participant_ids=("15550101002",),
            type="single",
            message_text=text,
        )
    )
    assert simulator.executed[0].json["messageText"] == text


@pytest.mark.parametrize(
    "chat_id",
    ["!a:b.c", "a/b", "a?b=c", "a#b", "50%", "%2F", "imsg##+1", "é 🌻", "a;b"],
)
async def test_id_is_one_path_segment(
    client: BeeperClient, simulator: Simulator, chat_id: str
) -> None:
    with pytest.raises(AnswerError, match="404"):
        await client.chat(chat_id)

    [received] = simulator.requests
    assert [unquote(part) for part in received.path.split("/")] == [
        "",
        "v1",
        "chats",
        chat_id,
    ]
    assert received.query == "maxParticipantCount=-1"


async def test_url_path_prefix_is_kept(sessions: Sessions) -> None:
    async with Simulator(prefix="/my/beeper") as simulator:
        client = BeeperClient(sessions, simulator.url, TOKEN)
        await client.identify()
        result = await client.start_chat(START)

    assert result.status == "existing"
    assert [received.path for received in simulator.requests] == [
        "/v1/info",
        "/v1/chats/start",
    ]


async def test_ipv6(sessions: Sessions) -> None:
    pytest_socket.socket_allow_hosts(["::1"])
    simulator = Simulator(host="::1")
    try:
        await simulator.start()
    except OSError:
        pytest.skip("no IPv6 here")
    try:
        client = BeeperClient(sessions, simulator.url, TOKEN)
        await client.identify()
        result = await client.start_chat(START)
    finally:
        await simulator.stop()
    assert result.status == "existing"


async def test_https_with_a_private_certificate_authority(
    make_client: MakeClient, certificate: Certificate
) -> None:
    async with Simulator(ssl_context=certificate.server) as simulator:
        client = await make_client(simulator.url, ssl=certificate.client)
        await client.identify()
        result = await client.start_chat(START)

    assert simulator.url.startswith("https://")
    assert result.status == "existing"


async def test_addresses_in_responses_are_not_followed(
    client: BeeperClient, simulator: Simulator
) -> None:
    async with Simulator() as other:
        app = {"name": "Beeper", "version": "4.3.0", "bundle_id": "x"}
        endpoints = {"spec": other.url, "oauth": {"introspection_endpoint": other.url}}
        body = {
            "app": app,
            "server": {"status": "running", "base_url": other.url},
            "endpoints": endpoints,
        }
        simulator.faults.add("status_before", path="/v1/info", status=200, body=body)

        await client.identify()
        await client.scopes()
        await client.start_chat(START)

        assert other.requests == []
    assert [received.path for received in simulator.requests] == [
        "/v1/info",
        "/oauth/introspect",
        "/v1/chats/start",
    ]


async def test_change_never_uses_an_idle_connection(
    client: BeeperClient, simulator: Simulator
) -> None:
    """Reads reuse connections; a change on a dead one would have an unknown outcome."""
    await client.identify()
    simulator.faults.add("drop_reused", times=None)

    first = await client.create_chat(CREATE)
    await asyncio.sleep(1.1)
    await client.accounts()
    second = await client.create_chat(CREATE)

    assert first.chat_id != second.chat_id
    assert len(simulator.executed) == 2
    assert not any(received.reused for received in simulator.executed)


async def test_changes_in_a_row_use_one_connection(
    client: BeeperClient, simulator: Simulator
) -> None:
    """The server has just answered on it, so it is alive."""
    for _ in range(3):
        await client.create_chat(CREATE)
    assert [received.reused for received in simulator.executed] == [False, True, True]


async def test_change_on_a_connection_that_dies_is_attempted_once(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.create_chat(CREATE)
    simulator.faults.add("drop_reused", times=None)
    with pytest.raises(BeeperError) as caught:
        await client.create_chat(CREATE)
    assert caught.value.may_have_run
    assert len(simulator.executed) == 1
    assert len(simulator.requests) == 2


async def test_reads_reuse_a_connection(
    client: BeeperClient, simulator: Simulator
) -> None:
    await client.identify()
    await client.accounts()
    await client.chats("whatsapp")
    assert [received.reused for received in simulator.requests] == [False, True, True]


@pytest.mark.parametrize("ending", ["create", "drop_after"])
async def test_requests_are_attempted_once(
    client: BeeperClient, simulator: Simulator, ending: str
) -> None:
    if ending == "drop_after":
        simulator.faults.add("drop_after", method="POST", times=None)
        with pytest.raises(BeeperError):
            await client.create_chat(CREATE)
    else:
        await client.create_chat(CREATE)
    assert len(simulator.requests) == len(simulator.executed) == 1


async def test_any_response_sets_the_clock_offset(
    client: BeeperClient, simulator: Simulator
) -> None:
    simulator.clock_skew = timedelta(hours=-3)
    await client.identify()
    assert (offset := client.clock_offset) is not None
    assert abs(offset + timedelta(hours=3)) < timedelta(seconds=5)


async def test_pages_reach_every_item(sessions: Sessions) -> None:
    async with Simulator(chats=60) as simulator:
        client = BeeperClient(sessions, simulator.url, TOKEN)
        chats = [
            chat
            for chat in simulator.world.recent_chats()
            if chat.account_id == "whatsapp"
        ]
        cursor, seen = None, []
        while True:
            page = await client.chats("whatsapp", cursor)
            seen += [chat.id for chat in page.items]
            if (cursor := page.cursor) is None:
                break
    assert len(simulator.requests) > 1
    assert seen == [chat.id for chat in chats]


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "latest", "easymatrix"])
async def test_scopes(client: BeeperClient, simulator: Simulator) -> None:
    simulator.tokens[TOKEN] = {"read"}
    await client.identify()
    has_introspection = simulator.profile.version != "4.1.294"
    assert await client.scopes() == ({"read"} if has_introspection else None)


async def test_user_id_from_app_setup(
    client: BeeperClient, simulator: Simulator
) -> None:
    accounts = await client.accounts()
    assert await client.user_id(accounts) == "@me:beeper.com"
    assert len(simulator.requests) == 1
    assert await client.user_id([]) == "@me:beeper.com"
    assert simulator.requests[-1].path == "/v1/app/setup"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status_before", "status": 404},
        {"kind": "status_before", "status": 500},
        {"kind": "garbage"},
        {"kind": "garbage", "body": "[]"},
        {"kind": "garbage", "body": '{"matrix": {"userID": 5}}'},
        {"kind": "garbage", "body": '{"matrix": "@me:beeper.com"}'},
    ],
)
async def test_user_id_is_optional(
    client: BeeperClient, simulator: Simulator, fault: Any
) -> None:
    simulator.faults.add(path="/v1/app/setup", **fault)
    assert await client.user_id([]) is None


@pytest.mark.parametrize("year", [1601, 9999])
async def test_a_date_that_cannot_be_right_is_ignored(
    sessions: Sessions, raw: RawServer, year: int
) -> None:
    raw.answer = (
        f"HTTP/1.1 200 OK\r\nDate: Fri, 31 Dec {year:04} 23:59:59 GMT\r\n"
        "Content-Length: 2\r\n\r\n[]"
    ).encode()
    client = BeeperClient(sessions, await raw.start(), TOKEN)
    assert await client.accounts() == ()
    assert client.clock_offset is None


@pytest.mark.parametrize("hours", [-11, 0, 2])
async def test_clock_offset_with_another_time_zone(
    sessions: Sessions, raw: RawServer, hours: int
) -> None:
    date = format_datetime(datetime.now(timezone(timedelta(hours=hours))))
    raw.answer = (
        f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\n\r\n[]".encode()
    )
    client = BeeperClient(sessions, await raw.start(), TOKEN)
    assert await client.accounts() == ()
    assert client.clock_offset is not None
    assert abs(client.clock_offset) < timedelta(seconds=5)
