"""Every fault on every changing action: at most once, with a truthful result.

Each test tries one action on one server with every fault of the fault desk. The results
must follow the rules here, and are those that docs/reliability.md shows;
`RELIABILITY=write scripts/test tests/robustness/test_fault_matrix.py` writes it there.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper import coordinator
from custom_components.beeper.api.transport import FILE_TIMEOUT, REQUEST_TIMEOUT
from custom_components.beeper.outgoing import first_message, outbox, recipient_queue
from homeassistant.core import HomeAssistant, SupportsResponse
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.application import Received
from simulator.faults import KINDS
from simulator.model import Chat, Message, Person
from tests.helpers import reliability
from tests.helpers.entities import (
    BUTTON,
    CHAT_SHORTCUT,
    GROUP_SHORTCUT,
    MESSAGE_SHORTCUT,
    add_chat,
    add_shortcut,
    state,
)
from tests.helpers.outcomes import outcome_of
from tests.helpers.servers import add_entry
from tests.helpers.talking import say
from tests.helpers.waiting import until
from tests.helpers.world import KIM, PROFILES

THUMB = "👍"
LATER = "2126-01-01 10:00:00+00:00"

type Group = Literal["harmless", "refused", "absent", "lost", "late", "ran", "stream"]
type Cell = tuple[str, int]
"""How a call ended, and how often its request was carried out."""
type Key = tuple[str, str, str]
"""Action, fault, profile."""


# Faults


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row: `label` is what a person reads, `group` what the rules go by."""

    group: Group
    label: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)


def _status(kind: str, group: Group, status: int, **options: Any) -> Fault:
    return Fault(
        group=group,
        label=f"HTTP {status}",
        kind=kind,
        options={"status": status, **options},
    )


LONG = {"seconds": FILE_TIMEOUT + 60}
ERROR = {"body": {"message": "No", "code": "SOME_CODE"}}
PAGE = {"body": "<html>502</html>", "content_type": "text/html"}
GROUPS: dict[Group, str] = {
    "harmless": "Nothing is lost",
    "refused": "Refused before it ran",
    "absent": "Refused as unknown to this server",
    "lost": "Lost before it ran",
    "late": "Runs only after the time-out",
    "ran": "Ran, and the answer is lost",
    "stream": "The event stream fails meanwhile",
}
FAULTS = [
    Fault(
        group="harmless",
        label="the answer takes its time",
        kind="delay",
        options={"seconds": REQUEST_TIMEOUT / 2},
    ),
    Fault(group="refused", label="nobody listens", kind="away"),
    *(
        _status("status_before", "refused", status, **ERROR)
        for status in (400, 401, 403, 404, 409, 422, 429)
    ),
    _status("status_before", "refused", 302, headers={"Location": "http://x.test/"}),
    *(_status("status_before", "absent", status) for status in (404, 405, 501)),
    Fault(group="lost", label="the connection breaks", kind="drop_before"),
    Fault(group="lost", label="the connection just used breaks", kind="drop_reused"),
    *(
        _status("status_before", "lost", status, **PAGE)
        for status in (408, 500, 502, 503, 504)
    ),
    Fault(group="late", label="it waits that long", kind="delay", options=LONG),
    Fault(group="ran", label="the connection breaks", kind="drop_after"),
    Fault(group="ran", label="it breaks off half-way", kind="cut"),
    Fault(group="ran", label="it stops half-way", kind="stall_body", options=LONG),
    Fault(group="ran", label="it is too late", kind="delay_after", options=LONG),
    Fault(group="ran", label="no HTTP", kind="wire", options={"body": b"\0 What?"}),
    *(
        _status("status_after", "ran", status, **PAGE)
        for status in (408, 500, 502, 503, 504)
    ),
    *(
        Fault(group="ran", label=label, kind="garbage", options={"body": body})
        for label, body in (
            ("HTML", "<html>fine</html>"),
            ("a list", "[]"),
            ("text that is no UTF-8", b'{"id": "\xff\xfe"}'),
            ("“not successful”", {"success": False}),
            ("an object without anything", {}),
            ("nothing at all", ""),
        )
    ),
    *(
        Fault(group="stream", label=label, kind=f"ws_{kind}", options=options)
        for label, kind, options in (
            ("closed", "close", {}),
            ("refused", "refuse", {"status": 503}),
            ("flooded", "flood", {}),
            ("garbage", "garbage", {"body": "\N{SHRUG} {"}),
            ("no frames", "wire", {"body": b"\xff" * 9}),
            ("each event twice", "repeat", {}),
            ("in another order", "shuffle", {"count": 3}),
            ("silent", "stall", {}),
        )
    ),
]


