"""The labels that forms show for fields, next to the fields' keys in errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_cached_translations

from ..const import DOMAIN
from ..errors import with_rows

_FIELDS: Final = frozenset({"field", "fields", "first", "second"})
"""Placeholders of errors that are keys of fields, or a list of keys."""


@contextmanager
def labelled_errors(hass: HomeAssistant, action: str) -> Iterator[None]:
    """Name the fields in translated errors as the action's form does."""
    try:
        yield
    except HomeAssistantError as err:
        placeholders = err.translation_placeholders or {}
        if err.translation_domain != DOMAIN or not _FIELDS & placeholders.keys():
            raise
        language = hass.config.language
        texts = {
            **async_get_cached_translations(hass, language, "services", DOMAIN),
            **async_get_cached_translations(hass, language, "selector", DOMAIN),
        }
        raise type(err)(
            translation_domain=err.translation_domain,
            translation_key=err.translation_key,
            translation_placeholders={
                name: _with_labels(texts, action, value) if name in _FIELDS else value
                for name, value in placeholders.items()
            },
        ) from None


def _with_labels(texts: dict[str, str], action: str, keys: str) -> str:
    """Return fields with their labels, such as `Message (message)`.

    Rows of lists are counted from one: `Answers (answers #1)`.
    """
    labelled = []
    for key in keys.split(", "):
        name = key.partition(".")[0]
        shown = with_rows(key)
        label = texts.get(
            f"component.{DOMAIN}.services.{action}.fields.{name}.name"
        ) or texts.get(f"component.{DOMAIN}.selector.user.fields.{name}.name")
        labelled.append(f"{label} ({shown})" if label else shown)
    return ", ".join(labelled)
