"""The conditions of automations: connected accounts and unread messages.

They use the latest poll and read nothing. Without one, as for a server that is not set
up or unreachable, they are false. Whether an account is connected that a server does not
list is unknown: an error, which is neither true nor false.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Unpack, override

import voluptuous as vol

from homeassistant.const import CONF_DEVICE_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConditionErrorMessage
from homeassistant.helpers.condition import (
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.typing import ConfigType

from . import automation_scope, errors
from .automation_choices import is_account
from .const import CONF_ACCOUNT_ID, CONF_CHAT_ID, DOMAIN, SUBENTRY_CHAT
from .coordinator import BeeperConfigEntry
from .device_identifiers import resolve_device


class _BeeperCondition(Condition):
    """Base of all conditions: options without a target."""

    _schema: ClassVar = vol.Schema(automation_scope.ACCOUNT)

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        return await automation_scope.async_validate(hass, config, cls._schema)

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Keep the options."""
        super().__init__(hass, config)
        self._options: dict[str, Any] = config.options or {}

    def _entries(self) -> list[BeeperConfigEntry]:
        return self._hass.config_entries.async_loaded_entries(DOMAIN)


class AccountIsConnectedCondition(_BeeperCondition):
    """At least one account is selected, and all selected accounts are connected."""

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        options = self._options
        # A removed device is not connected, so each device is checked alone.
        devices = [[device_id] for device_id in options[CONF_DEVICE_ID]] or [[]]
        states = [
            self._are_connected({**options, CONF_DEVICE_ID: device})
            for device in devices
        ]
        if None in states and False not in states:
            raise ConditionErrorMessage(
                "beeper.account_is_connected", str(errors.failed("account_not_listed"))
            )
        return all(states)

    def _are_connected(self, options: dict[str, Any]) -> bool | None:
        """Return whether the selected accounts are connected, None if it is unknown.

        Servers omit accounts that work.
        """
        # Servers before 4.3 report no status: a listed account is connected.
        connected = [
            entry.runtime_data.last_update_success
            and (account.is_connected or account.status is None)
            for entry in self._entries()
            for account in entry.runtime_data.server.accounts
            if automation_scope.concerns(
                self._hass,
                options,
                automation_scope.Subject(entry.entry_id, account.account_id),
            )
        ]
        if connected:
            return all(connected)
        is_unlisted = any(
            self._is_unlisted(options, entry) for entry in self._entries()
        )
        return None if is_unlisted else False

    def _is_unlisted(self, options: dict[str, Any], entry: BeeperConfigEntry) -> bool:
        """Return whether a reachable server does not list the account that is selected."""
        selected = options.get(CONF_ACCOUNT_ID)
        for device_id in options[CONF_DEVICE_ID]:
            scope = resolve_device(self._hass, device_id)
            if scope is None or scope.entry_id != entry.entry_id:
                return False
            selected = selected or scope.account_id
        return (
            selected is not None
            and entry.runtime_data.last_update_success
            and not any(
                is_account(self._hass, entry.entry_id, account.account_id, selected)
                for account in entry.runtime_data.server.accounts
            )
        )


class HasUnreadCondition(_BeeperCondition):
    """Any of the selected accounts and added chats has unread messages."""

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        return any(
            automation_scope.concerns(
                self._hass,
                self._options,
                automation_scope.Subject(entry.entry_id, account_id, chat_ids),
            )
            for entry in self._entries()
            if entry.runtime_data.last_update_success
            for account_id, chat_ids in _unread(entry)
        )


def _unread(entry: BeeperConfigEntry) -> Iterator[tuple[str, set[str]]]:
    """Yield each account with unread messages, and each added chat with its account."""
    snapshot = entry.runtime_data.data
    for account_id, count in (snapshot.unread or {}).items():
        if count:
            yield account_id, set()
    for subentry in entry.get_subentries_of_type(SUBENTRY_CHAT):
        chat_id: str = subentry.data[CONF_CHAT_ID]
        if (snapshot.chat_unread or {}).get(chat_id):
            yield subentry.data[CONF_ACCOUNT_ID], {chat_id}


_CONDITIONS: Final[dict[str, type[Condition]]] = {
    "account_is_connected": AccountIsConnectedCondition,
    "has_unread": HasUnreadCondition,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by their keys, without the domain."""
    return _CONDITIONS
