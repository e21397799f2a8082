"""create_chat: input, requests, responses and refusals."""

from http import HTTPStatus
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.actions import call_action, sent, tried
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.faults import REFUSALS
from tests.helpers.labels import plain
from tests.helpers.servers import add_entry
from tests.helpers.world import FAMILY, KIM, PROFILES

# Requests


@pytest.mark.parametrize("profile", PROFILES)
async def test_send_on_each_generation(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    response = await call_action(hass, "send_message", chat_id=KIM, message="hi")

    message = simulator.world.chats[KIM].messages[-1]
    assert message.text == "hi"
    assert response == {
        "chat_id": KIM,
        "message_id": message.pending_id,
        "pending_message_id": message.pending_id,
        "recovered": False,
        "duplicate": False,
    }
    (received,) = simulator.executed
    assert received.method == "POST"
    assert received.path == f"/v1/chats/{KIM}/messages"
    assert received.json == {"text": "hi"}
    json.dumps(response)


async def test_reply(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await call_action(hass, "send_message", chat_id=KIM, message="Yes", reply_to=2)

    assert simulator.executed[0].json == {"text": "Yes", "replyToMessageID": "2"}
    assert simulator.world.chats[KIM].messages[-1].linked_message_id == "2"


async def test_markdown(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await call_action(
        hass, "send_message", chat_id=KIM, message="**Fire** in _A_", format="markdown"
    )

    html = simulator.world.chats[KIM].messages[-1].html
    assert html == "<p><strong>Fire</strong> in <em>A</em></p>"


async def test_chat_by_its_number(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    number = int(simulator.world.chats[FAMILY].local_id)

    assert (await call_action(hass, "send_message", chat_id=number, message="hi"))[
        "chat_id"
    ] == FAMILY


@cells
@pytest.mark.parametrize(
    "data",
    [
        {"entity_id": "{}"},
        {"entity_id": ["{}"]},
        {"entity_id": ["{}", "{}"]},
        {"entity_id": "{}", "chat_id": ""},
    ],
)
async def test_chat_by_its_entity(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
) -> None:
    entity_id = await add_chat(hass, loaded, FAMILY, "Family")
    data = json.loads(json.dumps(data).replace("{}", entity_id))

    assert (await call_action(hass, "send_message", **data, message="hi"))[
        "chat_id"
    ] == FAMILY


async def test_chat_as_target(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    entity_id = await add_chat(hass, loaded)

    await hass.services.async_call(
        DOMAIN,
        "send_message",
        {"message": "hi"},
        target={"entity_id": entity_id},
        blocking=True,
    )
    assert sent(simulator) == 1


async def test_disabled_entity_still_names_its_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> None:
    entity_id = await add_chat(hass, loaded)
    entity_registry.async_update_entity(
        entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )

    await call_action(hass, "send_message", entity_id=entity_id, message="hi")
    assert sent(simulator) == 1


@cells
@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"message": 42}, {"text": "42"}),
        ({"message": 21.5}, {"text": "21.5"}),
        ({"message": "hi", "reply_to": None, "attachment": ""}, {"text": "hi"}),
        ({"message": "hi", "format": "", "wait": None}, {"text": "hi"}),
        ({"message": "hi", "config_entry_id": ""}, {"text": "hi"}),
        ({"message": "hi", "entity_id": None, "file_name": ""}, {"text": "hi"}),
        ({"message": " hi\n"}, {"text": "\u200b\xa0hi\n"}),
    ],
)
async def test_values_rendered_by_templates_are_accepted(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    body: dict[str, Any],
) -> None:
    await call_action(hass, "send_message", chat_id=KIM, **data)

    assert simulator.executed[0].json == body


async def test_the_response_is_optional(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    data = {"chat_id": KIM, "message": "hi"}

    assert (
        await hass.services.async_call(DOMAIN, "send_message", data, blocking=True)
        is None
    )
    assert sent(simulator) == 1


# Refusals and their messages

HI = {"chat_id": KIM, "message": "hi"}


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "The chat is missing"),
        ({"message": "hi"}, "The chat is missing"),
        ({"message": "hi", "chat_id": None}, "The chat is missing"),
        ({**HI, "entity_id": "notify.kim"}, "Both chat_id and entity_id are given"),
        ({"chat_id": KIM}, "There is nothing to send"),
        ({"chat_id": KIM, "message": ""}, "There is nothing to send"),
        ({"chat_id": KIM, "message": " \n"}, "There is nothing to send"),
        ({"chat_id": KIM, "message": "\u200b\u00ad\ufe0f"}, "There is nothing to send"),
        ({"chat_id": KIM, "message": "\u2800\n\u3164"}, "There is nothing to send"),
        ({**HI, "chat_id": " "}, "chat_id is blank"),
        ({**HI, "chat_id": [KIM]}, "chat_id takes one value, not a list"),
        ({**HI, "chat_id": 1.5}, "chat_id must be text"),
        (
            {"message": "hi", "recipient": ["Kim", "Weekend"]},
            "recipient takes one person or chat, not a list",
        ),
        ({**HI, "message": ["hi"]}, "message must be text"),
        ({**HI, "message": True}, "message must be text"),
        ({**HI, "message": "\ud800"}, "message contains characters"),
        ({**HI, "message": "x" * 102_401}, "message is longer than 100 kB"),
        ({**HI, "format": "html"}, "format must be one of: text, markdown"),
        ({**HI, "reply_to": ["1"]}, "reply_to takes one value, not a list"),
        ({**HI, "wait": "perhaps"}, "wait must be true or false"),
        ({**HI, "allow_repeat": ["x"]}, "allow_repeat must be true or false"),
        ({**HI, "mesage": "hi"}, "There is no field mesage"),
        (
            {**HI, "account_id": "whatsapp"},
            "account_id can be used only with recipient",
        ),
        (
            {"message": "hi", "entity_id": ["notify.a", "notify.b"]},
            "entity_id is not a notify entity",
        ),
        ({"message": "hi", "entity_id": []}, "The chat is missing"),
        ({"message": "hi", "entity_id": {"a": 1}}, "entity_id must be text"),
        ({"message": "hi", "entity_id": "notify.other"}, "is not a notify entity of"),
        ({"message": "hi", "entity_id": "all"}, "is not a notify entity of Beeper"),
        ({"message": "hi", "area_id": "hall"}, "contain no added chat"),
        ({**HI, "area_id": "hall"}, "Both chat_id and area_id are given"),
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
        await call_action(hass, "send_message", **data)

    assert message in plain(refused.value)
    assert refused.value.translation_domain == DOMAIN
    assert len(simulator.requests) == before


@pytest.mark.parametrize(
    ("domain", "platform"), [("notify", "ntfy"), ("sensor", DOMAIN), ("notify", DOMAIN)]
)
async def test_entity_without_a_chat_is_refused(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    domain: str,
    platform: str,
) -> None:
    entity = entity_registry.async_get_or_create(
        domain, platform, "kim", config_entry=loaded
    )

    with pytest.raises(ServiceValidationError, match="is not a notify entity"):
        await call_action(
            hass, "send_message", entity_id=entity.entity_id, message="hi"
        )


async def test_invalid_call_is_explained_over_rest(
    hass: HomeAssistant, loaded: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "api", {})
    client = await hass_client()

    answer = await client.post("/api/services/beeper/send_message", json={})

    assert answer.status == HTTPStatus.BAD_REQUEST
    assert "The chat is missing" in (await answer.json())["message"]


# Which server


async def test_action_without_a_server_fails_clearly(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})

    with pytest.raises(ServiceValidationError):
        await call_action(hass, "send_message", **HI)


