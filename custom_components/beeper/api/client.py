"""The HTTP client: one `_request`, one short method an endpoint.

It follows the configured URL only, never an address the server names, and attempts
everything once: what an error means for the caller is in `exceptions`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import json
from typing import IO, Any, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from .answers import answer_error, failure, parse_body, read_body
from .exceptions import (
    AnswerError,
    BeeperError,
    CannotConnectError,
    PersonNotResolvedError,
    RouteAbsentError,
    UnreadableAnswerError,
)
from .generations import (
    CREATE_ONLY,
    WITH_START_ROUTE,
    Generation,
    ReminderField,
    StartWay,
    by_info,
    by_version_header,
    has_bridges,
)
from .models import (
    Account,
    Chat,
    ChatFilter,
    ChatResult,
    ChatType,
    CreateChat,
    CreationRules,
    FoundMessages,
    Json,
    ListedChat,
    Message,
    MessageFilter,
    Page,
    Query,
    SendMessage,
    SentMessage,
    ServerInfo,
    StartChat,
    UnreadChat,
    Uploaded,
    User,
    chat_patch,
    read_labels,
    wire,
    wire_query,
)
from .stream import ChatEvent, open_stream

REQUEST_TIMEOUT: Final = 30.0
"""Seconds for one request, from the first byte sent to the last byte read."""

UPLOAD_TIMEOUT: Final = 300.0
"""The same for a request with a file in it."""

_CHUNK: Final = 256 * 1024
_CONNECT_TIMEOUT: Final = 10.0
_PATH_SAFE: Final = "!$&'()*+,:;=@~"
# Servers before 4.2.557 may ask for the token before they look for the route.
_NO_SUCH_ROUTE: Final = (401, 403, 404, 405, 501)
_REJECTED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(kw_only=True, repr=False, eq=False)
class Asset:
    """A file as it comes in; `size` in bytes, None if that is not told."""

    mime_type: str
    size: int | None
    chunks: AsyncIterator[bytes]


class BeeperClient:
    """A Beeper server at one URL, with one token.

    `session` stays the caller's. Times the server writes can be compared with ours
    by `clock_offset`, its clock minus ours, known after any answer with a date.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
    ) -> None:
        """Make a client; nothing is sent yet."""
        self._session = session
        self._base = URL(url)
        self._token = token
        self._start_ways: tuple[StartWay, ...] = ()
        self._reminds: list[ReminderField] = []
        self._reaction_in_path: list[bool] = []
        self._date = ""
        self.generation: Generation | None = None
        self.info: ServerInfo | None = None
        self.version: str | None = None
        self.clock_offset: timedelta | None = None

    # Server

    async def identify(self) -> Generation:
        """Find out what the server is; raise UnreadableAnswerError if no Beeper.

        Reads `/v1/info`, without the token, and where there is none the accounts.
        """
        try:
            self.info = await self._request(
                "GET", "v1", "info", read=ServerInfo.from_dict, token=False
            )
        except AnswerError as err:
            if err.status not in _NO_SUCH_ROUTE:
                raise
            self.info = None
            await self.accounts()
            generation = by_version_header(self.version)
        else:
            self.version = self.info.version
            generation = by_info(self.info)
        if generation is not self.generation:
            self.generation = generation
            self._start_ways = generation.start_ways
            self._reminds = [*generation.reminds]
            self._reaction_in_path = [*generation.reaction_in_path]
        return generation

    async def scopes(self) -> frozenset[str] | None:
        """Return what the token may do (`read`, `write`), None if not told."""
        if self.generation is CREATE_ONLY:
            return None
        with suppress(BeeperError):
            return await self._request(
                "POST",
                "oauth",
                "introspect",
                read=_read_scopes,
                form={"token": self._token},
            )
        return None

    async def user_id(self, accounts: Sequence[Account]) -> str | None:
        """Return the Beeper user who is signed in, None if not told."""
        for account in accounts:
            if account.account_id == "matrix" and account.user:
                return account.user.id
        with suppress(AnswerError, UnreadableAnswerError):
            return await self._request("GET", "v1", "app", "setup", read=_read_user_id)
        return None

    async def accounts(self) -> tuple[Account, ...]:
        """Return the accounts; one that works, such as iMessage, may be missing."""
        return await self._request("GET", "v1", "accounts", read=_read_accounts)

    @property
    def tells_rules(self) -> bool:
        """Whether `creation_rules` is worth asking."""
        return has_bridges(self.generation, self.version)

    async def creation_rules(self, bridge_id: str) -> CreationRules:
        """Return how chats can be created on a bridge's network."""
        return await self._request(
            "GET",
            "v1",
            "bridges",
            bridge_id,
            "capabilities",
            read=CreationRules.from_dict,
        )

    # Reading

    async def contacts(self, account_id: str, query: str) -> tuple[User, ...]:
        """Search an account's network and contacts for a number, address or handle."""
        page = await self._request(
            "GET",
            "v1",
            "accounts",
            account_id,
            "contacts",
            read=lambda body: Page.from_dict(body, User.from_dict),
            query={"query": query},
        )
        return page.items

    async def list_contacts(
        self, account_id: str, cursor: str | None = None
    ) -> Page[User]:
        """Return a page of an account's contacts.

        Raises RouteAbsentError on servers before 4.2.557.
        """
        query = {"limit": "200"}
        if cursor is not None:
            query |= {"cursor": cursor, "direction": "before"}
        return await self._request(
            "GET",
            "v1",
            "accounts",
            account_id,
            "contacts",
            "list",
            read=lambda body: Page.from_dict(body, User.from_dict),
            query=query,
        )

    async def chats(
        self, account_id: str | None = None, cursor: str | None = None
    ) -> Page[Chat]:
        """Return a page of an account's or all chats, the last active first."""
        query = {"accountIDs": account_id} if account_id is not None else {}
        if cursor is not None:
            query |= {"cursor": cursor, "direction": "before"}
        return await self._request("GET", "v1", "chats", read=_read_chats, query=query)

    async def direct_chats(self, account_id: str, participant: str) -> Page[Chat]:
        """Search an account's direct chats for a participant's name or number."""
        query = {
            "accountIDs": account_id,
            "query": participant,
            "scope": "participants",
            "type": "single",
        }
        return await self._request(
            "GET", "v1", "chats", "search", read=_read_chats, query=query
        )

    async def search_chats(self, query: str, *, scope: str, limit: int) -> Page[Chat]:
        """Search all accounts' chats, in their `titles` or their `participants`."""
        return await self._request(
            "GET",
            "v1",
            "chats",
            "search",
            read=_read_chats,
            query={"query": query, "scope": scope, "limit": str(limit)},
        )

    async def all_chats(
        self,
        account_id: str | None = None,
        cursor: str | None = None,
        *,
        only: ChatType | None = None,
    ) -> Page[ListedChat]:
        """Return a long page of an account's or all chats, of one type or any."""
        query: dict[str, str] = {"limit": "200"}
        if account_id is not None:
            query["accountIDs"] = account_id
        if only is not None:
            query["type"] = only
        if cursor is not None:
            query |= {"cursor": cursor, "direction": "before"}
        return await self._request(
            "GET", "v1", "chats", "search", read=_read_listed, query=query
        )

    async def list_chats(
        self, wanted: ChatFilter, *, limit: int, cursor: str | None = None
    ) -> Page[Chat]:
        """Return a page of at most `limit` chats, 200 at most, the last active first."""
        return await self._request(
            "GET",
            "v1",
            "chats",
            "search",
            read=_read_chats,
            query=_filter_query(wanted, limit, cursor),
        )

    async def search_messages(
        self, wanted: MessageFilter, *, limit: int, cursor: str | None = None
    ) -> FoundMessages:
        """Return a page of at most `limit` messages, 20 at most, the newest first."""
        return await self._request(
            "GET",
            "v1",
            "messages",
            "search",
            read=FoundMessages.from_dict,
            query=_filter_query(wanted, limit, cursor),
        )

    async def chat(self, chat_id: str, *, participants: int = -1) -> Chat:
        """Return a chat with so many of its participants, -1 for all."""
        return await self._request(
            "GET",
            "v1",
            "chats",
            chat_id,
            read=Chat.from_dict,
            query={"maxParticipantCount": str(participants)},
        )

    async def messages(self, chat_id: str, cursor: str | None = None) -> Page[Message]:
        """Return a page of a chat's messages, about 20, the newest first."""
        return await self._request(
            "GET",
            "v1",
            "chats",
            chat_id,
            "messages",
            read=_read_messages,
            query={"cursor": cursor, "direction": "before"} if cursor else {},
        )

    async def message(self, chat_id: str, message_id: str) -> Message:
        """Return a message by its final or pending id.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        return await self._request(
            "GET",
            "v1",
            "chats",
            chat_id,
            "messages",
            message_id,
            read=_read_message,
        )

    async def labels(self) -> dict[str, str]:
        """Return the names of the labels that chats can have, by id.

        Raises RouteAbsentError on servers before 4.3.
        """
        return await self._request("GET", "v1", "labels", read=_read_labels)

    @asynccontextmanager
    async def asset(self, url: str) -> AsyncIterator[Asset]:
        """Open a file that a message has attached, by its `url`.

        Raises RouteAbsentError on servers before 4.2.509.
        """
        if self._session.closed:  # Home Assistant is stopping.
            raise CannotConnectError("no session")
        try:
            async with (
                asyncio.timeout(UPLOAD_TIMEOUT),
                self._session.get(
                    self._base.joinpath("v1", "assets", "serve", encoded=True),
                    params={"url": url},
                    headers={
                        "Accept-Encoding": "identity",
                        "Authorization": f"Bearer {self._token}",
                    },
                    allow_redirects=False,
                    middlewares=(),
                    timeout=aiohttp.ClientTimeout(
                        connect=_CONNECT_TIMEOUT, sock_read=REQUEST_TIMEOUT
                    ),
                ) as response,
            ):
                if response.status >= 300:
                    raise answer_error(response.status, await read_body(response))
                if response.status != HTTPStatus.OK:
                    raise UnreadableAnswerError("not the whole file")
                yield Asset(
                    mime_type=response.content_type,
                    size=response.content_length,
                    chunks=response.content.iter_chunked(_CHUNK),
                )
        except (TimeoutError, UnicodeError, aiohttp.ClientError) as err:
            raise failure(err) from None

    async def unread_chats(self, cursor: str | None = None) -> Page[UnreadChat]:
        """Return a page of the chats with unread messages, of all accounts."""
        query = {"unreadOnly": "true", "limit": "200"}
        if cursor is not None:
            query |= {"cursor": cursor, "direction": "before"}
        return await self._request(
            "GET",
            "v1",
            "chats",
            "search",
            read=lambda body: Page.from_dict(body, UnreadChat.from_dict),
            query=query,
        )

    def stream(self) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        """Connect to the events of all chats; see `open_stream`."""
        return open_stream(
            self._session, self._base.joinpath("v1", "ws", encoded=True), self._token
        )

    # Changing

    async def upload(
        self, file: IO[bytes], *, file_name: str, mime_type: str
    ) -> Uploaded:
        """Upload a file for one message, piece by piece; its owner closes it.

        Raises RouteAbsentError on servers before 4.2.509. An upload alone reaches
        nobody, whatever became of it.
        """
        form = aiohttp.FormData()
        form.add_field("fileName", file_name)
        form.add_field("mimeType", mime_type)
        form.add_field("file", file, filename=file_name, content_type=mime_type)
        return await self._request(
            "POST",
            "v1",
            "assets",
            "upload",
            read=Uploaded.from_dict,
            form=form,
            changes=True,
            timeout=UPLOAD_TIMEOUT,
        )

    async def send_message(self, request: SendMessage) -> SentMessage:
        """Send a message; what becomes of it on the network shows later."""
        return await self._request(
            "POST",
            "v1",
            "chats",
            request.chat_id,
            "messages",
            read=SentMessage.from_dict,
            body=request.body(),
            changes=True,
        )

    async def update_chat(self, chat_id: str, fields: Mapping[str, Json]) -> None:
        """Change a chat; None clears a field.

        Raises RouteAbsentError on servers before 4.2.808, but for `is_archived` alone.
        """
        if fields.keys() == {"is_archived"}:
            await self._post("archive", chat_id, archived=fields["is_archived"])
        else:
            await self._do("PATCH", "v1", "chats", chat_id, body=chat_patch(fields))

    async def mark_read(self, chat_id: str, message_id: str | None) -> None:
        """Mark a chat read, up to a message or all of it; networks may tell the others.

        Raises RouteAbsentError on servers before 4.2.808, as `mark_unread`.
        """
        await self._post("read", chat_id, message_id=message_id)

    async def mark_unread(self, chat_id: str, message_id: str | None) -> None:
        """Mark a chat unread, from a message on or all of it."""
        await self._post("unread", chat_id, message_id=message_id)

    async def notify_anyway(self, chat_id: str) -> None:
        """Let a message through to a person who does not want to be disturbed.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        await self._post("notify-anyway", chat_id)

    async def set_reminder(
        self, chat_id: str, remind_at: datetime, *, dismiss: bool | None
    ) -> None:
        """Let Beeper show a chat again at a time with an offset.

        With `dismiss`, a message that comes before makes that needless.
        """
        times: dict[ReminderField, Json] = {
            "remindAt": remind_at.astimezone(UTC).isoformat(),
            "remindAtMs": round(remind_at.timestamp() * 1000),
        }
        rest = wire(dismiss_on_incoming_message=dismiss)

        async def remind(field: ReminderField) -> None:
            reminder = {field: times[field], **rest}
            await self._post("reminders", chat_id, reminder=reminder)

        await self._recognise()
        await _in_turn(self._reminds, remind, wrong=lambda err: err.status in _REJECTED)

    async def clear_reminder(self, chat_id: str) -> None:
        """Let Beeper forget a reminder."""
        await self._do("DELETE", "v1", "chats", chat_id, "reminders")

    async def edit_message(self, chat_id: str, message_id: str, text: str) -> None:
        """Change the text, in Markdown, of an own message.

        Raises RouteAbsentError on servers before 4.2.509.
        """
        await self._do("PUT", *_message(chat_id, message_id), body=wire(text=text))

    async def delete_message(
        self, chat_id: str, message_id: str, *, for_everyone: bool
    ) -> None:
        """Delete a message, by its final id, for everyone or for oneself alone.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        await self._do(
            "DELETE",
            *_message(chat_id, message_id),
            query=wire_query(for_everyone=for_everyone),
        )

    async def add_reaction(
        self, chat_id: str, message_id: str, reaction: str, *, transaction_id: str
    ) -> None:
        """React to a message; the same transaction twice counts once.

        Raises RouteAbsentError on servers before 4.2.557, as `remove_reaction`.
        """
        await self._do(
            "POST",
            *_message(chat_id, message_id),
            "reactions",
            body=wire(reaction_key=reaction, transaction_id=transaction_id),
        )

    async def remove_reaction(
        self, chat_id: str, message_id: str, reaction: str
    ) -> None:
        """Take a reaction of one's own back."""
        path = (*_message(chat_id, message_id), "reactions")

        async def remove(in_path: bool) -> None:
            if in_path:
                await self._do("DELETE", *path, reaction)
            else:
                query = wire_query(reaction_key=reaction)
                await self._do("DELETE", *path, query=query)

        await self._recognise()
        await _in_turn(
            self._reaction_in_path,
            remove,
            wrong=lambda err: isinstance(err, RouteAbsentError),
        )

    async def focus(
        self,
        *,
        chat_id: str | None = None,
        message_id: str | None = None,
        draft_text: str | None = None,
    ) -> None:
        """Open the window of Beeper, at a chat and a message of it, with a text in it."""
        body = wire(chat_id=chat_id, message_id=message_id, draft_text=draft_text)
        await self._do("POST", "v1", "focus", body=body)

    async def create_chat(self, request: CreateChat) -> ChatResult:
        """Create a chat."""
        return await self._change("v1", "chats", body=request.body())

    async def start_chat(self, request: StartChat) -> ChatResult:
        """Start or find the direct chat with a person.

        Raises PersonNotResolvedError where the server has to be asked for the person
        first and not exactly one fits.
        """
        # A Beeper that updated itself meanwhile may have learned the newer way.
        if self.generation is not WITH_START_ROUTE:
            await self.identify()
        guessed = self.generation is not None and self.generation.guessed
        ways = self._start_ways
        while True:
            try:
                result = await self._start_chat(ways[0], request)
            except AnswerError as err:
                absent = isinstance(err, RouteAbsentError)
                rejected = guessed and err.status in _REJECTED
                if len(ways) == 1 or not (absent or rejected):
                    if absent:  # Not the server it was: recognise it anew next time.
                        self.generation = None
                    raise
                ways = ways[1:]
            else:
                self._start_ways = ways
                return result

    async def _start_chat(self, way: StartWay, request: StartChat) -> ChatResult:
        if way is StartWay.ROUTE:
            return await self._change(
                "v1", "chats", "start", body=request.body(mode=False)
            )
        if way is StartWay.MODE:
            return await self._change("v1", "chats", body=request.body(mode=True))
        return await self.create_chat(
            CreateChat(
                account_id=request.account_id,
                participant_ids=(await self._participant_id(request),),
                type="single",
                message_text=request.message_text,
            )
        )

    async def _participant_id(self, request: StartChat) -> str:
        """Return the id of the one contact that provably is the person."""
        user = request.user
        if user.id is not None:
            return user.id
        query = user.phone_number or user.email or user.username or ""
        found = {
            contact.id
            for contact in await self.contacts(request.account_id, query)
            if contact.is_user(user)
        }
        if len(found) != 1:
            raise PersonNotResolvedError(len(found))
        return found.pop()

    async def _change(self, *path: str, body: Json) -> ChatResult:
        return await self._request(
            "POST", *path, read=ChatResult.from_dict, body=body, changes=True
        )

    async def _recognise(self) -> None:
        if self.generation is None:
            await self.identify()

    async def _post(self, action: str, chat_id: str, **fields: Json) -> None:
        await self._do("POST", "v1", "chats", chat_id, action, body=wire(**fields))

    async def _do(
        self, method: str, *path: str, query: Query | None = None, body: Json = None
    ) -> None:
        """Change something; what the answer tells of it can be read at any time."""
        await self._request(
            method, *path, read=_read_done, query=query, body=body, changes=True
        )

    # The one way out

    async def _request[T](
        self,
        method: str,
        *path: str,
        read: Callable[[Json], T],
        query: Query | None = None,
        body: Json = None,
        form: Mapping[str, str] | aiohttp.FormData | None = None,
        token: bool = True,
        changes: bool = False,
        timeout: float | None = None,
    ) -> T:
        """Send one request and read its answer; `changes` says that it may do harm.

        A request that changes nothing has never run, whatever became of it.
        """
        if not {"", ".", ".."}.isdisjoint(path):  # They would lead to another route.
            raise AnswerError(HTTPStatus.NOT_FOUND)
        url = self._base.joinpath(
            *(quote(part, safe=_PATH_SAFE) for part in path), encoded=True
        )
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        options: dict[str, Any] = {"data": form}
        if token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            options["data"] = json.dumps(body, ensure_ascii=False).encode()
        if changes:
            # An idle connection may die under the request, and nobody could tell
            # whether it ran. Named hosts have a pool of their own, and as each of
            # these connections is closed, this pool is always empty: a fresh one.
            headers["Connection"] = "close"
            options["server_hostname"] = self._base.raw_host
            options["middlewares"] = (_once(),)
        try:
            status, raw = await self._exchange(
                method, url, query, headers, options, timeout or REQUEST_TIMEOUT
            )
            if status >= 300:
                raise answer_error(status, raw)
            return read(parse_body(raw))
        except BeeperError as err:
            err.may_have_run = changes and err.may_have_run
            raise

    async def _exchange(
        self,
        method: str,
        url: URL,
        query: Query | None,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
        timeout: float,
    ) -> tuple[int, bytes | None]:
        """Return status and body, None for the lost body of a refusal.

        The texts of aiohttp's errors hold URLs and are cut off.
        """
        if self._session.closed:  # Home Assistant is stopping.
            raise CannotConnectError("no session")
        status = 0
        try:
            async with (
                asyncio.timeout(timeout),
                self._session.request(
                    method,
                    url,
                    params=query,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT),
                    **{"middlewares": (), **options},
                ) as response,
            ):
                status = response.status
                self._note(response.headers)
                return status, await read_body(response)
        except (
            TimeoutError,
            UnicodeError,
            UnreadableAnswerError,
            aiohttp.ClientError,
        ) as err:
            if status >= 300:  # A refusal is one, with or without its reason.
                return status, None
            raise failure(err) from None

    def _note(self, headers: Mapping[str, str]) -> None:
        """Take what every answer may tell: the server's version and clock."""
        self.version = headers.get("X-Beeper-Desktop-Version", self.version)
        told = headers.get("Date", "")
        if told == self._date:
            return  # It counts whole seconds, and the first answer in one is nearest.
        self._date = told
        with suppress(ValueError, OverflowError):
            date = parsedate_to_datetime(told)
            if date.tzinfo is None:  # "-0000", or no zone: HTTP means GMT.
                date = date.replace(tzinfo=UTC)
            self.clock_offset = date - datetime.now(UTC)


