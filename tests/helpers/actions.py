"""Call actions, and count what reached the simulator."""

import json
from typing import Any

from custom_components.beeper.const import DOMAIN
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component
from simulator import Simulator
from tests.helpers.media import CAKE
from tests.helpers.world import FAMILY, KIM

PATH = "/v1/chats/*/messages"


async def call_action(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Call an action of the integration; return its response, which must be JSON."""
    return await _call(hass, action, data)


async def _call(
    hass: HomeAssistant,
    action: str,
    data: dict[str, Any],
    context: Context | None = None,
) -> dict[str, Any]:
    response = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    assert response is not None
    json.dumps(response)
    return dict(response)


async def run_in_automation(
    hass: HomeAssistant, action: str, data: dict[str, Any]
) -> None:
    """Call an action in an automation, where an error is logged and not raised."""
    trigger = {"trigger": "event", "event_type": "go"}
    step = {"action": f"{DOMAIN}.{action}", "data": data}
    config = {"automation": {"triggers": trigger, "actions": step}}
    assert await async_setup_component(hass, "automation", config)
    hass.bus.async_fire("go")
    await hass.async_block_till_done()


async def create_chat(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    return await call_action(hass, "create_chat", **data)


async def find(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    return await call_action(hass, "find", **data)


async def download(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Download an attachment, by default the picture of the family."""
    if not data.keys() & {"chat_id", "entity_id", "recipient"}:
        data["chat_id"] = FAMILY
    return await call_action(hass, "download_attachment", **{"message_id": CAKE} | data)


async def send(
    hass: HomeAssistant,
    chat_id: str = KIM,
    message: str | None = "hi",
    context: Context | None = None,
    **data: Any,
) -> dict[str, Any]:
    """Send a message, by default to Kim."""
    data = {"chat_id": chat_id, "message": message, **data}
    return await _call(hass, "send_message", data, context)


def sent(simulator: Simulator) -> int:
    """Return how many messages the server has sent."""
    return sum(request.path.endswith("/messages") for request in simulator.executed)


def tried(simulator: Simulator) -> int:
    return sum(
        request.method == "POST" and request.path.endswith("/messages")
        for request in simulator.requests
    )


def posts(simulator: Simulator) -> int:
    return sum(
        request.method == "POST" and request.path.startswith("/v1/chats")
        for request in simulator.requests
    )


def searches(simulator: Simulator) -> int:
    """Return how many pages of 200 items were read to find a person."""
    paths = ("/contacts/list", "/chats/search")
    return sum(
        request.path.endswith(paths) and "unreadOnly" not in request.query
        for request in simulator.requests
    )
