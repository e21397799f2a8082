"""The HTTP client: one method per endpoint."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import IO, Final
from weakref import WeakValueDictionary

import aiohttp

from .exceptions import (
    AnswerError,
    BeeperError,
    PersonNotResolvedError,
    ProxyLoginError,
    RouteAbsentError,
    TooLongAnswerError,
    UnreadableAnswerError,
)
from .filters import filter_page, is_chat_of, matches_chat, matching_messages
from .models import (
    Account,
    AccountStatus,
    Asset,
    Chat,
    ChatResult,
    CreationRules,
    ListedChat,
    Message,
    MessageSearchResult,
    Page,
    SentMessage,
    ServerInfo,
    UnreadChat,
    Upload,
    User,
    read_labels,
)
from .requests import (
    ChatFilter,
    ChatType,
    CreateChat,
    Json,
    MessageFilter,
    Query,
    SendMessage,
    StartChat,
    StartUser,
    chat_patch,
    wire,
    wire_query,
)
from .server_generations import (
    CREATE_ONLY,
    THIRD_PARTY,
    UNIDENTIFIED,
    WITH_START_ROUTE,
    Generation,
    ReminderField,
    StartWay,
    by_info,
    by_version_header,
)
from .stream import ChatEvent, open_stream
from .transport import Sessions, Transport
from .unrecognized import Unrecognized

_CHUNK_SIZE: Final = 256 * 1024
"""Bytes of a download that are read at once."""

MAX_ACCOUNTS: Final = 200
"""Accounts that are used: each gets a device, and nobody has as many."""

_MAX_LISTED: Final = 200
"""Items of the longest page that servers return."""

_SHORTER: Final = (20, 1)
"""Items of the pages that are read where a longer one is too large."""

# Servers before 4.2.557 may check the token before they look up the route.
_INFO_ABSENT: Final = (401, 403, 404, 405, 501)
_REJECTED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


_OTHER_TYPES: Final = (None, "NOTICE", "REACTION", "TEXT")
"""Known types of messages without a separate kind."""


class BeeperClient:
    """A Beeper server at one URL, with one token.

    The caller keeps ownership of `sessions`. Methods raise BeeperError; what its
    subclasses mean is in `exceptions`.
    """

    def __init__(self, sessions: Sessions, url: str, token: str) -> None:
        """Create a client; nothing is sent yet."""
        self._transport = Transport(sessions, url, token)
        self._start_ways: tuple[StartWay, ...] = ()
        self._reminder_fields: list[ReminderField] = []
        self._reaction_in_path: list[bool] = []
        self._reading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._routes: dict[tuple[str | None, str], bool] = {}
        self.accounts_left_out = 0
        """How many accounts of the last list were too many."""
        self.generation: Generation | None = None
        self.info: ServerInfo | None = None

    # Server

    @property
    def unrecognized(self) -> Unrecognized:
        """What the server sent that was not understood."""
        return self._transport.unrecognized

    @property
    def is_beeper(self) -> bool:
        """Whether it is Beeper, as far as known, and no other server such as EasyMatrix."""
        return self._transport.is_beeper

    @property
    def version(self) -> str | None:
        """The server's version; None if unknown."""
        return self._transport.version

    @property
    def clock_offset(self) -> timedelta | None:
        """The server's clock minus ours; None before the first response with a date."""
        return self._transport.clock_offset

    @property
    def features(self) -> Generation:
        """The features of the server, those of an unidentified one while unknown."""
        return self.generation or UNIDENTIFIED

    async def read_info(self) -> ServerInfo:
        """Read what the server says of itself; the token is not sent.

        Raises UnreadableAnswerError if it is not a Beeper server.
        """
        return await self._transport.request(
            "GET", "info", read=ServerInfo.from_dict, authenticated=False
        )

    async def identify(self) -> Generation:
        """Detect the server's generation.

        Reads `/v1/info` without the token or, where that route is absent, the accounts.
        Raises UnreadableAnswerError if the server is not a Beeper server.
        """
        try:
            self.info = await self.read_info()
        except AnswerError as err:
            if isinstance(err, ProxyLoginError) or err.status not in _INFO_ABSENT:
                raise
            self.info = None
            await self.accounts()
            generation = by_version_header(self.version)
        else:
            self._transport.version = self.info.version
            generation = by_info(self.info)
        self._transport.is_beeper = generation is not THIRD_PARTY
        if generation is not self.generation:
            self.generation = generation
            self._start_ways = generation.start_ways
            self._reminder_fields = [*generation.reminder_fields]
            self._reaction_in_path = [*generation.reaction_in_path]
        return generation

    async def scopes(self) -> frozenset[str] | None:
        """Return the token's scopes (`read`, `write`); None if unknown."""
        if self.generation is CREATE_ONLY:
            return None
        with suppress(BeeperError):
            return await self._transport.request(
                "POST",
                "introspect",
                prefix="oauth",
                read=_read_scopes,
                form={"token": self._transport.token},
            )
        return None

    async def user_id(self, accounts: Sequence[Account]) -> str | None:
        """Return the id of the signed-in Beeper user; None if unknown."""
        for account in accounts:
            if account.account_id in ("matrix", "hungryserv") and account.user:
                return account.user.id
        with suppress(AnswerError, UnreadableAnswerError):
            return await self._get("app", "setup", read=_read_user_id)
        return None

    async def accounts(self) -> tuple[Account, ...]:
        """Return the first accounts; a usable one, such as iMessage, may be missing."""
        rows = await self._get("accounts", read=_read_account_rows)
        self.accounts_left_out = max(0, len(rows) - MAX_ACCOUNTS)
        accounts = tuple(map(Account.from_dict, rows[:MAX_ACCOUNTS]))
        for account in accounts:
            if account.status and account.status not in AccountStatus:
                self.unrecognized.add("account_status", account.status)
        return accounts

    async def has_bridges(self) -> bool:
        """Return whether the server knows `creation_rules`; asks once for a version."""
        return await self._has("bridges")

    async def has_labels(self) -> bool:
        """Return whether the server has labels; asks once for a version."""
        return await self._has("labels")

    async def _has(self, route: str) -> bool:
        """Return whether a route of uncertain versions exists; raises BeeperError."""
        known = (self.version, route)
        if known not in self._routes:
            try:
                await self._get(route, read=_read_any)
            except RouteAbsentError, UnreadableAnswerError:
                self._routes[known] = False
            except AnswerError as err:
                if err.status != HTTPStatus.NOT_FOUND:
                    raise
                self._routes[known] = False
            else:
                self._routes[known] = True
        return self._routes[known]

    async def creation_rules(self, bridge_id: str) -> CreationRules:
        """Return how chats can be created on a bridge's network."""
        return await self._get(
            "bridges", bridge_id, "capabilities", read=CreationRules.from_dict
        )

    # Reading

    async def contacts(self, account_id: str, query: str) -> tuple[User, ...]:
        """Search an account's network and contacts for a number, address or handle."""
        page = await self._get(
            "accounts", account_id, "contacts", read=_read_users, query={"query": query}
        )
        return page.items

    async def list_contacts(
        self, account_id: str, cursor: str | None = None
    ) -> Page[User]:
        """Return a page of an account's contacts.

        Raises RouteAbsentError on servers before 4.2.557.
        """
        return await self._get_page(
            "accounts",
            account_id,
            "contacts",
            "list",
            read=_read_users,
            query=_page_query(cursor),
        )

    async def chats(
        self, account_id: str | None = None, cursor: str | None = None
    ) -> Page[Chat]:
        """Return a page of the chats of one or all accounts, the last active first."""
        query = _page_query(cursor, account_ids=account_id)
        page = await self._get("chats", read=_read_chats, query=query, is_list=True)
        return filter_page(page, partial(is_chat_of, account_id=account_id))

    async def direct_chats(self, account_id: str, participant: str) -> Page[Chat]:
        """Search an account's direct chats for a participant's name or number."""
        query = wire_query(
            account_ids=account_id,
            query=participant,
            scope="participants",
            type="single",
        )
        page = await self._get(
            "chats", "search", read=_read_chats, query=query, is_list=True
        )
        return filter_page(
            page, partial(is_chat_of, account_id=account_id, chat_type="single")
        )

    async def search_chats(self, query: str, *, scope: str, limit: int) -> Page[Chat]:
        """Search the chats of all accounts, by their `titles` or `participants`."""
        return await self._get(
            "chats",
            "search",
            read=_read_chats,
            query=wire_query(query=query, scope=scope, limit=limit),
            is_list=True,
        )

    async def all_chats(
        self,
        account_id: str | None = None,
        cursor: str | None = None,
        *,
        chat_type: ChatType | None = None,
    ) -> Page[ListedChat]:
        """Return a long page of the chats of one or all accounts and types."""
        query = _page_query(cursor, account_ids=account_id, type=chat_type)
        page = await self._get_page(
            "chats", "search", read=_read_listed_chats, query=query
        )
        return filter_page(
            page, partial(is_chat_of, account_id=account_id, chat_type=chat_type)
        )

    async def list_chats(
        self, criteria: ChatFilter, *, limit: int, cursor: str | None = None
    ) -> Page[Chat]:
        """Return a page of at most `limit` chats (maximum 200), the last active first.

        It has fewer where the server ignores a filter or names are long, and more where
        it ignores `limit`.
        """
        fields = asdict(criteria)
        rich = self.features.rich_text
        if rich and criteria.inbox == "primary" and criteria.unread_only:
            del fields["inbox"]  # Together, they hide unread chats.
        page = await self._get_page(
            "chats",
            "search",
            read=_read_chats,
            query=_page_query(cursor, **fields),
            limit=limit,
        )
        return filter_page(page, partial(matches_chat, criteria))

    async def unread_chats(self, cursor: str | None = None) -> Page[UnreadChat]:
        """Return a page of the chats with unread messages, of all accounts."""
        query = _page_query(cursor, unread_only=True)
        return await self._get_page(
            "chats", "search", read=_read_unread_chats, query=query
        )

    async def search_messages(
        self, criteria: MessageFilter, *, limit: int, cursor: str | None = None
    ) -> MessageSearchResult:
        """Return a page of at most `limit` messages (maximum 20), the newest first."""
        query = _page_query(cursor, **asdict(criteria), limit=limit)
        found = await self._get(
            "messages",
            "search",
            read=partial(
                MessageSearchResult.from_dict, typed=self.features.typed_messages
            ),
            query=query,
            is_list=True,
        )
        return matching_messages(criteria, found)

    async def chat(self, chat_id: str, *, participants: int = -1) -> Chat:
        """Return a chat with at most this number of participants, -1 for all."""
        return await self._get(
            "chats",
            chat_id,
            read=Chat.from_dict,
            query={"maxParticipantCount": str(participants)},
        )

    async def messages(self, chat_id: str, cursor: str | None = None) -> Page[Message]:
        """Return a page of a chat's messages, about 20, the newest first.

        One request a chat at a time: EasyMatrix answers 500 while it reads the same
        chat for another one.
        """
        async with self._reading.setdefault(chat_id, asyncio.Lock()):
            page = await self._get(
                "chats",
                chat_id,
                "messages",
                read=partial(_read_messages, typed=self.features.typed_messages),
                query=_page_query(cursor),
                is_list=True,
            )
        for message in page.items:
            if message.kind == "unknown" and message.type not in _OTHER_TYPES:
                self.unrecognized.add("message_type", message.type)
        return page

    async def message(self, chat_id: str, message_id: str) -> Message:
        """Return a message by its final or pending id.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        return await self._get(
            *_message_path(chat_id, message_id),
            read=partial(_read_message, typed=self.features.typed_messages),
        )

    async def labels(self) -> dict[str, str]:
        """Return the names of the labels that chats can have, by id.

        Raises RouteAbsentError on servers without labels.
        """
        return await self._get("labels", read=_read_labels)

    @asynccontextmanager
    async def asset(self, url: str) -> AsyncIterator[Asset]:
        """Open a file attached to a message, by its `url`.

        Raises RouteAbsentError on servers before 4.2.509.
        """
        async with self._transport.open(
            "assets", "serve", query={"url": url}
        ) as response:
            yield Asset(
                mime_type=response.content_type,
                size=response.content_length,
                chunks=response.content.iter_chunked(_CHUNK_SIZE),
            )

    def stream(self) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        """Connect to the events of all chats; see `open_stream`."""
        return open_stream(self._transport)

    # Changing

    async def upload(
        self, file: IO[bytes], *, file_name: str, mime_type: str
    ) -> Upload:
        """Upload a file for one message, in chunks; the caller closes it.

        Raises RouteAbsentError on servers before 4.2.509. An upload reaches nobody
        until a message refers to it.
        """
        form = aiohttp.FormData()
        form.add_field("fileName", file_name)
        form.add_field("mimeType", mime_type)
        form.add_field("file", file, filename=file_name, content_type=mime_type)
        return await self._transport.request(
            "POST", "assets", "upload", read=Upload.from_dict, form=form, changes=True
        )

    async def send_message(self, request: SendMessage) -> SentMessage:
        """Send a message; its delivery to the network follows later."""
        return await self._transport.request(
            "POST",
            "chats",
            request.chat_id,
            "messages",
            read=SentMessage.from_dict,
            body=request.body(),
            changes=True,
        )

    async def update_chat(self, chat_id: str, fields: Mapping[str, Json]) -> None:
        """Change a chat, except for its archiving; None clears a field.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        await self._change("PATCH", "chats", chat_id, body=chat_patch(fields))

    async def archive(self, chat_id: str, *, archived: bool) -> None:
        """Archive a chat or take it out of the archive."""
        await self._post("archive", chat_id, archived=archived)

    async def mark_read(self, chat_id: str, message_id: str | None) -> None:
        """Mark a chat read, up to a message or completely; others may get a receipt.

        Raises RouteAbsentError on servers before 4.2.808, as `mark_unread` does.
        """
        await self._post("read", chat_id, message_id=message_id)

    async def mark_unread(self, chat_id: str, message_id: str | None) -> None:
        """Mark a chat unread, from a message on or completely."""
        await self._post("unread", chat_id, message_id=message_id)

    async def show_typing(self, chat_id: str) -> None:
        """Show in a chat that something is being written, if the server can.

        The route's body is undocumented, so the request has no body.
        """
        known = (self.version, "typing")
        if self._routes.get(known, True):
            try:
                await self._post("typing", chat_id)
            except RouteAbsentError:
                self._routes[known] = False

    async def notify_anyway(self, chat_id: str) -> None:
        """Notify a person of a message although their notifications are silenced.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        await self._post("notify-anyway", chat_id)

    async def set_reminder(
        self, chat_id: str, remind_at: datetime, *, dismiss: bool | None
    ) -> None:
        """Set a chat's reminder to a time with an offset.

        With `dismiss`, an incoming message dismisses the reminder.
        """
        times: dict[ReminderField, Json] = {
            "remindAt": remind_at.astimezone(UTC).isoformat(),
            "remindAtMs": round(remind_at.timestamp() * 1000),
        }
        rest = wire(dismiss_on_incoming_message=dismiss)

        async def remind(field: ReminderField) -> None:
            reminder = {field: times[field], **rest}
            await self._post("reminders", chat_id, reminder=reminder)

        await self._ensure_identified()
        await _first_supported(
            self._reminder_fields,
            remind,
            is_unsupported=lambda err: err.status in _REJECTED,
        )

    async def clear_reminder(self, chat_id: str) -> None:
        """Clear a chat's reminder."""
        await self._change("DELETE", "chats", chat_id, "reminders")

    async def edit_message(self, chat_id: str, message_id: str, text: str) -> None:
        """Replace the Markdown text of an own message.

        Raises RouteAbsentError on servers before 4.2.509.
        """
        await self._change(
            "PUT", *_message_path(chat_id, message_id), body=wire(text=text)
        )

    async def delete_message(
        self, chat_id: str, message_id: str, *, for_everyone: bool
    ) -> None:
        """Delete a message, by its final id, for everyone or for the own user only.

        Raises RouteAbsentError on servers before 4.2.808.
        """
        await self._change(
            "DELETE",
            *_message_path(chat_id, message_id),
            query=wire_query(for_everyone=for_everyone),
        )

    async def add_reaction(
        self, chat_id: str, message_id: str, reaction: str, *, transaction_id: str
    ) -> None:
        """React to a message; servers deduplicate by `transaction_id`.

        Raises RouteAbsentError on servers before 4.2.557, as `remove_reaction` does.
        """
        await self._change(
            "POST",
            *_message_path(chat_id, message_id),
            "reactions",
            body=wire(reaction_key=reaction, transaction_id=transaction_id),
        )

    async def remove_reaction(
        self, chat_id: str, message_id: str, reaction: str
    ) -> None:
        """Remove an own reaction."""
        path = (*_message_path(chat_id, message_id), "reactions")

        async def remove(in_path: bool) -> None:
            if in_path:
                await self._change("DELETE", *path, reaction)
            else:
                query = wire_query(reaction_key=reaction)
                await self._change("DELETE", *path, query=query)

        await self._ensure_identified()
        await _first_supported(
            self._reaction_in_path,
            remove,
            is_unsupported=lambda err: isinstance(err, RouteAbsentError),
        )

    async def focus(
        self,
        *,
        chat_id: str | None = None,
        message_id: str | None = None,
        draft_text: str | None = None,
    ) -> None:
        """Open Beeper's window, optionally at a chat and message and with a draft."""
        body = wire(chat_id=chat_id, message_id=message_id, draft_text=draft_text)
        await self._change("POST", "focus", body=body)

    async def create_chat(self, request: CreateChat) -> ChatResult:
        """Create a chat."""
        return await self._post_chat("chats", body=request.body())

    async def start_chat(self, request: StartChat) -> ChatResult:
        """Start or find the direct chat with a person.

        Raises PersonNotResolvedError if the server's contact search is needed and does
        not return exactly one match.
        """
        # A server that was updated since may support the newer route.
        if self.generation is not WITH_START_ROUTE:
            await self.identify()
        guessed = self.generation is not None and self.generation.guessed
        if self.generation and self.generation.guesses_people and not request.user.id:
            user = StartUser(id=await self._participant_id(request))
            request = replace(request, user=user)
        ways = self._start_ways
        while True:
            try:
                result = await self._start_chat(ways[0], request)
            except AnswerError as err:
                absent = isinstance(err, RouteAbsentError)
                rejected = guessed and err.status in _REJECTED
                if len(ways) == 1 or not (absent or rejected):
                    if absent:  # The server has changed: identify it again next time.
                        self.generation = None
                    raise
                ways = ways[1:]
            else:
                self._start_ways = ways
                return result

    async def _start_chat(self, way: StartWay, request: StartChat) -> ChatResult:
        if way is StartWay.ROUTE:
            body = request.body(mode=False)
            return await self._post_chat("chats", "start", body=body)
        if way is StartWay.MODE:
            return await self._post_chat("chats", body=request.body(mode=True))
        return await self.create_chat(
            CreateChat(
                account_id=request.account_id,
                participant_ids=(await self._participant_id(request),),
                type="single",
                message_text=request.message_text,
            )
        )

    async def _participant_id(self, request: StartChat) -> str:
        """Return the id of the only contact that provably is the person."""
        user = request.user
        if user.id is not None:
            return user.id
        query = user.phone_number or user.email or user.username or ""
        matches = {
            contact.id
            for contact in await self.contacts(request.account_id, query)
            if contact.matches(user, None)
        }
        if len(matches) != 1:
            raise PersonNotResolvedError(len(matches))
        return matches.pop()

    # Helpers

    async def _ensure_identified(self) -> None:
        if self.generation is None:
            await self.identify()

    async def _get[T](
        self,
        *path: str,
        read: Callable[[Json], T],
        query: Query | None = None,
        is_list: bool = False,
    ) -> T:
        return await self._transport.request(
            "GET", *path, read=read, query=query, is_list=is_list
        )

    async def _get_page[T](
        self,
        *path: str,
        read: Callable[[Json], Page[T]],
        query: Query,
        limit: int = _MAX_LISTED,
    ) -> Page[T]:
        """Return a page of a list, a shorter one if people fill it with long names."""
        limits = [limit, *(shorter for shorter in _SHORTER if shorter < limit)]
        while True:
            page_query = {**query, "limit": str(limits.pop(0))}
            try:
                return await self._get(*path, read=read, query=page_query, is_list=True)
            except TooLongAnswerError:
                if not limits:
                    raise

    async def _post(self, action: str, chat_id: str, **fields: Json) -> None:
        await self._change("POST", "chats", chat_id, action, body=wire(**fields))

    async def _post_chat(self, *path: str, body: Json) -> ChatResult:
        return await self._transport.request(
            "POST", *path, read=ChatResult.from_dict, body=body, changes=True
        )

    async def _change(
        self, method: str, *path: str, query: Query | None = None, body: Json = None
    ) -> None:
        """Change something that can be read afterwards; the response is ignored."""
        await self._transport.request(
            method, *path, read=_read_success, query=query, body=body, changes=True
        )


