"""Choosing a chat that gets entities: every way through, over real sockets."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
from simulator import Simulator
from simulator.faults import Fault
from tests.helpers.actions import searches
from tests.helpers.flows import Result, begin_chat, reconfigure, submit, suggested
from tests.helpers.waiting import poll
from tests.helpers.world import FAMILY, KIM, PROFILES, chat, contact, ten_thousand

pytestmark = pytest.mark.usefixtures("no_complaints")


SECOND_KIM = "!whatsapp_15550101002:ba_Sample.local-whatsapp.localhost"


def choices(result: Result) -> dict[str, str]:
    """Return the chats to choose from: id and label, in their order."""
    assert result["step_id"] == "chat"
    [selector] = result["data_schema"].schema.values()
    return {option["value"]: option["label"] for option in selector.config["options"]}


async def add(
    hass: HomeAssistant, entry: MockConfigEntry, search: str, chat_id: str
) -> ConfigSubentry:
    result = await submit(hass, await begin_chat(hass, entry), search=search)
    result = await submit(hass, result, chat_id=chat_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    added: ConfigSubentry = next(
        subentry
        for subentry in entry.get_subentries_of_type("chat")
        if subentry.unique_id == chat_id
    )
    return added


def chat_devices(
    device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> list[str | None]:
    """Return the names of the devices of chats."""
    return [
        device.name
        for device in dr.async_entries_for_config_entry(device_registry, entry.entry_id)
        if isinstance(device, dr.DeviceEntry) and device.config_subentry_id
    ]


# Adding


@pytest.mark.parametrize("profile", PROFILES)
async def test_chat_is_added(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, profile: str
) -> None:
    subentry = await add(hass, loaded, "fam", FAMILY)

    assert subentry.title == "Family 🏡"
    assert dict(subentry.data) == {
        "chat_id": FAMILY,
        "account_id": "whatsapp",
        # Where a chat tells none, its account has to do.
        "network": "whatsapp" if profile == "4.2.557" else "WhatsApp",
    }
    assert hass.states.get("notify.family")


async def test_chats_are_distinguishable(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """By network and account, and by when something happened; the last active first."""
    await hass.config.async_set_time_zone("UTC")
    for known in simulator.world.chats.values():
        # At midnight, "today" would become "yesterday" during the test.
        known.last_activity -= timedelta(days=3)
    result = await submit(hass, await begin_chat(hass, loaded), search="alex rivera")

    shown = choices(result)
    chats = [simulator.world.chats[chat_id] for chat_id in shown]
    assert {chat.account_id for chat in chats} == {"whatsapp", "telegram"}
    assert chats == sorted(chats, key=lambda chat: chat.last_activity, reverse=True)
    # There are two accounts on WhatsApp.
    networks = {
        "whatsapp": "Alex Rivera (+1 555 010 1003) · WhatsApp · +1 555 010 0001",
        "telegram": "Alex Rivera (alex_r) · Telegram",
    }
    assert list(shown.values()) == [
        f"{networks[chat.account_id]} · {chat.last_activity:%Y-%m-%d}" for chat in chats
    ]


@pytest.mark.parametrize(
    ("language", "ago", "shown"),
    [
        ("en", timedelta(0), "today 20:16"),
        ("de", timedelta(0), "heute 20:16"),
        ("en", timedelta(days=1), "yesterday 20:16"),
        ("en", timedelta(days=2), "2026-11-27"),
        ("en", timedelta(days=400), "2025-10-25"),
    ],
)
async def test_rows_include_the_time_of_the_event(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    language: str,
    ago: timedelta,
    shown: str,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    hass.config.language = language
    freezer.move_to("2026-11-29T23:00:00Z")
    then = datetime(2026, 11, 29, 20, 16, tzinfo=UTC) - ago
    simulator.world.chats[FAMILY].last_activity = then
    result = await submit(hass, await begin_chat(hass, loaded), search="fam")
    assert choices(result) == {
        FAMILY: f"Family 🏡 · WhatsApp · +1 555 010 0001 · {shown}"
    }


@pytest.mark.parametrize(
    "search",
    [
        "+1 555 010 1002",
        "tel:+15550101002",
        "0015550101002",
        "+1 (555) 010-1002",
        "  Kim ",
        "kIm",
    ],
)
async def test_people_are_found_by_number_and_name(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, search: str
) -> None:
    """Over all accounts, in direct chats and in groups."""
    result = await submit(hass, await begin_chat(hass, loaded), search=search)

    assert {*choices(result)} == {KIM, FAMILY, SECOND_KIM}


@pytest.mark.parametrize("search", ["jose", "José", "JO SE\u0301"])
async def test_accents_and_spaces_do_not_matter(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, search: str
) -> None:
    simulator.world.chats[FAMILY].title = "Josés"
    simulator.world.chats[KIM].title = "Los Joses"

    result = await submit(hass, await begin_chat(hass, loaded), search=search)

    assert {*choices(result)} == {FAMILY, KIM}


async def test_at_most_fifty_are_shown(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    async with Simulator("latest", "dev-token", chats=300) as simulator:
        hass.config_entries.async_update_entry(
            entry, data={**entry.data, "url": simulator.url}
        )
        assert await hass.config_entries.async_setup(entry.entry_id)
        # One search finds these, the other one finds people.
        account = simulator.world.accounts["whatsapp"]
        for number in range(60):
            simulator.world.add_chat(
                account,
                [*account.contacts.values()][:1],
                kind="group",
                title=f"Contact sheet {number}",
            )

        result = await submit(hass, await begin_chat(hass, entry), search="contact")

        assert len(choices(result)) == 50
        assert sum("query=" in request.query for request in simulator.requests) == 2
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_chat_without_title_and_activity(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    item = {"id": "!x:beeper.com", "accountID": "imessage", "network": "iMessage"}
    bare = {"id": "!y:beeper.com", "lastActivity": "2026-11-22T10:00:00Z"}
    odd = {"id": "!z:beeper.com", "lastActivity": "0001-01-01T00:00:00+14:00"}
    simulator.faults.add(
        "garbage", path="*/search", body={"items": [item, odd, bare], "hasMore": False}
    )
    result = await submit(hass, await begin_chat(hass, loaded), search="nobody at all")

    shown = choices(result)
    assert [*shown] == ["!y:beeper.com", "!x:beeper.com", "!z:beeper.com"]
    assert shown["!x:beeper.com"] == "iMessage"
    result = await submit(hass, result, chat_id="!y:beeper.com")
    assert result["title"] == "!y:beeper.com"
    assert result["data"] == {
        "chat_id": "!y:beeper.com",
        "account_id": None,
        "network": None,
    }


async def test_merged_chat_replaces_its_members(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A member is shown only if the merged chat was not found."""
    merged = {"id": "!merged:beeper.com", "title": "Kim"}
    member = {"id": "!m:beeper.com", "mergedIntoChatID": "!merged:beeper.com"}
    alone = {"id": "!n:beeper.com", "mergedIntoChatID": "!not-found:beeper.com"}
    # By title the one, by participant the others.
    for items in ([member, alone], [merged]):
        simulator.faults.add(
            "garbage", path="*/search", body={"items": items, "hasMore": False}
        )
    result = await submit(hass, await begin_chat(hass, loaded), search="nobody at all")

    assert {*choices(result)} == {"!merged:beeper.com", "!n:beeper.com"}