# Actions under test


@dataclass(kw_only=True)
class Bench:
    """One server and one Home Assistant, for call after call that have nothing in common."""

    hass: HomeAssistant
    simulator: Simulator
    entry: MockConfigEntry
    skip: Callable[[float], None]
    folder: Path
    profile: str
    number: int = 0
    entity_id: str = ""

    @property
    def text(self) -> str:
        return f"Message *no.* {self.number}"

    @property
    def kim(self) -> Chat:
        return self.simulator.world.chats[KIM]

    def person(self, account_id: str = "whatsapp") -> Person:
        """Return a person without messages."""
        account = self.simulator.world.accounts[account_id]
        number = f"1555020{len(account.contacts):04}"
        person = Person(
            id=f"@whatsapp_{number}:beeper.com",
            full_name=f"Person {number}",
            phone_number=f"+{number}",
        )
        account.contacts[person.id] = person
        return person

    def chat(self, *people: Person, account_id: str = "whatsapp", **data: Any) -> Chat:
        account = self.simulator.world.accounts[account_id]
        return self.simulator.world.add_chat(account, [*people], **data)

    def own_message(self) -> Message:
        message = self.simulator.world.send(self.kim, "First try")
        self.simulator.world.settle()
        return message


type Call = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Action:
    """One column.

    `make` makes a call that was never made before, with something to do. `since` is the
    index of the first profile that can do it, EasyMatrix counting as the second; older ones
    name the version that it `needs`. From profile `proof` on, reading shows whether it was
    done, with None never. `reports`: the response says that it was found by reading.
    `steps`: requests that a call needs, of which those to `path` are counted.
    `bare`: success has no body; `agrees`: any object says success. `repeats`: after an
    unknown outcome it may be called again. `reaches` is False for what reaches nobody by
    itself.
    """

    make: Callable[[Bench], Call]
    path: str
    method: str = "POST"
    since: int = 0
    needs: str = ""
    proof: int | None = 0
    reports: bool = True
    bare: bool = False
    agrees: bool = False
    repeats: bool = False
    reaches: bool = True
    steps: int = 1
    timeout: float = REQUEST_TIMEOUT
    setup: Callable[[Bench], Awaitable[None]] | None = None


def _action(bench: Bench, name: str, **data: Any) -> Call:
    domain, _, action = name.rpartition(".")
    return lambda: bench.hass.services.async_call(
        domain or "beeper",
        action,
        data,
        blocking=True,
        return_response=not domain,
    )


def _start(bench: Bench) -> Call:
    user = {"phone_number": bench.person().phone_number}
    return _action(bench, "create_chat", user=user)


def _start_with_text(bench: Bench) -> Call:
    person = bench.person()
    bench.chat(person)
    user = {"phone_number": person.phone_number}
    return _action(bench, "create_chat", user=user, message_text=bench.text)


def _start_with_ignored_text(bench: Bench) -> Call:
    user = {"phone_number": bench.person().phone_number}
    return _action(bench, "create_chat", user=user, message_text=bench.text)


async def _ignore_texts(bench: Bench) -> None:
    bench.simulator.traits.add("first_text_dropped")


def _create(bench: Bench, **data: Any) -> Call:
    people = {"participant_ids": ["15550101002", "15550101003"], "type": "group"}
    title = f"Group {bench.number}"
    return _action(bench, "create_chat", **people, title=title, **data)


