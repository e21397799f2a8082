"""The simulator as the expected server: its nearest profile, read the same way."""

from aiohttp import ClientSession

from simulator import Simulator
from simulator.profiles import PROFILES

from .client import Client
from .reading import Reading

_TOKEN = "simulated"  # noqa: S105 - the simulator's


def nearest_profile(app: str, version: str | None) -> str:
    """Return the profile of that app, or the newest that is not newer than `version`.

    The oldest if the version is unknown or older than all.
    """
    for name, profile in PROFILES.items():
        if profile.app_name != "Beeper" and profile.app_name in app:
            return name
    by_version = sorted(
        (_numbers(profile.version), name)
        for name, profile in PROFILES.items()
        if profile.app_name == "Beeper"
    )
    newest = _numbers(version) if version else (0,)
    older = [name for numbers, name in by_version if numbers <= newest]
    return older[-1] if older else by_version[0][1]


async def read_simulator(profile: str, session: ClientSession) -> Reading:
    """Read a simulator that does what servers of that profile were seen to do."""
    async with Simulator(profile, _TOKEN, realistic=True) as simulator:
        reading = Reading(Client(session, simulator.url, _TOKEN))
        await reading.run()
    return reading


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
