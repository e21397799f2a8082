"""Fingerprints of what must not be stored: IDs can hold numbers and addresses."""

from hashlib import blake2b

from homeassistant.config_entries import ConfigEntry


def fingerprint(entry: ConfigEntry, text: str) -> str:
    """Return a short hash of a text, different for each config entry."""
    return blake2b(
        text.encode(), digest_size=12, key=entry.entry_id.encode()
    ).hexdigest()