async def test_entity_determines_the_server(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)
        entity_id = await add_chat(hass, second)

        with pytest.raises(ServiceValidationError):
            await call_action(hass, "send_message", **HI)
        await call_action(hass, "send_message", entity_id=entity_id, message="hi")
        await call_action(
            hass,
            "send_message",
            entity_id=entity_id,
            message="ho",
            config_entry_id=second.entry_id,
        )
        with pytest.raises(ServiceValidationError, match="belongs to another Beeper"):
            await call_action(
                hass,
                "send_message",
                entity_id=entity_id,
                message="hi",
                config_entry_id=loaded.entry_id,
            )
        await call_action(hass, "send_message", **HI, config_entry_id=loaded.entry_id)

        assert (sent(other), sent(simulator)) == (2, 1)
        await hass.config_entries.async_unload(second.entry_id)
        with pytest.raises(ServiceValidationError, match="not loaded"):
            await call_action(hass, "send_message", entity_id=entity_id, message="hi")


# Server errors


@cells
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {
                "status": 400,
                "body": {
                    "message": "Kim",
                    "code": "VALIDATION_ERROR",
                    "details": {
                        "issues": [
                            {"path": ["body", "text"]},
                            {"path": ["body", "replyToMessageID"]},
                            {"path": ["body", "attachment"]},
                        ]
                    },
                },
            },
            "Beeper rejects these fields: message, reply_to, attachment",
        ),
        ({"status": 403, "body": "Kim"}, "The chat may be read-only"),
        (
            {"status": 404, "body": {"code": "NOT_FOUND"}},
            "Beeper does not know this chat",
        ),
        ({"status": 404}, "this version of Beeper cannot do it"),
        *REFUSALS,
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else None,
)
async def test_server_errors_are_translated(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    fault: dict[str, Any],
    message: str,
) -> None:
    simulator.faults.add("status_before", method="POST", **fault)

    with pytest.raises(HomeAssistantError) as refused:
        await call_action(hass, "send_message", **HI)

    assert message in plain(refused.value)
    assert str(refused.value).startswith(("Nothing was sent", "Nothing was done"))
    assert "Kim" not in plain(refused.value)
    assert sent(simulator) == 0
    assert tried(simulator) == 1
    assert (await call_action(hass, "send_message", **HI))["recovered"] is False


