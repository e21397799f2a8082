"""Shared base of the subentry flows."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)

from ..coordinator import BeeperConfigEntry
from ..people.directory import Directory
from ..server import Server

# The form of the action.
_WRITE_URL: Final = "/config/tools/action?service=notify.send_message"


class BeeperSubentryFlow(ConfigSubentryFlow):
    """A flow that adds or reconfigures one subentry of a server."""

    @property
    def _server(self) -> Server | None:
        """The server, None while its entry is not loaded."""
        entry: BeeperConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return None
        return entry.runtime_data.server

    @property
    def _directory(self) -> Directory:
        """The lookup of people and chats; only while the entry is loaded."""
        entry: BeeperConfigEntry = self._get_entry()
        return entry.runtime_data.directory

    def _async_store(
        self, title: str, data: Mapping[str, Any], unique_id: str | None = None
    ) -> SubentryFlowResult:
        """Store the subentry and end the flow."""
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                title=title,
                data=data,
                unique_id=unique_id,
            )
        return self.async_create_entry(
            title=title,
            data=data,
            unique_id=unique_id,
            description_placeholders={"write_url": _WRITE_URL},
        )
