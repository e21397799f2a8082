"""Where the token goes, who may do what, and that words of others stay words."""

import asyncio
from collections.abc import Callable
from dataclasses import fields, is_dataclass
import gc
from http import HTTPStatus
import importlib
import inspect
from ipaddress import ip_address
import logging
from pathlib import Path
import pkgutil
import re
from typing import Any

from aiohttp import ClientSession, WSMsgType, web
import ifaddr
import pytest
from pytest_homeassistant_custom_component.common import (
    CLIENT_ID,
    MockConfigEntry,
    MockUser,
    async_capture_events,
    async_mock_service,
)
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)
from pytest_socket import socket_allow_hosts
from sqlalchemy import text
import yaml

import custom_components.beeper
from custom_components.beeper import coordinator as coordinator_module
from custom_components.beeper.api.client import BeeperClient
from custom_components.beeper.api.exceptions import AnswerError, BeeperError
from custom_components.beeper.api.transport import Sessions
from custom_components.beeper.const import DOMAIN
from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.const import (
    CONF_TOKEN,
    CONF_VERIFY_SSL,
    EVENT_HOMEASSISTANT_FINAL_WRITE,
)
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import issue_registry as ir, llm
from homeassistant.helpers.recorder import get_instance, session_scope
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import download, send
from tests.helpers.cells import cells
from tests.helpers.certificates import Certificate
from tests.helpers.entities import (
    MESSAGE_SHORTCUT as SHORTCUT,
    add_chat,
    add_shortcut,
    press,
)
from tests.helpers.media import Door, Doorbell, attach, files
from tests.helpers.privacy import secrets_in
from tests.helpers.repository import ROOT, SERVICES
from tests.helpers.servers import TOKEN
from tests.helpers.talking import TO_MIA, say, talk
from tests.helpers.waiting import poll, until
from tests.helpers.world import FAMILY, KIM, texts, write

# Of this machine, as other machines see it; in tests Home Assistant sees others.
OUTSIDE = [
    str(ip.ip)
    for adapter in ifaddr.get_adapters()
    for ip in adapter.ips
    if ip.is_IPv4 and not ip_address(str(ip.ip)).is_loopback
]
TEMPLATE = "{{ states('sensor.secret') }}{% if true %}x{% endif %}"
MESSAGE: dict[str, Any] = {"chat_id": KIM, "message_id": "4"}
CALLS: dict[str, dict[str, Any]] = {
    "create_chat": {"recipient": "Kim"},
    "send_message": {"chat_id": KIM, "message": "hi"},
    "reply": {"message": "hi"},
    "ask_question": {"chat_id": KIM, "message": "Tea?", "timeout": 0.1},
    "find": {"query": "Kim"},
    "list_accounts": {},
    "list_chats": {},
    "list_labels": {},
    "list_messages": {"chat_id": KIM},
    "search_messages": {"query": "hi"},
    "get_chat": {"chat_id": KIM},
    "get_message": MESSAGE,
    "download_attachment": MESSAGE,
    "update_chat": {"chat_id": KIM, "is_pinned": True},
    "mark_read": {"chat_id": KIM},
    "mark_unread": {"chat_id": KIM},
    "notify_anyway": {"chat_id": KIM},
    "set_reminder": {"chat_id": KIM, "remind_at": "2099-01-01T10:00:00+00:00"},
    "clear_reminder": {"chat_id": KIM},
    "edit_message": {**MESSAGE, "message": "hi"},
    "delete_message": {**MESSAGE, "for_everyone": False},
    "add_reaction": {**MESSAGE, "reaction": "👍"},
    "remove_reaction": {**MESSAGE, "reaction": "👍"},
    "focus": {},
}
GROUPS = [GROUP_ID_ADMIN, GROUP_ID_USER, GROUP_ID_READ_ONLY]


