"""Uploading, downloading and serving files."""

from io import BytesIO

from aiohttp import FormData
import pytest

from .conftest import Client, Connect

CAKE = "mxc://beeper.local/cake"


async def upload(client: Client, data: bytes) -> str:
    form = FormData()
    form.add_field("fileName", "a.txt")
    form.add_field("file", BytesIO(data), filename="b.bin", content_type="text/plain")
    answer = (await client("POST", "/v1/assets/upload", data=form)).json
    assert (answer["fileName"], answer["mimeType"]) == ("a.txt", "text/plain")
    assert answer["fileSize"] == len(data)
    upload_id: str = answer["uploadID"]
    return upload_id


async def test_upload(connect: Connect) -> None:
    client = await connect()
    upload_id = await upload(client, b"hello" * 1_000_000)
    assert client.sim.world.uploads[upload_id].data == b"hello" * 1_000_000
    [received] = client.sim.executed
    assert received.json is None
    form = FormData({"fileName": "a.txt"})
    assert (await client("POST", "/v1/assets/upload", data=form)).status == 400
    bad = await client("POST", "/v1/assets/upload/base64", json={"content": "?"})
    assert (bad.status, set(bad.json)) == (200, {"error"})


async def test_download(connect: Connect) -> None:
    client = await connect()
    path = "/v1/assets/download"
    known = await client("POST", path, json={"url": CAKE})
    assert known.json["srcURL"].startswith("file:///")
    gone = await client("POST", path, json={"url": "mxc://beeper.local/gone"})
    assert (gone.status, set(gone.json)) == (200, {"error"})
    assert (await client("POST", path, json={"url": "https://x"})).status == 400


@pytest.mark.parametrize(
    ("headers", "status", "size"),
    [
        ({}, 200, 69),
        ({"Range": "bytes=0-9"}, 206, 10),
        ({"Range": "bytes=60-"}, 206, 9),
        ({"Range": "bytes=-5"}, 206, 5),
        ({"Range": "bytes=999-"}, 416, 0),
    ],
)
async def test_serve(
    connect: Connect, headers: dict[str, str], status: int, size: int
) -> None:
    client = await connect()
    authorized = {"Authorization": "Bearer dev-token"}
    path = f"/v1/assets/serve?url={CAKE}"
    answer = await client("GET", path, headers=authorized | headers)
    assert answer.status == status
    assert int(answer.headers.get("Content-Length", 0)) == size
    if status == 206:
        assert answer.headers["Content-Range"].endswith("/69")


async def test_serve_unchanged_and_missing(connect: Connect) -> None:
    client = await connect()
    path = f"/v1/assets/serve?url={CAKE}"
    tag = (await client("GET", path)).headers["ETag"]
    headers = {"Authorization": "Bearer dev-token", "If-None-Match": tag}
    assert (await client("GET", path, headers=headers)).status == 304
    gone = await client("GET", "/v1/assets/serve?url=mxc://beeper.local/gone")
    assert gone.status == 502
    assert gone.json["message"].startswith("Failed to download asset: Transfer failed")
    by_path = client.sim.world.assets[CAKE].path
    assert (await client("GET", f"/v1/assets/serve?url={by_path}")).status == 200
    assert (await client("GET", "/v1/assets/serve?url=file:///etc/x")).status == 502
