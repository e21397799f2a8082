"""Cells: all cases of a parametrized test in one Home Assistant, each reported by name.

Starting and stopping a Home Assistant takes longer than most tests. Before each cell, the
simulator is as new, added chats, shortcuts and servers are removed, options are as before,
and nothing is left of the log, the requests or published events.
What the integration remembers stays: that is for tests in which it does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from inspect import Parameter, iscoroutinefunction, signature
from itertools import product
from typing import Any

import pytest

from custom_components.beeper.const import DOMAIN
from homeassistant.core import HomeAssistant
from simulator import Simulator
from tests.helpers.world import sign_in

_OF_FIXTURES = {"profile"}
"""Parameters that fixtures take: pytest makes a test of each."""
_COLLECTED = ("events", "failures", "notices")
"""Fixtures that are lists of what happened."""

type _Cell = tuple[str, dict[str, Any]]


def cells[**P](test: Callable[P, Any]) -> Callable[..., Any]:
    """Make one test of all cells of a test that is parametrized below this decorator."""
    marks: list[pytest.Mark] = [*getattr(test, "pytestmark", ())]
    taken = signature(test).parameters
    ours = [
        mark
        for mark in marks
        if mark.name == "parametrize"
        and not mark.kwargs.get("indirect")
        and _names(mark)[0] in taken
        and not {*_names(mark)} & _OF_FIXTURES
    ]
    assert ours, "It has no cells."
    all_cells = [*_combined(ours)]
    ids = [name for name, _ in all_cells]
    assert len(ids) == len({*ids}), "Two cells have one name."
    given = {name for mark in ours for name in _names(mark)}
    fixtures = [name for name in taken if name not in given]
    added = [name for name in ("request", "subtests") if name not in fixtures]

    def arguments(
        fixed: Mapping[str, Any], cell: dict[str, Any], patch: pytest.MonkeyPatch
    ) -> dict[str, Any]:
        found = {name: fixed[name] for name in fixtures} | cell
        return found | ({"monkeypatch": patch} if "monkeypatch" in found else {})

    @wraps(test)
    async def run(**fixed: Any) -> None:
        values = fixed["request"].node.funcargs
        begin, entries = _world(values), _entries(values)
        for number, (name, cell) in enumerate(all_cells):
            with fixed["subtests"].test(name), pytest.MonkeyPatch.context() as patch:
                if number:
                    await _start_anew(values, entries)
                    assert _world(values) == begin, "A fixture has changed the world."
                await test(**arguments(fixed, cell, patch))  # type: ignore[call-arg]

    @wraps(test)
    def run_sync(**fixed: Any) -> None:
        for name, cell in all_cells:
            with fixed["subtests"].test(name), pytest.MonkeyPatch.context() as patch:
                test(**arguments(fixed, cell, patch))  # type: ignore[call-arg]

    made: Any = run if iscoroutinefunction(test) else run_sync
    made.pytestmark = [mark for mark in marks if mark not in ours]
    made.__signature__ = signature(test).replace(
        parameters=[
            Parameter(name, Parameter.KEYWORD_ONLY) for name in (*fixtures, *added)
        ]
    )
    return made  # type: ignore[no-any-return]


def _world(values: dict[str, Any]) -> str:
    """Return what a fixture may have changed in the world."""
    simulator: Simulator | None = values.get("simulator")
    if simulator is None:
        return ""
    world = simulator.world
    accounts = {
        key: (account.status, account.contacts)
        for key, account in world.accounts.items()
    }
    chats = {
        key: (chat.title, chat.participants, len(chat.messages))
        for key, chat in world.chats.items()
    }
    faults = len(simulator.faults.waiting)
    return repr(([*simulator.traits], faults, world.confirm_after, accounts, chats))


def _entries(values: dict[str, Any]) -> dict[str, tuple[set[str], Mapping[str, Any]]]:
    """Return the config entries of fixtures, with their subentries and options."""
    hass: HomeAssistant | None = values.get("hass")
    return {
        entry.entry_id: ({*entry.subentries}, entry.options)
        for entry in (hass.config_entries.async_entries(DOMAIN) if hass else ())
    }


async def _start_anew(
    values: dict[str, Any], entries: Mapping[str, tuple[set[str], Mapping[str, Any]]]
) -> None:
    """Let a cell find the world, the log and the lists as the first one did."""
    hass: HomeAssistant | None = values.get("hass")
    simulator: Simulator | None = values.get("simulator")
    if hass:
        await hass.async_block_till_done()
        # Only the first set-up of them reads its configuration.
        assert not {"automation", "script"} & hass.config.components
        for entry in hass.config_entries.async_entries(DOMAIN):
            if entry.entry_id not in entries:
                await hass.config_entries.async_remove(entry.entry_id)
                continue
            subentries, options = entries[entry.entry_id]
            for added in {*entry.subentries} - subentries:
                hass.config_entries.async_remove_subentry(entry, added)
            hass.config_entries.async_update_entry(entry, options=options)
        await hass.async_block_till_done()
    if simulator:
        simulator.reset()
        if "signed_in" in values:
            sign_in(simulator)
    if "caplog" in values:
        values["caplog"].clear()
    for name in _COLLECTED:
        if name in values:
            values[name].clear()


def _names(mark: pytest.Mark) -> list[str]:
    """Return the parameters of a mark."""
    names = mark.args[0]
    return (
        [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    )


def _combined(marks: list[pytest.Mark]) -> Iterator[_Cell]:
    """Return the cells: each case of a mark with each of the others."""
    for cases in product(*map(_cases, marks)):
        values: dict[str, Any] = {}
        for _, case in cases:
            values |= case
        yield "-".join(name for name, _ in cases), values


def _cases(mark: pytest.Mark) -> list[_Cell]:
    """Return the cases of a mark with their names, which are those of pytest."""
    names = _names(mark)
    ids: Any = mark.kwargs.get("ids")
    found: list[_Cell] = []
    used: dict[str, int] = {}
    for number, case in enumerate(mark.args[1]):
        values, own_id = case, None
        if isinstance(case, type(pytest.param())):
            assert not case.marks, "Marks of a cell are not supported."
            values, own_id = case.values, case.id
        elif len(names) == 1:
            values = (case,)
        if own_id is None and isinstance(ids, Iterable):
            own_id = [*ids][number]
        if own_id is None:
            own_id = "-".join(
                _shown(name, value, ids, number)
                for name, value in zip(names, values, strict=True)
            )
        name = str(own_id).encode("unicode_escape").decode("ascii")
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            name += f" ({used[name]})"
        found.append((name, dict(zip(names, values, strict=True))))
    return found


def _shown(name: str, value: Any, ids: Any, number: int) -> str:
    """Return how the name of a cell shows a value."""
    if callable(ids) and (shown := ids(value)) is not None:
        return str(shown)
    if value is None or isinstance(value, (str, bytes, int, float)):
        return str(value)
    if named := getattr(value, "__name__", None):
        return str(named)
    return f"{name}{number}"
