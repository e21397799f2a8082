"""create_chat: input, requests, responses and refusals."""

from http import HTTPStatus
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import call_action, create_chat
from tests.helpers.cells import cells
from tests.helpers.faults import REFUSALS
from tests.helpers.labels import plain
from tests.helpers.servers import add_entry
from tests.helpers.world import GROUP_OF_TWO, KIM, KIM_BY_NUMBER, PROFILES

# Requests


@pytest.mark.parametrize("profile", PROFILES)
async def test_start_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await create_chat(hass, **KIM_BY_NUMBER, message_text="hi")

    if profile != "4.1.294":  # It always creates, and does not report existing chats.
        assert response["chat_id"] == KIM
    assert response["status"] == (None if profile == "4.1.294" else "existing")
    assert response["account_id"] == "whatsapp"
    assert response["recovered"] is False
    assert response["duplicate"] is False
    (sent,) = simulator.executed
    texts = [m.text for m in simulator.world.chats[response["chat_id"]].messages]
    assert "hi" in texts[-1]
    assert sent.json["messageText"] == "hi"


@pytest.mark.parametrize("profile", PROFILES)
async def test_create_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    response = await create_chat(hass, mode="create", **GROUP_OF_TWO, title="Trip")

    assert response["chat_id"] in simulator.world.chats
    (sent,) = simulator.executed
    assert (sent.method, sent.path) == ("POST", "/v1/chats")
    assert sent.json == {
        "accountID": "whatsapp",
        "participantIDs": ["15550101002", "15550101003"],
        "type": "group",
        "title": "Trip",
    }
    if profile in ("4.2.808", "latest"):
        assert response["title"] == "Trip"
        assert response["type"] == "group"
        assert response["network"] == "WhatsApp"
        assert [user["name"] for user in response["participants"]] == [
            "Kim",
            "Alex Rivera",
            "Sam Sample",
        ]
        assert response["missing"] == []


@pytest.mark.parametrize(
    ("ids", "missing"),
    [
        (["15550101002", "15550101003"], []),
        # Known by another id than the one that was given: nobody can tell.
        (["15550101002", "@lid_1003:beeper.com"], None),
    ],
)
async def test_missing_participants_are_reported(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    ids: list[str],
    missing: list[str] | None,
) -> None:
    contacts = simulator.world.accounts["whatsapp"].contacts
    alex = next(who for who in contacts.values() if who.phone_number == "+15550101003")
    if missing is None:
        contacts["@lid_1003:beeper.com"] = alex

    response = await create_chat(hass, participant_ids=ids, type="group")

    assert response["missing"] == missing


async def test_a_new_person_gets_a_created_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await create_chat(
        hass,
        user={"phone_number": "+1 555 010 7777", "full_name": "Robin"},
        allow_invite=False,
    )

    assert response["status"] == "created"
    assert simulator.executed[0].json == {
        "accountID": "whatsapp",
        "user": {"phoneNumber": "+15550107777", "fullName": "Robin"},
        "allowInvite": False,
    }


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain", None),
        (" spaces at both ends ", "\u200b\xa0spaces at both ends "),
        ("two\nlines\r\nand\ttabs", "two\nlines\nand\ttabs"),
        ("👩‍👩‍👧 שלום مرحبا 你好 e\u0301", None),
        ('"quotes" {"json": 1} {{ no_template }}', None),
        ("*no* <b>markup</b>", r"\*no\* \<b>markup\</b>"),
        ("\u202eright to left\u200b", None),
        ("x" * 100_000, None),
        ("é" * 51_200, None),
    ],
    ids=[
        "plain",
        "spaces",
        "lines",
        "scripts",
        "json",
        "markup",
        "invisible",
        "long",
        "100 kB",
    ],
)
async def test_text_arrives_literally(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    text: str,
    sent: str | None,
) -> None:
    await create_chat(hass, **KIM_BY_NUMBER, message_text=text)

    expected = sent or (f"\\{text}" if text.startswith('"') else text)
    assert simulator.executed[0].json["messageText"] == expected


