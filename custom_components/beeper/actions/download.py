"""The action beeper.download_attachment: save a message's file in the media folder.

It only saves attachments of messages, only from Beeper, and only in the media folder.
"""

from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
import re
from threading import Lock
from typing import IO, Final
from uuid import uuid4

import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import AnswerError, ForbiddenError, RouteAbsentError
from ..api.merged_chats import find_message
from ..api.models import Message, ReceivedAttachment
from ..api.server_generations import UPLOAD_SINCE
from ..outgoing.file_types import fitting_name, normalize
from ..server import Server
from ..validation import file_name, identifier, integer, media_folder
from .action import ATTR_CHAT_ID, ATTR_MESSAGE_ID, Params
from .message_queries import final_message_id
from .query_action import QueryAction
from .responses import DownloadResponse

ATTR_ATTACHMENT_NUMBER: Final = "attachment"
ATTR_FOLDER: Final = "folder"

MAX_DOWNLOAD_BYTES: Final = 100 * 1024 * 1024

_JSON: Final = "application/json"
_MAX_ATTACHMENT_NUMBER: Final = 100
_MAX_EXTENSION_BYTES: Final = 20
_MAX_NAME_BYTES: Final = 200
_MAX_PAGES: Final = 50
"""Pages to search on servers without a route for one message: about 1,000 messages."""

# Characters that file systems or Home Assistant's media folder refuse.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*~]|\.{2,}')


async def _download(server: Server, params: Params) -> DownloadResponse:
    """Save one attachment; raises BeeperError or a translated HomeAssistantError."""
    hass, client = server.hass, server.client
    source_id, root = _media_folder(hass)
    message_id = await final_message_id(server, params[ATTR_MESSAGE_ID])
    message = await _read_message(client, params[ATTR_CHAT_ID], message_id)
    attached = _select_attachment(message, params[ATTR_ATTACHMENT_NUMBER])
    if (attached.size or 0) > MAX_DOWNLOAD_BYTES:
        raise _too_large()
    name = _safe_name(params.get("file_name") or attached.file_name or "attachment")
    part = _PartialFile(root, params[ATTR_FOLDER])
    try:
        size, mime_type = await _fetch(hass, client, attached, part)
        path, relative_path = await hass.async_add_executor_job(
            part.finish,
            fitting_name(name, normalize(attached.mime_type), is_chosen=True),
        )
    except OSError:
        raise errors.failed("not_saved") from None
    finally:
        # If this wait is cancelled, the executor still removes the file.
        await hass.async_add_executor_job(part.discard)
    return {
        "chat_id": message.chat_id or params[ATTR_CHAT_ID],
        "message_id": params[ATTR_MESSAGE_ID],
        "path": str(path),
        "media_content_id": (
            f"media-source://media_source/{source_id}/{relative_path.as_posix()}"
        ),
        "file_name": path.name,
        "mime_type": attached.mime_type or mime_type,
        "size": size,
    }


class _PartialFile:
    """A file in the media folder that is not complete yet.

    Its methods run in the executor, where a call can start after its caller was
    cancelled: after `discard`, they do nothing. They raise OSError if the folder is not
    writable.
    """

    def __init__(self, root: Path, folder: str) -> None:
        self._root = root
        self._folder = folder
        self._lock = Lock()
        self._discarded = False
        self._path: Path | None = None
        self._file: IO[bytes] | None = None

    def open(self) -> None:
        """Create the folder and an empty file in it."""
        with self._lock:
            if self._discarded:
                return
            self._root = self._root.resolve()
            target = (self._root / self._folder).resolve()
            # A symbolic link in the media folder can point outside.
            if not target.is_relative_to(self._root):
                raise errors.invalid("not_media_folder", field=ATTR_FOLDER)
            target.mkdir(parents=True, exist_ok=True)
            self._path = target / f".{uuid4().hex}.part"
            self._file = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        with self._lock:
            if self._file:
                self._file.write(chunk)

    def finish(self, name: str) -> tuple[Path, Path]:
        """Rename the complete file, with a number added if the name is taken.

        Returns its path, absolute and relative to the media folder.
        """
        with self._lock:
            if self._file is None or self._path is None:
                raise FileNotFoundError
            self._file.close()
            path = _reserve_name(self._path.parent, name)
            try:
                self._path.replace(path)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            return path, path.relative_to(self._root)

    def discard(self) -> None:
        """Remove the file unless it is finished."""
        with self._lock:
            self._discarded = True
            with suppress(OSError):
                if self._file:
                    self._file.close()
            with suppress(OSError):
                if self._path:
                    self._path.unlink(missing_ok=True)
            self._file = self._path = None


