"""Requests that a network cannot fulfil are refused first; missing rules refuse nothing."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import network_rules
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from simulator import Simulator
from simulator.model import Json
from tests.helpers.actions import create_chat
from tests.helpers.labels import plain
from tests.helpers.world import PROFILES, chat, contact

KIM_ID = "@whatsapp_15550101002:beeper.com"
MIA_ID = "@whatsapp_15550101004:beeper.com"
GROUP = {"type": "group", "participant_ids": [KIM_ID, MIA_ID], "title": "Trip"}
STRANGER = {"phone_number": "+15550107777"}


def tell(simulator: Simulator, account_id: str = "whatsapp", **creation: Any) -> None:
    """Replace the rules that the bridge of an account reports."""
    simulator.world.accounts[account_id].creation = creation


def group(**fields: Any) -> Json:
    return {"group": {"type_description": "a group", **fields}}


def people(**flags: bool) -> Json:
    return {
        "any_phone": False,
        "contact_list": True,
        "create_dm": True,
        "lookup_email": True,
        "lookup_phone": True,
        "lookup_username": True,
        "search": True,
        **flags,
    }


def asked(simulator: Simulator) -> list[str]:
    return [
        request.path for request in simulator.requests if "/bridges/" in request.path
    ]


async def refused(hass: HomeAssistant, simulator: Simulator, **data: Any) -> str:
    with pytest.raises(ServiceValidationError) as error:
        await create_chat(hass, **data)
    assert not simulator.executed
    assert str(error.value).startswith(("Nothing was created", "Nothing was done"))
    return plain(error.value)


@pytest.mark.parametrize("profile", PROFILES)
async def test_rules_are_read_once_where_supported(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    await create_chat(hass, **GROUP)
    await create_chat(hass, user={"phone_number": "+15550101004"})

    assert asked(simulator) == (
        ["/v1/bridges/whatsapp/capabilities"] if profile == "latest" else []
    )
    assert len(simulator.executed) == 2


@pytest.mark.parametrize(
    ("creation", "data", "reason"),
    [
        ({}, {"title": "x" * 101}, "title has 101 characters, and WhatsApp allows 100"),
        ({"group_creation": {}}, {}, "WhatsApp cannot create groups"),
        (
            {"group_creation": group(name={"allowed": False})},
            {},
            "WhatsApp does not accept a title",
        ),
        (
            {"group_creation": group(name={"allowed": True, "required": True})},
            {"title": None},
            "requires a title for a group",
        ),
        (
            {"group_creation": group(name={"allowed": True, "min_length": 5})},
            {},
            "title has 4 characters, and WhatsApp needs at least 5",
        ),
        (
            {"group_creation": group(participants={"allowed": True, "min_length": 3})},
            {},
            "2 participants besides you, and WhatsApp needs at least 3",
        ),
        (
            {"group_creation": group(participants={"allowed": True, "max_length": 1})},
            {},
            "2 participants besides you, and WhatsApp allows 1",
        ),
    ],
    ids=["usual", "none", "no-title", "title", "short", "few", "many"],
)
async def test_unsupported_group_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    creation: Json,
    data: Json,
    reason: str,
) -> None:
    tell(simulator, **creation)

    assert reason in await refused(hass, simulator, **GROUP | data)


async def test_one_matching_group_type_is_enough(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    small = {"allowed": True, "max_length": 1}
    tell(simulator, group_creation=group(participants=small) | {"channel": {}})

    assert (await create_chat(hass, **GROUP))["chat_id"]


async def test_own_user_is_not_a_participant(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tell(simulator, group_creation=group(participants={"max_length": 2}))
    me = simulator.world.accounts["whatsapp"].user.id

    assert await create_chat(hass, **GROUP | {"participant_ids": [me, KIM_ID, MIA_ID]})


async def test_refusal_does_not_count_against_the_limit(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"chats_per_hour": 1})
    await hass.async_block_till_done()
    tell(simulator, group_creation=group(name={"max_length": 4}))

    for _ in range(2):
        await refused(hass, simulator, **GROUP | {"title": "Trips"})

    assert await create_chat(hass, **GROUP)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ({"user": STRANGER}, "phone_number"),
        ({"recipient": "+1 555 010 7777"}, "phone_number"),
        ({"user": {"email": "nobody@example.com"}}, "email"),
        ({"recipient": "nobody@example.com"}, "email"),
        ({"user": {"username": "nobody"} | STRANGER}, "phone_number, username"),
    ],
)
async def test_person_without_network_lookup(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: Json,
    field: str,
) -> None:
    simulator.world.accounts["whatsapp"].unregistered.add("+15550107777")
    tell(
        simulator,
        resolve_identifier=people(
            lookup_phone=False, lookup_email=False, lookup_username=False
        ),
    )
    reason = await refused(hass, simulator, **call)

    assert f"WhatsApp cannot look people up by {field}, " in reason


@pytest.mark.parametrize(
    ("user", "flags"),
    [
        (STRANGER | {"id": "@whatsapp_15550107777:beeper.com"}, {}),
        (STRANGER, {"any_phone": True}),
        (STRANGER | {"username": "x"}, {"lookup_username": True}),
        ({"phone_number": "+15550101004"}, {}),  # a contact
    ],
    ids=["id", "any", "other", "contact"],
)
async def test_person_with_another_identifier(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    user: dict[str, str],
    flags: dict[str, bool],
) -> None:
    tell(
        simulator,
        resolve_identifier=people(lookup_phone=False, lookup_username=False) | flags,
    )

    assert (await create_chat(hass, user=user))["chat_id"]


@pytest.mark.parametrize(
    "call",
    [
        {"user": {"id": MIA_ID}},
        {"recipient": "mia"},
        {"type": "single", "participant_ids": [MIA_ID]},
        {"type": "single", "participants": ["mia"]},
    ],
    ids=["start", "recipient", "create", "participants"],
)
async def test_existing_chats_remain_without_new_direct_chats(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, call: Json
) -> None:
    tell(simulator, resolve_identifier=people(create_dm=False))

    assert "WhatsApp cannot start chats" in await refused(hass, simulator, **call)

    chat(simulator, [simulator.world.accounts["whatsapp"].contacts[MIA_ID]])
    assert (await create_chat(hass, **call))["chat_id"]


@pytest.mark.parametrize(
    "call",
    [
        {"recipient": "Nix"},
        {"type": "group", "participants": ["Kim", "Nix"]},
        {"type": "single", "participants": ["Nix"]},
    ],
)
async def test_unreachable_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, call: Json
) -> None:
    contact(
        simulator,
        "@whatsapp_1:beeper.com",
        full_name="Nix",
        cannot_message=True,
    )

    reason = await refused(hass, simulator, **call)

    field = "recipient" if "recipient" in call else "participants #"
    assert field in reason
    assert "cannot receive messages on WhatsApp" in reason
    assert "Nix" not in reason


@pytest.mark.parametrize(
    "creation",
    [
        {"group_creation": None, "resolve_identifier": None},
        {"group_creation": [], "resolve_identifier": "no"},
        {"group_creation": {"group": None}, "resolve_identifier": {}},
        {
            "group_creation": group(
                name={"allowed": "no", "required": 1, "max_length": "3"},
                participants={"min_length": -1, "max_length": 0},
            ),
            "resolve_identifier": {"create_dm": 0, "lookup_phone": None},
        },
        {"group_creation": group(name=[], participants=None)},
    ],
)
async def test_missing_rules_refuse_nothing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, creation: Json
) -> None:
    tell(simulator, **creation)

    await create_chat(hass, **GROUP)
    await create_chat(hass, user=STRANGER)

    assert len(simulator.executed) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status_before", "status": 404, "body": "Not Found"},
        {"kind": "status_before", "status": 403},
        {"kind": "status_before", "status": 500},
        {"kind": "garbage"},
        {"kind": "drop_before"},
        {"kind": "delay", "seconds": 5},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_rules_that_cannot_be_read_refuse_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    fault: Json,
) -> None:
    monkeypatch.setattr(network_rules, "_TIMEOUT", 0.2)
    tell(simulator, group_creation={})
    simulator.faults.add(path="/v1/bridges/*", times=9, **fault)

    await create_chat(hass, **GROUP)
    before = asked(simulator)
    await create_chat(hass, **GROUP | {"title": "Other"})

    assert len(simulator.executed) == 2
    assert asked(simulator) == before != []


async def test_failed_search_does_not_refuse(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tell(simulator, resolve_identifier=people(create_dm=False))
    simulator.faults.add("status_before", path="/v1/chats", status=500, times=9)

    assert await create_chat(hass, user={"id": MIA_ID})


async def test_rules_are_refreshed_after_expiry_and_reload(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await create_chat(hass, **GROUP)
    tell(simulator, group_creation={})
    assert await create_chat(hass, **GROUP | {"title": "Other"})

    await hass.config_entries.async_reload(loaded.entry_id)
    with pytest.raises(HomeAssistantError, match="cannot create groups"):
        await create_chat(hass, **GROUP | {"title": "Third"})

    monkeypatch.setattr(network_rules, "_KEEP", 0)
    await hass.config_entries.async_reload(loaded.entry_id)
    for reported in (True, False):
        creation: Json = {"group_creation": {}} if reported else {}
        tell(simulator, **creation)
        with pytest.raises(HomeAssistantError, match=r"allows 100|cannot create"):
            await create_chat(hass, **GROUP | {"title": "x" * 101})
    assert len(asked(simulator)) == 4


async def test_an_account_that_is_not_listed_has_no_rules(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    tell(simulator, "imessage", group_creation={})

    assert await create_chat(
        hass,
        account_id="imessage",
        type="group",
        participant_ids=["imsg##+15550104001"],
    )
    assert asked(simulator) == []
