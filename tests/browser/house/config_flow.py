"""Adds the house without a question."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult


class HouseFlow(ConfigFlow, domain="house"):
    """The only form, which is none."""

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the house."""
        return self.async_create_entry(title="House", data={})