@pytest.fixture(autouse=True)
def integration(request: pytest.FixtureRequest) -> None:
    """Start the recorder before Home Assistant, and that only where it is needed."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("socket_enabled")
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


# Object representations

# Rows of our own tables, and what shows only what shows nothing itself.
_HARMLESS = {
    "actions.action.Action",
    "actions.change_actions.ChangeAction",
    "actions.query_action.QueryAction",
    "api.server_generations.Generation",
    "errors.Refusal",
    "outgoing.job.OutboxContext",
    "outgoing.job.Outcome",
    "outgoing.sent_record.Delivery",
    "sensor._AccountSensor",
    "voice.sentences.Language",
}


def our_dataclasses() -> dict[str, type]:
    package = custom_components.beeper
    found: dict[str, type] = {}
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        for name, member in inspect.getmembers(importlib.import_module(module.name)):
            if not isinstance(member, type) or member.__module__ != module.name:
                continue
            if is_dataclass(member) and not inspect.isabstract(member):
                module_name = module.name.removeprefix(f"{package.__name__}.")
                found[f"{module_name}.{name}"] = member
    return found


def test_harmless_dataclasses_exist() -> None:
    assert our_dataclasses().keys() >= _HARMLESS


@pytest.mark.parametrize("name", our_dataclasses())
def test_dataclass_reprs_hide_their_values(name: str) -> None:
    """Neither logs nor the locals of a traceback reveal private values."""
    kind = our_dataclasses()[name]
    held: Any = object.__new__(kind)
    for field in fields(kind):
        object.__setattr__(held, field.name, "kim.secret")

    assert ("kim.secret" in f"{held!r}{held}") is (name in _HARMLESS)


async def test_live_object_reprs_hide_their_values(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    assist: None,
    skip_time: Callable[[float], None],
) -> None:
    """Each object of ours after everything was done once, and some of it was lost."""
    await add_chat(hass, listening, FAMILY, "Chat")
    await add_shortcut(hass, listening, SHORTCUT)
    write(simulator, "The key is under the mat")
    await send(hass, message="The key is under the mat")
    await hass.services.async_call(
        DOMAIN,
        "create_chat",
        {"recipient": "Mia", "message_text": "The key is under the mat"},
        blocking=True,
    )
    simulator.faults.add("drop_after", method="POST", path="*/messages")
    simulator.faults.add("status_before", method="GET", path="*/messages", times=20)
    waiting = hass.async_create_task(send(hass, message="The key is under the mat"))
    asked, _ = await talk(
        hass, "Send The key is under the mat to Mia on Telegram", "here"
    )
    await until(lambda: simulator.executed)
    package = custom_components.beeper.__name__

    alive = [
        instance
        for instance in gc.get_objects()
        if not isinstance(instance, type)
        and type(instance).__module__.startswith(f"{package}.")
    ]
    shown = "\n".join(f"{instance!r} {instance!s}" for instance in alive)

    waiting.cancel()
    skip_time(20)  # Else unloading waits until nobody looks for the message any more.
    assert {type(instance).__name__ for instance in alive} >= {
        "BeeperClient",
        "BeeperCoordinator",
        "Chat",
        "SendMessageJob",
        "Outbox",
        "Assistant",
    }
    persons = [
        person
        for account in simulator.world.accounts.values()
        for person in account.contacts.values()
    ]
    for secret in (
        TOKEN,
        "under the mat",
        *simulator.world.chats,
        *(person.full_name for person in persons if person.full_name),
        *(person.phone_number for person in persons if person.phone_number),
        *(person.id for person in persons),
    ):
        assert secret not in shown
    assert asked


async def test_an_issue_in_the_diagnostics_names_no_account(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant adds the ids of all issues to the diagnostics."""
    assert await async_setup_component(hass, "diagnostics", {})
    monkeypatch.setattr(
        coordinator_module, "_ISSUE_DELAY", coordinator_module._ISSUE_DELAY * 0
    )
    await poll(hass, loaded)
    assert ir.async_get(hass).issues
    client = await hass_client()

    response = await client.get(f"/api/diagnostics/config_entry/{loaded.entry_id}")
    report = await response.json()

    assert len(report["issues"]) == 1
    shown = str(report["issues"])
    for account_id in simulator.world.accounts:
        assert account_id not in shown


# Where the token goes


