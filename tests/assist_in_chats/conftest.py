"""Assist with a test agent, in an entry that listens."""

from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.auth.models import User
from homeassistant.components.assist_pipeline.pipeline import Pipeline
from homeassistant.core import HomeAssistant
from tests.helpers.assist import Agent, Ear, add_pipeline, add_user, set_up_assist


@pytest.fixture
async def voices(
    hass: HomeAssistant, listening: MockConfigEntry, tmp_path: Path
) -> tuple[Agent, Ear]:
    return await set_up_assist(hass, tmp_path)


@pytest.fixture
def agent(voices: tuple[Agent, Ear]) -> Agent:
    return voices[0]


@pytest.fixture
def ear(voices: tuple[Agent, Ear]) -> Ear:
    return voices[1]


@pytest.fixture
async def pipeline(hass: HomeAssistant, agent: Agent) -> Pipeline:
    return await add_pipeline(hass)


@pytest.fixture
async def guest(hass: HomeAssistant) -> User:
    return await add_user(hass)