async def _in_turn[WayT](
    ways: list[WayT],
    attempt: Callable[[WayT], Awaitable[None]],
    *,
    wrong: Callable[[AnswerError], bool],
) -> None:
    """Try one way after another, while an answer proves that one to be `wrong`.

    Those before the one that works are not tried again.
    """
    left = [*ways]  # Another request may find the way meanwhile.
    while True:
        try:
            await attempt(left[0])
        except AnswerError as err:
            if len(left) == 1 or not wrong(err):
                raise
            del left[0]
        else:
            ways[:] = left
            return


def _once() -> aiohttp.ClientMiddlewareType:
    """Return what keeps aiohttp from sending a PUT or DELETE again by itself."""
    failed: list[aiohttp.ClientError] = []

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if failed:
            raise failed[0]
        try:
            return await handler(request)
        except aiohttp.ClientError as err:
            failed.append(err)
            raise

    return send


def _message(chat_id: str, message_id: str) -> tuple[str, ...]:
    return ("v1", "chats", chat_id, "messages", message_id)


def _filter_query(
    wanted: ChatFilter | MessageFilter, limit: int, cursor: str | None
) -> Query:
    page = {"cursor": cursor, "direction": "before"} if cursor else {}
    return {**wire_query(**asdict(wanted), limit=limit), **page}


