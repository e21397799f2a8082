"""Errors without the labels of forms, to compare the keys of fields alone."""

from collections.abc import Iterator
from contextlib import contextmanager
import re

import pytest

from homeassistant.exceptions import HomeAssistantError
from tests.helpers.repository import ENGLISH

_LABELS = {
    text["name"]
    for fields in (
        *(action["fields"] for action in ENGLISH["services"].values()),
        ENGLISH["selector"]["user"]["fields"],
    )
    for text in fields.values()
}
_LABELLED = re.compile(
    rf"\b(?:{'|'.join(sorted(map(re.escape, _LABELS), key=len, reverse=True))})"
    r" \(([a-z_.\d… #]+)\)"
)


def plain(error: object) -> str:
    """Return an error's text with the keys of fields instead of `Label (key)`."""
    return _LABELLED.sub(r"\1", str(error))


@contextmanager
def refused(kind: type[HomeAssistantError], match: str) -> Iterator[None]:
    """Expect an error whose text matches without the labels of fields."""
    with pytest.raises(kind) as raised:
        yield
    assert re.search(match, plain(raised.value)), str(raised.value)
