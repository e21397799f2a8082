"""Nobody but the person whose identity was stated is written to.

People, IDs, handles, numbers and names collide across networks and servers. Each call is
compared with rules that are written here anew, from the documentation.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
import re
from typing import Any

from hypothesis import strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import first_message
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from simulator.model import Person
from tests.helpers.fuzzing import EXAMPLES, throw
from tests.helpers.talking import say
from tests.helpers.world import PROFILES

ACCOUNTS = ["matrix", "whatsapp"]
NUMBER, OTHER_NUMBER = "+15550101002", "+15550101003"
IDS = [
    "@15550101002:one.org",
    "@15550101002:two.org",
    "@whatsapp_15550101002:beeper.com",
    "@whatsapp_15550101002:one.org",
    "@whatsapp_lid-15550101002:beeper.com",
    "15550101002",
    "15550101003",
    "@kim:one.org",
    "@kim:two.org",
    "kim",
    "7",
]
NAMES = [
    "Kim",
    "KIM",
    "Kim Lee",
    "Kimberly",
    "🦄 Kim",
    "Dr. Kim Lee-Park",
    "7",
    NUMBER,
    "15550101002",
    "@kim:one.org",
    "kim@one.org",
]
FIELDS = {
    "id": "id",
    "phoneNumber": "phone_number",
    "email": "email",
    "username": "username",
}
OTHER_ACTIONS: list[dict[str, Any]] = [
    {"action": "ask_question", "message": "hi", "timeout": 0.001},
    {"action": "notify_anyway"},
    {"action": "mark_read"},
    {"action": "say"},
]
"""What also reaches the person of a chat; `say` is a spoken sentence."""

TEXTS = [*IDS, *NAMES, "Ki", "Lee", "Lee-Park", "one", "org", "@kim", OTHER_NUMBER]


def maybe(*values: str) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


people = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(ACCOUNTS),
        "id": st.sampled_from(IDS),
        "full_name": maybe(*NAMES),
        "phone_number": maybe(NUMBER, OTHER_NUMBER),
        "username": maybe("kim", "Kim Lee", "15550101002", "7"),
        "email": maybe("kim@one.org"),
        "chats": st.sampled_from([0, 1, 1, 2]),
    }
)
user = st.one_of(
    st.builds(lambda text: {"id": text}, st.sampled_from(IDS)),
    st.builds(
        lambda text: {"phone_number": text}, st.sampled_from([NUMBER, OTHER_NUMBER])
    ),
    st.just({"username": "kim"}),
    st.just({"email": "kim@one.org"}),
)
single = st.fixed_dictionaries(
    {"type": st.just("single"), "if_exists": st.sampled_from(["create", "reuse"])}
)
texts = st.sampled_from(TEXTS)
others = st.builds(
    lambda text, action, choice: {"recipient": text, "choice": choice, **action},
    texts,
    st.sampled_from(OTHER_ACTIONS),
    st.integers(0, 50),
)
calls = st.tuples(
    st.sampled_from(ACCOUNTS),
    st.one_of(
        st.builds(lambda text: {"recipient": text}, texts),
        st.builds(lambda text, more: {"participants": [text], **more}, texts, single),
        st.builds(
            lambda text, more: {"participant_ids": [text], **more},
            st.sampled_from([*IDS, NUMBER]),
            single,
        ),
        st.builds(lambda user: {"user": user}, user),
        st.builds(lambda text: {"recipient": text, "message": "hi"}, texts),
        st.builds(lambda text: {"recipient": text, "message": "hi"}, texts),
        *[others] * 3,
    ),
    st.booleans(),
)
worlds = st.tuples(
    st.lists(
        people,
        min_size=2,
        max_size=10,
        unique_by=lambda who: (who["account_id"], who["id"]),
    ),
    st.lists(calls, min_size=1, max_size=3),
)


@dataclass
class Target:
    """The identity in a call, and who in an account it can mean."""

    account_id: str
    kind: str
    text: str
    people: list[Person]
    titles: dict[str, str]
    """Titles of direct chats, by the ID of the person."""

    def is_meant(self, person: Person) -> bool:
        """Return whether a person is stated; two contacts with one number are one."""
        return self.is_stated(person) or any(
            self.are_one(person, other) and self.is_stated(other)
            for other in self.people
        )

    def is_stated(self, person: Person) -> bool:
        """Return whether a person is stated, and by a name nobody else as well."""
        if self.identifies(person):
            return True
        if self.kind != "any" or self.is_identity:
            return False
        for named in (self.is_named, self.has_words):
            if same := [other for other in self.people if named(other)]:
                return person in same and all(
                    other is person or self.are_one(person, other) for other in same
                )
        return False

    @property
    def field(self) -> str:
        """The field of the API for the identity; `name` for none."""
        if self.kind != "any":
            return next(key for key, kind in FIELDS.items() if kind == self.kind)
        if self.text[0] == "+":
            return "phoneNumber"
        return "email" if "@" in self.text[1:] and self.text[0] != "@" else "name"

    @property
    def is_identity(self) -> bool:
        return self.text[0] in "@+" or "@" in self.text

    def identifies(self, person: Person) -> bool:
        """Return whether the identity, which is unique in a network, is theirs."""
        text, kind = self.text, self.kind
        return (
            (kind in ("id", "any") and self.same_id(person.id, text))
            or (
                (kind == "phone_number" or text.startswith("+"))
                and text in (person.phone_number, self.number(person.id))
            )
            or (
                kind in ("id", "any")
                and self.number(text) is not None
                and self.number(text) == person.phone_number
            )
            or (kind in ("email", "any") and text == person.email)
            or (
                (kind == "username" or (kind == "any" and text[0] == "@"))
                and (person.username or "").lower() == text.removeprefix("@").lower()
            )
        )

    def is_named(self, person: Person) -> bool:
        names = (person.full_name, person.username, self.titles.get(person.id))
        return self.text == person.id or self.text.lower() in [
            name.lower() for name in names if name
        ]

    def has_words(self, person: Person) -> bool:
        text = re.escape(self.text.lower())
        return not self.text.isdigit() and any(
            re.search(rf"(?<!\w){text}(?!\w)", name.lower())
            for name in (person.full_name, self.titles.get(person.id))
            if name and "@" not in name
        )

    def number(self, user_id: str) -> str | None:
        """Return the number in an ID of WhatsApp's bridge."""
        digits = re.fullmatch(
            r"(?:@whatsapp_(\d+):beeper\.com|@(\d+):local-whatsapp\.localhost|(\d+))",
            user_id,
        )
        if self.account_id != "whatsapp" or digits is None:
            return None
        return f"+{digits[1] or digits[2] or digits[3]}"

    def same_id(self, first: str, second: str) -> bool:
        number = self.number(first)
        return first == second or (number is not None and number == self.number(second))

    def are_one(self, first: Person, second: Person) -> bool:
        if self.same_id(first.id, second.id):
            return True
        numbers = {
            person.phone_number or self.number(person.id) for person in (first, second)
        }
        return len(numbers) == 1 and numbers != {None}


