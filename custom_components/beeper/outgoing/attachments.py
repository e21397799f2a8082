"""Open the file of an attachment for upload.

Sources are media sources, pictures of camera and image entities, speech, web addresses
and paths, as far as Home Assistant may read them. The integrations of media sources are
imported only if they are loaded, because their packages may be missing.
"""

from dataclasses import dataclass
from http import HTTPStatus
import io
import mimetypes
from pathlib import Path
import re
import tempfile
from typing import IO, Final, NoReturn

import aiohttp
from yarl import URL

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .. import errors

MAX_SIZE: Final = 100 * 1024 * 1024

_CHUNK: Final = 1024 * 1024
_MAX_REDIRECTS: Final = 5
_MEDIA_SOURCE: Final = "media-source://"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=300, connect=10, sock_read=30)
_UNKNOWN_TYPE: Final = "application/octet-stream"

# A camera or image entity: its ID, its media source, or its address in Home Assistant.
_PICTURE: Final = re.compile(
    r"(?:media-source://(camera|image)/(?=\1\.)"
    r"|/api/(camera|image)_proxy(?:_stream)?/(?=\2\.))?"
    r"(?P<entity_id>(?:camera|image)\.[a-z0-9_]+)(?:\?.*)?"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Source:
    """The location of a file; `name` replaces the file's own name unless it is None."""

    location: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
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

    Raises NotDoneError if it is unreadable, not allowed or too large.
    """
    location = source.location
    if entity_id := picture_entity(location):
        return await _still(hass, entity_id, source.name)
    if location.startswith(f"{_MEDIA_SOURCE}tts/"):
        return await _speech(hass, location, source.name)
    if location.startswith(_MEDIA_SOURCE):
        return await _media(hass, location, source.name)
    if location.startswith("/"):
        if not await hass.async_add_executor_job(hass.config.is_allowed_path, location):
            errors.refuse("path_not_allowed")
        return await _file(hass, Path(location), source.name)
    return await _download(hass, location, source.name)


# Importing these components is slow, so they are imported only if they are loaded.


async def _still(hass: HomeAssistant, entity_id: str, name: str | None) -> File:
    """Take one picture of a camera or image entity."""
    domain, _, object_id = entity_id.partition(".")
    if domain not in hass.config.components:
        errors.refuse("picture_unavailable", kind=HomeAssistantError)
    from homeassistant.components import camera, image  # noqa: PLC0415

    get_image = camera.async_get_image if domain == "camera" else image.async_get_image
    try:
        picture = await get_image(hass, entity_id)
    except HomeAssistantError:
        errors.refuse("picture_unavailable", kind=HomeAssistantError)
    return _in_memory(
        picture.content,
        name or _with_extension(object_id, picture.content_type),
        picture.content_type,
    )


async def _speech(hass: HomeAssistant, uri: str, name: str | None) -> File:
    """Return a text as speech."""
    if "tts" not in hass.config.components:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    from homeassistant.components import tts  # noqa: PLC0415

    try:
        extension, spoken = await tts.async_get_media_source_audio(hass, uri)
    except HomeAssistantError, ValueError:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    name = name or f"speech.{extension}"
    # Networks know Opus by its container.
    mime_type = "audio/ogg" if extension == "opus" else _guess(f"x.{extension}")
    return _in_memory(spoken, name, mime_type)


async def _media(hass: HomeAssistant, uri: str, name: str | None) -> File:
    """Open a file of a media source, which can be at an address of Home Assistant."""
    if "media_source" not in hass.config.components:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    from homeassistant.components import media_source  # noqa: PLC0415
    from homeassistant.components.media_player import browse_media  # noqa: PLC0415

    try:
        media = await media_source.async_resolve_media(hass, uri, None)
        if media.path is not None:
            return await _file(hass, media.path, name, media.mime_type)
        url = browse_media.async_process_play_media_url(hass, media.url)
    except HomeAssistantError, ValueError:
        errors.refuse("media_unavailable", kind=HomeAssistantError)
    # Addresses of Home Assistant itself are always allowed.
    own = media.url.startswith("/")
    return await _download(hass, url, name, media.mime_type, own=own)


def _in_memory(content: bytes, name: str, mime_type: str) -> File:
    if len(content) > MAX_SIZE:
        _refuse_too_large()
    return File(content=io.BytesIO(content), name=name, mime_type=mime_type)


async def _file(
    hass: HomeAssistant, path: Path, name: str | None, mime_type: str | None = None
) -> File:
    def read() -> File:
        try:
            if not path.is_file():
                raise FileNotFoundError
            if path.stat().st_size > MAX_SIZE:
                _refuse_too_large()
            content = path.open("rb")
        except OSError:
            errors.refuse("no_such_file")
        return File(
            content=content,
            name=name or path.name,
            mime_type=mime_type or _guess(path.name),
        )

    return await hass.async_add_executor_job(read)


async def _download(
    hass: HomeAssistant,
    url: str,
    name: str | None,
    mime_type: str | None = None,
    *,
    own: bool = False,
) -> File:
    """Download into a temporary file."""
    content: IO[bytes] = await hass.async_add_executor_job(tempfile.TemporaryFile)
    try:
        found, found_type = await _fetch(hass, url, content, own=own)
    except BaseException:
        await hass.async_add_executor_job(content.close)
        raise
    mime_type = mime_type or found_type
    return File(
        content=content,
        name=name or _with_extension(found, mime_type),
        mime_type=mime_type,
    )


async def _fetch(
    hass: HomeAssistant, url: str, content: IO[bytes], *, own: bool
) -> tuple[str, str]:
    """Download an address into a file; return its name and type.

    `own` allows the first address without the list; every redirect must be allowed.
    """
    session = async_get_clientsession(hass)
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
                        if size > MAX_SIZE:
                            _refuse_too_large()
                        await hass.async_add_executor_job(content.write, chunk)
                    await hass.async_add_executor_job(content.seek, 0)
                    return response.url.name, response.content_type
                if not 300 <= response.status < 400:
                    break
                location = URL(response.headers.get("Location", ""))
                url, own = str(response.url.join(location)), False
    except TimeoutError, ValueError, aiohttp.ClientError:
        pass
    raise errors.NotDoneError(
        errors.Refusal(key="not_downloaded", kind=HomeAssistantError)
    )


def _with_extension(name: str, mime_type: str) -> str:
    """Return a file name with an extension."""
    name = name or "file"
    if "." in name:
        return name
    return f"{name}{mimetypes.guess_extension(mime_type) or ''}"


def _guess(name: str) -> str:
    return mimetypes.guess_type(name)[0] or _UNKNOWN_TYPE


def _refuse_too_large() -> NoReturn:
    errors.refuse(
        "attachment_too_large",
        limit=str(MAX_SIZE // (1024 * 1024)),
    )
