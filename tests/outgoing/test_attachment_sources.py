"""Files that go with a message: from where, which not, and what if one is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, override
from unittest.mock import Mock
from urllib.parse import unquote

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_config_flow,
    mock_integration,
    mock_platform,
    setup_test_component_platform,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper import validation
from custom_components.beeper.outgoing import attachment_sources, file_types
from homeassistant.components.media_source import (
    MediaSource,
    MediaSourceItem,
    PlayMedia,
)
from homeassistant.config_entries import ConfigFlow
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Asset
from tests.helpers.actions import PATH, send, sent, tried
from tests.helpers.cells import cells
from tests.helpers.certificates import Certificate
from tests.helpers.labels import plain, refused as expect_refusal
from tests.helpers.media import PNG, Door, Doorbell, Voice
from tests.helpers.waiting import until
from tests.helpers.world import KIM

pytestmark = pytest.mark.usefixtures("quick_recovery")


UPLOAD = "/v1/assets/upload"


def received(simulator: Simulator) -> Asset:
    """Return the one file that reached the chat, as its message names it."""
    (attachment,) = simulator.world.chats[KIM].messages[-1].attachments
    (asset,) = simulator.world.uploads.values()
    assert attachment["id"] == asset.url
    assert attachment["fileName"] == asset.file_name
    assert attachment["mimeType"] == asset.mime_type
    return asset


def uploads(simulator: Simulator) -> int:
    return sum(request.path == UPLOAD for request in simulator.requests)


async def refused(
    hass: HomeAssistant,
    simulator: Simulator,
    *,
    kind: type[HomeAssistantError] = HomeAssistantError,
    **data: Any,
) -> str:
    """Send a message that is refused before any request, and return the error."""
    before = len(simulator.world.uploads)
    with pytest.raises(kind) as error:
        await send(hass, **data)
    assert tried(simulator) == 0
    assert len(simulator.world.uploads) == before
    assert error.value.translation_domain == "beeper"
    return plain(error.value)


# Entities


@cells
@pytest.mark.parametrize(
    "attachment",
    [
        "camera.door",
        "media-source://camera/camera.door",
        {
            "media_content_id": "media-source://camera/camera.door",
            "media_content_type": "image/png",
            "metadata": {"title": "Door"},
        },
        {"entity_id": "camera.door"},
        {"entity_id": ["camera.door"]},
        ["camera.door"],
        "/api/camera_proxy/camera.door",
        "/api/camera_proxy/camera.door?token=secret",
        "http://ha.local:8123/api/camera_proxy/camera.door",
    ],
    ids=[
        "entity",
        "media source",
        "media selector",
        "target",
        "target of one",
        "list of one",
        "address",
        "address in HA",
        "own address",
    ],
)
async def test_camera_snapshot(
    hass: HomeAssistant, simulator: Simulator, camera: Door, attachment: Any
) -> None:
    hass.config.internal_url = "http://ha.local:8123"
    response = await send(hass, message="Who is that?", attachment=attachment)

    file = received(simulator)
    assert (file.data, file.file_name, file.mime_type) == (PNG, "door.png", "image/png")
    message = simulator.world.chats[KIM].messages[-1]
    assert message.text == "Who is that?"
    assert response["message_id"] == message.pending_id


@pytest.mark.parametrize(
    "attachment", ["image.bell", "media-source://image/image.bell"]
)
async def test_picture_of_an_image_entity(
    hass: HomeAssistant, simulator: Simulator, image: Doorbell, attachment: str
) -> None:
    await send(hass, message=None, attachment=attachment, file_name="Bell 🔔.jpg")

    file = received(simulator)
    assert file.data == b"\xff\xd8\xffJPEG"
    assert (file.file_name, file.mime_type) == ("Bell 🔔.jpg", "image/jpeg")
    body = simulator.executed[-1].json
    assert body.keys() == {"attachment"}
    assert body["attachment"].keys() == {"uploadID", "fileName", "mimeType"}


async def test_an_entity_without_a_picture(
    hass: HomeAssistant, simulator: Simulator, camera: Door, image: Doorbell
) -> None:
    camera.picture = image.picture = None

    for entity_id in ("camera.door", "image.bell"):
        error = await refused(hass, simulator, attachment=entity_id)
        assert "the picture could not be taken" in error
        assert entity_id not in error


async def test_a_camera_whose_integration_is_not_loaded(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.states.async_set("camera.door", "unavailable")
    error = await refused(hass, simulator, attachment="camera.door")
    assert "the picture could not be taken" in error


@pytest.mark.parametrize("attachment", ["camera.other", "image.other"])
async def test_without_any_camera(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, attachment: str
) -> None:
    await refused_as_unknown(hass, simulator, attachment, attachment)


@cells
@pytest.mark.parametrize(
    ("attachment", "source"),
    [
        ("camera.other", "camera.other"),
        ("image.other", "image.other"),
        ("media-source://camera/camera.other", "camera.other"),
        ("/api/camera_proxy/camera.other?token=secret", "camera.other"),
        ("media-source://nobody/secret", "nobody"),
        ("media-source://tts/nobody?message=The+secret", "nobody"),
        ("media-source://tts/tts.nobody?message=secret", "tts.nobody"),
    ],
)
async def test_missing_items_are_named(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    image: Doorbell,
    media: Path,
    speech: None,
    attachment: str,
    source: str,
) -> None:
    await refused_as_unknown(hass, simulator, attachment, source)


async def refused_as_unknown(
    hass: HomeAssistant, simulator: Simulator, attachment: str, source: str
) -> None:
    error = await refused(
        hass, simulator, kind=ServiceValidationError, attachment=attachment
    )
    assert f"{source} does not exist in Home Assistant. Check attachment" in error
    assert "secret" not in error


@cells
@pytest.mark.parametrize(
    "error",
    [
        ValueError("rtsp://admin:secret@cam/1"),
        OSError("secret"),
        TimeoutError("secret"),
        KeyError("secret"),
        HomeAssistantError("secret"),
        RuntimeError("secret"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("attachment", ["camera.door", "image.bell"])
async def test_errors_of_cameras_stay_private(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    image: Doorbell,
    caplog: pytest.LogCaptureFixture,
    attachment: str,
    error: Exception,
) -> None:
    async def fail(*args: Any, **kwargs: Any) -> bytes:
        raise error

    camera.async_camera_image = image.async_image = fail  # type: ignore[method-assign]

    reason = await refused(hass, simulator, attachment=attachment)

    assert "the picture could not be taken" in reason
    assert "secret" not in reason + caplog.text


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"<html><body>Please log in</body></html>", "a web page or an error text"),
        (b" <!DOCTYPE HTML>", "a web page or an error text"),
    ],
)
async def test_camera_that_gives_a_page(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    picture: bytes,
    reason: str,
) -> None:
    camera.picture = picture

    assert reason in await refused(hass, simulator, attachment="camera.door")


async def test_type_that_a_camera_states(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    camera.content_type = "image/jpg"

    await send(hass, attachment="camera.door", file_name="Front door 2.0")

    file = received(simulator)
    assert (file.file_name, file.mime_type) == ("Front door 2.0.jpg", "image/jpeg")


# Media sources


async def test_file_of_a_media_source(
    hass: HomeAssistant, simulator: Simulator, media: Path
) -> None:
    (media / "clip é.mp4").write_bytes(b"film")
    uri = "media-source://media_source/local/clip é.mp4"

    await send(hass, attachment={"media_content_id": uri})

    file = received(simulator)
    assert (file.data, file.file_name) == (b"film", "clip é.mp4")
    assert file.mime_type == "video/mp4"
    # Nobody has to allow what media sources are for.
    assert not any(media.is_relative_to(d) for d in hass.config.allowlist_external_dirs)


@pytest.mark.parametrize(
    "attachment",
    [
        "media-source://media_source/local/../secret",
        "media-source://media_source/elsewhere/x.png",
    ],
)
async def test_missing_media(
    hass: HomeAssistant, simulator: Simulator, media: Path, attachment: str
) -> None:
    error = await refused(hass, simulator, attachment=attachment)
    assert "the media source in attachment does not have this file" in error


async def test_missing_media_source_file(
    hass: HomeAssistant, simulator: Simulator, media: Path
) -> None:
    uri = "media-source://media_source/local/other.png"
    assert "the file does not exist" in await refused(hass, simulator, attachment=uri)


async def test_without_media_sources(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    uri = "media-source://media_source/local/x.png"
    assert "does not have this file" in await refused(hass, simulator, attachment=uri)


class Recordings(MediaSource):
    """A media source that has addresses instead of files."""

    def __init__(self, url: str) -> None:
        super().__init__("recordings")
        self.url = url

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        return PlayMedia(self.url, "video/mp4")


class RecordingView(HomeAssistantView):
    """Where Home Assistant itself serves a recording, to who is signed in."""

    url = "/api/recordings/{name}"
    name = "api:recordings"

    async def get(self, request: web.Request, name: str) -> web.Response:
        if name == "moved":
            raise web.HTTPFound("http://127.0.0.1:1/")
        return web.Response(body=b"recorded", content_type="application/x-nonsense")


type AddRecordings = Callable[[str], Awaitable[None]]


@pytest.fixture
def add_recordings(hass: HomeAssistant) -> AddRecordings:
    async def add(url: str) -> None:
        mock_integration(hass, MockModule("recordings"))
        source = Recordings(url)

        async def get_source(_: HomeAssistant) -> MediaSource:
            return source

        platform = Mock(
            async_get_media_source=get_source, spec=["async_get_media_source"]
        )
        mock_platform(hass, "recordings.media_source", platform)
        assert await async_setup_component(hass, "recordings", {})
        await hass.async_block_till_done()

    return add


@pytest.fixture
async def own_address(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> str:
    """Serve Home Assistant's own pages, and tell it where."""
    assert await async_setup_component(hass, "media_source", {})
    hass.http.register_view(RecordingView)
    server = (await hass_client_no_auth()).server
    hass.config.internal_url = str(server.make_url("")).rstrip("/")
    return hass.config.internal_url