@pytest.mark.parametrize("people", [KIM_BY_NUMBER, GROUP_OF_TWO])
@pytest.mark.parametrize(
    ("text", "text_format", "sent"),
    [
        ("**bold**", "markdown", "**bold**"),
        ("**bold**", "text", r"\*\*bold\*\*"),
        ('"<b>quoted</b>"', "markdown", r'\"<b>quoted</b>"'),
        ('"<b>quoted</b>"', None, r'\"\<b>quoted\</b>"'),
    ],
)
async def test_format_of_the_first_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    people: dict[str, Any],
    text: str,
    text_format: str | None,
    sent: str,
) -> None:
    await create_chat(hass, **people, message_text=text, format=text_format)

    assert simulator.executed[0].json["messageText"] == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("+15550101002", "+15550101002"),
        ("tel:+1-555-010-1002", "+15550101002"),
        ("TEL:+15550101002", "+15550101002"),
        ("0015550101002", "+15550101002"),
        ("00 1 555 010 1002", "+15550101002"),
        ("+1 (555) 010.1002", "+15550101002"),
        ("\u202a+1\u00a0555\u2011010\u20111002\u202c", "+15550101002"),
        ("  +15550101002\n", "+15550101002"),
        ("+1 555\t010\u22121002", "+15550101002"),
    ],
)
async def test_phone_numbers_are_normalised(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    written: str,
    sent: str,
) -> None:
    await create_chat(hass, user={"phone_number": written})

    assert simulator.executed[0].json["user"] == {"phoneNumber": sent}


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        ({**KIM_BY_NUMBER, "title": None, "type": ""}, {}),
        ({**KIM_BY_NUMBER, "message_text": None}, {}),
        ({**KIM_BY_NUMBER, "message_text": ""}, {}),
        ({**KIM_BY_NUMBER, "account_id": None, "config_entry_id": ""}, {}),
        ({**KIM_BY_NUMBER, "mode": ""}, {}),
        ({**KIM_BY_NUMBER, "participant_ids": []}, {}),
        ({**KIM_BY_NUMBER, "message_text": 42}, {"messageText": "42"}),
        ({**KIM_BY_NUMBER, "message_text": 21.5}, {"messageText": "21.5"}),
        ({"user": {**KIM_BY_NUMBER["user"], "email": "", "id": None}}, {}),
    ],
)
async def test_values_rendered_by_templates_are_accepted(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    sent: dict[str, Any],
) -> None:
    """Null and '' mean not given; a number in a text field is that text."""
    await create_chat(hass, **data)

    assert simulator.executed[0].json == {
        "accountID": "whatsapp",
        "user": {"phoneNumber": "+15550101002"},
        **sent,
    }


@pytest.mark.parametrize(
    ("participants", "sent"),
    [
        ("15550101002", ["15550101002"]),
        (15550101002, ["15550101002"]),
        (["15550101002"], ["15550101002"]),
        (["15550101002", 15550101002], ["15550101002"]),
        ([" @kim:beeper.com "], ["@kim:beeper.com"]),
        (["\u2068@kim:beeper.com\u2069\n"], ["@kim:beeper.com"]),
    ],
)
async def test_participants_may_be_one_or_many(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    participants: Any,
    sent: list[str],
) -> None:
    await create_chat(hass, participant_ids=participants, type="single")

    assert simulator.executed[0].json["participantIDs"] == sent


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ({"recipient": ["Kim"]}, "start"),
        ({"recipient": ["Kim", "Kim"]}, "start"),
        ({"recipient": "Kim", "mode": "create"}, ("single", 1)),
        ({"recipient": "Kim", "type": "single"}, ("single", 1)),
        ({"recipient": "Kim", "title": "Dinner"}, ("group", 1)),
        ({"recipient": ["Kim", "Mia"]}, ("group", 2)),
        ({"recipient": ["Kim", "Mia"], "title": "Dinner"}, ("group", 2)),
        ({"recipient": ["Kim", "Mia"], "type": "group"}, ("group", 2)),
    ],
)
async def test_recipients_imply_the_chat_type(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
    sent: Any,
) -> None:
    response = await create_chat(hass, **call)

    (request,) = simulator.executed
    body = request.json
    if sent == "start":
        assert body["user"]["id"]
    else:
        assert (body["type"], len(body["participantIDs"])) == sent
    given = [person["given"] for person in response["recipients"]]
    assert given in (["Kim"], ["Kim", "Mia"])


