"""What outlives reloads of config entries, in one typed object."""

from dataclasses import dataclass, field
from datetime import timedelta

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .incoming.seen_messages import SeenMessages
from .signals import ShortcutResult


@dataclass(kw_only=True, repr=False, eq=False)
class BeeperData:
    """By config entry ID; `shortcut_results` by subentry ID.

    `missing_for` is how long polls have missed the account of a device, by device ID.
    """

    seen_messages: dict[str, SeenMessages] = field(default_factory=dict)
    shortcut_results: dict[str, ShortcutResult] = field(default_factory=dict)
    missing_for: dict[str, timedelta] = field(default_factory=dict)


_DATA: HassKey[BeeperData] = HassKey(DOMAIN)


@callback
def get_data(hass: HomeAssistant) -> BeeperData:
    """Return the object, made at first use."""
    return hass.data.setdefault(_DATA, BeeperData())


@callback
def get_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> SeenMessages:
    """Return the messages that an entry has seen, the same after a reload."""
    seen = get_data(hass).seen_messages
    if entry.entry_id not in seen:
        seen[entry.entry_id] = SeenMessages(hass, entry)
    return seen[entry.entry_id]


async def async_remove_seen_messages(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete what a removed entry has seen."""
    await get_seen_messages(hass, entry).async_remove()
    del get_data(hass).seen_messages[entry.entry_id]
