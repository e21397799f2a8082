"""Comparison of senders with the people that a trigger or a question names."""

from ..api.folding import fold
from ..api.models import User
from ..api.user_ids import normalise_email


def is_sender(sender: User, identity: str) -> bool:
    """Return whether this is the person: by ID or address, by number, else by name.

    Anybody can take a name that looks like somebody else's number, ID or address.
    """
    if identity == sender.id or sender.has_confirmed_number(identity):
        return True
    if sender.email and normalise_email(identity) == normalise_email(sender.email):
        return True
    return not has_id_form(identity) and has_name(sender, identity)


def has_id_form(identity: str) -> bool:
    """Return whether a text has the form of an ID, an address or a number."""
    return ":" in identity or "@" in identity[1:] or identity.startswith("+")


def has_name(sender: User, identity: str) -> bool:
    """Return whether a person has exactly this name or username."""
    names = (sender.full_name, sender.username)
    return fold(identity).removeprefix("@") in {
        fold(name).removeprefix("@") for name in names if name
    }