async def test_non_default_account(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """IMessage works although the server does not list it."""
    response = await create_chat(hass, **KIM_BY_NUMBER, account_id="imessage")

    assert simulator.executed[0].json["accountID"] == "imessage"
    assert response["account_id"] == "imessage"


# Refusals and their messages


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "The recipient is missing"),
        ({"message_text": "hi"}, "The recipient is missing"),
        ({**KIM_BY_NUMBER, **GROUP_OF_TWO}, "Both user and participant_ids are given"),
        (
            {**KIM_BY_NUMBER, **GROUP_OF_TWO, "mode": "start"},
            "Both user and participant_ids are given",
        ),
        ({**KIM_BY_NUMBER, "title": "x"}, "title belongs to mode create"),
        ({**KIM_BY_NUMBER, "mode": "create"}, "user belongs to mode start"),
        ({**GROUP_OF_TWO, "allow_invite": True}, "allow_invite belongs to mode start"),
        ({**GROUP_OF_TWO, "mode": "start"}, "participant_ids belongs to mode create"),
        ({**KIM_BY_NUMBER, "mode": "begin"}, "mode must be one of: start, create"),
        (
            {**KIM_BY_NUMBER, "message_text": "hi", "format": "html"},
            "format must be one of: text, markdown",
        ),
        ({**KIM_BY_NUMBER, "mode": 1}, "mode must be one of: start, create"),
        ({"mode": "start"}, "recipient or user is required"),
        ({**KIM_BY_NUMBER, "recipient": "Kim"}, "Both recipient and user are given"),
        (
            {**GROUP_OF_TWO, "recipient": "Kim"},
            "Both recipient and participant_ids are given",
        ),
        (
            {**GROUP_OF_TWO, "participants": "Kim"},
            "Both participants and participant_ids",
        ),
        ({"recipient": ["Kim", "Mia"], "mode": "start"}, "recipient must be exactly"),
        ({"recipient": ["Kim", "Mia"], "type": "single"}, "recipient must be exactly"),
        (
            {"recipient": ["Kim", "Mia"], "allow_invite": True},
            "allow_invite belongs to mode start",
        ),
        ({"participants": "Kim", "mode": "start"}, "participants belongs to mode"),
        ({"recipient": " "}, "recipient is blank"),
        ({"recipient": {"name": "Kim"}}, "recipient must be text"),
        ({"recipient": [""]}, "The recipient is missing"),
        ({"recipient": ["Kim", ""]}, "recipient #2 is blank"),
        ({"recipient": 15550101002}, "recipient reached Home Assistant as a number"),
        ({"recipient": "555 010 1002"}, "recipient has no country code"),
        ({"recipient": "15550101002"}, "recipient has no country code"),
        ({"recipient": "+44 (0)20 7946 0000"}, "zero after the country code +44"),
        ({"recipient": "tel:Kim"}, "recipient is not an international"),
        ({"recipient": "mailto:Kim"}, "recipient is not a valid email address"),
        ({"participants": ["Kim"]}, "type is required"),
        ({"participants": ["Kim", ""], "type": "group"}, "participants #2 is blank"),
        (
            {"participants": ["Kim", 15550101003], "type": "group"},
            "participants #2 reached Home Assistant as a number",
        ),
        (
            {"participants": ["a", "b"], "type": "single"},
            "participants must be exactly",
        ),
        ({"mode": "create"}, "participants or participant_ids is required"),
        ({"participant_ids": ["1"]}, "type is required"),
        ({**KIM_BY_NUMBER, "mesage_text": "hi"}, "There is no field mesage_text"),
        ({**KIM_BY_NUMBER, "entity_id": "notify.kim"}, "There is no field entity_id"),
        ({**KIM_BY_NUMBER, "Meet Kim at 7": 1}, "There is no field …"),
        ({"user": {"+1 555 010 1002": "x"}}, "There is no field user.…"),
        ({"user": "Kim"}, "user must have nested fields"),
        ({"user": ["Kim"]}, "user must have nested fields"),
        ({"user": {}}, "The recipient is missing"),
        ({"user": {"full_name": "Kim"}}, "user does not identify a person"),
        ({"user": {"phone": "+15550101002"}}, "There is no field user.phone"),
        ({"user": {"id": "  "}}, "user.id is blank"),
        ({"user": {"id": True}}, "user.id must be text"),
        ({"user": {"id": 1.5}}, "user.id must be text"),
        ({"user": {"username": ["kim"]}}, "user.username takes one value, not a list"),
        ({"user": {"email": "kim"}}, "user.email is not a valid email address"),
        (
            {"user": {"email": "kim @example.com"}},
            "user.email is not a valid email address",
        ),
        (
            {"user": {"email": "<kim@example.com>"}},
            "user.email is not a valid email address",
        ),
        ({"user": {"id": "\u200b\ufeff"}}, "user.id is blank"),
        ({"user": {"phone_number": 15550101002}}, "reached Home Assistant as a number"),
        ({"user": {"phone_number": 1.5}}, "reached Home Assistant as a number"),
        ({"user": {"phone_number": True}}, "user.phone_number must be text"),
        ({"user": {"phone_number": "555 010 1002"}}, "has no country code"),
        ({"user": {"phone_number": "15550101002"}}, "has no country code"),
        ({"user": {"phone_number": "+44 (0)20 7946 0000"}}, "country code +44"),
        ({"user": {"phone_number": "+44 (020) 7946 0000"}}, "country code +44"),
        ({"user": {"phone_number": "+49 [0]171 1234567"}}, "country code +49"),
        ({"user": {"phone_number": "+1555010100200000"}}, "is not an international"),
        ({"user": {"phone_number": "+0155501010"}}, "is not an international"),
        ({"user": {"phone_number": "+1 555 010 1002 x3"}}, "is not an international"),
        ({"user": {"phone_number": "tel:"}}, "is not an international"),
        ({"user": {"phone_number": "kim@example.com"}}, "is not an international"),
        ({**GROUP_OF_TWO, "participant_ids": []}, "The recipient is missing"),
        (
            {**GROUP_OF_TWO, "mode": "create", "participant_ids": []},
            "participant_ids is",
        ),
        (
            {**GROUP_OF_TWO, "participant_ids": ["1", " "]},
            "participant_ids #2 is blank",
        ),
        (
            {**GROUP_OF_TWO, "participant_ids": [None]},
            "participant_ids #1 must be text",
        ),
        (
            {**GROUP_OF_TWO, "participant_ids": {"a": 1}},
            "participant_ids #1 must be text",
        ),
        ({**GROUP_OF_TWO, "type": "channel"}, "type must be one of: single, group"),
        (
            {**GROUP_OF_TWO, "type": "single"},
            "participant_ids must be exactly one person",
        ),
        ({**GROUP_OF_TWO, "title": ["x"]}, "title must be text"),
        ({**KIM_BY_NUMBER, "message_text": ["hi"]}, "message_text must be text"),
        (
            {**KIM_BY_NUMBER, "message_text": {"text": "hi"}},
            "message_text must be text",
        ),
        ({**KIM_BY_NUMBER, "message_text": False}, "message_text must be text"),
        (
            {**KIM_BY_NUMBER, "message_text": "\ud800"},
            "message_text contains characters",
        ),
        (
            {**KIM_BY_NUMBER, "message_text": "x" * 102_401},
            "message_text is longer than 100 kB",
        ),
        (
            {**KIM_BY_NUMBER, "allow_invite": "perhaps"},
            "allow_invite must be true or false",
        ),
        (
            {**KIM_BY_NUMBER, "allow_repeat": ["x"]},
            "allow_repeat must be true or false",
        ),
        ({**KIM_BY_NUMBER, "account_id": " "}, "account_id is blank"),
        ({**KIM_BY_NUMBER, "message_text": " \n"}, "message_text is blank"),
        ({**KIM_BY_NUMBER, "message_text": "\u200b\u2800"}, "message_text is blank"),
        ({**GROUP_OF_TWO, "title": "\u3164"}, "title is blank"),
        (
            {**KIM_BY_NUMBER, "account_id": ["whatsapp"]},
            "account_id takes one value, not a list",
        ),
    ],
)
async def test_invalid_call_names_the_field_and_sends_nothing(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    message: str,
) -> None:
    before = len(simulator.requests)

    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, **data)

    assert message in plain(refused.value)
    assert refused.value.translation_domain == "beeper"
    assert len(simulator.requests) == before


