"""Finding people and chats, in a world that is made to confuse."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.faults import Fault
from simulator.model import Person
from tests.helpers.actions import find, searches
from tests.helpers.cells import cells
from tests.helpers.labels import plain
from tests.helpers.servers import add_entry
from tests.helpers.world import PROFILES, chat, contact, ten_thousand


async def names(hass: HomeAssistant, query: str, **data: Any) -> list[tuple[str, str]]:
    """Return the rank and the name of each match."""
    matches: Any = (await find(hass, query=query, **data))["matches"]
    return [(match["match"], match["name"]) for match in matches]


@pytest.mark.parametrize("profile", PROFILES)
async def test_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await find(hass, query="mia", account_id="whatsapp")

    assert response == {
        "count": 1,
        "matches": [
            {
                "match": "words",
                "kind": "person",
                "name": "Mia 🌻",
                "network": "whatsapp" if profile == "4.2.557" else "WhatsApp",
                "account_id": "whatsapp",
                "user_id": "@whatsapp_15550101004:beeper.com",
                "phone_number": "+15550101004",
                "username": None,
                "chat_id": None,
                "local_chat_id": None,
                "last_activity": None,
            }
        ],
        "not_searched": [],
    }


@pytest.mark.index("cold", "warm")
async def test_same_names_on_several_networks(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A person with a direct chat is there once, by the chat that was last active."""
    kim = contact(simulator, "@signal_9:beeper.com", "signal", full_name="KIM")
    group = chat(simulator, [kim], "Kim", "signal")

    response = await find(hass, query="kim")

    found = {(match["account_id"], match["kind"]) for match in response["matches"]}
    assert found == {
        ("whatsapp", "person"),
        ("local-whatsapp_ba_Sample", "person"),
        ("signal", "person"),
        ("signal", "group"),
    }
    assert {match["match"] for match in response["matches"]} == {"exact"}
    assert response["count"] == 4
    (first, *_, last) = response["matches"]
    assert first["chat_id"] == group.id
    assert last["user_id"] == kim.id
    assert (last["chat_id"], last["last_activity"]) == (None, None)


@cells
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("jose nunez", "José Núñez"),
        ("JOSÉ  NÚÑEZ", "José Núñez"),
        ("Jose\u0301 Nu\u0301n\u0303ez", "José Núñez"),
        ("strasse", "Straße"),
        ("ilkay", "İlkay"),
        ("Чебурашка Йод", "чебурашка йод"),
        ("\u2068נועה לוי\u2069", "נועה לוי"),
        ("❤", "❤\ufe0f"),
        ("ａｄａ", "Ada"),
        ("محمد", "مُحَمَّد"),
    ],
)
async def test_case_accents_and_spaces_do_not_matter(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    query: str,
    name: str,
) -> None:
    if name != "נועה לוי":
        contact(simulator, "@whatsapp_1:beeper.com", full_name=name)

    assert await names(hass, query) == [("exact", name)]


@cells
@pytest.mark.parametrize(
    ("query", "name"), [("か", "が"), ("कुल", "कल"), ("Kim 2", "Kim 3")]
)
async def test_letters_matter(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    query: str,
    name: str,
) -> None:
    contact(simulator, "@whatsapp_1:beeper.com", full_name=name)

    assert await names(hass, query) == []


async def test_exact_before_words_before_parts(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    names_ = ("Susanna", "Dr. Anna", "Annabelle", "Anna", "Sue")
    for number, name in enumerate(names_):
        contact(simulator, f"@whatsapp_{number}:beeper.com", full_name=name)
    contact(
        simulator, "@slack_9:beeper.com", "slackgo.TEAM-USER", username="hannah.anna"
    )

    assert await names(hass, "anna") == [
        ("exact", "Anna"),
        ("words", "Dr. Anna"),
        ("prefix", "Annabelle"),
        ("contains", "Susanna"),
        ("loose", "hannah.anna"),
    ]


@cells
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("+1 (555) 010-1004", ("identity", "Mia 🌻")),
        ("tel:+15550101004", ("identity", "Mia 🌻")),
        ("0015550101004", ("identity", "Mia 🌻")),
        ("5550101004", ("loose", "Mia 🌻")),
        (15550101004, ("loose", "Mia 🌻")),
        ("Dana@WORK.example", ("identity", "Dana Cole")),
        ("@ALEX_R", ("identity", "Alex Rivera")),
        ("alex_r", ("exact", "Alex Rivera")),
        ("@whatsapp_15550101004:beeper.com", ("identity", "Mia 🌻")),
        ("!tEamSlack:beeper.com", ("identity", "Team")),
        ("Family", ("words", "Family 🏡")),
    ],
)
async def test_find_by_every_identifier(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    query: Any,
    found: tuple[str, str],
) -> None:
    assert set(await names(hass, query)) == {found}