def _reuse(bench: Bench) -> Call:
    bench.chat(
        *(
            bench.simulator.world.accounts["whatsapp"].contacts[
                f"@whatsapp_{number}:beeper.com"
            ]
            for number in ("15550101002", "15550101003")
        ),
        kind="group",
        title=f"Group {bench.number}",
    )
    return _create(bench, if_exists="reuse", message_text=bench.text)


def _send(bench: Bench, **data: Any) -> Call:
    return _action(bench, "send_message", chat_id=KIM, message=bench.text, **data)


def _send_file(bench: Bench) -> Call:
    return _send(bench, attachment=str(bench.folder / "door.png"))


async def _allow_file(bench: Bench) -> None:
    bench.hass.config.allowlist_external_dirs = {str(bench.folder)}
    (bench.folder / "door.png").write_bytes(b"\x89PNG of a door")


def _notify(bench: Bench) -> Call:
    data = {"entity_id": bench.entity_id, "message": bench.text}
    return _action(bench, "notify.send_message", **data)


async def _add_entity(bench: Bench) -> None:
    bench.entity_id = await add_chat(bench.hass, bench.entry)


def _press(bench: Bench) -> Call:
    # Earlier presses used other people, so this press is like the first.
    for chat in bench.simulator.world.chats.values():
        if chat.id.startswith("!room"):
            chat.participants = [bench.person(), chat.participants[-1]]

    async def press() -> str:
        bench.hass.states.async_set("sensor.number", str(bench.number))
        bench.skip(2)  # Within a moment it would be the same press.
        ended = await outcome_of(
            _action(bench, "button.press", entity_id=BUTTON)(),
        )
        shown = {"done": "done", "not done": "not_done", "unknown": "uncertain"}
        assert state(bench.hass) == shown[ended]
        return ended

    return press


def _shortcut(data: dict[str, Any]) -> Callable[[Bench], Awaitable[None]]:
    async def add(bench: Bench) -> None:
        message = "Good night no. {{ states('sensor.number') }}"
        await add_shortcut(bench.hass, bench.entry, data, message=message)

    return add


def _say(bench: Bench) -> Call:
    said = f"Message family on WhatsApp: Dinner is ready, no. {bench.number}"
    return lambda: say(bench.hass, said)


async def _set_up_assist(bench: Bench) -> None:
    for component in ("homeassistant", "conversation"):
        assert await async_setup_component(bench.hass, component, {})
    await bench.hass.async_block_till_done()


def _change(name: str, **data: Any) -> Callable[[Bench], Call]:
    def make(bench: Bench) -> Call:
        # As it is not to be afterwards.
        chat = bench.kim
        chat.title, chat.is_pinned, chat.is_archived = "Kim", False, False
        chat.is_marked_unread, chat.unread_count = name == "mark_read", 0
        chat.reminder = (
            {"remindAt": "2126-01-01T10:00:00Z"} if name == "clear_reminder" else None
        )
        return _action(bench, name, chat_id=KIM, **data)

    return make


def _change_message(name: str, **data: Any) -> Callable[[Bench], Call]:
    def make(bench: Bench) -> Call:
        message = bench.own_message()
        if name == "remove_reaction":
            world = bench.simulator.world
            me = world.accounts["whatsapp"].user
            world.react(bench.kim, message, me, THUMB)
        return _action(bench, name, chat_id=KIM, message_id=message.id, **data)

    return make


def _notify_anyway(bench: Bench) -> Call:
    chat = bench.chat(bench.person("imessage"), account_id="imessage")
    return _action(bench, "notify_anyway", chat_id=chat.id)


def _focus(bench: Bench) -> Call:
    return _action(bench, "focus", chat_id=KIM, draft_text=bench.text)


