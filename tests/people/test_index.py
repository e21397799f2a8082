"""Names come from an index, and recipients are read again before use."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.api.exceptions import ForbiddenError
from custom_components.beeper.api.models import Account, ListedChat, User
from custom_components.beeper.people import index_keeper
from custom_components.beeper.people.candidates import Candidate, find_candidates
from custom_components.beeper.people.index import PeopleIndex
from custom_components.beeper.people.matching import NameQuery, rank_candidates
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat, find, searches
from tests.helpers.waiting import PATIENCE, until
from tests.helpers.world import FAMILY, KIM, chat, contact

MIA = "@whatsapp_15550101004:beeper.com"
ZOE = "@whatsapp_15550101005:beeper.com"

pytestmark = pytest.mark.index("stale")


async def names(hass: HomeAssistant, query: str, **data: Any) -> list[str]:
    matches: Any = (await find(hass, query=query, **data))["matches"]
    return [match["name"] for match in matches]


async def send(hass: HomeAssistant, recipient: str) -> None:
    await call_action(hass, "send_message", recipient=recipient, message="hi")


async def test_finding_a_name_sends_no_request(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    requests = len(simulator.requests)

    assert "Mia 🌻" in await names(hass, "mia")
    assert len(simulator.requests) == requests


async def test_an_unknown_name_is_read_anew(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@whatsapp_9:beeper.com", full_name="Oluwaseun")

    assert await names(hass, "Oluwaseun") == ["Oluwaseun"]
    assert await names(hass, "Nobody At All") == []


async def test_a_lookup_by_name_reads_no_lists(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    lists = searches(simulator)

    response = await create_chat(hass, recipient="Kim")

    assert response["chat_id"] == KIM
    assert searches(simulator) - lists <= 1


async def refused(hass: HomeAssistant, simulator: Simulator, recipient: str) -> str:
    """Return why a name is refused; nobody may have been written to."""
    with pytest.raises(ServiceValidationError) as error:
        await create_chat(hass, recipient=recipient)
    assert not simulator.executed
    return str(error.value)


@pytest.mark.parametrize("name", ["Kimberly", "Lee", ""])
async def test_a_renamed_contact_is_not_taken_for_the_old_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, name: str
) -> None:
    simulator.world.accounts["whatsapp"].contacts[MIA].full_name = name

    assert "matches no person" in await refused(hass, simulator, "Mia")


async def test_swapped_names(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contacts = simulator.world.accounts["whatsapp"].contacts
    contacts[MIA].full_name, contacts[ZOE].full_name = "Zoe", "Mia 🌻"

    await create_chat(hass, recipient="Mia")

    assert simulator.executed[0].json["user"]["id"] == ZOE


@pytest.mark.parametrize("recipient", ["Family", "Jordan Lee"])
async def test_a_renamed_chat_is_not_written_to(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    """Not even if the server sends no event, as for iMessage."""
    await send(hass, recipient)
    before = len(simulator.executed)
    for known in simulator.world.chats.values():
        if recipient in (known.title or ""):
            known.title = "Somebody else"
        for person in known.participants:
            if recipient in (person.full_name or ""):
                person.full_name = "Somebody else"

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, recipient)
    assert len(simulator.executed) == before


async def test_a_new_namesake_is_noticed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@whatsapp_9:beeper.com", full_name="Kim")

    assert "matches 2 people" in await refused(hass, simulator, "Kim")


async def test_a_new_group_of_the_same_title_is_noticed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    family = simulator.world.chats[FAMILY]
    chat(simulator, family.participants[:2], family.title)

    with pytest.raises(ServiceValidationError, match="matches 2"):
        await send(hass, "Family")


async def test_a_new_number_is_used_at_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contacts = simulator.world.accounts["whatsapp"].contacts
    contacts[MIA].phone_number = "+15550109999"

    await create_chat(hass, recipient="Mia")

    assert simulator.executed[0].json["user"]["phoneNumber"] == "+15550109999"


async def test_a_deleted_chat_is_not_used(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats.pop(FAMILY)
    simulator.world.sort()

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, "Family")


async def test_events_keep_the_index_current(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A lookup reads the chats that changed since the index was last brought up to date."""
    family = simulator.world.chats[FAMILY]
    family.title = "Cousins"
    lists = searches(simulator)
    seen = len(simulator.requests)
    simulator.world.changed(family)
    await until(
        lambda: any(FAMILY in request.path for request in simulator.requests[seen:])
    )

    assert await names(hass, "Cousins") == ["Cousins"]
    assert searches(simulator) == lists
    simulator.world.delete_chat(family)
    await until(lambda: is_changed(loaded))
    assert "Cousins" not in await names(hass, "Cousins")


