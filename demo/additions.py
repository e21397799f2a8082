"""What the demo has besides the integration: a camera, and an added chat."""

import asyncio
from pathlib import Path
import shutil
from typing import Any

from .dashboard import CAMERA
from .home_assistant import HomeAssistant

_ENTRIES = "/api/config/config_entries"


async def add_camera(ha: HomeAssistant) -> None:
    """Add a camera that shows a picture of a door."""
    # Home Assistant may read this directory.
    picture = ha.directory / "config/www/door.jpg"
    await asyncio.to_thread(picture.parent.mkdir, exist_ok=True)
    await asyncio.to_thread(shutil.copy, Path(__file__).with_name("door.jpg"), picture)
    flow = await ha.post(f"{_ENTRIES}/flow", {"handler": "local_file"})
    # From 2026.11 on, the camera has the name of the file.
    values = {"name": "Door", "file_path": str(picture)}
    fields = {field["name"] for field in flow["data_schema"]}
    await ha.post(
        f"{_ENTRIES}/flow/{flow['flow_id']}",
        {name: values[name] for name in values.keys() & fields},
    )
    await ha.until(f"/api/states/{CAMERA}")


async def add_chat(ha: HomeAssistant, entry: dict[str, Any], name: str) -> None:
    """Add the latest chat with this name, which gets a device with entities."""
    path = f"{_ENTRIES}/subentries/flow"
    flow = await ha.post(path, {"handler": [entry["entry_id"], "chat"]})
    chats = flow["data_schema"][0]["selector"]["select"]["options"]
    chat_id = next(x["value"] for x in chats if x["label"].startswith(f"{name} "))
    await ha.post(f"{path}/{flow['flow_id']}", {"chat_id": chat_id})
