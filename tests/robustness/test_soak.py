"""Two thousand messages, eighty faults: published once, and sent at most once.

The seed is in the output of a failed run; `SOAK_SEED` makes the same plan again, and
`SOAK_TIMES` one that is so many times as long.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
import os
import random
import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Chat, Message
from tests.helpers.soak import READING, READS, STREAM, Fault, planned
from tests.helpers.world import ALEX, FAMILY, INSTAGRAM, KIM

GRANDMA = "imsg##thread:15550104001"  # a network without events

CHATS = (KIM, FAMILY, ALEX, INSTAGRAM, GRANDMA)
TIMES = int(os.environ.get("SOAK_TIMES", "1"))
MESSAGES = 2000 * TIMES
PATIENCE = 60
AUTOMATION = {
    "alias": "Count",
    "mode": "parallel",
    "max": MESSAGES,
    "triggers": {"trigger": "beeper.message_received", "options": {}},
    "actions": {
        "event": "counted",
        "event_data": {
            "chat_id": "{{ trigger.chat_id }}",
            "message_id": "no. {{ trigger.message_id }}",
            "text": "{{ trigger.text }}",
        },
    },
}
SENDING: tuple[Fault, ...] = (
    ("status_before", {"status": 500}),
    ("status_before", {"status": 429}),
    ("status_after", {"status": 502}),
    ("status_after", {"status": 408}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("cut", {}),
    ("stall_body", {"seconds": 0.01}),
    ("delay", {"seconds": 0.05}),
    ("delay_after", {"seconds": 0.05}),
    ("garbage", {"body": "<html>It works!</html>", "content_type": "text/html"}),
    ("garbage", {"body": "{}"}),
)


class Life:
    """Actions of people, and the events that the automation must receive."""

    def __init__(self, simulator: Simulator, rng: random.Random) -> None:
        self._simulator = simulator
        self._rng = rng
        self.written: dict[str, list[str]] = defaultdict(list)
        """Ids by chat, in order."""
        self.texts: dict[tuple[str, str], set[str]] = {}
        """Every text that a message has had."""

    def goes_on(self) -> None:
        """Let somebody write; now and then something else happens as well."""
        number = len(self.texts)
        chat = self._simulator.world.chats[self._rng.choice(CHATS)]
        others = [person for person in chat.participants if not person.is_self]
        text = f"Message {number}: 1 < 2 & 3 \N{SNOWMAN}"
        sender = self._rng.choice(others)
        message = self._simulator.incoming(chat.id, sender.id, text)
        self.written[chat.id].append(message["id"])
        self.texts[chat.id, message["id"]] = {text}
        if number % 10 == 0:
            self._own(chat)
        elif number % 10 == 1:
            self._edit(chat, text)
        elif number % 10 == 2:
            earlier = self._earlier(chat)
            key = self._rng.choice(("\N{HEAVY BLACK HEART}", None))
            self._simulator.react(chat.id, earlier.id, None, key)

    def _own(self, chat: Chat) -> None:
        me = self._simulator.world.accounts[chat.account_id].user
        self._simulator.incoming(chat.id, me.id, "I write on my phone")

    def _edit(self, chat: Chat, text: str) -> None:
        earlier = self._earlier(chat)
        if (known := self.texts.get((chat.id, earlier.id))) is not None:
            known.add(text)
            self._simulator.edit(chat.id, earlier.id, text)

    def _earlier(self, chat: Chat) -> Message:
        return self._rng.choice(chat.messages[-30:])


class Automations:
    """Messages that Home Assistant sends, and the results that callers get."""

    def __init__(
        self, hass: HomeAssistant, simulator: Simulator, rng: random.Random
    ) -> None:
        self._hass, self._simulator, self._rng = hass, simulator, rng
        self.sent: dict[str, tuple[str, asyncio.Task[Any]]] = {}
        """By text: its chat and its outcome."""
        self.started: dict[str, asyncio.Task[Any]] = {}
        """By phone number."""

    def run(self) -> None:
        """Send a message; now and then start a chat."""
        number = len(self.sent)
        chat_id, text = self._rng.choice(CHATS), f"Automation {number}"
        self.sent[text] = (
            chat_id,
            self._call("send_message", {"chat_id": chat_id, "message": text}),
        )
        if number % 10 == 0:
            phone = f"+1555012{number // 10:04}"
            self.started[phone] = self._call(
                "create_chat", {"user": {"phone_number": phone}}
            )

    def _call(self, action: str, data: dict[str, Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(
            self._hass.services.async_call(
                "beeper", action, data, blocking=True, return_response=True
            )
        )

    @property
    def are_done(self) -> bool:
        """Tell whether all calls have ended."""
        calls = [*(task for _, task in self.sent.values()), *self.started.values()]
        return all(task.done() for task in calls)

    def check(self) -> Counter[str]:
        """Check that every call ran at most once and as reported; count the results."""
        ended: Counter[str] = Counter()
        executed = Counter(
            request.json["user"]["phoneNumber"]
            for request in self._simulator.executed
            if request.path == "/v1/chats/start"
        )
        for phone, task in self.started.items():
            ended[f"chats {self._check(task, executed[phone])}"] += 1
        written = {
            chat_id: [
                message.text or ""
                for message in self._simulator.world.chats[chat_id].messages
            ]
            for chat_id in CHATS
        }
        for text, (chat_id, task) in self.sent.items():
            times = sum(texts.count(text) for texts in written.values())
            assert times == written[chat_id].count(text)
            ended[f"messages {self._check(task, times)}"] += 1
        for chat_id in CHATS:
            called = [
                text
                for text, (into, task) in self.sent.items()
                if into == chat_id and not task.exception()
            ]
            assert called == [text for text in written[chat_id] if text in {*called}]
        return ended

    def _check(self, task: asyncio.Task[Any], times: int) -> str:
        error = task.exception()
        if error is None:
            assert times == 1
            return "recovered" if task.result()["recovered"] else "done"
        assert isinstance(error, HomeAssistantError), repr(error)
        if error.translation_key in ("message_unknown", "outcome_unknown"):
            assert times <= 1
            return "unknown"
        assert times == 0, error.translation_key
        return "not done"


class Trouble:
    """Faults during the run."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        simulator: Simulator,
        life: Life,
        rng: random.Random,
    ) -> None:
        self._hass, self._entry = hass, entry
        self._simulator, self._life, self._rng = simulator, life, rng
        self.kinds = [
            *([self._stream] * 20),
            *([self._reading] * 22),
            *([self._sending] * 30),
            *([self._restart] * 5),
            *([self._reload] * 3),
        ] * TIMES
        rng.shuffle(self.kinds)

    async def comes(self) -> None:
        """Let the next thing go wrong."""
        await self.kinds.pop()()

    async def _stream(self) -> None:
        kind, options = self._rng.choice(STREAM)
        self._simulator.faults.add(kind, **options)
        if kind == "ws_refuse":
            self._simulator.faults.add("ws_close")

    async def _reading(self) -> None:
        kind, options = self._rng.choice(READING)
        path, times = self._rng.choice(READS), self._rng.randint(1, 4)
        self._simulator.faults.add(
            kind, method="GET", path=path, times=times, **options
        )

    async def _sending(self) -> None:
        kind, options = self._rng.choice(SENDING)
        self._simulator.faults.add(kind, method="POST", path="/v1/chats*", **options)

    async def _restart(self) -> None:
        await self._simulator.stop()
        for _ in range(3):
            self._life.goes_on()
        await asyncio.sleep(self._rng.choice((0, 0.1)))
        await self._simulator.start()

    async def _reload(self) -> None:
        await self._hass.config_entries.async_reload(self._entry.entry_id)


