"""Files of messages into Home Assistant's media folder.

Only what a message of a chat has attached, only from Beeper, and only into that folder.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
import mimetypes
from pathlib import Path
import re
from threading import Lock
from typing import IO, Any, Final
from uuid import uuid4

import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import AnswerError, RouteAbsentError
from ..api.generations import UPLOAD_SINCE
from ..api.models import Message, ReceivedAttachment
from ..api.pages import pages
from ..const import CONF_CHAT_ID
from ..coordinator import BeeperConfigEntry
from ..validation import file_name, identifier, integer, media_folder
from .query import Reading

ATTR_ATTACHMENT: Final = "attachment"
ATTR_FILE_NAME: Final = "file_name"
ATTR_FOLDER: Final = "folder"
ATTR_MESSAGE_ID: Final = "message_id"

MAX_SIZE: Final = 100 * 1024 * 1024

_FOLDER: Final = "beeper"
_JSON: Final = "application/json"
_MAX_EXTENSION_BYTES: Final = 20
_MAX_NAME_BYTES: Final = 200
_MAX_PAGES: Final = 50
"""Pages to look through where one message cannot be read: about 1,000 messages."""

# What file systems or Home Assistant's media folder do not take.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*~]|\.{2,}')


async def _download(
    entry: BeeperConfigEntry, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Save one attachment; raises BeeperError or a translated HomeAssistantError."""
    hass, client = entry.runtime_data.hass, entry.runtime_data.server.client
    root_id, root = _root(hass)
    message = await _message(client, params[CONF_CHAT_ID], params[ATTR_MESSAGE_ID])
    attached = _attached(message, params[ATTR_ATTACHMENT])
    if (attached.size or 0) > MAX_SIZE:
        raise _too_large()
    name = _clean(params.get(ATTR_FILE_NAME) or attached.file_name or "attachment")
    part = _Part(root, params[ATTR_FOLDER])
    try:
        size, told_type = await _fetch(hass, client, attached, part)
        path, within = await hass.async_add_executor_job(
            part.finish, _with_extension(name, attached.mime_type)
        )
    except OSError:
        raise errors.failed("not_saved") from None
    finally:
        # Waiting for it may be cancelled, too; doing it is not.
        await hass.async_add_executor_job(part.drop)
    return {
        "chat_id": message.chat_id or params[CONF_CHAT_ID],
        "message_id": params[ATTR_MESSAGE_ID],
        "path": str(path),
        "media_content_id": (
            f"media-source://media_source/{root_id}/{within.as_posix()}"
        ),
        "file_name": path.name,
        "mime_type": attached.mime_type or told_type,
        "size": size,
    }


class _Part:
    """A file in the media folder that is not whole yet.

    All is done in the executor, where a thread may begin after nobody waits for it any
    more: what was dropped stays so. Raises OSError where nothing can be written.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._folder = folder
        self._lock = Lock()
        self._dropped = False
        self._path: Path | None = None
        self._file: IO[bytes] | None = None

    def open(self) -> None:
        """Make the folder and an empty file in it."""
        with self._lock:
            if self._dropped:
                return
            self._root = self._root.resolve()
            target = (self._root / self._folder).resolve()
            # A link in the media folder could lead out of it.
            if not target.is_relative_to(self._root):
                raise errors.invalid("not_media_folder", field=ATTR_FOLDER)
            target.mkdir(parents=True, exist_ok=True)
            self._path = target / f".{uuid4().hex}.part"
            self._file = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Write the next piece."""
        with self._lock:
            if self._file:
                self._file.write(chunk)

    def finish(self, name: str) -> tuple[Path, Path]:
        """Give the whole file its name, or another one if that is taken.

        Returns its path, and the same within the media folder.
        """
        with self._lock:
            if self._file is None or self._path is None:
                raise FileNotFoundError
            self._file.close()
            path = _take_name(self._path.parent, name)
            try:
                self._path.replace(path)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            return path, path.relative_to(self._root)

    def drop(self) -> None:
        """Leave nothing behind but a file that is finished."""
        with self._lock:
            self._dropped = True
            with suppress(OSError):
                if self._file:
                    self._file.close()
            with suppress(OSError):
                if self._path:
                    self._path.unlink(missing_ok=True)
            self._file = self._path = None


