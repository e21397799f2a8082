"""Issues about one config entry, which Home Assistant shows under Repairs."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOCS_URL, DOMAIN


def issue_id(entry: ConfigEntry, name: str, part: str | None = None) -> str:
    """Return the ID of an issue, about a part of the server if one is given.

    Diagnostics show it, so a part must not contain an ID with personal data.
    """
    return "_".join((name, entry.entry_id, *([part] if part else ())))


@callback
def async_create_issue(
    hass: HomeAssistant,
    issue: str,
    key: str,
    placeholders: dict[str, str],
    *,
    docs: str | None = None,
    fix: Mapping[str, str] | None = None,
) -> None:
    """Create or update an issue with the texts of a translation key.

    `docs` is the page and section that explains it, `fix` the data of the dialog that
    fixes it.
    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue,
        data=dict(fix) if fix else None,
        is_fixable=fix is not None,
        learn_more_url=f"{DOCS_URL}/{docs}" if docs else None,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders=placeholders,
    )


@callback
def async_delete_issue(hass: HomeAssistant, issue: str) -> None:
    """Delete an issue, if there is one."""
    ir.async_delete_issue(hass, DOMAIN, issue)


@callback
def async_delete_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete all issues of a removed entry."""
    for domain, issue in list(ir.async_get(hass).issues):
        if domain == DOMAIN and f"_{entry.entry_id}_" in f"{issue}_":
            async_delete_issue(hass, issue)