class Elsewhere:
    """Another host, which records the requests to it."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.headers.get("Upgrade"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                assert message.type is WSMsgType.TEXT
            return socket
        return web.json_response([])


@pytest.fixture
async def elsewhere(aiohttp_server: Any, socket_enabled: None) -> Elsewhere:
    there = Elsewhere()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", there.serve)
    server = await aiohttp_server(app)
    there.url = str(server.make_url("")).rstrip("/")
    return there


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_stream_follows_no_redirect(
    simulator: Simulator, elsewhere: Elsewhere, status: int
) -> None:
    """By itself, a WebSocket of aiohttp would follow."""
    location = {"Location": f"{elsewhere.url}/v1/ws"}
    simulator.faults.add("ws_refuse", status=status, headers=location)
    async with ClientSession() as session:
        client = BeeperClient(
            Sessions(reading=session, changing=session), simulator.url, TOKEN
        )
        with pytest.raises(AnswerError) as refused:
            async with client.stream():
                pytest.fail("It has followed.")

        assert refused.value.status == status
        assert elsewhere.requests == []
        async with client.stream():  # The session is as it was.
            await until(lambda: simulator.hub.connections)
        assert not session.closed


async def test_the_stream_of_a_session_that_is_closed(simulator: Simulator) -> None:
    session = ClientSession()
    sessions = Sessions(reading=session, changing=session)
    client = BeeperClient(sessions, simulator.url, TOKEN)
    await session.close()
    with pytest.raises(BeeperError):
        async with client.stream():
            pytest.fail("It is open.")
    assert simulator.requests == []


async def test_no_request_reaches_another_host(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    impatient: None,
    elsewhere: Elsewhere,
    media: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Servers cannot redirect requests: not by base URL, file, picture or redirect."""
    caplog.set_level(logging.DEBUG)
    info = {
        "app": {"name": "Beeper", "version": "4.3.0", "bundle_id": "x"},
        "server": {"status": "running", "base_url": elsewhere.url},
        "endpoints": {"ws_events": f"{elsewhere.url}/v1/ws", "mcp": elsewhere.url},
    }
    simulator.faults.add(
        "status_before", path="/v1/info", status=200, body=info, times=None
    )
    message = attach(
        simulator,
        url=f"{elsewhere.url}/x.png",
        srcURL=f"{elsewhere.url}/x.png",
        posterImg=f"{elsewhere.url}/poster.png",
    )
    await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: simulator.hub.connections)

    with pytest.raises(HomeAssistantError):
        await download(hass, chat_id=KIM, message_id=message.id)
    location = {"Location": f"{elsewhere.url}/"}
    simulator.faults.add("status_before", status=307, headers=location, times=None)
    for call in (
        send(hass),
        download(hass),
        hass.services.async_call(
            DOMAIN, "create_chat", {"recipient": "Kim"}, blocking=True
        ),
        hass.services.async_call(DOMAIN, "mark_read", {"chat_id": KIM}, blocking=True),
    ):
        with pytest.raises(HomeAssistantError):
            await call
    simulator.requests.clear()
    simulator.hub.hang_up()
    await until(
        lambda: sum(request.path == "/v1/ws" for request in simulator.requests) > 1
    )
    await poll(hass, entry)

    assert elsewhere.requests == []
    assert all(
        TOKEN not in request.path + request.query for request in simulator.requests
    )
    assert TOKEN not in caplog.text


async def test_attachment_redirects_are_not_followed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    elsewhere: Elsewhere,
    media: Path,
) -> None:
    message = attach(simulator)
    simulator.faults.add(
        "status_before",
        path="*/assets/serve",
        status=302,
        headers={"Location": f"{elsewhere.url}/x"},
    )
    with pytest.raises(HomeAssistantError):
        await download(hass, chat_id=KIM, message_id=message.id)

    assert elsewhere.requests == []
    assert files(media) == {}


