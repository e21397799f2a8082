"""R13: WhatsApp withdraws a GIF that is sent as a picture."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import send
from tests.helpers.world import KIM

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
WITH_UPLOADS = ["4.2.557", "4.2.808", "latest", "easymatrix"]


def uploaded(simulator: Simulator) -> dict[str, object]:
    body = next(each for each in simulator.executed if each.path.endswith("/messages"))
    attachment = body.json["attachment"]
    assert isinstance(attachment, dict)
    return attachment


@pytest.mark.parametrize("profile", WITH_UPLOADS)
async def test_r13_a_gif_says_that_it_is_one(
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


@pytest.mark.parametrize("profile", WITH_UPLOADS)
async def test_r13_the_type_can_be_given(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    tmp_path: Path,
) -> None:
    path = tmp_path / "hello.ogg"
    path.write_bytes(b"OggS")
    hass.config.allowlist_external_dirs.add(str(tmp_path))
    await send(hass, message=None, attachment=str(path), attachment_type="voice-note")
    assert uploaded(simulator)["type"] == "voice-note"


async def test_r13_a_type_needs_an_attachment(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError, match="attachment_type belongs to"):
        await send(hass, attachment_type="gif")
    with pytest.raises(ServiceValidationError, match="voice-note"):
        await send(hass, attachment="/x.ogg", attachment_type="voice")