async def test_many_events_are_not_read_one_by_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for number in range(60):
        loaded.runtime_data.directory.index.note_change(f"!{number}:beeper.com")
    seen = len(simulator.requests)

    assert "Mia 🌻" in await names(hass, "mia")
    assert len(simulator.requests) - seen < 10


async def test_removed_chats_and_contacts_leave_the_index(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_keeper, "_MIN_INTERVAL", 0)
    del simulator.world.accounts["whatsapp"].contacts[MIA]
    simulator.world.delete_chat(simulator.world.chats[FAMILY])
    keeper = loaded.runtime_data.directory.index
    keeper.read_again()
    await keeper.async_update()
    requests = len(simulator.requests)

    assert "Kim" in await names(hass, "Kim")
    assert len(simulator.requests) == requests
    assert await names(hass, "Mia") == []
    assert await names(hass, "Family") == []


async def test_a_token_that_expires_while_a_changed_chat_is_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The answer says nothing about the chat, so it stays in the index."""
    keeper = loaded.runtime_data.directory.index
    keeper.note_change(FAMILY)
    simulator.faults.add("status_before", path=f"/v1/chats/{FAMILY}", status=403)
    with pytest.raises(ForbiddenError):
        await keeper.async_update()

    assert "Family 🏡" in await names(hass, "Family")


async def test_a_hanging_chat_delays_no_other(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_keeper, "_CHAT_TIMEOUT", 0.2)
    simulator.faults.add("delay", path=f"/v1/chats/{FAMILY}", times=100, seconds=60)
    loaded.runtime_data.directory.index.note_change(FAMILY)

    async with asyncio.timeout(PATIENCE):
        assert "Mia 🌻" in await names(hass, "mia")
        assert "Mia 🌻" in await names(hass, "mia")


async def test_missed_events_and_other_accounts_make_it_read_anew(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[FAMILY].title = "Cousins"
    loaded.runtime_data.directory.index.invalidate()
    assert await names(hass, "Family") == []
    assert await names(hass, "Cousins") == ["Cousins"]

    await loaded.runtime_data.directory.index.async_update()
    simulator.world.accounts["telegram"].status = "disconnected"
    await loaded.runtime_data.async_refresh()
    lists = searches(simulator)
    assert "Mia 🌻" in await names(hass, "mia")
    assert searches(simulator) > lists


@pytest.mark.index("cold")
async def test_the_index_is_built_in_the_background(
    hass: HomeAssistant,
    simulator: Simulator,
    entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A first attempt that fails is repeated."""
    monkeypatch.setattr(index_keeper, "START_DELAY", 0.01)
    monkeypatch.setattr(index_keeper, "_EVENT_DELAY", 0.01)
    monkeypatch.setattr(index_keeper, "_MIN_INTERVAL", 0.05)
    simulator.faults.add("status_before", path="/contacts/list", status=401)
    await hass.config_entries.async_setup(entry.entry_id)
    keeper = entry.runtime_data.directory.index
    ids = index_keeper.account_ids(entry.runtime_data.server)

    async def is_built() -> bool:
        return await keeper.async_get(ids) is not None

    async with asyncio.timeout(PATIENCE):
        while not await is_built():
            await asyncio.sleep(0.01)
    lists = searches(simulator)
    assert "Mia 🌻" in await names(hass, "mia")
    assert searches(simulator) == lists


