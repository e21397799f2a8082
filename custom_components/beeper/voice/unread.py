"""Unread messages, for speech and language models. Marks nothing as read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Final

from .. import errors
from ..api.merged_chats import newest_messages, without_members
from ..api.models import (
    LONG_AGO,
    Account,
    AccountStatus,
    Chat,
    Message,
    Page,
    readable_name,
)
from ..api.pages import pages
from ..api.requests import ChatFilter
from ..api.rich_text import plain
from ..api.server_generations import READ_SINCE
from ..coordinator import BeeperConfigEntry
from ..server import Server
from .sentences import Language
from .spoken_networks import is_network
from .spoken_recipients import Recipient

MAX_SPOKEN_TEXT: Final = 300
"""Characters of a message."""

_MAX_CHATS: Final = 5
_MAX_CHATS_READ: Final = 20
"""Some chats turn out to have nothing to report."""

_MAX_MESSAGES: Final = 3
"""Per chat."""

_MAX_PARTICIPANTS: Final = 500
_PAGE_SIZE: Final = 50
_MAX_PAGES: Final = 20

type ServerChat = tuple[Server, Chat]


@dataclass(kw_only=True, repr=False, eq=False)
class UnreadMessage:
    """An unread message. `sender` is None if no name is known; `text` is plain."""

    sender: str | None
    text: str | None
    attachments: tuple[str, ...]
    timestamp: datetime | None


@dataclass(kw_only=True, repr=False, eq=False)
class ChatSummary:
    """A chat and its newest unread messages, the oldest of them first.

    `unread_count` counts all its unread messages. `title` is None if unknown.
    """

    id: str
    title: str | None
    type: str | None
    network: str | None
    unread_count: int
    messages: tuple[UnreadMessage, ...]


@dataclass(kw_only=True, repr=False, eq=False)
class UnreadSummary:
    """Chats with unread messages, the last active first; `more` counts the omitted ones.

    `counts` has the number of unread messages by network. `not_connected` names the
    networks whose messages may be missing.
    """

    chats: tuple[ChatSummary, ...]
    more: int
    counts: Mapping[str, int]
    not_connected: tuple[str, ...]


async def async_unread(
    entries: Iterable[BeeperConfigEntry],
    network: str | None,
    *,
    count_only: bool = False,
) -> UnreadSummary:
    """Return unread messages of chats that are not muted, in one network or in all.

    Raises a translated HomeAssistantError.
    """
    found: list[ServerChat] = []
    servers = [entry.runtime_data.server for entry in entries]
    for server in servers:
        chats = await _list_unread_chats(server)
        found += [
            (server, chat)
            for chat in chats
            if is_network(network, _network(server, chat) or "")
        ]
    accounts = [
        account
        for server in servers
        for account in server.accounts
        if is_network(network, account.name)
    ]
    return await _summarize(found, accounts, count_only=count_only)


async def async_unread_from(
    recipients: Iterable[Recipient], *, count_only: bool = False
) -> UnreadSummary:
    """Return unread messages of certain chats, even if they are muted.

    Raises a translated HomeAssistantError.
    """
    found: list[ServerChat] = []
    accounts: list[Account] = []
    for recipient in recipients:
        server = recipient.server
        if recipient.chat_id:
            found.append((server, await _get_chat(server, recipient.chat_id)))
        if account := server.account(recipient.account_id):
            accounts.append(account)
    return await _summarize(
        [pair for pair in found if pair[1].unread_count],
        accounts,
        count_only=count_only,
    )


async def _list_unread_chats(server: Server) -> list[Chat]:
    criteria = ChatFilter(unread_only=True, include_muted=False)

    async def fetch(cursor: str | None) -> Page[Chat]:
        return await server.client.list_chats(criteria, limit=_PAGE_SIZE, cursor=cursor)

    chats: dict[str, Chat] = {}
    with server.translate_errors(_not_read):
        async for page in pages(fetch, _MAX_PAGES):
            # Some servers ignore the filters.
            chats.update(
                (chat.id, chat)
                for chat in page.items
                if chat.unread_count and not chat.is_muted
            )
    return without_members(chats.values())


async def _get_chat(server: Server, chat_id: str) -> Chat:
    with server.translate_errors(_not_read):
        return await server.client.chat(chat_id, participants=_MAX_PARTICIPANTS)


async def _summarize(
    found: list[ServerChat], accounts: Iterable[Account], *, count_only: bool
) -> UnreadSummary:
    """Count the unread messages, and read the newest ones of the last active chats."""
    counts: Counter[str] = Counter()
    for server, chat in found:
        counts[_network(server, chat) or "Beeper"] += chat.unread_count
    chats, more = ([], len(found)) if count_only else await _read(found)
    return UnreadSummary(
        chats=tuple(chats),
        more=more,
        counts=counts,
        not_connected=tuple(
            sorted({account.name for account in accounts if _is_logged_out(account)})
        ),
    )


def _is_logged_out(account: Account) -> bool:
    return account.needs_user or account.status == AccountStatus.DISCONNECTED


async def _read(found: list[ServerChat]) -> tuple[list[ChatSummary], int]:
    """Return the last active chats with their newest unread messages.

    Also returns the number of chats that are left.
    """
    found.sort(key=lambda pair: pair[1].last_activity or LONG_AGO, reverse=True)
    chats: list[ChatSummary] = []
    attempts = 0
    for server, chat in found[:_MAX_CHATS_READ]:
        if len(chats) == _MAX_CHATS:
            break
        attempts += 1
        if unread := await _read_chat(server, chat):
            chats.append(unread)
    return chats, len(found) - attempts


async def _read_chat(server: Server, chat: Chat) -> ChatSummary | None:
    """Return a chat with unread messages, None if nobody else wrote any."""
    with server.translate_errors(_not_read):
        rows = await newest_messages(server.client, chat.id, chat.merged_ids)
    unread, event_count = _unread_messages(server, chat, rows)
    if not unread:
        return None
    newest = unread[:_MAX_MESSAGES][::-1]
    if chat.has_more and not all(_sender(chat, message) for message in newest):
        chat = await _get_chat(server, chat.id)
    is_html = server.client.features.rich_text
    return ChatSummary(
        id=chat.id,
        title=readable_name(chat.title),
        type=chat.type,
        network=_network(server, chat),
        unread_count=max(chat.unread_count - event_count, len(unread)),
        messages=tuple(
            UnreadMessage(
                sender=_sender(chat, message),
                text=plain(message.text) if message.text and is_html else message.text,
                attachments=tuple(file.kind for file in message.attachments),
                timestamp=message.timestamp,
            )
            for message in newest
        ),
    )


def _unread_messages(
    server: Server, chat: Chat, rows: Iterable[Message]
) -> tuple[list[Message], int]:
    """Return the unread messages, newest first, and the number of unread events.

    Some servers count unread messages but mark none: then the newest ones are unread.
    """
    others = [
        row
        for row in sorted(rows, key=Message.order, reverse=True)
        if not (row.is_hidden or server.is_own(row, chat.account_id))
    ]
    marked = [row for row in others if row.is_unread]
    messages = [row for row in marked or others if not row.is_event]
    if not marked:
        messages = messages[: chat.unread_count]
    return (
        [message for message in messages if not message.is_deleted],
        sum(row.is_event for row in marked),
    )


def _sender(chat: Chat, message: Message) -> str | None:
    """Return the sender's name, None if only an ID is known.

    In a direct chat, the title is the name of the other person.
    """
    names = [user.name for user in chat.participants if user.id == message.sender_id]
    title = chat.title if chat.type == "single" else None
    return message.sender_name or next(iter(names), None) or readable_name(title)


def _network(server: Server, chat: Chat) -> str | None:
    """Return the network's name; old servers name it for neither accounts nor chats."""
    account = server.account(chat.account_id)
    if account is None:
        return chat.network
    return account.network or chat.network or account.name