START, CREATE = "/v1/chats*", "/v1/chats"
CHAT_PATH = "/v1/chats/*"
MESSAGES, UPLOAD = "/v1/chats/*/messages", "/v1/assets/upload"
FILE: dict[str, Any] = {
    "make": _send_file,
    "since": 1,
    "needs": "4.2.509",
    "setup": _allow_file,
}
PRESS: dict[str, Any] = {"make": _press, "reports": False}
SET: dict[str, Any] = {"agrees": True, "repeats": True, "path": CHAT_PATH}
NEWER: dict[str, Any] = {"since": 2, "needs": "4.2.808", "proof": 2}
REACTION: dict[str, Any] = {"since": 1, "needs": "4.2.557", "proof": 1}
TABLES: dict[str, dict[str, Action]] = {
    "New chats": {
        "`create_chat`: start": Action(make=_start, path=START),
        # 4.1.294 makes a second chat of the same person: two, and none is certain.
        "`create_chat`: start, with a text": Action(
            make=_start_with_text, path=START, proof=1
        ),
        "`create_chat`: create": Action(make=_create, path=CREATE),
        "`create_chat`: create, with a text": Action(
            make=lambda bench: _create(bench, message_text=bench.text), path=CREATE
        ),
        "`create_chat`: `if_exists: reuse`, with a text": Action(
            make=_reuse, path=MESSAGES
        ),
        "`create_chat`: a text that Beeper ignores, struck at the chat": Action(
            make=_start_with_ignored_text,
            path=START,
            proof=None,
            steps=2,
            setup=_ignore_texts,
        ),
        "`create_chat`: a text that Beeper ignores, struck at the message": Action(
            make=_start_with_ignored_text, path=MESSAGES, steps=2, setup=_ignore_texts
        ),
        "`create_chat`: create, an ignored text, struck at the message": Action(
            make=lambda bench: _create(bench, message_text=bench.text),
            path=MESSAGES,
            steps=2,
            setup=_ignore_texts,
        ),
        "shortcut: chat": Action(
            **PRESS, path=START, proof=1, setup=_shortcut(CHAT_SHORTCUT)
        ),
        "shortcut: group": Action(
            **PRESS, path=CREATE, setup=_shortcut(GROUP_SHORTCUT)
        ),
    },
    "Messages": {
        "`send_message`": Action(make=_send, path=MESSAGES),
        "`send_message` with a file, struck at the upload": Action(
            **FILE, path=UPLOAD, reaches=False, timeout=FILE_TIMEOUT
        ),
        "`send_message` with a file, struck at the message": Action(
            **FILE, path=MESSAGES
        ),
        "`notify.send_message`": Action(
            make=_notify, path=MESSAGES, reports=False, setup=_add_entity
        ),
        "shortcut: message": Action(
            **PRESS, path=MESSAGES, setup=_shortcut(MESSAGE_SHORTCUT)
        ),
        "a spoken sentence": Action(
            make=_say, path=MESSAGES, reports=False, setup=_set_up_assist
        ),
    },
    "Changes of a chat": {
        "`update_chat`": Action(
            make=_change("update_chat", is_pinned=True, title="Kim at work"),
            method="PATCH",
            **SET,
            **NEWER,
        ),
        "`update_chat`: archive": Action(
            make=_change("update_chat", is_archived=True), bare=True, **SET
        ),
        "`mark_read`": Action(make=_change("mark_read"), **SET, **NEWER),
        "`mark_unread`": Action(make=_change("mark_unread"), **SET, **NEWER),
        "`set_reminder`": Action(
            make=_change("set_reminder", remind_at=LATER), bare=True, proof=2, **SET
        ),
        "`clear_reminder`": Action(
            make=_change("clear_reminder"),
            method="DELETE",
            bare=True,
            proof=2,
            **SET,
        ),
    },
    "Changes of a message, and of what Beeper shows": {
        "`edit_message`": Action(
            make=_change_message("edit_message", message="Second *try*"),
            method="PUT",
            **SET,
            **REACTION | {"needs": "4.2.509"},
        ),
        "`delete_message`": Action(
            make=_change_message("delete_message", for_everyone=True),
            method="DELETE",
            bare=True,
            **SET,
            **NEWER,
        ),
        "`add_reaction`": Action(
            make=_change_message("add_reaction", reaction=THUMB), **SET, **REACTION
        ),
        "`remove_reaction`": Action(
            make=_change_message("remove_reaction", reaction=THUMB),
            method="DELETE",
            **SET,
            **REACTION,
        ),
        # What these two did cannot be read, and only one of them reaches a person.
        "`notify_anyway`": Action(
            make=_notify_anyway,
            **SET | {"repeats": False},
            **NEWER | {"proof": None},
        ),
        "`focus`": Action(make=_focus, proof=None, **SET | {"path": "/v1/focus"}),
    },
}
ACTIONS = {name: action for table in TABLES.values() for name, action in table.items()}


