"""Each request is called twice in every form: once where it is the same, and true.

A test calls many pairs, each with separate people and a separate chat: the first call
ends in one way, something changes, and the second call follows. The results must follow
the rules here, and are those that docs/reliability.md shows;
`RELIABILITY=write scripts/test tests/robustness/test_repeat_matrix.py` writes it there.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any, Final, Literal

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN, SUBENTRY_CHAT
from custom_components.beeper.device_identifiers import subentry_key
from custom_components.beeper.outgoing import (
    chat_queue,
    create_chat_job,
    first_message,
    outbox,
    recipient_queue,
)
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from simulator import Simulator, faults
from simulator.faults import Fault, Run
from simulator.model import Chat, Message, Person
from tests.helpers import reliability
from tests.helpers.entities import CHAT_DATA
from tests.helpers.outcomes import ended, outcome_of_text
from tests.helpers.servers import entry_data, restart
from tests.helpers.waiting import until

type First = Literal["done", "not done", "ran", "lost", "running"]
type Change = Literal[
    "nothing", "id", "number", "merged", "renamed", "reloaded", "restarted", "option"
]
type Text = Literal["same", "similar", "different"]
type Cell = tuple[str, First, Change, str]
"""Request, outcome of its first call, the change, and the forms of both calls."""
type End = tuple[str, Message | None]
"""How a call ended, and the message that its response names."""
type Result = tuple[str, int]
"""How the second call ended, and how often both were carried out."""

FIRSTS: Final[dict[First, str]] = {
    "done": "done",
    "not done": "not done",
    "ran": "unknown, and it ran",
    "lost": "unknown, and it did not run",
    "running": "still running",
}
ENDED: Final[list[First]] = ["done", "not done", "ran", "lost"]
CHANGES: Final[dict[Change, str]] = {
    "nothing": "nothing",
    "id": "the chat gets another ID",
    "number": "the chat gets another number",
    "merged": "the chat is merged with another",
    "renamed": "the person gets another name",
    "reloaded": "Beeper is reloaded",
    "restarted": "Home Assistant restarts",
    "option": "an option is changed",
}
TEXTS: Final[dict[Text, str]] = {
    "same": "It is 5 degrees",
    "similar": "It is -5 degrees",
    "different": "Good night",
}
MODES_OF_CREATION: Final = ("create", "group")
FAULTS: Final[dict[First, tuple[str, dict[str, Any]]]] = {
    "not done": (
        "status_before",
        {"status": 400, "body": {"message": "No", "code": "SOME_CODE"}},
    ),
    "ran": ("drop_after", {}),
    "lost": ("drop_before", {}),
    "running": ("delay", {}),
}


# The requests


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write a request: the action and its fields.

    `by_chat`: it names the chat, and not the person. `mode` is the equivalent mode.
    """

    label: str
    action: str
    fields: Callable[[Pair], dict[str, Any]]
    by_chat: bool = False
    mode: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One table: a request in all forms.

    `has_chat`: there is a chat with the person. `people`: how many are meant. `proof`:
    reading can show that it was done. `window`: for a while the result of the first call
    is that of the second.
    """

    forms: tuple[Form, ...]
    account_id: str = "telegram"
    has_chat: bool = True
    has_text: bool = True
    people: int = 1
    proof: bool = True
    window: bool = False
    joins: bool = True
    """A repeated call joins one that is running, whichever run of an automation it is."""
    is_cross: bool = False
    """Only pairs of different actions."""


@dataclass(kw_only=True)
class Pair:
    """Two calls, with people and a chat that no other pair has."""

    request: Request
    first: Form
    second: Form
    text: Text = "same"
    same_context: bool = False
    number: int = field(default_factory=count(1).__next__)
    people: list[Person] = field(init=False)
    chat: Chat | None = None
    other: Chat | None = None
    """The chat that its chat is merged with."""
    entity_id: str = ""
    chat_ids: tuple[str, str] = ("", "")
    """ID and number of the chat, as they were written down once."""

    context: Context = field(default_factory=Context)

    @property
    def needs_entity(self) -> bool:
        return _by_entity in (self.first.fields, self.second.fields)

    @property
    def person(self) -> Person:
        return self.people[0]

    @property
    def names(self) -> list[str]:
        return [str(person.full_name) for person in self.people]

    @property
    def key(self) -> str:
        parts = [self.first.label, self.second.label, self.text]
        return " / ".join([*parts, *(["same context"] if self.same_context else [])])


def _send(label: str, fields: Callable[[Pair], dict[str, Any]], **more: Any) -> Form:
    return Form(label=label, action="beeper.send_message", fields=fields, **more)


def _create(
    label: str, fields: Callable[[Pair], dict[str, Any]], mode: str = "start"
) -> Form:
    return Form(label=label, action="beeper.create_chat", fields=fields, mode=mode)


def _by_name(pair: Pair) -> dict[str, Any]:
    return {"recipient": pair.person.full_name}


def _by_number(pair: Pair) -> dict[str, Any]:
    return {"recipient": pair.person.phone_number}


def _by_handle(pair: Pair) -> dict[str, Any]:
    return {"recipient": f"@{pair.person.username}"}


def _by_chat(pair: Pair) -> dict[str, Any]:
    return {"chat_id": pair.chat_ids[0]}


def _by_chat_number(pair: Pair) -> dict[str, Any]:
    return {"chat_id": pair.chat_ids[1]}


def _by_entity(pair: Pair) -> dict[str, Any]:
    return {"entity_id": pair.entity_id}


def _user(field_name: str, attribute: str) -> Callable[[Pair], dict[str, Any]]:
    return lambda pair: {"user": {field_name: getattr(pair.person, attribute)}}


def _single(field_name: str, attribute: str) -> Callable[[Pair], dict[str, Any]]:
    return lambda pair: {
        field_name: [getattr(pair.person, attribute)],
        "type": "single",
    }


def _group(
    field_name: str, attribute: str, *, prefix: str = "", **more: Any
) -> Callable[[Pair], dict[str, Any]]:
    return lambda pair: {
        field_name: [prefix + getattr(person, attribute) for person in pair.people],
        "type": "group",
        "title": f"Trip {pair.number}",
        **more,
    }


CHAT_FORMS: Final = (
    ("chat ID", _by_chat, True),
    ("number of the chat", _by_chat_number, True),
    ("entity", _by_entity, True),
    ("name", _by_name, False),
    ("phone number", _by_number, False),
    ("handle", _by_handle, False),
)
START_FORMS: Final = (
    _create("ID", _user("id", "id")),
    _create("phone number", _user("phone_number", "phone_number")),
    _create("username", _user("username", "username")),
    _create("name", _by_name),
    _create("handle", _by_handle),
)
SEND_FORMS: Final = tuple(
    _send(label, fields, by_chat=by_chat) for label, fields, by_chat in CHAT_FORMS
)
REQUESTS: Final[dict[str, Request]] = {
    "`send_message`": Request(
        joins=False,
        forms=(
            *SEND_FORMS,
            Form(
                label="`notify.send_message`",
                action="notify.send_message",
                fields=_by_entity,
                by_chat=True,
            ),
        ),
    ),
    "`notify_anyway`": Request(
        account_id="imessage",
        has_text=False,
        proof=False,
        forms=tuple(
            Form(
                label=label,
                action="beeper.notify_anyway",
                fields=fields,
                by_chat=by_chat,
            )
            for label, fields, by_chat in CHAT_FORMS
        ),
    ),
    "`create_chat` with a text, for somebody new": Request(
        has_chat=False,
        window=True,
        forms=(
            *START_FORMS,
            _create("participant’s ID", _single("participant_ids", "id"), "create"),
            _create(
                "participant’s name", _single("participants", "full_name"), "create"
            ),
        ),
    ),
    "`create_chat` without a text": Request(
        has_chat=False, has_text=False, window=True, forms=START_FORMS
    ),
    "`create_chat` with a text, for an existing chat": Request(
        window=True, forms=START_FORMS
    ),
    "`create_chat` with a text, and `send_message`": Request(
        is_cross=True, forms=(*START_FORMS, *SEND_FORMS)
    ),
    "`create_chat` of a group with a text": Request(
        has_chat=False,
        people=2,
        window=True,
        forms=(
            _create("IDs", _group("participant_ids", "id"), "group"),
            _create("names", _group("participants", "full_name"), "group"),
            _create("handles", _group("participants", "username", prefix="@"), "group"),
            _create(
                "IDs, `if_exists: reuse`",
                _group("participant_ids", "id", if_exists="reuse"),
                "reuse",
            ),
        ),
    ),
}


def pairs(request: Request, first: First, change: Change) -> list[Pair]:
    """Return the pairs of a request: all forms, and after a change a part of them."""
    forms, shift = request.forms, [*FIRSTS].index(first) + [*CHANGES].index(change)
    found: list[Pair] = []
    for index, one in enumerate(forms):
        others = [
            other
            for other in (*forms[index:], *forms[:index])
            if not request.is_cross or other.action != one.action
        ]
        if change != "nothing":
            others = [others[0], others[1 + shift % (len(others) - 1)]]
        for other in others:
            found.append(Pair(request=request, first=one, second=other))
            if first == "running":
                found.append(
                    Pair(request=request, first=one, second=other, same_context=True)
                )
        if request.has_text and change == "nothing" and not request.is_cross:
            found += [
                Pair(
                    request=request,
                    first=one,
                    second=one,
                    text=text,
                    same_context=same_context,
                )
                for text in TEXTS
                for same_context in (False, True)
                if text != "same" or (same_context and first != "running")
            ]
    return sorted(found, key=lambda pair: forms.index(pair.first))


BATCHES: Final = [
    (name, first, change)
    for name in REQUESTS
    for first in FIRSTS
    for change in CHANGES
    # A call that is still running ends before anything changes.
    if first != "running" or change == "nothing"
]


# How it has to end


def expected(pair: Pair, first: First, change: Change) -> Result:
    """Return how the second call has to end, and how often both are carried out."""
    request, second = pair.request, pair.second
    repeats = pair.text == "same"
    before = int(first in ("done", "ran", "running"))
    is_unknown = first in ("ran", "lost")
    if (change == "id" and second.by_chat) or (
        change == "number" and second.fields is _by_chat_number
    ):
        # The chat that was written down is gone, and a start did not name it.
        is_known = is_unknown and repeats and not request.is_cross
        return ("unknown" if is_known else "not done"), before
    if is_unknown and repeats:
        if first == "lost" or not request.proof:
            return "unknown", before
        return reported(second, "recovered"), 1
    is_same = repeats and second.mode == pair.first.mode and not request.is_cross
    if first == "running" and is_same and (pair.same_context or request.joins):
        return reported(second, "duplicate"), 1
    if first == "done" and is_same and request.window:
        if change != "restarted":
            return "duplicate", 1
        # Stored is that there was a result, and no text to find its message by.
        return ("unknown" if request.has_text else "recovered"), 1
    if first in ("done", "running") and not request.has_text and request.window:
        return "done", 1  # The chat is there already.
    return "done", before + 1


def reported(form: Form, outcome: str) -> str:
    """Return the outcome in the response; the response of `notify` has none."""
    return "done" if "notify" in form.action else outcome


# The pairs, carried out


@pytest.fixture(scope="module")
def results() -> Iterator[dict[Cell, Result]]:
    """Return the results by cell."""
    with reliability.results("repeats", all_expected, rendered) as collected:
        yield collected


def populate(simulator: Simulator, pair: Pair) -> None:
    """Add the people of a pair, and a chat with them."""
    account = simulator.world.accounts[pair.request.account_id]
    pair.people = []
    for letter in "KM"[: pair.request.people]:
        mark = f"{letter}{pair.number}"
        person = Person(
            id=f"@{account.id}_{letter.lower()}{pair.number}:beeper.com",
            full_name=f"Robin {mark}",
            username=f"robin.{mark.lower()}",
            phone_number=f"+1555{4 if letter == 'K' else 5}{pair.number:06}",
        )
        account.contacts[person.id] = person
        pair.people.append(person)
    if pair.request.has_chat:
        pair.chat = simulator.world.add_chat(account, [*pair.people])
        pair.chat_ids = pair.chat.id, pair.chat.local_id


async def idle(simulator: Simulator) -> None:
    """Wait until nothing more is asked of the server."""
    before = -1
    while before != (before := len(simulator.requests)):
        await asyncio.sleep(0.2)


@dataclass(kw_only=True)
class Bench:
    """The calls of all pairs of one test."""

    hass: HomeAssistant
    simulator: Simulator
    entry: MockConfigEntry = field(init=False)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(
        self, _: Fault, request: web.Request, run: Run
    ) -> web.StreamResponse:
        """Carry a request out when the gate opens."""
        await self.gate.wait()
        return await run()

    async def set_up(self, cases: list[Pair]) -> None:
        """Set up an entry with an entity for each chat."""
        for pair in cases:
            populate(self.simulator, pair)
        chats = [pair for pair in cases if pair.chat and pair.needs_entity]
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            title="Beeper",
            data=entry_data(self.simulator.url),
            options={"chats_per_hour": 0, "duplicate_window": 600},
            subentries_data=[
                ConfigSubentryDataWithId(
                    data=CHAT_DATA | {"chat_id": pair.chat_ids[0]},
                    subentry_id=f"pair{pair.number}",
                    subentry_type=SUBENTRY_CHAT,
                    title=f"Chat {pair.number}",
                    unique_id=pair.chat_ids[0],
                )
                for pair in chats
            ],
        )
        self.entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()
        registry = er.async_get(self.hass)
        for pair in chats:
            subentry = self.entry.subentries[f"pair{pair.number}"]
            entity_id = registry.async_get_entity_id(
                "notify", DOMAIN, subentry_key(self.entry, subentry)
            )
            assert entity_id
            pair.entity_id = entity_id

    async def call(self, pair: Pair, form: Form, text: Text = "same") -> End:
        """Call an action; return how it ended, and the message that it names."""
        domain, _, action = form.action.partition(".")
        data = form.fields(pair)
        if domain == DOMAIN and "entity_id" not in data and "chat_id" not in data:
            data["account_id"] = pair.request.account_id
        if pair.request.has_text:
            is_chat = action == "create_chat"
            data["message_text" if is_chat else "message"] = TEXTS[text]
        try:
            response: Any = await self.hass.services.async_call(
                domain,
                action,
                data,
                blocking=True,
                return_response=domain == DOMAIN,
                context=pair.context if pair.same_context else Context(),
            )
        except HomeAssistantError as err:
            return outcome_of_text(str(err)), None
        outcome = ended(response)
        if not response or outcome == "duplicate" or not response.get("message_id"):
            return outcome, None
        chat = self.simulator.world.chats[response["chat_id"]]
        return outcome, next(
            message
            for chat_id in (chat.id, *chat.merge)
            for message in self.simulator.world.chats[chat_id].messages
            if response["message_id"] in (message.id, message.pending_id)
            and message.sender.is_self
        )

    def messages(self, pair: Pair) -> list[Message]:
        """Return the messages to the people of a pair, in whichever chat."""
        return [
            message
            for chat in [*self.chats(pair), *([pair.other] if pair.other else [])]
            for message in chat.messages
            if message.sender.is_self
        ]

    def chats(self, pair: Pair) -> list[Chat]:
        return [
            chat
            for chat in self.simulator.world.chats.values()
            if chat is not pair.other
            and not chat.merge
            and pair.person in chat.participants
        ]

    def executions(self, pair: Pair) -> int:
        """Return how often the calls of a pair reached somebody."""
        if pair.request.has_text:
            return len(self.messages(pair))
        if pair.request.window:
            return len(self.chats(pair))
        ids = {*pair.chat_ids, *(chat.id for chat in self.chats(pair))}
        ids |= {chat.merged_into or "" for chat in self.chats(pair)}
        return sum(
            request.path.split("/")[3] in ids
            for request in self.simulator.executed
            if request.path.endswith("/notify-anyway")
        )

    async def change_all(self, cases: list[Pair], change: Change) -> None:
        """Let something change between the calls."""
        for pair in cases:
            self.change(pair, change)
        if change == "reloaded":
            assert await self.hass.config_entries.async_reload(self.entry.entry_id)
        elif change == "restarted":
            await restart(self.hass, self.entry)
        elif change == "option":
            options = {**self.entry.options, "duplicate_window": 500}
            self.hass.config_entries.async_update_entry(self.entry, options=options)
        await self.hass.async_block_till_done()

    def change(self, pair: Pair, change: Change) -> None:
        """Let the world of a pair change between its calls."""
        world = self.simulator.world
        chat = next(iter(self.chats(pair)), None)
        if change == "renamed":
            for person in pair.people:
                person.full_name = f"Sasha{str(person.full_name).removeprefix('Robin')}"
            if chat and chat.type == "single":
                chat.title = pair.names[0]
        if chat is None:
            return
        if change == "id":
            world.recreate_chat(chat)
        elif change == "number":
            world.renumber(chat, str(90_000 + pair.number))
        elif change == "merged" and chat.type == "single":
            account = world.accounts["whatsapp"]
            pair.other = world.add_chat(account, [*pair.people])
            world.merge([chat, pair.other])

    async def call_first(self, first: First, batch: list[Pair]) -> list[End]:
        """Make the first calls, all ending in one way."""
        self.strike(first)
        ends = await asyncio.gather(*(self.call(pair, pair.first) for pair in batch))
        self.simulator.faults.clear()
        return ends

    async def call_again(self, batch: list[Pair]) -> list[End]:
        return await asyncio.gather(
            *(self.call(pair, pair.second, pair.text) for pair in batch)
        )

    async def call_while_running(
        self, batch: list[Pair]
    ) -> tuple[list[End], list[End]]:
        """Make the second calls while the server holds the requests of the first."""
        self.gate.clear()
        strike = self.strike("running")
        firsts = asyncio.gather(*(self.call(pair, pair.first) for pair in batch))
        await until(lambda: strike and strike.hits == len(batch))
        self.simulator.faults.clear()
        seconds = asyncio.ensure_future(self.call_again(batch))
        await idle(self.simulator)
        self.gate.set()
        return await firsts, await seconds

    def strike(self, first: First) -> Fault | None:
        if first not in FAULTS:
            return None
        kind, options = FAULTS[first]
        return self.simulator.faults.add(
            kind, method="POST", path="/v1/chats*", times=None, **options
        )


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """Return a server that is looked at at once, where nothing expires."""
    for module, constant, value in (
        (first_message, "_EXISTING_DELAYS", (0,)),
        (first_message, "_NEW_DELAYS", (0,)),
        (recipient_queue, "_REMEMBERED_FOR", 600),
        # All calls read at once, which takes a slow machine longer.
        (chat_queue, "_READ_TIMEOUT", 60),
        (outbox, "_IDENTIFY_TIMEOUT", 60),
        (create_chat_job, "_TEXT_WINDOW", 600),
        # No look at all: as if the server could not be reached after the first call.
        (outbox, "_RECOVERY_DELAYS", ()),
    ):
        monkeypatch.setattr(module, constant, value)
    simulator.confirm_after = 0
    for account in simulator.world.accounts.values():
        account.emits_events = False
    bench = Bench(hass=hass, simulator=simulator)
    # Not by time: name lookups that the clock overtakes would end.
    monkeypatch.setitem(faults._EFFECTS, "delay", bench.hold)
    return bench


@pytest.mark.parametrize(("name", "first", "change"), BATCHES)
async def test_a_repeated_call_is_recognized(
    bench: Bench,
    results: dict[Cell, Result],
    name: str,
    first: First,
    change: Change,
) -> None:
    cases = pairs(REQUESTS[name], first, change)
    await bench.set_up(cases)
    if first == "running":
        firsts, seconds = [], []
        # Calls that state different identities may be for one person, so they wait.
        for _, group in groupby(cases, lambda pair: pair.first):
            ends = await bench.call_while_running([*group])
            firsts += ends[0]
            seconds += ends[1]
    else:
        firsts = await bench.call_first(first, cases)
        await bench.change_all(cases, change)
        seconds = await bench.call_again(cases)
    shown = "unknown" if first in ("ran", "lost") else first.replace("running", "done")
    assert {outcome for outcome, _ in firsts} == {shown}
    bench.simulator.world.settle()
    came_out = {
        pair.key: (outcome, bench.executions(pair))
        for pair, (outcome, _) in zip(cases, seconds, strict=True)
    }
    results |= {(name, first, change, key): end for key, end in came_out.items()}
    wanted = {pair.key: expected(pair, first, change) for pair in cases}
    assert {key: end for key, end in came_out.items() if end != wanted[key]} == {}
    for pair, one, other in zip(cases, firsts, seconds, strict=True):
        check_claims(pair, (one, "same"), (other, pair.text))

    # What followed is not taken for the result of the first call.
    again = [
        (pair, second)
        for pair, second in zip(cases, seconds, strict=True)
        if first in ("ran", "lost") and pair.text != "same"
    ]
    thirds = await bench.call_first("done", [pair for pair, _ in again])
    for (pair, second), third in zip(again, thirds, strict=True):
        # Of several new chats, none is proved to be the first one.
        is_proved = first == "ran" and pair.first.mode not in MODES_OF_CREATION
        wanted_end = reported(pair.first, "recovered") if is_proved else "unknown"
        assert third[0] == wanted_end, pair.key
        check_claims(pair, (second, pair.text), (third, "same"))


def check_claims(pair: Pair, *ends: tuple[End, Text]) -> None:
    """Check that each call names its own message."""
    named = [(message, text) for (_, message), text in ends if message]
    for message, text in named:
        assert message.text == TEXTS[text], pair.key
    assert len({id(message) for message, _ in named}) == len(named), pair.key


# The document


def all_expected() -> dict[Cell, Result]:
    """Return the required outcomes of all pairs."""
    return {
        (name, first, change, pair.key): expected(pair, first, change)
        for name, first, change in BATCHES
        for pair in pairs(REQUESTS[name], first, change)
    }


def rendered(results: dict[Cell, Result]) -> str:
    """Return the tables of the document."""
    lines: list[str] = []
    for name, request in REQUESTS.items():
        labels = ", ".join(dict.fromkeys(form.label for form in request.forms))
        columns: dict[tuple[str, ...], list[Change]] = {}
        for change in CHANGES:
            ends = (shown(results, name, first, change) for first in ENDED)
            columns.setdefault((*ends,), []).append(change)
        titles = [
            "; ".join(CHANGES[change] for change in some) for some in columns.values()
        ]
        running = shown(results, name, "running", "nothing")
        lines += [
            f"### {name}",
            "",
            f"By {labels}.",
            "",
            "| The first call, and what changed since | " + " | ".join(titles) + " |",
            "|---" * (len(columns) + 1) + "|",
            *(
                f"| {FIRSTS[first]} | " + " | ".join(row) + " |"
                for first, row in zip(ENDED, zip(*columns, strict=True), strict=True)
            ),
            f"| {FIRSTS['running']} | {running} |" + " |" * (len(columns) - 1),
            "",
        ]
    with_text = [
        name
        for name, request in REQUESTS.items()
        if request.has_text and not request.is_cross
    ]
    lines += [
        "### Another text",
        "",
        "| The first call | " + " | ".join(with_text) + " |",
        "|---" * (len(with_text) + 1) + "|",
        *(
            f"| {label} | "
            + " | ".join(
                shown(results, name, first, "nothing", is_same=False)
                for name in with_text
            )
            + " |"
            for first, label in FIRSTS.items()
        ),
    ]
    counts = Counter(outcome for outcome, _ in results.values())
    outcomes = ", ".join(f"{counts[key]} {key}" for key in sorted(counts))
    return "\n".join([*lines, "", f"{len(results)} pairs: {outcomes}.", ""])


def shown(
    results: dict[Cell, Result],
    name: str,
    first: First,
    change: Change,
    *,
    is_same: bool = True,
) -> str:
    """Return how most pairs end, and those that end otherwise."""
    ends: dict[str, Counter[str]] = {}
    for pair in pairs(REQUESTS[name], first, change):
        key = name, first, change, pair.key
        if key in results and (pair.text == "same") is is_same:
            end = "{} ×{}".format(*results[key])
            ends.setdefault(end, Counter())[manner(pair, first)] += 1
    usual = max(ends, key=lambda end: ends[end].total(), default="")
    others = (
        f"{', '.join(manners)}: {end}" for end, manners in ends.items() if end != usual
    )
    return "; ".join([usual, *others])


def manner(pair: Pair, first: First) -> str:
    """Return in what the second call differs from most."""
    if pair.first.mode != pair.second.mode and not pair.request.is_cross:
        return "in another mode"
    if first == "running" and pair.same_context:
        by = f" by {pair.second.label}" if "notify." in pair.second.action else ""
        return f"in the same run{by}"
    return pair.second.label


@pytest.mark.skipif(reliability.WRITES, reason="It is being written")
def test_reliability_document_matches_the_results() -> None:
    assert reliability.shown("repeats") == rendered(all_expected()), (
        "RELIABILITY=write scripts/test tests/robustness/test_repeat_matrix.py"
    )
