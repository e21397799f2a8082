"""A real Home Assistant in this process, and a simulated Beeper in another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
import sys
import tempfile
from typing import Any

import yaml

from homeassistant.bootstrap import async_setup_hass
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.runner import RuntimeConfig

ROOT = Path(__file__).parents[1]
TOKEN = "dev-token"  # noqa: S105 - the simulator's


@asynccontextmanager
async def simulator(*, chats: int | None = None) -> AsyncIterator[str]:
    """Run a simulator in a separate process; return its URL."""
    filled = ("--chats", str(chats)) if chats else ()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--port", "0", "--token", TOKEN, *filled),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        line = await process.stdout.readline()
        yield line.decode().split()[-1]
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def home_assistant(
    directory: Path | None = None, **configuration: Any
) -> AsyncIterator[HomeAssistant]:
    """Run a Home Assistant that has the integration, as `directory` knows it if any."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = directory or Path(temporary)
        components = directory / "custom_components"
        if not components.exists():
            components.symlink_to(ROOT / "custom_components")
        (directory / "configuration.yaml").write_text(yaml.safe_dump(configuration))
        hass = await async_setup_hass(
            RuntimeConfig(config_dir=str(directory), skip_pip=True, log_no_color=True)
        )
        assert hass
        await hass.async_start()
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


async def control(hass: HomeAssistant, url: str, name: str, body: Any) -> Any:
    """Have something happen at the simulator."""
    session = async_get_clientsession(hass)
    async with session.post(f"{url}/control/{name}", json=body) as response:
        response.raise_for_status()
        return await response.json()


async def set_up(
    hass: HomeAssistant, url: str, *, verify_ssl: bool = True, **options: Any
) -> ConfigEntry:
    """Go through the config flow as a person does."""
    flow = hass.config_entries.flow
    result = await flow.async_init("beeper", context={"source": "user"})
    result = await flow.async_configure(
        result["flow_id"], {"url": url, "token": TOKEN, "verify_ssl": verify_ssl}
    )
    result = await flow.async_configure(result["flow_id"], {"account_id": "whatsapp"})
    entry = result["result"]
    if options:
        hass.config_entries.async_update_entry(entry, options=options)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return entry