_not_read = partial(errors.not_read, since=READ_SINCE)


def messages_as_speech(language: Language, unread: UnreadSummary) -> str:
    """Return the unread messages as speech."""
    sentences = [
        language.render(
            "unread_group" if chat.type == "group" else "unread",
            sender=language.shorten(
                message.sender or language.render("somebody").capitalize()
            ),
            chat=language.shorten(chat.title or language.render("untitled_group")),
            network=language.shorten(chat.network or "Beeper"),
            text=_sentence(language, message.text) or language.render("without_text"),
        )
        for chat in unread.chats
        for message in chat.messages
    ] or [language.render("nothing_unread")]
    if unread.more:
        sentences.append(language.render("more_unread", count=str(unread.more)))
    return " ".join([*sentences, *_not_connected(language, unread)])


def count_as_speech(language: Language, unread: UnreadSummary) -> str:
    """Return the number of unread messages as speech."""
    total = sum(unread.counts.values())
    if total == 0:
        sentence = language.render("nothing_unread")
    elif len(unread.counts) == 1:
        [network] = unread.counts
        sentence = language.render(
            "count_1_on" if total == 1 else "count_more_on",
            count=str(total),
            network=language.shorten(network),
        )
    else:
        places = [
            language.render(
                "count_on", count=str(count), network=language.shorten(network)
            )
            for network, count in sorted(
                unread.counts.items(), key=itemgetter(1), reverse=True
            )
        ]
        sentence = language.render(
            "count_more", count=str(total), places=_listed(language, places)
        )
    return " ".join([sentence, *_not_connected(language, unread)])


def _not_connected(language: Language, unread: UnreadSummary) -> Iterator[str]:
    if names := [language.shorten(name) for name in unread.not_connected]:
        yield language.render(
            "not_connected_1" if len(names) == 1 else "not_connected_more",
            networks=_listed(language, names),
        )


def _listed(language: Language, texts: Sequence[str]) -> str:
    *others, last = texts
    if not others:
        return last
    return language.render("and", first=", ".join(others), last=last)


def _sentence(language: Language, text: str | None) -> str:
    """Return a text in one line that ends with punctuation."""
    line = " ".join(language.shorten(text or "", MAX_SPOKEN_TEXT).split())
    return f"{line}." if line and line[-1].isalnum() else line
