"""An issue while a server answers but its event stream cannot be opened."""

from typing import Final

from homeassistant.core import callback

from ..api.exceptions import BeeperError, CannotConnectError
from ..api.server_generations import CREATE_ONLY, UNIDENTIFIED
from ..issues import async_create_issue, async_delete_issue, issue_id
from ..server import Server

_FAILURES: Final = 5
"""So many attempts in a row; with the pauses between them, about a quarter of a minute."""


class StreamWatch:
    """Counts attempts to open the stream while other requests succeed."""

    def __init__(self, server: Server) -> None:
        """Start with no attempt; an issue from before a reload stays."""
        self._hass = server.hass
        self._entry = server.entry
        self._issue = issue_id(server.entry, "no_events")
        self._server = server
        self._failures = 0

    @callback
    def note_open(self) -> None:
        """Delete the issue: events arrive."""
        self._failures = 0
        async_delete_issue(self._hass, self._issue)

    @callback
    def note_failure(self, err: BeeperError, *, is_answering: bool) -> None:
        """Count a failed attempt; `is_answering`: other requests succeed.

        Servers of old generations have no stream.
        """
        generation = self._server.client.generation
        if (
            isinstance(err, CannotConnectError)
            or not is_answering
            or generation in (CREATE_ONLY, UNIDENTIFIED, None)
        ):
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= _FAILURES:
            async_create_issue(
                self._hass,
                self._issue,
                "no_events",
                {"server": self._entry.title},
                docs="support.md#behind-a-proxy",
            )
