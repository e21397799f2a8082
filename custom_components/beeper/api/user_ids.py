"""User IDs whose form is known: phone numbers, email addresses, IDs with a number.

By default an ID is opaque: a number in it proves nothing, as on some networks people
choose their IDs, and on others IDs are numbers that look like phone numbers. The table
is limited to bridges whose source code defines the form.
"""

from collections.abc import Mapping
import re
from string import ascii_lowercase, ascii_uppercase
from typing import Final

# mautrix-whatsapp, pkg/waid/id.go: the digits of a phone number, or `lid-` and the
# digits of a hidden user. The prefix and the server are those of Beeper's bridges.
_WHATSAPP: Final = (
    re.compile(r"(?P<local>(?:lid-)?[0-9]+)"),
    re.compile(r"(?:@(?:sh-)?)?whatsapp_(?P<local>(?:lid-)?[0-9]+)"),
    re.compile(
        r"@(?:sh-)?whatsapp_(?P<local>(?:lid-)?[0-9]+):"
        r"(?:beeper\.com|beeper\.local|local-whatsapp\.localhost)"
    ),
    re.compile(r"@(?P<local>(?:lid-)?[0-9]+):local-whatsapp\.localhost"),
)
_FORMS: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = {"whatsapp": _WHATSAPP}
_MATRIX_SCHEMES: Final = ("beeper", "beeper (matrix)", "hungryserv", "matrix")
_NUMBER: Final = re.compile(r"[1-9][0-9]{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s:]+\.[^@\s:.]+")
_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def is_email(text: str) -> bool:
    """Return whether a text is an email address; Matrix IDs start with an @.

    Kids@School is a title.
    """
    return not text.startswith("@") and bool(_EMAIL.fullmatch(text))


def normalise_email(address: str) -> str:
    """Return an email address for comparison, without the case of Latin letters.

    Nothing else is ignored: straße and strasse are two people, and two domains.
    """
    return address.translate(_LOWER)


def normalise_username(username: str) -> str:
    """Return a username for comparison, without Latin letters' case and a leading @."""
    return username.removeprefix("@").translate(_LOWER)


def canonical_id(user_id: str, id_scheme: str | None) -> str:
    """Return the form of an ID that all forms of the same ID share."""
    for form in _FORMS.get(id_scheme or "", ()):
        if match := form.fullmatch(user_id):
            return match["local"]
    return user_id


def is_matrix_id(text: str) -> bool:
    """Return whether a text is a whole Matrix ID, as people of most networks have."""
    return text.startswith("@") and ":" in text


def is_other_matrix_user(user_id: str, other_id: str, id_scheme: str | None) -> bool:
    """Return whether two IDs are certainly those of two users of Matrix itself.

    A bridge can have several IDs for one person, but Matrix has one. People of two
    homeservers can have the same localpart.
    """
    return (
        (id_scheme or "") in _MATRIX_SCHEMES
        and is_matrix_id(user_id)
        and is_matrix_id(other_id)
        and user_id.translate(_LOWER) != other_id.translate(_LOWER)
    )


def number_in_id(user_id: str, id_scheme: str | None) -> str | None:
    """Return the E.164 number in an ID, None unless the bridge defines it."""
    if (id_scheme or "") not in _FORMS:
        return None
    local = canonical_id(user_id, id_scheme)
    return f"+{local}" if _NUMBER.fullmatch(local) else None