async def test_recording_that_home_assistant_serves(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    own_address: str,
    add_recordings: AddRecordings,
) -> None:
    await add_recordings("/api/recordings/clip")

    await send(hass, attachment="media-source://recordings/door")

    file = received(simulator)
    assert (file.data, file.file_name) == (b"recorded", "clip.mp4")
    assert file.mime_type == "video/mp4"


@pytest.mark.parametrize("url", ["/api/recordings/moved", "http://127.0.0.1:1/radio"])
async def test_external_recording_needs_an_allowed_url(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    own_address: str,
    add_recordings: AddRecordings,
    url: str,
) -> None:
    await add_recordings(url)

    error = await refused(hass, simulator, attachment="media-source://recordings/door")
    assert "may not read the address" in error


@pytest.fixture
async def speech(hass: HomeAssistant, loaded: MockConfigEntry, tmp_path: Path) -> None:
    hass.config.config_dir = str(tmp_path)  # It keeps what was spoken.
    mock_integration(hass, MockModule("ffmpeg"))
    entry = MockConfigEntry(domain="test")
    entry.add_to_hass(hass)

    async def forward(hass: HomeAssistant, entry: Any) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, ["tts"])
        return True

    mock_integration(hass, MockModule("test", async_setup_entry=forward))
    mock_platform(hass, "test.config_flow")
    setup_test_component_platform(hass, "tts", [Voice()], from_config_entry=True)
    assert await async_setup_component(hass, "tts", {})
    with mock_config_flow("test", ConfigFlow):
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def test_speech(hass: HomeAssistant, simulator: Simulator, speech: None) -> None:
    uri = "media-source://tts/tts.voice?message=The+door+is+open"

    await send(hass, message=None, attachment=uri)

    file = received(simulator)
    assert file.data == b"spoken: The door is open"
    assert (file.file_name, file.mime_type) == ("speech.mp3", "audio/mpeg")


