"""Assist with a test agent, in an entry that listens."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.assist import add_pipeline, add_user, set_up_assist
from tests.helpers.assist_chat import AssistChat


@pytest.fixture
async def assist(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    tmp_path: Path,
) -> AssistChat:
    agent, ear = await set_up_assist(hass, tmp_path)
    return AssistChat(
        hass=hass,
        simulator=simulator,
        entry=listening,
        agent=agent,
        ear=ear,
        pipeline=await add_pipeline(hass),
        guest=await add_user(hass),
    )