@dataclass
class Attempts:
    """Calls in newly built worlds, and the chats that they reached."""

    hass: HomeAssistant
    simulator: Simulator
    chosen: set[tuple[str, str, str]] = field(default_factory=set)
    """Field and text of an identity, and the chat that the server started for it."""
    others: set[str] = field(default_factory=set)
    """Other actions that reached somebody."""
    sent: int = 0
    recovered: int = 0

    async def run(self, example: Any) -> None:
        rows, attempts = example
        world = self.simulator.world
        await asyncio.sleep(4 * world.confirm_after)
        for chat in [*world.chats.values()]:
            world.delete_chat(chat)
        for account_id in ACCOUNTS:
            world.accounts[account_id].contacts.clear()
        for row in rows:
            fields = {**row}
            account = world.accounts[fields.pop("account_id")]
            chats = fields.pop("chats")
            person = Person(**fields)
            account.contacts[person.id] = person
            for _ in range(chats):
                world.add_chat(account, [person])
        for account_id, data, lost in attempts:
            await self.call(account_id, data, lost=lost)

    async def call(self, account_id: str, data: dict[str, Any], *, lost: bool) -> None:
        world = self.simulator.world
        people = [*world.accounts[account_id].contacts.values()]
        if "action" in data:
            await self.call_other(account_id, **data)
            return
        if "message" in data:
            action = "send_message"
            people = [
                chat.participants[0]
                for chat in world.chats.values()
                if chat.account_id == account_id
            ]
        else:
            action = "create_chat"
            # Without a text, a chat alone is the result that is found.
            data = data if lost else {**data, "message_text": "hi"}
        titles = {
            chat.participants[0].id: chat.title
            for chat in world.chats.values()
            if chat.account_id == account_id
        }
        target = Target(account_id, *stated(data), people, titles)
        before = len(self.simulator.executed)
        self.simulator.faults.clear()
        if lost:
            self.simulator.faults.add("drop_before", method="POST", path="/v1/chats*")
        try:
            response: Any = await self.hass.services.async_call(
                "beeper",
                action,
                {**data, "account_id": account_id, "allow_repeat": True},
                blocking=True,
                return_response=True,
            )
        except HomeAssistantError:
            response = None
        started = False
        for request in self.simulator.executed[before:]:
            if started and request.path.endswith("/messages"):
                self.chosen.add((target.field, target.text, request.path.split("/")[3]))
            started |= stated_by(request.json) == {target.field: target.text}
            self.check(target, request.path, request.json)
        if started and response:
            self.chosen.add((target.field, target.text, response["chat_id"]))
        if response and response["recovered"]:
            person = world.chat(response["chat_id"]).participants[0]
            assert target.is_meant(person), (target, person)
            self.recovered += 1

    async def call_other(
        self, account_id: str, action: str, choice: int, **data: Any
    ) -> None:
        """Call an action that only existing chats have, or say a sentence.

        Most recipients are somebody's: `choice` selects one.
        """
        world = self.simulator.world
        if action == "say":
            account_id = "whatsapp"  # Only its name is understood as a network's.
        chats = [chat for chat in world.chats.values() if chat.account_id == account_id]
        people = [chat.participants[0] for chat in chats]
        if action == "say":
            people += world.accounts[account_id].contacts.values()
        titles = {chat.participants[0].id: chat.title for chat in chats}
        known = [
            text
            for person in people
            for text in (person.id, person.full_name, person.phone_number, person.email)
            if text
        ]
        data["recipient"] = [*known, data["recipient"]][choice % (len(known) + 1)]
        target = Target(account_id, *stated(data), people, titles)
        before = len(self.simulator.executed)
        self.simulator.faults.clear()
        with suppress(HomeAssistantError):
            if action == "say":
                # Each text once: a spoken one that was lost is not sent again.
                words = f"{target.text} via WhatsApp saying hi {before}"
                await say(self.hass, f"Send a text to {words}")
            else:
                data["account_id"] = account_id
                await self.hass.services.async_call(
                    "beeper", action, data, blocking=True, return_response=True
                )
        for request in self.simulator.executed[before:]:
            self.check(target, request.path, request.json)
            self.others.add(action)

    def check(self, target: Target, path: str, body: Any) -> None:
        """Check who a request that was carried out reaches."""
        world = self.simulator.world
        if path.count("/") == 4:
            chat_id = path.split("/")[3]
            # The server knows who an identity is, and the chat is remembered.
            if (target.field, target.text, chat_id) in self.chosen:
                return
            [person, me] = world.chat(chat_id).participants
            assert me.is_self or me is world.accounts[target.account_id].user
            assert target.is_meant(person), (target, person)
            self.sent += 1
            return
        user = stated_by(body)
        # An identity that the call states is the server's to resolve.
        if user == {target.field: target.text}:
            return
        if target.is_identity and not any(
            target.same_id(person.id, user.get("id", "")) for person in target.people
        ):
            return  # A stranger, whose number the network knows.
        # Each identity that was found for a name is that of somebody who is meant.
        known = [*target.people, *world.accounts[target.account_id].contacts.values()]
        for key, value in user.items():
            owners = [
                person for person in known if getattr(person, FIELDS[key]) == value
            ]
            assert any(map(target.is_meant, owners)), (target, user)