async def _first_supported[VariantT](
    variants: list[VariantT],
    attempt: Callable[[VariantT], Awaitable[None]],
    *,
    is_unsupported: Callable[[AnswerError], bool],
) -> None:
    """Try variants in order, as long as an error proves one to be unsupported.

    Variants before the first supported one are removed from the list.
    """
    remaining = [*variants]  # A concurrent request may shorten the list.
    while True:
        try:
            await attempt(remaining[0])
        except AnswerError as err:
            if len(remaining) == 1 or not is_unsupported(err):
                raise
            del remaining[0]
        else:
            variants[:] = remaining
            return


def _message_path(chat_id: str, message_id: str) -> tuple[str, ...]:
    return ("chats", chat_id, "messages", message_id)


def _page_query(
    cursor: str | None,
    **fields: str | bool | int | datetime | Sequence[str] | None,
) -> Query:
    """Return the query of a list, for the page that follows `cursor`."""
    page = {"cursor": cursor, "direction": "before"} if cursor else {}
    return {**wire_query(**fields), **page}


def _read_success(body: Json) -> None:
    """Accept an empty body or an object that does not deny success."""
    if body is not None and not (
        isinstance(body, dict) and body.get("success") is not False
    ):
        raise UnreadableAnswerError("no word of success")


def _read_account_rows(body: Json) -> list[Json]:
    if not isinstance(body, list):
        raise UnreadableAnswerError("no list of accounts")
    return body


