"""R8: attachments of iMessage that Beeper's API does not serve."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.scenes import IMESSAGE
from tests.helpers.actions import download


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_r8_the_reason_is_that_the_api_does_not_serve_it(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, media: Path
) -> None:
    simulator.traits.add("unservable_assets")
    messages = [
        message
        for message in simulator.world.chats[IMESSAGE].messages
        if message.attachments
    ]
    assert len(messages) == 2
    for message in messages:
        with pytest.raises(HomeAssistantError) as refused:
            await download(hass, chat_id=IMESSAGE, message_id=message.id)
        assert refused.value.translation_key == "attachment_not_served"
    assert not any("/assets/" in request.path for request in simulator.requests)


async def test_r8_a_token_that_must_not_read_is_another_reason(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, media: Path
) -> None:
    simulator.faults.add(
        "status_before",
        path="/v1/assets/serve",
        status=403,
        body={"code": "forbidden", "message": "missing: read"},
    )
    with pytest.raises(HomeAssistantError, match="scope read"):
        await download(hass)
