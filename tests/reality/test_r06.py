"""R6: writes that have no effect, and answers that show the state before them."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import change_job, chat_changes, outbox
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from simulator import Simulator
from tests.helpers.world import FAMILY, KIM, PROFILES, write

WITH_PATCH = ["4.2.808", "latest"]
TRAITS = ("patch_archive_ignored", "stale_write_answers")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after fractions of a second."""
    monkeypatch.setattr(change_job, "_SHOWN_DELAYS", (0, 0.02, 0.05))
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0, 0.05))


async def change(
    hass: HomeAssistant, action: str, chat_id: str = KIM, **data: Any
) -> None:
    await hass.services.async_call(
        "beeper", action, {"chat_id": chat_id, **data}, blocking=True
    )


@pytest.mark.parametrize("profile", WITH_PATCH)
async def test_r6_archiving_works_together_with_other_changes(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add(*TRAITS)
    await change(hass, "update_chat", FAMILY, is_archived=True, is_muted=True)
    chat = simulator.world.chats[FAMILY]
    assert chat.is_archived
    assert chat.is_muted
    assert [request.method for request in simulator.executed] == ["PATCH", "POST"]
    assert "isArchived" not in simulator.executed[0].json


@pytest.mark.parametrize("profile", PROFILES)
async def test_r6_archiving_has_a_separate_route_everywhere(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.traits.add(*TRAITS)
    await change(hass, "update_chat", is_archived=True)
    assert simulator.world.chats[KIM].is_archived


@pytest.mark.parametrize("profile", WITH_PATCH)
async def test_r6_a_chat_that_comes_back_is_not_reported_as_archived(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.traits.add("archive_comes_back", *TRAITS)
    simulator.world.chats[KIM].is_pinned = True
    monkeypatch.setattr(chat_changes, "_REOPENED_AFTER", simulator.confirm_after + 0.1)
    with pytest.raises(HomeAssistantError) as unknown:
        await change(hass, "update_chat", is_archived=True)
    assert unknown.value.translation_key == "change_not_shown"
    assert not simulator.world.chats[KIM].is_archived


@pytest.mark.parametrize("profile", WITH_PATCH)
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("update_chat", {"is_muted": True}),
        ("update_chat", {"title": "  Two   words "}),
        ("update_chat", {"draft": "*Hello* & <you>"}),
        ("update_chat", {"clear": ["title", "draft"]}),
        ("mark_read", {}),
        ("mark_unread", {}),
    ],
    ids=str,
)
async def test_r6_written_values_are_read_back(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    data: dict[str, Any],
) -> None:
    simulator.traits.add("drafts_html", "titles_folded", *TRAITS)
    await change(hass, action, FAMILY, **data)
    if data == {"clear": ["title", "draft"]}:
        return
    # A success without effect is not one.
    await change(hass, "update_chat", FAMILY, is_muted=False, clear=["draft"])
    await change(hass, {"mark_read": "mark_unread"}.get(action, "mark_read"), FAMILY)
    for method in ("PATCH", "POST"):
        simulator.faults.add(
            "status_before", path="/v1/chats/*", method=method, status=200, body={}
        )
    if "title" in data:
        data = {"title": "Other"}
    with pytest.raises(HomeAssistantError) as unknown:
        await change(hass, action, FAMILY, **data)
    assert unknown.value.translation_key == "change_not_shown"


@pytest.mark.parametrize("profile", WITH_PATCH)
@pytest.mark.parametrize(
    ("action", "method", "data"),
    [
        ("set_reminder", "POST", {"remind_at": "2099-01-01T08:00:00+00:00"}),
        ("set_reminder", "POST", {"remind_at": "2099-01-01T08:00:00.5+01:00"}),
        (
            "set_reminder",
            "POST",
            {
                "remind_at": "2099-01-01T08:00:00+00:00",
                "dismiss_on_incoming_message": True,
            },
        ),
        ("clear_reminder", "DELETE", {}),
        ("edit_message", "PUT", {"message": "*Hello* & <you>"}),
        ("edit_message", "PUT", {"message": "**Hello**", "format": "markdown"}),
        ("delete_message", "DELETE", {"for_everyone": True}),
        ("delete_message", "DELETE", {"for_everyone": False}),
    ],
    ids=str,
)
async def test_r6_an_accepted_change_without_effect_is_not_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
    method: str,
    data: dict[str, Any],
) -> None:
    simulator.traits.add(*TRAITS)
    if action.endswith("_message"):
        chat = simulator.world.chats[KIM]
        me = simulator.world.accounts["whatsapp"].user
        data = {**data, "message_id": write(simulator, "before", sender=me).id}
    else:
        chat = simulator.world.chats[FAMILY]
        chat.reminder = {"remindAt": "2098-01-01T08:00:00+00:00"}
    fault = simulator.faults.add(
        "status_before", path="/v1/chats/*", method=method, status=204, times=1
    )
    with pytest.raises(HomeAssistantError) as unknown:
        await change(hass, action, chat.id, **data)
    assert fault.hits == 1
    assert unknown.value.translation_key == "change_not_shown"
    await change(hass, action, chat.id, **data)


@pytest.mark.parametrize("profile", ["4.1.294", "4.2.557", "easymatrix"])
@pytest.mark.parametrize("action", ["set_reminder", "clear_reminder"])
async def test_r6_changes_that_a_server_never_lists_count_as_done(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, action: str
) -> None:
    data = {"remind_at": "2099-01-01T08:00:00+00:00"} if "set" in action else {}
    await change(hass, action, **data)


@pytest.mark.parametrize("profile", WITH_PATCH)
async def test_r6_a_reminder_whose_time_has_come_is_done(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="/v1/chats/*/reminders", method="POST", status=204
    )
    simulator.faults.add(
        "delay", path="/v1/chats/*", method="GET", seconds=1.2, times=None
    )
    soon = dt_util.utcnow() + timedelta(seconds=1)
    await change(hass, "set_reminder", remind_at=soon.isoformat())


async def test_an_accepted_change_that_cannot_be_read_is_done(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The reply of the server is believed."""
    simulator.traits.add("patch_archive_ignored")
    kim = {"method": "GET", "path": f"/v1/chats/{KIM}", "times": None}
    simulator.faults.add("status_before", status=503, **kim)
    await change(hass, "update_chat", is_pinned=True)
    assert simulator.world.chats[KIM].is_pinned