async def test_the_network_of_one_account_is_asked_for_strangers(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    stranger = "+1 555 010 7777"

    assert await names(hass, stranger, account_id="whatsapp") == [
        ("identity", "+15550107777")
    ]
    assert await names(hass, stranger) == []


async def test_by_the_number_of_a_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = simulator.world.chats["!fAmiLyGroUp:beeper.com"].local_id

    (match,) = (await find(hass, query=int(number)))["matches"]

    assert (match["name"], match["local_chat_id"]) == ("Family 🏡", number)
    assert (match["kind"], match["user_id"]) == ("group", None)


@cells
@pytest.mark.parametrize("query", ["@mia", "mia@example.com", "+1 555 010 8888"])
async def test_identifiers_are_not_names(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, query: str
) -> None:
    """Anybody can call themselves anything."""
    simulator.world.accounts["whatsapp"].unregistered.add("+15550108888")
    contact(simulator, "@whatsapp_1:beeper.com", full_name=query)

    assert await names(hass, query, account_id="whatsapp") == []


async def test_own_user_is_not_found(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    me = simulator.world.accounts["whatsapp"].user
    simulator.world.accounts["whatsapp"].contacts[me.id] = Person(
        id=me.id, full_name="Sam Sample"
    )

    assert await names(hass, "Sam Sample") == []


async def test_one_account(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await find(hass, query="alex", account_id="telegram")

    assert [match["network"] for match in response["matches"]] == ["Telegram"]


@cells
@pytest.mark.parametrize(("account_id", "count"), [(None, 1), ("imessage", 1)])
async def test_chats_of_an_account_that_is_not_listed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    account_id: str | None,
    count: int,
) -> None:
    response = await find(hass, query="grandma", account_id=account_id)

    assert response["count"] == count
    assert response["matches"][0]["network"] == "iMessage"
    assert response["matches"][0]["chat_id"] == "imsg##thread:15550104001"


async def test_at_most_50_are_listed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for number in range(450):
        contact(simulator, f"@whatsapp_{number}:beeper.com", full_name=f"Bob {number}")

    response = await find(hass, query="bob")

    assert response["count"] == 450
    assert len(response["matches"]) == 50


async def test_ten_thousand_chats_and_contacts_are_read_in_long_pages(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    ten_thousand(simulator)

    assert await names(hass, "contact 9999") == [("exact", "Contact 9999")]

    assert searches(simulator) < 120


async def test_network_bots_are_not_people(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The direct chat with a person stays the person's, and the bot is not listed."""
    zoe = contact(simulator, "@whatsapp_9:beeper.com", full_name="Zoe")
    bot = contact(simulator, "@whatsappbot:beeper.com", full_name="WhatsApp bridge bot")
    bot.is_network_bot = True
    direct = chat(simulator, [zoe, bot])
    direct.title = "Zoe"
    del simulator.world.accounts["whatsapp"].contacts[bot.id]

    [match] = (await find(hass, query="zoe"))["matches"]
    assert (match["kind"], match["chat_id"]) == ("person", direct.id)
    assert match["user_id"] == zoe.id
    assert await names(hass, "whatsapp bridge bot") == []


@pytest.mark.index("cold", "warm")
async def test_unsearched_account_is_reported(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="/v1/accounts/telegram/*", status=502, times=2
    )

    response = await find(hass, query="alex rivera")

    assert response["not_searched"] == ["telegram"]
    # Its chats are there all the same.
    assert {match["network"] for match in response["matches"]} == {
        "Telegram",
        "WhatsApp",
    }
    response = await find(hass, query="alex rivera", account_id="telegram")
    assert response["not_searched"] == ["telegram"]
    assert response["count"] == 1


@cells
@pytest.mark.index("cold", "warm")
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"status": 403, "body": {"code": "forbidden", "message": "missing: read"}},
            "lacks the scope read",
        ),
        ({"status": 500}, "Beeper reports an error"),
        (
            {"status": 400, "body": {"code": "VALIDATION_ERROR", "message": "Kim"}},
            "rejects",
        ),
    ],
    ids=["scope", "error", "rejected"],
)
async def test_unreadable_directory_is_an_error(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    fault: dict[str, Any],
    message: str,
) -> None:
    simulator.faults.add("status_before", path="/v1/chats/search", **fault)

    with pytest.raises(HomeAssistantError) as refused:
        await find(hass, query="kim")

    assert message in plain(refused.value)
    assert "Kim" not in str(refused.value)
    assert (await find(hass, query="kim"))["count"] == 2


@pytest.mark.index("cold")
async def test_slow_search_times_out(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
) -> None:
    add_fault("delay", path="/v1/accounts/telegram/*")

    with pytest.raises(HomeAssistantError, match="did not reply in time"):
        await find(hass, query="kim")


@pytest.mark.index("cold", "warm")
async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    with pytest.raises(HomeAssistantError, match="no longer accepts"):
        await find(hass, query="kim")
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == "reauth"


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "query is required"),
        ({"query": ""}, "query is required"),
        ({"query": " \u200b"}, "query is blank"),
        ({"query": ["kim"]}, "query takes one value, not a list"),
        ({"query": "kim", "name": "kim"}, "There is no field name"),
        ({"query": "kim", "account_id": 1.5}, "account_id must be text"),
    ],
)
async def test_invalid_call_names_the_field(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    before = len(simulator.requests)

    with pytest.raises(ServiceValidationError) as refused:
        await find(hass, **data)

    assert message in plain(refused.value)
    assert len(simulator.requests) == before


async def test_several_servers_require_a_choice(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        contact(other, "@whatsapp_1:beeper.com", full_name="Zoe")
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)

        assert await names(hass, "zoe", config_entry_id=second.entry_id)
        assert not await names(hass, "zoe", config_entry_id=loaded.entry_id)
        await hass.config_entries.async_unload(second.entry_id)