def _take_name(folder: Path, name: str) -> Path:
    """Make an empty file of a name that no file has."""
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    path, number = folder / name, 1
    while True:
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            path = folder / f"{stem} ({number}){dot}{extension}"
        else:
            return path


def _root(hass: HomeAssistant) -> tuple[str, Path]:
    """Return the media folder and its name in media sources."""
    folders = hass.config.media_dirs
    if not folders:
        raise errors.failed("no_media_folder")
    name = "local" if "local" in folders else next(iter(folders))
    return name, Path(folders[name])


async def _message(client: BeeperClient, chat_id: str, message_id: str) -> Message:
    """Return a message; servers before 4.2.808 are read page by page."""
    try:
        return await client.message(chat_id, message_id)
    except RouteAbsentError:
        pass
    async for page in pages(partial(client.messages, chat_id), _MAX_PAGES):
        for message in page.items:
            if message.id == message_id:
                return message
    raise errors.invalid("no_message_to_save", field=ATTR_MESSAGE_ID)


def _attached(message: Message, number: int) -> ReceivedAttachment:
    """Return the attachment with this number, if Beeper itself has it."""
    if number > len(message.attachments):
        raise errors.invalid(
            "no_such_attachment",
            field=ATTR_ATTACHMENT,
            count=str(len(message.attachments)),
        )
    return message.attachments[number - 1]


async def _fetch(
    hass: HomeAssistant, client: BeeperClient, attached: ReceivedAttachment, part: _Part
) -> tuple[int, str]:
    """Write the file, piece by piece; return its size and type."""
    if attached.url is None:
        raise errors.failed("attachment_gone")
    await hass.async_add_executor_job(part.open)
    size = 0
    try:
        async with client.asset(attached.url) as asset:
            if (asset.size or 0) > MAX_SIZE:
                raise _too_large()
            # Some servers say with a success status that they have no file.
            if asset.mime_type == _JSON and attached.mime_type not in (None, _JSON):
                raise errors.failed("attachment_gone")
            async for chunk in asset.chunks:
                size += len(chunk)
                if size > MAX_SIZE:
                    raise _too_large()
                await hass.async_add_executor_job(part.write, chunk)
    except RouteAbsentError:
        raise errors.failed("download_absent", version=UPLOAD_SINCE) from None
    except AnswerError as err:
        if err.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY):
            raise errors.failed("attachment_gone") from None
        raise
    return size, asset.mime_type


def _clean(told: str) -> str:
    """Return what is harmless of a name that somebody else chose."""
    name = re.split(r"[/\\]", told)[-1]
    name = "".join(char if char.isprintable() else "_" for char in name)
    name = _UNSAFE.sub("_", name).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    stem = stem.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"{stem or 'attachment'}{dot}{extension}"


def _with_extension(name: str, mime_type: str | None) -> str:
    if "." in name:
        return name
    return f"{name}{mimetypes.guess_extension(mime_type or '') or ''}"


def _too_large() -> ServiceValidationError:
    return errors.invalid("download_too_large", limit=str(MAX_SIZE // (1024 * 1024)))


DOWNLOAD: Final = Reading(
    name="download_attachment",
    fields={
        vol.Required(ATTR_MESSAGE_ID): identifier,
        vol.Optional(ATTR_ATTACHMENT, default=1): integer(1, 100),
        vol.Optional(ATTR_FOLDER, default=_FOLDER): media_folder,
        vol.Optional(ATTR_FILE_NAME): file_name,
    },
    read=_download,
    of_chat=True,
)