@pytest.mark.parametrize("rest", ["tts.voice?message=nothing", "-stream-/gone"])
async def test_failed_speech(
    hass: HomeAssistant, simulator: Simulator, speech: None, rest: str
) -> None:
    error = await refused(hass, simulator, attachment=f"media-source://tts/{rest}")
    assert "the media source in attachment does not have this file" in error


# Paths


async def test_file_in_an_allowed_folder(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / "unknown").write_bytes(b"?")

    await send(hass, attachment=str(tmp_path / "report.pdf"))
    file = received(simulator)
    assert (file.data, file.mime_type) == (b"%PDF", "application/pdf")
    simulator.world.uploads.clear()

    await send(hass, attachment=str(tmp_path / "unknown"))
    assert received(simulator).mime_type == "application/octet-stream"


@cells
@pytest.mark.parametrize(
    ("name", "content", "mime_type"),
    [
        ("log.csv.gz", b"\x1f\x8b\x08", "application/gzip"),
        ("photo", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("page.html", b"<html>", "text/html"),
        ("notes.txt", b"<html>", "text/plain"),
    ],
)
async def test_type_of_a_file(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
    content: bytes,
    mime_type: str,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / name).write_bytes(content)

    await send(hass, attachment=str(tmp_path / name))

    file = received(simulator)
    assert file.mime_type == mime_type
    assert file.file_name == (name if "." in name else f"{name}.jpg")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jpg", b"", "is empty"),
        ("empty", b"", "is empty"),
        ("door.jpg", b"<html>Please log in", "a web page or an error text"),
    ],
)
async def test_file_that_is_none(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
    content: bytes,
    reason: str,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / name).write_bytes(content)

    assert reason in await refused(hass, simulator, attachment=f"{tmp_path}/{name}")