@cells
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"chat_id": "!nobody:beeper.com"}, "does not know this chat or message"),
        (
            {"chat_id": "!nobody:beeper.com", "reply_to": "99999"},
            "does not know this chat or message",
        ),
        ({"reply_to": "99999"}, "no message with the ID in Reply to .* in this chat"),
    ],
)
async def test_missing_chat_or_message(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    data: dict[str, Any],
    text: str,
) -> None:
    with pytest.raises(ServiceValidationError, match=text):
        await call_action(hass, "send_message", **{**HI, **data})
    assert sent(simulator) == 0


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens.clear()

    with pytest.raises(HomeAssistantError, match="no longer accepts"):
        await call_action(hass, "send_message", **HI)
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == "reauth"


async def test_read_only_token(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.tokens["dev-token"] = {"read"}

    with pytest.raises(HomeAssistantError, match="lacks the scope write"):
        await call_action(hass, "send_message", **HI)


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
async def test_mentions_and_no_link_preview(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    kim = simulator.world.chats[KIM].participants[0].id
    await call_action(
        hass, "send_message", chat_id=KIM, message="Look at https://example.com"
    )
    await call_action(
        hass,
        "send_message",
        chat_id=KIM,
        message="Look, Kim: https://example.com",
        mentions=[kim, kim],
        link_preview=False,
    )
    first, second = [request.json for request in simulator.executed]
    assert not first.keys() & {"mentions", "disableLinkPreview"}
    assert second["mentions"] == [kim]
    assert second["disableLinkPreview"] is True


MENTIONS = {
    "kim": ["@whatsapp_15550101002:beeper.com"],
    "+1 555 010 1002": ["@whatsapp_15550101002:beeper.com"],
    "15550101002": None,
    "Ki": None,
    "Somebody": None,
    "@somebody": None,
    "@": None,
    "@room": ["@room"],
    "@somebody:beeper.com": ["@somebody:beeper.com"],
    # The name of somebody in the group.
    "+15550109876": None,
    "kim@mail.example": None,
}
"""What is mentioned in the family's group; None where nobody is."""


@cells
@pytest.mark.parametrize(("text", "mentioned"), MENTIONS.items(), ids=MENTIONS)
async def test_mentions_by_name(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    text: str,
    mentioned: list[str] | None,
) -> None:
    data = {"chat_id": FAMILY, "message": "Look", "mentions": ["Kim", text]}
    if text in ("+15550109876", "kim@mail.example"):
        simulator.world.chats[FAMILY].participants[1].full_name = text
    if mentioned is None:
        with pytest.raises(ServiceValidationError) as refused:
            await call_action(hass, "send_message", **data)
        assert "Mentions (mentions #2) does not match exactly one" in str(refused.value)
        assert not simulator.executed
        return

    await call_action(hass, "send_message", **data)

    kim = "@whatsapp_15550101002:beeper.com"
    expected = list(dict.fromkeys([kim, *mentioned]))
    assert simulator.executed[0].json["mentions"] == expected


async def test_mentions_of_namesakes_are_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    for person in simulator.world.chats[FAMILY].participants[:3]:
        person.full_name = "Kim"

    with pytest.raises(ServiceValidationError, match="does not match exactly one"):
        await call_action(
            hass, "send_message", chat_id=FAMILY, message="Look", mentions="Kim"
        )
    assert not simulator.executed


async def test_mentions_in_a_chat_that_cannot_be_read(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="/v1/chats/*", method="GET", status=500, times=None
    )

    with pytest.raises(HomeAssistantError, match="Nothing was done"):
        await call_action(
            hass, "send_message", chat_id=FAMILY, message="Look", mentions="Kim"
        )
    assert not simulator.executed


@pytest.mark.parametrize("profile", ["easymatrix"])
async def test_mentions_that_a_server_does_not_know(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError, match="mentions"):
        await call_action(
            hass,
            "send_message",
            chat_id=KIM,
            message="Hello",
            mentions="@kim:example.com",
        )
    assert not simulator.executed
