"""A Home Assistant that is set up through its forms, and can be restarted."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.beeper.const import DOMAIN
from homeassistant.components import conversation
from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.helpers import frame
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component

from .process import Deadline
from .servers import EasyMatrix

ARRIVAL_TIMEOUT = 60  # seconds: machines can be busy
RECOVERY_TIMEOUT = 240  # seconds: Home Assistant connects again after at most 60
_EVENT = "live_test"

# What a user would write to see everything that arrives.
_AUTOMATIONS = [
    {
        "alias": "Messages",
        "mode": "parallel",
        "max": 1000,
        "triggers": [
            {"trigger": f"{DOMAIN}.message_received", "options": {"include_own": True}},
            {"trigger": f"{DOMAIN}.send_failed"},
        ],
        "actions": [{"event": _EVENT, "event_data": {"trigger": "{{ trigger }}"}}],
    }
]


class Home:
    """One Home Assistant after the other, with the same stored data.

    `messages` holds the variables of each `beeper.message_received`, `failures` those of
    each `beeper.send_failed`, in the order in which automations ran.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running = AsyncExitStack()
        self.messages: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.automations: list[dict[str, Any]] = [*_AUTOMATIONS]
        """Configurations; more take effect with a restart."""
        self.changes: list[dict[str, Any]] = []
        """Attributes of each state of an event entity, `event_type` among them."""
        self.hass: HomeAssistant
        self.entry: ConfigEntry

    # Life

    async def start(self) -> None:
        """Start with what is stored, and the automations above."""
        self.hass = hass = await self._running.enter_async_context(
            async_test_home_assistant(config_dir=str(self.folder))
        )
        self._running.push_async_callback(hass.async_stop, force=True)
        hass.data.pop(DATA_CUSTOM_COMPONENTS)
        frame.async_setup(hass)
        hass.config.allowlist_external_dirs = {str(self.folder)}
        hass.config.media_dirs = {"local": str(self.folder)}
        hass.bus.async_listen(_EVENT, self._async_triggered)
        hass.bus.async_listen("state_changed", self._async_state_changed)
        config = {"automation": self.automations}
        assert await async_setup_component(hass, "automation", config)
        for domain in ("homeassistant", "conversation"):
            assert await async_setup_component(hass, domain, {})
        await hass.config_entries.async_initialize()
        for entry in hass.config_entries.async_entries(DOMAIN):
            self.entry = entry
            await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()

    async def stop(self) -> None:
        """Shut down the way Home Assistant does, entries still loaded."""
        await self._running.aclose()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def add_server(self, server: EasyMatrix) -> None:
        """Go through the form that adds a server."""
        flow = self.hass.config_entries.flow
        result: Any = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await flow.async_configure(
            result["flow_id"],
            {"url": server.url, "token": server.token, "verify_ssl": True},
        )
        assert not result["errors"]
        result = await flow.async_configure(
            result["flow_id"], {"account_id": server.account_id}
        )
        await self.hass.async_block_till_done()
        self.entry = result["result"]
        assert self.entry.state is ConfigEntryState.LOADED

    async def add_chat(self, search: str, chat_id: str) -> str:
        """Go through the form that adds a chat; return its notify entity's ID."""
        flow = self.hass.config_entries.subentries
        before = set(self.hass.states.async_entity_ids("notify"))
        result: Any = await flow.async_init(
            (self.entry.entry_id, "chat"), context={"source": SOURCE_USER}
        )
        result = await flow.async_configure(result["flow_id"], {"search": search})
        result = await flow.async_configure(result["flow_id"], {"chat_id": chat_id})
        assert result["type"] == "create_entry"
        await self.hass.async_block_till_done()
        (entity_id,) = set(self.hass.states.async_entity_ids("notify")) - before
        return entity_id

    # Actions

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Call an action of this integration, and return its response if it has one."""
        services = self.hass.services
        answers = services.supports_response(DOMAIN, action) != "none"
        response = await services.async_call(
            DOMAIN, action, data, blocking=True, return_response=answers
        )
        return dict(response or {})

    async def say(self, sentence: str) -> str:
        """Say a sentence to Assist, and return its answer."""
        result = await conversation.async_converse(
            self.hass, sentence, None, Context(), language="en"
        )
        speech: str = result.response.speech["plain"]["speech"]
        return speech

    def write_file(self, name: str, data: bytes) -> str:
        """Put a file where Home Assistant may read it; return its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def read_file(self, path: str) -> bytes:
        """Return a file that Home Assistant has saved."""
        return Path(path).read_bytes()

    # What arrives

    @callback
    def _async_triggered(self, event: Event) -> None:
        trigger = event.data["trigger"]
        failed = trigger["platform"].endswith("send_failed")
        (self.failures if failed else self.messages).append(trigger)

    @callback
    def _async_state_changed(self, event: Event) -> None:
        state = event.data["new_state"]
        if state and state.domain == "event" and state.attributes.get("event_type"):
            self.changes.append(dict(state.attributes))

    def texts(self) -> list[str | None]:
        return [message["text"] for message in self.messages]

    def kinds_of_changes(self) -> list[str]:
        return [change["event_type"] for change in self.changes]

    async def wait_for_messages(
        self, count: int = 1, seconds: float = ARRIVAL_TIMEOUT
    ) -> list[dict[str, Any]]:
        """Return all messages as soon as there are so many."""
        what = f"{count} messages did not arrive"
        await wait_until(lambda: len(self.messages) >= count, what, seconds)
        return self.messages

    async def wait_for_change(
        self, kind: str, seconds: float = ARRIVAL_TIMEOUT
    ) -> dict[str, Any]:
        """Return the first state of an event entity with this event type."""

        def found() -> list[dict[str, Any]]:
            return [change for change in self.changes if change["event_type"] == kind]

        await wait_until(found, f"no {kind}", seconds)
        return found()[0]


async def wait_until(
    condition: Callable[[], object], what: str, seconds: float = ARRIVAL_TIMEOUT
) -> None:
    deadline = Deadline(what, seconds)
    while not condition():
        deadline.check()
        await asyncio.sleep(0.05)
