"""Own sends are not published as new messages; later failures are published."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import outbox
from custom_components.beeper.signals import MessageEvent, SendFailed
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.actions import PATH, create_chat, send
from tests.helpers.listening import texts
from tests.helpers.outcomes import outcome_of
from tests.helpers.waiting import poll, quiet, settled, until
from tests.helpers.world import KIM, PROFILES, write

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.mark.parametrize("profile", PROFILES)
async def test_own_sends_are_not_published(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    await send(hass, message="*Hello* <there>")
    await send(hass, message="*Hello* <there>", allow_repeat=True)
    await settled(hass, loaded, simulator)
    user = simulator.world.accounts["whatsapp"].user
    write(simulator, "*Hello* <there>", sender=user)
    await settled(hass, loaded, simulator)
    # Three times the same, and one of them was written elsewhere.
    assert [event.type for event in events] == ["message_sent"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("fault", [None, "drop_after"])
async def test_first_message_of_a_new_chat_is_not_published(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    fault: str | None,
) -> None:
    if fault:
        simulator.faults.add(fault, method="POST", path="/v1/chats*")
    with suppress(HomeAssistantError):  # Some servers leave it unknown.
        await create_chat(
            hass, user={"phone_number": "+15550101002"}, message_text="It *is* late"
        )
    await settled(hass, loaded, simulator)
    assert events == []
    assert sum(request.method == "POST" for request in simulator.executed) <= 1


@pytest.mark.parametrize("profile", PROFILES)
async def test_recovered_message_is_not_published(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.faults.add("drop_after", method="POST")
    assert (await send(hass, message="on my way"))["recovered"]
    await settled(hass, loaded, simulator)
    assert events == []


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_file_from_another_app_is_not_taken_for_a_sent_text(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    """Before the network confirms the text, a file with the same caption is read."""
    simulator.confirm_after = 3600
    await send(hass, message="hi")
    simulator.confirm_after = 0
    user = simulator.world.accounts["whatsapp"].user
    picture = write(simulator, "hi", sender=user)
    picture.attachments.append({"type": "img", "id": "mxc://b/x"})
    await until(lambda: events)
    simulator.world.settle()
    await settled(hass, loaded, simulator)
    assert [(event.type, event.message.id) for event in events] == [
        ("message_sent", picture.id)
    ]


async def test_unsent_message_is_forgotten(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
) -> None:
    simulator.faults.add("status_before", method="POST", status=400, times=2)
    with pytest.raises(HomeAssistantError):
        await send(hass, message="hi")
    with pytest.raises(HomeAssistantError):
        await create_chat(
            hass, user={"phone_number": "+15550101002"}, message_text="hi"
        )
    write(simulator, "hi", sender=simulator.world.accounts["whatsapp"].user)
    await settled(hass, loaded, simulator)
    assert texts(events) == ["hi"]


@pytest.mark.parametrize("profile", ["4.2.808", "latest"])
@pytest.mark.parametrize(
    ("delivery", "reason", "retriable"),
    [
        ("FAIL_RETRIABLE", "bridge_unavailable", True),
        ("FAIL_PERMANENT", "not_allowed", False),
    ],
)
@pytest.mark.parametrize("emits_events", [True, False])
async def test_later_failure_is_published(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    events: list[MessageEvent],
    failures: list[SendFailed],
    delivery: Any,
    reason: str,
    retriable: bool,
    emits_events: bool,
) -> None:
    account = simulator.world.accounts["whatsapp"]
    account.emits_events = emits_events
    sent = await send(hass, message="arrives")
    await settled(hass, loaded, simulator)
    assert failures == []
    account.delivery = delivery
    sent = await send(hass, message="does not")
    await settled(hass, loaded, simulator)
    await settled(hass, loaded, simulator)

    assert [failure.as_dict() for failure in failures] == [
        {
            "account_id": "whatsapp",
            "network": "WhatsApp",
            "chat_id": KIM,
            "message_id": sent["message_id"],
            "reason": reason,
            "retriable": retriable,
        }
    ]
    assert events == []
    posts = [request for request in simulator.executed if request.method == "POST"]
    assert len(posts) == 2


async def test_failure_after_a_reload(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
) -> None:
    simulator.world.accounts["whatsapp"].delivery = "FAIL_PERMANENT"
    simulator.confirm_after = 0.5
    sent = await send(hass, message="slow")
    assert await hass.config_entries.async_reload(loaded.entry_id)
    await until(lambda: failures)
    assert failures[0].message_id == sent["message_id"]


async def test_failure_reaches_waiting_caller_and_signal(
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    simulator: Simulator,
    failures: list[SendFailed],
) -> None:
    simulator.world.accounts["whatsapp"].delivery = "FAIL_RETRIABLE"
    assert (await send(hass, message="hi", wait=True))["delivery"] == "failed"
    await settled(hass, loaded, simulator)
    assert len(failures) == 1


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_lost_message_keeps_its_place_before_an_equal_one(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The later one was answered, and does not get the message of the lost one.

    Servers without single messages show which one it has only if the first message was
    read before the second call.
    """
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", ())
    simulator.faults.add("drop_after", method="POST", path=PATH)
    with pytest.raises(HomeAssistantError, match="It is unknown whether"):
        await send(hass)
    later = await send(hass, allow_repeat=True)
    simulator.world.settle()
    await poll(hass, loaded)
    await quiet(simulator)

    first, second = simulator.world.chats[KIM].messages[-2:]
    assert later["message_id"] == second.pending_id
    if loaded.runtime_data.server.client.features.single_messages:
        lost = await send(hass)
        assert lost["recovered"] is True
        assert lost["message_id"] in (first.id, first.pending_id)
    else:
        assert await outcome_of(send(hass)) in ("unknown", "recovered")


async def test_of_two_lost_messages_one_may_not_have_run(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The only message may be that of either."""
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0.2,))
    for fault in ("drop_before", "drop_after"):
        simulator.faults.add(fault, method="POST", path=PATH)

    ends = await asyncio.gather(
        outcome_of(send(hass, context=Context())),
        outcome_of(send(hass, context=Context(), allow_repeat=True)),
    )

    assert ends == ["unknown", "unknown"]
