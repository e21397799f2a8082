"""The server's time, and an issue while its clock and Home Assistant's disagree.

A `Date` header shows the clock of Beeper's computer, and messages have the time of their
network. Where the two clocks disagree, the messages that arrive show which one is right.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from homeassistant.core import callback

from ..issues import async_create_issue, async_delete_issue, issue_id
from ..server import MAX_CLOCK_DIFFERENCE, Server
from .seen_messages import SeenMessages

_MAX_AGE: Final = timedelta(seconds=100)
"""Age at which a message has just arrived: some are found by the poll of each minute."""

_CHECKS: Final = 2
"""Number of successive polls with a difference: one wrong header proves nothing."""


class ServerClock:
    """The clock that messages of one server go by."""

    def __init__(self, server: Server, seen: SeenMessages) -> None:
        """Trust the server until a message shows otherwise; `seen` outlives restarts."""
        self._hass = server.hass
        self._entry = server.entry
        self._issue = issue_id(server.entry, "wrong_clock")
        self._server = server
        self._seen = seen
        self._differences = 0

    def load(self) -> None:
        """Continue with what messages showed before a restart or reload."""
        self._server.off_by = self._seen.server_off_by

    @property
    def is_exact(self) -> bool:
        """Return whether the server has stated its time."""
        return self._server.client.clock_offset is not None

    def is_corrected_by(self, written: datetime) -> bool:
        """Learn from the time of a new message; return whether the time is another now."""
        if abs(self._server.clock_difference) <= MAX_CLOCK_DIFFERENCE:
            return False
        age = datetime.now(UTC) - written
        server_age = age + self._server.clock_difference
        if min(abs(age), abs(server_age)) > _MAX_AGE:
            return False  # It is history, or has a wrong time itself.
        was_wrong = self._server.is_clock_wrong
        is_wrong = abs(age) < abs(server_age)
        self._seen.server_off_by = self._server.off_by = (
            self._server.clock_difference.total_seconds() if is_wrong else 0
        )
        return is_wrong != was_wrong

    @callback
    def check(self) -> None:
        """Create an issue if the clocks disagree, and delete it if they agree."""
        difference = abs(self._server.clock_difference)
        if difference <= MAX_CLOCK_DIFFERENCE:
            self._differences = 0
            async_delete_issue(self._hass, self._issue)
            return
        self._differences += 1
        if self._differences >= _CHECKS:
            async_create_issue(
                self._hass,
                self._issue,
                "wrong_clock",
                {
                    "server": self._entry.title,
                    "minutes": str(round(difference.total_seconds() / 60)),
                },
            )