def _read_any(body: Json) -> None:
    """Accept a list, or an object with one."""
    items = body.get("items") if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise UnreadableAnswerError("no list")


def _read_labels(body: Json) -> dict[str, str]:
    if not isinstance(body, list):
        raise UnreadableAnswerError("no list of labels")
    return read_labels(body)


def _read_users(body: Json) -> Page[User]:
    return Page.from_dict(body, User.from_dict)


def _read_chats(body: Json) -> Page[Chat]:
    return Page.from_dict(body, Chat.from_dict)


def _read_listed_chats(body: Json) -> Page[ListedChat]:
    return Page.from_dict(body, ListedChat.from_dict)


def _read_unread_chats(body: Json) -> Page[UnreadChat]:
    return Page.from_dict(body, UnreadChat.from_dict)


def _read_messages(body: Json, *, typed: bool) -> Page[Message]:
    """Read a page; before 4.2.808 the cursor is the sort key of an item."""
    page = Page.from_dict(body, partial(Message.from_dict, typed=typed))
    if page.has_more and page.cursor is None and page.items:
        return replace(
            page, cursor=min(page.items, key=Message.position).sort_key or None
        )
    return page


def _read_message(body: Json, *, typed: bool) -> Message:
    if not isinstance(body, dict):
        raise UnreadableAnswerError("no message")
    return Message.from_dict(body, typed=typed)


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
