"""Pictures, voices and received attachments."""

from datetime import datetime
from pathlib import Path
from typing import Any, override

from homeassistant.components.camera import Camera
from homeassistant.components.image import ImageEntity
from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Asset, Message
from tests.helpers.world import KIM

CAKE = "4"
"""The message with a picture."""
PNG = b"\x89PNG of a door"


def attach(
    simulator: Simulator, data: bytes = b"x", *, url: str = "mxc://b/x", **fields: Any
) -> Message:
    """Add a message from Kim with a file."""
    chat = simulator.world.chats[KIM]
    message = simulator.world.incoming(chat, chat.participants[0], "")
    if "id" not in fields:
        fields["id"] = url
    message.attachments.append({"type": "unknown", **fields})
    simulator.world.assets[url] = Asset(
        url=url,
        path="file:///secret/x",
        data=data,
        mime_type=fields.get("mimeType", "application/octet-stream"),
        file_name=fields.get("fileName", "x"),
    )
    return message


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files by path, including hidden files."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Door(Camera):
    """A camera that sees a door, or nothing."""

    _attr_name = "Door"
    _attr_unique_id = "door"

    def __init__(self) -> None:
        super().__init__()
        self.content_type = "image/png"
        self.picture: bytes | None = PNG

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        return self.picture


class Doorbell(ImageEntity):
    """The last picture of a doorbell, or none yet."""

    _attr_name = "Bell"
    _attr_unique_id = "bell"
    _attr_content_type = "image/jpeg"
    _attr_image_last_updated = datetime(2026, 11, 22)  # noqa: DTZ001

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(hass)
        self.picture: bytes | None = b"\xff\xd8\xffJPEG"

    @override
    async def async_image(self) -> bytes | None:
        return self.picture


class Voice(TextToSpeechEntity):
    """Speaks any text."""

    _attr_name = "Voice"
    _attr_unique_id = "voice"
    _attr_default_language = "en"
    _attr_supported_languages = ["en"]  # noqa: RUF012

    @override
    async def async_get_tts_audio(
        self, message: str, language: str, options: dict[str, Any]
    ) -> TtsAudioType:
        if message == "nothing":
            return None, None
        return "mp3", f"spoken: {message}".encode()
