"""Known differences between servers that shapes do not show, as yes or no."""

from collections.abc import Callable, Iterable
from typing import Any

from .reading import Reading, members, rows, text

type Row = dict[str, Any]

NOT_SEEN = "not seen"


def behaviour(reading: Reading) -> dict[str, str]:
    """Return an answer to each question: yes, no, some or not seen."""
    chats = _chats(reading)
    messages = reading.items("GET /v1/chats/{chatID}/messages")
    accounts = reading.items("GET /v1/accounts")
    search = "GET /v1/chats/search"
    asked = next(filter(None, (text(row, "accountID") for row in chats)), None)
    own_ids = {
        (text(account, "accountID"), text(user, "id"))
        for account in accounts
        if isinstance(user := account.get("user"), dict) and text(user, "id")
    }
    return {
        "`limit` of the chat list is honoured": _limit(reading, "GET /v1/chats"),
        "`limit` of the chat search is honoured": _limit(reading, search),
        "`accountIDs` filters the chat list": _filtered(
            reading,
            "GET /v1/chats?accountIDs",
            lambda row: row.get("accountID") == asked,
        ),
        "`unreadOnly` lists unread chats only": _filtered(
            reading,
            f"{search}?unreadOnly=true",
            lambda row: bool(row.get("unreadCount") or row.get("isMarkedUnread")),
        ),
        "`includeMuted=false` leaves out muted chats": _filtered(
            reading,
            f"{search}?includeMuted=false",
            lambda row: row.get("isMuted") is not True,
        ),
        "`inbox=primary` leaves out archived chats and those of low priority": _filtered(
            reading,
            f"{search}?inbox=primary",
            lambda row: True not in (row.get("isArchived"), row.get("isLowPriority")),
        ),
        "`inbox=archive` lists archived chats only": _filtered(
            reading,
            f"{search}?inbox=archive",
            lambda row: row.get("isArchived") is True,
        ),
        "`type=group` lists groups only": _filtered(
            reading,
            f"{search}?type=group",
            lambda row: row.get("type") == "group",
        ),
        "The second page of chats repeats a chat": _overlap(reading),
        "Accounts have `network`": _share(
            accounts, lambda row: bool(row.get("network"))
        ),
        "The signed-in user's messages are marked `isSender`": _share(
            [
                row
                for row in messages
                if (text(row, "accountID"), text(row, "senderID")) in own_ids
            ],
            lambda row: row.get("isSender") is True,
        ),
        "Messages have `type`": _share(messages, lambda row: bool(row.get("type"))),
        "`senderName` is the sender's id": _share(
            [row for row in messages if row.get("senderName")],
            lambda row: row["senderName"] == row.get("senderID"),
        ),
        "Chats with unread messages mark them `isUnread`": _unread(reading, chats),
        "Merged chats have messages": _merged(reading, chats),
        "Previews have the sort key -1": _share(
            [row["preview"] for row in chats if isinstance(row.get("preview"), dict)],
            lambda row: str(row.get("sortKey")) == "-1",
        ),
        "A file without caption has its name as `text`": _share(
            [row for row in messages if text(row, "text") and _file_names(row)],
            lambda row: text(row, "text") in _file_names(row),
        ),
        "Chats are read-only": _share(chats, lambda row: row.get("isReadOnly") is True),
        "Chats have nobody else in them": _share(
            [row for row in chats if _participants(row)],
            lambda row: all(
                person.get("isSelf") is True for person in _participants(row)
            ),
        ),
        "Chat lists are cut off at 5 participants": _capped(chats),
    }


def _chats(reading: Reading) -> list[Row]:
    return reading.items("GET /v1/chats") + reading.items("GET /v1/chats/search")


def _share(found: Iterable[Row], condition: Callable[[Row], bool]) -> str:
    results = {condition(row) for row in found}
    if len(results) == 2:
        return "some"
    return {True: "yes", False: "no"}[results.pop()] if results else NOT_SEEN


def _filtered(reading: Reading, name: str, condition: Callable[[Row], bool]) -> str:
    """Whether all rows that a filter returned fit; nothing is known without a row."""
    answer = _share(reading.items(name), condition)
    return "no" if answer == "some" else answer


def _file_names(message: Row) -> set[str]:
    names = {text(file, "fileName") for file in rows(message.get("attachments"))}
    return names - {""}


def _participants(chat: Row) -> list[Row]:
    return rows(chat.get("participants"))


def _limit(reading: Reading, name: str) -> str:
    if len(reading.items(name)) <= 2:
        return NOT_SEEN
    bodies = reading.bodies(f"{name}?limit")
    if not bodies:
        return NOT_SEEN
    return "yes" if all(len(rows(body)) <= 2 for body in bodies) else "no"


def _overlap(reading: Reading) -> str:
    first, second = (
        {str(row.get("id")) for row in reading.items(name)}
        for name in ("GET /v1/chats", "GET /v1/chats?cursor")
    )
    if not second:
        return NOT_SEEN
    return "yes" if first & second else "no"


def _messages_of(reading: Reading, chat_id: object) -> list[Row]:
    messages = reading.items("GET /v1/chats/{chatID}/messages")
    return [row for row in messages if row.get("chatID") == chat_id]


def _unread(reading: Reading, chats: list[Row]) -> str:
    unread = [
        found
        for row in chats
        if row.get("unreadCount")
        if (found := _messages_of(reading, row.get("id")))
    ]
    results = {any(row.get("isUnread") is True for row in found) for found in unread}
    if len(results) == 2:
        return "some"
    return {True: "yes", False: "no"}[results.pop()] if results else NOT_SEEN


def _merged(reading: Reading, chats: list[Row]) -> str:
    return _share(
        [row for row in chats if members(row)],
        lambda row: bool(_messages_of(reading, row.get("id"))),
    )


def _capped(chats: list[Row]) -> str:
    groups = [
        participants
        for row in chats
        if isinstance(participants := row.get("participants"), dict)
        and participants.get("hasMore") is True
    ]
    return _share(groups, lambda row: len(rows(row)) <= 5)
