"""The HTTP client: one `_request`, one short method an endpoint.

It follows the configured URL only, never an address the server names, and attempts
everything once: what an error means for the caller is in `exceptions`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
    Uploaded,
    User,
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


@dataclass(frozen=True, kw_only=True, repr=False)
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
        *,
        only: ChatType | None = None,
        cursor: str | None = None,
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
            read=Message.from_dict,
        )

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

    async def unread_chats(self, cursor: str | None = None) -> Page[Chat]:
        """Return a page of the chats with unread messages, of all accounts."""
        query = {"unreadOnly": "true", "limit": "200"}
        if cursor is not None:
            query |= {"cursor": cursor, "direction": "before"}
        return await self._request(
            "GET", "v1", "chats", "search", read=_read_chats, query=query
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
                    middlewares=(),
                    timeout=aiohttp.ClientTimeout(connect=_CONNECT_TIMEOUT),
                    **options,
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
        with suppress(ValueError, OverflowError):
            date = parsedate_to_datetime(headers.get("Date", ""))
            if date.tzinfo is None:  # "-0000", or no zone: HTTP means GMT.
                date = date.replace(tzinfo=UTC)
            self.clock_offset = date - datetime.now(UTC)


def _filter_query(
    wanted: ChatFilter | MessageFilter, limit: int, cursor: str | None
) -> Query:
    page = {"cursor": cursor, "direction": "before"} if cursor else {}
    return {**wire_query(**asdict(wanted), limit=limit), **page}


def _read_accounts(body: Json) -> tuple[Account, ...]:
    if not isinstance(body, list):
        raise UnreadableAnswerError("no list of accounts")
    return tuple(Account.from_dict(account) for account in body)


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
