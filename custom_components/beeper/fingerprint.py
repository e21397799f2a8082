"""Fingerprints of what must not be stored: IDs can hold numbers and addresses."""

from hashlib import blake2b

from homeassistant.config_entries import ConfigEntry

from .api.models import User
from .api.phone_numbers import canonical_number
from .api.user_ids import canonical_id


def fingerprint(entry: ConfigEntry, text: str) -> str:
    """Return a short hash of a text, different for each config entry."""
    return blake2b(
        text.encode(), digest_size=12, key=entry.entry_id.encode()
    ).hexdigest()


def person_texts(user: User, id_scheme: str | None) -> list[str]:
    """Return what identifies a person on a network, as texts of which to store fingerprints.

    `id_scheme` is that of the account. Any of the texts suffices: IDs can change.
    """
    texts = [f"id {canonical_id(user.id, id_scheme)}"]
    if number := user.known_number(id_scheme):
        texts.append(f"number {canonical_number(number)}")
    return texts