@pytest.mark.parametrize(
    "attachment",
    [
        "/local/a b.png",
        "/local/a%20b.png?v=3",
        "http://ha.local:8123/local/a%20b.png",
        "https://home.example/local/a%20b.png",
    ],
)
async def test_file_in_the_folder_www(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    attachment: str,
) -> None:
    hass.config.config_dir = str(tmp_path)
    hass.config.allowlist_external_dirs = {str(tmp_path / "www")}
    hass.config.internal_url = "http://ha.local:8123"
    hass.config.external_url = "https://home.example/"
    (tmp_path / "www").mkdir()
    (tmp_path / "www/a b.png").write_bytes(PNG)
    (tmp_path / "secret").write_bytes(PNG)

    for path in ("../secret", "%2e%2e/secret", "/etc/passwd", "a%00.png"):
        error = await refused(hass, simulator, attachment=f"/local/{path}")
        assert "may not read the folder" in error or "does not exist" in error

    await send(hass, attachment=attachment)

    assert received(simulator).file_name == "a b.png"


@pytest.mark.parametrize(
    "attachment",
    [
        "/api/media_player_proxy/media_player.tv",
        "/api/states",
        "http://ha.local:8123/api/hls/x.m3u8",
    ],
)
async def test_other_addresses_of_home_assistant_are_explained(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, attachment: str
) -> None:
    hass.config.internal_url = "http://ha.local:8123"

    error = await refused(hass, simulator, attachment=attachment)

    assert "belongs to Home Assistant and is not a file" in error
    assert "camera.door" in error


async def test_other_pages_of_home_assistant_must_be_allowed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config.internal_url = "http://ha.local:8123"

    error = await refused(hass, simulator, attachment="http://ha.local:8123/lovelace/0")

    assert "may not read the address" in error


