"""The two servers: a Synapse homeserver, and EasyMatrix as the Beeper in front of it."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import aiohttp

from .cross_signing import set_up_recovery
from .matrix import ARRIVAL_TIMEOUT, Person
from .process import NOT_READY, START_TIMEOUT, Deadline, Process, free_port

type Response = AbstractAsyncContextManager[aiohttp.ClientResponse]

_UNLIMITED = {"per_second": 10_000, "burst_count": 10_000}
_RATES = {
    "rc_message": _UNLIMITED,
    "rc_registration": _UNLIMITED,
    "rc_room_creation": _UNLIMITED,
    "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _UNLIMITED),
    "rc_joins": dict.fromkeys(("local", "remote"), _UNLIMITED),
    "rc_joins_per_room": _UNLIMITED,
    "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _UNLIMITED),
}


class Homeserver:
    """Synapse with a separate database and no federation, on a free port."""

    def __init__(self, name: str, *, rate_limits: bool = False) -> None:
        """Write its configuration; `rate_limits` leaves Synapse's own in force."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._shared_secret = os.urandom(16).hex()
        folder = Path(os.environ["LIVE_FOLDER"]) / name
        folder.mkdir()
        listener = {
            "type": "http",
            "port": port,
            "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client", "media"]}],
        }
        config = {
            "server_name": "localhost",
            "listeners": [listener],
            "database": {
                "name": "sqlite3",
                "args": {"database": str(folder / "homeserver.db")},
            },
            "media_store_path": str(folder / "media"),
            "signing_key": f"ed25519 a_live {b64encode(os.urandom(32)).decode()}",
            "macaroon_secret_key": os.urandom(16).hex(),
            "form_secret": os.urandom(16).hex(),
            "registration_shared_secret": self._shared_secret,
            "report_stats": False,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "user_directory": {"enabled": True, "search_all_users": True},
            "bcrypt_rounds": 4,  # Registers fifty people in seconds.
            # An invitation counts as soon as it is there.
            "caches": {"sync_response_cache_duration": "0s"},
            **({} if rate_limits else _RATES),
        }
        file = folder / "homeserver.yaml"
        file.write_text(json.dumps(config))  # which is YAML, too
        python = os.environ["LIVE_SYNAPSE_PYTHON"]
        command = (python, "-m", "synapse.app.homeserver", "-c", file)
        self.process = Process(name, command, {})

    async def start(self, session: aiohttp.ClientSession) -> None:
        self.process.start()
        await self.wait_until_ready(session)

    async def wait_until_ready(self, session: aiohttp.ClientSession) -> None:
        deadline = Deadline("the homeserver does not answer", START_TIMEOUT)
        while True:
            try:
                async with session.get(f"{self.url}/_matrix/client/versions") as answer:
                    if answer.ok:
                        return
            except NOT_READY:
                pass
            self.process.check()
            deadline.check()
            await asyncio.sleep(0.1)

    async def register(self, session: aiohttp.ClientSession, username: str) -> Person:
        """Create an account."""
        url = f"{self.url}/_synapse/admin/v1/register"
        async with session.get(url) as response:
            nonce = (await response.json())["nonce"]
        password = os.urandom(8).hex()
        signed = f"{nonce}\0{username}\0{password}\0notadmin".encode()
        body = {
            "nonce": nonce,
            "username": username,
            "password": password,
            "admin": False,
            "mac": hmac.new(
                self._shared_secret.encode(), signed, hashlib.sha1
            ).hexdigest(),
        }
        async with session.post(url, json=body) as response:
            response.raise_for_status()
            answer = await response.json()
        token = answer["access_token"]
        return Person(session, self.url, answer["user_id"], token, password)


