"""Attachments are saved to the media folder only: complete or not at all."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import tracemalloc
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.beeper.actions import download as download_action
from custom_components.beeper.const import DOMAIN
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import raise_if_invalid_path
from simulator import Simulator
from simulator.faults import Fault
from simulator.model import Asset, Json
from tests.helpers.actions import download
from tests.helpers.cells import cells
from tests.helpers.entities import add_chat
from tests.helpers.labels import plain, refused as expect_refusal
from tests.helpers.media import CAKE, attach, files
from tests.helpers.servers import add_entry
from tests.helpers.waiting import until
from tests.helpers.world import FAMILY, KIM, PROFILES


def served(simulator: Simulator) -> list[str]:
    return [request.query for request in simulator.requests if "serve" in request.path]


async def refused(hass: HomeAssistant, media: Path, /, **data: Any) -> str:
    """Return why nothing was saved."""
    before = files(media)
    with pytest.raises(HomeAssistantError) as error:
        await download(hass, **data)
    assert files(media) == before
    return plain(error.value)


@pytest.mark.parametrize(
    "profile", [profile for profile in PROFILES if profile != "4.1.294"]
)
async def test_on_each_generation(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    profile: str,
) -> None:
    photo = simulator.world.assets["mxc://beeper.local/cake"]
    unread = simulator.world.chats[FAMILY].unread_count

    response = await download(hass)

    assert response == {
        "chat_id": FAMILY,
        "message_id": CAKE,
        "path": str(media / "beeper/cake.png"),
        "media_content_id": "media-source://media_source/local/beeper/cake.png",
        "file_name": "cake.png",
        "mime_type": "image/png",
        "size": len(photo.data),
    }
    assert files(media) == {"beeper/cake.png": photo.data}
    found = await async_resolve_media(hass, response["media_content_id"], None)
    assert found.mime_type == "image/png"
    assert served(simulator) == ["url=mxc://beeper.local/cake"]
    assert simulator.world.chats[FAMILY].unread_count == unread
    assert not simulator.executed


@pytest.mark.parametrize("profile", ["4.1.294"])
async def test_a_server_that_cannot_serve_files(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    assert "needs Beeper 4.2.509" in await refused(hass, media)


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_an_old_message_is_found_on_each_generation(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    profile: str,
) -> None:
    message = attach(simulator, fileName="old.txt")
    chat = simulator.world.chats[KIM]
    for number in range(60):
        simulator.world.incoming(chat, chat.participants[0], str(number))

    response = await download(hass, chat_id=KIM, message_id=message.id)

    assert response["file_name"] == "old.txt"


@pytest.mark.parametrize("profile", ["4.2.557"])
async def test_message_search_ends(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download_action, "_MAX_PAGES", 2)
    chat = simulator.world.chats[KIM]
    for number in range(60):
        simulator.world.incoming(chat, chat.participants[0], str(number))

    assert "not a message in this chat" in await refused(
        hass, media, chat_id=KIM, message_id="1"
    )


@pytest.mark.parametrize("profile", ["4.2.557", "latest"])
async def test_missing_message(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    profile: str,
) -> None:
    reason = await refused(hass, media, message_id="999")

    assert (
        "not a message in this chat" if profile == "4.2.557" else "not know"
    ) in reason


async def test_by_entity_and_by_recipient(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
) -> None:
    await add_chat(hass, loaded, FAMILY, "Family")

    await download(hass, entity_id="notify.family")
    await download(hass, recipient="family")
    await download(hass, recipient="family", account_id="whatsapp")

    assert sorted(files(media)) == [
        "beeper/cake (2).png",
        "beeper/cake (3).png",
        "beeper/cake.png",
    ]


async def test_download_needs_only_read_access(
    hass: HomeAssistant,
    simulator: Simulator,
    loaded: MockConfigEntry,
    media: Path,
) -> None:
    hass.config_entries.async_update_entry(loaded, options={"read_only": True})
    await hass.async_block_till_done()

    assert await download(hass)


async def test_attachment_is_chosen_by_number(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    message = attach(simulator, fileName="one.txt")
    message.attachments.append({"type": "img", "id": "localmxc://b/two"})
    simulator.world.assets["localmxc://b/two"] = Asset(
        url="localmxc://b/two", path="", data=b"2", mime_type="image/png", file_name=""
    )

    response = await hass.services.async_call(
        DOMAIN, "list_messages", {"chat_id": KIM}, blocking=True, return_response=True
    )
    listed: Any = (response or {})["messages"]
    assert listed[0]["files"] == [
        {
            "attachment": 1,
            "kind": "file",
            "file_name": "one.txt",
            "mime_type": None,
            "size": None,
        },
        {
            "attachment": 2,
            "kind": "image",
            "file_name": None,
            "mime_type": None,
            "size": None,
        },
    ]
    second = await download(hass, chat_id=KIM, message_id=message.id, attachment="2")
    assert (second["file_name"], second["mime_type"]) == ("attachment", "image/png")
    reason = await refused(
        hass, media, chat_id=KIM, message_id=message.id, attachment=3
    )
    assert "attachment is too high. The message has 2 files" in reason


@pytest.mark.parametrize(
    ("reported", "given", "name"),
    [
        ({"fileName": "a.txt"}, None, "a.txt"),
        ({"fileName": "a.txt"}, "door.jpg", "door.jpg"),
        ({"fileName": "../../configuration.yaml"}, None, "configuration.yaml"),
        ({"fileName": "..\\..\\x.exe"}, None, "x.exe"),
        ({"fileName": "/etc/passwd"}, None, "passwd"),
        ({"fileName": ".hidden"}, None, "hidden"),
        ({"fileName": "~a..b\n<c>.txt"}, None, "_a_b__c_.txt"),
        ({"fileName": "..."}, None, "_"),
        ({"fileName": "/"}, None, "attachment"),
        ({"fileName": "/", "mimeType": "image/png"}, None, "attachment.png"),
        ({}, "~door", "_door"),
        ({"mimeType": "image/png"}, "door", "door.png"),
        ({"mimeType": "image/jpg"}, "door", "door.jpg"),
        ({"mimeType": "image/jpeg"}, "Front 2.0", "Front 2.0.jpg"),
        ({"fileName": "a.csv.gz", "mimeType": "application/gzip"}, None, "a.csv.gz"),
        ({"fileName": "é" * 200 + ".png"}, None, "é" * 100 + ".png"),
        ({"fileName": "x." + "y" * 300}, None, "x." + "y" * 198),
        ({"fileName": "\u202egnp.exe"}, None, "_gnp.exe"),
    ],
)
async def test_sender_file_name_is_sanitized(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    reported: Json,
    given: str | None,
    name: str,
) -> None:
    message = attach(simulator, **reported)

    response = await download(hass, chat_id=KIM, message_id=message.id, file_name=given)

    assert files(media) == {f"beeper/{name}": b"x"}
    assert response["file_name"] == name
    raise_if_invalid_path(response["media_content_id"])


async def test_existing_file_is_not_overwritten(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    message = attach(simulator, b"new", fileName="note")
    (media / "mine").mkdir()
    (media / "mine/note").write_bytes(b"old")
    call = {"chat_id": KIM, "message_id": message.id, "folder": "mine/"}

    names = await asyncio.gather(*(download(hass, **call) for _ in range(5)))

    assert {download["file_name"] for download in names} == {
        f"note ({number})" for number in range(2, 7)
    }
    assert files(media).pop("mine/note") == b"old"
    assert len(files(media)) == 6


@cells
@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "https://example.com/x", "/etc/passwd", "MXC://b/x", ""],
)
async def test_only_stored_attachments_are_requested(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    url: str,
) -> None:
    message = attach(simulator, id=url, srcURL=url)

    reason = await refused(hass, media, chat_id=KIM, message_id=message.id)

    is_local = url.startswith(("file:", "/"))
    assert (
        "cannot be downloaded through" if is_local else "does not have the file"
    ) in reason
    assert served(simulator) == []


async def test_source_url_replaces_a_missing_id(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    message = attach(simulator, id="1", srcURL="mxc://b/x")

    assert await download(hass, chat_id=KIM, message_id=message.id)


@cells
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"message_id": None}, "message_id is required"),
        ({"message_id": ["4"]}, "message_id takes one value, not a list"),
        ({"attachment": 0}, "attachment must be a whole number from 1 to 100"),
        ({"attachment": "all"}, "attachment must be a whole number"),
        ({"folder": "/config"}, "folder must be a folder inside"),
        ({"folder": ".."}, "folder must be a folder inside"),
        ({"folder": "a/../../b"}, "folder must be a folder inside"),
        ({"folder": "a//b"}, "folder must be a folder inside"),
        ({"folder": "./a"}, "folder must be a folder inside"),
        ({"folder": ".storage"}, "folder must be a folder inside"),
        ({"folder": "~"}, "folder must be a folder inside"),
        ({"folder": "a\\b"}, "folder must be a folder inside"),
        ({"folder": "a\nb"}, "folder must be a folder inside"),
        ({"folder": "a" * 201}, "folder must be a folder inside"),
        ({"folder": ["a"]}, "folder takes one value, not a list"),
        ({"file_name": "../x"}, "file_name must be a file name"),
        ({"file_name": True}, "file_name must be text"),
        ({"account_id": "whatsapp"}, "account_id can be used only with recipient"),
        ({"recipient": "kim", "chat_id": KIM}, "Both recipient and chat_id"),
        ({"chat_id": " "}, "chat_id is blank"),
        ({"url": "mxc://b/x"}, "There is no field url"),
        ({"config_entry_id": 1.5}, "config_entry_id must be text"),
        ({"entity_id": "notify.nobody"}, "is not a notify entity"),
    ],
)
async def test_invalid_call_names_the_field(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    data: dict[str, Any],
    message: str,
) -> None:
    before = len(simulator.requests)

    with expect_refusal(ServiceValidationError, match=message):
        await download(hass, **data)

    assert len(simulator.requests) == before
    assert not files(media)


async def test_symlink_out_of_the_media_folder_is_refused(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "config"
    outside.mkdir()
    (media / "beeper").symlink_to(outside)

    assert "folder must be a folder inside" in await refused(hass, media)
    assert "folder must be a folder inside" in await refused(
        hass, media, folder="beeper/deep"
    )
    assert not files(outside)


async def test_symlinked_media_folder_is_accepted(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    tmp_path: Path,
) -> None:
    link = tmp_path / "link"
    link.symlink_to(media)
    hass.config.media_dirs = {"disk": str(link)}

    response = await download(hass)

    assert (
        response["media_content_id"]
        == "media-source://media_source/disk/beeper/cake.png"
    )
    assert [*files(media)] == ["beeper/cake.png"]


async def test_no_media_folder(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    hass.config.media_dirs = {}

    assert "Home Assistant has no media folder" in await refused(hass, media)


async def test_folder_removed_during_download(
    hass: HomeAssistant, simulator: Simulator, media: Path
) -> None:
    simulator.faults.add("delay", path="/v1/assets/serve", seconds=0.3)
    task = hass.async_create_task(download(hass))
    await until(lambda: files(media))
    (part,) = files(media)
    (media / part).unlink()

    with pytest.raises(HomeAssistantError, match="cannot write to its media folder"):
        await task

    assert not files(media)


async def test_unwritable_folder(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    (media / "beeper").write_bytes(b"a file")

    assert "cannot write to its media folder" in await refused(hass, media)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "cut"}, "connection to Beeper was lost"),
        ({"kind": "drop_before", "times": 9}, "connection to Beeper was lost"),
        ({"kind": "stall_body"}, "did not reply in time"),
        ({"kind": "delay"}, "did not reply in time"),
        ({"kind": "status_before", "status": 502}, "may have expired"),
        (
            {"kind": "status_before", "status": 404, "body": {"code": "NOT_FOUND"}},
            "may have expired",
        ),
        ({"kind": "status_before", "status": 404, "body": "x"}, "needs Beeper 4.2.509"),
        ({"kind": "status_before", "status": 500}, "error"),
        ({"kind": "status_before", "status": 206}, "not a valid response of Beeper"),
        ({"kind": "status_before", "status": 302}, "redirects"),
        ({"kind": "status_before", "status": 403}, "cannot be downloaded through"),
        (
            {"kind": "garbage", "status": 200, "body": {"error": "Transfer failed"}},
            "does not have the file",
        ),
        (
            {
                "kind": "garbage",
                "status": 200,
                "size": 3_000_000,
                "content_type": "image/png",
            },
            "larger than 1 MB",
        ),
    ],
    ids=lambda fault: (
        "-".join(str(value) for value in [*fault.values()][:2])
        if isinstance(fault, dict)
        else ""
    ),
)
async def test_failed_download_leaves_no_file(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    add_fault: Callable[..., Fault],
    fault: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr(download_action, "MAX_DOWNLOAD_BYTES", 1024 * 1024)
    monkeypatch.setattr("custom_components.beeper.api.transport.FILE_TIMEOUT", 30)
    add_fault(path="/v1/assets/serve", **fault)

    assert message in await refused(hass, media)

    simulator.faults.clear()
    assert (await download(hass))["file_name"] == "cake.png"


@pytest.mark.parametrize("reported", [True, False])
async def test_file_above_the_size_limit(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    reported: bool,
) -> None:
    monkeypatch.setattr(download_action, "MAX_DOWNLOAD_BYTES", 1024 * 1024)
    size = 1024 * 1024 + 1
    message = attach(simulator, bytes(size), fileSize=size if reported else None)

    reason = await refused(hass, media, chat_id=KIM, message_id=message.id)

    assert "larger than 1 MB" in reason
    assert len(served(simulator)) == (not reported)


async def test_rejected_token_starts_reauth(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    simulator.faults.add("status_before", status=401, times=None)

    assert "no longer accepts" in await refused(hass, media)
    await hass.async_block_till_done()

    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["context"]["source"] == "reauth"


async def test_cancelled_download_leaves_no_file(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    simulator.faults.add("stall_body", path="/v1/assets/serve", seconds=3)
    task = hass.async_create_task(download(hass))
    await until(lambda: files(media))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: not files(media))


async def test_large_file_needs_little_memory(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    size = 60_000_000
    message = attach(simulator, fileName="film.mp4", mimeType="video/mp4")
    simulator.faults.add(
        "garbage",
        path="/v1/assets/serve",
        status=200,
        size=size,
        content_type="video/mp4",
    )

    tracemalloc.start()
    response = await download(hass, chat_id=KIM, message_id=message.id)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert response["size"] == size
    assert (media / "beeper/film.mp4").stat().st_size == size
    assert peak < 20_000_000


async def test_several_servers_require_a_choice(
    hass: HomeAssistant,
    simulator: Simulator,
    media: Path,
) -> None:
    async with Simulator("latest", "dev-token") as other:
        second = add_entry(hass, other.url)
        assert await hass.config_entries.async_setup(second.entry_id)

        await download(hass, config_entry_id=second.entry_id)

        assert served(other)
        assert not served(simulator)
        await hass.config_entries.async_unload(second.entry_id)
