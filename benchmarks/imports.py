"""What a restart of Home Assistant imports for the integration, beyond its own modules."""

import asyncio
import json
from pathlib import Path
import sys
import tempfile

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
    others = [name for name in modules if not name.startswith((_OURS, "benchmarks"))]
    times = [
        await _time(["homeassistant.bootstrap"], others, ours)
        for _ in range(2 if quick else 25)
    ]
    files = {
        f"{_OURS}.{path.relative_to(ROOT / 'custom_components/beeper').with_suffix('')}"
        for path in (ROOT / "custom_components/beeper").rglob("*.py")
    }
    left = {name.replace("/", ".").removesuffix(".__init__") for name in files} - {
        *ours
    }
    print(f"{len(ours)} modules; left out: {', '.join(sorted(left)) or 'none'}\n")
    bootstrap, _, own = zip(*times, strict=True)
    return [
        figure("import, processor time", "ms", own, limit=40),
        figure(
            "import, against what Home Assistant's bootstrap imports",
            "×",
            ratios(own, bootstrap),
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


async def _time(*parts: list[str]) -> list[float]:
    """Return the milliseconds for each part, imported after the one before."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.importing"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate(json.dumps(parts).encode())
    times: list[float] = json.loads(output)
    return times