async def test_invalid_call_is_explained_over_rest(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "api", {})
    client = await hass_client()

    answer = await client.post(
        "/api/services/beeper/create_chat", json={"user": {"full_name": "Kim"}}
    )

    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "user does not identify a person" in plain((await answer.json())["message"])


async def test_invalid_call_is_explained_over_websocket(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    """Developer tools call like this, and translate for the user themselves."""
    client = await hass_ws_client()

    await client.send_json_auto_id(
        {
            "type": "call_service",
            "domain": "beeper",
            "service": "create_chat",
            "service_data": {**KIM_BY_NUMBER, "title": "x"},
            "return_response": True,
        }
    )
    answer = await client.receive_json()

    assert answer["error"]["code"] == "service_validation_error"
    assert answer["error"]["translation_key"] == "field_of_other_mode"
    assert "title belongs to mode create" in plain(answer["error"]["message"])


async def test_invalid_call_is_explained_in_an_automation(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "id": "wrong",
                "triggers": {"trigger": "event", "event_type": "go"},
                "actions": {
                    "action": "beeper.create_chat",
                    "data": {"user": {"phone_number": "{{ '+15550101002' }}"}},
                },
            }
        },
    )
    hass.bus.async_fire("go")
    await hass.async_block_till_done()

    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "trace/list", "domain": "automation", "item_id": "wrong"}
    )
    (trace,) = (await client.receive_json())["result"]
    assert "user.phone_number reached Home Assistant as a number" in plain(
        trace["error"]
    )
    assert "5550101002" not in trace["error"]