@pytest.mark.parametrize("name", ["/etc/passwd", "{}/../secret", "{}/link", "/"])
async def test_file_elsewhere(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    hass.config.allowlist_external_dirs = {str(allowed)}
    (tmp_path / "secret").write_bytes(b"secret")
    (allowed / "link").symlink_to(tmp_path / "secret")

    error = await refused(hass, simulator, attachment=name.format(allowed))
    assert "may not read the folder" in error
    assert "secret" not in error


@pytest.mark.parametrize("name", ["other.png", "", "folder"])
async def test_no_file_in_an_allowed_folder(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / "folder").mkdir()

    error = await refused(hass, simulator, attachment=f"{tmp_path}/{name}")
    assert "the file does not exist" in error


# Addresses


class Web:
    """A web server with a few files."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[web.Request] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        match request.match_info["name"]:
            case "moved":
                raise web.HTTPFound("/cat.png?v=2")
            case "away":
                raise web.HTTPFound("http://localhost:1/cat.png")
            case "nowhere":
                return web.Response(status=302)
            case "round":
                raise web.HTTPFound("/round")
            case "missing":
                raise web.HTTPNotFound
            case "empty.jpg":
                return web.Response(content_type="image/jpeg")
            case name if name.startswith("status/"):
                return web.Response(status=int(name.removeprefix("status/")))
            case name if name.startswith("login/"):
                page = "<!DOCTYPE html><html><title>Log in</title></html>"
                return web.Response(text=page, content_type="text/html")
            case name if name.startswith("as/"):
                _, main, sub, _ = name.split("/")
                headers = {"Content-Type": f"{main}/{sub}"}
                return web.Response(body=PNG, headers=headers)
            case "cut":
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"half")
                assert request.transport
                request.transport.close()
                return response
            case "endless":
                response = web.StreamResponse()
                await response.prepare(request)
                while True:
                    await response.write(b"x" * 1000)
                    await asyncio.sleep(0)
            case _:
                return web.Response(body=PNG, content_type="image/png")


@pytest.fixture
async def site(
    hass: HomeAssistant, loaded: MockConfigEntry, aiohttp_server: Any
) -> Web:
    site = Web()
    app = web.Application()
    app.router.add_get("/{name:.*}", site.serve)
    server = await aiohttp_server(app)
    site.url = str(server.make_url("")).rstrip("/")
    hass.config.allowlist_external_urls = {f"{site.url}/"}
    return site


@cells
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cat.png", "cat.png"),
        ("cat.png?size=big&x=%2F", "cat.png"),
        ("moved", "cat.png"),
        ("picture", "picture.png"),
        ("a%20b/", "file.png"),
        ("as/image/jpg/x.png", "x.jpg"),
        ("as/application/octet-stream/x.jpeg", "x.jpeg"),
        ("as/application/octet-stream/x", "x.png"),
        ("as/text/plain/snapshot", "snapshot.png"),
        # Encoded paths and control characters in an address are removed.
        ("%2e%2e%2fcat.png", "cat.png"),
        ("a/%252e%252e%252fcat.png", "cat.png"),
        ("%2e%2e%5ccat.png", "cat.png"),
        ("%2e%2e%2f", "file.png"),
        ("a%07b%00c.png", "abc.png"),
        ("%25%012e%25%E2%80%8B2e%25%002fcat.png", "cat.png"),
        ("%252%012e%252%01e%252%01fcat.png", "cat.png"),
        (f"{'x' * 300}", f"{'x' * 200}.png"),
    ],
)
async def test_file_at_an_address(
    hass: HomeAssistant, simulator: Simulator, site: Web, path: str, name: str
) -> None:
    await send(hass, attachment=f"{site.url}/{path}")

    file = received(simulator)
    assert (file.data, file.file_name) == (PNG, name)
    is_jpeg = name.endswith(("jpg", "jpeg"))
    assert file.mime_type == ("image/jpeg" if is_jpeg else "image/png")
    # The token is not sent to other hosts.
    assert not any("Authorization" in request.headers for request in site.requests)


async def test_a_name_is_decoded_a_few_times_only(
    hass: HomeAssistant,
    simulator: Simulator,
    site: Web,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each `%25` in `%2525252e` is one more encoding, and a pass over the whole name."""
    passes: list[str] = []

    def count(name: str) -> str:
        passes.append(name)
        return unquote(name)

    for module in (file_types, validation):
        monkeypatch.setattr(module, "unquote", count)
    nested = f"%{'25' * 1_000}2e%{'25' * 1_000}2fcat.png"
    await send(hass, attachment=f"{site.url}/{nested}")
    assert "%" not in received(simulator).file_name
    assert len(passes) <= 10

    passes.clear()
    with expect_refusal(ServiceValidationError, match="file_name must be a file"):
        await send(hass, attachment="camera.door", file_name=nested)
    assert not passes


@pytest.mark.parametrize(
    "url",
    ["http://localhost:1/x", "https://example.com/x.png", "http://127.0.0.1.evil/x"],
)
async def test_address_that_is_not_allowed(
    hass: HomeAssistant, simulator: Simulator, site: Web, url: str
) -> None:
    error = await refused(hass, simulator, attachment=url)
    assert "may not read the address" in error
    assert "example" not in error
    assert not site.requests


async def test_redirects_stay_within_allowed_urls(
    hass: HomeAssistant, simulator: Simulator, site: Web
) -> None:
    error = await refused(hass, simulator, attachment=f"{site.url}/away")
    assert "may not read the address" in error


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing", "there is no file at the address in attachment"),
        ("status/410", "there is no file at the address in attachment"),
        ("status/401", "requires a login"),
        ("status/403", "requires a login"),
        ("status/500", "its server replied with status 500"),
        ("status/429", "its server replied with status 429"),
        ("cut", "the connection was lost"),
        ("round", "could not be downloaded"),
        ("nowhere", "could not be downloaded"),
        ("empty.jpg", "is empty"),
        ("login/door.jpg", "a web page or an error text"),
        ("login/snapshot", "a web page or an error text"),
    ],
)
async def test_address_without_content(
    hass: HomeAssistant, simulator: Simulator, site: Web, path: str, reason: str
) -> None:
    error = await refused(hass, simulator, attachment=f"{site.url}/{path}")
    assert reason in error
    assert len(site.requests) <= 5


