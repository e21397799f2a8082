"""Accounts that get another ID by a new log-in: the default account and devices follow.

An account follows another one that is gone if it is on the same network, of the same
user. Stored are fingerprints. Where nothing follows, an issue asks for another default.
"""

from collections.abc import Iterable
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.storage import Store

from .api.models import Account
from .const import CONF_ACCOUNT_ID, CONF_FORMER_ACCOUNT_IDS, DOMAIN
from .coordinator import BeeperConfigEntry
from .device_identifiers import account_identifier, devices_by_account
from .fingerprint import fingerprint, person_texts
from .issues import async_create_issue, async_delete_issue, issue_id

_GONE_AFTER: Final = 10 * 60
"""Seconds for which polls must miss an account: lists are partial after a start."""

_SAVE_DELAY: Final = 1
"""Seconds."""

_STORE_VERSION: Final = 1


class AccountIdChanges:
    """The accounts of one loaded config entry, and their users as fingerprints."""

    def __init__(self, hass: HomeAssistant, entry: BeeperConfigEntry) -> None:
        """Know no account yet."""
        self._hass = hass
        self._entry = entry
        self._issue = issue_id(entry, "default_account_gone")
        self._store = _store(hass, entry)
        self._users: dict[str, list[str]] = {}
        self._missing_since: dict[str, float] = {}

    async def async_start(self) -> None:
        """Load the known accounts, and follow each poll."""
        self._users = await self._store.async_load() or {}
        self._entry.async_on_unload(
            self._entry.runtime_data.async_add_listener(self._update)
        )
        self._update()

    @callback
    def _update(self) -> None:
        coordinator = self._entry.runtime_data
        listed = {
            account.account_id: account for account in coordinator.server.accounts
        }
        if not coordinator.last_update_success or not listed:
            return
        self._note(listed.values())
        default_id = self._entry.data[CONF_ACCOUNT_ID]
        now = self._hass.loop.time()
        known = {default_id, *devices_by_account(self._hass, self._entry)}
        for account_id in known & listed.keys():
            self._missing_since.pop(account_id, None)
        if default_id in listed:
            async_delete_issue(self._hass, self._issue)
        for account_id in known - listed.keys():
            if now - self._missing_since.setdefault(account_id, now) < _GONE_AFTER:
                continue
            if successor := self._successor(account_id, listed.values()):
                self._replace(account_id, successor.account_id)
                return  # The entry is reloaded.
            if account_id == default_id:
                async_create_issue(
                    self._hass,
                    self._issue,
                    "default_account_gone",
                    {"server": self._entry.title},
                )

    def _note(self, accounts: Iterable[Account]) -> None:
        users = {
            self._fingerprint(account.account_id): self._user(account)
            for account in accounts
            if account.user
        }
        if not users.items() <= self._users.items():
            self._users |= users
            self._store.async_delay_save(lambda: self._users, _SAVE_DELAY)

    def _successor(
        self, account_id: str, accounts: Iterable[Account]
    ) -> Account | None:
        """Return the one account of the same user and network as one that is gone."""
        user = {*self._users.get(self._fingerprint(account_id), ())}
        same = [
            account
            for account in accounts
            if user & {*self._user(account)}
            and (account.is_connected or account.status is None)
        ]
        return same[0] if len(same) == 1 else None

    def _user(self, account: Account) -> list[str]:
        """Return fingerprints of what identifies the user on the account's network."""
        if account.user is None:
            return []
        texts = person_texts(account.user, account.id_scheme)
        return [self._fingerprint(f"{account.name} {text}") for text in texts]

    def _replace(self, account_id: str, successor_id: str) -> None:
        data = self._entry.data
        former = {
            known: successor_id if current == account_id else current
            for known, current in data.get(CONF_FORMER_ACCOUNT_IDS, {}).items()
            if known != successor_id
        }
        default_id = data[CONF_ACCOUNT_ID]
        self._hass.config_entries.async_update_entry(
            self._entry,
            data={
                **data,
                CONF_ACCOUNT_ID: (
                    successor_id if default_id == account_id else default_id
                ),
                CONF_FORMER_ACCOUNT_IDS: {**former, account_id: successor_id},
            },
        )

    def _fingerprint(self, text: str) -> str:
        return fingerprint(self._entry, text)


@callback
def async_move_account_devices(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Let the device and entities of an account with another ID stay."""
    devices, entities = dr.async_get(hass), er.async_get(hass)
    for former_id, account_id in entry.data.get(CONF_FORMER_ACCOUNT_IDS, {}).items():
        known = devices_by_account(hass, entry)
        if former_id not in known:
            continue
        if account_id in known:
            # Made when the account was listed first; nothing names it yet.
            devices.async_remove_device(known[account_id].id)
        device = known[former_id]
        before = account_identifier(entry, former_id)
        now = account_identifier(entry, account_id)
        devices.async_update_child_device(device.id, new_identifiers={now})
        for entity in er.async_entries_for_device(
            entities, device.id, include_disabled_entities=True
        ):
            entities.async_update_entity(
                entity.entity_id,
                new_unique_id=entity.unique_id.replace(before[1], now[1], 1),
            )


async def async_remove_account_id_store(
    hass: HomeAssistant, entry: ConfigEntry
) -> None:
    """Delete the stored accounts of a removed entry."""
    await _store(hass, entry).async_remove()


def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _STORE_VERSION, f"{DOMAIN}.{entry.entry_id}.accounts")
