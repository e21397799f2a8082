"""Open the file of an attachment for upload.

Sources are media sources, pictures of camera and image entities, speech, web addresses
and paths, as far as Home Assistant may read them. The integrations of media sources are
imported only if they are loaded, because their packages may be missing.
"""

from dataclasses import dataclass
from http import HTTPStatus
import io
from pathlib import Path
import re
import tempfile
from typing import IO, Final, NoReturn
from urllib.parse import unquote

import aiohttp
from yarl import URL

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .. import errors
from ..errors import Refusal
from . import file_types

MAX_ATTACHMENT_BYTES: Final = 100 * 1024 * 1024

_CHUNK: Final = 1024 * 1024
"""Bytes."""

_MAX_REDIRECTS: Final = 5
_MEDIA_SOURCE: Final = "media-source://"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=300, connect=10, sock_read=30)
_LOCAL: Final = "/local/"
_OWN_PATHS: Final = ("/api/",)
"""Where Home Assistant serves things to browsers; nothing of it is a path."""

_REASONS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "download_unauthorized",
    HTTPStatus.FORBIDDEN: "download_unauthorized",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "download_unauthorized",
    HTTPStatus.NOT_FOUND: "download_not_found",
    HTTPStatus.GONE: "download_not_found",
}

# A camera or image entity: its ID, its media source, or its address in Home Assistant.
_PICTURE: Final = re.compile(
    r"(?:media-source://(camera|image)/(?=\1\.)"
    r"|/api/(camera|image)_proxy(?:_stream)?/(?=\2\.))?"
    r"(?P<entity_id>(?:camera|image)\.[a-z0-9_]+)(?:\?.*)?"
)
_MEDIA_DOMAIN: Final = re.compile(r"media-source://([a-z0-9_]+)(?:/.*)?", re.DOTALL)
_SPEECH_ENGINE: Final = re.compile(
    r"media-source://tts/([a-z0-9_.]+)(?:\?.*)?", re.DOTALL
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Source:
    """The location of a file; `name` replaces the file's own name unless it is None."""

    location: str
    name: str | None = None


@dataclass(kw_only=True, repr=False, eq=False)
class File:
    """An open file; the caller closes it."""

    content: IO[bytes]
    name: str
    mime_type: str

    def size(self) -> int:
        """Return the number of bytes; reading then starts at the first."""
        size = self.content.seek(0, io.SEEK_END)
        self.content.seek(0)
        return size


def picture_entity(location: str) -> str | None:
    """Return the camera or image entity that a location means, None for other files."""
    found = _PICTURE.fullmatch(location)
    return found["entity_id"] if found else None


async def open_source(hass: HomeAssistant, source: Source) -> File:
    """Open the current content of a source.

    Raises NotDoneError if it is unreadable, not allowed, empty or too large, or if a
    server answered with a page.
    """
    content = await _open(hass, _in_home_assistant(hass, source.location))
    return await hass.async_add_executor_job(_finish, content, source.name)


@dataclass(kw_only=True, repr=False, eq=False)
class _Content:
    """Open content, as its source names it; `is_local` files may be pages."""

    file: IO[bytes]
    name: str
    mime_type: str | None = None
    is_local: bool = False


async def _open(hass: HomeAssistant, location: str) -> _Content:
    if entity_id := picture_entity(location):
        return await _still(hass, entity_id)
    if location.startswith(f"{_MEDIA_SOURCE}tts/"):
        return await _speech(hass, location)
    if location.startswith(_MEDIA_SOURCE):
        return await _media(hass, location)
    if location.startswith("/"):
        if location.startswith(_OWN_PATHS):
            errors.refuse("own_address_not_supported")
        if not await hass.async_add_executor_job(hass.config.is_allowed_path, location):
            errors.refuse("path_not_allowed")
        return await _file(hass, Path(location))
    return await _download(hass, location)


def _in_home_assistant(hass: HomeAssistant, location: str) -> str:
    """Return the file or picture behind an address of Home Assistant itself."""
    for own in (hass.config.internal_url, hass.config.external_url):
        if own and location.startswith(f"{own.rstrip('/')}/"):
            path = location.removeprefix(own.rstrip("/"))
            if path.startswith((_LOCAL, *_OWN_PATHS)):
                location = path
    if location.startswith(_LOCAL):
        path = unquote(location.removeprefix(_LOCAL).partition("?")[0])
        if "\0" in path:
            errors.refuse("no_such_file")
        return hass.config.path("www", path)
    return location


def _finish(content: _Content, chosen_name: str | None) -> File:
    """Check the content, and determine its type and name; closes a refused file."""
    file = content.file
    try:
        head = file.read(file_types.HEAD)
        file.seek(0)
        if not head:
            errors.refuse("attachment_empty")
        names = (*([chosen_name] if chosen_name else ()), content.name)
        # A text file may well contain HTML.
        is_text = content.is_local and (
            file_types.type_of_name(content.name) or "text"
        ).startswith(("text", "application"))
        if not is_text and file_types.is_page_instead(content.mime_type, names, head):
            errors.refuse("attachment_is_page")
        mime_type = file_types.find_type(content.mime_type, names, head)
    except BaseException:
        file.close()
        raise
    return File(
        content=file,
        name=file_types.fitting_name(
            chosen_name or file_types.safe_name(content.name),
            mime_type,
            is_chosen=chosen_name is not None,
        ),
        mime_type=mime_type,
    )


# Importing these components is slow, so they are imported only if they are loaded. What
# they raise is never shown: it may contain an address with a password.


async def _still(hass: HomeAssistant, entity_id: str) -> _Content:
    """Take one picture of a camera or image entity."""
    domain, _, object_id = entity_id.partition(".")
    if not (hass.states.get(entity_id) or er.async_get(hass).async_get(entity_id)):
        errors.refuse("attachment_unknown", source=entity_id)
    if domain not in hass.config.components:
        errors.refuse("picture_unavailable", kind=HomeAssistantError)
    from homeassistant.components import camera, image  # noqa: PLC0415

    get_image = camera.async_get_image if domain == "camera" else image.async_get_image
    try:
        picture = await get_image(hass, entity_id)
    except Exception:  # noqa: BLE001 - any integration can be behind it
        errors.refuse("picture_unavailable", kind=HomeAssistantError)
    return _in_memory(picture.content, object_id, picture.content_type)


async def _speech(hass: HomeAssistant, uri: str) -> _Content:
    """Return a text as speech."""
    if "tts" not in hass.config.components:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    from homeassistant.components import tts  # noqa: PLC0415

    engine = _SPEECH_ENGINE.fullmatch(uri)
    if engine and tts.async_resolve_engine(hass, engine[1]) is None:
        errors.refuse("attachment_unknown", source=engine[1])
    try:
        extension, spoken = await tts.async_get_media_source_audio(hass, uri)
    except Exception:  # noqa: BLE001 - any integration can be behind it
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    return _in_memory(spoken, f"speech.{extension}")


async def _media(hass: HomeAssistant, uri: str) -> _Content:
    """Open a file of a media source, which can be at an address of Home Assistant."""
    if "media_source" not in hass.config.components:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    from homeassistant.components import media_source  # noqa: PLC0415
    from homeassistant.components.media_player import browse_media  # noqa: PLC0415

    domain = _MEDIA_DOMAIN.fullmatch(uri)
    if domain and domain[1] not in hass.config.components:
        errors.refuse("attachment_unknown", source=domain[1])
    try:
        media = await media_source.async_resolve_media(hass, uri, None)
        url = (
            browse_media.async_process_play_media_url(hass, media.url)
            if media.path is None
            else ""
        )
    except Exception:  # noqa: BLE001 - any integration can be behind it
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    if media.path is not None:
        return await _file(hass, media.path, media.mime_type)
    # Addresses of Home Assistant itself are always allowed.
    own = media.url.startswith("/")
    return await _download(hass, url, media.mime_type, own=own)


def _in_memory(content: bytes, name: str, mime_type: str | None = None) -> _Content:
    if len(content) > MAX_ATTACHMENT_BYTES:
        _refuse_too_large()
    return _Content(file=io.BytesIO(content), name=name, mime_type=mime_type)


async def _file(
    hass: HomeAssistant, path: Path, mime_type: str | None = None
) -> _Content:
    def read() -> _Content:
        try:
            if not path.is_file():
                raise FileNotFoundError
            if path.stat().st_size > MAX_ATTACHMENT_BYTES:
                _refuse_too_large()
            file = path.open("rb")
        except OSError:
            errors.refuse("no_such_file")
        return _Content(file=file, name=path.name, mime_type=mime_type, is_local=True)

    return await hass.async_add_executor_job(read)


async def _download(
    hass: HomeAssistant, url: str, mime_type: str | None = None, *, own: bool = False
) -> _Content:
    """Download into a temporary file."""
    file: IO[bytes] = await hass.async_add_executor_job(tempfile.TemporaryFile)
    try:
        name, declared = await _fetch(hass, url, file, own=own)
    except BaseException:
        await hass.async_add_executor_job(file.close)
        raise
    if file_types.normalize(mime_type) == file_types.UNKNOWN:
        mime_type = declared
    return _Content(file=file, name=name, mime_type=mime_type)


async def _fetch(
    hass: HomeAssistant, url: str, content: IO[bytes], *, own: bool
) -> tuple[str, str | None]:
    """Download an address into a file; return its name and its declared type.

    `own` allows the first address without the list; every redirect must be allowed.
    """
    session = async_get_clientsession(hass)
    refusal = Refusal(key="not_downloaded", kind=HomeAssistantError)
    try:
        for _ in range(_MAX_REDIRECTS):
            if not own and not hass.config.is_allowed_external_url(url):
                errors.refuse("url_not_allowed")
            async with session.get(
                url, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                if response.status == HTTPStatus.OK:
                    size = 0
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        size += len(chunk)
                        if size > MAX_ATTACHMENT_BYTES:
                            _refuse_too_large()
                        await hass.async_add_executor_job(content.write, chunk)
                    await hass.async_add_executor_job(content.seek, 0)
                    return response.url.name, response.headers.get("Content-Type")
                if not 300 <= response.status < 400:
                    refusal = _status_refusal(response.status)
                    break
                location = URL(response.headers.get("Location", ""))
                url, own = str(response.url.join(location)), False
    except aiohttp.ClientSSLError:
        refusal = Refusal(key="download_tls", kind=HomeAssistantError)
    except TimeoutError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError:
        refusal = Refusal(key="download_no_answer", kind=HomeAssistantError)
    except ValueError, aiohttp.ClientError:
        pass
    raise errors.NotDoneError(refusal)


def _status_refusal(status: int) -> Refusal:
    if key := _REASONS.get(status):
        return Refusal(key=key, kind=HomeAssistantError)
    return Refusal(
        key="download_status",
        placeholders={"status": str(status)},
        kind=HomeAssistantError,
    )


def _refuse_too_large() -> NoReturn:
    errors.refuse(
        "attachment_too_large",
        limit=str(MAX_ATTACHMENT_BYTES // (1024 * 1024)),
    )