@pytest.mark.parametrize("url", ["http://[", "http://x:99999999/"])
async def test_malformed_address(
    hass: HomeAssistant, simulator: Simulator, site: Web, url: str
) -> None:
    error = await refused(hass, simulator, attachment=url)
    assert "could not be downloaded" in error or "may not read the address" in error


async def test_offline_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config.allowlist_external_urls = {"http://127.0.0.1:1/"}

    error = await refused(hass, simulator, attachment="http://127.0.0.1:1/x.png")
    assert "its server could not be reached" in error


async def test_address_with_an_untrusted_certificate(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    aiohttp_server: Any,
    certificate: Certificate,
) -> None:
    server = await aiohttp_server(web.Application(), ssl=certificate.server)
    url = f"https://127.0.0.1:{server.port}/"
    hass.config.allowlist_external_urls = {url}

    error = await refused(hass, simulator, attachment=f"{url}x.png")
    assert "the certificate of the address in attachment is not valid" in error


# Size


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(attachment_sources, "MAX_ATTACHMENT_BYTES", len(PNG))
    return len(PNG)


async def test_large_attachment_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    site: Web,
    small: int,
    tmp_path: Path,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    (tmp_path / "large").write_bytes(b"x" * (small + 1))
    camera.picture = PNG + b"!"

    for attachment in (str(tmp_path / "large"), "camera.door", f"{site.url}/endless"):
        error = await refused(hass, simulator, attachment=attachment)
        assert "the file in attachment is larger than" in error

    (tmp_path / "large").write_bytes(b"x" * small)
    await send(hass, attachment=str(tmp_path / "large"))
    await send(hass, attachment=f"{site.url}/cat.png")
    assert sent(simulator) == 2


