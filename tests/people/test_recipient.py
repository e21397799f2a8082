"""Naming people instead of giving their ids: exactly one is meant, or nothing is done."""

import asyncio
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.scenes import KIM_LOCAL
from tests.helpers.actions import create_chat, find
from tests.helpers.cells import cells
from tests.helpers.labels import plain, refused as expect_refusal
from tests.helpers.world import FAMILY, KIM, PROFILES, chat, contact


async def start(hass: HomeAssistant, recipient: Any, **data: Any) -> dict[str, Any]:
    return await create_chat(hass, recipient=recipient, **data)


async def refused(hass: HomeAssistant, simulator: Simulator, **data: Any) -> str:
    """Return why a call is refused; nothing may have been sent."""
    with pytest.raises(ServiceValidationError) as error:
        await create_chat(hass, **data)
    assert not simulator.executed
    assert "Kim" not in plain(error.value)
    return plain(error.value)


@pytest.mark.parametrize("profile", PROFILES)
async def test_by_name_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await start(hass, "kim", message_text="hi")

    if profile != "4.1.294":
        assert response["chat_id"] == KIM
    assert response["recipients"] == [
        {
            "given": "kim",
            "name": "Kim",
            "id": "@whatsapp_15550101002:beeper.com",
            "phone_number": "+15550101002",
        }
    ]
    chat_id = response["chat_id"]
    assert "hi" in simulator.world.chats[chat_id].messages[-1].text


async def test_sent_request_identifies_the_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await start(hass, "נועה לוי", account_id="telegram")

    assert simulator.executed[0].json == {
        "accountID": "telegram",
        "user": {
            "id": "@telegram_7003:beeper.com",
            "username": "noa",
            "phoneNumber": "+15550102003",
        },
    }


@pytest.mark.parametrize(
    ("recipient", "user"),
    [
        ("+1 555 010 7777", {"phoneNumber": "+15550107777"}),
        ("tel:+1-555-010-7777", {"phoneNumber": "+15550107777"}),
        ("001 555 010 7777", {"phoneNumber": "+15550107777"}),
        ("+1 555 010 1002", {"phoneNumber": "+15550101002"}),
    ],
)
async def test_a_number_needs_no_contact(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    user: dict[str, str],
) -> None:
    before = len(simulator.requests)
    response = await start(hass, recipient)

    asked = {request.path for request in simulator.requests[before:]}
    assert not [path for path in asked if path.startswith("/v1/accounts/")]
    assert simulator.executed[0].json["user"] == user
    assert response["recipients"] == [
        {
            "given": user["phoneNumber"],
            "name": None,
            "id": None,
            "phone_number": user["phoneNumber"],
        }
    ]