# How it has to end


def age(profile: str) -> int:
    """Return the generation of a profile."""
    return 1 if profile == "easymatrix" else PROFILES.index(profile)


def expected(action: Action, fault: Fault, profile: str) -> Cell | None:
    """Return the required outcome of a cell; None if the cell does not exist."""
    if fault.group == "stream":
        return None if profile == "4.1.294" else ("done", 1)  # It has no stream.
    if fault.group == "harmless":
        return "done", 1
    if fault.group == "absent" and action.path == START and profile == "easymatrix":
        return "done", 1  # It reports no version, so another way is tried.
    if fault.group in ("refused", "absent") or not action.reaches:
        return "not done", 0
    if fault.group == "lost":
        return "unknown", 0
    if fault.group == "late":
        return "unknown", 1
    body = fault.options.get("body")
    # The status alone reports success.
    if (action.agrees and body in ("", {})) or is_whole(action, fault, profile):
        return "done", 1
    return (found(action) if is_provable(action, profile) else "unknown"), 1


def is_provable(action: Action, profile: str) -> bool:
    """Tell whether reading can show that it was done."""
    return action.proof is not None and age(profile) >= action.proof


def found(action: Action) -> str:
    """Return how it ends if reading shows that it was done."""
    return "recovered" if action.reports else "done"


def is_whole(action: Action, fault: Fault, profile: str) -> bool:
    """Tell whether half of an answer is all of it, as it has no body."""
    return (
        action.bare and profile != "easymatrix" and fault.kind in ("cut", "stall_body")
    )


# The cells