# Errors; the same flow succeeds afterwards


async def test_fifty_of_ten_thousand_are_offered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    ten_thousand(simulator)

    result = await submit(hass, await begin_chat(hass, loaded), search="contact")

    assert len(choices(result)) == 50
    assert searches(simulator) < 120


# The latest chats


def latest(result: Result) -> dict[str, str]:
    """Return the chats that are offered at once, in their order."""
    selector = result["data_schema"].schema["chat_id"]
    assert selector.config["mode"] == "dropdown"
    return {option["value"]: option["label"] for option in selector.config["options"]}


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_latest_chat_is_added_at_once(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """One list is read, and nothing is searched."""
    asked = len(simulator.requests)
    result = await begin_chat(hass, loaded)
    offered = latest(result)
    activity = [simulator.world.chats[key].last_activity for key in offered]
    assert activity == sorted(activity, reverse=True)
    assert {KIM, FAMILY} <= offered.keys()
    # A mark keeps the number after a name in Hebrew from left to right.
    assert any(
        "\N{LEFT-TO-RIGHT MARK} (+1 555 010 2003)" in x for x in offered.values()
    )

    result = await submit(hass, result, chat_id=KIM)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Kim"
    assert not [r for r in simulator.requests[asked:] if "query=" in r.query]
    assert hass.states.get("notify.kim")


async def test_added_chats_are_not_offered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    subentry = await add(hass, loaded, "Kim", KIM)
    result = await begin_chat(hass, loaded)
    assert KIM not in latest(result)
    result = await submit(hass, result, search="Kim")
    assert {*choices(result)} == {FAMILY, SECOND_KIM}

    await add(hass, loaded, "fam", FAMILY)
    result = await submit(hass, await begin_chat(hass, loaded), search="fam")
    assert result["errors"] == {"search": "all_added"}
    # Its own chat may be chosen again: the title may be another one.
    offered = latest(await reconfigure(hass, loaded, subentry))
    assert KIM in offered
    assert FAMILY not in offered


async def test_a_chat_added_during_the_form_is_refused(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await begin_chat(hass, loaded)
    await add(hass, loaded, "Kim", KIM)
    result = await submit(hass, result, chat_id=KIM)
    assert result["errors"] == {"chat_id": "already_configured"}


async def test_a_single_match_is_preselected(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin_chat(hass, loaded), search="fam")
    assert suggested(result) == {"chat_id": FAMILY}
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    assert suggested(result) == {}


async def test_the_search_is_left_where_the_list_fails(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.faults.add("status_before", path="/v1/chats", status=503, times=None)
    result = await begin_chat(hass, loaded)
    simulator.faults.clear()
    assert result["errors"] == {"base": "unreadable"}
    assert latest(result) == {}
    result = await submit(hass, result, search="Kim")
    assert KIM in choices(result)


@pytest.mark.parametrize("given", [{}, {"search": ""}, {"search": "   "}])
async def test_nothing_entered(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    given: dict[str, str],
) -> None:
    result = await submit(hass, await begin_chat(hass, loaded), **given)
    assert result["errors"] == {"base": "nothing_entered"}
    result = await submit(hass, result, chat_id=KIM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("search", ["nobody", "+15550109999"])
async def test_nothing_found(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, search: str
) -> None:
    simulator.world.accounts["signal"].status = "connected"
    await poll(hass, loaded)
    result = await submit(hass, await begin_chat(hass, loaded), search=search)
    assert result["errors"] == {"search": "nothing_found"}

    result = await submit(hass, result, search="Kim")
    assert KIM in choices(result)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("search", ["Kim", "nobody", "+15550101002"])
async def test_chats_that_are_not_loaded_are_not_missing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, search: str
) -> None:
    simulator.traits.add("chats_loading")
    result = await submit(hass, await begin_chat(hass, loaded), search=search)
    assert result["errors"] == {"base": "no_chats"}

    simulator.traits.discard("chats_loading")
    result = await submit(hass, result, search="Kim")
    assert KIM in choices(result)


@pytest.mark.parametrize("status", ["reconnect_required", "disconnected", "connecting"])
async def test_chats_of_a_lost_account_may_be_missing(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry, status: str
) -> None:
    simulator.world.accounts["signal"].status = "connected"
    simulator.traits.add("logged_out_chats_vanish=telegram")
    simulator.world.accounts["telegram"].status = status
    await poll(hass, loaded)
    person = contact(simulator, "@t:x", "telegram", full_name="Zoe Somebody")
    chat(simulator, [person], account_id="telegram")
    result = await submit(hass, await begin_chat(hass, loaded), search="Zoe Somebody")
    assert result["errors"] == {"search": "nothing_found_disconnected"}
    assert result["description_placeholders"]["networks"] == "Telegram"
    result = await submit(hass, result, search="Kim")
    assert KIM in choices(result)


LOGIN = "<!doctype html><title>Sign in</title>"
AWAY = {"Location": "https://beeper.example/v1/chats/search"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (("status_before", {"status": 401}), "token_refused"),
        (("status_before", {"status": 500}), "unreadable"),
        (("status_before", {"status": 503, "body": "<html>"}), "gateway"),
        (("status_before", {"status": 403, "body": LOGIN}), "proxy_login"),
        (("status_before", {"status": 301, "headers": AWAY}), "redirected"),
        (("status_before", {"status": 400, "body": {"code": "X"}}), "unreadable"),
        (("status_before", {"status": 404}), "unreadable"),
        (("garbage", {"body": "[]"}), "unreadable"),
        (("cut", {}), "unreadable"),
        (("drop_before", {"times": 2}), "unreadable"),
        (("delay", {}), "timeout"),
    ],
)
async def test_errors_are_explained(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    add_fault: Callable[..., Fault],
    fault: tuple[str, dict[str, Any]],
    error: str,
) -> None:
    kind, options = fault
    add_fault(kind, path="*/search", **options)

    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    assert result["errors"] == {"base": error}

    result = await submit(hass, result, search="Kim")
    assert KIM in choices(result)


async def test_beeper_offline(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    await simulator.stop()
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    assert result["errors"] == {"base": "cannot_connect"}


async def test_entry_not_loaded(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await begin_chat(hass, loaded)
    found = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    await hass.config_entries.async_unload(loaded.entry_id)

    for ended in (
        await begin_chat(hass, loaded),
        await submit(hass, result, search="x"),
        await submit(hass, found, chat_id=KIM),
    ):
        assert ended["type"] is FlowResultType.ABORT
        assert ended["reason"] == "not_loaded"


async def test_chat_cannot_be_added_twice(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    await add(hass, loaded, "Kim", KIM)
    result = await submit(hass, result, chat_id=KIM)
    assert result["errors"] == {"chat_id": "already_configured"}

    result = await submit(hass, result, chat_id=SECOND_KIM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_unlisted_chat_can_be_entered(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")

    with pytest.raises(InvalidData):
        await submit(hass, result, chat_id="!other:beeper.com")


# Another chat for the same entities


async def test_reconfigure_to_another_chat(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    subentry = await add(hass, loaded, "Kim", KIM)
    result = await reconfigure(hass, loaded, subentry)
    assert result["step_id"] == "reconfigure"

    result = await submit(hass, result, search="family")
    result = await submit(hass, result, chat_id=FAMILY)

    assert result["reason"] == "reconfigure_successful"
    (changed,) = loaded.subentries.values()
    assert (changed.title, changed.unique_id) == ("Family 🏡", FAMILY)
    assert changed.data["chat_id"] == FAMILY
    # The entity stays, and writes into the other chat.
    await hass.services.async_call(
        "notify",
        "send_message",
        {"entity_id": "notify.kim", "message": "hi"},
        blocking=True,
    )
    assert simulator.world.chats[FAMILY].messages[-1].text == "hi"
    assert chat_devices(device_registry, loaded) == ["Family 🏡"]


async def test_reconfigure_to_the_same_chat(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """A title that has changed is taken over."""
    subentry = await add(hass, loaded, "Kim", KIM)
    await add(hass, loaded, "family", FAMILY)
    simulator.world.chats[KIM].title = "Kim at work"

    result = await reconfigure(hass, loaded, subentry)
    result = await submit(hass, result, search="nobody")
    assert result["errors"] == {"search": "nothing_found_disconnected"}
    result = await submit(hass, result, search="kim")
    result = await submit(hass, result, chat_id=KIM)

    assert result["reason"] == "reconfigure_successful"
    assert loaded.subentries[subentry.subentry_id].title == "Kim at work"


# Removing


async def test_removed_chat_leaves_no_entities(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    kim = await add(hass, loaded, "Kim", KIM)
    await add(hass, loaded, "family", FAMILY)

    hass.config_entries.async_remove_subentry(loaded, kim.subentry_id)
    await hass.async_block_till_done()

    assert chat_devices(device_registry, loaded) == ["Family 🏡"]
    entities = er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
    chats = [entity for entity in entities if entity.config_subentry_id]
    assert {entity.entity_id for entity in chats} == {
        "event.family_message",
        "notify.family",
        "sensor.family_last_message",
        "sensor.family_unread_messages",
    }
    assert hass.states.get("notify.kim") is None


async def test_chats_and_shortcuts_can_be_added(
    hass: HomeAssistant, loaded: MockConfigEntry
) -> None:
    assert loaded.supported_subentry_types == {
        "chat": {"supports_reconfigure": True},
        "shortcut": {"supports_reconfigure": True},
    }


async def test_no_chat_is_preselected(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    """The form preselects no chat, since the match could be wrong."""
    result = await submit(hass, await begin_chat(hass, loaded), search="Kim")
    result = await submit(hass, result)
    assert result["errors"] == {"chat_id": "not_chosen"}
    result = await submit(hass, result, chat_id=KIM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_equal_titles_get_their_network(
    hass: HomeAssistant, simulator: Simulator, loaded: MockConfigEntry
) -> None:
    simulator.world.chats[FAMILY].title = "Kim"
    await add(hass, loaded, "Kim", KIM)
    await add(hass, loaded, "Kim", FAMILY)
    titles = [subentry.title for subentry in loaded.subentries.values()]
    assert titles == ["Kim", "Kim (WhatsApp)"]
