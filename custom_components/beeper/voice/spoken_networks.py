"""How networks are called in speech."""

from collections.abc import Iterable, Mapping
import re
from typing import Final

from ..const import DOMAIN

_VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "discord": ("dis cord",),
    "facebook": ("face book",),
    "gmessages": ("google messages",),
    "imessage": ("i message", "i messages", "imessages"),
    "instagram": ("insta", "insta gram"),
    "linkedin": ("linked in",),
    "telegram": ("tele gram",),
    "whatsapp": ("what's app", "whats app", "what sapp"),
}
"""What speech recognition makes of a name, and what people say."""

_COMMON_WORDS: Final = frozenset(
    (
        "email",
        "line",
        "mail",
        "matrix",
        "messages",
        "messenger",
        "signal",
        "sms",
        "threads",
        "x",
    )
)
"""Names that mean something else in a sentence that is not for Beeper."""

_WORD: Final = re.compile(r"\w+")


def spoken_names(network: str) -> list[str]:
    """Return the names of a network in speech, without case, its own first.

    Those of "Facebook/Messenger" are both its parts. "Beeper" means every network.
    """
    words = _WORD.findall(network.casefold())
    names = [" ".join(words)]
    if re.search(r"\w\W*[^\w\s]\W*\w", network):
        names += words
    names += [variant for name in tuple(names) for variant in _VARIANTS.get(name, ())]
    return [name for name in dict.fromkeys(names) if name and name != DOMAIN]


def is_network(requested: str | None, network: str) -> bool:
    """Return whether a network is the requested one; "Beeper" means every network."""
    if requested is None:
        return True
    name = requested.casefold().replace("’", "'")
    return name in (DOMAIN, network.casefold(), *spoken_names(network))


def by_spoken_name(networks: Iterable[str]) -> dict[str, str]:
    """Return the networks by all their names in speech."""
    return {
        name: network
        for network in sorted(networks)
        for name in reversed(spoken_names(network))
    }


def is_common_word(name: str) -> bool:
    """Return whether the spoken name of a network is a separate word."""
    return name in _COMMON_WORDS
