"""Drafts are Matrix HTML from 4.2.808 on."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.world import KIM


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize("html", [True, False])
async def test_a_draft_is_returned_as_it_is_shown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, html: bool
) -> None:
    if html:
        simulator.traits.add("drafts_html")
    draft = "Fish & chips <at> six?"
    await hass.services.async_call(
        "beeper", "update_chat", {"chat_id": KIM, "draft": draft}, blocking=True
    )
    if html:
        stored = simulator.world.chats[KIM].draft
        assert stored
        assert stored["text"] != draft
        for action, data in (("get_chat", {"chat_id": KIM}), ("list_chats", {})):
            response = await hass.services.async_call(
                "beeper", action, data, blocking=True, return_response=True
            )
            assert response
            assert draft in str(response)
            assert "&amp;" not in str(response)
    # It is shown, so the same call again changes nothing and is done.
    await hass.services.async_call(
        "beeper", "update_chat", {"chat_id": KIM, "draft": draft}, blocking=True
    )
