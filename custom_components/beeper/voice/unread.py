"""What is unread, for reading it out and for language models. Marks nothing as read."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Final

from ..actions.query import READINGS, async_read
from ..coordinator import BeeperConfigEntry
from .recipients import Target, is_network
from .sentences import Language

_MAX_CHATS: Final = 5
_MAX_MESSAGES: Final = 3
"""Of each chat."""

_LISTED: Final = 20
_NEWEST: Final = 20
"""Messages of a chat among which those are looked for."""

_MAX_SPOKEN: Final = 300
"""Characters of a message that are read out."""

_OF_CHAT: Final = ("chat_id", "title", "type", "network", "unread_count")
_OF_MESSAGE: Final = ("sender_name", "text", "attachments", "timestamp")

_READINGS: Final = {reading.name: reading for reading in READINGS}


@dataclass(kw_only=True, repr=False, eq=False)
class Unread:
    """Chats, the last active first, with their unread messages in order.

    `more` if there are other chats.
    """

    chats: list[dict[str, Any]]
    more: bool


async def async_unread(
    entries: Iterable[BeeperConfigEntry], network: str | None
) -> Unread:
    """Return what is unread in chats that are not muted, in one network or in all.

    Raises a translated HomeAssistantError, as `async_unread_of`.
    """
    found: list[tuple[BeeperConfigEntry, dict[str, Any]]] = []
    for entry in entries:
        listed = await _read(
            entry, "list_chats", unread_only=True, include_muted=False, limit=_LISTED
        )
        found += [
            (entry, chat)
            for chat in listed["chats"]
            if is_network(network, chat["network"] or "")
        ]
    found.sort(key=lambda each: each[1]["last_activity"] or "", reverse=True)
    return await _messages(found)


async def async_unread_of(targets: Iterable[Target]) -> Unread:
    """Return what is unread in certain chats."""
    return await _messages(
        [
            (
                target.entry,
                await _read(
                    target.entry,
                    "get_chat",
                    chat_id=target.chat_id,
                    max_participant_count=0,
                ),
            )
            for target in targets
            if target.chat_id
        ],
    )


async def _messages(
    found: Iterable[tuple[BeeperConfigEntry, dict[str, Any]]],
) -> Unread:
    unread = [(entry, chat) for entry, chat in found if chat["unread_count"]]
    chats = []
    for entry, chat in unread[:_MAX_CHATS]:
        listed = await _read(
            entry, "list_messages", chat_id=chat["chat_id"], limit=_NEWEST
        )
        newest = [
            {key: message[key] for key in _OF_MESSAGE}
            for message in listed["messages"]
            if not (message["is_self"] or message["is_deleted"])
            and message["is_unread"] is not False
        ][: min(chat["unread_count"], _MAX_MESSAGES)]
        chats.append({key: chat[key] for key in _OF_CHAT} | {"messages": newest[::-1]})
    return Unread(chats=chats, more=len(unread) > _MAX_CHATS)


async def _read(entry: BeeperConfigEntry, action: str, **params: Any) -> dict[str, Any]:
    """Read as an action does, without a call that Home Assistant would record."""
    return await async_read(_READINGS[action], entry, params)


def spoken(language: Language, unread: Unread) -> str:
    """Return what is unread as it is read out."""
    lines = [
        language.say(
            "unread_group" if chat["type"] == "group" else "unread",
            sender=message["sender_name"] or chat["title"] or language.say("somebody"),
            chat=chat["title"] or "",
            network=chat["network"] or "Beeper",
            text=_sentence(message["text"]) or language.say("attached"),
        )
        for chat in unread.chats
        for message in chat["messages"]
    ] or [language.say("nothing_unread")]
    if unread.more:
        lines.append(language.say("more_unread"))
    return " ".join(lines)


def _sentence(text: str | None) -> str:
    """Return somebody's text in one line, as a sentence of its own."""
    line = shorten(text or "", _MAX_SPOKEN, placeholder=" …")
    return f"{line}." if line and line[-1].isalnum() else line