class EasyMatrix:
    """A server of Beeper's API that is signed in to one Matrix account."""

    token = "live-token"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        homeserver: Homeserver,
        owner: Person,
        recovery_key: str,
    ) -> None:
        self._session = session
        name = f"easymatrix-{owner.username}"
        listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{listen}"
        self.owner = owner
        self.account_id = f"matrix_{owner.id}"
        self.process = Process(
            name,
            [os.environ["LIVE_EASYMATRIX"]],
            {
                "MATRIX_API_LISTEN": listen,
                "MATRIX_ACCESS_TOKEN": self.token,
                "MATRIX_HOMESERVER_URL": homeserver.url,
                "MATRIX_USERNAME": owner.username,
                "MATRIX_PASSWORD": owner.password,
                "MATRIX_RECOVERY_KEY": recovery_key,
                "GOMUKS_ROOT": str(Path(os.environ["LIVE_FOLDER"]) / name),
            },
        )

    @classmethod
    async def create(
        cls, session: aiohttp.ClientSession, homeserver: Homeserver, owner: Person
    ) -> EasyMatrix:
        """Start a server for an account that has none yet."""
        server = cls(session, homeserver, owner, await set_up_recovery(owner))
        await server.start()
        return server

    async def start(self) -> None:
        """Return when the server is signed in and verified, so that it reads."""
        self.process.start()
        deadline = Deadline("EasyMatrix is not signed in", START_TIMEOUT)
        while not await self._is_verified():
            self.process.check()
            deadline.check()
            await asyncio.sleep(0.05)

    async def _is_verified(self) -> bool:
        try:
            async with self._session.get(f"{self.url}/manage/state") as response:
                state = (await response.json())["client_state"]
        except NOT_READY:
            return False
        return bool(state["is_verified"] and state["is_initialized"])

    async def wait_for_chat(self, chat_id: str) -> None:
        """Return when the server lists a chat: the homeserver reports it on its own."""
        await self._wait_for_participants(chat_id, lambda count: count > 0)

    async def wait_for_participants(self, chat_id: str, count: int) -> None:
        """Return when the server lists so many people in a chat."""
        await self._wait_for_participants(chat_id, lambda listed: listed == count)

    async def _wait_for_participants(
        self, chat_id: str, condition: Callable[[int], bool]
    ) -> None:
        deadline = Deadline(f"{chat_id} did not reach EasyMatrix", START_TIMEOUT)
        while True:
            async with self._request("GET", f"chats/{chat_id}") as response:
                if response.ok:
                    chat = await response.json()
                    if condition(len(chat["participants"]["items"])):
                        return
            deadline.check()
            await asyncio.sleep(0.05)

    # What the owner's other clients would do, where keys are needed for it

    def _request(self, method: str, path: str, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/v1/{path}"
        return self._session.request(method, url, headers=headers, **options)

    async def send(self, chat_id: str, message: dict[str, Any]) -> None:
        path = f"chats/{chat_id}/messages"
        async with self._request("POST", path, json=message) as response:
            response.raise_for_status()

    async def send_file(
        self, chat_id: str, name: str, mime_type: str, data: bytes
    ) -> None:
        form = aiohttp.FormData()
        form.add_field("file", data, filename=name, content_type=mime_type)
        async with self._request("POST", "assets/upload", data=form) as response:
            response.raise_for_status()
            upload_id = (await response.json())["uploadID"]
        await self.send(chat_id, {"attachment": {"uploadID": upload_id}})

    async def messages(self, chat_id: str, sender_id: str) -> list[dict[str, Any]]:
        """Return somebody's messages of the first page, the oldest first."""
        async with self._request("GET", f"chats/{chat_id}/messages") as response:
            response.raise_for_status()
            items = (await response.json())["items"]
        return [item for item in reversed(items) if item["senderID"] == sender_id]

    async def wait_for_messages(
        self, chat_id: str, sender_id: str
    ) -> list[dict[str, Any]]:
        """Return somebody's messages as soon as there are some."""
        deadline = Deadline(f"nothing arrived in {chat_id}", ARRIVAL_TIMEOUT)
        while not (messages := await self.messages(chat_id, sender_id)):
            deadline.check()
            await asyncio.sleep(0.1)
        return messages

    async def wait_for_texts(self, chat_id: str, sender_id: str) -> list[str]:
        messages = await self.wait_for_messages(chat_id, sender_id)
        return [message["text"] for message in messages]

    async def download(self, source_url: str) -> bytes:
        params = {"url": source_url}
        async with self._request("GET", "assets/serve", params=params) as response:
            response.raise_for_status()
            return await response.read()
