"""The cards of docs/dashboards.md: stored by Home Assistant, and pressed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.beeper.signals import ShortcutResult
from homeassistant.components.lovelace.const import DOMAIN as LOVELACE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import condition
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from simulator import Simulator
from simulator.model import Person
from tests.helpers.actions import sent
from tests.helpers.entities import add_chat
from tests.helpers.flows import MESSAGE, TEXTS, add
from tests.helpers.labels import refused
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, texts
from tests.helpers.yaml_examples import PAGES, blocks, table

RESULT, BUTTON, SCRIPT, FORM, CHAT_BADGE, ACCOUNT_BADGE = blocks(PAGES["dashboards"])


@pytest.fixture
async def dashboard(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> dict[str, Any]:
    """Return a dashboard with all of it, as Home Assistant has stored it."""
    await add(hass, loaded, "send_message", MESSAGE, chat_id=KIM)
    await add_chat(hass, loaded)
    assert await async_setup_component(hass, "script", {"script": {"write_to": SCRIPT}})
    assert await async_setup_component(hass, LOVELACE, {})
    view = {
        "title": "Beeper",
        "badges": [CHAT_BADGE, ACCOUNT_BADGE],
        "cards": [RESULT, BUTTON, FORM],
    }
    client = await hass_ws_client(hass)
    for message in (
        {
            "type": "lovelace/dashboards/create",
            "url_path": "be-eper",
            "title": "Beeper",
            "mode": "storage",
        },
        {
            "type": "lovelace/config/save",
            "url_path": "be-eper",
            "config": {"views": [view]},
        },
        {"type": "lovelace/config", "url_path": "be-eper"},
    ):
        await client.send_json_auto_id(message)
        answer = await client.receive_json()
        assert answer["success"]
    config: dict[str, Any] = answer["result"]
    assert config == {"views": [view]}
    return config


def values(config: Any, *keys: str) -> Iterator[str]:
    """Yield the values of these keys at any depth."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key in keys:
                yield from [value] if isinstance(value, str) else value
            yield from values(value, *keys)
    elif isinstance(config, list):
        for item in config:
            yield from values(item, *keys)


async def test_cards_use_existing_entities_and_actions(
    hass: HomeAssistant, dashboard: dict[str, Any]
) -> None:
    entities = {*values(dashboard, "entities", "entity", "entity_id")}
    assert len(entities) == 5
    assert all(hass.states.get(entity_id) for entity_id in entities)
    actions = {*values(dashboard, "perform_action")}
    assert actions == {"button.press"}
    assert all(hass.services.has_service(*action.split(".")) for action in actions)


async def test_the_button_is_pressed_once(
    hass: HomeAssistant, simulator: Simulator, dashboard: dict[str, Any]
) -> None:
    tap = BUTTON["tap_action"]
    domain, _, action = tap["perform_action"].partition(".")
    for _ in range(2):
        await hass.services.async_call(
            domain, action, {}, target=tap["target"], blocking=True
        )

    assert sent(simulator) == 1
    assert texts(simulator)[-1] == "Good night!"
    result = hass.states.get(RESULT["entities"][1])
    assert result
    assert result.state == "done"


def last_action(hass: HomeAssistant) -> str:
    state = hass.states.get("script.write_to")
    return str(state and state.attributes.get("last_action"))


async def write_to(
    hass: HomeAssistant,
    simulator: Simulator,
    skip_time: Callable[[float], None],
    data: dict[str, str],
) -> None:
    """Fill in the form and click twice."""
    calls = [
        hass.async_create_task(
            hass.services.async_call("script", "write_to", data, blocking=True)
        )
        for _ in range(2)
    ]
    await until(lambda: sent(simulator))
    await hass.services.async_call("script", "write_to", data, blocking=True)
    await until(lambda: "delay" in last_action(hass))
    skip_time(2)
    await asyncio.gather(*calls)
    state = hass.states.get("script.write_to")
    assert state
    assert state.state == "off"


@pytest.mark.parametrize(
    ("recipient", "message", "chat_id"),
    [
        ("Family 🏡", "Dinner!", FAMILY),
        # What a template alone would make something else of.
        ("Family 🏡", "+1", FAMILY),
        ("Family 🏡", "[1, 2]", FAMILY),
        ("Family 🏡", "None", FAMILY),
        ("Family 🏡", 'It\'s "7"\nor {{ 8 }}', FAMILY),
    ],
)
async def test_form_stores_typed_values(
    hass: HomeAssistant,
    simulator: Simulator,
    dashboard: dict[str, Any],
    recipient: str,
    message: str,
    chat_id: str,
    skip_time: Callable[[float], None],
) -> None:
    data = {"recipient": recipient, "message": message}
    await write_to(hass, simulator, skip_time, data)

    assert sent(simulator) == 1
    html = simulator.world.chats[chat_id].messages[-1].html
    assert html == f"<p>{message}</p>".replace("\n", "<br>")


async def test_the_form_reaches_a_number(
    hass: HomeAssistant,
    simulator: Simulator,
    dashboard: dict[str, Any],
    skip_time: Callable[[float], None],
) -> None:
    person = Person(id="15550101044", phone_number="+15550101044")
    chat = simulator.world.add_chat(simulator.world.accounts["whatsapp"], [person])
    data = {"recipient": "+15550101044", "message": "Hi"}
    await write_to(hass, simulator, skip_time, data)

    assert texts(simulator, chat.id)[-1] == "Hi"


@pytest.mark.parametrize("recipient", ["Nobody", "Alex Rivera"])
async def test_the_form_refuses_to_guess(
    hass: HomeAssistant,
    simulator: Simulator,
    dashboard: dict[str, Any],
    recipient: str,
) -> None:
    data = {"recipient": recipient, "message": "Hi"}
    with refused(ServiceValidationError, match="recipient matches"):
        await hass.services.async_call("script", "write_to", data, blocking=True)
    assert not simulator.executed


async def test_the_form_has_its_fields(
    hass: HomeAssistant, dashboard: dict[str, Any]
) -> None:
    described = (await async_get_all_descriptions(hass))["script"]["write_to"]
    assert [*described["fields"]] == ["recipient", "message"]
    for name, field in SCRIPT["fields"].items():
        shown = described["fields"][name]
        assert shown["required"]
        assert shown["name"] == field["name"]
        assert shown["selector"].keys() == {"text"}


async def test_badge_is_visible_while_unread(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    dashboard: dict[str, Any],
) -> None:
    world = simulator.world
    for unread in (False, True):
        world.mark_read(world.chats[KIM], None)
        if unread:
            simulator.incoming(KIM, None, "Hello?")
        await loaded.runtime_data.async_refresh()
        await hass.async_block_till_done()
        [(shown, rule)] = [
            (rule["condition"], rule) for rule in CHAT_BADGE["visibility"]
        ]
        seen = condition.async_numeric_state(hass, rule["entity"], above=rule["above"])
        assert (shown, seen) == ("numeric_state", unread)


def test_tables() -> None:
    results = table("State", "dashboards")
    assert results == {*get_args(ShortcutResult.__value__)}
    rows = PAGES["dashboards"].split("| When pressed |", 1)[1].split("\n\n")[0]
    kinds = {row.split("|")[1].strip() for row in rows.splitlines()[2:]}
    menu = TEXTS["shortcut"]["step"]["user"]["menu_options"]
    assert kinds == {*menu.values()}
