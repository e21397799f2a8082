"""Server information, token introspection, search, labels and the app window."""

from typing import Any

from aiohttp import web
from yarl import URL

from simulator.call import Call, Route
from simulator.checks import Rule
from simulator.errors import invalid
from simulator.model import Json

from .chat_lists import matching_chats
from .messages import found_messages


def info(call: Call) -> Json:
    """`GET /v1/info`.

    Its URLs use the forwarded or direct host without the path prefix, so a client must
    not follow them.
    """
    forwarded = call.request.headers
    scheme = forwarded.get("X-Forwarded-Proto", call.request.scheme)
    base = URL(f"{scheme}://{forwarded.get('X-Forwarded-Host', call.request.host)}")
    profile = call.profile

    def at(path: str) -> str:
        return str(base.with_path(path))

    oauth = {
        "authorization": "authorize",
        "token": "token",
        "introspection": "introspect",
        "userinfo": "userinfo",
        "revocation": "revoke",
        "registration": "register",
    }
    return {
        "app": {
            "name": profile.app_name,
            "version": profile.version,
            "bundle_id": profile.bundle_id,
        },
        "platform": {"os": "darwin", "arch": "arm64", "release": "v24.14.0"},
        "server": {
            "status": profile.server_status,
            "base_url": str(base),
            "port": base.port,
            "hostname": base.host,
            "remote_access": False,
            "mcp_enabled": profile.mcp is not None,
        },
        "endpoints": {
            "oauth": {
                f"{name}_endpoint": at(f"/oauth/{path}") for name, path in oauth.items()
            },
            "spec": at("/v1/spec"),
            "mcp": at(profile.mcp or "/mcp"),
            "ws_events": at("/v1/ws"),  # http(s), as on live servers
        },
    }


async def introspect(call: Call) -> Any:
    """`POST /oauth/introspect`, form `token`. No `exp`: the token does not expire."""
    form = await call.request.post()
    token = form.get("token")
    if not isinstance(token, str) or not token:
        return web.json_response(
            {"error": "invalid_request", "error_description": "token is required"},
            status=400,
        )
    scopes = call.tokens.get(token)
    if scopes is None:
        return {"active": False}
    return {
        "active": True,
        "scope": " ".join(sorted(scopes)),
        "client_id": "sample-client",
        "sub": "sample-token",
        "iat": 1767225600,
        "token_type": "Bearer",
    }


def focus(call: Call) -> Json:
    """`POST /v1/focus`."""
    if "draftText" in call.body and "chatID" not in call.body and call.profile.strict:
        raise invalid("body", "draftText", message="draftText requires chatID")
    if "chatID" in call.body:
        call.world.chat(call.body["chatID"])
    call.world.focused = call.body
    return {"success": True}


def search(call: Call) -> Json:
    """`GET /v1/search`: chats by title, groups by participant, messages."""
    words = {"query": call.query["query"]}
    chats = matching_chats(call.world, {**words, "scope": "titles"}, limit=30)
    groups = matching_chats(
        call.world, {**words, "scope": "participants", "type": "group"}, limit=30
    )
    return {
        "results": {
            "chats": [call.listed_chat(chat) for chat in chats.items],
            "in_groups": [call.listed_chat(chat) for chat in groups.items],
            "messages": found_messages(call, {**words, "limit": 20}),
        }
    }


def labels(call: Call) -> list[Json]:
    """`GET /v1/labels`: a bare array."""
    return [{"id": label, "name": name} for label, name in call.world.labels.items()]


def spec(call: Call) -> Any:
    """`GET /v1/spec`: a minimal OpenAPI document; EasyMatrix redirects to the docs."""
    if call.profile.strict:
        location = "https://developers.beeper.com/desktop-api-reference"
        return web.Response(status=307, headers={"Location": location})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Beeper Client API", "version": "5.0.0"},
        "paths": {},
    }


def setup(call: Call) -> Json:
    """`GET /v1/app/setup`: AppStateSnapshot of a server that is signed in."""
    flags = (
        "crossSigning",
        "firstSyncDone",
        "hasBackedUpRecoveryKey",
        "initialized",
        "keyBackup",
        "secretStorage",
        "verified",
    )
    secrets = (
        "masterKey",
        "megolmBackupKey",
        "recoveryKey",
        "selfSigningKey",
        "userSigningKey",
    )
    return {
        "state": "initializing" if "setup_initializing" in call.traits else "ready",
        "e2ee": {**dict.fromkeys(flags, True), "secrets": dict.fromkeys(secrets, True)},
        "matrix": {
            "deviceID": "SAMPLEDEVICE",
            "homeserver": "https://matrix.beeper.com",
            "userID": next(
                account.user.id
                for account in call.world.accounts.values()
                if account.bridge[1] == "matrix"
            ),
        },
    }


ROUTES = [
    Route("GET", "/v1/info", info, "info", auth=False),
    Route("POST", "/oauth/introspect", introspect, "introspect", auth=False),
    Route(
        "POST",
        "/v1/focus",
        focus,
        body={
            "chatID": Rule(),
            "messageID": Rule(),
            "draftText": Rule(),
            "draftAttachmentPath": Rule(),
        },
    ),
    Route("GET", "/v1/search", search, query={"query": Rule(required=True, low=1)}),
    Route("GET", "/v1/spec", spec, "info", auth=False),
    Route("GET", "/v1/labels", labels, "registry"),
    Route("GET", "/v1/app/setup", setup, "registry"),
]
