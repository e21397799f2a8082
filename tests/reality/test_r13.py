"""R13: WhatsApp withdraws a GIF that is sent as a picture."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import send
from tests.helpers.labels import refused
from tests.helpers.world import KIM

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
WITH_UPLOADS = ["4.2.557", "4.2.808", "latest", "easymatrix"]


def uploaded(simulator: Simulator) -> dict[str, object]:
    body = next(
        request for request in simulator.executed if request.path.endswith("/messages")
    )
    attachment = body.json["attachment"]
    assert isinstance(attachment, dict)
    return attachment


@pytest.mark.parametrize("profile", WITH_UPLOADS)
async def test_r13_gif_is_sent_as_gif(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, tmp_path: Path
) -> None:
    simulator.traits.add("gif_withdrawn")
    path = tmp_path / "party.gif"
    path.write_bytes(GIF)
    hass.config.allowlist_external_dirs.add(str(tmp_path))

    response = await send(hass, message=None, attachment=str(path), wait=True)

    assert uploaded(simulator)["type"] == "gif"
    assert response["delivery"] in ("delivered", "pending")
    assert simulator.world.chats[KIM].messages[-1].attachments


NEW = ["4.2.808", "latest"]
OLD = ["4.2.557", "easymatrix"]


async def send_file(
    hass: HomeAssistant, tmp_path: Path, name: str, attachment_type: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"OggS")
    hass.config.allowlist_external_dirs.add(str(tmp_path))
    await send(
        hass, message=None, attachment=str(path), attachment_type=attachment_type
    )


@pytest.mark.parametrize(
    ("profile", "name", "given", "on_wire"),
    [
        *((profile, "a.ogg", "voice-note", "voice-note") for profile in NEW),
        *((profile, "a.ogg", "voice-note", "voiceNote") for profile in OLD),
        *((profile, "a.webp", "sticker", "sticker") for profile in NEW + OLD),
        *((profile, "a.mp4", "gif", "gif") for profile in NEW + OLD),
        *((profile, "a.png", "image", "image") for profile in NEW),
        *((profile, "a.png", "file", "file") for profile in NEW),
        # Older servers choose it themselves.
        *((profile, "a.png", "image", None) for profile in OLD),
        *((profile, "a.mp4", "video", None) for profile in OLD),
        *((profile, "a.mp3", "audio", None) for profile in OLD),
        *((profile, "a.pdf", "file", None) for profile in OLD),
    ],
)
async def test_r13_the_type_is_given_in_the_words_of_the_server(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
    given: str,
    on_wire: str | None,
) -> None:
    await send_file(hass, tmp_path, name, given)
    assert uploaded(simulator).get("type") == on_wire


@pytest.mark.parametrize("profile", OLD)
@pytest.mark.parametrize(
    ("name", "given"), [("a.png", "file"), ("a.pdf", "image"), ("a.ogg", "video")]
)
async def test_r13_a_type_that_the_server_cannot_give_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
    name: str,
    given: str,
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await send_file(hass, tmp_path, name, given)
    assert refused.value.translation_key in (
        "attachment_type_absent",
        "attachment_type_absent_other",  # of a server that is no Beeper
    )
    assert not simulator.executed


async def test_r13_a_type_needs_an_attachment(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    with refused(ServiceValidationError, match="attachment_type can be used only with"):
        await send(hass, attachment_type="gif")
    with pytest.raises(ServiceValidationError, match="voice-note"):
        await send(hass, attachment="/x.ogg", attachment_type="voice")
