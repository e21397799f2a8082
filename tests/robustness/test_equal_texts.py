"""Equal texts to one person at the same time, by several actions, while requests get lost.

Each call writes the same words, some with spaces of another width, which texts are compared
without. No two calls may return the same message, and there must be as many as were told.
The seed is in the output of a failed run; `EQUAL_TEXTS_SEED` makes the same plan again, and
`EQUAL_TEXTS_TIMES` tries so many plans.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
import os
import random
from typing import Any, Final

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from custom_components.beeper.outgoing import outbox
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator, faults
from simulator.faults import Fault, Run
from simulator.model import Chat, Message, Person
from tests.helpers.outcomes import ended, outcome_of_text
from tests.helpers.world import contact

pytestmark = pytest.mark.usefixtures("impatient")

TIMES: Final = int(os.environ.get("EQUAL_TEXTS_TIMES", "1"))
FIRST: Final = int(os.environ.get("EQUAL_TEXTS_SEED", "1"))
PEOPLE: Final = 25
ACCOUNT: Final = "telegram"
PATHS: Final = ("/v1/chats", "/v1/chats/start", "/v1/chats/*/messages")
FATES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("drop_after", {}),
    ("drop_before", {}),
    ("delay", {}),  # It runs after the connection broke, see `runs_later`.
    ("delay_after", {"seconds": 0.4}),
    ("status_after", {"status": 502}),
)
WAITS: Final = (0, 0, 0, 0.01, 0.05, 0.3, 1.1)


@dataclass(kw_only=True)
class Wish:
    """A text to somebody; `mark` is its number of spaces."""

    action: str
    mark: int
    ends: list[str] = field(default_factory=list)
    returned: list[Message] = field(default_factory=list)


@dataclass(kw_only=True)
class Talk:
    """What is written to one person."""

    hass: HomeAssistant
    simulator: Simulator
    person: Person
    rng: random.Random
    wishes: list[Wish] = field(default_factory=list)

    @property
    def chats(self) -> list[Chat]:
        world = self.simulator.world
        return [
            chat for chat in world.chats.values() if self.person in chat.participants
        ]

    @property
    def messages(self) -> list[Message]:
        """The messages of the calls; those of the phone have a single space."""
        return [
            message
            for chat in self.chats
            for message in chat.messages
            if message.sender.is_self and message.text != words(1)
        ]

    async def run(self) -> None:
        """Make some calls, most of them at the same time."""
        calls = []
        for mark in range(2, 2 + self.rng.choice((2, 3, 3, 4))):
            wish = Wish(action=self.rng.choice(("send", "start", "create")), mark=mark)
            self.wishes.append(wish)
            for _ in range(self.rng.choice((1, 1, 2))):
                await asyncio.sleep(self.rng.choice(WAITS))
                calls.append(asyncio.create_task(self.call(wish)))
                if self.rng.random() < 0.4:
                    await calls[-1]
        await asyncio.gather(*calls)

    async def call(self, wish: Wish) -> None:
        action = "create_chat"
        data: dict[str, Any] = {"account_id": ACCOUNT}
        match wish.action:
            case "send":
                if not self.chats:
                    return
                action = "send_message"
                data = {"chat_id": self.chats[0].id}
            case "start":
                data["user"] = {"id": self.person.id}
            case _:
                data |= {
                    "participant_ids": [self.person.id],
                    "type": "single",
                    "if_exists": "reuse",
                }
        text = "message" if action == "send_message" else "message_text"
        try:
            response: Any = await self.hass.services.async_call(
                DOMAIN,
                action,
                data | {text: words(wish.mark)},
                blocking=True,
                return_response=True,
                context=Context(),
            )
        except HomeAssistantError as err:
            wish.ends.append(outcome_of_text(str(err)))
            return
        if response.get("duplicate"):
            return
        wish.ends.append(ended(response))
        if message_id := response["message_id"]:
            chat = self.simulator.world.chats[response["chat_id"]]
            wish.returned.append(
                next(
                    message
                    for message in chat.messages
                    if message.sender.is_self
                    and message_id in (message.id, message.pending_id)
                )
            )

    def check(self) -> None:
        """Check that each call returned another message, and was carried out as told."""
        returned = [message for wish in self.wishes for message in wish.returned]
        assert {id(one) for one in returned} <= {id(one) for one in self.messages}
        assert len({id(one) for one in returned}) == len(returned)
        told = sum(
            end in ("done", "recovered") for wish in self.wishes for end in wish.ends
        )
        unknown = sum("unknown" in wish.ends for wish in self.wishes)
        assert told <= len(self.messages) <= told + unknown, self.wishes


def words(mark: int) -> str:
    return f"It is{' ' * mark}5 degrees"


@pytest.fixture
def runs_later(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Task[Any]]:
    """Let requests with the fault `delay` run after their connection broke."""
    running = []

    async def run_later(_: Fault, request: web.Request, run: Run) -> web.Response:
        async def later() -> None:
            await asyncio.sleep(0.3)
            await run()

        running.append(asyncio.create_task(later()))
        return faults.hang_up(request)

    monkeypatch.setitem(faults._EFFECTS, "delay", run_later)
    return running


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + TIMES))
@pytest.mark.parametrize("profile", ["4.2.557", "latest", "easymatrix"])
async def test_each_call_returns_another_message(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    runs_later: list[asyncio.Task[Any]],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    rng = random.Random(seed)  # noqa: S311
    if rng.random() < 0.5:
        simulator.traits.add("existing_chat_drops_text")
    if rng.random() < 0.3:
        monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    simulator.confirm_after = rng.choice((0, 0.05, 0.3))
    account = simulator.world.accounts[ACCOUNT]
    account.emits_events = rng.random() < 0.7
    talks = []
    for number in range(PEOPLE):
        person = contact(
            simulator, f"@robin{number}:x", ACCOUNT, full_name=f"Robin R{number}"
        )
        talks.append(Talk(hass=hass, simulator=simulator, person=person, rng=rng))
        if rng.random() < 0.75:
            chat = simulator.world.add_chat(account, [person])
            for _ in range(rng.choice((0, 0, 1, 2))):
                simulator.world.send(chat, words(1))  # On the phone.
    simulator.world.settle()
    assert await hass.config_entries.async_setup(entry.entry_id)
    hass.config_entries.async_update_entry(
        entry, options={"chats_per_hour": 0, "duplicate_window": 0}
    )
    await hass.async_block_till_done()
    for _ in range(PEOPLE * 2):
        kind, options = rng.choice(FATES)
        simulator.faults.add(kind, method="POST", path=rng.choice(PATHS), **options)

    await asyncio.gather(*(talk.run() for talk in talks))
    await asyncio.gather(*runs_later)

    for talk in talks:
        talk.check()
    print(Counter(end for talk in talks for wish in talk.wishes for end in wish.ends))  # noqa: T201
