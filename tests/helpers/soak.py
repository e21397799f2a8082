"""Faults of the stream and of reads, for long runs."""

import os
import random
from typing import Any

type Fault = tuple[str, dict[str, Any]]

STREAM: tuple[Fault, ...] = (
    ("ws_close", {}),
    ("ws_close", {"code": 1000}),
    ("ws_stall", {}),
    ("ws_flood", {"count": 50}),
    ("ws_repeat", {"count": 20}),
    ("ws_shuffle", {"count": 8}),
    ("ws_refuse", {"status": 503}),
    ("ws_garbage", {"body": '{"type": "message.upserted", "chatID": 7, "ids": 7}'}),
    ("ws_garbage", {"body": '{"type": "message.upserted", "chatID": "!no:x"}'}),
    ("ws_garbage", {"body": "\N{SHRUG} {"}),
    ("ws_garbage", {"body": b"\xff\x00"}),
)
READING: tuple[Fault, ...] = (
    ("status_before", {"status": 500}),
    ("status_before", {"status": 429}),
    ("status_after", {"status": 502}),
    ("drop_before", {}),
    ("drop_after", {}),
    ("cut", {}),
    ("stall_body", {"seconds": 0.01}),
    ("delay", {"seconds": 0.05}),
    ("garbage", {"body": "<html>It works!</html>", "content_type": "text/html"}),
    ("garbage", {"body": '{"items": [{"id": 1}, 7, null], "hasMore": "yes"}'}),
    ("garbage", {"body": "{}"}),
)
READS = ("/v1/chats*", "/v1/chats/*/messages", "/v1/chats/*", "/v1/accounts", "*")


def planned() -> random.Random:
    """Return a random generator whose seed is in the output, or in `SOAK_SEED`.

    A test that fails fails again: only long runs have a plan of their own each time.
    """
    seed = os.environ.get("SOAK_SEED") or (
        str(random.SystemRandom().randrange(10**9))
        if "SOAK_TIMES" in os.environ
        else "1"
    )
    print(f"SOAK_SEED={seed}")  # noqa: T201
    return random.Random(seed)  # noqa: S311
