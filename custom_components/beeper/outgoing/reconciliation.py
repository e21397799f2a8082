"""Find the result of a request with an unknown outcome, by reading only.

Without proof nothing is found: another chat, or one of several matching chats, must never
be returned as the result.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from ..api.client import BeeperClient
from ..api.exceptions import AnswerError
from ..api.folding import fold
from ..api.merged_chats import merged_messages, without_members
from ..api.models import LONG_AGO, Chat, ListedChat, Message, Page, User
from ..api.pages import pages
from ..api.requests import ChatRequest, CreateChat, StartChat
from ..server import Server
from .earlier_reads import EarlierReads
from .sent_proof import TWIN_WINDOW, SentCandidates
from .text_matching import same_text

type _Participant = tuple[str, str | None]
"""An ID, and the phone number if it is known."""

_CLOCK_TOLERANCE: Final = timedelta(seconds=5)
_MAX_CLOCK_OFFSET: Final = timedelta(days=1)
_MAX_PAGES: Final = 8
_MAX_LONG_PAGES: Final = 500


async def find_result(
    server: Server,
    request: ChatRequest,
    attempted: float,
    *,
    earlier_reads: EarlierReads,
    phone_numbers: Mapping[str, str],
    may_exist: bool,
) -> Chat | None:
    """Return the chat that the request created or started.

    `attempted` is the event loop's time of the request; a new chat was not read
    before. `phone_numbers` are the known ones by participant ID. `may_exist`: an
    existing chat may be the result. Raises BeeperError if reading fails.
    """
    if isinstance(request, StartChat):
        return await find_direct_chat(server, request)
    if may_exist:
        chats = await find_existing_chats(server, request, phone_numbers)
        return chats[0] if len(chats) == 1 else None
    since = await _server_time(server, attempted)
    return await _find_created_chat(
        server,
        request,
        phone_numbers,
        since,
        lambda chat_id: earlier_reads.had_chat(chat_id, attempted),
    )


async def find_sent(
    server: Server,
    chat_id: str,
    text: str | None,
    attempted: float,
    account_id: str | None,
    *,
    attachment: str | bool = False,
    original_ids: Collection[str] = (),
) -> SentCandidates:
    """Return a chat's own messages that the attempt may have sent.

    `attempted` is the event loop's time. `account_id` is for rows that do not name their
    account. `attachment` is the file's name, or whether there was a file, `original_ids`
    are those of the message that it replies to. Raises BeeperError if the messages
    cannot be read.
    """
    client = server.client
    since = await _server_time(server, attempted)
    is_rich = client.generation.rich_text if client.generation else None
    own = [
        message
        for message in (await merged_messages(client, chat_id)).items
        if server.is_own(message, account_id)
        and message.timestamp is not None
        and message.timestamp >= since - TWIN_WINDOW
    ]
    found = [
        message
        for message in own
        if same_text(text or "", message.text or "", is_rich=is_rich)
        and message.edited is None  # It had another text.
        and _is_reply(server, message, original_ids)
        and bool(message.attachments) is bool(attachment)
        and all(
            isinstance(attachment, bool) or received.file_name in (None, attachment)
            for received in message.attachments
        )
    ]
    found.sort(key=Message.order)
    return SentCandidates(
        text=text or "",
        attached=bool(attachment),
        attempted=attempted,
        earlier=[row for row in found if row.timestamp and row.timestamp < since],
        messages=[row for row in found if row.timestamp and row.timestamp >= since],
        other_texts=[
            row
            for row in own
            if row not in found
            and row.kind == "text"
            and row.timestamp
            and row.timestamp >= since
        ],
    )


def _is_reply(server: Server, message: Message, original_ids: Collection[str]) -> bool:
    """Return whether a message may reply to one of these, or to none if there are none."""
    if message.reply_to_message_id is not None:
        return message.reply_to_message_id in original_ids
    return not (original_ids and server.client.features.typed_messages)


async def find_existing_chats(
    server: Server,
    request: CreateChat,
    phone_numbers: Mapping[str, str],
    recent_id: str | None = None,
) -> list[Chat]:
    """Return the chats of exactly these people, with the title if one is given.

    The chat `recent_id` was just created for them, even if it does not list them yet.

    Of several direct chats with one person, the latest is returned. `phone_numbers` are
    the known ones by participant ID, as IDs can change. Raises BeeperError.
    """
    participants = _participants(request, phone_numbers)
    id_scheme = server.id_scheme(request.account_id)
    found: list[Chat] = []
    async for page in _all_chats(server.client, request):
        for listed in page.items:
            if listed.type != request.type or listed.account_id != request.account_id:
                continue
            if request.type == "group" and not _has_title(request, listed):
                continue
            # Lists contain some of the people, and one other person rules a chat out.
            if not all(
                _is_any(user, participants, id_scheme) for user in server.others(listed)
            ):
                continue
            chat = await server.client.chat(listed.id)
            if chat.id == recent_id or (
                not chat.has_more
                and _same_people(participants, server.others(chat), id_scheme)
            ):
                found.append(chat)
    found = without_members(found)
    if request.type == "single" and found:
        return [max(found, key=lambda chat: chat.last_activity or LONG_AGO)]
    return found


async def find_direct_chat(server: Server, request: StartChat) -> Chat | None:
    """Return the only direct chat with the person, None for no or several chats."""
    found = await find_direct_chats(server, request)
    if len(found) != 1:
        return None
    chat = await server.client.chat(found[0].id)
    return chat if _is_with(server, chat, request) else None


async def find_direct_chats(server: Server, request: StartChat) -> list[Chat]:
    """Return the direct chats with the person that lists and searches show."""
    client = server.client

    def matches(chat: Chat) -> bool:
        return _is_with(server, chat, request)

    found: dict[str, Chat] = {}
    user = request.user
    for term in (user.phone_number, user.email, user.username, user.full_name):
        if term is not None:
            # The other searches may work if the server refuses one.
            with suppress(AnswerError):
                page = await client.direct_chats(request.account_id, term)
                found |= {chat.id: chat for chat in page.items if matches(chat)}
    async for page in _latest_chats(client, request.account_id):
        found |= {chat.id: chat for chat in page.items if matches(chat)}
    return without_members(found.values())


def _is_with(server: Server, chat: Chat, request: StartChat) -> bool:
    """Return whether a chat is a direct chat with the person."""
    others = server.others(chat)
    return (
        chat.type == "single"
        and chat.account_id == request.account_id
        and len(others) == 1
        and others[0].matches(request.user, server.id_scheme(request.account_id))
    )


async def _find_created_chat(
    server: Server,
    request: CreateChat,
    phone_numbers: Mapping[str, str],
    since: datetime,
    is_older: Callable[[str], bool],
) -> Chat | None:
    """Return the only new chat of these people that became active since."""
    client = server.client
    found: list[Chat] = []
    async for page in _latest_chats(client, request.account_id):
        active = [
            chat
            for chat in page.items
            if chat.last_activity is not None and chat.last_activity >= since
        ]
        if not active:
            break
        for listed in active:
            if listed.type != request.type or listed.account_id != request.account_id:
                continue
            # Networks choose the titles of direct chats.
            if request.type == "group" and not _has_title(request, listed):
                continue
            if is_older(listed.id):
                continue
            chat = await client.chat(listed.id)
            if (
                _same_people(
                    _participants(request, phone_numbers),
                    server.others(chat),
                    server.id_scheme(request.account_id),
                )
                and not chat.has_more
                and not await _has_history(client, chat, since)
            ):
                found.append(chat)
    found = without_members(found)
    return found[0] if len(found) == 1 else None


def _latest_chats(client: BeeperClient, account_id: str) -> AsyncIterator[Page[Chat]]:
    """Yield pages of an account's chats, the last active first, with a limit."""
    return pages(partial(client.chats, account_id), _MAX_PAGES)