def is_changed(entry: MockConfigEntry) -> bool:
    return bool(entry.runtime_data.directory.index._changed)


ACCOUNTS = tuple(
    Account.from_dict(
        {
            "accountID": account_id,
            "network": account_id,
            "user": {"id": f"@me-{account_id}:x", "isSelf": True},
        }
    )
    for account_id in ("a", "b")
)
WORDS = st.sampled_from(
    [
        "Kim",
        "KÍM",
        "Lee",
        "kim-lee",
        "J.R.",
        "@home",
        "🦄",
        "5601",
        "東京",
        "O’Neil",
        ".",
    ]
)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
USERS = st.builds(
    lambda number, name, phone, handle: User(
        id=f"@user{number}:x",
        full_name=name,
        phone_number=phone,
        username=handle,
    ),
    st.integers(1, 6),
    st.none() | NAMES,
    st.none() | st.sampled_from(["+15550101002", "+15550101003", "+493012345678"]),
    st.none() | st.sampled_from(["kim", "lee_kim", "@jr"]),
)


def listed_chat(
    number: int, title: str | None, kind: str, people: Iterable[User], merged: int
) -> ListedChat:
    return ListedChat(
        id=f"!chat{number}:x",
        local_id=str(5600 + number),
        account_id="ab"[number % 2],
        network=None,
        title=title,
        type=kind,
        participants=(*people, User(id=f"@me-{'ab'[number % 2]}:x", is_self=True)),
        last_activity=datetime.fromtimestamp(number, tz=UTC),
        merged_into_id=f"!chat{merged}:x" if merged == number + 1 else None,
        merged_ids=(),
    )


CHATS = st.builds(
    listed_chat,
    st.integers(1, 9),
    st.none() | NAMES,
    st.sampled_from(["single", "single", "group"]),
    st.lists(USERS, max_size=2),
    st.integers(1, 9),
)
QUERIES = NAMES | st.sampled_from(
    ["+15550101002", "@kim", "@jr", "5601", "@user1:x", "!chat2:x", "555", "user", "k"]
)


def shown(candidates: Iterable[Candidate], query: NameQuery) -> list[Any]:
    return sorted(
        (
            rank,
            found.account_id,
            found.chat.id if found.chat else "",
            sorted(user.id for user in found.users),
            found.is_deserted,
        )
        for rank, found in rank_candidates(candidates, query)
    )


@given(
    chats=st.lists(CHATS, max_size=8),
    contacts=st.lists(st.tuples(st.sampled_from("ab"), USERS), max_size=8),
    removed=st.lists(st.integers(1, 9), max_size=3),
    text=QUERIES,
    spoken=st.booleans(),
)
def test_the_index_finds_all_matches(
    chats: list[ListedChat],
    contacts: list[tuple[str, User]],
    removed: list[int],
    text: str,
    spoken: bool,
) -> None:
    index = PeopleIndex(ACCOUNTS)
    for listed in chats:
        index.set_chat(listed)
    for account_id, user in contacts:
        index.set_contact(account_id, user)
    for number in removed:
        index.remove_chat(f"!chat{number}:x")
    gone = {f"!chat{number}:x" for number in removed}
    known = {listed.id: listed for listed in chats if listed.id not in gone}
    people = {
        (account_id, user.id): (account_id, user) for account_id, user in contacts
    }
    query = NameQuery.from_text(text, spoken=spoken)

    everything = find_candidates(
        ACCOUNTS,
        [chat for chat in known.values() if chat.merged_into_id not in known],
        people.values(),
    )

    found = index.candidates(query, None, contacts=True)
    assert shown(found, query) == shown(everything, query)