@pytest.mark.timeout(120 * TIMES)
async def test_messages_are_published_once_in_order_and_sent_once(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    rng = planned()
    asyncio.get_running_loop().set_debug(False)  # It is slow.
    counted = async_capture_events(hass, "counted")
    assert await async_setup_component(hass, "automation", {"automation": AUTOMATION})
    for chat_id in CHATS:
        simulator.incoming(chat_id, None, "From before")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    hass.config_entries.async_update_entry(entry, options={"chats_per_hour": 0})
    await hass.async_block_till_done()
    life = Life(simulator, rng)
    automations = Automations(hass, simulator, rng)
    trouble = Trouble(hass, entry, simulator, life, rng)
    every = MESSAGES // len(trouble.kinds)

    async def catch_up() -> None:
        """Wait until every event is published."""
        before, given_up = None, time.monotonic() + PATIENCE
        while len(counted) < len(life.texts) or not automations.are_done:
            missing = len(life.texts) - len(counted)
            assert time.monotonic() < given_up, f"{missing} messages are missing"
            now = len(counted), len(simulator.requests), automations.are_done
            if now == before:
                skip_time(61)  # Pauses, polls, silence: all are over.
            before = now
            await asyncio.sleep(0.05)

    for number in range(MESSAGES):
        life.goes_on()
        if number % 5 == 0:
            automations.run()
        if number % 8 == 0:
            await asyncio.sleep(rng.choice((0, 0, 0.001, 0.03)))
        if number % every == 0:
            await trouble.comes()
        if number % 200 == 199:
            await catch_up()
    while simulator.faults.waiting:
        life.goes_on()
        automations.run()
        await catch_up()
        skip_time(61)

    await hass.async_block_till_done()
    assert not trouble.kinds
    published: dict[str, list[str]] = defaultdict(list)
    for event in counted:
        chat_id, message_id = event.data["chat_id"], event.data["message_id"][4:]
        published[chat_id].append(message_id)
        assert event.data["text"] in life.texts[chat_id, message_id]
    assert published == life.written
    print(automations.check())  # noqa: T201


@pytest.fixture
def profile() -> str:
    """Return the generation that has everything that can go wrong."""
    return "latest"
