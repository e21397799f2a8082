"""A thousand messages while IDs, times and servers change: all told once, none old.

What happens is what real servers do: rows arrive late or in between, messages and chats
get other IDs, accounts are added with their history, tokens are refused for a moment.
Members of groups write bursts of 64 kB, chats and accounts hang, and the clocks of
Beeper's computer, of networks and of Home Assistant are off.
`Model` knows what must be published. The seed is in the output of a failed run; `SOAK_SEED`
makes the same plan again, and `SOAK_TIMES` one that is so many times as long.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
import os
import random
import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.beeper.const import DOMAIN
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Account, Chat, Person
from simulator.profiles import PROFILES
from tests.helpers.actions import PATH, call_action
from tests.helpers.soak import READING, READS, STREAM, planned
from tests.helpers.waiting import poll, until
from tests.helpers.world import ALEX, FAMILY, INSTAGRAM, KIM

pytestmark = pytest.mark.usefixtures("impatient")

TIMES = int(os.environ.get("SOAK_TIMES", "1"))
MESSAGES = 1000 * TIMES
PATIENCE = 60
TICK = 0.01
LATE = 5
"""Seconds in which a message of a good chat is published, on a machine that is not busy."""

STAYING = (KIM, FAMILY)
"""Chats that keep their IDs; in others, messages older than the chat are not published."""

HOURS = 3 * 3600
MINUTES = 8 * 60
HANGING = 20
"""Seconds that a hanging request takes, on a clock that the tests move forward."""

CLOCKS = [timedelta(minutes=minutes) for minutes in (3, 20, 60, 5 * 60, 24 * 60)]
CLOCKS += [-off for off in CLOCKS]
SLIGHTLY = [timedelta(seconds=seconds) for seconds in (-90, 90)]
AHEAD = [timedelta(hours=hours) for hours in (0, 0, 0, 1, 5, 24)]
"""How far everybody's clock is ahead of Home Assistant's, by the run: more than the ages
of a new account's history, which would seem to show that Home Assistant is right."""

NETWORK_CLOCKS = [
    timedelta(minutes=minutes) for minutes in (-8, -1, 1, 30, 3 * 60, 25 * 60)
]

LONG = 64 * 1024
BURST = 14
"""So many messages of `&` are longer than the body of a response may be."""

THUMB = "\N{THUMBS UP SIGN}"
ROBOT = "\N{ROBOT FACE}"
TRIGGERS = ("message_received", "message_edited", "reaction_added")
AUTOMATION = {
    "alias": "Count",
    "mode": "parallel",
    "max": MESSAGES,
    "triggers": [
        {"trigger": f"beeper.{key}", "options": {}, "id": key} for key in TRIGGERS
    ],
    "actions": {
        "event": "told",
        "event_data": {
            "kind": "{{ trigger.id }}",
            "text": "{{ trigger.text }}",
            "reaction": "{{ trigger.reaction }}",
            "message": "no. {{ trigger.message_id }}",
        },
    },
}


class Model:
    """The messages that must be published, and those that must not."""

    def __init__(self) -> None:
        self.once: set[str] = set()
        """Texts that are published once."""
        self.in_order: dict[str, list[str]] = defaultdict(list)
        """Those of messages that arrived live, by conversation."""
        self.never: set[str] = set()
        self.reactions = 0
        """Reactions of other people."""
        self.edits: set[str] = set()
        self._numbers = count()

    def text(self, kind: str) -> str:
        """Return a text that no other message has."""
        return f"{kind} {next(self._numbers)}: 1 < 2 & 3 \N{SNOWMAN}"

    def check(self, told: list[Event]) -> None:
        """Check that everything was published once, in order, and nothing else."""
        texts = by_kind(told, "message_received")
        twice = [text for text, times in Counter(texts).items() if times > 1]
        assert not twice, f"published twice: {twice[:5]}"
        assert not self.never & {*texts}, "old or own messages were published"
        assert {*texts} == self.once
        for live in self.in_order.values():
            wanted = {*live}
            assert [text for text in texts if text in wanted] == live
        assert sorted(by_kind(told, "message_edited")) == sorted(self.edits)
        reactions = [
            event.data["reaction"]
            for event in told
            if event.data["kind"] == "reaction_added"
        ]
        assert reactions == [THUMB] * self.reactions


def by_kind(told: list[Event], kind: str) -> list[str]:
    return [event.data["text"] for event in told if event.data["kind"] == kind]