def _has_title(request: CreateChat, chat: ListedChat) -> bool:
    return request.title is None or fold(request.title) == fold(chat.title or "")


def _all_chats(
    client: BeeperClient, request: CreateChat
) -> AsyncIterator[Page[ListedChat]]:
    """Yield long pages of an account's chats of one type, with a limit."""
    return pages(
        partial(client.all_chats, request.account_id, chat_type=request.type),
        _MAX_LONG_PAGES,
    )


async def _has_history(client: BeeperClient, chat: Chat, since: datetime) -> bool:
    """Return whether the chat certainly has older messages."""
    with suppress(AnswerError):
        page = await client.messages(chat.id)
        # The messages of a chat that is seconds old do not fill a page.
        return page.has_more or any(
            message.timestamp is not None and message.timestamp < since
            for message in page.items
        )
    return False


async def _server_time(server: Server, attempted: float) -> datetime:
    """Return the earliest possible server time of an event loop's time."""
    # The age is valid on any clock, and a reply contains the server's time.
    await server.client.identify()
    offset = server.client.clock_offset
    # A clock that is days off proves nothing.
    if offset is None or abs(offset) > _MAX_CLOCK_OFFSET:
        age = timedelta(seconds=asyncio.get_running_loop().time() - attempted)
        since = datetime.now(UTC) - age - _CLOCK_TOLERANCE
    else:
        since = server.earliest_time_at(attempted)
    return since.replace(microsecond=0)  # Some networks count whole seconds.


def _participants(
    request: CreateChat, phone_numbers: Mapping[str, str]
) -> list[_Participant]:
    return [
        (user_id, phone_numbers.get(user_id))
        for user_id in dict.fromkeys(request.participant_ids)
    ]


def _same_people(
    participants: Iterable[_Participant], people: list[User], id_scheme: str | None
) -> bool:
    """Return whether the participants are exactly these people."""
    left = list(people)
    for participant in participants:
        match = next(
            (user for user in left if user.is_participant(*participant, id_scheme)),
            None,
        )
        if match is None:
            return False
        left.remove(match)
    return not left


def _is_any(
    user: User, participants: Iterable[_Participant], id_scheme: str | None
) -> bool:
    return any(
        user.is_participant(*participant, id_scheme) for participant in participants
    )
