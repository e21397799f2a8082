"""The upload of an attachment, before the message that it belongs to."""

from contextlib import suppress

from homeassistant.core import HomeAssistant

from .. import errors
from ..api.client import BeeperClient
from ..api.exceptions import BeeperError
from ..api.requests import AttachmentType, AttachmentUpload
from ..api.server_generations import CHANGES_SINCE
from .attachment_sources import Source, open_source


async def upload(
    hass: HomeAssistant,
    client: BeeperClient,
    source: Source,
    attachment_type: AttachmentType | None,
) -> AttachmentUpload:
    """Upload a file, which reaches nobody without a message.

    Raises NotDoneError, or the errors of `open_source`.
    """
    file = await open_source(hass, source)
    size = await hass.async_add_executor_job(file.size)
    try:
        server_type = _type_on_server(client, attachment_type, file.mime_type)
        uploaded = await client.upload(
            file.content, file_name=file.name, mime_type=file.mime_type
        )
    except BeeperError as err:
        raise errors.NotDoneError(errors.not_uploaded(err, size=size)) from None
    finally:
        # aiohttp also closes the file, in another thread: both can find it open, and
        # then one of them finds it closed.
        with suppress(ValueError):
            await hass.async_add_executor_job(file.content.close)
    return AttachmentUpload(
        upload_id=uploaded.upload_id,
        file_name=file.name,
        mime_type=file.mime_type,
        type=server_type,
    )


def _type_on_server(
    client: BeeperClient, requested: AttachmentType | None, mime_type: str
) -> str | None:
    """Return the server's word for a type, None to let the server choose it."""
    if requested is None and mime_type == "image/gif":
        # WhatsApp withdraws a GIF that is sent as a picture.
        requested = "gif"
    types = client.features.attachment_types
    if requested is None or requested in types:
        return requested and types[requested]
    kind = mime_type.partition("/")[0]
    if requested != (kind if kind in ("image", "video", "audio") else "file"):
        if not client.is_beeper:
            errors.refuse("attachment_type_absent_other")
        errors.refuse("attachment_type_absent", version=CHANGES_SINCE)
    return None