class Life:
    """What happens at the server, at Home Assistant, and between them."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MockConfigEntry,
        simulator: Simulator,
        skip_time: Callable[[float], None],
        told: list[Event],
        rng: random.Random,
    ) -> None:
        self._hass, self._entry, self._simulator = hass, entry, simulator
        self._skip_time, self._told, self._rng = skip_time, told, rng
        self.model = Model()
        self.chats = {name: name for name in (KIM, FAMILY, ALEX, INSTAGRAM)}
        """The present ID of each conversation."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self.late_rows,
            self.inserted_rows,
            self.new_message_ids,
            self.new_chat_id,
            self.new_account,
            self.new_chat_numbers,
            self.refused_token,
            self.restart_with_unknown_attempt,
            self.own_changes,
            self.changes_of_others,
            self.slow_question,
            self.hostile_member,
            self.hanging_chats,
            self.hanging_account,
            self.wrong_clock,
            self.wrong_network_clock,
            *([self.trouble] * 10),
        ]
        self.plan = kinds * 2 * TIMES
        rng.shuffle(self.plan)
        self._accounts = count()
        self.latest = 0.0
        """The longest time that a message of a good chat took."""
        self.ahead = rng.choice(AHEAD)
        simulator.clock_skew = self.ahead
        # Nothing shows which clock is right if all three differ.
        self._clocks = SLIGHTLY if self.ahead else CLOCKS
        self._network_clocks: dict[str, timedelta] = {}
        """How far the clock of a conversation's network is off."""
        self._lag = 0.0
        """Seconds by which the event loop was late, as the machine is busy."""

    @property
    def _world(self) -> Any:
        return self._simulator.world

    def _now(self, name: str = "") -> datetime:
        """Return the time of a message: a network does not follow Beeper's computer."""
        off = self._network_clocks.get(name, timedelta())
        return datetime.now(UTC) + self.ahead + off

    def _chat(self, name: str) -> Chat:
        chat: Chat = self._world.chats[self.chats[name]]
        return chat

    def _other(self, chat: Chat) -> Person:
        return self._rng.choice([one for one in chat.participants if not one.is_self])

    # Messages

    def live(self, name: str | None = None) -> None:
        """Let somebody write."""
        name = name or self._rng.choice([*self.chats])
        chat, text = self._chat(name), self.model.text("live")
        self.model.once.add(text)
        self.model.in_order[name].append(text)
        self._world.incoming(chat, self._other(chat), text, when=self._now(name))

    def _write_late(self, chat: Chat, ago: float, *, is_old: bool) -> None:
        text = self.model.text("late")
        (self.model.never if is_old else self.model.once).add(text)
        when = self._now() - timedelta(seconds=ago)
        self._world.incoming(chat, self._other(chat), text, when=when)

    async def late_rows(self) -> None:
        """A network delivers messages that it held back for minutes and hours."""
        name = self._rng.choice(STAYING)
        for _ in range(self._rng.choice((1, 5, 25))):
            self._write_late(
                self._chat(name), HOURS + self._rng.random() * 999, is_old=True
            )
        for _ in range(3):
            self._write_late(
                self._chat(name), MINUTES + self._rng.random(), is_old=False
            )
            self.live(name)

    async def inserted_rows(self) -> None:
        """Missed messages arrive below newer ones; only events name them."""
        name = self._rng.choice(STAYING)
        for _ in range(5):
            self.live(name)
        await self.calm()
        chat = self._chat(name)
        below = chat.messages[-self._rng.randint(1, min(30, len(chat.messages)))]
        for offset in range(1, 4):
            text = self.model.text("inserted")
            self.model.once.add(text)
            message = self._world.new_message(
                chat, self._other(chat), self._now() - timedelta(seconds=5)
            )
            message.text = message.html = text
            message.sort_key = below.sort_key - offset
            self._world.add_message(chat, message)
        chat.messages.sort(key=lambda message: message.sort_key)
        await self.caught_up()

    # IDs

    async def new_message_ids(self) -> None:
        """Beeper moves to another computer: messages are numbered from one again."""
        await self.caught_up()
        await self._simulator.stop()
        for chat in self._world.chats.values():
            del chat.messages[:-40]
            for number, message in enumerate(chat.messages, 1):
                message.id = str(number)
            chat.next_message = len(chat.messages) + 1
        self._world.renumber_chats()
        self.live()
        await self._simulator.start()
        self.live()

    async def new_chat_id(self) -> None:
        """A bridge creates a chat anew, and its messages are announced again."""
        await self.caught_up()
        name = self._rng.choice([name for name in self.chats if name not in STAYING])
        self.chats[name] = self._world.recreate_chat(self._chat(name)).id
        for _ in range(3):
            self.live(name)
            await asyncio.sleep(self._rng.choice((0, 0.02)))

    async def new_chat_numbers(self) -> None:
        """The numbers of chats change; a call with one reaches the same chat or none."""
        await self.calm()
        chat = self._chat(KIM)
        number = chat.local_id
        with suppress(HomeAssistantError):  # It may stand for another chat already.
            await call_action(self._hass, "get_chat", chat_id=number)
        self._world.renumber_chats()
        with pytest.raises(HomeAssistantError):
            await call_action(
                self._hass, "send_message", chat_id=number, message="to nobody"
            )
        assert not any(
            message.text == "to nobody"
            for chat in self._world.chats.values()
            for message in chat.messages
        )

    async def new_account(self) -> None:
        """An account is added, and brings its history along."""
        await self.calm()
        number = next(self._accounts)
        account_id = f"added{number}"
        self._world.accounts[account_id] = Account(
            id=account_id,
            network="Signal",
            bridge=("signal", "signal", "cloud"),
            user=Person(id=f"@me{number}:x", full_name="Sam", is_self=True),
        )
        chat = self._world.add_chat(
            self._world.accounts[account_id],
            [Person(id=f"@robin{number}:x", full_name="Robin")],
        )
        for minutes in (30, 20, 12, 8, 5, 2, 1):
            self._write_late(chat, 60 * minutes, is_old=True)
        await poll(self._hass, self._entry)
        self._write_late(chat, 100, is_old=True)
        self.chats[account_id] = chat.id
        self.live(account_id)

    # Home Assistant

    async def refused_token(self) -> None:
        """A proxy that starts refuses the token once or twice."""
        self._simulator.faults.add(
            "status_before", method="GET", status=401, times=self._rng.randint(1, 2)
        )
        self.live()
        await poll(self._hass, self._entry)
        self.live()

    async def _restart(self) -> None:
        """Set the integration up as after an orderly restart of Home Assistant."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return
        await self._hass.config_entries.async_unload(self._entry.entry_id)
        self._hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
        await self._hass.async_block_till_done()
        del self._hass.data[DOMAIN]
        self.live()
        # It may fail; Home Assistant tries again.
        await self._hass.config_entries.async_setup(self._entry.entry_id)

    async def restart_with_unknown_attempt(self) -> None:
        """The same call after a restart does not repeat what may have been sent."""
        await self.calm()
        text = self.model.text("own")
        self.model.never.add(text)
        data = {"chat_id": KIM, "message": text}
        faults = self._simulator.faults
        has_run = self._rng.choice((True, False))
        faults.add(
            "status_after" if has_run else "status_before",
            method="POST",
            path=PATH,
            status=502,
        )
        faults.add("status_before", method="GET", path=PATH, status=500, times=1000)
        with pytest.raises(HomeAssistantError) as unknown:
            await call_action(self._hass, "send_message", **data)
        assert unknown.value.translation_key == "message_unknown"
        faults.clear()
        await self._restart()
        if has_run:
            answer = await call_action(self._hass, "send_message", **data)
            assert answer["recovered"]
        else:
            with pytest.raises(HomeAssistantError) as unknown:
                await call_action(self._hass, "send_message", **data)
            assert unknown.value.translation_key == "message_still_unknown"
        assert [message.text for message in self._world.chats[KIM].messages].count(
            text
        ) == has_run

    async def own_changes(self) -> None:
        """Home Assistant writes, reacts and edits: none of it is published."""
        await self.calm()
        name = self._rng.choice([*self.chats])
        chat = self._chat(name)
        theirs = next(
            message for message in reversed(chat.messages) if not message.sender.is_self
        )
        text, edited = self.model.text("own"), self.model.text("own")
        self.model.never |= {text, edited}
        sent = await call_action(
            self._hass, "send_message", chat_id=chat.id, message=text, wait=True
        )
        self.live(name)
        await call_action(
            self._hass,
            "add_reaction",
            chat_id=chat.id,
            message_id=theirs.id,
            reaction=ROBOT,
        )
        await call_action(
            self._hass,
            "edit_message",
            chat_id=chat.id,
            message_id=sent["message_id"],
            message=edited,
        )

    async def changes_of_others(self) -> None:
        """Somebody reacts, and somebody edits a message."""
        name = self._rng.choice([*self.chats])
        self.live(name)
        self.live(name)
        await self.calm()
        chat = self._chat(name)
        reacted, edited = chat.messages[-2:]
        self.model.reactions += 1
        text = self.model.text("edited")
        self.model.edits.add(text)
        self._world.react(chat, reacted, self._other(chat), THUMB)
        self._world.edit(chat, edited, text)
        await self.caught_up()

    async def slow_question(self) -> None:
        """The answer comes before the server has answered the question's request."""
        await self.calm()
        chat = self._chat(KIM)
        question = self.model.text("question")
        answer = f"yes {len(self.model.once)}"
        self.model.never.add(question)
        self.model.once.add(answer)
        self._simulator.faults.add("delay_after", method="POST", path=PATH, seconds=0.3)
        before = len(chat.messages)
        asking = asyncio.create_task(
            call_action(
                self._hass,
                "ask_question",
                chat_id=KIM,
                message=question,
                answers=[{"id": "yes", "sentences": [answer]}],
                show_choices=False,
                timeout=60,
            )
        )
        await until(lambda: len(chat.messages) > before)
        if self._simulator.profile.version != PROFILES["latest"].version:
            # Older servers list own messages once the network has confirmed them.
            await asyncio.sleep(self._simulator.confirm_after * 2)
        self._world.incoming(chat, self._other(chat), answer, when=self._now())
        assert not asking.done()
        assert (await asking)["id"] == "yes"

    async def trouble(self) -> None:
        """The stream or a read fails, or a side restarts."""
        faults = self._simulator.faults
        match self._rng.randrange(8):
            case 0:
                await self._simulator.stop()
                self.live()
                await self._simulator.start()
            case 1:
                await self._hass.config_entries.async_reload(self._entry.entry_id)
            case 2:
                await self._restart()
            case 3 | 4:
                kind, options = self._rng.choice(STREAM)
                faults.add(kind, **options)
                if kind == "ws_refuse":
                    faults.add("ws_close")
            case _:
                kind, options = self._rng.choice(READING)
                faults.add(
                    kind,
                    method="GET",
                    path=self._rng.choice(READS),
                    times=self._rng.randint(1, 4),
                    **options,
                )
        self.live()

    # Attacks and clocks

    async def hostile_member(self) -> None:
        """Somebody fills the pages of a group with long texts."""
        await self.calm()
        chat = self._chat(FAMILY)
        member = self._other(chat)
        letter = self._rng.choice(("&", ",", "<p>", "[{", "\x01", "\N{PILE OF POO}"))
        size = LONG // len(letter.encode())
        for _ in range(BURST):
            text = f"{self.model.text('burst')} {letter * size}"
            self.model.once.add(text)
            self.model.in_order[FAMILY].append(text)
            self._world.incoming(chat, member, text, when=self._now())
        await self._in_time([FAMILY, KIM])

    async def hanging_chats(self) -> None:
        """Beeper does not answer for some chats: the others go on."""
        await self.calm()
        names = [name for name in self.chats if name not in STAYING]
        for name in names:
            self._simulator.faults.add(
                "delay",
                path=f"*/{self.chats[name]}/messages",
                seconds=HANGING,
                times=None,
            )
            self.live(name)
        await self._in_time([*STAYING])
        self._simulator.faults.clear()
        self._skip_time(31)

    async def hanging_account(self) -> None:
        """Beeper does not answer for accounts, contacts and the list of chats."""
        await self.calm()
        for path in ("/v1/accounts*", "/v1/chats", "/v1/chats/search"):
            self._simulator.faults.add(
                "delay", path=path, seconds=HANGING, times=None, method="GET"
            )
        self._hass.async_create_task(self._entry.runtime_data.async_refresh())
        await self._in_time([*self.chats])
        self._simulator.faults.clear()
        self._skip_time(31)

    async def wrong_clock(self) -> None:
        """The clock of Beeper's computer jumps, now and then between two messages."""
        await self.calm()
        for skew in (*self._rng.sample(self._clocks, 2), timedelta()):
            for _ in range(self._rng.randrange(3)):
                self.live()
            self._simulator.clock_skew = self.ahead + skew
            for _ in range(self._rng.randrange(3)):
                await poll(self._hass, self._entry)
            await self._in_time([*STAYING])
            match self._rng.randrange(4):
                case 0:
                    await self.late_rows()
                case 1:
                    await self._restart()
                case 2:
                    await self._hass.config_entries.async_reload(self._entry.entry_id)
        await self.calm()

    async def wrong_network_clock(self) -> None:
        """The clock of a network is off for a while, as of one of several servers."""
        await self.calm()
        name = self._rng.choice(STAYING)
        self._network_clocks[name] = self._rng.choice(NETWORK_CLOCKS)
        for _ in range(3):
            self.live(name)
        await self._in_time([*STAYING])
        await self.calm()
        del self._network_clocks[name]
        await self._in_time([*STAYING])

    async def _in_time(self, names: list[str]) -> None:
        """Let people write; the messages are published although no time is skipped.

        So they wait for no timeout.
        """
        for name in names:
            chat, text = self._chat(name), self.model.text("in time")
            self.model.once.add(text)
            self.model.in_order[name].append(text)
            began = self._elapsed()
            self._world.incoming(chat, self._other(chat), text, when=self._now(name))
            while text not in by_kind(self._told[-200:], "message_received"):
                assert self._elapsed() - began < PATIENCE, f"{text} is missing"
                await asyncio.sleep(0.002)
            self.latest = max(self.latest, self._elapsed() - began)

    def _elapsed(self) -> float:
        """Return a time that does not depend on the machine's speed."""
        return time.monotonic() - self._lag

    async def measure_lag(self) -> None:
        """Measure by how much the event loop is late; never returns."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            self._lag += max(0, time.monotonic() - began - TICK)

    # Waiting

    async def caught_up(self) -> None:
        """Wait until everything is published."""
        model = self.model
        before, given_up = None, time.monotonic() + PATIENCE
        while (
            missing := len(model.once)
            + len(model.edits)
            + model.reactions
            - len(self._told)
        ) > 0:
            assert time.monotonic() < given_up, self._missing(missing)
            now = len(self._told), len(self._simulator.requests)
            if now == before:
                self._skip_time(61)  # Delays and polls are over.
            before = now
            await asyncio.sleep(0.02)

    def _missing(self, number: int) -> str:
        texts = self.model.once - {*by_kind(self._told, "message_received")}
        return f"{number} are missing, such as {sorted(texts)[:5]}"

    async def calm(self) -> None:
        """Wait until everything is published, nothing fails, and the stream is connected."""
        await self.caught_up()
        self._simulator.faults.clear()
        hub = self._simulator.hub
        silent = [*hub.connections]  # A fault may have struck them.
        hub.hang_up()
        given_up = time.monotonic() + PATIENCE
        while not (
            self._entry.state is ConfigEntryState.LOADED
            and any(
                connection.is_followed and connection not in silent
                for connection in hub.connections
            )
        ):
            assert time.monotonic() < given_up, "the stream is not followed"
            self._skip_time(5)
            await asyncio.sleep(0.02)
        await poll(self._hass, self._entry)
        before = -1
        while before != (now := len(self._simulator.requests)):
            before = now
            await asyncio.sleep(0.1)


@pytest.mark.timeout(240 * TIMES)
async def test_all_messages_are_published_once_and_no_old_ones(
    hass: HomeAssistant,
    simulator: Simulator,
    listening: MockConfigEntry,
    skip_time: Callable[[float], None],
) -> None:
    rng = planned()
    asyncio.get_running_loop().set_debug(False)  # It is slow.
    told = async_capture_events(hass, "told")
    assert await async_setup_component(hass, "automation", {"automation": AUTOMATION})
    life = Life(hass, listening, simulator, skip_time, told, rng)
    hass.async_create_background_task(life.measure_lag(), "lag")
    every = MESSAGES // len(life.plan)
    done: Counter[str] = Counter()
    while len(life.model.once) < MESSAGES or life.plan:
        for _ in range(every if life.plan else 50):
            life.live()
            if rng.random() < 0.1:
                await asyncio.sleep(rng.choice((0, 0.001, 0.03)))
        if life.plan:
            happens = life.plan.pop()
            done[happens.__name__] += 1
            await happens()
    await life.calm()
    await hass.async_block_till_done()
    life.model.check(told)
    assert not [*listening.async_get_active_flows(hass, {SOURCE_REAUTH})]
    print(  # noqa: T201
        f"{len(told)} published, the latest after {life.latest:.1f} s;",
        f"clocks {life.ahead} ahead;",
        dict(done),
    )
    assert life.latest < LATE


@pytest.fixture
def profile() -> str:
    """Return the generation with routes for single messages, and events."""
    return os.environ.get("SOAK_PROFILE", "latest")