def _reserve_name(folder: Path, name: str) -> Path:
    """Create an empty file with this name, or with a number added if it is taken."""
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


def _media_folder(hass: HomeAssistant) -> tuple[str, Path]:
    """Return the media folder's ID in media sources, and its path."""
    folders = hass.config.media_dirs
    if not folders:
        raise errors.failed("no_media_folder")
    name = "local" if "local" in folders else next(iter(folders))
    return name, Path(folders[name])


async def _read_message(client: BeeperClient, chat_id: str, message_id: str) -> Message:
    try:
        return await find_message(client, chat_id, message_id, max_pages=_MAX_PAGES)
    except RouteAbsentError:
        raise errors.invalid("no_message_to_save", field=ATTR_MESSAGE_ID) from None


def _select_attachment(message: Message, number: int) -> ReceivedAttachment:
    """Return the attachment with this number, counted from 1."""
    if number > len(message.attachments):
        raise errors.invalid(
            "no_such_attachment",
            field=ATTR_ATTACHMENT_NUMBER,
            count=str(len(message.attachments)),
        )
    return message.attachments[number - 1]


async def _fetch(
    hass: HomeAssistant,
    client: BeeperClient,
    attached: ReceivedAttachment,
    part: _PartialFile,
) -> tuple[int, str]:
    """Write the file in chunks; return its size in bytes and its MIME type."""
    if attached.url is None:
        raise errors.failed(
            "attachment_not_served" if attached.is_local else "attachment_gone"
        )
    await hass.async_add_executor_job(part.open)
    size = 0
    try:
        async with client.asset(attached.url) as asset:
            if (asset.size or 0) > MAX_DOWNLOAD_BYTES:
                raise _too_large()
            # Some servers report a missing file as JSON with a success status.
            if asset.mime_type == _JSON and attached.mime_type not in (None, _JSON):
                raise errors.failed("attachment_gone")
            async for chunk in asset.chunks:
                size += len(chunk)
                if size > MAX_DOWNLOAD_BYTES:
                    raise _too_large()
                await hass.async_add_executor_job(part.write, chunk)
    except RouteAbsentError as err:
        if not err.is_beeper:
            raise errors.failed("download_absent_other") from None
        raise errors.failed("download_absent", version=UPLOAD_SINCE) from None
    except AnswerError as err:
        is_refused = err.status == HTTPStatus.BAD_REQUEST or (
            isinstance(err, ForbiddenError) and err.missing_scope is None
        )
        if is_refused:
            raise errors.failed("attachment_not_served") from None
        if err.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY):
            raise errors.failed("attachment_gone") from None
        raise
    return size, asset.mime_type


def _safe_name(untrusted_name: str) -> str:
    """Return a file name without folders and unsafe characters."""
    name = re.split(r"[/\\]", untrusted_name)[-1]
    name = "".join(char if char.isprintable() else "_" for char in name)
    name = _UNSAFE.sub("_", name).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    stem = stem.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .")
    return f"{stem or 'attachment'}{dot}{extension}"


def _too_large() -> ServiceValidationError:
    return errors.invalid(
        "download_too_large", limit=str(MAX_DOWNLOAD_BYTES // 1024**2)
    )


DOWNLOAD_ATTACHMENT: Final = QueryAction(
    name="download_attachment",
    fields={
        vol.Required(ATTR_MESSAGE_ID): identifier,
        vol.Optional(ATTR_ATTACHMENT_NUMBER, default=1): integer(
            1, _MAX_ATTACHMENT_NUMBER
        ),
        vol.Optional(ATTR_FOLDER, default="beeper"): media_folder,
        vol.Optional("file_name"): file_name,
    },
    read=_download,
    needs_chat=True,
)
