"""Tables of faults by their outcome."""

from typing import Any

import pytest

TIMEOUT = 0.5
RAN: dict[str, dict[str, Any]] = {
    "drop_after": {},
    "delay_after": {"seconds": TIMEOUT * 1.5},
}
REFUSALS: list[tuple[dict[str, Any], str]] = [
    (
        {"status": 400, "body": {"message": "x", "code": "VALIDATION_ERROR"}},
        "Beeper rejects the call as invalid",
    ),
    ({"status": 401, "body": "Unauthorized"}, "no longer accepts the access token"),
    (
        {
            "status": 403,
            "body": {
                "code": "forbidden",
                "message": "Required scopes: write, missing: write",
            },
        },
        "lacks the scope write",
    ),
    ({"status": 409, "body": {"code": "X", "message": "y"}}, "reports a conflict"),
    ({"status": 418}, "Beeper reports an error (status 418)"),
    ({"status": 429}, "too many requests"),
    (
        {"status": 307, "headers": {"Location": "http://localhost:1/"}},
        "redirects to another one",
    ),
]
"""Answers that prove that nothing ran, each with a part of the error's text."""
DID_NOT_RUN: dict[str, dict[str, Any]] = {"drop_before": {}}


def faults(table: dict[str, dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "fault",
        [(name.split()[0], options) for name, options in table.items()],
        ids=list(table),
    )
