"""What entities of an account have in common."""

from typing import override

from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api.models import Account
from .const import DOMAIN
from .coordinator import BeeperCoordinator


class BeeperAccountEntity(CoordinatorEntity[BeeperCoordinator]):
    """An entity of one account, gone while the server does not list the account."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: BeeperCoordinator,
        account: Account,
        server_device_id: str,
        description: EntityDescription,
    ) -> None:
        """Belong to the account's device, a part of the server's."""
        super().__init__(coordinator)
        self.entity_description = description
        self._account_id = account.account_id
        identifier = f"{coordinator.config_entry.entry_id}_{account.account_id}"
        self._attr_unique_id = f"{identifier}_{description.key}"
        # The network alone: names and numbers have no place in entity names.
        self._attr_device_info = dr.ChildDeviceInfo(
            identifiers={(DOMAIN, identifier)},
            name=account.name,
            parent_device_id=server_device_id,
        )

    @property
    def account(self) -> Account | None:
        """Return the account as it is now."""
        return self.coordinator.data.account(self._account_id)

    @property
    @override
    def available(self) -> bool:
        """Be there as long as the account is."""
        return super().available and self.account is not None
