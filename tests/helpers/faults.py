"""Tables of faults by their outcome."""

from typing import Any

import pytest

TIMEOUT = 0.5
RAN: dict[str, dict[str, Any]] = {
    "drop_after": {},
    "delay_after": {"seconds": TIMEOUT * 1.5},
}
DID_NOT_RUN: dict[str, dict[str, Any]] = {"drop_before": {}}


def faults(table: dict[str, dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "fault",
        [(name.split()[0], options) for name, options in table.items()],
        ids=list(table),
    )
