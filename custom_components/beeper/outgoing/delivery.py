"""What the network says of a message that Beeper took."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import re
from typing import Final, Literal

from ..api.client import BeeperClient
from ..api.exceptions import BeeperError, RouteAbsentError
from ..api.models import Message, SentMessage

_LONGEST: Final = 60.0
"""Seconds to wait for the network's word."""

_INTERVAL: Final = 0.75
"""Seconds between two looks, as in Beeper's own command line."""

# A word of a program, such as `bridge_unavailable`; anything else could be about people.
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z._-]{0,63}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivery:
    """What became of a message so far; `reason` is a machine's word for a failure."""

    state: Literal["delivered", "pending", "failed"]
    reason: str | None = None


async def wait_for_delivery(
    client: BeeperClient,
    sent: SentMessage,
    find: Callable[[], Awaitable[Message | None]],
) -> Delivery:
    """Wait for the network's word; pending if it is late or cannot be known.

    `find` finds the message among those of its chat: servers before 4.2.808 return
    no single ones, and list an own one only once the network has it.
    """
    listed_only = sent.message_id is None
    try:
        async with asyncio.timeout(_LONGEST):
            while True:
                try:
                    if sent.message_id is None or listed_only:
                        if await find():
                            return Delivery(state="delivered")
                    elif delivery := outcome(
                        sent.message_id,
                        await client.message(sent.chat_id, sent.message_id),
                    ):
                        return delivery
                except RouteAbsentError:
                    listed_only = True
                    continue
                except BeeperError:
                    pass  # Beeper may be starting again, or not know the id yet.
                await asyncio.sleep(_INTERVAL)
    except TimeoutError:
        return Delivery(state="pending")


def outcome(pending_id: str, message: Message) -> Delivery | None:
    """Return what a message says of itself, None for nothing yet."""
    if message.send_status in ("FAIL_PERMANENT", "FAIL_RETRIABLE"):
        reason = message.send_reason or ""
        return Delivery(
            state="failed",
            reason=reason.lower() if _WORD.fullmatch(reason) else "unknown",
        )
    # The network's own id instead of the pending one is its word as well.
    if message.send_status == "SUCCESS" or (
        message.send_status is None and message.id not in (None, pending_id)
    ):
        return Delivery(state="delivered")
    return None