@pytest.mark.parametrize("recipient", ["dana@work.example", "mailto:dana@work.example"])
async def test_an_address(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    await start(hass, recipient, account_id="slackgo.TEAM-USER")

    assert simulator.executed[0].json["user"] == {"email": "dana@work.example"}


@cells
@pytest.mark.parametrize("recipient", ["@alex_r", "ALEX_R", "alex  rivera", "alex"])
async def test_handle_or_partial_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    response = await start(hass, recipient, account_id="telegram")

    assert response["chat_id"] == "!aLexTeLegram:beeper.com"


async def test_the_chat_with_a_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = simulator.world.chats[KIM].local_id

    assert (await start(hass, KIM))["chat_id"] == KIM
    assert (await start(hass, int(number)))["chat_id"] == KIM


async def test_the_account_decides_between_networks(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    first = await start(hass, "Alex Rivera")
    second = await start(hass, "Alex Rivera", account_id="telegram")

    assert first["chat_id"] == "!aLexWhAtsApp:beeper.com"
    assert second["chat_id"] == "!aLexTeLegram:beeper.com"


async def test_group_is_not_a_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    mia = simulator.world.accounts["whatsapp"].contacts[
        "@whatsapp_15550101004:beeper.com"
    ]
    chat(simulator, [mia], "Kim")

    assert (await start(hass, "Kim"))["chat_id"] == KIM
    message = await refused_family(hass)
    assert "recipient matches no person" in message


async def refused_family(hass: HomeAssistant) -> str:
    with pytest.raises(ServiceValidationError) as error:
        await start(hass, "Family")
    return plain(error.value)


@pytest.mark.index("cold", "warm")
async def test_ambiguous_name_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@whatsapp_9:beeper.com", full_name="KÍM")

    message = await refused(hass, simulator, recipient="Kim")

    assert "recipient matches 2 people or chats (WhatsApp)" in message
    assert "beeper.find" in message
    matches = (await find(hass, query="Kim", account_id="whatsapp"))["matches"]
    assert len(matches) == 2
    await create_chat(hass, user={"id": matches[1]["user_id"]})
    assert simulator.executed[0].json["user"] == {"id": "@whatsapp_9:beeper.com"}


async def test_an_exact_name_wins(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    contact(simulator, "@whatsapp_8:beeper.com", full_name="Kimberly")
    contact(simulator, "@whatsapp_9:beeper.com", full_name="Not Kim")

    assert (await start(hass, "KIM"))["chat_id"] == KIM
    assert "Possible people or chats: 3 (WhatsApp)" in await refused_anew(hass, "ki")


async def refused_anew(hass: HomeAssistant, recipient: str) -> str:
    with pytest.raises(ServiceValidationError) as error:
        await start(hass, recipient)
    return str(error.value)


async def test_equal_handle_and_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Whoever calls themselves like one of the contacts gets nothing that is theirs."""
    contact(simulator, "@whatsapp_9:beeper.com", full_name="Z", username="kim")

    assert "matches 2" in await refused(hass, simulator, recipient="Kim")
    assert (await start(hass, "@kim"))["recipients"][0]["id"] == (
        "@whatsapp_9:beeper.com"
    )


async def test_partial_number_or_handle_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert "matches no person" in await refused(hass, simulator, recipient="101004")
    assert "matches no person" in await refused(
        hass, simulator, recipient="alex_", account_id="telegram"
    )


@cells
@pytest.mark.parametrize("recipient", ["Nobody", "@nobody", "!no:beeper.com", "5"])
async def test_nobody_matches(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    message = await refused(hass, simulator, recipient=recipient)

    assert "recipient matches no person" in message
    assert recipient not in message.replace("matches no person", "").split()


async def test_changing_ids_with_a_stable_number(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """Networks may know a contact by another id than the chat does."""
    contact(
        simulator,
        "@whatsapp_lid-77:beeper.com",
        full_name="Kim",
        phone_number="+15550101002",
    )

    response = await start(hass, "Kim")

    assert response["chat_id"] == KIM
    assert simulator.executed[0].json["user"] == {"phoneNumber": "+15550101002"}


@pytest.mark.parametrize(
    ("names", "user_id"),
    [
        (("Mum (home)", "Mum"), "@whatsapp_1:beeper.com"),
        (("Mum (home)", "Mum (work)"), None),
    ],
)
async def test_two_contacts_with_one_number(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    names: tuple[str, str],
    user_id: str | None,
) -> None:
    """They are one person; where both match, the number identifies the person."""
    for number, name in enumerate(names):
        contact(
            simulator,
            f"@whatsapp_{number}:beeper.com",
            full_name=name,
            phone_number="+15550108888",
        )

    response = await start(hass, "mum")

    assert response["recipients"][0]["phone_number"] == "+15550108888"
    assert simulator.executed[0].json["user"].get("id") == user_id


async def test_renamed_contact_loses_its_old_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    mia = contact(simulator, "@whatsapp_9:beeper.com", full_name="Zoe")
    assert (await find(hass, query="Zoe"))["count"] == 1
    mia.full_name = "Somebody else"

    assert "matches no person" in await refused(hass, simulator, recipient="Zoe")


async def test_the_same_recipient_again_is_a_duplicate(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    first = await start(hass, "Kim")
    second = await start(hass, "KIM")

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["recipients"][0]["given"] == "KIM"
    assert len(simulator.executed) == 1


async def test_lost_response_is_recovered_by_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_after", method="POST")

    response = await start(hass, "Kim", message_text="hi there")

    assert (response["chat_id"], response["recovered"]) == (KIM, True)


async def test_unreadable_state_stops_the_call(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("drop_before", path="/v1/accounts/*", times=5)

    with pytest.raises(HomeAssistantError, match="Nothing was done"):
        await start(hass, "Kim")
    assert not simulator.executed


# Several


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_group_of_people_by_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await create_chat(
        hass,
        participants=[
            "Kim",
            "+1 555 010 1003",
            "Mia",
            "@whatsapp_15550101002:beeper.com",
        ],
        type="group",
        title="Trip",
    )

    (sent,) = simulator.executed
    assert sent.json["participantIDs"] == [
        "@whatsapp_15550101002:beeper.com",
        "@whatsapp_15550101003:beeper.com",
        "@whatsapp_15550101004:beeper.com",
    ]
    assert [recipient["name"] for recipient in response["recipients"]] == [
        "Kim",
        "Alex Rivera",
        "Mia 🌻",
        "Kim",
    ]
    if profile in ("4.2.808", "latest"):
        assert response["missing"] == []


async def test_a_stranger_in_a_group(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A group needs ids, and the network knows whose number it is."""
    await create_chat(hass, participants=["Kim", "+1 555 010 7777"], type="group")

    assert simulator.executed[0].json["participantIDs"] == [
        "@whatsapp_15550101002:beeper.com",
        "@whatsapp_15550107777:beeper.com",
    ]


@cells
@pytest.mark.parametrize(
    ("participants", "message"),
    [
        (
            ["Kim", "i"],
            "participants #2 is only part of a name. Possible people or chats: 4",
        ),
        (["Nobody", "Kim"], "participants #1 matches no person"),
        (["Kim", "+1 555 010 9999"], "participants #2 matches no person"),
        (["Kim", "Family"], "participants #2 matches no person"),
    ],
)
async def test_one_ambiguous_participant_stops_the_call(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    participants: list[str],
    message: str,
) -> None:
    assert message in await refused(
        hass, simulator, participants=participants, type="group"
    )


# Messages


async def send(hass: HomeAssistant, recipient: Any, **data: Any) -> dict[str, Any]:
    data = {"recipient": recipient, "message": "hi", **data}
    response = await hass.services.async_call(
        "beeper", "send_message", data, blocking=True, return_response=True
    )
    assert response is not None
    return dict(response)


@cells
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("recipient", "chat_id"),
    [
        ("family", FAMILY),
        ("נועה לוי", "!nOaTeLegram:beeper.com"),
        ("Grandma", "imsg##thread:15550104001"),
        ("+1 555 010 1003", "!aLexWhAtsApp:beeper.com"),
        ("@alex_r", "!aLexTeLegram:beeper.com"),
        ("ravi@work.example", None),
        (KIM, KIM),
    ],
)
async def test_a_message_to_a_name(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    chat_id: str | None,
) -> None:
    """A member's address is not a group's."""
    if chat_id is None:
        with expect_refusal(
            ServiceValidationError, match="recipient matches no person"
        ):
            await send(hass, recipient)
        return

    assert (await send(hass, recipient))["chat_id"] == chat_id
    assert simulator.world.chats[chat_id].messages[-1].text == "hi"
    assert len(simulator.executed) == 1


@cells
@pytest.mark.parametrize("recipient", ["Kim", "+1 555 010 1002"])
async def test_a_person_on_two_accounts_is_written_to_from_the_default_one(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    """Both actions write to the same chat: one number is one person."""
    assert (await send(hass, recipient))["chat_id"] == KIM
    assert (await start(hass, recipient))["chat_id"] == KIM
    stated = await send(hass, recipient, account_id="local-whatsapp_ba_Sample")
    assert stated["chat_id"] == KIM_LOCAL


async def test_namesakes_on_two_accounts_are_not_guessed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for person in simulator.world.chats[KIM_LOCAL].participants:
        if not person.is_self:
            person.phone_number = "+15550109999"

    with pytest.raises(ServiceValidationError) as error:
        await send(hass, "Kim")

    assert "recipient matches 2 people or chats (WhatsApp)" in plain(error.value)
    assert not simulator.executed
    assert (await send(hass, "Kim", account_id="whatsapp"))["chat_id"] == KIM


@cells
@pytest.mark.parametrize("phone_number", ["+15550101002", None])
async def test_a_namesake_without_a_known_number_is_not_guessed(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    phone_number: str | None,
) -> None:
    kim = contact(
        simulator,
        "@signal_9:beeper.com",
        "signal",
        full_name="Kim",
        phone_number=phone_number,
    )
    chat(simulator, [kim], account_id="signal")

    if phone_number:
        assert (await send(hass, "Kim"))["chat_id"] == KIM
    else:
        with pytest.raises(ServiceValidationError, match="matches 3 people"):
            await send(hass, "Kim")


async def test_a_person_on_two_other_accounts_is_not_guessed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(
        loaded, data={**loaded.data, "account_id": "telegram"}
    )
    await hass.async_block_till_done()

    with pytest.raises(ServiceValidationError, match="matches 2 people"):
        await send(hass, "Kim")
    assert not simulator.executed


async def test_a_group_titled_like_a_person_is_not_guessed(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chat(simulator, simulator.world.chats[FAMILY].participants[:3], "Jordan Lee")

    with pytest.raises(ServiceValidationError) as error:
        await send(hass, "jordan lee")

    assert "matches 2 people or chats (Signal, WhatsApp)" in plain(error.value)
    assert "Jordan" not in plain(error.value)


async def test_a_contact_without_a_chat_gets_no_message_and_no_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    chats = len(simulator.world.chats)

    with expect_refusal(ServiceValidationError, match="recipient matches no person"):
        await send(hass, "Mia")
    assert len(simulator.world.chats) == chats


@pytest.mark.index("cold", "warm")
async def test_a_message_when_nothing_can_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", path="/v1/chats/search", status=502)

    with pytest.raises(HomeAssistantError, match="Nothing was done"):
        await send(hass, "Family")
    assert not simulator.executed


async def test_title_equal_to_another_chats_number(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = simulator.world.chats[KIM].local_id
    assert (await send(hass, int(number)))["chat_id"] == KIM
    stranger = contact(simulator, "@stranger:beeper.com", full_name=number)
    before = len(simulator.executed)

    # Anybody can take it as their name, and give it to a group.
    with pytest.raises(ServiceValidationError, match="matches 2"):
        await start(hass, number)
    chat(simulator, [stranger])
    with pytest.raises(ServiceValidationError, match="matches 2"):
        await send(hass, number)
    simulator.world.chats[FAMILY].title = number
    with pytest.raises(ServiceValidationError, match="matches 3"):
        await send(hass, int(number))
    assert len(simulator.executed) == before


@cells
@pytest.mark.parametrize(
    "title",
    [
        "2026/2027",
        "24.12.2026",
        "24.12.2026, 18:00",
        "2026-12-24",
        "555 010 1002",
        "10.000.000",
        "Kids@School",
        "@home",
        "Flat 12/3",
        "#5",
    ],
)
async def test_title_in_the_form_of_another_identifier(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, title: str
) -> None:
    simulator.world.chats[FAMILY].title = title

    assert (await send(hass, title))["chat_id"] == FAMILY
    assert (await find(hass, query=title))["matches"][0]["match"] == "exact"


@cells
@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("+1 555 010 9876", "matches no person"),
        ("kim@work.example", "matches no person"),
        ("@somebody:beeper.com", "matches no person"),
    ],
)
async def test_identities_are_not_titles(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    title: str,
    message: str,
) -> None:
    """Whoever creates a group chooses its title: it is shown, but not written to."""
    simulator.world.chats[FAMILY].title = title

    with expect_refusal(ServiceValidationError, match=message):
        await send(hass, title)
    assert not simulator.executed
    [found] = (await find(hass, query=title))["matches"]
    assert (found["match"], found["chat_id"]) == ("loose", FAMILY)
    assert (await send(hass, found["chat_id"]))["chat_id"] == FAMILY


@cells
@pytest.mark.parametrize("name", ["555 010 7777", "24.12.2026", "@somebody"])
async def test_names_of_people_are_not_numbers_or_handles(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, name: str
) -> None:
    """People choose their names."""
    chat(simulator, [contact(simulator, "@whatsapp_9:beeper.com", full_name=name)])

    with pytest.raises(ServiceValidationError):
        await send(hass, name)
    assert not simulator.executed


async def test_handle_is_preferred_to_a_title(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[FAMILY].title = "@alex_r"

    assert (await send(hass, "@alex_r"))["chat_id"] == "!aLexTeLegram:beeper.com"


@cells
@pytest.mark.parametrize("recipient", ["555 010 7777", "15550107777", "24.12.2027"])
async def test_number_without_country_code_is_explained(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    with expect_refusal(ServiceValidationError, match="recipient has no country code"):
        await send(hass, recipient)
    assert not simulator.executed


# Notes to oneself


@cells
@pytest.mark.parametrize(
    "recipient", ["+15550100001", "+1 (555) 010-0001", "Sam Sample", "sam  sample"]
)
@pytest.mark.parametrize(
    "title", ["", "Note to self", "Sam Sample", "Sam Sample (You)"]
)
async def test_own_number_or_name_reaches_the_note_to_self(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    recipient: str,
    title: str,
) -> None:
    own = own_chat(simulator, title)

    response = await send(hass, recipient, account_id="whatsapp")

    assert response["chat_id"] == own


@cells
@pytest.mark.parametrize("title", ["Empty room (was Kim)", "Kim"])
async def test_chat_without_others_is_not_a_note_to_self(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, title: str
) -> None:
    """Its other person may have left, or not be listed yet."""
    own_chat(simulator, title)

    with pytest.raises(ServiceValidationError, match="matches no person"):
        await send(hass, "+15550100001", account_id="whatsapp")


async def test_somebody_with_the_users_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    own_chat(simulator, "Note to self")
    other = contact(simulator, "@whatsapp_9:beeper.com", full_name="Sam Sample")
    chat(simulator, [other])

    with pytest.raises(ServiceValidationError, match="matches 2"):
        await send(hass, "Sam Sample", account_id="whatsapp")


@pytest.mark.parametrize("recipient", ["Sam Sample", "+15550100001"])
async def test_chat_started_with_oneself(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    own = own_chat(simulator, "Note to self")

    assert (await start(hass, recipient))["chat_id"] == own


def own_chat(simulator: Simulator, title: str) -> str:
    own = chat(simulator, [])
    own.title = title
    return own.id


async def test_id_equal_to_another_persons_number(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    stranger = contact(simulator, "@15550103001:local-x.localhost", full_name="Max")
    chat(simulator, [stranger])

    assert (await send(hass, "+1 555 010 3001"))["chat_id"] == (
        "!jOrdanSignaL:beeper.com"
    )


@cells
@pytest.mark.parametrize("recipient", ["Family", "+1 555 010 1004"])
async def test_calls_by_name_keep_their_order(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, recipient: str
) -> None:
    """Also if finding the first person takes longest."""
    simulator.faults.add("delay", path="/v1/chats/search", seconds=0.3)

    if recipient == "Family":
        await asyncio.gather(
            *(send(hass, recipient, message=str(number)) for number in range(4))
        )
        messages = simulator.world.chats[FAMILY].messages
    else:
        found = await asyncio.gather(
            start(hass, "Mia", message_text="0"),
            *(start(hass, recipient, message_text=str(n)) for n in range(1, 4)),
        )
        messages = simulator.world.chats[found[0]["chat_id"]].messages

    assert [message.text for message in messages[-4:]] == ["0", "1", "2", "3"]


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"chat_id": KIM}, "Both recipient and chat_id are given"),
        ({"entity_id": "notify.kim"}, "Both recipient and entity_id are given"),
        ({"recipient": 15550101002}, "recipient reached Home Assistant as a number"),
        ({"recipient": None, "chat_id": KIM, "account_id": "x"}, "only with recip"),
    ],
)
async def test_a_wrong_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    before = len(simulator.requests)
    with expect_refusal(ServiceValidationError, match=message):
        await send(hass, **{"recipient": "Kim", **data})
    assert len(simulator.requests) == before