async def test_large_file_arrives_complete(
    hass: HomeAssistant,
    simulator: Simulator,
    site: Web,
    tmp_path: Path,
) -> None:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    content = bytes(range(256)) * 40_000
    (tmp_path / "film.mp4").write_bytes(content)

    await send(hass, attachment=str(tmp_path / "film.mp4"))

    assert received(simulator).data == content
    (upload,) = [item for item in simulator.executed if item.path == UPLOAD]
    # A length, not chunks: some proxies refuse those.
    assert int(upload.headers["Content-Length"]) > len(content)


# Uploads that fail


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_lost_upload_sends_nothing(
    hass: HomeAssistant, simulator: Simulator, camera: Door, kind: str
) -> None:
    """An upload alone reaches no person, so the outcome is always known.

    All that can be lost is in test_fault_matrix.
    """
    simulator.faults.add(kind, method="POST", path=UPLOAD)

    with pytest.raises(HomeAssistantError, match="could not be uploaded to Beeper"):
        await send(hass, attachment="camera.door")
    assert tried(simulator) == 0
    assert uploads(simulator) == 1

    response = await send(hass, attachment="camera.door")
    assert (response["recovered"], response["duplicate"]) == (False, False)
    assert sent(simulator) == 1


@cells
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"body": {"error": "No space: door.png"}, "kind": "garbage"},
            "not accept the attachment",
        ),
        ({"status": 413}, r"the file of 0.1 MB is too large"),
        ({"status": 401}, "no longer accepts"),
        ({"status": 403, "body": "missing: write"}, "lacks the scope write"),
        ({"status": 429}, "too many requests"),
        ({"status": 404, "body": {"code": "NOT_FOUND"}}, "does not know this chat"),
    ],
)
async def test_rejected_upload_sends_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    fault: dict[str, Any],
    message: str,
) -> None:
    kind = fault.pop("kind", "status_before")
    simulator.faults.add(kind, method="POST", path=UPLOAD, **fault)

    with pytest.raises(HomeAssistantError, match=message):
        await send(hass, attachment="camera.door")
    assert tried(simulator) == 0


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_a_server_too_old_for_attachments(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    error = await refused(hass, simulator, attachment="camera.door")
    assert "attachments need Beeper 4.2.509 or later" in error


@pytest.mark.parametrize("profile", ["easymatrix"])
async def test_another_server_without_attachments(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    simulator.faults.add("status_before", path="/v1/assets/upload", status=405)
    error = await refused(hass, simulator, attachment="camera.door")
    assert "this server does not support attachments" in error


async def test_beeper_offline(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    await simulator.stop()

    with pytest.raises(HomeAssistantError, match="Beeper could not be reached"):
        await send(hass, attachment="camera.door")


# Messages that are lost after the upload


@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix"])
@pytest.mark.parametrize("message", ["hi", None])
async def test_lost_response_is_recovered(
    hass: HomeAssistant, simulator: Simulator, camera: Door, message: str | None
) -> None:
    simulator.faults.add("drop_after", method="POST", path=PATH)

    response = await send(hass, message=message, attachment="camera.door")

    assert response["recovered"] is True
    assert sent(simulator) == 1


@pytest.mark.parametrize("other", [None, "other.png"])
async def test_different_or_missing_file_does_not_match(
    hass: HomeAssistant, simulator: Simulator, camera: Door, other: str | None
) -> None:
    chat = simulator.world.chats[KIM]
    simulator.faults.add("drop_before", method="POST", path=PATH)
    later = simulator.world.now() + timedelta(days=365)
    mine = simulator.world.incoming(chat, chat.participants[1], "hi", when=later)
    if other:
        mine.attachments = [{"type": "img", "fileName": other}]

    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await send(hass, attachment="camera.door")


async def test_messages_wait_for_the_previous_upload(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    simulator.faults.add("delay", path=UPLOAD, seconds=0.2)

    await asyncio.gather(
        send(hass, message="picture", attachment="camera.door"),
        send(hass, message="text"),
    )

    messages = simulator.world.chats[KIM].messages[-2:]
    assert [message.text for message in messages] == ["picture", "text"]


async def test_same_text_with_another_file_is_not_a_duplicate(
    hass: HomeAssistant, simulator: Simulator, camera: Door
) -> None:
    simulator.faults.add("drop_before", method="POST", path=PATH)
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await send(hass, attachment="camera.door")

    assert (await send(hass))["recovered"] is False
    with pytest.raises(HomeAssistantError, match="Not repeated"):
        await send(hass, attachment="camera.door")
    assert uploads(simulator) == 1


async def test_repeat_finds_a_late_attachment(
    hass: HomeAssistant,
    simulator: Simulator,
    camera: Door,
    skip_time: Callable[[float], None],
) -> None:
    late = simulator.faults.add("delay", method="POST", path=PATH, seconds=60)
    lost = hass.async_create_task(send(hass, attachment="camera.door"))
    await until(lambda: late.hits)
    skip_time(31)
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await lost
    skip_time(60)
    await until(lambda: sent(simulator))

    assert (await send(hass, attachment="camera.door"))["recovered"] is True
    assert (uploads(simulator), sent(simulator)) == (1, 1)


# Malformed attachments


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"attachment": "file:///etc/passwd"}, "attachment is not a valid"),
        ({"attachment": "ftp://x/y"}, "attachment is not a valid attachment"),
        ({"attachment": "mxc://beeper.local/x"}, "attachment is not a valid"),
        ({"attachment": "light.door"}, "attachment is not a valid attachment"),
        ({"attachment": "camera.Door/../x"}, "attachment is not a valid"),
        ({"attachment": "media-source://"}, "attachment is not a valid"),
        ({"attachment": "http://"}, "attachment is not a valid attachment"),
        ({"attachment": "door.png"}, "attachment is not a valid attachment"),
        ({"attachment": {"media_content_id": None}}, "attachment must be text"),
        ({"attachment": {"title": "x"}}, "attachment is blank"),
        ({"attachment": [True]}, "attachment must be text"),
        ({"attachment": ["camera.door", "camera.hall"]}, "attachment is one file"),
        ({"attachment": {"entity_id": ["camera.a", "camera.b"]}}, "one entity"),
        ({"attachment": {"entity_id": "light.door"}}, "attachment is not a valid"),
        ({"attachment": True}, "attachment must be text"),
        ({"attachment": "camera.door", "file_name": "a/b"}, "file_name must be a file"),
        ({"attachment": "camera.door", "file_name": "a\x00b"}, "file_name must be a"),
        ({"attachment": "camera.door", "file_name": "x" * 201}, "at most 200"),
        ({"attachment": "camera.door", "file_name": "%2e%2e%2fx"}, "must be a file"),
        ({"attachment": "camera.door", "file_name": "%252e%252Fx"}, "must be a file"),
        ({"attachment": "camera.door", "file_name": "a%00b"}, "must be a file"),
        ({"attachment": "camera.door", "file_name": ".."}, "must be a file"),
        ({"attachment": "camera.door", "file_name": "%252e%2e "}, "must be a file"),
        ({"attachment": "http://x/a\x00b"}, "attachment is not a valid"),
        ({"attachment": "http://x/a\r\nb"}, "attachment is not a valid"),
        ({"attachment": "/media/a\x00b"}, "attachment is not a valid"),
        ({"attachment": "/media/a\x07b"}, "attachment is not a valid"),
        ({"attachment": "media-source://a\x1bb"}, "attachment is not a valid"),
        ({"attachment": "camera.door", "file_name": "\\x"}, "file_name must be a file"),
        ({"file_name": "x.png"}, "only with an attachment"),
    ],
)
async def test_malformed_attachment_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    before = len(simulator.requests)

    with expect_refusal(ServiceValidationError, match=message):
        await send(hass, **data)
    assert len(simulator.requests) == before
