"""What a server does with writes, tried in a chat with oneself, one question each.

Nothing is written without a yes, and nothing is sent twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from .client import Answer, Client
from .masking import form_of
from .reading import rows, text

type Ask = Callable[[str], Awaitable[bool]]
type Row = dict[str, Any]

_CHAT = "/v1/chats/{chatID}"
_MESSAGES = f"{_CHAT}/messages"
_MESSAGE = f"{_MESSAGES}/{{messageID}}"
_LOOKS = (0, 0.5, 1, 1.5, 3)
"""Seconds to wait before each time the chat is read."""
_REACTION = "👍"


class NotOneselfError(Exception):
    """The chat is not known to be a chat with oneself, so nothing may be written."""


class Writing:
    """Writes to one chat. `run` returns the lines for the report."""

    def __init__(
        self,
        client: Client,
        chat_id: str,
        ask: Ask,
        *,
        looks: tuple[float, ...] = _LOOKS,
    ) -> None:
        """`looks`: seconds to wait before each time the chat is read."""
        self.lines: list[str] = []
        self._client = client
        self._chat_id = chat_id
        self._ask = ask
        self._looks = looks
        self._chat: Row = {}
        self._user: Row = {}
        self._mark = uuid4().hex[:8]
        self._written: dict[str, str] = {}
        """Final ids of the messages sent here, by step."""

    async def prepare(self) -> None:
        """Check that nobody else is in the chat; raises NotOneselfError."""
        chat = await self._read_chat()
        accounts = await self._client.ask("GET", "/v1/accounts")
        if chat is None or not accounts.is_success:
            raise NotOneselfError("The chat cannot be read.")
        users = [
            user
            for account in rows(accounts.body)
            if account.get("accountID") == chat.get("accountID")
            if isinstance(user := account.get("user"), dict)
        ]
        own_ids = {text(user, "id") for user in users} - {""}
        participants = chat.get("participants")
        people = participants.get("items") if isinstance(participants, dict) else None
        if (
            not isinstance(participants, dict)
            or not isinstance(people, list)
            or participants.get("hasMore") is not False
            or not isinstance(total := participants.get("total"), int)
        ):
            raise NotOneselfError("The chat's participants are not known.")
        # Some servers leave the user out of the list, and count them.
        if total > 1 or not all(
            isinstance(person, dict)
            and (person.get("isSelf") is True or text(person, "id") in own_ids)
            for person in people
        ):
            raise NotOneselfError("Other people are in this chat.")
        if not (people or users):
            raise NotOneselfError("The account of the chat is not known.")
        self._user = (people or users)[0]
        self._chat = chat

    async def run(self) -> None:
        """Try everything that is answered with yes."""
        await self.prepare()
        steps = (
            ("Send a test message to the chat", self._send),
            ("Start the chat with a message text, though it exists", self._start),
            ("Edit the test message", self._edit),
            ("React to the test message, and take the reaction back", self._react),
            ("Set a reminder for tomorrow, and remove it", self._remind),
            ("Archive the chat, and undo it", self._archive),
            ("Delete the test messages", self._delete),
        )
        for question, step in steps:
            if step in (self._edit, self._react) and "message" not in self._written:
                self.lines.append(f"- {question}: needs the test message")
            elif step == self._delete and not self._written:
                self.lines.append(f"- {question}: there are none")
            elif await self._ask(question):
                self.lines.append(f"- {question}:")
                await step()
            else:
                self.lines.append(f"- {question}: not tried")

    async def _send(self) -> None:
        words = f"Beeper check {self._mark} message"
        answer = await self._write("POST", _MESSAGES, body={"text": words})
        if not (answer.is_success or _is_unknown(answer)):
            return
        pending = (
            text(answer.body, "pendingMessageID")
            if isinstance(answer.body, dict)
            else ""
        )
        self._note(f"pendingMessageID: {form_of('id', pending)}")
        await self._await_message("message", words, pending)

    async def _start(self) -> None:
        """Start without a text first: only if that leads to this chat, with one."""
        user = {
            key: value
            for key in ("id", "phoneNumber")
            if (value := text(self._user, key))
        }
        body = {"accountID": text(self._chat, "accountID"), "user": user}
        path, started = "/v1/chats/start", body
        answer = await self._write("POST", path, body=started)
        if _is_absent(answer):
            path, started = "/v1/chats", {"mode": "start", **body}
            answer = await self._write("POST", path, body=started)
        if not answer.is_success or not isinstance(answer.body, dict):
            return
        if self._chat_id not in (answer.body.get("id"), answer.body.get("chatID")):
            self._note("it leads to another chat, so no text was sent")
            return
        words = f"Beeper check {self._mark} start"
        answer = await self._write("POST", path, body={**started, "messageText": words})
        if answer.is_success and isinstance(answer.body, dict):
            self._note(f"status: {form_of('status', answer.body.get('status'))}")
            keys = sorted({"id", "chatID", "status"} & answer.body.keys())
            self._note(f"of id, chatID and status it has: {', '.join(keys)}")
        if answer.is_success or _is_unknown(answer):
            await self._await_message("start", words, "")

    async def _edit(self) -> None:
        words = f"Beeper check {self._mark} edited"
        answer = await self._write(
            "PUT", _MESSAGE, self._written["message"], body={"text": words}
        )
        if answer.is_success or _is_unknown(answer):
            row = await self._look_for(lambda row: words in text(row, "text"))
            self._note(f"the new text is {'there' if row else 'not there'}")
            if row:
                edited = form_of("editedTimestamp", row.get("editedTimestamp"))
                self._note(f"editedTimestamp: {edited}")

    async def _react(self) -> None:
        message = self._written["message"]
        answer = await self._write(
            "POST", f"{_MESSAGE}/reactions", message, body={"reactionKey": _REACTION}
        )
        if not (answer.is_success or _is_unknown(answer)):
            return
        row = await self._look_for(lambda row: self._is_mine(row) and _reacted(row))
        self._note(f"the reaction is {'there' if row else 'not there'}")
        answer = await self._write(
            "DELETE", f"{_MESSAGE}/reactions/{{key}}", message, key=_REACTION
        )
        if _is_absent(answer):
            await self._write(
                "DELETE",
                f"{_MESSAGE}/reactions",
                message,
                query={"reactionKey": _REACTION},
            )
        row = await self._look_for(lambda row: self._is_mine(row) and not _reacted(row))
        self._note(f"the reaction is {'gone' if row else 'still there'}")

    async def _remind(self) -> None:
        moment = datetime.now(UTC) + timedelta(days=1)
        path = f"{_CHAT}/reminders"
        for reminder in (
            {"remindAt": moment.isoformat(timespec="milliseconds")},
            {"remindAtMs": int(moment.timestamp() * 1000)},
        ):
            answer = await self._write("POST", path, body={"reminder": reminder})
            if answer.status not in (400, 422):
                break
        if not (answer.is_success or _is_unknown(answer)):
            return
        await self._note_chat("reminder", bool)
        await self._write("DELETE", path)
        await self._note_chat("reminder", lambda value: not value)

    async def _archive(self) -> None:
        """Archive by PATCH, then by the separate route; restore the state."""
        before = self._chat.get("isArchived") is True

        def is_changed(value: object) -> bool:
            return value is not before

        await self._write("PATCH", _CHAT, body={"isArchived": not before})
        await self._note_chat("isArchived", is_changed)
        await self._write("POST", f"{_CHAT}/archive", body={"archived": not before})
        await self._note_chat("isArchived", is_changed)
        await self._write("POST", f"{_CHAT}/archive", body={"archived": before})
        await self._note_chat("isArchived", lambda value: value is before)

    async def _delete(self) -> None:
        for message in self._written.values():
            answer = await self._write(
                "DELETE", _MESSAGE, message, query={"forEveryone": "true"}
            )
            if answer.is_success or _is_unknown(answer):
                row = await self._look_for(partial(_is_left, message), present=False)
                self._note(f"the message is {'still there' if row else 'gone'}")

    async def _write(
        self,
        method: str,
        path: str,
        message: str = "",
        *,
        key: str = "",
        body: Row | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        """Make one request and note its status, time and kind."""
        answer = await self._client.ask(
            method,
            path,
            parameters={"chatID": self._chat_id, "messageID": message, "key": key},
            query=query,
            body=body,
        )
        outcome = " ".join(filter(None, (str(answer.status or ""), answer.failure)))
        fields = f" {{{_fields(body)}}}" if body else ""
        kind = f", body {answer.kind}" if answer.kind else ""
        took = f"{answer.seconds * 1000:.0f} ms"
        self._note(f"{method} {path}{fields}: {outcome}{kind}, {took}")
        return answer

    async def _await_message(self, name: str, words: str, pending: str) -> None:
        """Wait until a message is in the chat under its final id."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        row = await self._look_for(
            lambda row: (
                words in text(row, "text")
                and text(row, "id") not in ("", pending)
                and _is_confirmed(row)
            )
        )
        if row is None:
            row = await self._look_for(lambda row: words in text(row, "text"))
            where = "there, unconfirmed" if row else "not there"
        else:
            where = "there"
        self._note(f"the text is {where} after {loop.time() - started:.1f} s")
        if row and text(row, "id"):
            self._written[name] = text(row, "id")

    async def _look_for(
        self, condition: Callable[[Row], bool], *, present: bool = True
    ) -> Row | None:
        """Read the chat until a row fits, or until none does; return that row."""
        row = None
        for pause in self._looks:
            await asyncio.sleep(pause)
            answer = await self._client.ask(
                "GET", _MESSAGES, parameters={"chatID": self._chat_id}
            )
            if answer.is_success:
                row = next(filter(condition, rows(answer.body)), None)
                if (row is not None) is present:
                    break
        return row

    async def _read_chat(self) -> Row | None:
        answer = await self._client.ask(
            "GET", _CHAT, parameters={"chatID": self._chat_id}
        )
        is_chat = answer.is_success and isinstance(answer.body, dict)
        return answer.body if is_chat else None

    async def _note_chat(self, key: str, condition: Callable[[Any], bool]) -> None:
        """Read the chat until a value is as expected, and note the last one."""
        found = "unknown, as the chat cannot be read"
        for pause in self._looks:
            await asyncio.sleep(pause)
            if (chat := await self._read_chat()) is not None:
                found = str(form_of(key, chat[key])) if key in chat else "missing"
                if condition(chat.get(key)):
                    break
        self._note(f"then {key} is: {found}")

    def _is_mine(self, row: Row) -> bool:
        return row.get("id") == self._written["message"]

    def _note(self, line: str) -> None:
        self.lines.append(f"    - {line}")


def _fields(body: Row) -> str:
    """Name the fields of a body that this module made."""
    return ", ".join(
        f"{name} {{{_fields(value)}}}" if isinstance(value, dict) else name
        for name, value in body.items()
    )


def _is_absent(answer: Answer) -> bool:
    """Whether the answer proves that the server lacks the route."""
    return answer.status in (405, 501) or (
        answer.status == 404 and answer.kind != "JSON"
    )


def _is_unknown(answer: Answer) -> bool:
    """Whether the request may have been carried out all the same."""
    return answer.status is None or answer.status == 408 or answer.status >= 500


def _is_left(message: str, row: Row) -> bool:
    return row.get("id") == message and row.get("isDeleted") is not True


def _is_confirmed(row: Row) -> bool:
    status = row.get("sendStatus")
    return not isinstance(status, dict) or status.get("status") != "PENDING"


def _reacted(row: Row) -> bool:
    return any(
        reaction.get("reactionKey") == _REACTION
        for reaction in rows(row.get("reactions"))
    )