def stated_by(body: Any) -> dict[str, str]:
    """Return the identities that a request states, empty without any."""
    ids = body.get("participantIDs", [])
    user: dict[str, str] = body.get("user") or ({"id": ids[0]} if ids else {})
    return user


def stated(data: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of identity that a call states, and its text."""
    if "user" in data:
        [(kind, text)] = data["user"].items()
        return kind, text
    if "recipient" in data:
        return "any", data["recipient"]
    if "participants" in data:
        return "any", data["participants"][0]
    return "id", data["participant_ids"][0]


@pytest.fixture
async def attempts(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    assist: None,
    quick_recovery: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Attempts:
    monkeypatch.setattr(first_message, "_NEW_DELAYS", (0, 0.05))
    monkeypatch.setattr(first_message, "_EXISTING_DELAYS", (0, 0.05))
    hass.config_entries.async_update_entry(
        loaded, options={"chats_per_hour": 0, "duplicate_window": 0}
    )
    await hass.async_block_till_done()
    simulator.world.confirm_after = 0.005
    return Attempts(hass, simulator)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_only_the_stated_person_is_written_to(
    hass: HomeAssistant, attempts: Attempts
) -> None:
    await throw(hass, worlds, attempts.run, EXAMPLES // 2, shrink=False)

    # It would prove nothing if all calls were refused.
    assert attempts.sent > 1
    assert attempts.recovered > 0
    assert attempts.others


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("other_id", ["@15550101002:one.org", "15550101003", "7"])
@pytest.mark.parametrize("if_exists", ["create", "reuse", "refuse"])
async def test_the_reported_number_outweighs_the_one_in_the_id(
    attempts: Attempts, simulator: Simulator, other_id: str, if_exists: str
) -> None:
    """The chat is with the person whose number stands in the ID of another."""
    kim = {"id": "15550101002", "full_name": "Kim", "phone_number": OTHER_NUMBER}
    other = {"id": other_id, "full_name": "Robin", "phone_number": NUMBER}
    common = {"account_id": "whatsapp", "username": None, "email": None}
    data = {"participants": ["Kim"], "type": "single", "if_exists": if_exists}

    await attempts.run(
        (
            [{**common, **kim, "chats": 0}, {**common, **other, "chats": 1}],
            [("whatsapp", data, False)],
        )
    )

    [request] = [run for run in simulator.executed if run.path == "/v1/chats"]
    assert request.json["participantIDs"] == ["15550101002"]