@pytest.fixture(scope="module")
def cells() -> Iterator[dict[Key, Cell]]:
    """Return the results by cell."""
    with reliability.results("faults", all_expected, rendered) as collected:
        yield collected


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    simulator: Simulator,
    profile: str,
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
    tmp_path: Path,
) -> Bench:
    """Return a server of which nothing is limited, and that is looked at at once."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0,))
    monkeypatch.setattr(first_message, "_EXISTING_DELAYS", (0,))
    monkeypatch.setattr(first_message, "_NEW_DELAYS", (0,))
    monkeypatch.setattr(recipient_queue, "_REMEMBERED_FOR", 0)
    pauses = (0.005, 0.005) if "ws" in simulator.profile.features else (60, 60)
    monkeypatch.setattr(coordinator, "_RECONNECT_DELAYS", pauses)
    entry = add_entry(hass, simulator.url, chats_per_hour=0, duplicate_window=0)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    simulator.confirm_after = 0  # Older servers show no message before.
    # Polling would add reads that other tests cover.
    for account in simulator.world.accounts.values():
        account.emits_events = False
    return Bench(
        hass=hass,
        simulator=simulator,
        entry=entry,
        skip=skip_time,
        folder=tmp_path,
        profile=profile,
    )


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ACTIONS)
async def test_at_most_once_and_truthfully(
    bench: Bench, cells: dict[Key, Cell], profile: str, name: str
) -> None:
    action = ACTIONS[name]
    if action.setup:
        await action.setup(bench)
    call = action.make(bench)
    if age(profile) < action.since:
        # The versions of Beeper mean nothing to users of another server.
        says = "this server cannot" if profile == "easymatrix" else action.needs
        with pytest.raises(HomeAssistantError, match=says) as refused:
            await call()
        assert str(refused.value).startswith("Nothing was")
        assert not bench.simulator.executed
        cells[name, "", profile] = "not done", 0
        return
    assert await outcome_of(call()) == "done"  # Of two ways, it knows the right one.

    ended: dict[str, Cell | str] = {}
    wanted: dict[str, Cell | None] = {}
    for fault in FAULTS:
        if (cell := expected(action, fault, profile)) is None:
            continue
        if fault.kind == "drop_reused":
            bench.number += 1
            assert await outcome_of(action.make(bench)()) == "done"
        wanted[fault_id(fault)] = cell
        ended[fault_id(fault)] = cells[name, fault_id(fault), profile] = await try_with(
            bench, action, fault
        )
        if fault.group == "absent":  # What this taught of the routes is not to last.
            assert await bench.hass.config_entries.async_reload(bench.entry.entry_id)
            bench.number += 1
            assert await outcome_of(action.make(bench)()) == "done"
    assert ended == wanted


async def try_with(bench: Bench, action: Action, fault: Fault) -> Cell:
    """Let a fault strike a call that is new; if it ends as unknown, call it again."""
    simulator = bench.simulator
    bench.number += 1
    call = action.make(bench)
    before = len(simulator.requests)

    def asked() -> list[Received]:
        return [
            request
            for request in simulator.requests[before:]
            if request.method != "GET" and not request.path.startswith("/oauth")
        ]

    def ran() -> bool:
        return any(
            request.executed and fnmatchcase(request.path, action.path)
            for request in asked()
        )

    if fault.kind == "away":
        await simulator.stop()
        outcome = await outcome_of(call())
        await simulator.start()
    else:
        outcome = await struck(bench, action, fault, call, ran)
    if fault.group == "late" and action.reaches:
        bench.skip(LONG["seconds"])
        await until(ran)
    if outcome == "unknown" and not action.repeats:
        late = fault.group == "late" and is_provable(action, bench.profile)
        assert await outcome_of(call()) == (found(action) if late else "unknown"), fault
    reaching = [request for request in asked() if request.path != UPLOAD]
    assert len(asked()) - len(reaching) <= 1, fault
    # A route that the server lacks does not count as an attempt.
    other_way = fault.group == "absent" and outcome == "done"
    assert len(reaching) <= action.steps + other_way, fault
    return outcome, sum(
        request.executed
        for request in reaching
        if action.steps == 1 or counts(action, request)
    )


def counts(action: Action, request: Received) -> bool:
    """Return whether a request of a call with two steps is the one that is struck."""
    is_message = fnmatchcase(request.path, MESSAGES)
    return is_message is (action.path == MESSAGES)


async def struck(
    bench: Bench, action: Action, fault: Fault, call: Call, ran: Callable[[], bool]
) -> str:
    """Return how a call ends that a fault strikes, without waiting for any time-out."""
    simulator = bench.simulator
    where = {"method": action.method, "path": action.path}
    if fault.group == "stream":
        await until(lambda: simulator.hub.connections)
        held = simulator.faults.add("delay", **where, seconds=5)
        task = bench.hass.async_create_task(outcome_of(call()))
        await until(lambda: held.hits)
        strike = simulator.faults.add(fault.kind, **fault.options)
        if fault.kind == "ws_refuse":
            simulator.faults.add("ws_close")
        await until(lambda: strike.hits)
        bench.skip(5)
    else:
        strike = simulator.faults.add(fault.kind, **where, **fault.options)
        task = bench.hass.async_create_task(outcome_of(call()))
        if "seconds" in fault.options and not is_whole(action, fault, bench.profile):
            await until(lambda: strike.hits and (fault.kind == "delay" or ran()))
            bench.skip(
                fault.options["seconds"]
                if fault.group == "harmless"
                else action.timeout + 1
            )
    outcome = await task
    if fault.kind == "stall_body":  # No other request may use this connection.
        strike.end()
        await until(lambda: strike.over)
        for _ in range(5):  # Home Assistant reads that it is closed.
            await asyncio.sleep(0)
    assert strike.hits, fault
    simulator.faults.clear()
    return outcome


def fault_id(fault: Fault) -> str:
    return f"{fault.group}: {fault.label}"


# The document


def all_expected() -> dict[Key, Cell]:
    """Return the required outcomes of all cells."""
    return {
        (name, fault_id(fault), profile): cell
        for name, action in ACTIONS.items()
        for profile in PROFILES
        if age(profile) >= action.since
        for fault in FAULTS
        if (cell := expected(action, fault, profile))
    } | {
        (name, "", profile): ("not done", 0)
        for name, action in ACTIONS.items()
        for profile in PROFILES
        if age(profile) < action.since
    }


SERVERS = dict(zip(PROFILES, (*PROFILES[:3], "4.3", "EasyMatrix"), strict=True))


def rendered(cells: dict[Key, Cell]) -> str:
    """Return the tables of the document."""
    lines = ["### The faults", "", "| | |", "|---|---|"]
    for group, title in GROUPS.items():
        faults = [fault for fault in FAULTS if fault.group == group]
        lines.append(f"| {title} | {_list(faults, kinds=True)} |")
    for heading, actions in TABLES.items():
        needs = [action.needs for action in actions.values()]
        lines += [
            "",
            f"### {heading}",
            "",
            "| | " + " | ".join(actions) + " |",
            "|---" * (len(actions) + 1) + "|",
            *(["| From Beeper | " + " | ".join(needs) + " |"] if any(needs) else []),
        ]
        rows: dict[tuple[Group, *tuple[str, ...]], list[Fault]] = {}
        for fault in FAULTS:
            ends = (shown(cells, name, fault_id(fault)) for name in actions)
            rows.setdefault((fault.group, *ends), []).append(fault)
        groups = Counter(group for group, *_ in rows)
        for (group, *row), faults in rows.items():
            labels = f": {_list(faults)}" if groups[group] > 1 else ""
            lines.append(f"| {GROUPS[group]}{labels} | " + " | ".join(row) + " |")
    counts = Counter(outcome for outcome, _ in cells.values())
    outcomes = ", ".join(f"{counts[key]} {key}" for key in sorted(counts))
    twice = sum(executions > 1 for _, executions in cells.values())
    return "\n".join(
        [
            *lines,
            "",
            f"{len(cells)} cells: {outcomes}. Carried out more than once: {twice}.",
            "",
        ]
    )


def _list(faults: list[Fault], *, kinds: bool = False) -> str:
    """Return the faults' names, those of one kind together."""
    by_kind: dict[str, list[str]] = {}
    for fault in faults:
        by_kind.setdefault(fault.kind, []).append(fault.label)
    return "; ".join(
        ", ".join(labels) + (f" (`{kind}`)" if kinds and kind in KINDS else "")
        for kind, labels in by_kind.items()
    ).replace(", HTTP ", ", ")


