"""Files: upload, download, serve."""

from base64 import b64decode
import binascii
from typing import Any

from aiohttp import web

from simulator.call import Call, Route
from simulator.checks import Rule
from simulator.errors import ApiError, invalid
from simulator.model import Json
from simulator.wire import upload as shape
from simulator.world import MEDIA


async def upload(call: Call) -> Json:
    """`POST /v1/assets/upload`, multipart: `file`, `fileName`?, `mimeType`?."""
    form = await call.request.post()
    file = form.get("file")
    if not isinstance(file, web.FileField):
        raise invalid("body", "file", message="Required", code="invalid_type")
    with file.file:  # aiohttp does not close it if the handler is cancelled
        data = file.file.read()
    return _keep(
        call,
        data,
        str(form.get("fileName", file.filename)),
        str(form.get("mimeType", file.content_type)),
    )


def upload_base64(call: Call) -> Json:
    """`POST /v1/assets/upload/base64`. Bad base64: 200 with `error`, as documented."""
    try:
        data = b64decode(call.body["content"], validate=True)
    except binascii.Error:
        return {"error": "Invalid base64 content"}
    return _keep(
        call,
        data,
        call.body.get("fileName", "file"),
        call.body.get("mimeType", "application/octet-stream"),
    )


def _keep(call: Call, data: bytes, name: str, mime: str) -> Json:
    return shape(*call.world.add_asset(data, name, mime))


def download(call: Call) -> Json:
    """`POST /v1/assets/download`: path on the server, or 200 with `error`."""
    asset = call.world.assets.get(call.body["url"])
    return (
        {"srcURL": asset.path}
        if asset
        else {
            "error": f"Failed to download asset: Transfer failed for {call.body['url']}"
        }
    )


def serve(call: Call) -> Any:
    """`GET /v1/assets/serve`: the file or a range of it."""
    url = call.query["url"]
    if (
        "unservable_assets" in call.traits
        and url.startswith("file://")
        and not url.startswith(MEDIA)
    ):
        raise ApiError(403, "FORBIDDEN", "File is outside of the media folder")
    asset = next(
        (
            asset
            for asset in call.world.assets.values()
            if url in (asset.url, asset.path)
        ),
        None,
    )
    if asset is None:
        raise ApiError(
            502, "BAD_GATEWAY", f"Failed to download asset: Transfer failed for {url}"
        )
    size = len(asset.data)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{size}-{asset.url.rpartition("/")[2]}"',
    }
    if call.request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    try:
        start, end, _ = call.request.http_range.indices(size)
    except ValueError:
        start, end = size, size
    if "Range" not in call.request.headers:
        return web.Response(
            body=asset.data, content_type=asset.mime_type, headers=headers
        )
    if start >= end:
        return web.Response(
            status=416, headers={**headers, "Content-Range": f"bytes */{size}"}
        )
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return web.Response(
        status=206,
        body=asset.data[start:end],
        content_type=asset.mime_type,
        headers=headers,
    )


ROUTES = [
    Route("POST", "/v1/assets/upload", upload, "assets"),
    Route(
        "POST",
        "/v1/assets/upload/base64",
        upload_base64,
        "assets",
        body={
            "content": Rule(required=True, low=1, high=750_000_000),
            "fileName": Rule(),
            "mimeType": Rule(),
        },
    ),
    Route(
        "POST",
        "/v1/assets/download",
        download,
        body={"url": Rule(required=True, low=1, starts=("mxc://", "localmxc://"))},
    ),
    Route(
        "GET",
        "/v1/assets/serve",
        serve,
        "assets",
        query={
            "url": Rule(
                required=True, low=1, starts=("mxc://", "localmxc://", "file://")
            )
        },
    ),
]
