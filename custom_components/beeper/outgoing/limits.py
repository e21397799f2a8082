"""Limits of outgoing requests for each account: networks ban excessive senders.

New chats have a limit. Messages to existing chats only cause a warning when there are
many in an hour, because one may be a smoke alarm's. Only automations that repeatedly
answer to the chat that started them are stopped: see `reply_loop`.
"""

import math
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import CONF_CHATS_PER_HOUR, DEFAULT_CHATS_PER_HOUR, DOMAIN
from ..issues import async_create_issue, async_delete_issue, issue_id
from .reply_loop import ReplyLoopGuard

_HOUR: Final = 60 * 60
_MANY_MESSAGES: Final = 60
_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1


class ChatCreationLimiter:
    """How many new chats an account may still get.

    Only the times of the last hour's new chats are stored, by account, not the recipients.
    They are event loop times: a changed clock does not affect them.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start with all slots free."""
        self._loop = hass.loop
        self._entry = entry
        self._store = Store[dict[str, list[float]]](
            hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}"
        )
        self._taken: dict[str, list[float]] = {}
        self._removed = False

    async def async_load(self) -> None:
        """Read the times from before a restart."""
        offset = self._loop.time() - dt_util.utcnow().timestamp()
        stored = await self._store.async_load() or {}
        self._taken = {
            account_id: [time + offset for time in times]
            for account_id, times in stored.items()
        }

    async def async_remove(self) -> None:
        """Delete the times, and store none of an attempt that is still running."""
        self._removed = True
        await self._store.async_remove()

    @property
    def _limit(self) -> int:
        """Return the number of new chats an hour, 0 for no limit."""
        return int(self._entry.options.get(CONF_CHATS_PER_HOUR, DEFAULT_CHATS_PER_HOUR))

    def take(self, account_id: str) -> float | None:
        """Take a slot and return it, None if all are taken."""
        now = self._loop.time()
        if not self._limit:
            return now
        taken = self._taken[account_id] = _last_hour(self._taken.get(account_id), now)
        if self._limit <= len(taken):
            return None
        taken.append(now)
        self._save()
        return now

    def give_back(self, account_id: str, slot: float) -> None:
        """Give back a slot that was not needed."""
        if slot in (taken := self._taken.get(account_id, [])):
            taken.remove(slot)
            self._save()

    def describe(self, account_id: str) -> dict[str, str]:
        """Return the limit, and the minutes until the next slot is free."""
        taken = sorted(self._taken[account_id])
        seconds = taken[-self._limit] + _HOUR - self._loop.time()
        return {
            "limit": str(self._limit),
            "minutes": str(math.ceil(seconds / 60)),
        }

    def _save(self) -> None:
        if self._removed:
            return
        self._store.async_delay_save(self._to_store, _SAVE_DELAY)

    def _to_store(self) -> dict[str, list[float]]:
        offset = dt_util.utcnow().timestamp() - self._loop.time()
        return {
            account_id: [time + offset for time in times]
            for account_id, times in self._taken.items()
        }


class MessageCounter:
    """How many messages an account has sent within an hour."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start at zero; a restart loses the count, and at most a warning."""
        self._hass = hass
        self._issue = issue_id(entry, "many_messages")
        self._sent: dict[str, list[float]] = {}

    def count(self, account_id: str, network: str) -> None:
        """Count a message; create or delete the issue about too many."""
        now = self._hass.loop.time()
        sent = self._sent[account_id] = _last_hour(self._sent.get(account_id), now)
        sent.append(now)
        if len(sent) > _MANY_MESSAGES:
            async_create_issue(
                self._hass,
                self._issue,
                "many_messages",
                {"limit": str(_MANY_MESSAGES), "network": network},
                docs="reliability.md#outgoing-requests",
            )
        elif all(len(times) <= _MANY_MESSAGES for times in self._sent.values()):
            async_delete_issue(self._hass, self._issue)


def _last_hour(times: list[float] | None, now: float) -> list[float]:
    """Return the times within an hour; a wrong clock may have stored later ones."""
    return [time for time in times or () if abs(now - time) < _HOUR]


class Limits:
    """The limits of one config entry; they outlive reloads."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Start with nothing sent."""
        self.chat_creations = ChatCreationLimiter(hass, entry)
        self.messages = MessageCounter(hass, entry)
        self.replies = ReplyLoopGuard(hass, entry)