def shown(cells: dict[Key, Cell], name: str, fault: str) -> str:
    """Return how all servers end, and those that end otherwise."""
    ends = {
        SERVERS[profile]: "{} ×{}".format(*cells[name, fault, profile])
        for profile in PROFILES
        if (name, fault, profile) in cells
    }
    [(usual, _)] = Counter(ends.values()).most_common(1)
    text = usual
    for other in dict.fromkeys(ends.values()):
        if other != usual:
            servers = [server for server, end in ends.items() if end == other]
            text += f"; {', '.join(servers)}: {other}"
    return text


@pytest.mark.skipif(reliability.WRITES, reason="It is being written")
def test_reliability_document_matches_the_results() -> None:
    assert reliability.shown("faults") == rendered(all_expected()), (
        "RELIABILITY=write scripts/test tests/robustness/test_fault_matrix.py"
    )


def test_every_fault_takes_effect() -> None:
    assert {fault.kind for fault in FAULTS} == {*KINDS, "away"}


async def test_every_changing_action_is_tested(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    # A reply is a message that takes its chat from the trigger.
    names = " ".join([*ACTIONS, "`reply`"])
    for name, action in hass.services.async_services_for_domain("beeper").items():
        reads = action.supports_response is SupportsResponse.ONLY
        assert reads is (f"`{name}`" not in names), name
