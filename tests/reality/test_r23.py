"""R23: a reaction to a message that the server does not know answers 200."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.outgoing import change_job, outbox
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from simulator import Simulator
from tests.helpers.world import KIM, write

WITH_REACTIONS = ["4.2.557", "4.2.808", "latest", "easymatrix"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after fractions of a second."""
    monkeypatch.setattr(change_job, "_SHOWN_DELAYS", (0, 0.02, 0.05))
    monkeypatch.setattr(outbox, "_RECOVERY_DELAYS", (0, 0.05))


async def react(hass: HomeAssistant, action: str, message_id: str) -> None:
    await hass.services.async_call(
        "beeper",
        action,
        {"chat_id": KIM, "message_id": message_id, "reaction": "👍"},
        blocking=True,
    )


@pytest.mark.parametrize("profile", WITH_REACTIONS)
@pytest.mark.parametrize("trait", [None, "network_user_ids", "hungryserv"])
async def test_r23_a_reaction_that_is_shown_is_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    trait: str | None,
) -> None:
    if trait:
        simulator.traits.add(trait)
        await loaded.runtime_data.async_refresh()
    message = write(simulator, "Look at this")
    await react(hass, "add_reaction", message.id)
    assert message.reactions
    await react(hass, "remove_reaction", message.id)
    assert not message.reactions


@pytest.mark.parametrize("profile", WITH_REACTIONS)
@pytest.mark.parametrize("action", ["add_reaction", "remove_reaction"])
async def test_r23_a_reaction_that_is_lost_is_not_reported_as_done(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    action: str,
) -> None:
    message = write(simulator, "Look at this")
    if action == "remove_reaction":
        await react(hass, "add_reaction", message.id)
    simulator.faults.add(
        "status_before", path="*/reactions*", status=200, body={"success": True}
    )
    with pytest.raises(HomeAssistantError) as unknown:
        await react(hass, action, message.id)
    assert unknown.value.translation_key == "change_not_shown"


@pytest.mark.parametrize("profile", ["easymatrix"])
async def test_r23_a_reaction_to_an_id_that_nothing_has_is_not_done(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add(
        "status_before", path="*/reactions*", status=200, body={"success": True}
    )
    with pytest.raises(HomeAssistantError):
        await react(hass, "add_reaction", "unheard-of")
