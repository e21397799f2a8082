"""What a restart of Home Assistant imports for the integration, beyond its own modules."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
import sys
import tempfile
import time

from .home_assistant import ROOT, home_assistant, set_up, simulator
from .measure import Figure, figure, ratios
from .processes import fresh

_OURS = "custom_components.beeper"


async def measure(*, quick: bool) -> list[Figure]:
    """Find out which modules a restart loads, then time only those."""
    with tempfile.TemporaryDirectory() as folder:
        async with simulator() as url:
            await fresh(_configure, folder, url)
            modules = await fresh(_loaded_by_restart, folder)
    ours = [name for name in modules if name.startswith(_OURS)]
    others = [name for name in modules if not name.startswith(_OURS)]
    times = [await fresh(_time, others, ours) for _ in range(2 if quick else 25)]
    files = {
        f"{_OURS}.{path.relative_to(ROOT / 'custom_components/beeper').with_suffix('')}"
        for path in (ROOT / "custom_components/beeper").rglob("*.py")
    }
    left = {name.replace("/", ".").removesuffix(".__init__") for name in files} - {*ours}
    print(f"{len(ours)} modules; not needed: {', '.join(sorted(left)) or 'none'}")
    return [
        figure("import, processor time", "ms", [own for own, _ in times], limit=40),
        figure(
            "import, against Home Assistant's bootstrap",
            "×",
            ratios(*(list(side) for side in zip(*times))),
        ),
    ]


async def _configure(folder: str, url: str) -> None:
    async with home_assistant(Path(folder)) as hass:
        await set_up(hass, url)


async def _loaded_by_restart(folder: str) -> list[str]:
    """Return the modules after a start with an entry, in the order they came."""
    async with home_assistant(Path(folder)) as hass:
        await hass.async_block_till_done()
        assert hass.services.has_service("beeper", "create_chat")
        return [name for name in sys.modules if not name.startswith("__")]


async def _time(others: Sequence[str], ours: Sequence[str]) -> tuple[float, float]:
    """Return milliseconds for ours, and for what Home Assistant starts with."""
    bootstrap = _spend(["homeassistant.bootstrap"])
    _spend([name for name in others if not name.startswith("benchmarks")])
    return _spend(ours), bootstrap


def _spend(names: Sequence[str]) -> float:
    used = time.process_time()
    for name in names:
        try:
            import_module(name)
        except ImportError:  # A module that another one made for itself.
            if name.startswith(_OURS):
                raise
    return (time.process_time() - used) * 1000
