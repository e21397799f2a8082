"""Property tests within a running Home Assistant."""

import asyncio
from collections.abc import Callable, Coroutine
import os
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from homeassistant.core import HomeAssistant

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "300"))
EXAMPLES_ARE_FIXED = "FUZZ_EXAMPLES" not in os.environ
"""Whether each run tries the same: a test that fails fails again."""


async def throw(
    hass: HomeAssistant,
    calls: st.SearchStrategy[Any],
    attempt: Callable[[Any], Coroutine[Any, Any, None]],
    examples: int = EXAMPLES,
    *,
    shrink: bool = True,
) -> None:
    """Attempt many generated calls."""
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=EXAMPLES_ARE_FIXED,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    @given(calls)
    def attempt_one(data: Any) -> None:
        asyncio.run_coroutine_threadsafe(attempt(data), loop).result()

    await hass.async_add_executor_job(attempt_one)