def _read_done(body: Json) -> None:
    """Read what says no more than that it worked: nothing, or an object."""
    if body is not None and not (
        isinstance(body, dict) and body.get("success") is not False
    ):
        raise UnreadableAnswerError("no word of success")


def _read_accounts(body: Json) -> tuple[Account, ...]:
    if not isinstance(body, list):
        raise UnreadableAnswerError("no list of accounts")
    return tuple(Account.from_dict(account) for account in body)


def _read_labels(body: Json) -> dict[str, str]:
    if not isinstance(body, list):
        raise UnreadableAnswerError("no list of labels")
    return read_labels(body)


def _read_chats(body: Json) -> Page[Chat]:
    return Page.from_dict(body, Chat.from_dict)


def _read_listed(body: Json) -> Page[ListedChat]:
    return Page.from_dict(body, ListedChat.from_dict)


def _read_messages(body: Json) -> Page[Message]:
    """Read a page; before 4.2.808 the cursor is the sort key of an item."""
    page = Page.from_dict(body, Message.from_dict)
    if page.has_more and page.cursor is None and page.items:
        return replace(page, cursor=min(page.items, key=Message.order).sort_key or None)
    return page


def _read_message(body: Json) -> Message:
    if not isinstance(body, dict):
        raise UnreadableAnswerError("no message")
    return Message.from_dict(body)


def _read_scopes(body: Json) -> frozenset[str]:
    scope = body.get("scope") if isinstance(body, dict) else None
    if not isinstance(scope, str):
        raise UnreadableAnswerError("no scopes")
    return frozenset(scope.split())


def _read_user_id(body: Json) -> str:
    matrix = body.get("matrix") if isinstance(body, dict) else None
    user_id = matrix.get("userID") if isinstance(matrix, dict) else None
    if not isinstance(user_id, str) or not user_id:
        raise UnreadableAnswerError("no user")
    return user_id