async def test_a_response_reaches_an_automation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert await async_setup_component(
        hass,
        "script",
        {
            "script": {
                "write": {
                    "sequence": [
                        {
                            "action": "beeper.create_chat",
                            "data": {"user": {"phone_number": "tel:{{ number }}"}},
                            "response_variable": "chat",
                        },
                        {"event": "made", "event_data": {"id": "{{ chat.chat_id }}"}},
                    ]
                }
            }
        },
    )
    made = []
    hass.bus.async_listen("made", lambda event: made.append(event.data["id"]))

    await hass.services.async_call(
        "script", "write", {"number": "+15550101002"}, blocking=True
    )
    await hass.async_block_till_done()

    assert made == ["!NCdzlIaMjZUmvmvyHU:beeper.com"]


async def test_the_response_is_optional(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    assert (
        await hass.services.async_call(
            "beeper", "create_chat", KIM_BY_NUMBER, blocking=True
        )
        is None
    )
    assert len(simulator.executed) == 1


async def test_the_response_is_json(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    json.dumps(await create_chat(hass, **KIM_BY_NUMBER))


# Which server


async def test_action_without_a_server_fails_clearly(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "beeper", {})

    with pytest.raises(ServiceValidationError, match="beeper"):
        await create_chat(hass, **KIM_BY_NUMBER)


async def test_unloaded_entry_is_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    await hass.config_entries.async_unload(loaded.entry_id)

    with pytest.raises(ServiceValidationError):
        await create_chat(hass, **KIM_BY_NUMBER)
    assert not simulator.executed


async def test_several_servers_require_a_choice(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    async with Simulator("easymatrix", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        assert second.state is ConfigEntryState.LOADED

        with pytest.raises(ServiceValidationError):
            await create_chat(hass, **KIM_BY_NUMBER)
        await create_chat(hass, **KIM_BY_NUMBER, config_entry_id=second.entry_id)

        assert not simulator.executed
        assert len(other.executed) == 1
        await hass.config_entries.async_unload(second.entry_id)


# Server errors


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {
                "status": 400,
                "body": {
                    "message": "+15550101002 is wrong",
                    "code": "VALIDATION_ERROR",
                    "details": {"issues": [{"path": ["body", "user", "phoneNumber"]}]},
                },
            },
            "Beeper rejects these fields: user, phone_number",
        ),
        (
            {
                "status": 422,
                "body": {"message": "x", "code": "X", "details": {"accountID": "Kim"}},
            },
            "Beeper rejects these fields: account_id",
        ),
        ({"status": 403, "body": "no"}, "Beeper does not allow it"),
        (
            {"status": 404, "body": {"message": "Kim?", "code": "NOT_FOUND"}},
            "Beeper does not know this account or person",
        ),
        *REFUSALS,
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("call", [KIM_BY_NUMBER, GROUP_OF_TWO], ids=["start", "create"])
async def test_server_errors_are_translated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    call: dict[str, Any],
    fault: dict[str, Any],
    message: str,
) -> None:
    """Nothing was done, the server's own words stay out, and it works afterwards."""
    simulator.faults.add("status_before", method="POST", path="/v1/chats*", **fault)

    with pytest.raises(HomeAssistantError) as refused:
        await create_chat(hass, **call)

    assert message in plain(refused.value)
    assert plain(refused.value).startswith(("Nothing was done", "Nothing was created"))
    assert "Kim" not in plain(refused.value)
    assert "555" not in plain(refused.value)
    assert not simulator.executed
    assert sum(request.method == "POST" for request in simulator.requests) == 1
    assert (await create_chat(hass, **call))["duplicate"] is False


async def test_unreachable_person_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(HomeAssistantError, match="Beeper does not allow it"):
        await create_chat(hass, user={"phone_number": "+15550101006"})


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    with pytest.raises(HomeAssistantError, match="no longer accepts"):
        await create_chat(hass, **KIM_BY_NUMBER)
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress_by_handler("beeper")
    assert flow["context"]["source"] == "reauth"


async def test_read_only_token(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens["dev-token"] = {"read"}

    with pytest.raises(HomeAssistantError, match="lacks the scope write"):
        await create_chat(hass, **KIM_BY_NUMBER)


# Servers that need a person lookup first


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_old_server_without_the_person(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, user={"username": "nobody.at.all"})

    assert "no contact on WhatsApp is certain" in plain(refused.value)
    assert not simulator.executed


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_old_server_with_two_contacts_of_one_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    people = [{"id": f"@{name}:beeper.com", "username": "zoe.park"} for name in "xy"]
    simulator.faults.add(
        "garbage", path="/v1/accounts/*/contacts", body={"items": people}
    )

    with pytest.raises(ServiceValidationError) as refused:
        await create_chat(hass, user={"username": "zoe.park"})

    assert "2 contacts on WhatsApp match" in plain(refused.value)
    assert not simulator.executed


async def test_answers_with_too_many_values_are_unreadable(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A few megabytes of JSON can become hundreds in memory."""
    body = json.dumps({"id": KIM, "accountID": "whatsapp", "more": [{}] * 250_000})
    simulator.faults.add("garbage", method="GET", path="/v1/chats/*", body=body)

    with pytest.raises(HomeAssistantError, match="not a valid response of Beeper"):
        await call_action(hass, "get_chat", chat_id=KIM)
    assert (await call_action(hass, "get_chat", chat_id=KIM))["chat_id"] == KIM
