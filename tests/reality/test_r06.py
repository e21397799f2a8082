"""R6: writes that have no effect, and answers that show the state before them."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import change_job, chat_changes, outbox
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.world import FAMILY, KIM, PROFILES

WITH_PATCH = ["4.2.808", "latest"]
TRAITS = ("patch_archive_ignored", "stale_write_answers")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after fractions of a second."""
    monkeypatch.setattr(change_job, "_LOOKS", (0, 0.02, 0.05))
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
async def test_r6_archiving_has_a_route_of_its_own_everywhere(
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
async def test_r6_what_was_written_is_read_back(
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
