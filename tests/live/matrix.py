"""A Matrix user who writes to Home Assistant and reads what it wrote.

Everything goes through the homeserver's client-server API, so what these tests read has
really arrived at the other end.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aiohttp

from .process import Deadline

ARRIVAL_TIMEOUT = 60  # seconds: machines can be busy

type Event = dict[str, Any]


class Person:
    """An account on the homeserver, with its access token."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        homeserver: str,
        user_id: str,
        token: str,
        password: str,
    ) -> None:
        self._session = session
        self._url = f"{homeserver}/_matrix"
        self._headers = {"Authorization": f"Bearer {token}"}
        self.id = user_id
        self.password = password
        self.name = ""

    @property
    def username(self) -> str:
        return self.id[1:].partition(":")[0]

    # Transport

    async def request(
        self, method: str, path: str, body: Any = None, **params: str | int
    ) -> Any:
        """Call the API and return the answer; an error status is an error."""
        async with self._session.request(
            method,
            f"{self._url}/client/{path}",
            json=body,
            params=params,
            headers=self._headers,
        ) as response:
            answer = await response.json()
        if not response.ok:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    async def set_account_data(self, kind: str, content: dict[str, Any]) -> None:
        path = f"v3/user/{quote(self.id)}/account_data/{kind}"
        await self.request("PUT", path, content)

    async def set_name(self, name: str) -> None:
        path = f"v3/profile/{quote(self.id)}/displayname"
        await self.request("PUT", path, {"displayname": name})
        self.name = name

    # Rooms

    async def create_room(
        self, *invited: Person, encrypted: bool = False, **options: Any
    ) -> str:
        """Create a room, have the invited join it, and return its ID."""
        if encrypted:
            content = {"algorithm": "m.megolm.v1.aes-sha2"}
            options["initial_state"] = [
                {"type": "m.room.encryption", "state_key": "", "content": content}
            ]
        body = {
            "preset": "private_chat",
            "invite": [person.id for person in invited],
            **options,
        }
        answer = await self.request("POST", "v3/createRoom", body)
        room_id: str = answer["room_id"]
        for person in invited:
            await person.join(room_id)
        return room_id

    async def create_direct_room(self, person: Person, **options: Any) -> str:
        """Create a room that both have on record as their direct chat."""
        room_id = await self.create_room(person, is_direct=True, **options)
        await person.set_account_data("m.direct", {self.id: [room_id]})
        await self.set_account_data("m.direct", {person.id: [room_id]})
        return room_id

    async def invite(self, room_id: str, person: Person) -> None:
        await self.request("POST", f"v3/rooms/{room_id}/invite", {"user_id": person.id})

    async def join(self, room_id: str) -> None:
        await self.request("POST", f"v3/rooms/{room_id}/join", {})

    async def leave(self, room_id: str) -> None:
        await self.request("POST", f"v3/rooms/{room_id}/leave", {})

    async def invitations(self) -> dict[str, Any]:
        """Return the rooms this person is invited to: by ID, their state as shown."""
        answer = await self.request("GET", "v3/sync", timeout=0)
        rooms: dict[str, Any] = answer.get("rooms", {}).get("invite", {})
        return rooms

    async def accept_invitation(self) -> str:
        """Wait for exactly one invitation, join, and return the room's ID."""
        deadline = Deadline(f"{self.id} was not invited", ARRIVAL_TIMEOUT)
        while not (rooms := await self.invitations()):
            deadline.check()
            await asyncio.sleep(0.1)
        (room_id,) = rooms
        await self.join(room_id)
        return room_id

    async def joined_rooms(self) -> list[str]:
        answer = await self.request("GET", "v3/joined_rooms")
        rooms: list[str] = answer["joined_rooms"]
        return rooms

    async def state(self, room_id: str, kind: str) -> dict[str, Any]:
        path = f"v3/rooms/{room_id}/state/{kind}"
        content: dict[str, Any] = await self.request("GET", path)
        return content

    async def members(self, room_id: str) -> dict[str, str]:
        """Return the membership by user ID: `join`, `invite`, `leave`."""
        answer = await self.request("GET", f"v3/rooms/{room_id}/members")
        return {
            event["state_key"]: event["content"]["membership"]
            for event in answer["chunk"]
        }

    # Reading

    async def events(self, room_id: str, kind: str = "m.room.message") -> list[Event]:
        """Return what others wrote into a room, the oldest first."""
        found: list[Event] = []
        params: dict[str, str | int] = {"dir": "b", "limit": 500}
        while True:
            answer = await self.request("GET", f"v3/rooms/{room_id}/messages", **params)
            found += answer["chunk"]
            if not (end := answer.get("end")) or not answer["chunk"]:
                break
            params["from"] = end
        return [
            event
            for event in reversed(found)
            if event["type"] == kind and event["sender"] != self.id
        ]

    async def texts(self, room_id: str) -> list[str]:
        """Return the texts of others' messages; without edits and deleted messages."""
        return [
            event["content"]["body"]
            for event in await self.events(room_id)
            if event["content"] and "m.new_content" not in event["content"]
        ]

    async def wait_for_events(
        self,
        room_id: str,
        kind: str = "m.room.message",
        until: Callable[[list[Event]], object] = bool,
        seconds: float = ARRIVAL_TIMEOUT,
    ) -> list[Event]:
        """Return others' events as soon as they satisfy a condition."""
        deadline = Deadline(f"{kind} did not reach {self.id}", seconds)
        while not until(events := await self.events(room_id, kind)):
            deadline.check()
            await asyncio.sleep(0.1)
        return events

    async def wait_for_texts(
        self, room_id: str, count: int = 1, seconds: float = ARRIVAL_TIMEOUT
    ) -> list[str]:
        """Wait for this many messages of others; return all texts, maybe more."""
        await self.wait_for_events(
            room_id, until=lambda events: len(events) >= count, seconds=seconds
        )
        return await self.texts(room_id)

    async def download(self, content_uri: str) -> bytes:
        path = content_uri.removeprefix("mxc://")
        async with self._session.get(
            f"{self._url}/client/v1/media/download/{path}", headers=self._headers
        ) as response:
            response.raise_for_status()
            return await response.read()

    # Writing

    async def send_event(self, room_id: str, kind: str, content: Any) -> str:
        """Send an event and return its ID."""
        path = f"v3/rooms/{room_id}/send/{kind}/{uuid4().hex}"
        answer = await self.request("PUT", path, content)
        event_id: str = answer["event_id"]
        return event_id

    async def write(self, room_id: str, text: str, **content: Any) -> str:
        return await self.send_event(
            room_id, "m.room.message", {"msgtype": "m.text", "body": text, **content}
        )

    async def send_file(
        self, room_id: str, data: bytes, *, name: str, mime_type: str, kind: str
    ) -> str:
        """Send a file as `kind`, for example `m.image`; no caption."""
        async with self._session.post(
            f"{self._url}/media/v3/upload",
            params={"filename": name},
            data=data,
            headers={**self._headers, "Content-Type": mime_type},
        ) as response:
            response.raise_for_status()
            uri = (await response.json())["content_uri"]
        info = {"mimetype": mime_type, "size": len(data)}
        return await self.write(room_id, name, msgtype=kind, url=uri, info=info)

    async def edit(self, room_id: str, event_id: str, text: str) -> str:
        return await self.write(
            room_id,
            f"* {text}",
            **{
                "m.new_content": {"msgtype": "m.text", "body": text},
                "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
            },
        )

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.send_event(room_id, "m.reaction", {"m.relates_to": relation})

    async def delete(self, room_id: str, event_id: str) -> None:
        path = f"v3/rooms/{room_id}/redact/{quote(event_id)}/{uuid4().hex}"
        await self.request("PUT", path, {})


def ends_with(text: str) -> Callable[[list[Event]], bool]:
    """Return the condition that this text is the last one."""
    return lambda events: bool(events) and events[-1]["content"]["body"] == text
