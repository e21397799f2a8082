"""People who talk to Assist in a chat, and what it answers."""

import asyncio
from dataclasses import dataclass
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.diagnostics import async_get_config_entry_diagnostics
from homeassistant.auth.models import User
from homeassistant.components.assist_pipeline.pipeline import Pipeline
from homeassistant.core import HomeAssistant
from simulator import Simulator
from simulator.model import Message

from .actions import sent
from .assist import Agent, Ear, let_talk
from .media import attach
from .waiting import PATIENCE, quiet, until
from .world import KIM, write


@dataclass
class AssistChat:
    """Assist with a test agent, in an entry that listens."""

    hass: HomeAssistant
    simulator: Simulator
    entry: MockConfigEntry
    agent: Agent
    ear: Ear
    pipeline: Pipeline
    guest: User

    async def allow(self, *people: str, **options: Any) -> str:
        """Let people talk to Assist, Kim in her chat if nothing else is said.

        Returns the subentry's ID.
        """
        pipeline = options.pop("pipeline", self.pipeline)
        user = options.pop("user", self.guest)
        return await let_talk(self.hass, self.entry, pipeline, user, *people, **options)

    def write(self, text: str, **options: Any) -> Message:
        return write(self.simulator, text, **options)

    def say(self) -> Message:
        """Send a voice note."""
        return attach(
            self.simulator,
            b"\1\2" * 8000,
            type="audio",
            isVoiceNote=True,
            mimeType="audio/ogg",
        )

    def replies(self, chat_id: str = KIM) -> list[Message]:
        messages = self.simulator.world.chats[chat_id].messages
        return [message for message in messages if message.pending_id]

    async def quiet(self) -> None:
        await quiet(self.simulator)

    async def answered(self, times: int = 1) -> None:
        """Wait until so many messages were sent, and no more follow."""
        await until(lambda: sent(self.simulator) == times)
        await self.quiet()

    async def counts(self) -> dict[str, int]:
        diagnostics = await async_get_config_entry_diagnostics(self.hass, self.entry)
        found: dict[str, int] = diagnostics["assist"]
        return found

    async def counted(self, **expected: int) -> None:
        """Wait until messages were counted; nothing was sent because of others."""
        async with asyncio.timeout(PATIENCE):
            while await self.counts() != expected:
                await asyncio.sleep(0.02)
        await self.quiet()
        assert await self.counts() == expected
