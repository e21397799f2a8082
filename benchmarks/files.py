"""Attachments on their way out and in: how much memory they take, and how fast."""

from pathlib import Path
import tempfile
import time
from typing import Any

import aiohttp
from yarl import URL

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .home_assistant import TOKEN, home_assistant, set_up, simulator
from .measure import Figure, figure, ratios
from .processes import forget_peak, fresh, memory, peak_memory

_MEGABYTE = 1024 * 1024
_SIZES = (1, 10, 95)
_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
_CHAT = "!NCdzlIaMjZUmvmvyHU:beeper.com"


async def measure(*, quick: bool) -> list[Figure]:
    """Send and save files of different sizes, next to a bare upload and download."""
    sizes = (1, 5) if quick else _SIZES
    runs = [await fresh(_measure, sizes) for _ in range(1 if quick else 5)]
    figures = []
    for way in ("send", "download"):
        for size in sizes:
            peaks = [run[way, size][0] for run in runs]
            figures.append(
                figure(f"{way} {size} MB, memory on top", "MB", peaks, limit=16)
            )
        size = sizes[-1]
        for index, name in ((1, "processor time"), (2, "time")):
            figures.append(
                figure(
                    f"{way} {size} MB, {name} against a bare one",
                    "×",
                    ratios(
                        [run[way, size][index] for run in runs],
                        [run[f"bare {way}", size][index] for run in runs],
                    ),
                )
            )
    return figures


async def _measure(
    sizes: tuple[int, ...],
) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Return for each way and size: megabytes on top, processor time, seconds."""
    results: dict[tuple[str, int], tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        media = Path(folder) / "media"
        media.mkdir()
        core = {
            "allowlist_external_dirs": [folder],
            "media_dirs": {"local": str(media)},
        }
        async with simulator() as url, home_assistant(homeassistant=core) as hass:
            await set_up(hass, url)
            session = async_get_clientsession(hass)
            ways = {
                "send": _send,
                "bare send": _send_bare,
                "download": _download,
                "bare download": _download_bare,
            }
            for size in (0, *sizes):  # The first, of nothing, warms up.
                file = Path(folder) / f"{size}.bin"
                content = bytes(max(size * _MEGABYTE, 1))
                await hass.async_add_executor_job(file.write_bytes, content)
                del content
                message: dict[str, Any] = {}
                for way, run in ways.items():
                    forget_peak()
                    before = memory()
                    began, used = time.perf_counter(), time.process_time()
                    await run(hass, session, url, file, message)
                    results[way, size] = (
                        peak_memory() - before,
                        time.process_time() - used,
                        time.perf_counter() - began,
                    )
    return results


async def _send(
    hass: HomeAssistant,
    session: aiohttp.ClientSession,
    url: str,
    file: Path,
    message: dict[str, Any],
) -> None:
    response = await hass.services.async_call(
        "beeper",
        "send_message",
        {"chat_id": _CHAT, "attachment": str(file)},
        blocking=True,
        return_response=True,
    )
    assert response
    message["id"] = response["message_id"]


async def _send_bare(
    hass: HomeAssistant,
    session: aiohttp.ClientSession,
    url: str,
    file: Path,
    message: dict[str, Any],
) -> None:
    form = aiohttp.FormData()
    with await hass.async_add_executor_job(file.open, "rb") as opened:
        form.add_field("file", opened, filename=file.name)
        async with session.post(
            f"{url}/v1/assets/upload", data=form, headers=_HEADERS
        ) as response:
            uploaded = await response.json()
    messages = URL(f"{url}/v1/chats") / _CHAT / "messages"
    body = {"attachment": {"uploadID": uploaded["uploadID"]}}
    async with session.post(messages, json=body, headers=_HEADERS) as response:
        response.raise_for_status()
    async with session.get(messages, headers=_HEADERS) as response:
        newest = (await response.json())["items"][0]
    message["url"] = newest["attachments"][0]["srcURL"]


async def _download(
    hass: HomeAssistant,
    session: aiohttp.ClientSession,
    url: str,
    file: Path,
    message: dict[str, Any],
) -> None:
    response = await hass.services.async_call(
        "beeper",
        "download_attachment",
        {"chat_id": _CHAT, "message_id": message["id"]},
        blocking=True,
        return_response=True,
    )
    assert response
    assert response["size"] == max(int(file.stem) * _MEGABYTE, 1)


async def _download_bare(
    hass: HomeAssistant,
    session: aiohttp.ClientSession,
    url: str,
    file: Path,
    message: dict[str, Any],
) -> None:
    def write(chunk: bytes) -> None:
        saved.write(chunk)

    with await hass.async_add_executor_job((file.parent / "saved").open, "wb") as saved:
        async with session.get(
            f"{url}/v1/assets/serve",
            params={"url": message["url"]},
            headers=_HEADERS,
        ) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_chunked(256 * 1024):
                await hass.async_add_executor_job(write, chunk)
