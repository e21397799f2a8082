"""The options of a server: every field is stored, and wrong values are refused."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from simulator import Simulator
from tests.helpers.flows import TEXTS, check_texts, suggested

pytestmark = pytest.mark.usefixtures("no_complaints")

type Result = Any

SECTIONS = {
    "safety": [
        "read_only",
        "chats_per_hour",
        "answers_per_minute",
        "duplicate_window",
    ],
    "incoming": ["allowed_senders", "backlog_minutes"],
    "voice": ["sentences", "confirm", "llm_can_send"],
}


def in_sections(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return options as the form has them; those left out have their defaults."""
    return {
        section: {key: options[key] for key in keys if key in options}
        for section, keys in SECTIONS.items()
        if options.keys() & {*keys}
    }


def suggested_options(result: Result) -> dict[str, Any]:
    """Return the values that the form suggests, by field."""
    return {
        key: value
        for section in result["data_schema"].schema.values()
        for key, value in suggested({"data_schema": section.schema}).items()
    }


async def test_options(
    hass: HomeAssistant, loaded: MockConfigEntry, simulator: Simulator
) -> None:
    result: Result = await hass.config_entries.options.async_init(loaded.entry_id)
    check_texts(result, "options")
    schema = result["data_schema"].schema
    assert {
        name: [*map(str, section.schema.schema)] for name, section in schema.items()
    } == SECTIONS
    assert not any(section.options["collapsed"] for section in schema.values())
    # The frontend fills in the defaults of the fields in a section without one.
    assert {name: section({}) for name, section in schema.items()} == in_sections(
        {
            "duplicate_window": 30,
            "chats_per_hour": 20,
            "answers_per_minute": 20,
            "read_only": False,
            "backlog_minutes": 15,
            "allowed_senders": [],
            "sentences": True,
            "confirm": "new_people",
            "llm_can_send": False,
        }
    )
    simulator.requests.clear()

    options = {
        "duplicate_window": 60.0,
        "chats_per_hour": 0.0,
        "answers_per_minute": 30.0,
        "read_only": True,
        "backlog_minutes": 1440.0,
        "allowed_senders": ["+15550101002", "@kim:beeper.com"],
        "sentences": False,
        "confirm": "always",
        "llm_can_send": True,
    }
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], in_sections(options)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()

    assert loaded.options == options
    for key in (
        "duplicate_window",
        "chats_per_hour",
        "answers_per_minute",
        "backlog_minutes",
    ):
        assert type(loaded.options[key]) is int
    paths = [received.path for received in simulator.requests]
    assert paths.count("/v1/info") == paths.count("/v1/accounts") == 1
    assert loaded.state is ConfigEntryState.LOADED

    result = await hass.config_entries.options.async_init(loaded.entry_id)
    assert suggested_options(result) == options


@pytest.mark.parametrize(
    "options",
    [
        {"duplicate_window": -1},
        {"duplicate_window": 601},
        {"chats_per_hour": -1},
        {"chats_per_hour": 201},
        {"answers_per_minute": -1},
        {"answers_per_minute": 201},
        {"backlog_minutes": 4},
        {"backlog_minutes": 1441},
        {"allowed_senders": "+15550101002"},
    ],
)
async def test_options_out_of_range_are_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, options: dict[str, Any]
) -> None:
    result = await hass.config_entries.options.async_init(loaded.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(
            result["flow_id"], in_sections(options)
        )
    assert loaded.options == {}


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+1 (555) 010-1002", "+15550101002"),
        ("tel:+15550101002", "+15550101002"),
        ("0015550101002", "+15550101002"),
        (" @kim:beeper.com ", "@kim:beeper.com"),
        (
            "@15550101002:local-whatsapp.localhost",
            "@15550101002:local-whatsapp.localhost",
        ),
        ("imsg##kim@mail.example", "imsg##kim@mail.example"),
    ],
)
async def test_unambiguous_senders_are_accepted(
    hass: HomeAssistant, loaded: MockConfigEntry, typed: str, stored: str
) -> None:
    """Stored once, in one spelling; a line left empty does not count."""
    result = await hass.config_entries.options.async_init(loaded.entry_id)
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], in_sections({"allowed_senders": [typed, "", stored, " "]})
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.options["allowed_senders"] == [stored]


@pytest.mark.parametrize(
    "typed",
    [
        "Kim",
        "Kim Sample",
        "Kim: work",
        "12:30",
        "kim:beeper.com",
        "!fAmiLyGroUp:beeper.com",
        "#family:beeper.com",
        "matrix:u/kim:beeper.com",
        "@kim:https://beeper.com",
        "@kim",
        "kim@mail.example",
        "mailto:kim@mail.example",
        "https://matrix.to/#/@kim:beeper.com",
        "555 010 1002",
        "15550101002",
        "tel:15550101002",
        "+44 (0)20 7946 0000",
        "\N{ZERO WIDTH SPACE}",
    ],
)
async def test_ambiguous_senders_are_refused(
    hass: HomeAssistant, loaded: MockConfigEntry, typed: str
) -> None:
    """Anybody can take any name, so names are refused; the form keeps its values."""
    result: Result = await hass.config_entries.options.async_init(loaded.entry_id)
    typed_in = {"read_only": True, "allowed_senders": ["@kim:beeper.com", typed]}
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], in_sections(typed_in)
    )
    assert result["errors"] == {"base": "sender_uncertain"}
    assert result["errors"]["base"] in TEXTS["options"]["error"]
    assert suggested_options(result).items() >= typed_in.items()
    assert loaded.options == {}

    result = await hass.config_entries.options.async_configure(
        result["flow_id"], in_sections({"allowed_senders": []})
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded.options["allowed_senders"] == []


async def test_options_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(
        result["flow_id"], in_sections({"duplicate_window": 0})
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.options["duplicate_window"] == 0