@pytest.mark.usefixtures("half_handshakes")
@pytest.mark.skipif(not OUTSIDE, reason="This machine is in no network")
async def test_allowed_url_cannot_redirect_to_localhost(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    aiohttp_server: Any,
    aiohttp_raw_server: Any,
) -> None:
    """Home Assistant's protection against forged requests always applies."""
    socket_allow_hosts(["127.0.0.1", OUTSIDE[0]])
    asked: list[str] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"secret", content_type="image/png")

    inside = (await aiohttp_raw_server(serve)).make_url("/")

    async def lead(_: web.Request) -> web.Response:
        raise web.HTTPFound(inside)

    app = web.Application()
    app.router.add_get("/", lead)
    server = await aiohttp_server(app, host=OUTSIDE[0])
    address = str(server.make_url("/"))
    hass.config.allowlist_external_urls = {address, str(inside)}

    await send(hass, attachment=str(inside))  # Nobody led there: it was meant.
    assert asked == ["/"]
    with pytest.raises(HomeAssistantError, match="could not be downloaded"):
        await send(hass, attachment=address)
    assert asked == ["/"]


async def test_disabled_verification_affects_only_its_server(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    certificate: Certificate,
) -> None:
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_VERIFY_SSL: False}
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with Simulator(ssl_context=certificate.server) as other:
        hass.config.allowlist_external_urls = {f"{other.url}/"}
        with pytest.raises(
            HomeAssistantError, match="certificate of the address in Attachment"
        ):
            await send(hass, attachment=f"{other.url}/v1/info")

        assert other.requests == []


async def test_token_is_stored_only_in_the_entry(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """It is in no other storage file, state or event."""
    await add_chat(hass, loaded)
    events = async_capture_events(hass, "*")
    await send(hass)
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    await hass.async_stop()

    stored = {key: str(data) for key, data in hass_storage.items()}
    assert [key for key in stored if TOKEN in stored[key]] in (
        [],
        ["core.config_entries"],
    )
    assert loaded.data[CONF_TOKEN] == TOKEN
    assert TOKEN not in str(hass.states.async_all())
    assert TOKEN not in str([event.data for event in events])


# Permissions


@pytest.fixture
def users(hass: HomeAssistant, local_auth: Any) -> dict[str, MockUser]:
    """Return a user of every group in Home Assistant."""
    found = {}
    for group_id in GROUPS:
        group = hass.auth._store._groups[group_id]
        found[group_id] = MockUser(name=group_id, groups=[group]).add_to_hass(hass)
    return found


async def call_as(
    hass: HomeAssistant, user: MockUser, action: str, data: dict[str, Any]
) -> None:
    """Call an action; that it is wrong or impossible is another matter."""
    answers = hass.services.supports_response(DOMAIN, action)
    try:
        await hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            context=Context(user_id=user.id),
            return_response=bool(answers.value),
        )
    except Unauthorized:
        raise
    except HomeAssistantError:
        pass


def test_every_action_is_covered() -> None:
    assert CALLS.keys() == SERVICES.keys()


@cells
@pytest.mark.parametrize("action", CALLS)
async def test_read_only_user_cannot_call_actions(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    users: dict[str, MockUser],
    action: str,
) -> None:
    """Home Assistant has such users, and asks only where an entity is meant."""
    data = CALLS[action]
    simulator.requests.clear()
    with pytest.raises(Unauthorized):
        await call_as(hass, users[GROUP_ID_READ_ONLY], action, data)
    assert simulator.requests == []

    for group_id in GROUP_ID_USER, GROUP_ID_ADMIN:
        await call_as(hass, users[group_id], action, data)


