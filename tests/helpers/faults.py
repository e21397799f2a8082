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
    ({"status": 409, "body": {"code": "X", "message": "y"}}, "it conflicts with"),
    ({"status": 418}, "Beeper answers with an error (status 418)"),
    ({"status": 429}, "asks to slow down"),
    (
        {"status": 307, "headers": {"Location": "http://localhost:1/"}},
        "redirects elsewhere",
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
