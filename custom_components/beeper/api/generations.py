"""What each generation of Beeper servers can do, and how one is recognised.

The only place that knows versions. Beeper 4.2.557 brought `mode=start` and
`/v1/info`, 4.2.808 a route of its own for starting a chat.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
import re
from typing import Literal

from .models import ServerInfo

UPLOAD_SINCE = "4.2.509"
"""Uploads tell nothing of a generation: they came in the middle of one."""

READ_SINCE = "4.1.294"
"""What lists and searches accounts, chats and messages came with the API itself."""

EDIT_SINCE = "4.2.509"
"""Editing a message came with uploads."""

REACTIONS_SINCE = "4.2.557"
CHANGES_SINCE = "4.2.808"
"""Changing a chat, marking it read or unread, deleting and reading one message."""

LABELS_SINCE = "4.3.0"
"""Labels too came in the middle of a generation; with which patch is not documented."""

BRIDGES_SINCE = "4.3.0"
"""Bridges too, and what their networks can do."""


type ReminderField = Literal["remindAt", "remindAtMs"]
"""ISO 8601 from 4.2.808 on, milliseconds since 1970 before."""


class StartWay(Enum):
    """How a chat with a person is started."""

    ROUTE = "POST /v1/chats/start"
    MODE = "POST /v1/chats with mode=start"
    CONTACTS = "contact search, then POST /v1/chats"


@dataclass(frozen=True, kw_only=True, eq=False)
class Generation:
    """A generation of servers.

    `start_ways` are tried in turn; the next one only after an answer that proves
    the route absent or, with `guessed`, after one that rejected the body. With
    `rich_text` the texts of messages are Matrix HTML, with `single_messages` one can
    be read by its id. `reminds` is how the time of a reminder is sent, `reaction_in_path`
    where a reaction that is removed is named, else in the query; what is not known is
    tried in turn, the next one only where the answer proves that nothing ran.
    """

    name: str
    start_ways: tuple[StartWay, ...]
    guessed: bool = False
    rich_text: bool = False
    single_messages: bool = False
    reminds: tuple[ReminderField, ...] = ("remindAt", "remindAtMs")
    reaction_in_path: tuple[bool, ...] = (True, False)


WITH_START_ROUTE = Generation(
    name="4.2.808",
    start_ways=(StartWay.ROUTE,),
    rich_text=True,
    single_messages=True,
    reminds=("remindAt",),
    reaction_in_path=(True,),
)
WITH_START_MODE = Generation(
    name="4.2.557",
    start_ways=(StartWay.MODE,),
    reminds=("remindAtMs",),
    reaction_in_path=(False,),
)
CREATE_ONLY = Generation(
    name="4.1.294",
    start_ways=(StartWay.CONTACTS,),
    reminds=("remindAtMs",),
    reaction_in_path=(False,),
)
# A server of another make, such as EasyMatrix: its own version numbers say nothing.
OTHER_MAKE = Generation(name="other", start_ways=tuple(StartWay))
# `/v1/info` is missing, as before 4.2.557, but a proxy can hide it as well.
NOT_TOLD = Generation(name="4.1.294?", start_ways=tuple(StartWay), guessed=True)

_SINCE = (((4, 2, 808), WITH_START_ROUTE), ((4, 2, 557), WITH_START_MODE))
_BEEPER_BUNDLE = "com.automattic.beeper."


def by_info(info: ServerInfo) -> Generation:
    """Recognise a server by its `/v1/info`."""
    if info.name == "Beeper" or info.bundle_id.startswith(_BEEPER_BUNDLE):
        return _by_version(info.version) or OTHER_MAKE
    return OTHER_MAKE


def by_version_header(version: str | None) -> Generation:
    """Recognise a server without `/v1/info` by its version header, if it has one."""
    return _by_version(version or "") or NOT_TOLD


def has_labels(generation: Generation | None, version: str | None) -> bool:
    """Tell whether chats have labels that they can be filtered by."""
    return _is_since(LABELS_SINCE, generation, version)


def has_bridges(generation: Generation | None, version: str | None) -> bool:
    """Tell whether the server may know what networks can do."""
    return _is_since(BRIDGES_SINCE, generation, version)


def _is_since(since: str, generation: Generation | None, version: str | None) -> bool:
    return generation is WITH_START_ROUTE and _parse(version or "") >= _parse(since)


@lru_cache(maxsize=8)
def _parse(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, none if these are not three."""
    triple = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", version, re.ASCII)
    return tuple(int(number) for number in triple.groups()) if triple else ()


def _by_version(version: str) -> Generation | None:
    if not (parsed := _parse(version)):
        return None
    for since, generation in _SINCE:
        if parsed >= since:
            return generation
    return CREATE_ONLY