async def test_unknown_user_cannot_call_actions(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(Unauthorized):
        await send(hass, context=Context(user_id="gone"))


async def test_user_with_one_chat_can_write_only_there(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    local_auth: Any,
) -> None:
    kim = await add_chat(hass, loaded)
    family = await add_chat(hass, loaded, FAMILY, "Family")
    user = MockUser(name="Tablet").add_to_hass(hass)
    user.mock_policy({"entities": {"entity_ids": {kim: {"control": True}}}})

    targets: list[dict[str, Any]] = [
        {"entity_id": family},
        {"chat_id": KIM},
        {"recipient": "Kim"},
    ]
    await call_as(hass, user, "send_message", {"entity_id": kim, "message": "one"})
    for target in targets:
        with pytest.raises(Unauthorized):
            await call_as(hass, user, "send_message", {**target, "message": "two"})

    assert texts(simulator)[-1] == "one"
    assert len(simulator.executed) == 1


CAMERA_FORMS = [
    "camera.door",
    "media-source://camera/camera.door",
    "/api/camera_proxy/camera.door",
    "/api/camera_proxy/camera.door?token=0123456789abcdef",
    "/api/camera_proxy_stream/camera.door",
    {"media_content_id": "media-source://camera/camera.door"},
    {
        "media_content_id": "media-source://camera/camera.door",
        "media_content_type": "image/png",
    },
]
IMAGE_FORMS = [
    "image.bell",
    "media-source://image/image.bell",
    "/api/image_proxy/image.bell",
    {"media_content_id": "media-source://image/image.bell"},
]
OTHER_FILES = [
    "/config/www/plan.png",
    "/config/secrets.yaml",
    "/local/plan.png",
    "/api/camera_proxy/../camera_proxy/camera.door",
    "/media/clip.mp4",
    "https://example.com/x.png",
    "HTTP://127.0.0.1:8123/api/camera_proxy/camera.door",
    "media-source://media_source/local/x.png",
    "media-source://media_source/local/camera.door",
    "media-source://camera/camera.door/../camera.door",
    "media-source://camera/image.bell",
    "MEDIA-SOURCE://camera/camera.door",
    "media-source://tts/tts.voice?message=Hi",
    "media-source://image_upload/0123",
    {"media_content_id": "media-source://media_source/local/x.png"},
]


async def attach_as(
    hass: HomeAssistant, policy: dict[str, Any], entity_id: str, attachment: Any
) -> None:
    """Send a file as a user with this policy for entities."""
    user = MockUser(name="Tablet").add_to_hass(hass)
    user.mock_policy({"entities": policy})
    data = {"entity_id": entity_id, "attachment": attachment}
    await call_as(hass, user, "send_message", data)


@cells
@pytest.mark.parametrize("attachment", [*CAMERA_FORMS, *IMAGE_FORMS, *OTHER_FILES])
@pytest.mark.parametrize("others", [None, "light", "camera_control"])
async def test_limited_user_sends_no_file_that_they_may_not_see(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    image: Doorbell,
    attachment: Any,
    others: str | None,
) -> None:
    """The chat is theirs to write to; the picture is not theirs to see."""
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    kim = await add_chat(hass, entry)
    policy: dict[str, Any] = {"entity_ids": {kim: {"control": True}}}
    if others == "light":
        policy["domains"] = {"light": {"read": True}}
    elif others:
        policy["domains"] = {
            "camera": {"control": True},
            "image": {"control": True},
        }

    with pytest.raises(Unauthorized):
        await attach_as(hass, policy, kim, attachment)

    assert not simulator.executed


@pytest.mark.parametrize("attachment", ["camera.door", "/media/clip.mp4"])
@pytest.mark.parametrize("through", ["action", "script"])
@pytest.mark.parametrize("action", ["send_message", "ask_question", "reply"])
async def test_no_way_around_the_permission_for_a_file(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    attachment: str,
    through: str,
    action: str,
) -> None:
    """A script runs with the permissions of the user who starts it."""
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    kim = await add_chat(hass, entry)
    user = MockUser(name="Tablet").add_to_hass(hass)
    user.mock_policy({"entities": {"entity_ids": {kim: {"control": True}}}})
    context = Context(user_id=user.id)
    data: dict[str, Any] = {"entity_id": kim, "message": "hi", "attachment": attachment}
    if action == "ask_question":
        data["timeout"] = "00:00:00.1"
    elif action == "reply":
        data.pop("entity_id")
    if through == "action":
        with pytest.raises(Unauthorized):
            await call_as(hass, user, action, data)
    else:
        step: dict[str, Any] = {"action": f"beeper.{action}", "data": data}
        if action == "ask_question":
            step["response_variable"] = "answer"
        config = {"script": {"ask": {"sequence": [step]}}}
        assert await async_setup_component(hass, "script", config)
        with pytest.raises(Unauthorized):
            await hass.services.async_call("script", "ask", {}, True, context)

    assert not simulator.executed
    assert not simulator.world.uploads


@cells
@pytest.mark.parametrize("attachment", [*CAMERA_FORMS, *IMAGE_FORMS])
async def test_limited_user_sends_a_picture_that_they_may_see(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    image: Doorbell,
    attachment: Any,
) -> None:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    kim = await add_chat(hass, entry)
    mine = {
        entity_id: {"read": True}
        for entity_id in ("camera.door", "image.bell")
        if entity_id in str(attachment)
    }

    await attach_as(
        hass,
        {"entity_ids": {kim: {"control": True}, **mine}},
        kim,
        attachment,
    )

    assert len(simulator.world.uploads) == 1
    assert simulator.world.chats[KIM].messages[-1].attachments


@cells
@pytest.mark.parametrize("attachment", OTHER_FILES)
async def test_limited_user_with_all_pictures_sends_no_other_file(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    attachment: Any,
) -> None:
    """Not even one who may see everything: files belong to no entity."""
    kim = await add_chat(hass, loaded)
    policy = {"all": {"read": True}, "entity_ids": {kim: {"control": True}}}

    with pytest.raises(Unauthorized):
        await attach_as(hass, policy, kim, attachment)


@pytest.mark.parametrize("group_id", [GROUP_ID_USER, GROUP_ID_ADMIN])
async def test_user_who_may_control_everything_sends_files(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    media: Path,
    users: dict[str, MockUser],
    group_id: str,
) -> None:
    (media / "x.png").write_bytes(b"picture")
    uri = "media-source://media_source/local/x.png"
    for number, attachment in enumerate(("camera.door", uri), 1):
        data = {"chat_id": KIM, "attachment": attachment}
        await call_as(hass, users[group_id], "send_message", data)
        assert len(simulator.world.uploads) == number


@pytest.mark.parametrize("group_id", [GROUP_ID_USER, GROUP_ID_READ_ONLY])
async def test_read_only_user_can_use_assist(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    users: dict[str, MockUser],
    group_id: str,
) -> None:
    for command in (
        TO_MIA,
        "Read my Beeper messages",
    ):
        answer = await say(hass, command, "here", user_id=users[group_id].id)
        may_not = "may not control" in answer
        assert may_not is (group_id == GROUP_ID_READ_ONLY), answer
    answer = await say(hass, "yes, send it", "here", user_id=users[group_id].id)
    assert bool(simulator.executed) is (group_id == GROUP_ID_USER), answer


@pytest.mark.parametrize("group_id", [GROUP_ID_USER, GROUP_ID_READ_ONLY])
async def test_model_acts_with_its_users_permissions(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    users: dict[str, MockUser],
    group_id: str,
) -> None:
    options = {"llm_can_send": True, "confirm": "never"}
    hass.config_entries.async_update_entry(loaded, options=options)
    await hass.async_block_till_done()
    context = Context(user_id=users[group_id].id)
    api = await llm.async_get_api(
        hass, "assist", llm.LLMContext("test", context, "en", "conversation", None)
    )
    simulator.requests.clear()
    for tool, args in (
        ("find_person", {"name": "Kim"}),
        ("read_unread", {}),
        ("send_message", {"recipient": "Kim", "message": "hi", "network": "WhatsApp"}),
    ):
        result = await api.async_call_tool(
            llm.ToolInput(tool_name=f"beeper__{tool}", tool_args=args)
        )
        shown = str(result)
        assert ("not_allowed" in shown) is (group_id == GROUP_ID_READ_ONLY), shown
    assert bool(simulator.requests) is (group_id == GROUP_ID_USER)


@pytest.mark.parametrize("group_id", GROUPS)
async def test_settings_and_reports_are_for_administrators(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    users: dict[str, MockUser],
    group_id: str,
) -> None:
    """Each way that leads to options, tokens, diagnostics and the like."""
    for component in (
        "websocket_api",
        "config",
        "diagnostics",
        "repairs",
        "system_health",
    ):
        assert await async_setup_component(hass, component, {})
    admin = group_id == GROUP_ID_ADMIN
    refresh = await hass.auth.async_create_refresh_token(users[group_id], CLIENT_ID)
    token = hass.auth.async_create_access_token(refresh)
    client = await hass_client(token)
    flows = "/api/config/config_entries"
    statuses = [
        (await client.post(f"{flows}/{kind}", json={"handler": handler})).status
        for kind, handler in (
            ("flow", DOMAIN),
            ("options/flow", loaded.entry_id),
            ("subentries/flow", [loaded.entry_id, "chat"]),
            ("subentries/flow", [loaded.entry_id, "shortcut"]),
        )
    ]
    report = await client.get(f"/api/diagnostics/config_entry/{loaded.entry_id}")
    socket = await hass_ws_client(hass, token)
    await socket.send_json_auto_id({"type": "repairs/list_issues"})
    answered = await socket.receive_json()
    await socket.send_json_auto_id(
        {"type": "config_entries/update", "entry_id": loaded.entry_id, "title": "x"}
    )
    updated = await socket.receive_json()

    wanted = HTTPStatus.OK if admin else HTTPStatus.UNAUTHORIZED
    assert [*statuses, report.status] == [wanted] * 5
    assert updated["success"] is admin
    # It names networks at most, and everybody may read it.
    assert answered["success"]
    assert TOKEN not in await report.text()


# Words of others stay words


@pytest.fixture
def secret(hass: HomeAssistant) -> None:
    hass.states.async_set("sensor.secret", "kim.secret")


async def test_no_template_in_a_message_is_rendered(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    secret: None,
) -> None:
    """Not by the trigger, the event entity, nor what passes it on and answers."""
    await add_chat(hass, listening)
    simulator.world.chats[KIM].participants[0].full_name = TEMPLATE
    await hass.config_entries.async_reload(listening.entry_id)
    await hass.async_block_till_done()
    calls = async_mock_service(hass, "test", "run")
    config = {
        "triggers": {"trigger": "beeper.message_received"},
        "variables": {"text": "{{ trigger.text }}"},
        "actions": [
            {
                "action": "test.run",
                "data": {
                    "text": "{{ text }}",
                    "name": "{{ trigger.sender_name }}",
                    "again": "{{ trigger.text ~ '' }}",
                },
            },
            {
                "action": "beeper.send_message",
                "data": {"chat_id": KIM, "message": "{{ text }}"},
            },
        ],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    write(simulator, TEMPLATE)
    await until(lambda: calls)
    await until(lambda: simulator.executed)

    assert calls[0].data == {"text": TEMPLATE, "name": TEMPLATE, "again": TEMPLATE}
    assert texts(simulator)[-1] == TEMPLATE
    shown = hass.states.get("event.kim_message")
    assert shown is not None
    assert shown.attributes["text"] == TEMPLATE


async def test_no_template_that_is_read_is_rendered(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    secret: None,
) -> None:
    """Neither in responses of actions, nor in speech."""
    for chat in simulator.world.chats.values():
        simulator.world.mark_read(chat, None)
    write(simulator, TEMPLATE)

    read = await hass.services.async_call(
        DOMAIN, "list_messages", {"chat_id": KIM}, blocking=True, return_response=True
    )
    assert read is not None
    messages: Any = read["messages"]
    assert messages[0]["text"] == TEMPLATE
    assert TEMPLATE in await say(hass, "Read my Beeper messages")


async def test_no_template_that_is_spoken_is_rendered(
    hass: HomeAssistant,
    simulator: Simulator,
    assist: None,
    loaded: MockConfigEntry,
    secret: None,
) -> None:
    await say(hass, "Message Mia on WhatsApp: Hi, {{ states.sensor.secret }}", "x")
    await say(hass, "yes, send it", "x")

    [chat] = [
        chat
        for chat in simulator.world.chats.values()
        if chat.messages and chat.messages[-1].pending_id
    ]
    assert texts(simulator, chat.id)[-1] == "Hi, {{ states.sensor.secret }}"


async def test_a_shortcut_renders_its_own_template_alone(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    secret: None,
) -> None:
    """The result of a template is not rendered again."""
    hass.states.async_set("event.last", "now", {"text": TEMPLATE})
    template = "{{ state_attr('event.last', 'text') }}"
    await add_shortcut(hass, loaded, {**SHORTCUT, "message": template})

    await press(hass)

    assert texts(simulator)[-1] == TEMPLATE


# Logs of later features than the first actions


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "drop_before"},
        {"kind": "status_before", "status": 404, "body": {"message": "kim.secret"}},
        {"kind": "status_after", "status": 500, "body": "Robin Sample 5550107777"},
        {"kind": "garbage", "body": "<p>The key is under the mat"},
    ],
    ids=lambda fault: fault.get("kind", "none"),
)
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("edit_message", {"message_id": "own", "message": "The key is under the mat"}),
        ("add_reaction", {"message_id": "kim.secret", "reaction": "👍"}),
        ("delete_message", {"message_id": "kim.secret", "for_everyone": True}),
        ("update_chat", {"title": "Robin Sample"}),
        ("set_reminder", {"remind_at": "2099-01-01T10:00:00+00:00"}),
        ("focus", {"draft_text": "The key is under the mat"}),
        ("list_messages", {"query": "kim.secret"}),
        ("search_messages", {"query": "The key is under the mat"}),
        ("download_attachment", {"message_id": "4", "file_name": "Robin Sample"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_other_actions_log_no_secret(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
    impatient: None,
    caplog: pytest.LogCaptureFixture,
    action: str,
    data: dict[str, Any],
    fault: dict[str, Any],
) -> None:
    """As automations call them, which are logged when they fail."""
    caplog.set_level(logging.INFO)
    for name in ("custom_components.beeper", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    chat_id = "!whatsapp_5550107777:beeper.com"
    account = simulator.world.accounts["whatsapp"]
    kim = next(iter(account.contacts.values()))
    chat = simulator.world.add_chat(account, [kim], chat_id=chat_id)
    simulator.world.incoming(chat, kim, "The key is under the mat")
    if fault:
        simulator.faults.add(**fault, times=None)
    call = data if action == "search_messages" else {"chat_id": chat_id, **data}
    config = {
        "triggers": {"trigger": "event", "event_type": "go"},
        "actions": {
            "action": f"beeper.{action}",
            "data": call,
            **(
                {"response_variable": "read"}
                if hass.services.supports_response(DOMAIN, action) == "only"
                else {}
            ),
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    hass.bus.async_fire("go")
    await hass.async_block_till_done()

    assert "automation" in caplog.text
    assert secrets_in(caplog.text) == []


# Statements of docs/security.md

SECURITY = (ROOT / "docs/security.md").read_text("utf-8")


def headings(file: Path) -> set[str]:
    """Return what links to a file's headings end with."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize(
    "link", sorted({*re.findall(r"\]\((?!https:)(\S+?)\)", SECURITY)})
)
def test_every_link_resolves(link: str) -> None:
    name, _, heading = link.partition("#")
    file = ROOT / "docs" / (name or "security.md")
    assert file.is_file()
    assert not heading or heading in headings(file)


[RECORDER] = re.findall(r"```yaml\n(recorder:\n.*?)```", SECURITY, re.DOTALL)


@pytest.fixture
def recorder_config(request: pytest.FixtureRequest) -> dict[str, Any]:
    config: dict[str, Any] = request.param
    return config


@pytest.mark.parametrize(
    ("recorder_config", "kept"),
    [({}, True), (yaml.safe_load(RECORDER)["recorder"], False)],
    indirect=["recorder_config"],
)
async def test_calls_can_be_excluded_from_the_recorder(
    recorder_mock: Any, hass: HomeAssistant, entry: MockConfigEntry, kept: bool
) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    await send(hass, message="The key is under the mat")
    await async_wait_recording_done(hass)

    def read() -> str:
        with session_scope(hass=hass, read_only=True) as session:
            return str([*session.execute(text("SELECT shared_data FROM event_data"))])

    recorded = await get_instance(hass).async_add_executor_job(read)
    assert ("under the mat" in recorded) is kept


async def test_pending_jobs_stay_in_memory(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_storage: dict[str, Any],
) -> None:
    """So nothing is sent again after any kind of restart."""
    simulator.faults.add("delay_after", method="POST", seconds=0.5)
    under_way = hass.async_create_task(send(hass, message="The key is under the mat"))
    waits = hass.async_create_task(send(hass, message="kim.secret"))
    await until(lambda: simulator.executed)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await asyncio.sleep(0.1)

    assert not under_way.done()
    assert hass_storage
    assert secrets_in(str({**hass_storage, "core.config_entries": ""})) == []
    await under_way
    await waits
