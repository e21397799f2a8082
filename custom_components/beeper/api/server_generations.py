"""The generations of Beeper servers, their features and their detection.

The only module that compares versions. Beeper 4.2.557 introduced `mode=start` and
`/v1/info`, 4.2.808 a separate route for starting a chat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
import re
from typing import Final, Literal, get_args

from .models import ServerInfo
from .requests import AttachmentType

UPLOAD_SINCE = "4.2.509"
"""Uploading files; introduced within a generation."""

READ_SINCE = "4.1.294"
"""Listing and searching accounts, chats and messages; part of the first API."""

EDIT_SINCE = "4.2.509"
"""Editing messages; introduced together with uploads."""

REACTIONS_SINCE = "4.2.557"
"""Adding and removing reactions."""

CHANGES_SINCE = "4.2.808"
"""Changing chats, marking them read or unread, deleting and reading one message."""

LABELS_SINCE = "4.3.123"
"""Labels, for texts only: 4.3.20 has none, and the versions between are unknown."""

type ReminderField = Literal["remindAt", "remindAtMs"]
"""The time as ISO 8601 since 4.2.808, as milliseconds since 1970 before."""


_ATTACHMENT_TYPES: Final[Mapping[AttachmentType, str]] = {
    name: name for name in get_args(AttachmentType.__value__)
}
_OLD_ATTACHMENT_TYPES: Final[Mapping[AttachmentType, str]] = {
    "gif": "gif",
    "sticker": "sticker",
    "voice-note": "voiceNote",
}


class StartWay(Enum):
    """A way to start a chat with a person."""

    ROUTE = "POST /v1/chats/start"
    MODE = "POST /v1/chats with mode=start"
    CONTACTS = "contact search, then POST /v1/chats"


@dataclass(frozen=True, kw_only=True, eq=False)
class Generation:
    """A generation of servers.

    `start_ways` are tried in order; the next one only after a response that proves the
    route absent or, if `guessed`, after one that rejected the body. With `rich_text`,
    message texts are Matrix HTML; with `single_messages`, a message can be read by its
    id; with `guesses_people`, a start without an ID can lead to somebody similar; with
    `typed_messages`, only membership events have no type, and replies name the
    original. `reminder_fields` are the possible fields for the time of a reminder.
    `reaction_in_path` says whether the path or the query names the reaction to remove.
    `attachment_types` are the server's words for the types of attachments that it knows.
    If several values are possible, they are tried in order; the next one only after a
    response that proves that nothing ran.
    """

    name: str
    start_ways: tuple[StartWay, ...]
    guessed: bool = False
    guesses_people: bool = False
    rich_text: bool = False
    single_messages: bool = False
    typed_messages: bool = False
    reminder_fields: tuple[ReminderField, ...] = ("remindAt", "remindAtMs")
    reaction_in_path: tuple[bool, ...] = (True, False)
    attachment_types: Mapping[AttachmentType, str] = field(
        default_factory=lambda: _OLD_ATTACHMENT_TYPES
    )


WITH_START_ROUTE = Generation(
    name="4.2.808",
    start_ways=(StartWay.ROUTE,),
    rich_text=True,
    single_messages=True,
    typed_messages=True,
    reminder_fields=("remindAt",),
    reaction_in_path=(True,),
    attachment_types=_ATTACHMENT_TYPES,
)
WITH_START_MODE = Generation(
    name="4.2.557",
    start_ways=(StartWay.MODE,),
    typed_messages=True,
    reminder_fields=("remindAtMs",),
    reaction_in_path=(False,),
)
CREATE_ONLY = Generation(
    name="4.1.294",
    start_ways=(StartWay.CONTACTS,),
    reminder_fields=("remindAtMs",),
    reaction_in_path=(False,),
)
# A third-party server, such as EasyMatrix: its version numbers are unrelated.
THIRD_PARTY = Generation(name="other", start_ways=tuple(StartWay), guesses_people=True)
# `/v1/info` is absent, as before 4.2.557, but a proxy may also hide it.
UNIDENTIFIED = Generation(name="4.1.294?", start_ways=tuple(StartWay), guessed=True)

_SINCE = (((4, 2, 808), WITH_START_ROUTE), ((4, 2, 557), WITH_START_MODE))
_BEEPER_BUNDLE = "com.automattic.beeper."


def by_info(info: ServerInfo) -> Generation:
    """Return the generation of a server by its `/v1/info`."""
    if info.name == "Beeper" or info.bundle_id.startswith(_BEEPER_BUNDLE):
        return _by_version(info.version) or THIRD_PARTY
    return THIRD_PARTY


def by_version_header(version: str | None) -> Generation:
    """Return the generation of a server without `/v1/info` by its version header."""
    return _by_version(version or "") or UNIDENTIFIED


@lru_cache(maxsize=8)
def _parse(version: str) -> tuple[int, ...]:
    """Return the three numbers of a version, or an empty tuple."""
    triple = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", version, re.ASCII)
    return tuple(int(number) for number in triple.groups()) if triple else ()


def _by_version(version: str) -> Generation | None:
    if not (parsed := _parse(version)):
        return None
    for since, generation in _SINCE:
        if parsed >= since:
            return generation
    return CREATE_ONLY
